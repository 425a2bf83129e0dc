"""What registers have to hear: the catalogue, the rules, taxes, settings, and their own grants.

A row of the feed says that something changed and takes a new position; what it is now is read from
its own row when it is sent. Triggers write those rows (`gateway_0010.sql`), so whoever changes a
product or a rule tells the registers, whether it knows of them or not. Read over a connection
beside the writer's: nothing is sent that is not committed.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import apsw

from replication import feed
from replication.feed import FeedItem
from replication.session import BATCH_BYTES_MAX

BATCH_ITEMS_MAX: Final = 500

_ALL_TOLD: Final = tuple(
    f"INSERT OR REPLACE INTO register_feed (kind, key, audience) {rows}"
    for rows in (
        "SELECT name, 'all', '' FROM meta WHERE name IN ('taxes', 'settings')",
        "SELECT kind, id, '' FROM rule",
        "SELECT 'product', sku, '' FROM product ORDER BY sku",
    )
)
"""Settings first, for labels are read by them."""


def tell_all(connection: apsw.Connection) -> None:
    """The first register is enrolled: all that there is becomes news, in the open transaction.

    A second for 200,000 products; while no register was enrolled nothing was noted.
    """
    for statement in _ALL_TOLD:
        connection.execute(statement)


class Batch(NamedTuple):
    """Items to offer, the position up to which they tell all, and how many more there are."""

    items: list[FeedItem]
    cursor: int
    ahead: int


def next_batch(connection: apsw.Connection, writer: str, after: int, ahead: int = 0) -> Batch:
    """The items that a register does not have yet, in commit order.

    `ahead` is what the batch before said of how many more there are; they are counted only where it
    did not: a first catalogue has as many rows to count as it has to send.
    """
    rows = connection.execute(
        "SELECT * FROM (SELECT position, kind, key, data FROM register_feed "
        "WHERE audience = '' AND position > ?1 ORDER BY position LIMIT ?3) "
        "UNION ALL "
        "SELECT * FROM (SELECT position, kind, key, data FROM register_feed "
        "WHERE audience = ?2 AND position > ?1 ORDER BY position LIMIT ?3) "
        "ORDER BY position LIMIT ?3",
        (after, writer, BATCH_ITEMS_MAX),
    ).fetchall()
    items: list[FeedItem] = []
    size, cursor = 0, after
    for position, kind, key, data in rows:
        told = data if isinstance(data, bytes) else _SOURCES[str(kind)](connection, str(key))
        size += len(told)
        if items and size > BATCH_BYTES_MAX:
            break
        cursor = int(str(position))
        items.append(FeedItem(cursor, str(kind), str(key), told))
    if len(items) == len(rows) < BATCH_ITEMS_MAX:
        return Batch(items, cursor, 0)
    left = ahead - len(items)
    return Batch(items, cursor, left if left > 0 else _count(connection, writer, cursor))


def _count(connection: apsw.Connection, writer: str, after: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM register_feed WHERE audience IN ('', ?) AND position > ?",
        (writer, after),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(str(row[0]))


def _one(connection: apsw.Connection, sql: str, *values: str) -> bytes:
    """The text that one row has, or nothing: then the item is a removal."""
    row = connection.execute(sql, values).fetchone()
    return b"" if row is None else str(row[0]).encode()


def _product(connection: apsw.Connection, sku: str) -> bytes:
    return _one(connection, "SELECT data FROM product WHERE sku = ?", sku)


def _rule(kind: str) -> Callable[[apsw.Connection, str], bytes]:
    return lambda connection, key: _one(
        connection, "SELECT data FROM rule WHERE kind = ? AND id = ?", kind, key
    )


def _meta(name: str) -> Callable[[apsw.Connection, str], bytes]:
    return lambda connection, _key: _one(connection, "SELECT value FROM meta WHERE name = ?", name)


_SOURCES: Final[Mapping[str, Callable[[apsw.Connection, str], bytes]]] = {
    feed.PRODUCT: _product,
    feed.PRICE_LIST: _rule(feed.PRICE_LIST),
    feed.PROMOTION: _rule(feed.PROMOTION),
    feed.TAXES: _meta(feed.TAXES),
    feed.SETTINGS: _meta(feed.SETTINGS),
}
