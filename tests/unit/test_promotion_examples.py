"""Goal: what a customer pays is what a person with a pencil works out.

Method: a small shop in dollars and 15 % inclusive tax, a table of baskets and promotions, each with
its arithmetic written out; what is expected is the discount of each line, in cents.
"""

import datetime
from typing import Any

import msgspec
import pytest

from retail.catalogue import Product
from retail.discounts import ManualDiscount
from retail.occasion import Occasion
from retail.pricing import PricedBasket, Terms, price_basket
from retail.promotion_index import PromotionIndex
from retail.promotions import Promotion
from retail.sales import LineDiscount, SaleLine
from retail.tax import EXEMPT, TaxRate, TaxTable

TODAY = datetime.date(2026, 11, 22)
NOON = datetime.datetime.fromisoformat("2026-11-22T12:00:00")
PRICES = {
    "tea": 299,
    "mug": 1000,
    "cup": 600,
    "spoon": 25,
    "jam": 450,
    "bread": 350,
    "milk": 150,
    "sweet": 10,
}


def taxes(rate: str = "0.15", *, inclusive: bool = True) -> TaxTable:
    """The standard class at that rate."""
    return TaxTable(
        [
            TaxRate(
                tax_class="standard",
                jurisdiction="EG",
                valid_from=TODAY,
                rate=rate,
                inclusive=inclusive,
            )
        ]
    )


def goods(sku: str) -> Product:
    """A product of the shop; gouda is 19.99 per kg."""
    if sku == "gouda":
        return Product(sku=sku, name=sku, price_minor=1999, currency="USD", price_per_quantity=1000)
    return Product(sku=sku, name=sku, price_minor=PRICES[sku], currency="USD")


def offer(id_: str, effect: dict[str, Any], **fields: Any) -> Promotion:  # noqa: ANN401 - any JSON
    """A promotion out of JSON, in dollars."""
    given = {"id": id_, "name": id_.title(), "currency": "USD", "effect": effect, **fields}
    return msgspec.json.decode(msgspec.json.encode(given), type=Promotion)


def percentage(off_bp: int, *skus: str) -> dict[str, Any]:
    """So much off each of these, or of everything."""
    return {"kind": "percentage", "off_bp": off_bp, "skus": skus or "all"}


def amount(off_minor: int, *skus: str) -> dict[str, Any]:
    """So many cents off each of these."""
    return {"kind": "amount", "off_minor": off_minor, "skus": skus or "all"}


