"""The digests of this gateway's tokens travel up in the journal, for whoever takes its place.

Registers and people keep their tokens when the box is replaced: the new one takes over what the
last entry of kind `tokens` says (`gateway.lives.restoring`). A digest gives no token away, and the
hub could let itself in anyway, for it says what is sold here.

`store-gateway token` writes into the file beside the running program. So the table is looked at now
and then, and whenever it is another than the one told last, all of it is told again.
"""

import asyncio
import hashlib
import logging
from contextlib import suppress
from typing import Annotated, Final

import apsw
import msgspec
from msgspec import Meta

from gateway.roles import WRITTEN_OFF
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.adapters.many_rows import insert_rows
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed
from web.lives import TOKENS

log: Final = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""A token that was made within this before a box dies has to be made again."""

TOKENS_MAX: Final = 2_000
"""The newest are told: 400 KB, and more than a shop has tills and people."""

TOLD: Final = "tokens_told"
"""The meta row with the digest of the tokens that were told last."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: whose a token is, and what it is found by."""

    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    id: str
    role: str
    register: str | None
    name: str
    created_at_ms: int


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens of a gateway; the record of an entry of kind `tokens`."""

    tokens: tuple[Token, ...] = ()


NO_TOKENS: Final = msgspec.json.encode(Tokens())


def tokens_of(connection: apsw.Connection) -> Tokens:
    """The tokens that count here, the newest first."""
    rows = connection.execute(
        "SELECT digest, id, role, register, name, created_at_ms FROM token "
        "ORDER BY created_at_ms DESC, id LIMIT ?",
        (TOKENS_MAX,),
    )
    return Tokens(
        tokens=tuple(
            Token(
                digest=digest, id=name, role=role, register=register, name=whose, created_at_ms=at
            )
            for digest, name, role, register, whose, at in rows
        )
    )


def keep_tokens(connection: apsw.Connection, tokens: Tokens) -> None:
    """Let the tokens of an earlier box count here, in the open transaction.

    One that an image of that box still let sell, or that was ended on the image, has ended.
    """
    ended_first = sorted(tokens.tokens, key=lambda one: one.role != WRITTEN_OFF)
    insert_rows(
        connection,
        "INSERT OR IGNORE INTO token VALUES",
        [
            (one.digest, one.id, one.role, one.register, one.name, one.created_at_ms)
            for one in ended_first
        ],
    )


def tell_tokens(shop: Shop) -> None:
    """Journal the tokens where they are others than those told last, on the writer thread."""
    record = _record(shop.connection)
    if not _is_told(shop.store, record):
        shop.ledger.append(TOKENS, record)
        shop.store.set_meta(TOLD, _mark(record))


def end_tokens(shop: Shop, register: str) -> None:
    """Let the tokens that speak for a register only hand over, on the writer thread.

    They are not deleted: it may be found after all, and would sell on if nobody told it.
    """
    shop.connection.execute("UPDATE token SET role = ? WHERE register = ?", (WRITTEN_OFF, register))
    tell_tokens(shop)


def are_told(store: ReplicaStore) -> bool:
    """Whether the tokens that count here are those in the journal; so many as none are."""
    return _is_told(store, _record(store.connection))


def _is_told(store: ReplicaStore, record: bytes) -> bool:
    return (store.meta(TOLD) or _mark(NO_TOKENS)) == _mark(record)


def _record(connection: apsw.Connection) -> bytes:
    return msgspec.json.encode(tokens_of(connection))


def _mark(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()


async def watch_tokens(shop: Shop, writer: GroupCommit, reader: ReplicaStore) -> None:
    """Tell the tokens whenever they have changed, until cancelled. `reader` is the loop's."""
    while True:
        if shop.stopped is None and not are_told(reader):
            with suppress(StorageFailed):  # the next sale says so too
                await writer.submit(lambda: tell_tokens(shop))
        await asyncio.sleep(LOOK_S)
