"""Goal: a price is refused exactly where some promotion takes more off it.

Method: promotions on some SKUs and on all, and prices around what they take off.
"""

import pytest

from retail.prices.price_floors import NO_FLOORS, PriceFloors, TooMuchOff
from retail.prices.promotions import AmountOff, Percentage, Promotion

FLOORS = PriceFloors(
    [
        Promotion(
            id="five", name="5", currency="USD", effect=AmountOff(skus=("tea",), off_minor=5)
        ),
        Promotion(
            id="nine", name="9", currency="USD", effect=AmountOff(skus=("tea", "jam"), off_minor=9)
        ),
        Promotion(id="all", name="7", currency="USD", effect=AmountOff(skus="all", off_minor=7)),
        Promotion(id="half", name="Half", effect=Percentage(skus="all", off_bp=5_000)),
    ]
)


@pytest.mark.parametrize(
    ("sku", "price_minor", "promotion"),
    [
        ("tea", 9, None), ("tea", 8, "nine"), ("jam", 9, None), ("jam", 8, "nine"),
        ("rice", 7, None), ("rice", 6, "all"), ("rice", 0, "all"),
    ],
)  # fmt: skip
def test_a_price_below_the_largest_amount_is_refused_with_that_promotion(
    sku: str, price_minor: int, promotion: str | None
) -> None:
    broken = FLOORS.broken_by(sku, price_minor)

    assert (None if broken is None else broken.promotion) == promotion


def test_without_promotions_a_price_may_be_nothing() -> None:
    assert NO_FLOORS.broken_by("tea", 0) is None


def test_the_refusal_says_what_to_do() -> None:
    broken = FLOORS.broken_by("jam", 8)

    assert isinstance(broken, TooMuchOff)
    assert str(broken) == (
        "Promotion nine takes 9 off jam, which would cost 8: change the promotion first"
    )
