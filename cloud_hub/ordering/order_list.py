"""The order queue as a list: by status, place and text, from either end, in pages."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from replication.adapters.sqlite import ReplicaStore
from retail.selling.sales import LocationId
from web.paging import Cursor, Page, Paged

ORDERS_SCANNED_MAX: Final = 5_000
"""Orders that one page may look through, for 0.15 s. Beyond it the page ends, with a cursor."""

_NUMBER: Final = Cursor(tuple[int])
_TYPED_NUMBER: Final = re.compile(r"([Ww]-)?0*([0-9]{1,15})")

_SHOWN: Final = (
    "number = :number OR id = :text"
    " OR instr(lower(concat_ws(char(10), json_extract(data, '$.customer'),"
    " json_extract(data, '$.contact'), json_extract(data, '$.fulfilment.address'),"
    " json_extract(data, '$.pickup_code'))), lower(:text))"
    " OR EXISTS (SELECT 1 FROM json_each(data, '$.lines') AS line"
    " WHERE instr(lower(concat_ws(char(10), line.value ->> 'sku', line.value ->> 'name')),"
    " lower(:text)))"
)
"""Whether a text is in what people know of an order, and not in the words around it."""

_WRITTEN: Final = "number = :number OR instr(lower(data), lower(:written))"
"""Whether it is in the order's JSON at all: a tenth of the work, and mostly the last of it."""

_SOLD: Final = "data ->> '$.sold_at' = :sold_at"

_THERE: Final = "EXISTS (SELECT 1 FROM allocation WHERE order_id = :id AND location = :location)"


class OrdersQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders in one status, of one location, with a text; all, oldest first, without them.

    `location` is where units are kept or were, `sold_at` whose till sold it. `text` is an order's
    number or id, or a part of a SKU, a product's name, a customer, an address or a pick-up code. A
    page may have fewer orders than its limit and a cursor: it stopped looking after many that do
    not match.
    """

    status: str | None = None
    location: LocationId | None = None
    sold_at: LocationId | None = None
    text: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    newest: bool = False


def orders_page(store: ReplicaStore, query: OrdersQuery) -> Paged[msgspec.Raw]:
    """A page of the queue."""
    items: list[msgspec.Raw] = []
    last = 0
    for scanned, (number, data) in enumerate(_rows(store, query)):
        is_full = data is not None and len(items) == query.limit
        if is_full or scanned == ORDERS_SCANNED_MAX:
            return Paged(items=items, next_cursor=_NUMBER.encode((last,)))
        last = number
        if data is not None:
            items.append(msgspec.Raw(data.encode()))
    return Paged(items=items, next_cursor=None)


def _rows(store: ReplicaStore, query: OrdersQuery) -> Iterator[tuple[int, str | None]]:
    """Numbers of orders in turn, each with its JSON when it matches."""
    text = None if query.text is None else query.text.strip() or query.text
    typed = None if text is None else _TYPED_NUMBER.fullmatch(text)
    place = _NUMBER.decode(query.cursor)
    side, direction = ("<", "DESC") if query.newest else (">", "ASC")
    # Each condition stands there only when it is asked for: so the indexes are used.
    among = [f"number {side} :after"] if place else []
    among += ["status = :status"] if query.status is not None else []
    found = ["id = :id"]
    found += [_THERE] if query.location is not None else []
    found += [_SOLD] if query.sold_at is not None else []
    if typed is not None and typed[1]:
        among.append("number = :number")
    elif text is not None:
        found += [_WRITTEN, _SHOWN]
    bound = {
        "after": place[0] if place else None,
        "status": query.status,
        "location": query.location,
        "sold_at": query.sold_at,
        "text": text,
        "written": None if text is None else msgspec.json.encode(text).decode()[1:-1],
        "number": int(typed[2]) if typed else None,
        "limit": ORDERS_SCANNED_MAX + 1,
    }
    execute = store.connection.execute
    # The first reads an index alone; JSON is read of what it finds, and no further than the page.
    sought = execute(
        f"SELECT number, id FROM online_order WHERE {' AND '.join(among) or 'TRUE'} "  # noqa: S608 - our own texts
        f"ORDER BY number {direction} LIMIT :limit",
        bound,
    )
    matches = " AND ".join(f"({one})" for one in found)
    for number, order in sought:
        row = execute(
            f"SELECT data FROM online_order WHERE {matches}",  # noqa: S608 - our own texts
            {**bound, "id": order},
        ).fetchone()
        yield int(str(number)), None if row is None else str(row[0])
