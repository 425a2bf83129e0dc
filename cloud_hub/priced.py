"""What an online order costs now, on the writer thread: for the order, and for who asks before."""

from collections.abc import Sequence
from typing import Final

from cloud_hub.head_office import HeadOffice
from retail.catalogue import Product
from retail.occasion import Occasion, as_coupon
from retail.orders import Fulfilment, OrderRequest, Pickup, PricedOrderRequest
from retail.pricing import PricedBasket, Terms, price_basket
from retail.promotions import coupon_trouble
from web.problems import Problem

CHANNEL: Final = "online"


def price_order(
    office: HeadOffice, lines: Sequence[tuple[Product, int]], request: OrderRequest
) -> PricedBasket | Problem:
    """The order's lines, priced, where the total is the one that the customer expects."""
    priced = price(office, lines, request, request.fulfilment)
    if isinstance(priced, Problem):
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
) -> PricedBasket | Problem:
    """The lines, priced by the hub's own day; who collects has the prices of that location."""
    terms: Terms | None = None
    if request.coupon is not None or not office.rules.is_empty:
        occasion = Occasion(
            channel=CHANNEL,
            location=fulfilment.location if isinstance(fulfilment, Pickup) else None,
            local_time=office.local_time(),
            customer_group=request.customer_group,
            coupons=_coupons(request),
        )
        rules = office.current_rules()
        trouble = request.coupon and coupon_trouble(
            as_coupon(request.coupon), office.rules.promotions.values(), rules.timely,
            occasion, lines[0][0].currency,
        )  # fmt: skip
        if trouble:
            return Problem.invalid(f"The coupon is refused: {trouble}.", field="$.coupon")
        terms = Terms(occasion=occasion, prices=rules.prices, promotions=rules.promotions)
    priced = price_basket(lines, office.taxes, office.settings.jurisdiction, office.today(), terms)
    if not isinstance(priced, PricedBasket):
        return Problem.invalid(f"The order has no price: {priced}.", field="$.lines")
    return priced


def _coupons(request: PricedOrderRequest) -> frozenset[str]:
    return frozenset(() if request.coupon is None else (as_coupon(request.coupon),))
