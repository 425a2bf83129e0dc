"""Tax rates as dated rows, and the row that holds for a class, a jurisdiction and a day.

A rate is never edited: a change is a new row with a later `valid_from`, so that a price of last
year can still be explained. The newest row that has begun on the day is the one. There is no
fall-back from one jurisdiction or class to another: no row, no price.

Zero-rated and exempt are two things: "0" is a rate, and a tax return lists what was sold at it;
"exempt" is no rate at all. Both cost the customer nothing, and the line keeps the text.

Rates are prepared once as int fractions, because a sale looks one up per line:

    exclusive  tax = net x rate                numerator / denominator = n / d
    inclusive  tax = total x rate/(1 + rate)   numerator / denominator = n / (d + n)

A chain says where the tax is rounded: on each line, or once on the total of each rate. The latter
is how an invoice sums up its taxes (EN 16931, BR-CO-14 and BR-CO-17), and `tax_shares` then hands
the rounded sum back to the lines. One price and the two ways, for 2.99 at 4 % inclusive:

    2.99 x 4/104 = 0.115 exactly, so 0.12. Rounding the net instead, 2.99/1.04 = 2.875, so 2.88,
    would leave 0.11: here it is always the tax that is rounded, and the net is what is left.
    three such lines, per line     0.12 + 0.12 + 0.12 = 0.36
    three such lines, per total    8.97 x 4/104 = 0.345, so 0.35, and the lines get 0.12, 0.12, 0.11
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from retail.money import allocate, divide_half_up
from retail.products.catalogue import TaxClass

DecimalRate = Annotated[
    str, Meta(pattern=r"^[0-9](?:\.[0-9]{1,6})?(?![\s\S])", description="a rate below 10 like 0.15")
]
"""A share of the net price as a decimal text: "0.15" is fifteen per cent."""

EXEMPT: Final = "exempt"
"""The rate of what is outside the tax: no fraction, and a text that no number has."""

RateText = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{EXEMPT}|[0-9](?:\.[0-9]{{1,6}})?)(?![\s\S])",
        description="a rate like 0.15, or exempt",
    ),
]
"""A `DecimalRate`, or `EXEMPT`."""

TaxRounding = Literal["line", "total"]
"""Where the tax is rounded: on each line, or once on the sum of the lines of each rate."""


Jurisdiction = Annotated[str, Meta(min_length=1, max_length=64)]


class TaxRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of the table: what holds for the class in the jurisdiction from that day on.

    `inclusive` says that prices of this class are written with the tax in them.
    """

    tax_class: TaxClass
    jurisdiction: Jurisdiction
    valid_from: datetime.date
    rate: RateText
    inclusive: bool


_UNSEEN: Final = r"\s\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
"""Spaces, control characters, and what turns or joins others without being seen."""


class TaxPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which row of the table: there is one per jurisdiction, class and first day."""

    jurisdiction: Annotated[
        Jurisdiction,
        Meta(
            pattern=rf"^[^/{_UNSEEN}]+(?![\s\S])",
            description="a jurisdiction: characters that can be seen, without / and spaces",
        ),
    ]
    tax_class: TaxClass
    valid_from: datetime.date


class TaxRateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a row says, as head office writes it."""

    rate: RateText
    inclusive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicableRate:
    """The row that fits, as a fraction of the priced amount. `rate` is the row's own text."""

    rate: str
    inclusive: bool
    tax_numerator: int
    tax_denominator: int

    def tax_on(self, amount_minor: int) -> int:
        """The tax in the amount, or upon it where prices are without, rounded half up."""
        return divide_half_up(amount_minor * self.tax_numerator, self.tax_denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTaxRate:
    """Refusal: no row of the table fits, so the product has no price on this day."""

    tax_class: str
    jurisdiction: str
    on_date: datetime.date

    def __str__(self) -> str:
        return (
            f"no tax rate for class {self.tax_class} in {self.jurisdiction}"
            f" on {self.on_date.isoformat()}"
        )


class TaxTable:
    """The rows, arranged for lookup. Immutable: a change of rows is a new table."""

    __slots__ = ("_history",)

    def __init__(self, rows: Iterable[TaxRate]) -> None:
        """Arrange the rows, in any order.

        Raises:
            ValueError: two rows begin on one day for the same class and jurisdiction.
        """
        # Newest first: nearly every lookup ends at the first row.
        self._history: dict[str, dict[str, list[tuple[datetime.date, ApplicableRate]]]] = {}
        for row in sorted(rows, key=lambda row: row.valid_from, reverse=True):
            history = self._history.setdefault(row.jurisdiction, {}).setdefault(row.tax_class, [])
            if history and history[-1][0] == row.valid_from:
                raise ValueError(
                    f"two tax rates for class {row.tax_class} in {row.jurisdiction}"
                    f" from {row.valid_from.isoformat()}"
                )
            history.append((row.valid_from, _applicable(row)))

    def rate_on(
        self, tax_class: str, jurisdiction: str, on_date: datetime.date
    ) -> ApplicableRate | NoTaxRate:
        """The newest row of class and jurisdiction that has begun on `on_date`."""
        try:
            history = self._history[jurisdiction][tax_class]
        except KeyError:
            history = []
        for valid_from, applicable in history:
            if valid_from <= on_date:
                return applicable
        return NoTaxRate(tax_class=tax_class, jurisdiction=jurisdiction, on_date=on_date)


def tax_shares(
    amounts_minor: Sequence[int], rates: Sequence[ApplicableRate], order: Sequence[int]
) -> list[int]:
    """The tax of each line, rounded once per rate on the total of its lines and shared by them.

    Amounts are as priced, after discounts. Of equal remainders those go first that are first in
    `order`, the lines' numbers in an order that is not that of scanning.
    """
    taxes = [0] * len(rates)
    by_rate: dict[ApplicableRate, list[int]] = {}
    for number in order:
        by_rate.setdefault(rates[number], []).append(number)
    for rate, numbers in by_rate.items():
        amounts = [amounts_minor[number] for number in numbers]
        for number, share in zip(
            numbers, allocate(rate.tax_on(sum(amounts)), amounts), strict=True
        ):
            taxes[number] = share
    return taxes


def _applicable(row: TaxRate) -> ApplicableRate:
    if row.rate == EXEMPT:
        return ApplicableRate(
            rate=EXEMPT, inclusive=row.inclusive, tax_numerator=0, tax_denominator=1
        )
    whole, _, decimals = row.rate.partition(".")
    numerator, denominator = int(whole + decimals), 10 ** len(decimals)
    if row.inclusive:
        denominator += numerator
    shared = gcd(numerator, denominator)
    return ApplicableRate(
        rate=row.rate,
        inclusive=row.inclusive,
        tax_numerator=numerator // shared,
        tax_denominator=denominator // shared,
    )
