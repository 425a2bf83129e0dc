"""Promotions: what head office offers, to whom, and when.

A *line promotion* lowers the price of units in a basket: each of them by itself (percentage,
amount), or several together (buy X get Y, bundle price). An *order promotion* (order threshold)
lowers the sum. `promotion_choice` has which units join which promotion, `discounts` what comes off
which line.

Whether a promotion is offered has two parts, because they are asked at different times:

    in time    its dates, weekdays and hours by the shop's own clock. Asked every now and then, of
               all promotions at once (`in_time`), and of a clock that is known to be right: on one
               that is not, no promotion starts or ends
    offered    its channels, locations, customer groups and coupon. Asked of each basket

`check_promotion` refuses what could make a price negative, before it is stored.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, assert_never

import msgspec
from msgspec import Meta

from retail.money import EXPONENTS, TOTAL_MINOR_MAX, CurrencyCode
from retail.prices.price_lists import LOCATIONS_MAX, PriceList
from retail.products.catalogue import PRICE_MINOR_MAX, Problem, ProductBody, Sku
from retail.selling.occasion import (
    Channel,
    CouponCode,
    CustomerGroup,
    LocalTime,
    Occasion,
    RuleId,
    RuleName,
    is_for,
)
from retail.selling.sales import LocationId

WHOLE_BP: Final = 10_000
"""All of an amount, in basis points: hundredths of a per cent."""

SKUS_MAX: Final = 10_000
"""SKUs that one promotion names; a whole shop is "all"."""

GROUP_UNITS_MAX: Final = 24
"""Units of one bundle, or of X and Y together: two dozen."""

PARTS_MAX: Final = 8
WINDOWS_MAX: Final = 14
"""Hours of a week: twice a day."""

PRIORITY_MAX: Final = 1_000
USAGE_MAX: Final = 1_000_000_000
GROUPS_MAX: Final = 50

OffBp = Annotated[int, Meta(ge=1, le=WHOLE_BP)]
"""A discount as a share, in basis points: 1250 is 12.5 per cent."""

OffMinor = Annotated[int, Meta(ge=1, le=PRICE_MINOR_MAX)]
GroupUnits = Annotated[int, Meta(ge=1, le=GROUP_UNITS_MAX)]
SkuSet = Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=SKUS_MAX)]
Everything = Literal["all"]
Reach = SkuSet | Everything
"""Which SKUs; the order says nothing."""


class Percentage(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="kind", tag="percentage",
):  # fmt: skip
    """A share off each unit; rounded half up once for all units of one SKU at one price."""

    skus: Reach
    off_bp: OffBp


class AmountOff(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="kind", tag="amount",
):  # fmt: skip
    """An amount off each unit; of goods by weight, off the price of `price_per_quantity`."""

    skus: Reach
    off_minor: OffMinor


class BuyXGetY(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="kind", tag="buy_x_get_y",
):  # fmt: skip
    """Who takes `buy_units` gets `get_units` more for less, or for nothing.

    Both are of `skus`, and of each such group the cheapest are lowered; or `get_skus` says of what
    else the latter are. Pieces only: what is weighed does not come in units.
    """

    skus: Reach
    buy_units: GroupUnits
    get_units: GroupUnits
    off_bp: OffBp = WHOLE_BP
    get_skus: SkuSet | None = None


class BundlePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place in a bundle: so many units, of any of these SKUs."""

    skus: SkuSet
    units: GroupUnits = 1


class BundlePrice(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="kind", tag="bundle_price",
):  # fmt: skip
    """One price for all the parts together. Three of anything for 5.00 is one part. Pieces only."""

    parts: Annotated[tuple[BundlePart, ...], Meta(min_length=1, max_length=PARTS_MAX)]
    price_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)]


class OrderThreshold(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="kind", tag="order_threshold",
):  # fmt: skip
    """Once `skus` come to the threshold, after line promotions, a share or an amount is off them.

    Amounts are as priced: with the tax in them where prices have it.
    """

    threshold_minor: Annotated[int, Meta(ge=0, le=TOTAL_MINOR_MAX)]
    skus: Reach = "all"
    off_bp: OffBp | None = None
    off_minor: OffMinor | None = None

    def __post_init__(self) -> None:
        if (self.off_bp is None) == (self.off_minor is None):
            raise ValueError("a threshold has either off_bp or off_minor")


