"""Goal: of an order comes back what went out of it, each unit once, bundles as wholes.

Method: orders of single products and a bundle that share SKUs, of which Hypothesis fulfils some
allocations and refuses some parcels; the model counts goods, SKU by SKU.
"""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from retail.ordering.order_money import standing_tenders
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.ordered_goods import delivered_units, ordered_goods
from retail.ordering.orders import Allocation, Order, OrderEvent, OrderLine, Pickup
from retail.products.catalogue import BundleLine, Product
from retail.selling.sales import SaleLine

PARTS = {"TEA": 2, "RICE": 1}
PRODUCTS = {
    sku: Product(sku=sku, name=sku, price_minor=100, currency="SAR", bundle=bundle)
    for sku, bundle in {
        "TEA": (),
        "RICE": (),
        "PAIR": tuple(BundleLine(sku=sku, quantity=many) for sku, many in PARTS.items()),
    }.items()
}


def line_of(sku: str, quantity: int) -> SaleLine:
    return SaleLine(
        sku=sku, name=sku, quantity=quantity, unit_price_minor=100, discounts=(),
        net_minor=100 * quantity, tax_class="standard", tax_rate="0", tax_minor=0,
        total_minor=100 * quantity,
    )  # fmt: skip


def goods_of(sku: str, quantity: int) -> Counter[str]:
    parts = PARTS if sku == "PAIR" else {sku: 1}
    return Counter({part: each * quantity for part, each in parts.items()})


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines = [
        line_of(draw(st.sampled_from(sorted(PRODUCTS))), draw(st.integers(1, 4)))
        for _ in range(draw(st.integers(1, 4)))
    ]
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted += goods_of(line.sku, line.quantity)
    allocations: list[Allocation] = []
    for sku, units in sorted(wanted.items()):
        cut = draw(st.integers(0, units))
        for part in (cut, units - cut):
            if part:
                allocations.append(
                    Allocation(
                        id=f"hub.1-1-{len(allocations) + 1}", sku=sku, location="riverside",
                        quantity=part,
                        state=draw(st.sampled_from(["committed", "fulfilled", "released"])),
                    )
                )  # fmt: skip
    return Order(
        id="hub.1-1", number="W-000001", status=OrderStatus.COLLECTED, lines=tuple(lines),
        allocations=tuple(allocations), fulfilment=Pickup(location="riverside"), payment="paid",
        total_minor=sum(line.total_minor for line in lines), tax_minor=0, currency="SAR",
        pickup_code="ABC123", customer=None, contact=None,
        events=(
            OrderEvent(
                id="hub.1-1", type=EventType.PAID, at="2026-11-22T10:00:00.000Z", actor="web"
            ),
        ),
        placed_at="2026-11-22T10:00:00.000Z",
    )  # fmt: skip


def gone(order: Order) -> Counter[str]:
    units: Counter[str] = Counter()
    for one in order.allocations:
        if one.state == "fulfilled":
            units[one.sku] += one.quantity
    return units


@given(order=orders())
def test_never_more_comes_back_than_went_out(order: Order) -> None:
    delivered = delivered_units(order, PRODUCTS)

    came: Counter[str] = Counter()
    for line, units in zip(order.lines, delivered, strict=True):
        assert 0 <= units <= line.quantity
        came += goods_of(line.sku, units)
    assert came <= gone(order)


@given(order=orders())
def test_what_went_out_whole_comes_back_whole(order: Order) -> None:
    allocations = tuple(
        msgspec.structs.replace(one, state="fulfilled") for one in order.allocations
    )
    whole = msgspec.structs.replace(order, allocations=allocations)

    assert delivered_units(whole, PRODUCTS) == tuple(line.quantity for line in order.lines)


@given(order=orders(), data=st.data())
def test_what_a_customer_refused_at_the_door_is_not_with_him(
    order: Order, data: st.DataObject
) -> None:
    went_out = gone(order)
    refused = {sku: data.draw(st.integers(0, units)) for sku, units in went_out.items()}
    lines = tuple(OrderLine(sku=sku, quantity=many) for sku, many in refused.items() if many)
    event = OrderEvent(
        id="riverside.1-9", type=EventType.DELIVERY_REFUSED, at="2026-11-22T11:00:00.000Z",
        actor="Ann", lines=lines,
    )  # fmt: skip
    back = msgspec.structs.replace(order, events=(*order.events, event)) if lines else order

    came: Counter[str] = Counter()
    for line, units in zip(back.lines, delivered_units(back, PRODUCTS), strict=True):
        came += goods_of(line.sku, units)

    assert came <= went_out - Counter(refused)


@given(order=orders(), data=st.data())
def test_money_that_went_back_for_what_never_came_is_not_there_to_go_back_again(
    order: Order, data: st.DataObject
) -> None:
    paid_back = data.draw(st.integers(0, order.total_minor))

    tenders = ordered_goods(order, standing_tenders(order, []), paid_back).tenders

    assert sum(one.amount_minor for one in tenders) == order.total_minor - paid_back
