"""Goal: an order takes what comes in at the door only when it makes sense, and says why not.

Method: the tables are checked for completeness, then walked by example.
"""

import msgspec
import pytest

from retail.ordering.order_status import (
    FULFILLED_BY,
    LEGAL,
    PRECEDENCE,
    EventRefused,
    EventType,
    OrderStatus,
    may_follow,
)
from retail.ordering.orders import (
    Allocation,
    Fulfilment,
    Order,
    OrderEvent,
    OrderEventRequest,
    OrderRequest,
    Payment,
    Pickup,
    Ship,
    check_event,
    status,
)

AT = "2026-11-22T14:02:31Z"


def happened(*types: EventType) -> tuple[OrderEvent, ...]:
    """A history of these events."""
    return tuple(
        OrderEvent(id=f"e{number}", type=type_, at=AT, actor="hub.1")
        for number, type_ in enumerate(types)
    )


def order(*types: EventType, fulfilment: Fulfilment, payment: Payment = "paid") -> Order:
    """An order with this history."""
    events = happened(EventType.PLACED, *types)
    return Order(
        id="o1",
        number="o1",
        status=status(events, ()),
        lines=(),
        allocations=(Allocation(id="a1", sku="tea", location="riverside", quantity=2),),
        fulfilment=fulfilment,
        payment=payment,
        total_minor=0,
        tax_minor=0,
        currency="USD",
        pickup_code=None,
        customer=None,
        contact={"phone": "+20 100"},
        events=events,
        placed_at=AT,
    )


PICKUP = Pickup(location="riverside")


def test_every_event_has_its_place_and_every_status_its_rules() -> None:
    assert set(PRECEDENCE) == set(EventType)
    assert set(LEGAL) == set(OrderStatus)
    assert set(PRECEDENCE.values()) == set(OrderStatus)


def test_nobody_places_an_order_twice() -> None:
    assert not any(EventType.PLACED in allowed for allowed in LEGAL.values())


def test_every_status_is_reached_from_new() -> None:
    reached = {OrderStatus.NEW}
    while more := {PRECEDENCE[e] for here in reached for e in LEGAL[here]} - reached:
        reached |= more

    assert reached == set(OrderStatus)


@pytest.mark.parametrize(
    ("fulfilment", "steps", "end"),
    [
        (
            PICKUP,
            ["ready_to_pick", "picked", "packed", "ready_for_pickup", "collected", "returned"],
            "returned",
        ),
        (Ship(), ["ready_to_pick", "picked", "packed", "shipped", "delivered"], "delivered"),
        (Ship(), ["shipped", "delivery_refused"], "returned"),
        (Ship(), ["shipped", "delivery_refused", "delivered"], "delivered"),
        (Ship(), ["picked", "shipped", "picked", "packed", "shipped"], "shipped"),
        (PICKUP, ["ready_for_pickup", "uncollected"], "cancelled"),
        (PICKUP, ["picked", "cancel_requested", "collected"], "collected"),
        (Ship(), ["cancel_requested", "cancelled"], "cancelled"),
        (PICKUP, ["collected"], "collected"),
    ],
)
def test_an_order_goes_its_way_step_by_step(
    fulfilment: Fulfilment, steps: list[str], end: str
) -> None:
    taken = [EventType.PAID]
    for step in map(EventType, steps):
        assert check_event(order(*taken, fulfilment=fulfilment), step) is None, step
        taken.append(step)

    assert status(happened(*taken), ()) == end


