"""An online order: what was asked for, what happened to it, and the status that follows.

An order's history is a grow-only set of dated events, written by the hub and by the gateways that
fulfil it, merged in any order. Nobody writes a status; it is read off the set:

    O1  status(events, lines) is that of the strongest event in `PRECEDENCE` that counts: what was
        called off, or came back (`WHOLE_ONLY`), counts when all units of the order's lines did
    O2  so no order, grouping or repetition of events changes it
    O3  physical facts beat intentions: what was shipped or collected is not cancelled, whoever
        heard of it last; stock stays true meanwhile because only the custodian releases units (E9)

The tables are in `retail.ordering.order_status`: `PRECEDENCE` decides what is true after the fact
and takes every event; `LEGAL` is asked before an event is written, at the door of the program that
writes it, and says which ones make sense to someone who knows the order in that status.
"""

from collections import Counter
from collections.abc import Iterable
from hmac import compare_digest
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from replication.ids import location_of_entry
from retail.money import CurrencyCode, MinorUnits
from retail.ordering.order_status import (
    CALLS_OFF,
    ENDS_CUSTODY,
    FULFILLED_BY,
    GOODS_MOVE,
    PRECEDENCE,
    RANK,
    WHOLE_ONLY,
    EventRefused,
    EventType,
    OrderStatus,
    may_follow,
    refusal,
)
from retail.places import Coordinates
from retail.products.catalogue import Quantity, Sku
from retail.selling.occasion import CustomerGroup
from retail.selling.sales import LINES_MAX, ONLINE, LocationId, Name, Rfc3339, SaleLine, Tender

Payment = Literal["paid", "pending", "on_delivery", "on_collection"]
"""`pending` is the only one that expires; with the last two, money follows the goods."""

PersonalText = (
    Annotated[str, Meta(max_length=1_000)]
    | Annotated[
        dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=1_000)]],
        Meta(max_length=32),
    ]
)
"""Who and where, as the storefront writes it: one text or named ones. Not read by any rule."""


class OrderLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU: asked for, or touched by an event."""

    sku: Sku
    quantity: Quantity


OrderLines = Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=LINES_MAX)]


class Ship(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="type",
    tag="ship",
):
    """Send it, from wherever the goods are: where distance matters, from places that are `near`.

    Nobody needs to know that point later: of an order that was placed it is not kept.
    """

    address: PersonalText | None = None
    near: Coordinates | msgspec.UnsetType | None = msgspec.UNSET


class Pickup(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="type",
    tag="pickup",
):
    """Keep it at that location until the customer comes."""

    location: LocationId


Fulfilment = Ship | Pickup


def as_kept(fulfilment: Fulfilment) -> Fulfilment:
    """What of a wish is kept once its locations are chosen."""
    if isinstance(fulfilment, Pickup):
        return fulfilment
    return msgspec.structs.replace(fulfilment, near=msgspec.UNSET)


class PricedOrderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an order's price depends on, besides the time and where it is collected."""

    lines: OrderLines
    coupon: Name | None = None
    customer_group: CustomerGroup | None = None


