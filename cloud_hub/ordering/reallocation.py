"""Taking units of an order elsewhere, on the writer thread.

A location that was told of an allocation has custody of it (E9), so the hub can only ask for it
back. What stands in for it is held at the other location meanwhile and promised to nobody: when the
custodian gives the units back, the stand-in is committed and told; when they are gone after all, it
is free again. An answer about some of the units settles as many of the stand-in. Whatever the order
of the answers, the customer gets the units once (`retail.ordering.allocations`).
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.custody import mint_for, spend_for, tell_locations, was_offered
from cloud_hub.ordering.order_documents import keep_event, load
from replication.clock import rfc3339
from replication.escrow import CellChange, Minted, Spent, latest
from replication.ids import EntryId, entry_id
from replication.journal import Actor
from replication.ledger import PROGRAM
from retail.ordering.allocations import Settled, settle_stand_ins
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
)

RELEASE_REQUEST: Final = "release_requested"
REPLACEMENT: Final = "replacement"
ORDER_EVENT: Final = "order_event"


def ask_back(
    office: HeadOffice, order: Order, one: Allocation, elsewhere: str | None, actor: Actor
) -> tuple[EntryId, Order]:
    """Ask the custodian of an allocation to give it back; hold its stand-in at `elsewhere`.

    The caller has checked that the hub may promise the units there, and calls `follow` next: what
    no location has heard of is released here, at once. The order is the entry's record.
    """
    ledger, document = office.ledger, load(office, order.id)
    cells: list[CellChange] = []
    added: list[Allocation] = []
    if elsewhere is not None:
        stand_in = Allocation(
            id=f"{order.id}-{len(order.allocations) + 1}",
            sku=one.sku,
            location=elsewhere,
            quantity=one.quantity,
            state="held",
            replaces=one.id,
        )
        cells.append(spend_for(office, stand_in, Spent.HELD))
        added.append(stand_in)
    states: dict[str, AllocationState] = {}
    if not was_offered(office, one):
        cells.append(mint_for(office, one, Minted.ORDER_RELEASED))
        states[one.id] = "released"
    event = OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=EventType.RELEASE_REQUESTED,
        at=rfc3339(ledger.now_ms),
        actor=actor.person,
        allocations=(one.id,),
    )
    order = keep_event(office, document, order.id, event, states, added)
    office.tell_cells(cells)
    tell_locations(office, order, document)
    entry = ledger.append(
        RELEASE_REQUEST,
        msgspec.json.encode(order),
        actor=actor,
        reference=order.id,
        cells=latest(cells),
    )
    return entry, order


def commit_elsewhere(
    office: HeadOffice, order: Order, one: Allocation, elsewhere: str, actor: Actor
) -> Order:
    """Promise units again that a location has given back, at another one, and tell it.

    The caller has checked that the hub may promise the units there.
    """
    document = load(office, order.id)
    again = Allocation(
        id=f"{order.id}-{len(order.allocations) + 1}",
        sku=one.sku,
        location=elsewhere,
        quantity=one.quantity,
        replaces=one.id,
    )
    cells = [spend_for(office, again, Spent.COMMITTED)]
    order = keep_event(office, document, order.id, None, {}, [again])
    office.tell_cells(cells)
    tell_locations(office, order, document)
    office.ledger.append(
        REPLACEMENT, msgspec.json.encode(order), actor=actor, reference=order.id, cells=cells
    )
    return order


def follow(office: HeadOffice, order: Order) -> Order:
    """Settle what follows from the news about an order: its stand-ins, and a cancel answered."""
    settled = settle_stand_ins(order)
    if settled.parts or settled.states:
        document = load(office, order.id)
        cells = list(_cells_of(office, order, settled))
        order = keep_event(office, document, order.id, None, settled.states, settled.parts)
        office.tell_cells(cells)
        tell_locations(office, order, document)
        office.ledger.append(
            REPLACEMENT,
            msgspec.json.encode(order),
            actor=PROGRAM,
            reference=order.id,
            cells=latest(cells),
        )
    if order.status is OrderStatus.CANCEL_REQUESTED and all(
        one.state == "released" for one in order.allocations
    ):
        order = end(office, order, EventType.CANCELLED, PROGRAM)
    return order


def end(office: HeadOffice, order: Order, event_type: EventType, actor: Actor) -> Order:
    """Write an event that moves no units: nothing of the order is kept anywhere."""
    ledger, document = office.ledger, load(office, order.id)
    event = OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=event_type,
        at=rfc3339(ledger.now_ms),
        actor=actor.person,
    )
    order = keep_event(office, document, order.id, event, {})
    tell_locations(office, order, document)
    ledger.append(ORDER_EVENT, msgspec.json.encode(order), actor=actor, reference=order.id)
    return order


def _cells_of(office: HeadOffice, order: Order, settled: Settled) -> Iterator[CellChange]:
    """What stand-ins that are settled do to rights: all of a held one is free, some promised."""
    held = {one.id: one for one in order.allocations if one.state == "held"}
    for part in settled.parts:
        if part.part_of in held:
            yield mint_for(office, part, Minted.HOLD_RELEASED)
            if part.state == "committed":
                yield spend_for(office, part, Spent.COMMITTED)
    for one in order.allocations:
        if (state := settled.states.get(one.id)) is None:
            continue
        split = sum(part.quantity for part in settled.parts if part.part_of == one.id)
        rest = msgspec.structs.replace(one, quantity=one.quantity - split)
        yield mint_for(office, rest, Minted.HOLD_RELEASED)
        if state == "committed":
            yield spend_for(office, rest, Spent.COMMITTED)
