"""Goal: no basket gains or loses a minor unit between its lines, its tax and its total (P1 to P3).

Method: Hypothesis fills baskets; the model is Fraction, rounded half up where the rules round.
"""

import datetime
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from retail.money import TOTAL_MINOR_MAX
from retail.prices.pricing import (
    CurrencyMix,
    EmptyBasket,
    PricedBasket,
    TotalTooLarge,
    price_basket,
)
from retail.prices.tax import NoTaxRate, TaxRate, TaxTable
from retail.products.catalogue import PRICE_MINOR_MAX, QUANTITY_MAX, Product

TODAY = datetime.date(2026, 11, 22)
RATES = ("0", "0.04", "0.05", "0.14", "0.15", "0.0825", "1.5")


def table(*, inclusive: bool) -> TaxTable:
    """One class for each rate, named c0, c1, ..."""
    return TaxTable(
        TaxRate(
            tax_class=f"c{number}",
            jurisdiction="EG",
            valid_from=TODAY,
            rate=rate,
            inclusive=inclusive,
        )
        for number, rate in enumerate(RATES)
    )


TABLES = {inclusive: table(inclusive=inclusive) for inclusive in (True, False)}

products = st.builds(
    Product,
    sku=st.sampled_from(["tea", "gouda", "bag"]),
    name=st.just("thing"),
    price_minor=st.integers(0, 100_000),
    currency=st.just("KWD"),
    tax_class=st.sampled_from([f"c{number}" for number in range(len(RATES))]),
    price_per_quantity=st.sampled_from([1, 3, 100, 1000]),
)
baskets = st.lists(st.tuples(products, st.integers(1, 100_000)), min_size=1, max_size=12)


def nearest(value: Fraction) -> int:
    """Rounded half up; the value is not negative."""
    return floor(value + Fraction(1, 2))


def priced(basket: list[tuple[Product, int]], *, inclusive: bool) -> PricedBasket:
    """The basket's prices, which exist."""
    result = price_basket(basket, TABLES[inclusive], "EG", TODAY)
    assert isinstance(result, PricedBasket), result
    return result


@given(baskets, st.booleans())
def test_net_and_tax_are_the_total_in_each_line_and_in_the_sums(
    basket: list[tuple[Product, int]],
    inclusive: bool,  # noqa: FBT001
) -> None:
    result = priced(basket, inclusive=inclusive)

    assert all(line.net_minor + line.tax_minor == line.total_minor for line in result.lines)
    assert all(line.net_minor >= 0 and line.tax_minor >= 0 for line in result.lines)
    assert result.net_minor == sum(line.net_minor for line in result.lines)
    assert result.tax_minor == sum(line.tax_minor for line in result.lines)
    assert result.total_minor == sum(line.total_minor for line in result.lines)


@given(baskets)
def test_an_inclusive_total_is_the_price_shown_and_the_tax_is_carved_out(
    basket: list[tuple[Product, int]],
) -> None:
    result = priced(basket, inclusive=True)

    for (product, quantity), line in zip(basket, result.lines, strict=True):
        rate = Fraction(line.tax_rate)
        shown = Fraction(product.price_minor * quantity, product.price_per_quantity)
        assert line.total_minor == nearest(shown)
        assert line.tax_minor == nearest(line.total_minor * rate / (1 + rate))


@given(baskets)
def test_an_exclusive_net_is_the_price_shown_and_the_tax_is_added(
    basket: list[tuple[Product, int]],
) -> None:
    result = priced(basket, inclusive=False)

    for (product, quantity), line in zip(basket, result.lines, strict=True):
        shown = Fraction(product.price_minor * quantity, product.price_per_quantity)
        assert line.net_minor == nearest(shown)
        assert line.tax_minor == nearest(line.net_minor * Fraction(line.tax_rate))


@given(baskets, st.booleans())
def test_lines_keep_their_order_and_what_they_were_rung_up_with(
    basket: list[tuple[Product, int]],
    inclusive: bool,  # noqa: FBT001
) -> None:
    result = priced(basket, inclusive=inclusive)

    for (product, quantity), line in zip(basket, result.lines, strict=True):
        assert (line.sku, line.name, line.quantity) == (product.sku, product.name, quantity)
        assert (line.unit_price_minor, line.tax_class) == (product.price_minor, product.tax_class)
        assert line.tax_rate == RATES[int(product.tax_class.removeprefix("c"))]
        assert line.discounts == ()


def thing(**fields: object) -> Product:
    """A product of 2.99 at 4 %, unless said otherwise."""
    given = {"sku": "tea", "name": "Tea", "price_minor": 299, "currency": "USD", "tax_class": "c1"}
    return Product(**{**given, **fields})  # type: ignore[arg-type] # any field


def test_tax_is_rounded_per_line_half_up() -> None:
    three_lines = price_basket([(thing(), 1)] * 3, TABLES[True], "EG", TODAY)
    one_line = price_basket([(thing(), 3)], TABLES[True], "EG", TODAY)

    assert isinstance(three_lines, PricedBasket)
    assert isinstance(one_line, PricedBasket)
    assert three_lines.tax_minor == 3 * 12  # 11.5 each
    assert one_line.tax_minor == 35  # 34.5
    assert three_lines.total_minor == one_line.total_minor == 897


def test_goods_in_grams_are_priced_per_kilogram() -> None:
    cheese = thing(price_minor=1999, price_per_quantity=1000)

    result = price_basket([(cheese, 252)], TABLES[True], "EG", TODAY)

    assert isinstance(result, PricedBasket)
    assert result.total_minor == 504  # 503.748
    assert result.lines[0].unit_price_minor == 1999


def test_a_basket_without_a_price_is_refused_with_its_reason() -> None:
    tea, gahwa = thing(), thing(sku="gahwa", currency="KWD")
    book = thing(tax_class="books")
    gold = thing(price_minor=PRICE_MINOR_MAX)
    taxes = TABLES[True]

    assert price_basket([], taxes, "EG", TODAY) == EmptyBasket()
    assert price_basket([(tea, 1), (gahwa, 1)], taxes, "EG", TODAY) == CurrencyMix(
        sku="gahwa", currency="KWD", basket_currency="USD"
    )
    assert price_basket([(tea, 1), (book, 1)], taxes, "EG", TODAY) == NoTaxRate(
        tax_class="books", jurisdiction="EG", on_date=TODAY
    )
    assert price_basket([(gold, QUANTITY_MAX)], taxes, "EG", TODAY) == TotalTooLarge(
        total_minor=PRICE_MINOR_MAX * QUANTITY_MAX
    )


def test_a_total_is_refused_only_above_the_limit() -> None:
    quantity = TOTAL_MINOR_MAX // 6361
    assert quantity * 6361 == TOTAL_MINOR_MAX, "2**53 - 1 has the factor 6361"
    assert isinstance(
        price_basket([(thing(price_minor=quantity), 6361)], TABLES[True], "EG", TODAY),
        PricedBasket,
    )
    assert price_basket(
        [(thing(price_minor=quantity), 6361), (thing(price_minor=1), 1)], TABLES[True], "EG", TODAY
    ) == TotalTooLarge(total_minor=TOTAL_MINOR_MAX + 1)