def buy_get(buy_units: int, get_units: int, *skus: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Buy some, get some."""
    sizes = {"buy_units": buy_units, "get_units": get_units}
    return {"kind": "buy_x_get_y", **sizes, "skus": skus or "all", **more}


def bundle(price_minor: int, *parts: tuple[int, tuple[str, ...]]) -> dict[str, Any]:
    """These parts for one price."""
    places = [{"units": units, "skus": skus} for units, skus in parts]
    return {"kind": "bundle_price", "price_minor": price_minor, "parts": places}


def threshold(threshold_minor: int, **off: int) -> dict[str, Any]:
    """Something off the order."""
    return {"kind": "order_threshold", "threshold_minor": threshold_minor, **off}


Basket = list[tuple[str, int]]


def priced(basket: Basket, promotions: list[Promotion], **terms: Any) -> PricedBasket:  # noqa: ANN401
    """The basket's prices, which exist."""
    occasion = Occasion(channel="store", location="riverside", local_time=NOON)
    table = terms.pop("taxes", taxes())
    result = price_basket(
        [(goods(sku), quantity) for sku, quantity in basket],
        table,
        "EG",
        TODAY,
        Terms(**{"occasion": occasion, "promotions": PromotionIndex(promotions), **terms}),
    )
    assert isinstance(result, PricedBasket), result
    return result


def off(result: PricedBasket) -> list[int]:
    """What came off each line."""
    return [sum(one.amount_minor for one in line.discounts) for line in result.lines]


EXAMPLES: list[tuple[str, Basket, list[Promotion], list[int]]] = [
    (
        "15 % of 2.99 is 0.4485, so 0.45",
        [("tea", 1)],
        [offer("a", percentage(1500, "tea"))],
        [45],
    ),
    (
        "10 % of 7 x 0.25 = 1.75 is 0.175, so 0.18, and not 7 x 0.03",
        [("spoon", 7)],
        [offer("a", percentage(1000, "spoon"))],
        [18],
    ),
    (
        (
            "the same spoons on two lines: 0.18 in 4 and 3 parts of 7 is 0.1028 and 0.0771,"
            " down to 0.10 and 0.07; the cent left goes to the larger remainder, 0.0071"
        ),
        [("spoon", 4), ("spoon", 3)],
        [offer("a", percentage(1000, "spoon"))],
        [10, 8],
    ),
    (
        "12.5 % of 252 g at 19.99 per kg = 5.04 is 0.63",
        [("gouda", 252)],
        [offer("a", percentage(1250, "gouda"))],
        [63],
    ),
    (
        "2.00 off the kilogram is 0.504 off 252 g, so 0.50",
        [("gouda", 252)],
        [offer("a", amount(200, "gouda"))],
        [50],
    ),
    ("0.40 off each of 3", [("tea", 3)], [offer("a", amount(40, "tea"))], [120]),
    (
        "a price that was lowered since stops at nothing: 0.40 off 0.10 is 0.10",
        [("sweet", 3)],
        [offer("a", amount(40, "sweet"))],
        [30],
    ),
    (
        "the cheaper of two: 10 % of 10.00 is 1.00, less than 1.50",
        [("mug", 1)],
        [offer("a", percentage(1000, "mug")), offer("b", amount(150, "mug"))],
        [150],
    ),
    (
        "a unit joins one: each its better one, 10 % of 10.00 and 0.50 of 1.50",
        [("mug", 1), ("milk", 1)],
        [offer("a", percentage(1000)), offer("b", amount(50, "milk"))],
        [100, 50],
    ),
    (
        "priority before savings: 1.00 though there is 1.50",
        [("mug", 1)],
        [offer("a", percentage(1000, "mug"), priority=1), offer("b", amount(150, "mug"))],
        [100],
    ),
    (
        "buy 2 get 1: of 3 x 2.99 one is free",
        [("tea", 3)],
        [offer("a", buy_get(2, 1, "tea"))],
        [299],
    ),
    ("two are not three", [("tea", 2)], [offer("a", buy_get(2, 1, "tea"))], [0]),
    (
        "7 are two groups and one more: 2 x 2.99",
        [("tea", 7)],
        [offer("a", buy_get(2, 1, "tea"))],
        [598],
    ),
    (
        (
            "the cheapest of the dearest three is free, 6.00, and three share it by what they cost:"
            " of 22.00, 10.00 is 2.7272 and 12.00 is 3.2727, so 2.73 and 3.27"
        ),
        [("mug", 1), ("cup", 2), ("spoon", 1)],
        [offer("a", buy_get(2, 1))],
        [273, 327, 0],
    ),
    (
        (
            "buy a mug, get a tea at half: 1.495, so 1.50, shared 10.00 to 2.99 of 12.99:"
            " 1.1547 and 0.3452, so 1.15 and 0.35"
        ),
        [("tea", 1), ("mug", 1)],
        [offer("a", buy_get(1, 1, "mug", get_skus=["tea"], off_bp=5000))],
        [35, 115],
    ),
    (
        (
            "any 3 for 10.00: the dearest 3 of 10.00 + 6.00 + 6.00 + 4.50 save 12.00, shared by"
            " 10.00 and 12.00 of 22.00: 5.4545 and 6.5454, so 5.45 and 6.55"
        ),
        [("jam", 1), ("cup", 2), ("mug", 1)],
        [offer("a", bundle(1000, (3, ("jam", "cup", "mug"))))],
        [0, 655, 545],
    ),
    (
        (
            "bread, 2 milk, jam: 3.50 + 3.00 + 4.50 = 11.00, for 9.00: 2.00 in 350, 300 and 450"
            " of 1100 is 0.6363, 0.5454 and 0.8181, so 0.64, 0.54 and 0.82 (two cents were left)"
        ),
        [("bread", 1), ("milk", 2), ("jam", 1)],
        [offer("a", bundle(900, (1, ("bread",)), (2, ("milk",)), (1, ("jam",))))],
        [64, 54, 82],
    ),
    (
        "a bundle dearer than its parts is not for this customer",
        [("milk", 3)],
        [offer("a", bundle(500, (3, ("milk",))))],
        [0],
    ),
    (
        "half off the mug saves 5.00, so it stays out, and three cups make the group: 6.00",
        [("mug", 1), ("cup", 3)],
        [offer("a", percentage(5000, "mug")), offer("b", buy_get(2, 1, "mug", "cup"))],
        [500, 600],
    ),
    (
        "20 % of each (3 x 0.598) is 1.79, less than one free",
        [("tea", 3)],
        [offer("a", percentage(2000)), offer("b", buy_get(2, 1, "tea"))],
        [299],
    ),
    (
        "the fourth, which no group takes, has its 20 %: 2.99 + 0.60",
        [("tea", 4)],
        [offer("a", percentage(2000)), offer("b", buy_get(2, 1, "tea"))],
        [359],
    ),
    (
        "two that compete: jam and bread for 7.00 save 1.00, jam and milk for 4.00 save 2.00",
        [("jam", 1), ("bread", 1), ("milk", 1)],
        [
            offer("a", bundle(700, (1, ("jam",)), (1, ("bread",)))),
            offer("b", bundle(400, (1, ("jam",)), (1, ("milk",)))),
        ],
        [150, 0, 50],
    ),
    (
        "spend 10.00, 10 % off: of 10.50, 1.05 in 6.00 and 4.50 is 0.60 and 0.45",
        [("cup", 1), ("jam", 1)],
        [offer("a", threshold(1000, off_bp=1000))],
        [60, 45],
    ),
    (
        "at the threshold is enough, and a cent below is not",
        [("mug", 1)],
        [
            offer("a", threshold(1000, off_minor=100)),
            offer("b", threshold(1001, off_minor=500)),
        ],
        [100],
    ),
    (
        "line first, then order: 10.00 - 20 % = 8.00 does not reach 10.00",
        [("mug", 1)],
        [offer("a", percentage(2000)), offer("b", threshold(1000, off_minor=300))],
        [200],
    ),
    (
        "of the order promotions that are reached, the one that saves the most: 3.00",
        [("mug", 2)],
        [
            offer("a", threshold(1500, off_minor=300)),
            offer("b", threshold(0, off_bp=1000)),
        ],
        [300],
    ),
    (
        "three alike share 1.00: two get 0.33, and the first by content 0.34",
        [("mug", 1), ("mug", 1), ("mug", 1)],
        [offer("a", threshold(0, off_minor=100))],
        [34, 33, 33],
    ),
]


@pytest.mark.parametrize(
    ("basket", "promotions", "expected"),
    [pytest.param(*example, id=words) for words, *example in EXAMPLES],
)
def test_a_worked_example(basket: Basket, promotions: list[Promotion], expected: list[int]) -> None:
    result = priced(basket, promotions)

    assert off(result) == expected
    full = price_basket([(goods(sku), n) for sku, n in basket], taxes(), "EG", TODAY)
    assert isinstance(full, PricedBasket)
    assert result.total_minor == full.total_minor - sum(expected)


def test_a_line_says_what_came_off_and_why_and_is_taxed_on_the_rest() -> None:
    """2.99 less 15 % (0.45) is 2.54, less 5 % by hand (0.127, so 0.13) is 2.41.

    Of that, 15/115 is 0.3143 tax.
    """
    by_hand = ManualDiscount(reason="dented tin", off_bp=500)

    result = priced(
        [("tea", 1)], [offer("autumn", percentage(1500))], manual=(by_hand,), role="cashier"
    )

    assert result.lines == (
        SaleLine(
            sku="tea",
            name="tea",
            quantity=1,
            unit_price_minor=299,
            discounts=(
                LineDiscount(promotion="autumn", name="Autumn", amount_minor=45),
                LineDiscount(promotion=None, name="dented tin", amount_minor=13),
            ),
            net_minor=210,
            tax_class="standard",
            tax_rate="0.15",
            tax_minor=31,
            total_minor=241,
        ),
    )
    assert result.promotions == ("autumn",)


def test_where_prices_are_without_tax_the_discount_lowers_the_net() -> None:
    """10.00 less 20 % is 8.00, and 15 % on it is 1.20."""
    result = priced(
        [("mug", 1)], [offer("a", percentage(2000))], taxes=taxes("0.15", inclusive=False)
    )

    assert (result.net_minor, result.tax_minor, result.total_minor) == (800, 120, 920)


def test_the_tax_of_three_times_2_99_at_4_per_cent_per_line_and_per_total() -> None:
    """Per line 11.5 cents are 12, three times; per total 34.5 cents are 35, and one line has 11."""
    basket = [("tea", 1)] * 3

    per_line = priced(basket, [], taxes=taxes("0.04"))
    per_total = priced(basket, [], taxes=taxes("0.04"), tax_rounding="total")

    assert [line.tax_minor for line in per_line.lines] == [12, 12, 12]
    assert [line.net_minor for line in per_line.lines] == [287, 287, 287]
    assert [line.tax_minor for line in per_total.lines] == [12, 12, 11]
    assert (per_total.tax_minor, per_total.net_minor, per_total.total_minor) == (35, 862, 897)


def test_exempt_and_zero_rated_cost_the_same_and_are_told_apart() -> None:
    exempt, zero = (priced([("mug", 1)], [], taxes=taxes(rate)) for rate in (EXEMPT, "0"))

    assert [line.tax_rate for line in (*exempt.lines, *zero.lines)] == ["exempt", "0"]
    assert exempt.tax_minor == zero.tax_minor == 0
    assert exempt.total_minor == zero.total_minor == 1000


def test_what_is_used_up_gives_nothing() -> None:
    promotions = [offer("a", percentage(1000)), offer("b", threshold(0, off_minor=50))]

    result = priced([("mug", 1)], promotions, used_up=frozenset({"a"}))

    assert off(result) == [50]
    assert result.promotions == ("b",)


def test_an_offer_in_another_currency_is_none() -> None:
    result = priced([("mug", 1)], [offer("a", amount(100, "mug"), currency="EUR")])

    assert off(result) == [0]
