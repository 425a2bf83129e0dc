"""What happens to an online order after it was placed, on the writer thread.

The storefront tells of money and cancels, the stores of goods. Once an allocation has been offered
to its location, only that location's gateway ends its custody (E9): a cancel here is then a
request. What was never offered is released here, at once.
"""

import logging
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import all_back, overpaid, reallocation, shortages, undelivered
from cloud_hub.ordering.custody import mint_for, spend_for, tell_locations, was_offered
from cloud_hub.ordering.order_documents import find, keep_event, load, read
from cloud_hub.prices.allowances import (
    is_unpaid,
    release_cells,
    use_cells,
    uses_held,
    uses_of_order,
)
from replication.clock import rfc3339
from replication.document import EntityDocument
from replication.errors import DocumentCorrupt
from replication.escrow import CellChange, Minted, Spent, latest
from replication.ids import WriterId, entry_id, location_of
from replication.journal import EntryBody
from replication.ledger import PROGRAM
from retail.documents import order_of
from retail.ordering.allocations import new_parts
from retail.ordering.order_payments import PaidOrder
from retail.ordering.order_status import CALLS_OFF, EventType, OrderStatus
from retail.ordering.orders import (
    FULL,
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
    OrderEventRequest,
    OrderLine,
    check_event,
    is_full,
    was_called_off,
)
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

ORDER_EVENT: Final = "order_event"

log: Final = logging.getLogger(__name__)

STORE_ONLY: Final = frozenset(
    {
        EventType.SHIPPED,
        EventType.COLLECTED,
        EventType.UNCOLLECTED,
        EventType.RELEASED,
        EventType.SHORT_PICKED,
    }
)
"""Events that move goods: only the gateway that has custody of them tells those."""

PROGRAM_ONLY: Final = frozenset(
    {
        EventType.PLACED,
        EventType.EXPIRED,
        EventType.CANCEL_REQUESTED,
        EventType.RELEASE_REQUESTED,
    }
)
"""Events that follow from others; nobody sends them."""

CANCELS: Final = frozenset({EventType.CANCELLED, EventType.EXPIRED})
"""Events that end what the hub has custody of, and ask the stores for the rest."""


