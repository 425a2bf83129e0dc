"""Goal: money is exact, known by its currency, and rounded the same way in both directions.

Method: the currencies with unusual decimals by name, rounding against Fraction.
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.money import (
    EXPONENTS,
    UnknownCurrency,
    allocate,
    divide_half_up,
    exponent,
    format_minor,
)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "USD", "12.34"),
        (-5, "USD", "-0.05"),
        (0, "EUR", "0.00"),
        (1234, "JPY", "1234"),
        (-1234, "JPY", "-1234"),
        (1234, "KWD", "1.234"),
        (5, "OMR", "0.005"),
        (12345, "UYW", "1.2345"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(
    minor: int, currency: str, text: str
) -> None:
    assert format_minor(minor, currency) == text


def test_the_table_has_each_active_currency_once() -> None:
    assert len(EXPONENTS) == 165
    assert {code for code, decimals in EXPONENTS.items() if decimals == 3} == {
        *("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
    }
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)


@pytest.mark.parametrize("code", ["", "usd", "HRK", "BGN", "XAU", "XXX", "ZZZ"])
def test_a_code_that_is_no_active_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency, match="not an active ISO 4217 currency"):
        exponent(code)
    with pytest.raises(UnknownCurrency):
        format_minor(1, code)


@given(st.integers(), st.integers(min_value=1))
def test_division_takes_the_nearest_int_and_a_half_away_from_zero(
    numerator: int, denominator: int
) -> None:
    quotient = divide_half_up(numerator, denominator)

    distance = abs(Fraction(numerator, denominator) - quotient)
    assert distance <= Fraction(1, 2)
    if distance == Fraction(1, 2):
        assert abs(quotient) > abs(Fraction(numerator, denominator))


@given(st.integers(), st.integers(min_value=1))
def test_division_mirrors_at_zero(numerator: int, denominator: int) -> None:
    assert divide_half_up(-numerator, denominator) == -divide_half_up(numerator, denominator)


@pytest.mark.parametrize(
    ("amount_minor", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (200, [350, 300, 450], [64, 54, 82]),
        (2, [1, 1, 1], [1, 1, 0]),
        (1, [1, 3], [0, 1]),
        (5, [0, 5], [0, 5]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_an_amount_is_shared_by_largest_remainder(
    amount_minor: int, weights: list[int], shares: list[int]
) -> None:
    assert allocate(amount_minor, weights) == shares


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any),
    st.fractions(min_value=0, max_value=1),
)
def test_shares_sum_to_the_amount_and_stay_within_one_of_their_weight(
    weights: list[int], part: Fraction
) -> None:
    total = sum(weights)
    amount_minor = int(total * part)

    shares = allocate(amount_minor, weights)

    assert sum(shares) == amount_minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount_minor * weight, total)) < 1
        assert 0 <= share <= weight
