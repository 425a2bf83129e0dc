"""What the journals held here say, in pages: sales and movements, each exactly once.

Pages follow the order of arrival, so that an export that keeps its cursor misses nothing that comes
late: a sale of a store that was cut off arrives at the end, whatever its date.
"""

from typing import Final

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.ids import parse_entry_id
from replication.journal import EntryBody, Movement, movements_of
from web.paging import Cursor, Page, Paged

SALE_KIND: Final = "sale"

_decode = msgspec.json.Decoder(EntryBody).decode
_ARRIVAL: Final = Cursor(tuple[int])
_MOVE: Final = Cursor(tuple[int, int])


class SalesQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which sales; all when nothing is given."""

    location: str | None = None


class MovementsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which movements; all when nothing is given."""

    location: str | None = None
    writer: str | None = None


def sales_page(store: ReplicaStore, query: SalesQuery) -> Paged[msgspec.Raw]:
    """Sales in the order in which they became known here."""
    place = _ARRIVAL.decode(query.cursor)
    items: list[msgspec.Raw] = []
    arrival = 0
    for arrived, body in store.entries_of(
        arrived_from=place[0] + 1 if place else 0,
        kind=SALE_KIND,
        location=query.location,
        writer=None,
    ):
        if len(items) == query.limit:
            return Paged(items=items, next_cursor=_ARRIVAL.encode((arrival,)))
        items.append(_decode(body).record)
        arrival = arrived
    return Paged(items=items, next_cursor=None)


def sale_record(store: ReplicaStore, sale_id: str) -> bytes | None:
    """One sale's JSON, or None: its id is its place in the journal."""
    place = parse_entry_id(sale_id)
    body = store.load_body(*place) if place else None
    entry = _decode(body) if body else None
    return bytes(entry.record) if entry is not None and entry.kind == SALE_KIND else None


def movements_page(store: ReplicaStore, query: MovementsQuery) -> Paged[Movement]:
    """Movements in the order in which they became known here; an entry may have several."""
    arrival, skip = _MOVE.decode(query.cursor) or (0, 0)
    items: list[Movement] = []
    for arrived, body in store.entries_of(
        arrived_from=arrival, kind=None, location=query.location, writer=query.writer
    ):
        first = skip if arrived == arrival else 0
        for number, movement in enumerate(movements_of(_decode(body))[first:], first):
            if len(items) == query.limit:
                return Paged(items=items, next_cursor=_MOVE.encode((arrived, number)))
            items.append(movement)
    return Paged(items=items, next_cursor=None)
