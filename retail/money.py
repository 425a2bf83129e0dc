"""Money is an int in the minor unit of its ISO 4217 currency, with the currency beside it.

The table is ISO 4217 list one as published on 2026-01-01, funds codes included; metals, test codes
and special drawing rights have no minor unit and are not money here.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

TOTAL_MINOR_MAX: Final = 2**53 - 1
"""The largest total of one sale or order: exact in every JSON reader and in a 64-bit column."""

MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=TOTAL_MINOR_MAX)]
"""An amount that is never negative, as it comes in at a door."""

CurrencyCode = Annotated[
    str,
    msgspec.Meta(
        pattern="^[A-Z]{3}(?![\\s\\S])",
        description="a currency's code of three capital letters, like EUR",
    ),
]
"""Three capitals; `exponent` knows whether it is a currency."""

_NO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
    "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB "
    "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW "
    "ZWG"
)
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS: Final = "CLF UYW"

EXPONENTS: Final[Mapping[str, int]] = {
    code: decimals
    for codes, decimals in (
        (_NO_DECIMALS, 0),
        (_TWO_DECIMALS, 2),
        (_THREE_DECIMALS, 3),
        (_FOUR_DECIMALS, 4),
    )
    for code in codes.split()
}
"""Decimals of the minor unit, per active currency. A code that is not here is refused."""


class UnknownCurrency(LookupError):
    """A code that is no active ISO 4217 currency got past the door; ask `EXPONENTS` there."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"{currency!r} is not an active ISO 4217 currency")
        self.currency = currency


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: USD 2, JPY 0, KWD 3.

    Raises:
        UnknownCurrency: the code is not in `EXPONENTS`.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def format_minor(minor: int, currency: str) -> str:
    """The amount in major units as plain digits with a point, without the code: `-0.05`.

    For receipts, logs and exports; grouping and script belong to the screen that shows it.

    Raises:
        UnknownCurrency: the code is not in `EXPONENTS`.
    """
    decimals = exponent(currency)
    sign = "-" if minor < 0 else ""
    if decimals == 0:
        return f"{sign}{abs(minor)}"
    major, rest = divmod(abs(minor), 10**decimals)
    return f"{sign}{major}.{rest:0{decimals}d}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """The nearest int to the quotient, a half away from zero, so that a refund mirrors its sale.

    Exact for ints of any size; `denominator` is positive.
    """
    assert denominator > 0, denominator
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """The amount in shares as the weights are, by largest remainder; they sum to it exactly.

    Each share is its exact value rounded down or up. So where the amount is no more than the sum
    of the weights, no share is more than its weight. Equal remainders go to the first.
    """
    total = sum(weights)
    assert amount_minor >= 0, amount_minor
    assert total > 0 or amount_minor == 0, "there is nobody to share it"
    if amount_minor == 0:
        return [0] * len(weights)
    shares: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        share, remainder = divmod(amount_minor * weight, total)
        shares.append(share)
        remainders.append(remainder)
    if left := amount_minor - sum(shares):
        largest = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
        for place in largest[:left]:
            shares[place] += 1
    return shares
