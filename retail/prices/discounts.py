"""What comes off the lines of a basket: line promotions, then one order promotion, then by hand.

    D1  a discount is worked out as a whole and rounded once; the lines share it by largest
        remainder, so their shares sum to it
    D2  no line goes below zero: a line's share is at most what remains of it
    D3  nothing depends on the order of scanning: lines are taken in an order of their own, and
        lines that are alike are interchangeable

A promotion of several units is shared by all that joined it, also by those that were not lowered:
who brings back one of three that cost two has had a third off. A basket takes one order promotion:
of the highest priority that it qualifies for, the one that saves the most. Discounts by hand come
last, in the order given, each of what remains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from retail.money import allocate, divide_half_up
from retail.prices.promotion_choice import choose
from retail.prices.promotion_groups import Pool
from retail.prices.promotion_index import SCALE, PromotionIndex
from retail.prices.promotions import (
    WHOLE_BP,
    OffBp,
    OffMinor,
    OrderThreshold,
    Promotion,
    is_offered,
)
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion
from retail.selling.sales import LINES_MAX, LineDiscount, Reason

MANUAL_BP_MAX: Final[Mapping[str, int]] = {
    "cashier": 500,
    "supervisor": 2_000,
    "manager": WHOLE_BP,
}
"""What of a price each role may take off by hand, in basis points; nobody else may."""

MANUAL_MAX: Final = 50
"""Discounts by hand in one basket."""


class ManualDiscount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person takes off, of a line or of the basket: a share or an amount, with a reason.

    `line` counts from 0 in the lines as they came.
    """

    reason: Reason
    line: Annotated[int, Meta(ge=0, lt=LINES_MAX)] | None = None
    off_bp: OffBp | None = None
    off_minor: OffMinor | None = None

    def __post_init__(self) -> None:
        if (self.off_bp is None) == (self.off_minor is None):
            raise ValueError("a discount has either off_bp or off_minor")


