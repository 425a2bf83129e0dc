"""What a basket would cost: the answer to who asks before selling."""

from collections.abc import Mapping

import msgspec

from retail.prices.pricing import PricedBasket
from retail.prices.promotions import Promotion
from retail.prices.tax_sums import TaxSum, tax_sums
from retail.selling.sales import SaleLine


class UsedPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion that takes something off this basket."""

    id: str
    name: str
    coupon: str | None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A basket's price, line by line as a sale would have it; binds nobody.

    `taxes` are the sums by rate, zero-rated and exempt goods apart (`retail.prices.tax_sums`).
    """

    currency: str
    lines: tuple[SaleLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int
    taxes: tuple[TaxSum, ...]
    promotions: tuple[UsedPromotion, ...]


def quote_of(priced: PricedBasket, promotions: Mapping[str, Promotion]) -> Quote:
    """The priced basket as an answer; `promotions` has those that it was priced with, by id."""
    used = (promotions[one] for one in priced.promotions)
    return Quote(
        currency=priced.currency,
        lines=priced.lines,
        net_minor=priced.net_minor,
        tax_minor=priced.tax_minor,
        total_minor=priced.total_minor,
        taxes=tax_sums(priced.lines),
        promotions=tuple(
            UsedPromotion(id=one.id, name=one.name, coupon=one.coupon) for one in used
        ),
    )
