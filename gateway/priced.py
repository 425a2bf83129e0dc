"""What a basket costs here and now, on the writer thread: for the sale, and for who asks before."""

from collections.abc import Sequence
from typing import Final

from gateway.picked import Picked, pick
from gateway.price_changes import price_to_keep
from gateway.shop import Shop
from retail.catalogue import Product
from retail.discounts import DiscountAboveLimit, NoSuchLine
from retail.occasion import Occasion, as_coupon
from retail.pricing import PricedBasket, Terms, price_basket
from retail.promotions import coupon_trouble
from retail.quotes import Quote, quote_of
from retail.sale_request import PricedRequest, QuoteRequest
from retail.sales import SaleRequestLine
from web.price_rules import Arranged
from web.problems import Problem, Slug

CHANNEL: Final = "store"


def price(shop: Shop, picked: Picked, request: PricedRequest, role: str) -> PricedBasket | Problem:
    """The picked lines, priced; `role` is of the person who gives the discounts by hand."""
    terms = _terms(shop, picked, request, role)
    if isinstance(terms, Problem):
        return terms
    priced = price_basket(
        picked.lines, shop.taxes, shop.identity.jurisdiction, shop.business_date(), terms
    )
    match priced:
        case PricedBasket():
            return priced
        case DiscountAboveLimit():
            return Problem(
                Slug.FORBIDDEN, f"The discount is refused: {priced}.",
                members={"off_minor": priced.off_minor, "limit_minor": priced.limit_minor},
            )  # fmt: skip
        case NoSuchLine():
            return Problem.invalid(f"The discount is refused: {priced}.", field="$.discounts")
        case _:
            return Problem.invalid(f"The basket has no price: {priced}.", field="$.lines")


def quote(shop: Shop, request: QuoteRequest, role: str) -> Quote | Problem:
    """What the basket would cost if it was sold now; changes nothing."""
    picked = pick(shop, request.lines)
    if isinstance(picked, Problem):
        return picked
    priced = price(shop, picked, request, role)
    if isinstance(priced, Problem):
        return priced
    return quote_of(priced, shop.rules.promotions)


def _terms(shop: Shop, picked: Picked, request: PricedRequest, role: str) -> Terms | Problem | None:
    """What the lines are priced by besides products and taxes; None where there is nothing."""
    added = _added(shop, picked.lines, request.lines)
    asks = request.coupons or request.discounts or added or picked.amounts_minor
    if shop.rules.is_empty and not asks:
        return None
    rules = shop.current_rules()
    occasion = Occasion(
        channel=CHANNEL,
        location=shop.location,
        local_time=shop.local_time(),
        customer_group=request.customer_group,
        coupons=frozenset(as_coupon(typed) for typed in request.coupons),
    )
    refused = _refused_coupon(shop, rules, occasion, request, picked.lines[0][0].currency)
    if refused is not None:
        return refused
    terms = Terms(
        occasion=occasion,
        prices=rules.prices,
        promotions=rules.promotions,
        added_minor=added,
        amounts_minor=picked.amounts_minor,
        manual=request.discounts,
        role=role,
    )
    return None if terms.are_plain() else terms


def _added(
    shop: Shop, lines: Sequence[tuple[Product, int]], asked: Sequence[SaleRequestLine]
) -> tuple[int | None, ...]:
    """Per line, the price that an open basket keeps; empty where none keeps any."""
    kept = tuple(
        None
        if line.shown_price_minor is None
        else price_to_keep(shop, product.sku, line.shown_price_minor)
        for (product, _), line in zip(lines, asked, strict=True)
    )
    return () if kept.count(None) == len(kept) else kept


def _refused_coupon(
    shop: Shop, rules: Arranged, occasion: Occasion, request: PricedRequest, currency: str
) -> Problem | None:
    for number, typed in enumerate(request.coupons):
        trouble = coupon_trouble(
            as_coupon(typed), shop.rules.promotions.values(), rules.timely, occasion, currency
        )
        if trouble is not None:
            return Problem.invalid(
                f"The coupon is refused: {trouble}.", field=f"$.coupons[{number}]"
            )
    return None
