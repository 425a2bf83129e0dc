"""A store's journal on its way into the hub, on the writer thread.

A batch is verified against the last entry held (no gap, unbroken chain, own cells only), stored
verbatim, and folded: cells by `max`, orders by their events. All of it is one commit; only then is
it acknowledged.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cloud_hub import drafts, order_events, resolving, returns_heard, shortages, transfers
from cloud_hub.allowances import hand_out
from cloud_hub.head_office import HeadOffice
from cloud_hub.lending import keep_floors
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import WriterId, entry_id, is_allowance, place_of, replica_of
from replication.journal import Entry, EntryBody, Head, decode_body, verify

_BY_KIND: Final[Mapping[str, Callable[[HeadOffice, EntryBody], None]]] = {
    "fulfilment": order_events.hear_from_store,
    "release": order_events.hear_from_store,
    "short_pick": order_events.hear_from_store,
    "uncollected": order_events.hear_from_store,
    "order_event": order_events.hear_from_store,
    "order_payment": order_events.hear_payment,
    "return": returns_heard.hear,
    "return_rejected": returns_heard.hear,
    "inspection": returns_heard.hear,
    "product_draft": drafts.hear,
    "transfer": transfers.hear,
    "transfer_shipped": transfers.hear,
    "transfer_received": transfers.hear,
}
"""What the hub does about an entry besides storing it and merging its cells."""


class Folded(NamedTuple):
    """How far the hub now has the journal, and quota that it hands back because of the news."""

    head: Head
    given: list[CellChange]


def fold(office: HeadOffice, writer: WriterId, entries: Sequence[Entry]) -> Folded:
    """Store and merge consecutive entries of one gateway; what is held already changes nothing.

    Raises:
        PeerViolation: they do not continue its journal, or break a rule; nothing of them is kept.
    """
    office.check_living(writer)
    location = replica_of(writer)
    known, news = _known(office, writer, entries)
    if not news:
        return Folded(known, [])
    bodies, head = verify(office.head_of(writer), writer, news)
    touched: dict[str, int] = {}
    given: dict[str, int] = {}
    for body in bodies:
        for change in body.cells:
            place = place_of(change.sku, location)
            if change.location != place:
                raise PeerViolation(f"{writer} wrote a cell of {change.location}")
            office.ledger.counter(place, change.sku).merge_cell(change.key, change.value)
            office.ledger.journalled(place, change.sku)
            touched[change.sku] = body.seq
            if change.table == Table.GRANTED:
                given[change.sku] = change.value
    for sku in touched:
        counter = office.ledger.counter(place_of(sku, location), sku)
        # A grant travels ahead of its entry: what the journal has not told yet is not missing from
        # what it has spent. After a restart of the hub, all it granted before counts as untold.
        told = given.get(sku, office.told_grants.get((writer, sku), 0))
        ahead = counter.value(Table.GRANTED, writer, office.ledger.writer) - told
        if counter.quota(writer) + ahead < 0:
            raise PeerViolation(f"{writer} spent more of {sku} than it had (E1)")
    office.store.store_entries(
        [
            (body.writer, body.seq, body.kind, entry.hash, entry.body)
            for body, entry in zip(bodies, news, strict=True)
        ]
    )
    for body in bodies:
        if (hear := _BY_KIND.get(body.kind)) is not None:
            hear(office, body)
    office.ledger.folded(len(bodies))
    office.heads[writer] = head
    office.told_grants.update({(writer, sku): value for sku, value in given.items()})
    office.ledger.clock.observe(bodies[-1].stamp, office.ledger.now_ms)
    heard(office, location)
    stock = {sku: seq for sku, seq in touched.items() if not is_allowance(sku)}
    handed_back = keep_floors(office, writer, stock)
    if len(stock) < len(touched):
        handed_back += hand_out(office, writer, touched.keys() - stock.keys())
    for sku, seq in stock.items():
        shortages.stock_changed(office, location, sku, entry_id(writer, seq))
        shortages.look_again(office, sku)
    resolving.settle_by_rule(office)
    return Folded(head, handed_back)


def _known(
    office: HeadOffice, writer: WriterId, entries: Sequence[Entry]
) -> tuple[Head, Sequence[Entry]]:
    """The last of those at the front that are held already, by their hashes, and the rest (E3).

    A store's new link may send again what its old one still brought in.
    """
    known = office.head_of(writer)
    for number, entry in enumerate(entries):
        seq = decode_body(entry.body).seq
        if seq > office.head_of(writer).seq or office.store.load_hash(writer, seq) != entry.hash:
            return known, entries[number:]
        known = Head(seq, entry.hash)
    return known, ()


def heard(office: HeadOffice, location: str) -> None:
    """Note when a location was last heard, with whatever it said."""
    office.connection.execute(
        "UPDATE location SET last_heard_ms = ? WHERE id = ?", (office.ledger.now_ms, location)
    )
