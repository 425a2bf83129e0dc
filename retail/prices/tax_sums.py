"""A basket's tax by rate, as a receipt and a tax return list it: what was sold, and the tax.

What is zero-rated ("0") and what is exempt ("exempt") stand apart from each other and from the
rest, though neither costs any tax (`retail.prices.tax`).
"""

from collections.abc import Iterable

import msgspec

from retail.prices.tax import EXEMPT
from retail.selling.sales import SaleLine


class TaxSum(msgspec.Struct, frozen=True, kw_only=True):
    """All that was sold at one rate; net + tax == total. `tax_rate` is the tax row's own text."""

    tax_rate: str
    net_minor: int
    tax_minor: int
    total_minor: int


def tax_sums(lines: Iterable[SaleLine]) -> tuple[TaxSum, ...]:
    """The lines' sums by rate: the highest first, exempt goods last."""
    sums: dict[str, list[int]] = {}
    for line in lines:
        amounts = sums.setdefault(line.tax_rate, [0, 0, 0])
        amounts[0] += line.net_minor
        amounts[1] += line.tax_minor
        amounts[2] += line.total_minor
    return tuple(
        TaxSum(
            tax_rate=rate,
            net_minor=sums[rate][0],
            tax_minor=sums[rate][1],
            total_minor=sums[rate][2],
        )
        for rate in sorted(sums, key=_place)
    )


def _place(rate: str) -> tuple[bool, float]:
    return (True, 0.0) if rate == EXEMPT else (False, -float(rate))
