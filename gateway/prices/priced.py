"""What a basket costs here and now, on the writer thread: for the sale, and for who asks before."""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.prices.price_changes import price_to_keep
from gateway.selling.picked import Picked, pick
from gateway.shop import Shop
from retail.prices.discounts import DiscountAboveLimit, NoSuchLine
from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotions import Withheld, coupon_trouble
from retail.prices.quotes import Quote, quote_of
from retail.prices.sale_request import PricedRequest, QuoteRequest
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion, as_coupon
from retail.selling.sales import SaleRequestLine
from web.price_rules import Arranged, refused_coupon
from web.problems import Problem, Slug
from web.uses import NOBODY, Asked, UsesShort, lacking, not_offered

CHANNEL: Final = "store"


def price(
    shop: Shop, picked: Picked, request: PricedRequest, role: str, asked: Asked
) -> PricedBasket | UsesShort | Problem:
    """The picked lines, priced; `role` is of the person who gives the discounts by hand.

    `asked` says who was asked for uses of limited promotions that this gateway has none of.
    """
    terms = _terms(shop, picked, request, role, asked)
    if isinstance(terms, Problem):
        return terms
    priced = price_basket(
        picked.lines, shop.taxes, shop.identity.jurisdiction, shop.business_date(), terms
    )
    match priced:
        case PricedBasket():
            return lacking(priced, shop.rules.limited, shop.quota) or priced
        case DiscountAboveLimit():
            return Problem(
                Slug.FORBIDDEN, f"The discount is refused: {priced}.",
                members={"off_minor": priced.off_minor, "limit_minor": priced.limit_minor},
            )  # fmt: skip
        case NoSuchLine():
            return Problem.invalid(f"The discount is refused: {priced}.", field="$.discounts")
        case _:
            return Problem.invalid(f"The basket has no price: {priced}.", field="$.lines")


def quote(
    shop: Shop, request: QuoteRequest, role: str, asked: Asked = NOBODY
) -> Quote | UsesShort | Problem:
    """What the basket would cost if it was sold now; changes nothing."""
    picked = pick(shop, request.lines)
    if isinstance(picked, Problem):
        return picked
    priced = price(shop, picked, request, role, asked)
    if not isinstance(priced, PricedBasket):
        return priced
    return quote_of(priced, shop.rules.promotions)


def _terms(
    shop: Shop, picked: Picked, request: PricedRequest, role: str, asked: Asked
) -> Terms | Problem | None:
    """What the lines are priced by besides products and taxes; None where there is nothing."""
    added = _added(shop, picked.lines, request.lines)
    asks = request.coupons or request.discounts or added or picked.amounts_minor
    if shop.rules.is_empty and not asks and shop.tax_rounding == "line":
        return None
    rules = shop.current_rules()
    occasion = Occasion(
        channel=CHANNEL,
        location=shop.location,
        local_time=shop.local_time(),
        customer_group=request.customer_group,
        coupons=frozenset(as_coupon(typed) for typed in request.coupons),
    )
    withheld = not_offered(shop.rules.limited, shop.quota, asked)
    refused = _refused_coupon(shop, rules, occasion, request, picked.lines[0][0].currency, withheld)
    if refused is not None:
        return refused
    terms = Terms(
        occasion=occasion,
        prices=rules.prices,
        promotions=rules.promotions,
        used_up=frozenset(withheld),
        added_minor=added,
        amounts_minor=picked.amounts_minor,
        manual=request.discounts,
        role=role,
        tax_rounding=shop.tax_rounding,
    )
    return None if terms.are_plain() else terms


def _added(
    shop: Shop, lines: Sequence[tuple[Product, int]], asked: Sequence[SaleRequestLine]
) -> tuple[int | None, ...]:
    """Per line, the price that an open basket keeps; empty where none keeps any."""
    kept = tuple(
        None
        if line.shown_price_minor is None
        else price_to_keep(shop, product, line.shown_price_minor)
        for (product, _), line in zip(lines, asked, strict=True)
    )
    return () if kept.count(None) == len(kept) else kept


def _refused_coupon(
    shop: Shop,
    rules: Arranged,
    occasion: Occasion,
    request: PricedRequest,
    currency: str,
    withheld: Mapping[str, Withheld],
) -> Problem | None:
    for number, typed in enumerate(request.coupons):
        trouble = coupon_trouble(
            as_coupon(typed), shop.rules.promotions.values(), rules.timely, occasion, currency,
            withheld,
        )  # fmt: skip
        if trouble is not None:
            return refused_coupon(trouble, f"$.coupons[{number}]")
    return None
