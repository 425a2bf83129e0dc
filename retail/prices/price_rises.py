"""Prices of a list that go up: the old one stays until its next business day begins.

Nobody is to pay more than the label said when they took the goods off the shelf, so a list keeps
the lower price beside the new one, with the day on which that ends (`price_lists.starts_on`). Each
replica works this out when it takes the list in, by its own day: a store that was cut off hears of
an increase later than others, and has its own next morning for it.

    R1  until `Rise.until` the SKU costs what it cost before, from then on what the list says
    R2  a price that falls, and any price of a list that is forced, begins at once
    R3  taking the same list in again on the same day changes nothing
    R4  a price that stood on the shelf lately can be told from the lists alone (`stood_lately`):
        also one that rose because a day or an hour came, which nobody writes down
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.prices.price_lists import (
    PRICES_MAX,
    ListPrice,
    PriceBook,
    PriceList,
    PriceListBody,
    starts_on,
)
from retail.products.catalogue import Product, ProductBody, Sku
from retail.selling.occasion import Occasion

_MIDNIGHT: Final = datetime.time()


class PriceListRequest(PriceListBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price list as head office writes it; its id is in the address.

    With `force` increases begin at once, in the middle of the day.
    """

    force: bool = False


class Rise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a SKU still costs, until that business day begins."""

    price_minor: ListPrice
    until: datetime.date


class KeptPriceList(PriceList, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price list as a replica keeps it, with the prices that it has not raised yet."""

    force: bool = False
    rises: Annotated[dict[Sku, Rise], Meta(max_length=PRICES_MAX)] = msgspec.field(
        default_factory=dict
    )


def with_id(request: PriceListRequest, list_id: str) -> KeptPriceList:
    """The list of that id; the caller has checked the id against `RuleId`."""
    return KeptPriceList(id=list_id, **msgspec.structs.asdict(request))


def on_day(price_list: KeptPriceList, today: datetime.date) -> KeptPriceList:
    """The list with the prices of that business day in it (R1)."""
    waiting = {
        sku: rise.price_minor for sku, rise in price_list.rises.items() if today < rise.until
    }
    if not waiting:
        return price_list
    return msgspec.structs.replace(price_list, prices=price_list.prices | waiting)


def taken_in(
    new: KeptPriceList,
    before: KeptPriceList | None,
    products: Mapping[str, ProductBody],
    now: datetime.datetime,
) -> KeptPriceList:
    """The new list with its rises (R2, R3), by the local time `now`.

    What a SKU costs so far is what the list of before says, where it held at this time; else it is
    the product's own price.
    """
    today = now.date()
    # What rose this very morning is still asked for (`stood_lately`).
    rises = (
        {}
        if before is None
        else {
            sku: rise
            for sku, rise in before.rises.items()
            if rise.until == today and sku in new.prices
        }
    )
    if new.force:
        return msgspec.structs.replace(new, rises=rises)
    so_far: Mapping[str, int] = {}
    if before is not None and _holds(before, now):
        so_far = on_day(before, today).prices
    for sku, price_minor in new.prices.items():
        old_minor = so_far.get(sku)
        if old_minor is None:
            product = products.get(sku)
            old_minor = price_minor if product is None else product.price_minor
        begins = starts_on(old_minor, price_minor, today, forced=False)
        if begins > today:
            rises[sku] = Rise(price_minor=old_minor, until=begins)
    return msgspec.structs.replace(new, rises=rises)


def stood_lately(
    price_lists: Iterable[KeptPriceList],
    product: Product,
    occasion: Occasion,
    since: datetime.datetime,
) -> frozenset[int]:
    """The prices that the product had on such an occasion from `since` until the occasion's time.

    In the currency of the last of them; by the lists as they are now, so that what a list said
    before it was written anew is not among them.
    """
    until = occasion.local_time
    naming = [_of_one(one, product.sku) for one in price_lists if product.sku in one.prices]
    moments = {since, until}
    for one in naming:
        moments |= {at for at in (one.valid_from, one.valid_until) if at and since < at <= until}
        moments |= {
            midnight
            for rise in one.rises.values()
            if since < (midnight := datetime.datetime.combine(rise.until, _MIDNIGHT)) <= until
        }
    prices = [
        PriceBook(on_day(one, at.date()) for one in naming).price_of(
            product, msgspec.structs.replace(occasion, local_time=at)
        )
        for at in sorted(moments)
    ]
    return frozenset(price.price_minor for price in prices if price.currency == prices[-1].currency)


def _of_one(price_list: KeptPriceList, sku: str) -> KeptPriceList:
    """The list as if it named that SKU alone."""
    rises = {sku: price_list.rises[sku]} if sku in price_list.rises else {}
    return msgspec.structs.replace(price_list, prices={sku: price_list.prices[sku]}, rises=rises)


def _holds(price_list: PriceList, now: datetime.datetime) -> bool:
    starts, ends = price_list.valid_from, price_list.valid_until
    return (starts is None or starts <= now) and (ends is None or now < ends)
