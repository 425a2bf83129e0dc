"""The shortage queue, on the writer thread: items open and close by what journals say.

Nobody types a shortage in. A deficit opens when a store's cells show one and closes when they do
not; units that a store gave back open an item until something stands in for them; money for goods
that will not come opens a refund. `resolving` has what people and rules decide in between.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.order_documents import read
from cloud_hub.ordering.reallocation import end
from cloud_hub.stores.lending import keep_floors
from replication.clock import rfc3339
from replication.escrow import EscrowCounter
from replication.ids import EntryId, entry_id
from replication.journal import Actor
from replication.ledger import PROGRAM
from retail.ordering.allocations import missing
from retail.ordering.order_money import paid_minor, worth_minor
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    Order,
    asked_back,
    called_off,
    is_cancel_requested,
    is_paid,
    was_called_off,
)
from retail.ordering.shortages import (
    SETTLES,
    Action,
    Kind,
    Promise,
    Proposal,
    Resolution,
    Shortage,
    promise_of,
    propose,
)

OPENED: Final = "shortage"
DECIDED: Final = "shortage_decided"
RESOLVED: Final = "shortage_resolved"

PROMISES_LOOKED_AT_MAX: Final = 100
"""Orders read for one proposal: the newest promises, which are the first to be moved."""

_GONE: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.CANCEL_REQUESTED})


def stock_changed(office: HeadOffice, location: str, sku: str, by: EntryId) -> None:
    """After news of a location's stock: a deficit opens, changes, or closes; `by` told the news."""
    deficit = office.ledger.counter(location, sku).deficit()
    known = office.short.get((location, sku))
    if known is None:
        if deficit > 0:
            _open_deficit(office, location, sku, deficit)
        return
    item = load(office, known)
    if deficit == 0:
        close(office, item, PROGRAM, how=f"the deficit is worked off by {by}")
    elif item.state == "open" or not _is_under_way(office, item):
        now = _covered_by_rule(
            office,
            msgspec.structs.replace(
                item,
                state="open",
                units=deficit,
                proposal=_proposal(office, location, sku, deficit),
                resolution=None,
            ),
        )
        if now != item:
            keep(office, now)


def look_again(office: HeadOffice, sku: str) -> None:
    """Stock of a SKU changed somewhere: what is proposed about it at other places may be old."""
    rows = office.connection.execute(
        "SELECT data FROM shortage WHERE state = 'open' AND sku = ?", (sku,)
    ).fetchall()
    for (data,) in rows:
        item = msgspec.json.decode(str(data), type=Shortage)
        now = item
        if item.kind == "deficit":
            now = msgspec.structs.replace(
                item, proposal=_proposal(office, *place_of(item), item.units)
            )
            now = _covered_by_rule(office, now)
        elif item.kind == "unfulfilled":
            now = msgspec.structs.replace(item, proposal=_proposal_for(office, item))
        if now != item:
            keep(office, now)


def rights_changed(
    office: HeadOffice, places: Iterable[tuple[str, str]], by: EntryId | None = None
) -> None:
    """The hub released or promised units: where its location is short, that is looked at at once.

    What came back goes to the store, and covers; a promise is one more that may have to be moved.
    `by` is the entry that brought it about, by default the hub's last one.
    """
    for location, sku in sorted(set(places)):
        if (location, sku) in office.short:
            keep_floors(office, office.living_writer(location), [sku])
            last = entry_id(office.ledger.writer, office.ledger.head.seq)
            stock_changed(office, location, sku, by or last)


def order_changed(office: HeadOffice, order: Order, *, heard: Sequence[Allocation] = ()) -> None:
    """After news of an order: units that nobody keeps any more, and money that is owed back.

    `heard` are parts that a location has just told of. Where the whole was asked back, that was
    decided of those parts as well. What a location calls off by itself will not come either.
    """
    items = {(one.kind, one.allocation): one for one in of_order(office, order.id, of_goods=True)}
    refund = items.get(("refund", None))
    if order.status is OrderStatus.CANCELLED:
        if refund is None and is_paid(order) and not _kept(order):
            _open_refund(office, order)
    elif refund is not None and refund.state != "resolved":
        close(office, refund, PROGRAM, how=f"not owed: the order is {order.status} after all")
    if order.status in _GONE:
        for item in items.values():
            if item.kind == "unfulfilled" and item.state != "resolved":
                close(office, item, PROGRAM, how=f"the order is {order.status}")
        return
    asked = asked_back(order)
    asked |= {part.id for part in heard if part.part_of in asked}
    asked |= called_off(order)
    for one in missing(order):
        unfulfilled = items.get(("unfulfilled", one.id))
        if {(kind, one.id) for kind in SETTLES} & items.keys():
            continue
        if one.id in asked or was_called_off(order):
            if unfulfilled is not None and unfulfilled.state != "resolved":
                close(office, unfulfilled, PROGRAM, how="the order is called off")
            withdraw(office, order, one)
        elif unfulfilled is None:
            _open_unfulfilled(office, order, one)


