"""Goal: nobody takes off more by hand than their role may, however it is cut up.

Method: a basket of a 10.00 mug and a 2.00 spoon; discounts at the limit, a cent above, and in two.
"""

import datetime

import msgspec
import pytest

from retail.prices.discounts import (
    MANUAL_BP_MAX,
    DiscountAboveLimit,
    ManualDiscount,
    ManualDiscounts,
    NoSuchLine,
)
from retail.prices.pricing import PricedBasket, PricingRefusal, Terms, price_basket
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion

TODAY = datetime.date(2026, 11, 22)
TAXES = TaxTable(
    [
        TaxRate(
            tax_class="standard", jurisdiction="EG", valid_from=TODAY, rate="0.15", inclusive=True
        )
    ]
)
BASKET = [
    (Product(sku="mug", name="Mug", price_minor=1000, currency="USD"), 1),
    (Product(sku="spoon", name="Spoon", price_minor=100, currency="USD"), 2),
]
OCCASION = Occasion(
    channel="store",
    location="riverside",
    local_time=datetime.datetime.fromisoformat("2026-11-22T12:00:00"),
)


def by_hand(line: int | None = None, **off: int) -> ManualDiscount:
    """A discount for a dented tin."""
    return ManualDiscount(reason="dented", line=line, **off)


def priced(role: str, *manual: ManualDiscount) -> PricedBasket | PricingRefusal:
    """The basket with the discounts that somebody of that role gives."""
    terms = Terms(occasion=OCCASION, manual=manual, role=role)
    return price_basket(BASKET, TAXES, "EG", TODAY, terms)


def above(role: str, off_minor: int, limit_minor: int) -> DiscountAboveLimit:
    """The refusal."""
    return DiscountAboveLimit(
        role=role, reason="dented", off_minor=off_minor, limit_minor=limit_minor
    )


def test_the_limits_are_those_of_the_house() -> None:
    assert MANUAL_BP_MAX == {"cashier": 500, "supervisor": 2000, "manager": 10_000}


@pytest.mark.parametrize(
    ("role", "discounts", "total_minor"),
    [
        ("cashier", [by_hand(off_bp=500)], 1140),
        ("cashier", [by_hand(off_minor=60)], 1140),
        ("cashier", [by_hand(0, off_minor=50), by_hand(1, off_minor=10)], 1140),
        ("supervisor", [by_hand(0, off_bp=2000)], 1000),
        ("supervisor", [by_hand(0, off_bp=1000), by_hand(0, off_bp=1000)], 1010),
        ("manager", [by_hand(off_bp=10_000)], 0),
        ("manager", [by_hand(1, off_minor=200)], 1000),
    ],
)
def test_within_the_limit_it_comes_off(
    role: str, discounts: list[ManualDiscount], total_minor: int
) -> None:
    result = priced(role, *discounts)

    assert isinstance(result, PricedBasket)
    assert result.total_minor == total_minor
    assert {one.promotion for line in result.lines for one in line.discounts} == {None}
    assert {one.name for line in result.lines for one in line.discounts} == {"dented"}


@pytest.mark.parametrize(
    ("role", "discounts", "refusal"),
    [
        ("cashier", [by_hand(off_bp=510)], above("cashier", 61, 60)),
        ("cashier", [by_hand(off_minor=61)], above("cashier", 61, 60)),
        ("cashier", [by_hand(0, off_minor=51)], above("cashier", 51, 50)),
        ("cashier", [by_hand(off_minor=30), by_hand(off_minor=31)], above("cashier", 61, 60)),
        ("cashier", [by_hand(off_bp=500), by_hand(0, off_bp=100)], above("cashier", 60, 50)),
        ("supervisor", [by_hand(1, off_minor=41)], above("supervisor", 41, 40)),
        ("manager", [by_hand(1, off_minor=201)], above("manager", 201, 200)),
        ("technician", [by_hand(off_minor=1)], above("technician", 1, 0)),
        ("", [by_hand(off_minor=1)], above("", 1, 0)),
    ],
)
def test_above_the_limit_it_is_refused(
    role: str, discounts: list[ManualDiscount], refusal: DiscountAboveLimit
) -> None:
    assert priced(role, *discounts) == refusal


def test_a_refusal_is_a_sentence() -> None:
    assert str(above("cashier", 61, 60)) == (
        "61 off by hand (dented) is more than the 60 that a cashier may give here"
    )
    assert str(priced("manager", by_hand(2, off_bp=1))) == (
        "a discount is for line 2, which is not there"
    )
    assert priced("manager", by_hand(2, off_bp=1)) == NoSuchLine(line=2)


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"reason": "x", "off_bp": 1, "off_minor": 1},
        {"reason": " ", "off_bp": 1},
        {"reason": "x", "off_bp": 10_001},
        {"reason": "x", "off_minor": 0},
        {"reason": "x", "off_bp": 1, "line": -1},
        {"reason": "x", "off_bp": 1, "role": "manager"},
    ],
)
def test_a_discount_by_hand_outside_the_limits_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([body], ManualDiscounts)
