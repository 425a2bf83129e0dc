"""Goal: a picking slip names what this store takes from its shelves for an order, and no more.

Method: an order that is split over two stores, in states that an allocation can have.
"""

from typing import Any

import pytest

from devices.paper import Barcode, Document, Pair, Text
from gateway.config import ReceiptSetting
from gateway.printing.receipt_words import WORDS
from gateway.printing.receipts import Issuer
from gateway.printing.slips import name_of, slip_of
from retail.business_day import zone_of
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Allocation, Order, Pickup, Ship
from retail.products.catalogue import Product, Translation
from retail.selling.sales import SaleLine
from tests.documents import HOSTILE

CHEESE_AR = "\N{ARABIC LETTER JEEM}\N{ARABIC LETTER BEH}\N{ARABIC LETTER NOON}"
PRODUCTS = {
    "tea": Product(sku="tea", name="Tea", price_minor=1, currency="USD"),
    "cheese": Product(
        sku="cheese", name="Cheese", price_minor=1, currency="USD", unit="g",
        price_per_quantity=1_000, translations={"ar": Translation(name=CHEESE_AR)},
    ),
}  # fmt: skip


def kept(id_: str, sku: str, quantity: int, **more: Any) -> Allocation:  # noqa: ANN401
    facts = {"location": "riverside"} | more
    return Allocation(id=id_, sku=sku, quantity=quantity, **facts)


def order(*allocations: Allocation, **more: Any) -> Order:  # noqa: ANN401
    facts: dict[str, Any] = {"fulfilment": Pickup(location="riverside"), "customer": "Amira"}
    line = SaleLine(
        sku="jam", name="Jam", quantity=1, unit_price_minor=1, discounts=(), net_minor=1,
        tax_class="standard", tax_rate="0", tax_minor=0, total_minor=1,
    )  # fmt: skip
    return Order(
        id="hub.1-9",
        number="ORD-000009",
        status=OrderStatus.PAID,
        lines=(line,),
        allocations=allocations,
        payment="paid",
        total_minor=1,
        tax_minor=0,
        currency="USD",
        pickup_code="SECRET",
        contact=None,
        events=(),
        placed_at="2026-11-22T14:02:31Z",
        **(facts | more),
    )


def slip(asked: Order, **setting: Any) -> Document:  # noqa: ANN401
    store = Issuer(
        name="Riverside", zone=zone_of("Africa/Cairo"), setting=ReceiptSetting(**setting)
    )
    return slip_of(asked, "riverside", store, PRODUCTS)


def pairs(document: Document) -> list[tuple[str, str]]:
    return [(one.left, one.right) for one in document.blocks if isinstance(one, Pair)]


def test_a_slip_names_what_waits_here_with_its_order_and_customer() -> None:
    document = slip(
        order(kept("a1", "tea", 2), kept("a2", "cheese", 1_500), kept("a3", "tea", 1),
              kept("a4", "jam", 4))
    )  # fmt: skip

    assert pairs(document) == [
        ("Order", "ORD-000009"),
        ("Ordered", "2026-11-22 16:02"),
        ("Customer", "Amira"),
        ("Cheese", "1.500 kg"),
        ("Jam", "4"),
        ("Tea", "3"),
        ("Pieces", "8"),
    ]
    assert [one.text for one in document.blocks if isinstance(one, Text)] == [
        "Picking slip", "To be collected", "cheese", "jam", "tea",
    ]  # fmt: skip
    assert document.blocks[-1] == Barcode("ORD-000009")


def test_what_others_keep_or_what_has_left_is_not_on_it() -> None:
    document = slip(
        order(
            kept("a1", "tea", 1),
            kept("a2", "tea", 2, location="harbour"),
            kept("a3", "tea", 4, state="fulfilled"),
            kept("a4", "tea", 8, state="released"),
            kept("a5", "tea", 16, state="held", replaces="a2"),
            kept("a1-1", "tea", 32, state="released", part_of="a1"),
        )
    )

    assert ("Tea", "1") in pairs(document)
    assert ("Pieces", "1") in pairs(document)


def test_what_stands_in_for_others_is_picked_as_well() -> None:
    document = slip(
        order(
            kept("a1", "tea", 1, location="harbour", state="released"),
            kept("a2", "tea", 3, replaces="a1"),
            kept("a2-1", "tea", 2, replaces="a1-1", part_of="a2"),
        )
    )

    assert ("Tea", "5") in pairs(document)


def test_the_secret_of_the_customer_is_not_on_it() -> None:
    assert "SECRET" not in str(slip(order(kept("a1", "tea", 1))))


def test_a_slip_in_arabic() -> None:
    document = slip(order(kept("a1", "cheese", 250), fulfilment=Ship()), language="ar")

    words = WORDS["ar"]
    assert document.direction == "rtl"
    assert (CHEESE_AR, f"0.250 {words.units['g']}") in pairs(document)
    assert document.blocks[1] == Text(words.ship, align="center", strong=True)


@pytest.mark.parametrize(
    ("customer", "name"),
    [("Amira", "Amira"), ({"name": "Amira", "phone": "+20"}, "Amira"), ({"phone": "+20"}, None),
     (None, None)],
)  # fmt: skip
def test_a_customer_is_called_as_the_storefront_wrote(
    customer: str | dict[str, str] | None, name: str | None
) -> None:
    assert name_of(customer) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_no_customer_breaks_a_slip(name: str) -> None:
    assert slip(order(kept("a1", "tea", 1), customer=name[:1_000])).blocks