LineEffect = Percentage | AmountOff | BuyXGetY | BundlePrice
Effect = LineEffect | OrderThreshold


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours on some weekdays, 1 being Monday, in the store's own time.

    A window that does not end later than it starts goes on into the next day, which need not be
    one of its weekdays: Friday 22:00 to 02:00 ends on Saturday morning.
    """

    weekdays: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(min_length=1, max_length=7)
    ] = (1, 2, 3, 4, 5, 6, 7)
    from_time: Annotated[datetime.time, Meta(tz=False)] = datetime.time()
    until_time: Annotated[datetime.time, Meta(tz=False)] = datetime.time()

    def is_open(self, at: datetime.datetime) -> bool:
        """Whether the window is open at that local time."""
        today, now = at.isoweekday(), at.time()
        if self.from_time < self.until_time:
            return today in self.weekdays and self.from_time <= now < self.until_time
        yesterday = today - 1 or 7
        return (today in self.weekdays and now >= self.from_time) or (
            yesterday in self.weekdays and now < self.until_time
        )


class PromotionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An offer. None is all channels, locations, customers, no end, or no limit.

    `currency` is that of the amounts in `effect`; a percentage may do without. A higher `priority`
    goes first; among equals the customer gets the cheapest. `max_usage` counts baskets.
    """

    name: RuleName
    effect: Effect
    currency: CurrencyCode | None = None
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=2)] | None = None
    locations: (
        Annotated[tuple[LocationId, ...], Meta(min_length=1, max_length=LOCATIONS_MAX)] | None
    ) = None
    customer_groups: (
        Annotated[tuple[CustomerGroup, ...], Meta(min_length=1, max_length=GROUPS_MAX)] | None
    ) = None
    valid_from: LocalTime | None = None
    valid_until: LocalTime | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=WINDOWS_MAX)] = ()
    priority: Annotated[int, Meta(ge=0, le=PRIORITY_MAX)] = 0
    coupon: CouponCode | None = None
    max_usage: Annotated[int, Meta(ge=1, le=USAGE_MAX)] | None = None


