"""Goal: the row that holds on a day is found, and its fraction is the rate exactly.

Method: a table with a change of rate, asked on the days around it.
"""

import datetime
from fractions import Fraction

import msgspec
import pytest

from retail.prices.tax import (
    EXEMPT,
    ApplicableRate,
    NoTaxRate,
    TaxPlace,
    TaxRate,
    TaxTable,
    tax_shares,
)


def row(
    rate: str, valid_from: str, *, tax_class: str = "standard", inclusive: bool = True
) -> TaxRate:
    """A row of the table for Egypt."""
    return TaxRate(
        tax_class=tax_class,
        jurisdiction="EG",
        valid_from=datetime.date.fromisoformat(valid_from),
        rate=rate,
        inclusive=inclusive,
    )


def day(text: str) -> datetime.date:
    """A date."""
    return datetime.date.fromisoformat(text)


TABLE = TaxTable([row("0.14", "2017-07-01"), row("0.15", "2026-07-01"), row("0.13", "2016-09-08")])


@pytest.mark.parametrize(
    ("on_date", "rate"),
    [
        ("2016-09-08", "0.13"),
        ("2017-06-30", "0.13"),
        ("2017-07-01", "0.14"),
        ("2026-06-30", "0.14"),
        ("2026-07-01", "0.15"),
        ("2099-01-01", "0.15"),
    ],
)
def test_the_newest_row_that_has_begun_holds(on_date: str, rate: str) -> None:
    found = TABLE.rate_on("standard", "EG", day(on_date))

    assert isinstance(found, ApplicableRate)
    assert found.rate == rate


@pytest.mark.parametrize(
    ("tax_class", "jurisdiction", "on_date"),
    [
        ("standard", "EG", "2016-09-07"),
        ("books", "EG", "2026-11-22"),
        ("standard", "SA", "2026-11-22"),
    ],
)
def test_without_a_row_there_is_no_rate(tax_class: str, jurisdiction: str, on_date: str) -> None:
    refusal = TABLE.rate_on(tax_class, jurisdiction, day(on_date))

    assert refusal == NoTaxRate(
        tax_class=tax_class, jurisdiction=jurisdiction, on_date=day(on_date)
    )
    assert str(refusal) == f"no tax rate for class {tax_class} in {jurisdiction} on {on_date}"


@pytest.mark.parametrize("rate", ["0", "0.05", "0.15", "0.0825", "1", "0.196078"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_the_fraction_is_the_share_of_the_priced_amount(rate: str, inclusive: bool) -> None:  # noqa: FBT001
    table = TaxTable([row(rate, "2020-01-01", inclusive=inclusive)])

    found = table.rate_on("standard", "EG", day("2026-11-22"))

    assert isinstance(found, ApplicableRate)
    exact = Fraction(rate) / (1 + Fraction(rate)) if inclusive else Fraction(rate)
    assert Fraction(found.tax_numerator, found.tax_denominator) == exact


def test_two_rows_from_the_same_day_are_refused() -> None:
    with pytest.raises(ValueError, match="two tax rates for class standard in EG from 2020-01-01"):
        TaxTable([row("0.14", "2020-01-01"), row("0.1", "2021-01-01"), row("0.15", "2020-01-01")])


@pytest.mark.parametrize(
    "rate",
    [
        "",
        "none",
        "exempt\n",
        "EXEMPT",
        "15%",
        "-0.1",
        ".15",
        "0.",
        "0.1234567",
        "10",
        "0.15\n",
        "1e1",
    ],
)
def test_a_rate_is_a_plain_decimal(rate: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {
                "tax_class": "standard",
                "jurisdiction": "EG",
                "valid_from": "2026-01-01",
                "rate": rate,
                "inclusive": True,
            },
            TaxRate,
        )


@pytest.mark.parametrize("inclusive", [True, False])
def test_exempt_is_no_rate_and_takes_no_tax(inclusive: bool) -> None:  # noqa: FBT001
    table = TaxTable([row(EXEMPT, "2020-01-01", inclusive=inclusive)])

    found = table.rate_on("standard", "EG", day("2026-11-22"))

    assert isinstance(found, ApplicableRate)
    assert (found.rate, found.tax_on(299)) == ("exempt", 0)


def applicable(rate: str, *, inclusive: bool = True) -> ApplicableRate:
    """The rate as a sale uses it."""
    table = TaxTable([row(rate, "2020-01-01", inclusive=inclusive)])
    found = table.rate_on("standard", "EG", day("2026-11-22"))
    assert isinstance(found, ApplicableRate)
    return found


def test_the_tax_of_a_total_is_rounded_once_per_rate_and_shared() -> None:
    """4 % of 8.97 is 0.345, so 0.35; 15 % of 1.00 is 0.1304, so 0.13; what is exempt has none."""
    four, fifteen, exempt = applicable("0.04"), applicable("0.15"), applicable(EXEMPT)
    amounts_minor = [299, 100, 299, 500, 299]
    rates = [four, fifteen, four, exempt, four]

    assert tax_shares(amounts_minor, rates, range(5)) == [12, 13, 12, 0, 11]
    assert tax_shares(amounts_minor, rates, [4, 3, 2, 1, 0]) == [11, 13, 12, 0, 12]
    assert four.tax_on(299) == 12


@pytest.mark.parametrize("name", ["", "a b", "a/b", "\x00", "\u202e", "EG\u200b", "\ufeffEG"])
def test_a_jurisdiction_is_of_characters_that_can_be_seen(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="jurisdiction"):
        msgspec.convert(
            {"jurisdiction": name, "tax_class": "standard", "valid_from": "2026-01-01"}, TaxPlace
        )


@pytest.mark.parametrize("name", ["EG", "home", "مصر", "Île-de-France"])
def test_a_jurisdiction_has_a_name_in_any_script(name: str) -> None:
    place = msgspec.convert(
        {"jurisdiction": name, "tax_class": "standard", "valid_from": "2026-01-01"}, TaxPlace
    )

    assert place.jurisdiction == name
