"""What the journals held here say, in pages: sales and movements, each exactly once.

Pages follow the order of arrival, so that an export that keeps its cursor misses nothing that comes
late: a sale of a store that was cut off arrives at the end, whatever its date.
"""

from collections.abc import Container
from heapq import merge
from typing import Final

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.ids import WriterId, entry_id, parse_entry_id
from replication.journal import EntryBody, Movement, movements_of
from retail.selling.sales import Name
from web.lives import RECOVERED_SALE
from web.paging import Cursor, Page, Paged

SALE_KIND: Final = "sale"

SALE_KINDS: Final = (SALE_KIND, RECOVERED_SALE)
"""Entries whose record is a sale: its writer's own, or of whoever booked it in that one's place."""

_decode = msgspec.json.Decoder(EntryBody).decode
_ARRIVAL: Final = Cursor(tuple[int])
_MOVE: Final = Cursor(tuple[int, int])


SALES_SCANNED_MAX: Final = 20_000
"""Sales that one page looks through for a customer's, for 0.1 s. Beyond it the page ends, with a
cursor."""


class SalesQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which sales; all when nothing is given.

    `customer` finds what somebody bought who has lost the receipt; such a page may have fewer sales
    than its limit and a cursor.
    """

    location: str | None = None
    customer: Name | None = None


class MovementsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which movements; all when nothing is given."""

    location: str | None = None
    writer: str | None = None


def sales_page(
    store: ReplicaStore,
    query: SalesQuery,
    again: Container[str] = (),
    told_otherwise: Container[str] = (),
) -> Paged[msgspec.Raw]:
    """Sales in the order in which they became known here.

    `again` are entries that tell a sale once more, and are left out. `told_otherwise` are entries
    of sales whose id another sale has: here they have the entry's own, so that each id is one's.
    """
    place = _ARRIVAL.decode(query.cursor)
    whose = None if query.customer is None else msgspec.json.encode(query.customer)
    items: list[msgspec.Raw] = []
    arrival = 0
    of_kinds = [
        store.entries_of(
            arrived_from=place[0] + 1 if place else 0,
            kind=kind,
            location=query.location,
            writer=None,
        )
        for kind in SALE_KINDS
    ]
    for scanned, (arrived, body) in enumerate(merge(*of_kinds)):
        is_theirs = whose is None or b'"customer_id":' + whose in body
        if scanned == SALES_SCANNED_MAX or (is_theirs and len(items) == query.limit):
            return Paged(items=items, next_cursor=_ARRIVAL.encode((arrival,)))
        if is_theirs:
            entry = _decode(body)
            told_by = _place(entry)
            if told_by not in again:
                is_other = told_by in told_otherwise
                items.append(_under(told_by, entry.record) if is_other else entry.record)
        arrival = arrived
    return Paged(items=items, next_cursor=None)


def _under(sale_id: str, record: bytes) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(msgspec.json.decode(record) | {"id": sale_id}))


def sale_record(store: ReplicaStore, sale_id: str) -> bytes | None:
    """One sale's JSON, with the id that it has in lists; or None."""
    entry = sale_entry(store, sale_id)
    if entry is None:
        return None
    is_its_own = entry.kind == SALE_KIND or listed_id(store, entry) == entry.reference
    return bytes(entry.record if is_its_own else _under(_place(entry), entry.record))


def listed_id(store: ReplicaStore, entry: EntryBody) -> str:
    """The id of a sale that somebody has booked in its writer's place.

    It is the one that the writer gave it; where another sale has that, it is the entry's own.
    """
    assert entry.kind == RECOVERED_SALE, "a writer's own sale is where its id says"
    first = sale_entry(store, entry.reference)
    is_first = first is None or contents_of(first.record) == contents_of(entry.record)
    return entry.reference if is_first else _place(entry)


def _place(entry: EntryBody) -> str:
    return entry_id(WriterId(entry.writer), entry.seq)


def contents_of(record: bytes | msgspec.Raw) -> bytes:
    """What a sale says, however it is written down."""
    return msgspec.json.encode(msgspec.json.decode(record), order="sorted")


def sale_entry(store: ReplicaStore, sale_id: str) -> EntryBody | None:
    """The entry of a sale, or None.

    Its id is its place in the journal, unless that is not here and somebody else has booked it.
    """
    place = parse_entry_id(sale_id)
    body = store.load_body(*place) if place else None
    entry = _decode(body) if body else None
    if entry is not None and entry.kind in SALE_KINDS:
        return entry
    recovered = store.entries_of(arrived_from=0, kind=RECOVERED_SALE, location=None, writer=None)
    told = (_decode(body) for _, body in recovered)
    return next((one for one in told if one.reference == sale_id), None) if place else None


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
