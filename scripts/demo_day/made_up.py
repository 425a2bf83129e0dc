"""Baskets that nobody bought: a market made up for the products of a shop owner's own file.

A file of products says nothing about demand. So a few are asked for often and many now and then,
as in any shop (Zipf's law: the n-th of them 1/n as often as the first); which ones is the seed's
choice, and so are stores and days. What stands on the shelves follows from that, as for every plan.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Final

from scripts.demo_day.agenda import Part
from scripts.demo_day.baskets import Basket, Line, Market, Product

FIRST_DAY: Final = date(2026, 1, 5)
"""A Monday; nothing is meant by it."""

BASKETS_PER_DAY: Final = 10
"""Of each store: as many as the busiest stores of the real data have."""

LINES_MEAN: Final = 5.0
LINES_MAX: Final = 20

OPEN_S: Final = (8 * 3600, 21 * 3600)
"""When customers come, in seconds from midnight."""

IN_DEMAND_MIN: Final = 5
"""Products that are in demand before any is kept for the scenes that nobody may disturb."""


def make_up_market(
    goods: Sequence[Product], *, imported: int, stores: int, days: int, seed: int
) -> Market:
    """A market of these products, at least `IN_DEMAND_MIN` of them.

    Args:
        goods: what can be sold; their order says nothing.
        imported: products that the hub has, with those that are not sold.
        stores: how many.
        days: how many.
        seed: decides all chance.
    """
    dice = random.Random(f"{seed}/market")  # noqa: S311 - a demo's dice guard nothing
    ranked = sorted(goods, key=lambda one: one.sku)
    dice.shuffle(ranked)
    # A floor that is never sold is fine for goods in demand; the scenes count every piece.
    fit = [one.sku for one in ranked if not one.safety_stock]
    others = fit[::-1][: max(0, min(len(Part), len(ranked) - IN_DEMAND_MIN))]
    in_demand = [one.sku for one in ranked if one.sku not in others]
    locations = tuple(f"store-{number}" for number in range(1, stores + 1))
    return Market(
        locations=locations,
        first_day=FIRST_DAY,
        days=days,
        products={one.sku: one for one in ranked},
        baskets=tuple(_baskets(dice, in_demand, locations, days)),
        others=tuple(others),
        imported=imported,
    )


def _baskets(
    dice: random.Random, in_demand: Sequence[str], locations: Sequence[str], days: int
) -> Iterator[Basket]:
    """All baskets in order of time."""
    weights = list(accumulate(1 / rank for rank in range(1, len(in_demand) + 1)))
    comings = sorted(
        (_time_on(dice, day), location)
        for location in locations
        for day in range(days)
        for _ in range(BASKETS_PER_DAY)
    )
    for number, (at, location) in enumerate(comings, start=1):
        pieces = min(LINES_MAX, 1 + int(dice.expovariate(1 / LINES_MEAN)))
        bought = Counter(dice.choices(in_demand, cum_weights=weights, k=pieces))
        lines = tuple(Line(sku=sku, quantity=quantity) for sku, quantity in bought.items())
        yield Basket(basket=number, location=location, at=at, lines=lines)


def _time_on(dice: random.Random, day: int) -> datetime:
    opening = datetime.combine(FIRST_DAY + timedelta(days=day), time())
    return opening + timedelta(seconds=dice.uniform(*OPEN_S))
