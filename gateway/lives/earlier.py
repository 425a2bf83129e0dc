"""What the hub last told of the lives before this one, as this box keeps it."""

from typing import Final

import msgspec
from msgspec import structs

from replication.adapters.sqlite import ReplicaStore
from web.lives import EarlierLives

EARLIER: Final = "earlier_lives"
"""The meta row with `EarlierLives`; absent in a location's first box."""


def earlier_of(store: ReplicaStore) -> EarlierLives | None:
    """The lives before this one, as the hub last told of them."""
    known = store.meta(EARLIER)
    return None if known is None else msgspec.json.decode(known, type=EarlierLives)


def remember_lives(store: ReplicaStore, lives: EarlierLives) -> None:
    """Keep what the hub says of the lives before, for whoever asks what may be missing."""
    told_again = structs.replace(lives, tokens=msgspec.Raw(b"null"), orders=[])
    store.set_meta(EARLIER, msgspec.json.encode(told_again).decode())


def are_settled(lives: EarlierLives) -> bool:
    """Whether each was heard to its end, or is answered for."""
    return all(one.state != "open" for one in lives.earlier)


def is_all_known(lives: EarlierLives, fed: int) -> bool:
    """Whether nothing that these have done will be news here; or is answered for.

    `fed` is how far the hub's feed is here: in it is what was heard of them at last.
    """
    return are_settled(lives) and fed >= lives.fed_to