ManualDiscounts = Annotated[tuple[ManualDiscount, ...], Meta(max_length=MANUAL_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchLine:
    """Refusal: a discount by hand is for a line that the basket does not have."""

    line: int

    def __str__(self) -> str:
        return f"a discount is for line {self.line}, which is not there"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountAboveLimit:
    """Refusal: with this discount, more was taken off by hand than the role may."""

    role: str
    reason: str
    off_minor: int
    limit_minor: int

    def __str__(self) -> str:
        return (
            f"{self.off_minor} off by hand ({self.reason})"
            f" is more than the {self.limit_minor} that a {self.role} may give here"
        )


DiscountRefusal = NoSuchLine | DiscountAboveLimit


class QuotedLine(NamedTuple):
    """A line before discounts; `amount_minor` is of the whole quantity, or printed on the goods."""

    product: Product
    quantity: int
    price_minor: int
    amount_minor: int


class Offered(NamedTuple):
    """Whether a basket is offered a promotion: the occasion, its currency, what is used up."""

    occasion: Occasion
    currency: str
    used_up: frozenset[str]

    def includes(self, promotion: Promotion) -> bool:
        """Whether this one is offered."""
        return promotion.id not in self.used_up and is_offered(
            promotion, self.occasion, self.currency
        )


class Reductions:
    """What remains of each line, and what came off it. Lines are numbered as they came."""

    __slots__ = ("_lines", "_manual", "_order", "discounts", "promotions", "remaining_minor")

    def __init__(self, lines: Sequence[QuotedLine], manual: Sequence[ManualDiscount]) -> None:
        """Start with the full amounts."""
        self.remaining_minor = [line.amount_minor for line in lines]
        self.discounts: list[list[LineDiscount]] = [[] for _ in lines]
        self.promotions: list[str] = []
        self._lines = lines
        self._manual = manual
        self._order: list[int] | None = None

    @property
    def order(self) -> list[int]:
        """The lines in an order that their content decides (D3); worked out when first needed.

        Lines that are alike but for a discount by hand are told apart by it.
        """
        if self._order is None:
            by_hand: list[list[int]] = [[] for _ in self._lines]
            for place, one in enumerate(self._manual):
                if one.line is not None and one.line < len(by_hand):
                    by_hand[one.line].append(place)
            self._order = sorted(
                range(len(self._lines)),
                key=lambda number: (_content(self._lines[number]), by_hand[number]),
            )
        return self._order

    def take_off(
        self, amount_minor: int, numbers: Sequence[int], promotion: Promotion | None, name: str
    ) -> None:
        """Share the amount among the lines, which have as much left, by what is left of each."""
        if amount_minor == 0:
            return
        if promotion is not None and promotion.id not in self.promotions:
            self.promotions.append(promotion.id)
        remaining = [self.remaining_minor[number] for number in numbers]
        assert amount_minor <= sum(remaining), "a price would be negative"
        promotion_id = None if promotion is None else promotion.id
        for number, share in zip(numbers, allocate(amount_minor, remaining), strict=True):
            if share:
                self.remaining_minor[number] -= share
                self.discounts[number].append(
                    LineDiscount(promotion=promotion_id, name=name, amount_minor=share)
                )

    def remaining_of(self, numbers: Sequence[int]) -> int:
        """What is left of these lines together."""
        return sum(self.remaining_minor[number] for number in numbers)


def _content(line: QuotedLine) -> tuple[str, int, int, int, int, str]:
    product = line.product
    return (
        product.sku,
        line.price_minor,
        line.quantity,
        line.amount_minor,
        product.price_per_quantity,
        product.tax_class,
    )


def reduce_by_promotions(
    reductions: Reductions,
    lines: Sequence[QuotedLine],
    index: PromotionIndex,
    offered: Offered,
) -> None:
    """Take off what line promotions and then an order promotion give to this basket."""
    pools, members = _pools(reductions.order, lines, index)
    for promotion, units, saving in choose(pools, index, offered.includes):
        off_minor = divide_half_up(saving, SCALE)
        worth = [pools[pool].price_minor * count for pool, count in units]
        for (pool, _), share in zip(units, allocate(off_minor, worth), strict=True):
            reductions.take_off(share, members[pool], promotion, promotion.name)
    _reduce_by_order(reductions, lines, index, offered)


def _pools(
    order: Sequence[int], lines: Sequence[QuotedLine], index: PromotionIndex
) -> tuple[list[Pool], list[list[int]]]:
    """The units that a line promotion could want, and the lines that each pool is made of."""
    pools: list[Pool] = []
    members: list[list[int]] = []
    places: dict[tuple[str, int], int] = {}
    for number in order:
        product, quantity, price_minor, amount_minor = lines[number]
        if not index.reaching(product.sku):
            continue
        per_quantity = product.price_per_quantity
        if per_quantity != 1 or amount_minor != price_minor * quantity:
            pools.append(
                Pool(
                    product.sku,
                    amount_minor,
                    1,
                    pieces=False,
                    quantity=quantity,
                    per_quantity=per_quantity,
                )
            )
            members.append([number])
            continue
        place = places.setdefault((product.sku, price_minor), len(pools))
        if place == len(pools):
            pools.append(Pool(product.sku, price_minor, quantity))
            members.append([number])
        else:
            pools[place] = pools[place]._replace(units=pools[place].units + quantity)
            members[place].append(number)
    return pools, members


def _reduce_by_order(
    reductions: Reductions, lines: Sequence[QuotedLine], index: PromotionIndex, offered: Offered
) -> None:
    best_rank: tuple[int, int] | None = None
    best: tuple[Promotion, int, list[int]] | None = None
    for promotion in index.orders:
        effect = promotion.effect
        assert isinstance(effect, OrderThreshold), effect
        if not offered.includes(promotion):
            continue
        skus = effect.skus
        numbers = [
            number
            for number in reductions.order
            if skus == "all" or lines[number].product.sku in skus
        ]
        remaining = reductions.remaining_of(numbers)
        if remaining < effect.threshold_minor:
            continue
        off_minor = min(remaining, _off(remaining, effect.off_bp, effect.off_minor))
        rank = (promotion.priority, off_minor)
        if off_minor and (best_rank is None or rank > best_rank):
            best_rank, best = rank, (promotion, off_minor, numbers)
    if best is not None:
        promotion, off_minor, numbers = best
        reductions.take_off(off_minor, numbers, promotion, promotion.name)


def _off(amount_minor: int, off_bp: int | None, off_minor: int | None) -> int:
    """What is to come off an amount: a share of it, or a fixed amount."""
    if off_bp is not None:
        return divide_half_up(amount_minor * off_bp, WHOLE_BP)
    assert off_minor is not None, "one of the two is given"
    return off_minor


def reduce_by_hand(
    reductions: Reductions, manual: Sequence[ManualDiscount], role: str
) -> DiscountRefusal | None:
    """Take off what a person of that role gives; a refusal leaves the reductions unusable.

    The limit is on all discounts by hand so far on the same lines, and a share of what these
    lines came to after promotions, so that many small discounts do not make a large one.
    """
    before = list(reductions.remaining_minor)
    limit_bp = MANUAL_BP_MAX.get(role, 0)
    for one in manual:
        numbers: Sequence[int] = reductions.order
        if one.line is not None:
            if one.line >= len(before):
                return NoSuchLine(line=one.line)
            numbers = (one.line,)
        remaining = reductions.remaining_of(numbers)
        off_minor = _off(remaining, one.off_bp, one.off_minor)
        full = sum(before[number] for number in numbers)
        limit_minor = divide_half_up(full * limit_bp, WHOLE_BP)
        if full - remaining + off_minor > limit_minor:
            return DiscountAboveLimit(
                role=role,
                reason=one.reason,
                off_minor=full - remaining + off_minor,
                limit_minor=limit_minor,
            )
        reductions.take_off(off_minor, numbers, None, one.reason)
    return None