def withdraw(office: HeadOffice, order: Order, one: Allocation) -> None:
    """Units of an order that nobody keeps will not come: end it, or settle that part."""
    settled = {item.allocation for item in of_order(office, order.id) if item.kind in SETTLES}
    is_last = not _kept(order) and all(
        other.id in settled for other in missing(order) if other.id != one.id
    )
    if is_last:
        order = end(office, order, EventType.CANCELLED, PROGRAM)
        order_changed(office, order)
    if not is_last or not is_paid(order):
        open_line(office, order, one)


def _kept(order: Order) -> bool:
    return any(one.state != "released" for one in order.allocations)


def load(office: HeadOffice, shortage: str) -> Shortage:
    """One item that is known to exist."""
    found = find(office, shortage)
    assert found is not None, f"{shortage} is open and has no row"
    return found


def find(office: HeadOffice, shortage: str) -> Shortage | None:
    """One item, or None."""
    row = office.connection.execute(
        "SELECT data FROM shortage WHERE id = ?", (shortage,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(str(row[0]), type=Shortage)


def of_order(office: HeadOffice, order: str, *, of_goods: bool = False) -> list[Shortage]:
    """The items about one order, oldest first; `of_goods`: without those about a payment alone."""
    rows = office.connection.execute(
        "SELECT data FROM shortage WHERE order_id = ? ORDER BY number", (order,)
    )
    items = [msgspec.json.decode(str(data), type=Shortage) for (data,) in rows]
    return [one for one in items if one.payment is None] if of_goods else items


def open_items(office: HeadOffice) -> list[Shortage]:
    """The items that wait for a decision, oldest first."""
    rows = office.connection.execute(
        "SELECT data FROM shortage WHERE state = 'open' ORDER BY number"
    )
    return [msgspec.json.decode(str(data), type=Shortage) for (data,) in rows]


def keep(office: HeadOffice, item: Shortage) -> None:
    """Write an item's row as it is now."""
    office.news.tell("shortages")
    office.connection.execute(
        "UPDATE shortage SET state = ?, data = ? WHERE id = ?",
        (item.state, msgspec.json.encode(item).decode(), item.id),
    )


def close(office: HeadOffice, item: Shortage, actor: Actor, *, how: str) -> tuple[EntryId, bytes]:
    """An item is settled; the entry, and its record, say how."""
    at = rfc3339(office.ledger.now_ms)
    decided = item.resolution or Resolution(action=None, by=actor.person, at=at)
    closed = msgspec.structs.replace(
        item,
        state="resolved",
        resolved_at=at,
        resolution=msgspec.structs.replace(decided, how=how),
    )
    keep(office, closed)
    if item.kind == "deficit":
        office.short.pop(place_of(item), None)
    record = msgspec.json.encode(closed)
    entry = office.ledger.append(RESOLVED, record, actor=actor, reference=item.id, reason=how)
    return entry, record


def place_of(item: Shortage) -> tuple[str, str]:
    """The location and SKU of an item about goods."""
    assert item.location is not None, "goods stand somewhere"
    assert item.sku is not None, "goods have a SKU"
    return item.location, item.sku


def offers(office: HeadOffice, sku: str, besides: str) -> dict[str, int]:
    """What the hub may promise of a SKU at the other locations, without asking them."""
    product = office.catalogue[sku]
    return {
        counter.location: office.sellable_online(counter, product)
        for counter in office.counters_of(sku)
        if counter.location != besides
    }


def promises(office: HeadOffice, location: str, sku: str) -> list[Promise]:
    """What the location keeps for orders and was not asked for yet, the newest of it."""
    rows = office.connection.execute(
        "SELECT id, order_id FROM allocation "
        "WHERE location = ? AND sku = ? AND state = 'committed' ORDER BY position DESC LIMIT ?",
        (location, sku, PROMISES_LOOKED_AT_MAX),
    ).fetchall()
    found: list[Promise] = []
    for allocation, order_id in rows:
        order = read(office, str(order_id))
        one = next(one for one in order.allocations if one.id == allocation)
        if not is_cancel_requested(order) and one.id not in asked_back(order):
            found.append(promise_of(order, one))
    return found


def _open_deficit(office: HeadOffice, location: str, sku: str, deficit: int) -> None:
    item = open_item(
        office, "deficit", deficit, location=location, sku=sku,
        proposal=_proposal(office, location, sku, deficit),
    )  # fmt: skip
    office.short[location, sku] = item.id
    keep(office, _covered_by_rule(office, item))


def _proposal(office: HeadOffice, location: str, sku: str, units: int) -> Proposal:
    counter = office.ledger.counter(location, sku)
    return propose(
        units,
        quota_online=_on_its_way(office, counter) + office.quota(location, sku),
        promises=promises(office, location, sku),
        offers=offers(office, sku, location),
    )


def _on_its_way(office: HeadOffice, counter: EscrowCounter) -> int:
    """Rights of the store that it has not covered its deficit with yet: it does when it hears.

    Those of its registers too, which it asks back as soon as they are heard; but not of one that is
    gone, whose rights are frozen.
    """
    gone = office.connection.execute(
        "SELECT writer FROM register WHERE location = ? AND state <> 'living'", (counter.location,)
    )
    frozen = sum(max(0, counter.quota(str(writer))) for (writer,) in gone)
    return max(0, office.quota_store(counter) - frozen)


def _covered_by_rule(office: HeadOffice, item: Shortage) -> Shortage:
    """Cover is no decision: the hub has given what it had, and the store takes it when it hears."""
    if item.proposal is None or item.proposal.action is not Action.COVER:
        return item
    return msgspec.structs.replace(
        item,
        state="resolving",
        resolution=Resolution(
            action=Action.COVER,
            by="program",
            at=rfc3339(office.ledger.now_ms),
            location=item.location,
        ),
    )


def _is_under_way(office: HeadOffice, item: Shortage) -> bool:
    """Whether what was decided about a deficit can still end it."""
    decided = item.resolution
    if decided is None:
        return False
    match decided.action:
        case Action.COVER:
            return _on_its_way(office, office.ledger.counter(*place_of(item))) > 0
        case Action.COUNT:
            # Once something is promised there again, there is more to do than to wait for a count.
            return not promises(office, *place_of(item))
        case _:
            row = office.connection.execute(
                "SELECT state FROM allocation WHERE id = ?", (decided.allocation,)
            ).fetchone()
            return row is not None and row[0] == "committed"


def _open_unfulfilled(office: HeadOffice, order: Order, one: Allocation) -> None:
    open_item(
        office, "unfulfilled", one.quantity, location=one.location, sku=one.sku,
        order=order.id, allocation=one.id, proposal=_in_its_place(office, order, one),
    )  # fmt: skip


def _proposal_for(office: HeadOffice, item: Shortage) -> Proposal:
    assert item.order is not None, "it was given back by an order"
    order = read(office, item.order)
    one = next(one for one in order.allocations if one.id == item.allocation)
    return _in_its_place(office, order, one)


def _in_its_place(office: HeadOffice, order: Order, one: Allocation) -> Proposal:
    """What could stand in for units that a location gave back."""
    return propose(
        one.quantity,
        quota_online=0,
        promises=[promise_of(order, one)],
        offers=offers(office, one.sku, one.location),
    )


def _open_refund(office: HeadOffice, order: Order) -> None:
    """The whole order is off: what was paid goes back, less what went back by line."""
    items = of_order(office, order.id)
    paid = paid_minor(order, items)
    paid_back = sum(one.amount_minor or 0 for one in items if one.payment is None)
    open_item(
        office, "refund", 1, order=order.id, amount_minor=max(0, paid - paid_back),
        currency=order.currency,
        notice=f"Order {order.number} is cancelled; what you paid goes back to you.",
        proposal=Proposal(action=Action.REFUND, units=1, why="paid and cancelled", order=order.id),
    )  # fmt: skip


def open_line(office: HeadOffice, order: Order, one: Allocation) -> None:
    """Some units will not come: what was paid for them goes back, and the customer is told."""
    amount_minor = worth_minor(order, of_order(office, order.id), one)
    paid = is_paid(order) and amount_minor != 0
    goods = f"{one.quantity} x {one.sku} of order {order.number}"
    money = "what you paid for it goes back to you" if paid else "you do not owe it"
    open_item(
        office, "refund" if paid else "notice", one.quantity, location=one.location, sku=one.sku,
        order=order.id, allocation=one.id,
        amount_minor=amount_minor if paid else None,
        currency=order.currency if paid else None,
        notice=f"{goods} cannot be delivered; {money}.",
        proposal=Proposal(
            action=Action.REFUND if paid else Action.NOTIFY, units=one.quantity,
            why="paid and not deliverable" if paid else "not deliverable", order=order.id,
            allocation=one.id,
        ),
    )  # fmt: skip


def open_item(  # noqa: PLR0913 - an item's own fields
    office: HeadOffice,
    kind: Kind,
    units: int,
    *,
    proposal: Proposal,
    location: str | None = None,
    sku: str | None = None,
    order: str | None = None,
    allocation: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    notice: str | None = None,
    payment: str | None = None,
) -> Shortage:
    """Open an item: its entry, then its row."""
    ledger = office.ledger
    item = Shortage(
        id=entry_id(ledger.writer, ledger.next_seq),
        kind=kind,
        state="open",
        units=units,
        location=location,
        sku=sku,
        order=order,
        allocation=allocation,
        amount_minor=amount_minor,
        currency=currency,
        notice=notice,
        opened_at=rfc3339(ledger.now_ms),
        proposal=proposal,
        resolution=None,
        resolved_at=None,
        payment=payment,
    )
    record = msgspec.json.encode(item)
    number = ledger.next_seq
    ledger.append(OPENED, record, reference=order or "", reason=proposal.why)
    office.news.tell("shortages")
    office.connection.execute(
        "INSERT INTO shortage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            item.id, number, kind, item.state, location, sku, order, allocation,
            record.decode(),
        ),
    )  # fmt: skip
    return item
