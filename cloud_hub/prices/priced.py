"""What an online order costs now, on the writer thread: for the order, and for who asks before."""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from cloud_hub.head_office import HeadOffice
from cloud_hub.prices.allowances import uses_held
from retail.ordering.orders import Fulfilment, OrderRequest, Pickup, PricedOrderRequest
from retail.prices.price_lists import PriceBook
from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotions import coupon_trouble
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion, as_coupon
from web.price_rules import refused_coupon
from web.problems import Problem
from web.uses import NOBODY, Asked, UsesShort, lacking, not_offered

CHANNEL: Final = "online"


class OnlinePrices(NamedTuple):
    """What goods cost online at one instant by the price lists; it may leave the writer thread.

    For whoever has the goods delivered and is of no customer group, before any promotion.
    """

    book: PriceBook
    occasion: Occasion

    def price_minor(self, product: Product) -> int:
        """For `price_per_quantity` base units, in the product's currency."""
        return self.book.price_of(product, self.occasion).price_minor


def online_prices(office: HeadOffice) -> OnlinePrices:
    """The prices of now, on the writer thread."""
    occasion = Occasion(channel=CHANNEL, location=None, local_time=office.local_time())
    return OnlinePrices(office.current_rules().prices, occasion)


def price_order(
    office: HeadOffice, lines: Sequence[tuple[Product, int]], request: OrderRequest, asked: Asked
) -> PricedBasket | UsesShort | Problem:
    """The order's lines, priced, where the total is the one that the customer expects."""
    priced = price(office, lines, request, request.fulfilment, asked)
    if not isinstance(priced, PricedBasket):
        return priced
    expected = request.expected_total_minor
    if expected is not None and expected != priced.total_minor:
        return Problem.price_changed(total_minor=priced.total_minor, expected_minor=expected)
    return priced


def price(
    office: HeadOffice,
    lines: Sequence[tuple[Product, int]],
    request: PricedOrderRequest,
    fulfilment: Fulfilment,
    asked: Asked = NOBODY,
) -> PricedBasket | UsesShort | Problem:
    """The lines, priced by the hub's own day; who collects has the prices of that location.

    `asked` says who was asked for uses of limited promotions that the hub has none of.
    """
    limited, held = office.rules.limited, partial(uses_held, office)
    terms: Terms | None = None
    rounding = office.settings.tax_rounding
    if request.coupon is not None or not office.rules.is_empty or rounding != "line":
        occasion = Occasion(
            channel=CHANNEL,
            location=fulfilment.location if isinstance(fulfilment, Pickup) else None,
            local_time=office.local_time(),
            customer_group=request.customer_group,
            coupons=_coupons(request),
        )
        rules = office.current_rules()
        withheld = not_offered(limited, held, asked)
        trouble = request.coupon and coupon_trouble(
            as_coupon(request.coupon), office.rules.promotions.values(), rules.timely,
            occasion, lines[0][0].currency, withheld,
        )  # fmt: skip
        if trouble:
            return refused_coupon(trouble, "$.coupon")
        terms = Terms(
            occasion=occasion,
            prices=rules.prices,
            promotions=rules.promotions,
            used_up=frozenset(withheld),
            tax_rounding=rounding,
        )
    priced = price_basket(lines, office.taxes, office.settings.jurisdiction, office.today(), terms)
    if not isinstance(priced, PricedBasket):
        return Problem.invalid(f"The order has no price: {priced}.", field="$.lines")
    return lacking(priced, limited, held) or priced


def _coupons(request: PricedOrderRequest) -> frozenset[str]:
    return frozenset(() if request.coupon is None else (as_coupon(request.coupon),))
