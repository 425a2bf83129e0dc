"""Goal: what a till takes for an order is what is owed, and what it tells adds up to it.

Method: Hypothesis makes up tenders, and an order whose units may have been given back.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.ordering.order_money import NothingDue, due_minor
from retail.ordering.order_payments import (
    OrderPaymentRequest,
    TillOrderQuoteRequest,
    TillOrderRequest,
    without_change,
)
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Allocation, Order, OrderEvent, OrderLine, Ship
from retail.selling.sales import SaleLine, Settlement, Tender, settle

MONEY = st.integers(1, 10_000)
TENDERS = st.lists(
    st.builds(Tender, type=st.sampled_from(["cash", "card", "wallet"]), amount_minor=MONEY),
    max_size=6,
).map(tuple)

BODY: dict[str, Any] = {
    "register": "till-1",
    "lines": [{"sku": "tea", "quantity": 1}],
    "fulfilment": {"type": "ship"},
    "tenders": [],
}


def order(*states: str) -> Order:
    """An unpaid order of three pieces of tea at 1.00, one allocation of each."""
    line = SaleLine(
        sku="tea", name="Tea", quantity=3, unit_price_minor=100, discounts=(), net_minor=300,
        tax_class="standard", tax_rate="0", tax_minor=0, total_minor=300,
    )  # fmt: skip
    allocations = tuple(
        Allocation(id=f"a{n}", sku="tea", location=f"shop-{n}", quantity=1, state=state)  # type: ignore[arg-type] # one of four
        for n, state in enumerate(states)
    )
    return Order(
        id="hub.1-9", number="W-000009", status=OrderStatus.NEW, lines=(line,),
        allocations=allocations, fulfilment=Ship(), payment="on_delivery", total_minor=300,
        tax_minor=0, currency="USD", pickup_code=None, customer=None, contact=None, events=(),
        placed_at="2026-11-22T14:02:31Z",
    )  # fmt: skip


@given(tenders=TENDERS, total=st.integers(0, 20_000))
def test_tenders_without_their_change_add_up_to_what_was_due(
    tenders: tuple[Tender, ...], total: int
) -> None:
    settled = settle(total, tenders)
    if not isinstance(settled, Settlement):
        return

    kept = without_change(tenders, settled.change_minor)

    assert sum(tender.amount_minor for tender in kept) == total
    others = [tender for tender in tenders if tender.type != "cash"]
    assert [tender for tender in kept if tender.type != "cash"] == others


@pytest.mark.parametrize(
    ("states", "owed"),
    [
        (("committed", "committed", "committed"), 300),
        (("fulfilled", "fulfilled", "fulfilled"), 300),
        (("committed", "committed", "released"), 200),
        (("fulfilled", "released", "released"), 100),
    ],
)
def test_what_nobody_keeps_any_more_is_not_owed(states: tuple[str, ...], owed: int) -> None:
    assert due_minor(order(*states)) == owed


def test_of_an_order_that_nobody_keeps_nothing_is_owed() -> None:
    refused = due_minor(order("released", "released", "released"))

    assert isinstance(refused, NothingDue)
    assert "W-000009" in str(refused)


def test_what_was_refused_at_the_door_is_not_owed() -> None:
    asked = order("fulfilled", "fulfilled", "fulfilled")

    def refused(units: int) -> Order:
        event = OrderEvent(
            id="shop-0.1-7", type=EventType.DELIVERY_REFUSED, at="2026-11-22T14:02:31Z",
            actor="Ann", lines=(OrderLine(sku="tea", quantity=units),),
        )  # fmt: skip
        return msgspec.structs.replace(asked, events=(event,))

    assert due_minor(refused(1)) == 200
    assert isinstance(due_minor(refused(3)), NothingDue)


def test_what_stands_in_for_units_is_owed_for() -> None:
    asked = order("committed", "committed", "released")
    stand_in = Allocation(id="a3", sku="tea", location="shop-3", quantity=1, replaces="a2")

    assert (
        due_minor(msgspec.structs.replace(asked, allocations=(*asked.allocations, stand_in))) == 300
    )


@pytest.mark.parametrize("tender", ["exchange", "online", "store_credit"])
def test_what_does_not_pay_for_an_order_is_refused_at_the_door(tender: str) -> None:
    tenders = [{"type": tender, "amount_minor": 1}]

    for body, kind in (
        (BODY | {"tenders": tenders}, TillOrderRequest),
        ({"register": "till-1", "tenders": tenders}, OrderPaymentRequest),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(body, kind)


def test_a_line_of_an_order_shows_no_price_of_the_till() -> None:
    lines = [{"sku": "tea", "quantity": 1, "shown_price_minor": 100}]

    with pytest.raises(msgspec.ValidationError, match="prices of the hub"):
        msgspec.convert(BODY | {"lines": lines}, TillOrderRequest)
    with pytest.raises(msgspec.ValidationError, match="prices of the hub"):
        msgspec.convert({"register": "till-1", "lines": lines}, TillOrderQuoteRequest)
