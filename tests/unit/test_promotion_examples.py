"""Goal: what a customer pays is what a person with a pencil works out.

Method: a small shop in dollars and 15 % inclusive tax, a table of baskets and promotions, each with
its arithmetic written out; what is expected is the discount of each line, in cents.
"""

import pytest

from retail.prices.pricing import PricedBasket, price_basket
from retail.prices.promotions import Promotion
from tests.promotion_samples import (
    TODAY,
    Basket,
    amount,
    bundle,
    buy_get,
    goods,
    off,
    offer,
    percentage,
    priced,
    taxes,
    threshold,
)

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
        (
            "jam and milk for 3.00 save 3.00; but jam and bread for 6.00 (2.00) and milk and a mug"
            " for 9.50 (2.00) save 4.00: 112.5 and 87.5 (the cent goes to"
            " bread, first by SKU), 26.09 and 173.91"
        ),
        [("jam", 1), ("bread", 1), ("milk", 1), ("mug", 1)],
        [
            offer("a", bundle(300, (1, ("jam",)), (1, ("milk",)))),
            offer("b", bundle(600, (1, ("jam",)), (1, ("bread",)))),
            offer("c", bundle(950, (1, ("milk",)), (1, ("mug",)))),
        ],
        [112, 88, 26, 174],
    ),
    (
        "any 2 for 10.00: two mugs save 10.00, and two milks, which are 3.00, stay out",
        [("mug", 2), ("milk", 2)],
        [offer("a", bundle(1000, (2, ("mug", "milk"))))],
        [1000, 0],
    ),
    (
        (
            "buy 1 get 2: a mug is bought, a mug and a cup are free, 16.00;"
            " 20.00 and 6.00 of 26.00 are 12.3076 and 3.6923"
        ),
        [("mug", 2), ("cup", 1)],
        [offer("a", buy_get(1, 2))],
        [1231, 369],
    ),
    (
        "what is weighed does not come in units",
        [("gouda", 252), ("gouda", 300)],
        [offer("a", buy_get(1, 1)), offer("b", bundle(1, (2, ("gouda",))))],
        [0, 0],
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