def tell_event(
    office: HeadOffice, command: Command, order_id: str, request: OrderEventRequest
) -> Outcome:
    """The storefront or back office says what happened to an order."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    document = find(office, order_id)
    if document is None:
        return Problem(Slug.NOT_FOUND, f"There is no order {order_id}.")
    order = order_of(document.fields(), document.events())
    refused = _refused(order, request)
    if refused is not None:
        return refused
    by = command.principal.name
    if request.type is EventType.PAID:
        return Done(201, _take_money(office, document, order, actor=by, command=command))
    done = _write(
        office, document, order, request.type, actor=by, command=command, lines=request.lines
    )
    return Done(201, done)


def _refused(order: Order, request: OrderEventRequest) -> Problem | None:
    if request.type in PROGRAM_ONLY:
        return Problem.invalid(f"{request.type} is not told from outside.", field="$.type")
    if request.type in STORE_ONLY:
        where = ", ".join(sorted({one.location for one in order.allocations}))
        return Problem(Slug.CONFLICT, f"Only the gateway that keeps the goods tells that: {where}.")
    refused = check_event(order, request.type)
    if refused is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": order.status})
    if request.type is EventType.CANCELLED and (useless := _cancels_nothing(order)) is not None:
        return Problem(Slug.CONFLICT, useless, members={"order_status": order.status})
    for field in ("lines", "pickup_code", "handed_over_before"):
        if getattr(request, field) is not None:
            return Problem.invalid(
                "What happens to goods is told in the store.", field=f"$.{field}"
            )
    return None


def _cancels_nothing(order: Order) -> str | None:
    """Why a cancel would do nothing to this order, or None."""
    if not any(one.state in {"held", "committed"} for one in order.allocations):
        return "Nothing of this order is kept any more; there is nothing to cancel."
    # Its custodians are asked already; to ask once more says nothing new.
    return f"{FULL}." if was_called_off(order) and is_full(order) else None


def loans_for(office: HeadOffice, order_id: str) -> dict[str, list[tuple[str, int]]]:
    """What a late payment needs of the stores to find its units again: location -> (SKU, units).

    Asked before the event is told, while the customer waits; without the loans it is refunded.
    """
    document = find(office, order_id)
    loans: dict[str, list[tuple[str, int]]] = {}
    if document is None:
        return loans
    for (location, sku), units in _lacks(office, order_of(document.fields(), document.events())):
        loans.setdefault(location, []).append((sku, units))
    return loans


def uses_for(office: HeadOffice, order_id: str) -> list[str]:
    """The allowances of which a late payment needs a use again that the hub has not got."""
    document = find(office, order_id)
    if document is None:
        return []
    return _uses_gone(office, order_of(document.fields(), document.events()))


def _uses_gone(office: HeadOffice, order: Order) -> list[str]:
    if not is_unpaid(order):
        return []
    uses = uses_of_order(office, order)
    return [] if uses.are_spent else [key for key in uses.keys if uses_held(office, key) <= 0]


def _lacks(office: HeadOffice, order: Order) -> list[tuple[tuple[str, str], int]]:
    """Units released since that an unpaid order would need again, and the hub may not promise."""
    if order.payment != "pending":
        return []
    wanted: dict[tuple[str, str], int] = {}
    for one in order.allocations:
        if one.state == "released":
            place = (one.location, one.sku)
            wanted[place] = wanted.get(place, 0) + one.quantity
    own = {
        (location, sku): office.sellable_online(
            office.ledger.counter(location, sku), office.catalogue[sku]
        )
        for location, sku in wanted
    }
    return [(place, units - own[place]) for place, units in wanted.items() if units > own[place]]


def _take_money(
    office: HeadOffice,
    document: EntityDocument,
    order: Order,
    *,
    actor: str,
    command: Command | None = None,
    told: OrderEvent | None = None,
) -> bytes:
    """Money has come. Where it is too late for the goods, it goes back by the shortage queue."""
    if not _lacks(office, order) and not _uses_gone(office, order):
        return _write(
            office, document, order, EventType.PAID, actor=actor, command=command, told=told
        )
    _write(office, document, order, EventType.PAID, actor=actor, told=told, moves_units=False)
    document = load(office, order.id)
    order = order_of(document.fields(), document.events())
    return _write(office, document, order, EventType.CANCELLED, actor=actor, command=command)


def expire(office: HeadOffice, order_id: str) -> None:
    """Nobody paid in time: the held units are free again."""
    document = find(office, order_id)
    if document is None:
        return
    order = order_of(document.fields(), document.events())
    if check_event(order, EventType.EXPIRED) is None:
        _write(office, document, order, EventType.EXPIRED, actor="program")


def _write(  # noqa: PLR0913 - an event's own parts, and who tells it
    office: HeadOffice,
    document: EntityDocument,
    order: Order,
    event_type: EventType,
    *,
    actor: str,
    command: Command | None = None,
    lines: tuple[OrderLine, ...] | None = None,
    told: OrderEvent | None = None,
    moves_units: bool = True,
) -> bytes:
    """Write the event, do to units what it means, tell the locations, journal it.

    `told` is the event as a store has written it already.
    """
    ledger = office.ledger
    cells: list[CellChange] = []
    states: dict[str, AllocationState] = {}
    if moves_units and (event_type is not EventType.PAID or order.payment == "pending"):
        cells += _change_uses(office, event_type, order)
        for one in order.allocations:
            _change_custody(office, event_type, one, cells, states)
    asked = event_type in CANCELS and any(
        one.state == "committed" and one.id not in states for one in order.allocations
    )
    event = told or OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=EventType.CANCEL_REQUESTED if asked else event_type,
        at=rfc3339(ledger.now_ms),
        actor=actor,
        lines=lines,
    )
    order = keep_event(office, document, order.id, event, states)
    office.tell_cells(cells)
    if order.status is not OrderStatus.NEW or order.payment != "pending":
        tell_locations(office, order, document)
    record = msgspec.json.encode(order)
    entry = ledger.append(
        ORDER_EVENT,
        record,
        actor=command.actor if command else PROGRAM,
        reference=order.id,
        cells=latest(cells),
    )
    if command is not None:
        ledger.remember(command.key, command.digest, 201, entry)
    shortages.rights_changed(office, [(one.location, one.sku) for one in cells])
    shortages.order_changed(office, order)
    return record


def _change_custody(
    office: HeadOffice,
    event_type: EventType,
    one: Allocation,
    cells: list[CellChange],
    states: dict[str, AllocationState],
) -> None:
    """What an event does to one allocation's units, where the hub has custody of them."""
    if event_type is EventType.PAID:
        if one.state == "held":
            cells.append(mint_for(office, one, Minted.HOLD_RELEASED))
        if one.state in {"held", "released"}:
            cells.append(spend_for(office, one, Spent.COMMITTED))
            states[one.id] = "committed"
    elif event_type in CANCELS:
        if one.state == "held":
            cells.append(mint_for(office, one, Minted.HOLD_RELEASED))
            states[one.id] = "released"
        elif one.state == "committed" and not was_offered(office, one):
            cells.append(mint_for(office, one, Minted.ORDER_RELEASED))
            states[one.id] = "released"


