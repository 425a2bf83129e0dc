"""Which units of a basket join which line promotion.

The basket comes as *pools*: units of one SKU at one price, however many lines they are on, so that
neither the order of scanning nor the way of entering quantities can matter. What is weighed is a
pool of one unit: the line.

    U1  a unit joins at most one line promotion
    U2  a higher priority takes its units first, whatever is left for the rest
    U3  within one priority the customer saves the most. A promotion of single units is easy: each
        unit takes its best. One that needs several takes a group only where this saves more than
        those units would save by themselves (their *reserve*), and picks the units that make the
        most of it
    U4  where up to `COMPETING_MAX` promotions of several units compete for the same units, every
        order in which they could go is tried; where more do, the one that saves the most goes
        first. One alone finds the optimum (in `EXACT_UNITS_MAX` units of buy X get Y with
        reserves); several find the best of those orders
    U5  ties go to the first promotion by id

From this follows, for promotions of one priority and savings before rounding
(tests/property/test_promotion_choice.py):

    M1  one more promotion of several units never saves the customer less, within U4's bound
    M2  one more promotion of single units never saves the customer less, where at most one of
        several units competes for a unit

Nothing of the kind holds between priorities, since that is what a priority is for, nor for the
basket's total: units that are cheaper may no longer reach the threshold of an order promotion.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from retail.money import divide_half_up
from retail.prices.promotion_groups import Contender, Desk, Pool, Take
from retail.prices.promotion_index import SCALE, PromotionIndex
from retail.prices.promotions import AmountOff, Percentage, Promotion

COMPETING_MAX: Final = 3
"""Three promotions have 15 orders, four have 64, and a till answers while the drawer opens."""


class Joined(NamedTuple):
    """Units that joined a promotion: how many of which pool, and what they save together."""

    promotion: Promotion
    units: tuple[tuple[int, int], ...]
    saving: int


@dataclass(slots=True)
class _Tier:
    """What promotions of one priority could do: the best single one per pool, and the others."""

    reserve: dict[int, int] = field(default_factory=dict)
    best: dict[int, Promotion] = field(default_factory=dict)
    several: dict[str, Contender] = field(default_factory=dict)


def choose(
    pools: Sequence[Pool], index: PromotionIndex, is_offered: Callable[[Promotion], bool]
) -> list[Joined]:
    """Who joins what (U1 to U5), higher priorities first. `pools` come in an order of their own.

    Each pool is in at most one entry per promotion, and the saving of an entry is no more than the
    price of its units.
    """
    tiers = _tiers(pools, index, is_offered)
    rest = [pool.units for pool in pools]
    joined: list[Joined] = []
    for priority in sorted(tiers, reverse=True):
        tier = tiers[priority]
        desk = Desk(pools, tier.reserve, rest)
        offers = [offer for one in tier.several.values() if (offer := desk.take(one)) is not None]
        for rivals in _rivals(offers):
            for take in _best_takes(desk, rivals):
                joined.append(
                    Joined(
                        take.contender.several.promotion,
                        tuple(sorted(take.units.items())),
                        take.saving,
                    )
                )
                for pool, units in take.units.items():
                    rest[pool] -= units
        for pool, promotion in tier.best.items():
            if units := rest[pool]:
                joined.append(Joined(promotion, ((pool, units),), tier.reserve[pool] * units))
                rest[pool] = 0
    return joined


def _tiers(
    pools: Sequence[Pool], index: PromotionIndex, is_offered: Callable[[Promotion], bool]
) -> dict[int, _Tier]:
    """The promotions that reach the basket and are offered to it, by priority."""
    tiers: dict[int, _Tier] = {}
    offered: dict[str, bool] = {}
    for number, pool in enumerate(pools):
        for promotion, several, part in index.reaching(pool.sku):
            known = offered.get(promotion.id)
            if known is None:
                known = offered[promotion.id] = is_offered(promotion)
            if not known:
                continue
            tier = tiers.get(promotion.priority)
            if tier is None:
                tier = tiers[promotion.priority] = _Tier()
            if several is None:
                saving = _saving_of_unit(pool, promotion)
                if saving > tier.reserve.get(number, 0):
                    tier.reserve[number] = saving
                    tier.best[number] = promotion
            elif pool.pieces:
                contender = tier.several.get(promotion.id)
                if contender is None:
                    contender = Contender(several, [[] for _ in several.parts])
                    tier.several[promotion.id] = contender
                contender.pools[part].append(number)
    return tiers


def _saving_of_unit(pool: Pool, promotion: Promotion) -> int:
    effect = promotion.effect
    if isinstance(effect, Percentage):
        return pool.price_minor * effect.off_bp
    assert isinstance(effect, AmountOff), effect
    off_minor = effect.off_minor
    if not pool.pieces:
        off_minor = divide_half_up(off_minor * pool.quantity, pool.per_quantity)
    return min(off_minor, pool.price_minor) * SCALE


def _rivals(offers: Iterable[Take]) -> list[list[Take]]:
    """The offers in groups, such that no two groups want units of one pool; each group by id.

    A promotion that gains nothing with all units free gains nothing later, and is no rival.
    """
    groups: list[tuple[set[int], list[Take]]] = []
    for offer in offers:
        reached, members = offer.contender.reached(), [offer]
        apart: list[tuple[set[int], list[Take]]] = []
        for other, rivals in groups:
            if reached.isdisjoint(other):
                apart.append((other, rivals))
            else:
                reached |= other
                members += rivals
        groups = [*apart, (reached, members)]
    return [sorted(members, key=_id_of) for _, members in groups]


def _id_of(offer: Take) -> str:
    return offer.contender.several.promotion.id


def _best_takes(desk: Desk, offers: list[Take]) -> list[Take]:
    """What each of the rivals takes, in the order in which they go (U4)."""
    if len(offers) > COMPETING_MAX:
        return _takes_by_size(desk, offers)
    best_gain, best = 0, list[Take]()

    def visit(desk: Desk, offers: list[Take], gain: int, takes: list[Take]) -> None:
        nonlocal best_gain, best
        if gain > best_gain:
            best_gain, best = gain, takes
        for taken in offers:
            after = desk.without(taken)
            visit(after, _other_offers(after, offers, taken), gain + taken.gain, [*takes, taken])

    visit(desk, offers, 0, [])
    return best


def _takes_by_size(desk: Desk, offers: list[Take]) -> list[Take]:
    """The offer that gains the most goes first, then the next with what is left."""
    takes: list[Take] = []
    while offers:
        # max has the first of equals, which is the first by id (U5).
        taken = max(offers, key=lambda offer: offer.gain)
        takes.append(taken)
        desk = desk.without(taken)
        offers = _other_offers(desk, offers, taken)
    return takes


def _other_offers(desk: Desk, offers: list[Take], taken: Take) -> list[Take]:
    """What the others offer on the desk from which `taken` is gone; who gains nothing drops out."""
    others: list[Take] = []
    for offer in offers:
        if offer is taken:
            continue
        if offer.units.keys().isdisjoint(taken.units):
            others.append(offer)
        elif (again := desk.take(offer.contender)) is not None:
            others.append(again)
    return others
