"""A store's journal on its way into the hub, on the writer thread.

A batch is verified against the last entry held (no gap, unbroken chain, own cells only), stored
verbatim, and folded: cells by `max`, orders by their events. What it carries of the store's
registers is verified, stored and folded the same way, as entries of their own journals. All of it
is one commit; only then is it acknowledged.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import asked, counted, frozen, registers_heard, tails, trucks, twice, unheard
from cloud_hub.lives.hearing import Heard, check_rights, hear, merge
from cloud_hub.ordering import order_events, resolving, shortages
from cloud_hub.prices.allowances import hand_out, keep_limits
from cloud_hub.products import drafts
from cloud_hub.returning import returns_heard
from cloud_hub.stock import transfers
from cloud_hub.stores.lending import keep_floors
from replication.escrow import CellChange, Spent, Table, levels_of
from replication.ids import WriterId, entry_id, is_allowance, location_of
from replication.journal import Entry, EntryBody, Head, after_held
from web.journal_pages import SALE_KIND
from web.lives import (
    EARLIER_HEARD,
    RECOVERED_SALE,
    REGISTER_ENROLLED,
    REGISTER_LOST,
    REGISTER_REPORTED,
    SEALED,
    TOLD_TWICE,
)

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
    "transfer_shipped": trucks.hear,
    "transfer_received": trucks.hear,
    counted.COUNT_LINE: counted.hear_lines,
    counted.COUNT_CLOSED: twice.hear_count,
    counted.COUNT_CANCELLED: twice.hear_count,
    REGISTER_ENROLLED: registers_heard.hear,
    REGISTER_LOST: registers_heard.hear,
    REGISTER_REPORTED: registers_heard.hear,
    SALE_KIND: twice.hear_sale,
    RECOVERED_SALE: twice.hear_recovered,
    TOLD_TWICE: twice.hear_booked,
    EARLIER_HEARD: unheard.hear,
    SEALED: tails.hear_sealed,
}
"""What the hub does about an entry besides storing it and merging its cells."""


class Folded(NamedTuple):
    """How far the hub now has the journal, and quota that it hands back because of the news.

    `is_tail`: its writer was replaced.
    """

    head: Head
    given: list[CellChange]
    is_tail: bool = False


def fold(office: HeadOffice, writer: WriterId, entries: Sequence[Entry]) -> Folded:
    """Store and merge consecutive entries of one gateway; what is held already changes nothing.

    Of a gateway that was replaced these are its last entries (`cloud_hub.lives.tails`).

    Raises:
        PeerViolation: they do not continue its journal, or break a rule; nothing of them is kept.
    """
    is_living, location = office.is_living(writer), location_of(writer)
    if not is_living:
        tails.check_open(office, writer)
    load_hash = partial(office.store.load_hash, writer)
    known, news = after_held(office.head_of(writer), entries, load_hash)
    if not news:
        return Folded(known, [], is_tail=not is_living)
    unsure = unheard.came(office, location)
    told = hear(office, writer, news)
    touched = merge(office, told)
    if is_living:
        check_rights(office, touched)
    _keep(office, told)
    if not is_living:
        tails.settle(office, writer, told, unsure)
        return Folded(told.heads[writer], [], is_tail=True)
    heard(office, location, office.ledger.now_ms)
    sure = unsure - unheard.came(office, location)
    return Folded(told.heads[writer], _after(office, writer, told, touched, sure))


def _keep(office: HeadOffice, told: Heard) -> None:
    """Store what was heard, and do what follows from each entry by its kind."""
    office.store.store_entries(
        [
            (body.writer, body.seq, body.kind, entry.hash, entry.body)
            for body, entry in zip(told.bodies, told.entries, strict=True)
        ]
    )
    office.heads.update(told.heads)
    for body in told.bodies:
        hear_of = _BY_KIND.get(body.kind)
        if hear_of is not None and not asked.is_told_again(office, body):
            hear_of(office, body)
        asked.hear(office, body)
    office.ledger.folded(len(told.bodies))
    office.ledger.clock.observe(told.bodies[-1].stamp, office.ledger.now_ms)


def _after(
    office: HeadOffice,
    writer: WriterId,
    told: Heard,
    touched: Mapping[tuple[WriterId, str], int],
    sure: set[str],
) -> list[CellChange]:
    """What the hub does about a living gateway's stock; returns quota that it hands back.

    Of what is `sure` now it is known that the gateway has heard all.
    """
    location = location_of(writer)
    by = {sku: entry_id(whose, seq) for (whose, sku), seq in touched.items()}
    tails.settle_others(office, told)
    if office.has_fenced(location) and (again := _undone(told.bodies)):
        frozen.concede(office, writer, again, levels_only=True)
    if office.has_fenced(location) and (late := _healed(office, told.bodies) | sure):
        healed = tails.heal(office, location, late)
        tails.tell_earlier(office, location, healed)
        by |= dict.fromkeys(healed, entry_id(writer, told.heads[writer].seq))
    if owing := _of_allowances(told.bodies):
        frozen.settle_allowances(office, writer, owing)
        tails.tell_earlier(office, location, owing)
    by |= {one.sku: entry_id(writer, told.heads[writer].seq) for one in told.witnessed}
    stock = {sku: place for sku, place in by.items() if not is_allowance(sku)}
    handed_back = keep_floors(office, writer, stock)
    if len(stock) < len(by):
        keep_limits(office, by.keys() - stock.keys())
        handed_back += hand_out(office, writer, by.keys() - stock.keys())
    for sku, place in stock.items():
        shortages.stock_changed(office, location, sku, place)
        shortages.look_again(office, sku)
    resolving.settle_by_rule(office)
    return handed_back


def _undone(bodies: Sequence[EntryBody]) -> set[str]:
    """SKUs of which entries end what was set aside: a replaced box may have done so too."""
    return {
        change.sku
        for body in bodies
        for change in body.cells
        for level, sign in levels_of(change.table, change.detail)
        if sign < 0 and level not in {"held", "deficit"}  # each box has these of its own
    }


def _of_allowances(bodies: Sequence[EntryBody]) -> set[str]:
    """Allowances of which units were conceded to registers, or covered."""
    return {
        one.sku
        for body in bodies
        for one in body.cells
        if is_allowance(one.sku) and (one.table == Table.CONCEDED or one.detail == Spent.COVERED)
    }


def _healed(office: HeadOffice, bodies: Sequence[EntryBody]) -> set[str]:
    """SKUs of which something of an earlier box can be settled by what a living one has told."""
    booked = {sku for body in bodies if body.kind == TOLD_TWICE for sku, _ in body.moves}
    cells = [change for body in bodies for change in body.cells if change.detail == Spent.COVERED]
    return booked | {
        one.sku for one in cells if office.ledger.counter(one.location, one.sku).deficit() < 0
    }


def heard(office: HeadOffice, location: str, at_ms: int) -> None:
    """Note when a location was last heard, with whatever it said."""
    office.connection.execute(
        "UPDATE location SET last_heard_ms = ? WHERE id = ?", (at_ms, location)
    )
