"""A basket's prices: per line, in ints, rounded half up once for the amount and once for the tax.

    amount = price x quantity / price_per_quantity        rounded half up
    tax    = amount x the rate's fraction (retail.tax)    rounded half up
    inclusive: total = amount, net = total - tax          exclusive: net = amount, total = net + tax

    P1  net + tax == total, in each line and in the basket
    P2  the basket's sums are the sums of its lines
    P3  what was shown is what is paid: inclusive totals do not depend on the rate

The gateway runs this inside every sale, so its values are msgspec structs (a tenth of the cost of
a frozen dataclass) and nothing is built twice: a line is the sale's line from the start.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from retail.catalogue import Product
from retail.money import TOTAL_MINOR_MAX, divide_half_up
from retail.sales import SaleLine
from retail.tax import ApplicableRate, NoTaxRate, TaxTable


class PricedBasket(msgspec.Struct, frozen=True, kw_only=True):
    """The lines in the order they came, priced, and their sums."""

    currency: str
    lines: tuple[SaleLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyBasket:
    """Refusal: there is no line, so there is not even a currency."""

    def __str__(self) -> str:
        return "there is nothing in the basket"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyMix:
    """Refusal: a line is priced in another currency than the first one."""

    sku: str
    currency: str
    basket_currency: str

    def __str__(self) -> str:
        return f"{self.sku} is priced in {self.currency}, the basket in {self.basket_currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalTooLarge:
    """Refusal: the total is above `TOTAL_MINOR_MAX` and would not be exact everywhere."""

    total_minor: int

    def __str__(self) -> str:
        return f"the total of {self.total_minor} is above {TOTAL_MINOR_MAX}"


PricingRefusal = EmptyBasket | CurrencyMix | NoTaxRate | TotalTooLarge


def price_basket(
    lines: Sequence[tuple[Product, int]],
    taxes: TaxTable,
    jurisdiction: str,
    on_date: datetime.date,
) -> PricedBasket | PricingRefusal:
    """Price the lines with the tax rates of the place and the business day.

    Quantities are positive base units, checked at the door. Lines are not merged: two lines of
    one SKU stay two, and each is rounded by itself.
    """
    if not lines:
        return EmptyBasket()
    currency = lines[0][0].currency
    priced: list[SaleLine] = []
    net_sum = tax_sum = 0
    for product, quantity in lines:
        if product.currency != currency:
            return CurrencyMix(sku=product.sku, currency=product.currency, basket_currency=currency)
        rate = taxes.rate_on(product.tax_class, jurisdiction, on_date)
        if not isinstance(rate, ApplicableRate):
            return rate
        line = _priced_line(product, quantity, rate)
        priced.append(line)
        net_sum += line.net_minor
        tax_sum += line.tax_minor
    if net_sum + tax_sum > TOTAL_MINOR_MAX:
        return TotalTooLarge(total_minor=net_sum + tax_sum)
    return PricedBasket(
        currency=currency,
        lines=tuple(priced),
        net_minor=net_sum,
        tax_minor=tax_sum,
        total_minor=net_sum + tax_sum,
    )


def _priced_line(product: Product, quantity: int, rate: ApplicableRate) -> SaleLine:
    assert quantity > 0, quantity
    amount_minor = product.price_minor * quantity
    if product.price_per_quantity != 1:
        amount_minor = divide_half_up(amount_minor, product.price_per_quantity)
    tax_minor = divide_half_up(amount_minor * rate.tax_numerator, rate.tax_denominator)
    if rate.inclusive:
        net_minor, total_minor = amount_minor - tax_minor, amount_minor
    else:
        net_minor, total_minor = amount_minor, amount_minor + tax_minor
    return SaleLine(
        sku=product.sku,
        name=product.name,
        quantity=quantity,
        unit_price_minor=product.price_minor,
        discounts=(),
        net_minor=net_minor,
        tax_class=product.tax_class,
        tax_rate=rate.rate,
        tax_minor=tax_minor,
        total_minor=total_minor,
    )
