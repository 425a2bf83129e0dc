"""A basket's prices: per line, in ints, rounded half up once for the amount and once for the tax.

    amount = price x quantity / price_per_quantity        rounded half up
    due    = amount - the line's discounts                retail.prices.discounts
    tax    = due x the rate's fraction (retail.prices.tax)       rounded half up, per line or per
    total
    inclusive: total = due, net = total - tax             exclusive: net = due, total = net + tax

    P1  net + tax == total, in each line and in the basket
    P2  the basket's sums are the sums of its lines
    P3  what was shown is what is paid: inclusive totals do not depend on the rate
    P4  no amount is negative
    P5  the order of the lines does not matter: other order, same lines, each with its prices

The gateway runs this inside every sale, so its values are msgspec structs (a tenth of the cost of
a frozen dataclass) and nothing is built twice: a line is the sale's line from the start.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from retail.money import TOTAL_MINOR_MAX, divide_half_up
from retail.prices.discounts import (
    DiscountRefusal,
    ManualDiscount,
    Offered,
    QuotedLine,
    Reductions,
    reduce_by_hand,
    reduce_by_promotions,
)
from retail.prices.price_lists import NO_LISTS, PriceBook, basket_price
from retail.prices.promotion_index import NO_PROMOTIONS, PromotionIndex
from retail.prices.tax import ApplicableRate, NoTaxRate, TaxRounding, TaxTable, tax_shares
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion
from retail.selling.sales import LineDiscount, SaleLine


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a basket is priced by, besides products and taxes.

    `promotions` are those whose time has come (`promotions.in_time`), `used_up` the ids of those
    that have no use left. `added_minor` has, line by line, the price that an open basket showed
    when the line was added, None where there is none to keep; it is empty for a new basket.
    `amounts_minor` has, line by line, the amount that is printed on the goods
    (`retail.products.embedded`) and stands whatever the price is, None where there is none; it is
    empty where no line has one. `manual` is given by somebody of `role`.
    """

    occasion: Occasion
    prices: PriceBook = NO_LISTS
    promotions: PromotionIndex = NO_PROMOTIONS
    used_up: frozenset[str] = frozenset()
    added_minor: tuple[int | None, ...] = ()
    amounts_minor: tuple[int | None, ...] = ()
    manual: tuple[ManualDiscount, ...] = ()
    role: str = ""
    tax_rounding: TaxRounding = "line"

    def are_plain(self) -> bool:
        """Whether they change nothing: each product at its own price, and its tax on the line."""
        return (
            self.promotions.is_empty
            and self.prices.is_empty
            and not self.manual
            and not self.added_minor
            and not self.amounts_minor
            and self.tax_rounding == "line"
        )


