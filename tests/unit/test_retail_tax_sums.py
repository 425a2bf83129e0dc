"""Goal: what a receipt says of the tax is the lines' own, rate by rate, exempt and "0" apart.

Method: a basket of four classes, priced by the one function, inclusive and exclusive, with the tax
rounded on the line and on the total.
"""

import datetime

import pytest

from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.tax import TaxRate, TaxRounding, TaxTable
from retail.prices.tax_sums import tax_sums
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion

TODAY = datetime.date(2026, 11, 22)
RATES = {"standard": "0.15", "food": "0.05", "books": "0", "post": "exempt"}
OCCASION = Occasion(
    channel="store",
    location="harbour",
    local_time=datetime.datetime.combine(TODAY, datetime.time(12)),
)


def basket(*, inclusive: bool, rounding: TaxRounding) -> PricedBasket:
    """Two standard lines and one of each other class."""
    taxes = TaxTable(
        TaxRate(
            tax_class=tax_class,
            jurisdiction="EG",
            valid_from=TODAY,
            rate=rate,
            inclusive=inclusive,
        )
        for tax_class, rate in RATES.items()
    )
    lines = [
        (Product(sku=f"s{n}", name="x", price_minor=299, currency="USD", tax_class=tax_class), 1)
        for n, tax_class in enumerate(("post", "standard", "books", "food", "standard"))
    ]
    terms = Terms(occasion=OCCASION, tax_rounding=rounding)
    result = price_basket(lines, taxes, "EG", TODAY, terms)
    assert isinstance(result, PricedBasket), result
    return result


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("rounding", ["line", "total"])
def test_the_sums_by_rate_are_the_baskets_sums(rounding: TaxRounding, *, inclusive: bool) -> None:
    priced = basket(inclusive=inclusive, rounding=rounding)

    sums = tax_sums(priced.lines)

    assert [one.tax_rate for one in sums] == ["0.15", "0.05", "0", "exempt"]
    assert sum(one.tax_minor for one in sums) == priced.tax_minor
    assert sum(one.net_minor for one in sums) == priced.net_minor
    assert sum(one.total_minor for one in sums) == priced.total_minor
    assert [one.tax_minor for one in sums[2:]] == [0, 0]


@pytest.mark.parametrize(("rounding", "taxes_minor"), [("line", 36), ("total", 35)])
def test_three_taxes_that_round_up_are_a_minor_unit_less_on_the_total(
    rounding: TaxRounding, taxes_minor: int
) -> None:
    taxes = TaxTable(
        [
            TaxRate(
                tax_class="standard",
                jurisdiction="EG",
                valid_from=TODAY,
                rate="0.04",
                inclusive=True,
            )
        ]
    )
    tea = Product(sku="tea", name="Tea", price_minor=299, currency="USD")

    priced = price_basket(
        [(tea, 1)] * 3, taxes, "EG", TODAY, Terms(occasion=OCCASION, tax_rounding=rounding)
    )

    assert isinstance(priced, PricedBasket)
    assert [one.tax_minor for one in tax_sums(priced.lines)] == [taxes_minor]
    assert priced.total_minor == 897