class OrderQuoteRequest(PricedOrderRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a question for a price; who does not know yet where to asks for shipping."""

    fulfilment: Fulfilment = Ship()


class OrderRequest(PricedOrderRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a new order. `expected_total_minor` is what the customer was shown, if any.

    `sold_at` is the location whose till sells it; only that location's gateway says so.
    """

    fulfilment: Fulfilment
    payment: Payment
    reservation: Name | None = None
    expected_total_minor: MinorUnits | None = None
    customer: PersonalText | None = None
    contact: PersonalText | None = None
    sold_at: LocationId | None = None


HANDS_OVER: Final = frozenset({EventType.SHIPPED, EventType.COLLECTED})
"""Events with which goods leave for their customer."""


class OrderEventRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an event. Without `lines` it is about all that the writer fulfils.

    `pickup_code` is what the customer shows when goods are collected: it has to be the order's.
    `handed_over_before` answers what a gateway asks that took another box's place: whether that one
    had handed over what the event is about. With true the goods are gone already; either answer is
    about the whole order.
    """

    type: EventType
    lines: OrderLines | None = None
    pickup_code: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    handed_over_before: bool | None = None


class ReallocateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a wish to send an allocation's units from elsewhere: there, or anywhere."""

    allocation: Annotated[str, Meta(min_length=1, max_length=200)]
    location: LocationId | None = None


AllocationState = Literal["held", "committed", "fulfilled", "released"]
"""Of an unpaid checkout; kept for the order; handed over or sent; given back."""


class Allocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units that a location keeps for the order. Fulfilled or released once, by that location.

    `replaces` names the allocation in whose place this one was taken; until its custodian has given
    that one back, these units are held and their location hears nothing of them. `part_of` names
    the allocation that this one was split from (`retail.ordering.allocations`).
    """

    id: str
    sku: Sku
    location: LocationId
    quantity: Quantity
    state: AllocationState = "committed"
    replaces: str | None = None
    part_of: str | None = None


class OrderEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that happened to the order; never changed, never removed, known by its id.

    `allocations` are those that a release is asked of, or that a custodian calls off while others
    go on; `tenders` how a till was paid.
    """

    id: str
    type: EventType
    at: Rfc3339
    actor: str
    lines: tuple[OrderLine, ...] | None = None
    allocations: tuple[str, ...] | None = None
    tenders: tuple[Tender, ...] | None = None


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order as it is shown and carried by the feed: all that fulfilment needs is inside.

    `status` is `status(events, lines)` at the time of writing. `pickup_code` is for pickups only.
    `sold_at` is the location whose till sold it; None: it was ordered online.
    """

    id: str
    number: str
    status: OrderStatus
    lines: tuple[SaleLine, ...]
    allocations: tuple[Allocation, ...]
    fulfilment: Fulfilment
    payment: Payment
    total_minor: MinorUnits
    tax_minor: MinorUnits
    currency: CurrencyCode
    pickup_code: str | None
    customer: PersonalText | None
    contact: PersonalText | None
    events: tuple[OrderEvent, ...]
    placed_at: Rfc3339
    sold_at: LocationId | None = None


def status(events: Iterable[OrderEvent], lines: Iterable[SaleLine | OrderLine]) -> OrderStatus:
    """The status that the set of events stands for, of an order of these lines.

    An order without events is new. An event without lines is about all of them.
    """
    told = {event.id: event for event in events}.values()
    types = {event.type for event in told}
    for event_type in WHOLE_ONLY & types:
        if not _are_all(lines, [event.lines for event in told if event.type is event_type]):
            types.discard(event_type)
    strongest = max(types, key=RANK.__getitem__, default=None)
    return OrderStatus.NEW if strongest is None else PRECEDENCE[strongest]


def _are_all(
    ordered: Iterable[SaleLine | OrderLine], parts: Iterable[tuple[OrderLine, ...] | None]
) -> bool:
    """Whether the parts (None: all) together are every unit that was ordered."""
    left: Counter[str] = Counter()
    for line in ordered:
        left[line.sku] += line.quantity
    for part in parts:
        if part is None:
            return True
        for line in part:
            left[line.sku] -= line.quantity
    return all(quantity <= 0 for quantity in left.values())


FULL: Final = "this order's history is full"
"""Why an order takes no more events but the last ones; a sentence without its end."""

HISTORY_BYTES_MAX: Final = 64 * 1024
"""What the events of one order may take, as text: some 300 plain ones. See `check_event`."""


def is_full(order: Order, lines: tuple[OrderLine, ...] | None = None) -> bool:
    """Whether these lines of one more event are too many for the order's history."""
    history_bytes = len(msgspec.json.encode(order.events)) + len(msgspec.json.encode(lines))
    return history_bytes > HISTORY_BYTES_MAX


def check_lines(order: Order, lines: tuple[OrderLine, ...] | None) -> str | None:
    """Why an event may not be about these lines, or None: each SKU of the order once."""
    if lines is None:
        return None
    ordered: dict[str, int] = {}
    for sold in order.lines:
        ordered[sold.sku] = ordered.get(sold.sku, 0) + sold.quantity
    kept: dict[str, int] = {}
    for one in order.allocations:
        if one.replaces is None:
            kept[one.sku] = kept.get(one.sku, 0) + one.quantity
    named = [line.sku for line in lines]
    if len(set(named)) != len(named) or not set(named) <= ordered.keys() | kept.keys():
        return "the lines must name SKUs of this order, each once"
    for line in lines:
        most = max(ordered.get(line.sku, 0), kept.get(line.sku, 0))
        if line.quantity > most:
            return f"{line.quantity} of {line.sku} are more than the {most} of this order"
    return FULL if is_full(order, lines) else None


def is_paid(order: Order) -> bool:
    """Whether money for the order has come."""
    return any(event.type is EventType.PAID for event in order.events)


def payments_of(order: Order) -> list[OrderEvent]:
    """The payments of the order, the earliest first; each but one came on top of what stands."""
    return [event for event in order.events if event.type is EventType.PAID]


def tenders_of(order: Order, payment: OrderEvent) -> tuple[Tender, ...]:
    """How one of its payments was made: at a till, or else online, where all of it is paid."""
    if payment.tenders is not None:
        return payment.tenders
    if order.total_minor == 0:
        return ()
    return (Tender(type=ONLINE, amount_minor=order.total_minor),)


def was_called_off(order: Order) -> bool:
    """Whether nobody waits for it any more: also of an order of which a part had gone already."""
    ends = CALLS_OFF | {EventType.CANCEL_REQUESTED}
    return any(event.type in ends and event.lines is None for event in order.events)


def called_off(order: Order) -> frozenset[str]:
    """The allocations that their custodians have called off by themselves, and their stand-ins.

    The rest of the order goes on.
    """
    off = {
        allocation
        for event in order.events
        if event.type in CALLS_OFF
        for allocation in event.allocations or ()
    }
    for one in order.allocations:  # a stand-in comes after what it stands in for
        if one.replaces in off:
            off.add(one.id)
    return frozenset(off)


def is_cancel_requested(order: Order) -> bool:
    """Whether its stores were asked to give back what they keep, whatever has gone out besides."""
    return any(event.type is EventType.CANCEL_REQUESTED for event in order.events)


def refused_units(order: Order, location: LocationId | None = None) -> dict[str, int]:
    """Units per SKU that were refused at the door and are back in a store, or in that one.

    That a parcel is on its way back, as the hub is told, names no lines and counts nothing yet.
    """
    units: dict[str, int] = {}
    for event in order.events:
        if event.type is not EventType.DELIVERY_REFUSED or event.lines is None:
            continue
        if location is None or location_of_entry(event.id) == location:
            for line in event.lines:
                units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def returned_units(order: Order) -> dict[str, int]:
    """Units per SKU of the order's lines that customers brought back."""
    units: dict[str, int] = {}
    for event in order.events:
        for line in event.lines or () if event.type is EventType.RETURNED else ():
            units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def asked_back(order: Order) -> frozenset[str]:
    """The allocations that the hub has asked their custodians to release."""
    return frozenset(
        allocation
        for event in order.events
        if event.type is EventType.RELEASE_REQUESTED
        for allocation in event.allocations or ()
    )


def check_event(order: Order, event_type: EventType) -> EventRefused | None:
    """Whether the event may be written to this order: its status, fulfilment and payment agree.

    Reads `order.events`, not `order.status`, which may be older. Whoever writes also checks that
    the actor has custody of what the event moves (E9). When the history is full, what ends custody
    is still taken, so that nobody keeps goods for ever, and each other event once.
    """
    current = status(order.events, order.lines)
    refused = may_follow(current, event_type)
    if refused is None and (unfit := _unfit(order, event_type)) is not None:
        return refusal(current, event_type, unfit)
    return refused


def _unfit(order: Order, event_type: EventType) -> str | None:
    """Why an order that takes the event in this status does not take it all the same, or None."""
    way = "pickup" if isinstance(order.fulfilment, Pickup) else "ship"
    if FULFILLED_BY.get(event_type, way) != way:
        return f"an order for {way} cannot become {event_type}"
    paid = is_paid(order)
    if event_type is EventType.PAID and paid:
        return "the order is already paid"
    if event_type is EventType.EXPIRED and order.payment != "pending":
        return "only an order whose payment is pending expires"
    if event_type in GOODS_MOVE and order.payment == "pending" and not paid:
        return "the order is not paid"
    is_again = any(event.type is event_type for event in order.events)
    return FULL if is_again and event_type not in ENDS_CUSTODY and is_full(order) else None


def is_pickup_code(order: Order, told: str) -> bool:
    """Whether a customer's code is this order's; case, spaces and dashes do not matter."""
    plain = "".join(told.upper().replace("-", "").split())
    return order.pickup_code is not None and compare_digest(
        plain.encode(), order.pickup_code.encode()
    )