class PricedBasket(msgspec.Struct, frozen=True, kw_only=True):
    """The lines in the order they came, priced, and their sums.

    `promotions` are the ids of those that took something off: each has been used once.
    """

    currency: str
    lines: tuple[SaleLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int
    promotions: tuple[str, ...] = ()


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


PricingRefusal = EmptyBasket | CurrencyMix | NoTaxRate | TotalTooLarge | DiscountRefusal


def price_basket(
    lines: Sequence[tuple[Product, int]],
    taxes: TaxTable,
    jurisdiction: str,
    on_date: datetime.date,
    terms: Terms | None = None,
) -> PricedBasket | PricingRefusal:
    """Price the lines with the tax rates of the place and the business day.

    Without `terms`, each product has its own price and nothing comes off. Quantities are positive
    base units, checked at the door. Lines are not merged: two lines of one SKU stay two, and each
    is rounded by itself.
    """
    if not lines:
        return EmptyBasket()
    if terms is not None and not terms.are_plain():
        return _priced_on_terms(lines, taxes, jurisdiction, on_date, terms)
    currency = lines[0][0].currency
    tax_class = lines[0][0].tax_class
    rate = taxes.rate_on(tax_class, jurisdiction, on_date)
    priced: list[SaleLine] = []
    for product, quantity in lines:
        if product.currency != currency:
            return CurrencyMix(sku=product.sku, currency=product.currency, basket_currency=currency)
        if product.tax_class != tax_class:  # few baskets have more than one or two
            tax_class = product.tax_class
            rate = taxes.rate_on(tax_class, jurisdiction, on_date)
        if not isinstance(rate, ApplicableRate):
            return rate
        price_minor = product.price_minor
        due_minor = _amount(product, quantity, price_minor)
        priced.append(_line(product, quantity, price_minor, rate, due_minor))
    return _summed(currency, priced, ())


def _priced_on_terms(
    lines: Sequence[tuple[Product, int]],
    taxes: TaxTable,
    jurisdiction: str,
    on_date: datetime.date,
    terms: Terms,
) -> PricedBasket | PricingRefusal:
    quoted = _quoted(lines, terms)
    if isinstance(quoted, CurrencyMix):
        return quoted
    currency, quotes = quoted
    rates: list[ApplicableRate] = []
    for product, _ in lines:
        rate = taxes.rate_on(product.tax_class, jurisdiction, on_date)
        if not isinstance(rate, ApplicableRate):
            return rate
        rates.append(rate)
    reductions = Reductions(quotes, terms.manual)
    if terms.promotions.touches(product.sku for product, _ in lines):
        offered = Offered(terms.occasion, currency, terms.used_up)
        reduce_by_promotions(reductions, quotes, terms.promotions, offered)
    if terms.manual:
        refusal = reduce_by_hand(reductions, terms.manual, terms.role)
        if refusal is not None:
            return refusal
    taxes_minor: Sequence[int | None] = (None,) * len(lines)
    if terms.tax_rounding == "total":
        taxes_minor = tax_shares(reductions.remaining_minor, rates, reductions.order)
    priced = [
        _line(product, quantity, price_minor, rate, due_minor, tuple(discounts), tax_minor)
        for (product, quantity, price_minor, _), rate, due_minor, discounts, tax_minor in zip(
            quotes,
            rates,
            reductions.remaining_minor,
            reductions.discounts,
            taxes_minor,
            strict=True,
        )
    ]
    return _summed(currency, priced, tuple(reductions.promotions))


def _quoted(
    lines: Sequence[tuple[Product, int]], terms: Terms
) -> tuple[str, list[QuotedLine]] | CurrencyMix:
    """The basket's currency, and its lines before anything comes off."""
    added = terms.added_minor or (None,) * len(lines)
    printed = terms.amounts_minor or (None,) * len(lines)
    currency = ""
    quotes: list[QuotedLine] = []
    for (product, quantity), added_minor, printed_minor in zip(lines, added, printed, strict=True):
        price_minor, line_currency, _ = terms.prices.price_of(product, terms.occasion)
        currency = currency or line_currency
        if line_currency != currency:
            return CurrencyMix(sku=product.sku, currency=line_currency, basket_currency=currency)
        if added_minor is not None:
            price_minor = basket_price(added_minor, price_minor)
        amount_minor = (
            _amount(product, quantity, price_minor) if printed_minor is None else printed_minor
        )
        quotes.append(QuotedLine(product, quantity, price_minor, amount_minor))
    return currency, quotes


def _amount(product: Product, quantity: int, price_minor: int) -> int:
    assert quantity > 0, quantity
    amount_minor = price_minor * quantity
    if product.price_per_quantity != 1:
        amount_minor = divide_half_up(amount_minor, product.price_per_quantity)
    return amount_minor


def _line(
    product: Product,
    quantity: int,
    price_minor: int,
    rate: ApplicableRate,
    due_minor: int,
    discounts: tuple[LineDiscount, ...] = (),
    tax_minor: int | None = None,
) -> SaleLine:
    """A line of which `due_minor` is due; its tax is rounded here, if not on the total."""
    if tax_minor is None:
        tax_minor = rate.tax_on(due_minor)
    if rate.inclusive:
        net_minor, total_minor = due_minor - tax_minor, due_minor
    else:
        net_minor, total_minor = due_minor, due_minor + tax_minor
    return SaleLine(
        sku=product.sku,
        name=product.name,
        quantity=quantity,
        unit_price_minor=price_minor,
        discounts=discounts,
        net_minor=net_minor,
        tax_class=product.tax_class,
        tax_rate=rate.rate,
        tax_minor=tax_minor,
        total_minor=total_minor,
    )


def _summed(
    currency: str, lines: list[SaleLine], promotions: tuple[str, ...]
) -> PricedBasket | TotalTooLarge:
    net_sum = tax_sum = 0
    for line in lines:
        net_sum += line.net_minor
        tax_sum += line.tax_minor
    if net_sum + tax_sum > TOTAL_MINOR_MAX:
        return TotalTooLarge(total_minor=net_sum + tax_sum)
    return PricedBasket(
        currency=currency,
        lines=tuple(lines),
        net_minor=net_sum,
        tax_minor=tax_sum,
        total_minor=net_sum + tax_sum,
        promotions=promotions,
    )
