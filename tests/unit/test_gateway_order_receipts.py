"""Goal: the receipt of a paid order says what was bought, what was paid and how to get it.

Method: an order that is shipped and one that is collected, in both languages.
"""

from typing import Any

import pytest

from devices.paper import Document, Pair, Text
from gateway.config import ReceiptSetting
from gateway.printing.order_receipts import order_receipt_of
from gateway.printing.receipt_words import WORDS
from gateway.printing.receipts import Issuer
from retail.business_day import zone_of
from retail.ordering.order_payments import OrderPayment, PaidOrder
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Allocation, Order, Pickup, Ship
from retail.selling.sales import LineDiscount, SaleLine, Tender

PLACES = {"riverside": "Riverside", "harbour": "Harbour Mall"}


def paid(**order: Any) -> PaidOrder:  # noqa: ANN401
    line = SaleLine(
        sku="tea", name="Tea", quantity=2, unit_price_minor=300,
        discounts=(LineDiscount(promotion=None, name="Tea week", amount_minor=100),),
        net_minor=435, tax_class="standard", tax_rate="0.15", tax_minor=65, total_minor=500,
    )  # fmt: skip
    allocation = Allocation(id="a1", sku="tea", location="harbour", quantity=2)
    facts: dict[str, Any] = {"fulfilment": Ship(), "pickup_code": None} | order
    return PaidOrder(
        order=Order(
            id="hub.1-9", number="W-000009", status=OrderStatus.PAID, lines=(line,),
            allocations=(allocation,), payment="pending", total_minor=500, tax_minor=65,
            currency="USD", customer=None, contact=None, events=(),
            placed_at="2026-11-22T14:02:31Z", sold_at="riverside", **facts,
        ),
        payment=OrderPayment(
            id="riverside.1-7", number="RIVERSIDE-1-P000001", order="hub.1-9",
            order_number="W-000009", location="riverside", register="till-1", cashier="Ann",
            business_date="2026-11-22", at="2026-11-22T14:02:32Z", currency="USD",
            total_minor=500, tax_minor=65, change_minor=500,
            tenders=(Tender(type="cash", amount_minor=1_000),),
        ),
    )  # fmt: skip


def receipt(of: PaidOrder, places: dict[str, str] | None = None, **setting: Any) -> Document:  # noqa: ANN401
    issuer = Issuer(
        name="Riverside", zone=zone_of("Africa/Cairo"), setting=ReceiptSetting(**setting)
    )
    return order_receipt_of(of, issuer, PLACES if places is None else places)


def pairs(document: Document) -> list[tuple[str, str]]:
    return [(one.left, one.right) for one in document.blocks if isinstance(one, Pair)]


def test_the_receipt_says_what_was_bought_and_paid_and_where_it_comes_from() -> None:
    document = receipt(paid())

    assert pairs(document) == [
        ("Order", "W-000009"),
        ("Receipt", "RIVERSIDE-1-P000001"),
        ("Date", "2026-11-22 16:02"),
        ("Register", "till-1"),
        ("Cashier", "Ann"),
        ("Tea", "5.00"),
        ("Total", "5.00 USD"),
        ("Tax", "0.65"),
        ("Cash", "10.00"),
        ("Change", "5.00"),
        ("Comes from", "Harbour Mall"),
    ]
    texts = [one.text for one in document.blocks if isinstance(one, Text)]
    assert {"Paid order", "To be shipped", "Tea week: -1.00"} <= set(texts)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_who_collects_reads_where_and_with_which_code(language: Any) -> None:  # noqa: ANN401
    words = WORDS[language]
    collected = paid(fulfilment=Pickup(location="harbour"), pickup_code="ABC234")

    told = pairs(receipt(collected, language=language))

    assert (words.pickup, "Harbour Mall") in told
    assert (words.pickup_code, "ABC234") in told


def test_a_place_whose_name_was_not_heard_is_called_by_its_id() -> None:
    assert ("Comes from", "harbour") in pairs(receipt(paid(), places={}))
