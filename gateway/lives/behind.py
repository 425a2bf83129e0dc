"""A gateway of whose journal somebody knows more than it does, on the writer thread.

It sells no more, also after a restart, until it has mended itself (`branching`).
"""

from typing import Final

import msgspec

from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.sqlite import ReplicaStore

PRESENTED: Final = "witness_presented"
"""The meta row with whose word stopped this gateway, across restarts."""

REFUTED: Final = "witness_refuted"
"""The meta row with writers that were presented and never were."""

REFUTED_MAX: Final = 20

BELIEVED_AGAIN_MS: Final = 86_400_000
"""A register whose word made a new incarnation is not believed again for so long."""

BRANCH: Final = "branch"
"""The meta row with the branch that this box hands over (`Handed`)."""


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """Who has shown which witness, and when in wall time.

    `is_marked`: this box has written an entry since, which no copy of it from before has.
    """

    register: str
    witness: str
    at_ms: int
    is_marked: bool = False


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """The branch of this box: where it ends, and what became of it.

    `name` is the incarnation that it was given, null until the hub has all of it; `said` is the
    hub's sentence about it.
    """

    end_seq: int
    name: str | None = None
    exposed_units: int = 0
    said: str = ""


def presented(store: ReplicaStore) -> Presented | None:
    """Whose word stopped this gateway; None where it was not a register's."""
    known = store.meta(PRESENTED)
    return None if known is None else msgspec.json.decode(known, type=Presented)


def stop_behind(shop: Shop, seen: Presented | None) -> None:
    """Sell no more: somebody knows more of this journal than it does; in the open transaction.

    Nothing happens where the hub has refuted the witness since it was looked at. A box that takes
    over still sells nothing anyway, but the hub may have heard of it already, before it was copied.
    """
    is_hub = seen is None
    may_be = {None, StopReason.STORAGE_FAILED} | ({StopReason.RESTORING} if is_hub else set())
    is_unkept = shop.stopped is StopReason.BEHIND_WITNESS and shop.stop_unkept is not None
    if shop.stopped not in may_be and not is_unkept:
        return
    if seen is not None and _of(seen) in refuted(shop.store):
        return
    shop.stop(StopReason.BEHIND_WITNESS)
    if seen is None:
        shop.connection.execute("DELETE FROM meta WHERE name = ?", (PRESENTED,))
    else:
        shop.store.set_meta(PRESENTED, msgspec.json.encode(seen).decode())


def mark(shop: Shop, seen: Presented, nonce: str) -> None:
    """Write an entry of this box's own: a start that finds it stopped leaves none.

    Two copies of one disk that are both stopped would be one box to the hub, and become one.
    """
    if shop.stopped is not StopReason.BEHIND_WITNESS or presented(shop.store) != seen:
        return  # it has heard more since
    shop.ledger.start(nonce)
    marked = msgspec.structs.replace(seen, is_marked=True)
    shop.store.set_meta(PRESENTED, msgspec.json.encode(marked).decode())


def refute(shop: Shop, seen: Presented) -> None:
    """Nobody else knows of what was presented: sell on, and do not believe it again."""
    before = refuted(shop.store)
    now = [*before, _of(seen)][-REFUTED_MAX:]
    shop.store.set_meta(REFUTED, msgspec.json.encode(now).decode())
    shop.connection.execute("DELETE FROM meta WHERE name = ?", (PRESENTED,))
    if shop.stopped is StopReason.BEHIND_WITNESS:
        shop.stop(None)


def _of(seen: Presented) -> str:
    """The writer that was presented."""
    return seen.witness.partition(";")[0]


def refuted(store: ReplicaStore) -> list[str]:
    """Writers that were presented and that the hub never made."""
    return msgspec.json.decode(store.meta(REFUTED) or "[]", type=list[str])


def handed_over(store: ReplicaStore) -> Handed | None:
    """The branch of this box, if it has one."""
    known = store.meta(BRANCH)
    return None if known is None else msgspec.json.decode(known, type=Handed)