def _change_uses(office: HeadOffice, event_type: EventType, order: Order) -> list[CellChange]:
    """What an event does to the uses of limited promotions that an unpaid order took."""
    if not is_unpaid(order) or event_type not in {*CANCELS, EventType.PAID}:
        return []
    uses = uses_of_order(office, order)
    if event_type is EventType.PAID:
        return [] if uses.are_spent else use_cells(office, uses.keys)
    return release_cells(office, uses.keys) if uses.are_spent else []


def hear_from_store(office: HeadOffice, body: EntryBody) -> None:
    """A gateway's entry about an order: its event, and the custody that it ended.

    The entry is kept and its cells are merged whatever comes of this: what it means to the order
    must not decide whether the journal goes on.
    """
    try:
        told = msgspec.json.decode(body.record, type=Order)
        document = find(office, told.id)
    except (msgspec.DecodeError, DocumentCorrupt) as error:
        _set_aside(body, str(error))
        return
    place = entry_id(WriterId(body.writer), body.seq)
    event = next((one for one in told.events if one.id == place), None)
    if document is None or event is None:
        _set_aside(body, "no such order" if document is None else "it has no event of its own")
        return
    own = location_of(body.writer)
    known = order_of(document.fields(), document.events())
    parts = new_parts(known, told, own)
    if isinstance(parts, str):
        if not office.is_fenced(body.writer):  # else people have said it at the next box
            _set_aside(body, parts)
        return
    # What the box that lives has handed over stays so, whatever one before it tells late (E9).
    gone = {one.id for one in known.allocations if one.state == "fulfilled"}
    ended: dict[str, AllocationState] = {
        one.id: one.state
        for one in told.allocations
        if one.location == own and one.state in {"fulfilled", "released"}
        if one not in parts and one.id not in gone
    }
    order = keep_event(office, document, told.id, event, ended, parts)
    tell_locations(office, order, document)
    order = reallocation.follow(office, order)
    if event.type in CALLS_OFF and event.lines is None:
        order = _ask_rest_back(office, order)
    shortages.order_changed(office, order, heard=parts)
    if event.type is EventType.DELIVERY_REFUSED:
        undelivered.settle(office, order)
    overpaid.note_unpaid(office, order)
    all_back.note(office, order.id)
    shortages.rights_changed(
        office, [(one.location, one.sku) for one in order.allocations], by=place
    )


def _ask_rest_back(office: HeadOffice, order: Order) -> Order:
    """A store called off the last units that it knew of: ask others back that it could not know."""
    if not any(one.state == "committed" for one in order.allocations):
        return order
    _write(office, load(office, order.id), order, EventType.CANCELLED, actor=PROGRAM.person)
    return read(office, order.id)


def hear_payment(office: HeadOffice, body: EntryBody) -> None:
    """A till took money for an order, whatever has become of the order since.

    What is paid already, or was called off, takes no units: the shortage queue sees that the money
    goes back. Nobody is asked for units: the store that told this waits for its acknowledgement.
    """
    place = entry_id(WriterId(body.writer), body.seq)
    try:
        told = msgspec.json.decode(body.record, type=PaidOrder)
        document = find(office, told.order.id)
    except (msgspec.DecodeError, DocumentCorrupt) as error:
        _set_aside(body, str(error))
        return
    event = next((one for one in told.order.events if one.id == place), None)
    if document is None or event is None or event.type is not EventType.PAID:
        _set_aside(body, "no such order" if document is None else "it has no payment of its own")
        return
    order = order_of(document.fields(), document.events())
    if check_event(order, EventType.PAID) is None:
        _take_money(office, document, order, actor=event.actor, told=event)
    else:
        _write(
            office, document, order, EventType.PAID,
            actor=event.actor, told=event, moves_units=False,
        )  # fmt: skip
    overpaid.settle(office, read(office, order.id), event)
    undelivered.settle(office, read(office, order.id))
    overpaid.note_unpaid(office, read(office, order.id))


def _set_aside(body: EntryBody, reason: str) -> None:
    log.error(
        "an order's entry means nothing here: %s",
        reason,
        extra={"action": "order_entry_set_aside", "entry": f"{body.writer}-{body.seq}"},
    )