@pytest.mark.parametrize(
    ("here", "event_type"),
    [
        ("collected", "cancel_requested"),
        ("cancelled", "paid"),
        ("expired", "picked"),
        ("paid", "expired"),
        ("new", "delivered"),
        ("cancel_requested", "picked"),
        ("new", "placed"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(here: str, event_type: str) -> None:
    refusal = may_follow(OrderStatus(here), EventType(event_type))

    assert isinstance(refusal, EventRefused)
    assert str(refusal) == f"an order that is {here} cannot become {event_type}"
    assert set(refusal.allowed) == LEGAL[OrderStatus(here)]


@pytest.mark.parametrize(
    ("here", "event_type"),
    [("shipped", "cancelled"), ("collected", "cancelled"), ("cancelled", "collected")],
)
def test_who_still_keeps_a_part_may_end_its_custody_whatever_became_of_the_rest(
    here: str, event_type: str
) -> None:
    assert may_follow(OrderStatus(here), EventType(event_type)) is None


@pytest.mark.parametrize("event_type", FULFILLED_BY)
def test_a_pickup_is_not_shipped_and_a_parcel_not_collected(event_type: EventType) -> None:
    other: Fulfilment = Ship() if FULFILLED_BY[event_type] == "pickup" else PICKUP
    before = EventType.SHIPPED if isinstance(other, Pickup) else EventType.READY_FOR_PICKUP

    refusal = check_event(order(EventType.PAID, before, fulfilment=other), event_type)

    assert refusal is not None


def test_goods_wait_for_a_pending_payment_and_only_for_that() -> None:
    pending = order(fulfilment=PICKUP, payment="pending")
    on_collection = order(fulfilment=PICKUP, payment="on_collection")

    assert str(check_event(pending, EventType.PICKED)) == "the order is not paid"
    assert check_event(on_collection, EventType.PICKED) is None
    assert (
        check_event(
            order(EventType.COLLECTED, fulfilment=PICKUP, payment="on_collection"), EventType.PAID
        )
        is None
    )


def test_only_a_pending_order_expires_and_money_revives_it() -> None:
    pending = order(fulfilment=Ship(), payment="pending")
    expired = order(EventType.EXPIRED, fulfilment=Ship(), payment="pending")

    assert check_event(pending, EventType.EXPIRED) is None
    assert expired.status is OrderStatus.EXPIRED
    assert check_event(expired, EventType.PAID) is None
    assert status(happened(EventType.PAID, EventType.EXPIRED), ()) is OrderStatus.PAID
    assert (
        str(check_event(order(fulfilment=Ship(), payment="on_delivery"), EventType.EXPIRED))
        == "only an order whose payment is pending expires"
    )


def test_an_order_is_paid_once() -> None:
    paid = order(EventType.PAID, EventType.PICKED, fulfilment=Ship())

    assert str(check_event(paid, EventType.PAID)) == "the order is already paid"


def test_a_request_reads_from_json() -> None:
    asked = msgspec.json.decode(
        b'{"lines":[{"sku":"tea","quantity":2}],"fulfilment":{"type":"pickup",'
        b'"location":"riverside"},"payment":"pending","contact":{"name":"Amira"}}',
        type=OrderRequest,
    )

    assert asked.fulfilment == PICKUP
    assert asked.contact == {"name": "Amira"}
    assert (asked.reservation, asked.coupon, asked.customer) == (None, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": []},
        {"lines": [{"sku": "tea", "quantity": 0}]},
        {"lines": [{"sku": "tea", "quantity": 2**31}]},
        {"lines": [{"sku": "tea", "quantity": 1}] * 1_001},
        {"fulfilment": {"type": "drone"}},
        {"fulfilment": {"type": "pickup"}},
        {"fulfilment": {"type": "pickup", "location": "Riverside"}},
        {"fulfilment": {"type": "ship", "location": "riverside"}},
        {"payment": "later"},
        {"contact": {"name": ["x"]}},
        {"gift": True},
    ],
)
def test_a_request_outside_the_limits_is_refused(fields: dict[str, object]) -> None:
    given = {
        "lines": [{"sku": "tea", "quantity": 1}],
        "fulfilment": {"type": "ship"},
        "payment": "paid",
        **fields,
    }
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(given), type=OrderRequest)


def test_an_event_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'teleported'"):
        msgspec.json.decode(b'{"type":"teleported"}', type=OrderEventRequest)


def test_an_order_comes_back_from_json_as_it_was() -> None:
    placed = order(EventType.PAID, fulfilment=Ship(address={"city": "Cairo"}))

    assert msgspec.json.decode(msgspec.json.encode(placed), type=Order) == placed
