"""Price lists: what a product costs on an occasion, where that is not its own price.

    L1  the most specific list that holds and names the SKU has the price; else the product has it
    L2  a list for a customer group is more specific than any without one; then comes one for
        locations, then one for a channel, then one for everybody
    L3  two lists that are equally specific never hold at once for one SKU: `overlaps` finds them,
        and the door stores neither
    L4  a list holds from `valid_from` until just before `valid_until`, in the store's own time

Two rules about a price that changes stand here as well: `starts_on` for the label on the shelf,
`basket_price` for the basket that is open meanwhile.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from retail.money import EXPONENTS, CurrencyCode
from retail.products.catalogue import PRICE_MINOR_MAX, Problem, Product, ProductBody, Sku
from retail.selling.occasion import (
    Channel,
    CustomerGroup,
    LocalTime,
    Occasion,
    RuleId,
    RuleName,
    is_for,
)
from retail.selling.sales import LocationId

PRICES_MAX: Final = 100_000
"""Prices of one list: a whole catalogue of the size that imports are measured with."""

LOCATIONS_MAX: Final = 1_000

ListPrice = Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)]


class PriceListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices for some occasions; None is all channels, locations, customers, or no end.

    A price is for the product's `price_per_quantity` base units, like the product's own.
    """

    name: RuleName
    currency: CurrencyCode
    prices: Annotated[dict[Sku, ListPrice], Meta(max_length=PRICES_MAX)]
    channel: Channel | None = None
    locations: (
        Annotated[tuple[LocationId, ...], Meta(min_length=1, max_length=LOCATIONS_MAX)] | None
    ) = None
    customer_group: CustomerGroup | None = None
    valid_from: LocalTime | None = None
    valid_until: LocalTime | None = None


class PriceList(PriceListBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price list with its id."""

    id: RuleId


class Price(NamedTuple):
    """What `price_per_quantity` base units cost, and the list that says so, if it is one."""

    price_minor: int
    currency: str
    price_list: str | None


def specificity(price_list: PriceList) -> tuple[bool, bool, bool]:
    """How specific a list is; the larger, the more (L2)."""
    return (
        price_list.customer_group is not None,
        price_list.locations is not None,
        price_list.channel is not None,
    )


class PriceBook:
    """The lists, arranged per SKU. Immutable: a change of lists is a new book."""

    __slots__ = ("_by_sku",)

    def __init__(self, price_lists: Iterable[PriceList]) -> None:
        """Arrange lists that do not overlap. Were some to, the first by id would have the price."""
        self._by_sku: dict[str, list[_Arranged]] = {}
        by_id = sorted(price_lists, key=lambda price_list: price_list.id)
        for price_list in sorted(by_id, key=specificity, reverse=True):
            arranged = _arranged(price_list)
            for sku in price_list.prices:
                self._by_sku.setdefault(sku, []).append(arranged)

    @property
    def is_empty(self) -> bool:
        """Whether every product has its own price on every occasion."""
        return not self._by_sku

    def price_of(self, product: Product, occasion: Occasion) -> Price:
        """The product's price on the occasion (L1)."""
        for price_list, channels, locations, customer_groups in self._by_sku.get(product.sku, ()):
            starts, ends = price_list.valid_from, price_list.valid_until
            if (
                (starts is None or starts <= occasion.local_time)
                and (ends is None or occasion.local_time < ends)
                and is_for(occasion, channels, locations, customer_groups)
            ):
                return Price(price_list.prices[product.sku], price_list.currency, price_list.id)
        return Price(product.price_minor, product.currency, None)


class _Arranged(NamedTuple):
    """A list, and the occasions that it is for, as sets to look them up in."""

    price_list: PriceList
    channels: frozenset[str] | None
    locations: frozenset[str] | None
    customer_groups: frozenset[str] | None


def _arranged(price_list: PriceList) -> _Arranged:
    channel, locations, group = (
        price_list.channel, price_list.locations, price_list.customer_group
    )  # fmt: skip
    return _Arranged(
        price_list,
        None if channel is None else frozenset({channel}),
        None if locations is None else frozenset(locations),
        None if group is None else frozenset({group}),
    )


NO_LISTS: Final = PriceBook(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two lists, equally specific, with a price each for one SKU on one occasion."""

    first: str
    second: str
    sku: str

    def __str__(self) -> str:
        return (
            f"price lists {self.first} and {self.second} both have a price for {self.sku}"
            " at the same time and place"
        )


def overlaps(price_lists: Iterable[PriceList]) -> Iterator[Overlap]:
    """Every breach of L3, by id and SKU; the door needs the first one only."""
    peers: dict[tuple[object, ...], list[PriceList]] = {}
    for price_list in sorted(price_lists, key=lambda price_list: price_list.id):
        scope = (
            price_list.customer_group, price_list.channel, price_list.locations is None
        )  # fmt: skip
        peers.setdefault(scope, []).append(price_list)
    for group in peers.values():
        for first, second in combinations(group, 2):
            if _share_a_location(first, second) and _share_a_moment(first, second):
                for sku in sorted(first.prices.keys() & second.prices.keys()):
                    yield Overlap(first=first.id, second=second.id, sku=sku)


def _share_a_location(first: PriceList, second: PriceList) -> bool:
    # Both have locations or neither has: lists are compared with their equals only.
    return first.locations is None or not set(first.locations).isdisjoint(second.locations or ())


def _share_a_moment(first: PriceList, second: PriceList) -> bool:
    return _begins_before_end(first, second) and _begins_before_end(second, first)


def _begins_before_end(one: PriceList, other: PriceList) -> bool:
    return one.valid_from is None or other.valid_until is None or one.valid_from < other.valid_until


def check_price_list(price_list: PriceList, products: Mapping[str, ProductBody]) -> list[Problem]:
    """What is wrong with the list by itself, in a catalogue; empty when nothing is."""
    problems = []
    if price_list.currency not in EXPONENTS:
        problems.append(("currency", f"{price_list.currency} is not an active ISO 4217 currency"))
    starts, ends = price_list.valid_from, price_list.valid_until
    if starts is not None and ends is not None and ends <= starts:
        problems.append(("valid_until", f"the list would end at {ends} and start at {starts}"))
    problems += [
        (f"prices.{sku}", f"there is no product {sku}")
        for sku in sorted(price_list.prices)
        if sku not in products
    ]
    return [Problem(field=field, severity="error", detail=detail) for field, detail in problems]


def starts_on(
    old_minor: int, new_minor: int, today: datetime.date, *, forced: bool
) -> datetime.date:
    """The business day on which a changed price begins.

    A higher one waits for the next day, so that nobody pays more than the label said when they
    took the goods off the shelf, unless head office forces it. Any other begins at once.
    """
    if new_minor > old_minor and not forced:
        return today + datetime.timedelta(days=1)
    return today


def basket_price(added_minor: int, now_minor: int) -> int:
    """The price of a line in an open basket: the lower of that when it was added and of now."""
    return min(added_minor, now_minor)
