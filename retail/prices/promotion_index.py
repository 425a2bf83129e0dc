"""Line promotions arranged for a basket: what could happen to a unit of a SKU, by one lookup.

What a promotion of several units needs is written in one form: a group is made of *parts*, each so
many units of some SKUs, of which a share is saved; the group as a whole may have a cost.

    buy X get Y     parts (X, nothing) and (Y, off), no cost
    bundle price    a part for each place, all of it saved, at the cost of the bundle's price
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from retail.prices.promotions import (
    WHOLE_BP,
    AmountOff,
    BundlePrice,
    BuyXGetY,
    OrderThreshold,
    Percentage,
    Promotion,
)

SCALE: Final = WHOLE_BP
"""Savings are counted in ten-thousandths of a minor unit: a share in basis points is exact."""


class Part(NamedTuple):
    """So many units of each group, whose price is lowered by this share; a bundle pays it back."""

    units: int
    off_bp: int


class Several(NamedTuple):
    """A promotion that takes groups of units: one of each part, at a cost for the group.

    With a `mixed` one, all units are of one kind, and the cheapest of a group are the last part's.
    """

    promotion: Promotion
    parts: tuple[Part, ...]
    cost: int
    mixed: bool


class Reach(NamedTuple):
    """What may happen to units of a SKU: a promotion, and its part for them if it takes groups."""

    promotion: Promotion
    several: Several | None
    part: int


class PromotionIndex:
    """Promotions whose time has come, arranged per SKU. Immutable: a change is a new index.

    A pricing function asks it once per SKU, so promotions that a basket has nothing to do with
    cost it nothing.
    """

    __slots__ = ("_by_sku", "_everywhere", "orders")

    def __init__(self, promotions: Iterable[Promotion]) -> None:
        """Arrange them; each id is there once."""
        by_sku: dict[str, list[Reach]] = {}
        everywhere: list[Reach] = []
        orders: list[Promotion] = []
        for promotion in sorted(promotions, key=lambda promotion: promotion.id):
            if isinstance(promotion.effect, OrderThreshold):
                orders.append(promotion)
                continue
            for skus, reach in _reaches(promotion):
                if skus == "all":
                    everywhere.append(reach)
                    continue
                for sku in skus:
                    by_sku.setdefault(sku, []).append(reach)
        self.orders = tuple(orders)
        self._everywhere = tuple(everywhere)
        self._by_sku = {
            sku: tuple(sorted((*own, *everywhere), key=lambda reach: reach.promotion.id))
            for sku, own in by_sku.items()
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing is offered to anybody."""
        return not (self._by_sku or self._everywhere or self.orders)

    def touches(self, skus: Iterable[str]) -> bool:
        """Whether anything in here could matter to a basket of these SKUs."""
        return bool(self.orders or self._everywhere) or any(sku in self._by_sku for sku in skus)

    def reaching(self, sku: str) -> tuple[Reach, ...]:
        """The line promotions that units of the SKU could join, by id."""
        return self._by_sku.get(sku, self._everywhere)


def _reaches(promotion: Promotion) -> Iterator[tuple[Sequence[str], Reach]]:
    match promotion.effect:
        case Percentage(skus=skus) | AmountOff(skus=skus):
            yield skus, Reach(promotion, None, 0)
        case BuyXGetY(skus=skus, get_skus=get_skus) as effect:
            parts: tuple[Part, ...] = (
                Part(effect.buy_units, 0),
                Part(effect.get_units, effect.off_bp),
            )
            several = Several(promotion, parts, 0, mixed=get_skus is None)
            yield skus, Reach(promotion, several, 0)
            if get_skus is not None:
                yield get_skus, Reach(promotion, several, 1)
        case BundlePrice(parts=places, price_minor=price_minor):
            parts = tuple(Part(place.units, WHOLE_BP) for place in places)
            several = Several(promotion, parts, price_minor * SCALE, mixed=False)
            for number, place in enumerate(places):
                yield place.skus, Reach(promotion, several, number)
        case OrderThreshold():
            pass


NO_PROMOTIONS: Final = PromotionIndex(())
