"""Returns as the hub lists them: what shops took, or what is announced, in pages."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from replication.adapters.sqlite import ReplicaStore
from web.paging import Cursor, Page, Paged

_NUMBER: Final = Cursor(tuple[int])

_TABLES: Final = {"taken": "goods_return", "announced": "announced_return"}
Table = Literal["taken", "announced"]
"""What shops took back, and what customers said that they will bring."""


class ReturnsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Returns of one sale or order; all when nothing is given."""

    sale: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


def returns_page(store: ReplicaStore, table: Table, query: ReturnsQuery) -> Paged[msgspec.Raw]:
    """A page, oldest first; what two boxes of a shop have told is in it once."""
    place = _NUMBER.decode(query.cursor)
    rows = store.connection.execute(
        f"SELECT number, data FROM {_TABLES[table]} WHERE number > ?1 "  # noqa: S608 - our own names
        "AND (?2 IS NULL OR sale = ?2) AND id NOT IN (SELECT entry FROM sale_again) "
        "ORDER BY number LIMIT ?3",
        (place[0] if place else 0, query.sale, query.limit + 1),
    ).fetchall()
    items = [msgspec.Raw(str(data).encode()) for _, data in rows[: query.limit]]
    next_cursor = None
    if len(rows) > query.limit:
        next_cursor = _NUMBER.encode((int(str(rows[query.limit - 1][0])),))
    return Paged(items=items, next_cursor=next_cursor)


def one_return(store: ReplicaStore, table: Table, told: str) -> bytes | None:
    """One return's JSON by its id or number, or None."""
    row = store.connection.execute(
        f"SELECT data FROM {_TABLES[table]} WHERE id = ?1 OR data ->> '$.number' = ?1 "  # noqa: S608 - our own names
        "LIMIT 1",
        (told,),
    ).fetchone()
    return None if row is None else str(row[0]).encode()