class Promotion(PromotionBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An offer with its id."""

    id: RuleId


# When


def is_timed(promotion: Promotion) -> bool:
    """Whether the promotion starts or ends by the clock at all."""
    return bool(
        promotion.windows or promotion.valid_from is not None or promotion.valid_until is not None
    )


def _is_in_time(promotion: Promotion, at: datetime.datetime) -> bool:
    return (
        (promotion.valid_from is None or promotion.valid_from <= at)
        and (promotion.valid_until is None or at < promotion.valid_until)
        and (not promotion.windows or any(window.is_open(at) for window in promotion.windows))
    )


def in_time(
    promotions: Iterable[Promotion],
    local_time: datetime.datetime,
    *,
    clock_synchronised: bool,
    last_good: frozenset[str],
) -> frozenset[str]:
    """The ids of the promotions whose time it is.

    On a clock that is not synchronised those go on whose time it was when it last was: `last_good`
    is the answer of then, which the caller keeps, also over a restart. What is not timed starts
    when it arrives and ends when it is withdrawn, whatever the clock says.
    """
    return frozenset(
        promotion.id
        for promotion in promotions
        if not is_timed(promotion)
        or (_is_in_time(promotion, local_time) if clock_synchronised else promotion.id in last_good)
    )


# To whom


def is_offered(promotion: Promotion, occasion: Occasion, currency: str) -> bool:
    """Whether a basket in that currency is offered the promotion, once its time has come."""
    return (
        (promotion.coupon is None or promotion.coupon in occasion.coupons)
        and (promotion.currency is None or promotion.currency == currency)
        and is_for(occasion, promotion.channels, promotion.locations, promotion.customer_groups)
    )


Withheld = Literal["used-up", "unheard", "out"]
"""Why a limited promotion is not offered: it has no use left; whoever may have some cannot be
asked; the last ones are with stores that do not answer."""

_WITHHELD: Final[Mapping[Withheld, str]] = {
    "used-up": "is used up",
    "unheard": "cannot be checked while the line to head office is down",
    "out": "has no use left but with stores that do not answer",
}

NONE_WITHHELD: Final[Mapping[str, Withheld]] = {}

CouponReason = Literal["unknown", "time", "channel", "location", "customers", "basket"] | Withheld
"""Why a coupon gives nothing, for who says it in another language."""

_ELSEWHERE: Final[Mapping[CouponReason, str]] = {
    "channel": "another channel",
    "location": "another location",
    "customers": "other customers",
    "basket": "another basket",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTrouble:
    """Refusal: why the coupon gives nothing here and now; `why` is a sentence for people."""

    coupon: str
    reason: CouponReason
    why: str

    def __str__(self) -> str:
        return self.why


def coupon_trouble(
    coupon: str,
    promotions: Iterable[Promotion],
    timely: frozenset[str],
    occasion: Occasion,
    currency: str,
    not_offered: Mapping[str, Withheld] = NONE_WITHHELD,
) -> CouponTrouble | None:
    """Why a coupon (`occasion.as_coupon`) is not good for this basket; None when it is.

    `timely` is the answer of `in_time`. `not_offered` comes from who counts the uses: the
    promotions that have none to give, by id.
    """
    bearing = [promotion for promotion in promotions if promotion.coupon == coupon]
    if not bearing:
        return CouponTrouble(coupon=coupon, reason="unknown", why=f"there is no coupon {coupon}")
    current = [promotion for promotion in bearing if promotion.id in timely]
    if not current:
        why = f"coupon {coupon} is not valid at this time"
        return CouponTrouble(coupon=coupon, reason="time", why=why)
    with_it = msgspec.structs.replace(occasion, coupons=occasion.coupons | {coupon})
    offered = [promotion.id for promotion in current if is_offered(promotion, with_it, currency)]
    if offered:
        if any(one not in not_offered for one in offered):
            return None
        withheld = not_offered[offered[0]]
        why = f"coupon {coupon} {_WITHHELD[withheld]}"
        return CouponTrouble(coupon=coupon, reason=withheld, why=why)
    fitting: dict[CouponReason, list[Promotion]] = {
        "channel": [one for one in current if is_for(occasion, one.channels, None, None)],
        "location": [one for one in current if is_for(occasion, None, one.locations, None)],
        "customers": [one for one in current if is_for(occasion, None, None, one.customer_groups)],
    }
    reason: CouponReason = next((one for one, some in fitting.items() if not some), "basket")
    why = f"coupon {coupon} is for {_ELSEWHERE[reason]}"
    return CouponTrouble(coupon=coupon, reason=reason, why=why)


# Before it is stored


def check_promotion(
    promotion: Promotion,
    products: Mapping[str, ProductBody],
    price_lists: Iterable[PriceList] = (),
) -> list[Problem]:
    """What is wrong with the promotion by itself and in a catalogue; empty when nothing is.

    A price may be lowered later, so pricing stops at zero besides; it never comes to that where
    this is asked again with the new price.
    """
    found = [
        *_check_times(promotion),
        *_check_currency(promotion),
        *_check_skus(promotion, products),
        *_check_amounts(promotion, products, price_lists),
    ]
    return [Problem(field=field, severity="error", detail=detail) for field, detail in found]


_Found = Iterator[tuple[str, str]]
"""Fields with what is wrong with them."""


def _check_times(promotion: Promotion) -> _Found:
    starts, ends = promotion.valid_from, promotion.valid_until
    if starts is not None and ends is not None and ends <= starts:
        yield "valid_until", f"the promotion would end at {ends} and start at {starts}"


def _check_currency(promotion: Promotion) -> _Found:
    effect = promotion.effect
    is_share = isinstance(effect, Percentage | BuyXGetY)
    if promotion.currency is None and not is_share:
        yield "currency", "an amount needs its currency"
    elif promotion.currency is not None and promotion.currency not in EXPONENTS:
        yield "currency", f"{promotion.currency} is not an active ISO 4217 currency"


def _check_skus(promotion: Promotion, products: Mapping[str, ProductBody]) -> _Found:
    seen: dict[str, str] = {}
    for field, skus in _named(promotion.effect):
        for sku in skus:
            if sku not in products:
                yield field, f"there is no product {sku}"
            if sku in seen:
                yield field, f"{sku} is in {seen[sku]} already"
            seen[sku] = field
    effect = promotion.effect
    if isinstance(effect, BuyXGetY):
        if effect.skus == "all" and effect.get_skus is not None:
            yield "effect.get_skus", "what is bought already is everything"
        if effect.buy_units + effect.get_units > GROUP_UNITS_MAX:
            yield "effect.get_units", f"a group has at most {GROUP_UNITS_MAX} units"
    if isinstance(effect, BundlePrice) and sum(p.units for p in effect.parts) > GROUP_UNITS_MAX:
        yield "effect.parts", f"a bundle has at most {GROUP_UNITS_MAX} units"


def _named(effect: Effect) -> list[tuple[str, tuple[str, ...]]]:
    """The SKUs that an effect names, by field."""
    if isinstance(effect, BundlePrice):
        return [
            (f"effect.parts[{place}].skus", part.skus) for place, part in enumerate(effect.parts)
        ]
    named = [] if effect.skus == "all" else [("effect.skus", effect.skus)]
    if isinstance(effect, BuyXGetY) and effect.get_skus is not None:
        named.append(("effect.get_skus", effect.get_skus))
    return named


def _check_amounts(
    promotion: Promotion, products: Mapping[str, ProductBody], price_lists: Iterable[PriceList]
) -> _Found:
    """What could make a price negative."""
    match promotion.effect:
        case AmountOff(skus=skus, off_minor=off_minor):
            lowest = _lowest_prices(promotion.currency, products, price_lists)
            for sku in sorted(lowest) if skus == "all" else skus:
                if off_minor > lowest.get(sku, off_minor):
                    yield (
                        "effect.off_minor",
                        f"{off_minor} off would make {sku} negative, which costs {lowest[sku]}",
                    )
        case OrderThreshold(threshold_minor=threshold_minor, off_minor=int() as off_minor):
            if off_minor > threshold_minor:
                yield (
                    "effect.off_minor",
                    f"{off_minor} off would make a basket of {threshold_minor} negative",
                )
        case OrderThreshold() | Percentage() | BuyXGetY() | BundlePrice():
            pass  # a share is no more than all of it, and a bundle's price is not negative
        case unreachable:
            assert_never(unreachable)


def _lowest_prices(
    currency: str | None, products: Mapping[str, ProductBody], price_lists: Iterable[PriceList]
) -> dict[str, int]:
    """The lowest price in the currency that a SKU has anywhere, at any time."""
    lowest = {
        sku: product.price_minor
        for sku, product in products.items()
        if product.currency == currency
    }
    for price_list in price_lists:
        if price_list.currency == currency:
            for sku, price_minor in price_list.prices.items():
                lowest[sku] = min(price_minor, lowest.get(sku, price_minor))
    return lowest
