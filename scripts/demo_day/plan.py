"""What the seed decides before the first sale: a pure function of the baskets and one number.

One basket in four becomes an online order; the rest stand at the tills. The shelves open with a
little less than what will be asked for, so that some lines are refused; a second delivery brings a
part of what is missing. Four stores get a role each (with fewer stores one store plays several):
peripherals, WAN cut, WAN black-holed, killed.

The day runs on its own clock, in seconds from opening: the weeks of the data are squeezed into
`Plan.selling_s` seconds, and everything keeps its order.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum
from typing import Final

from scripts.demo_day.baskets import Basket, Market

ONLINE_SHARE: Final = 0.25
"""Part of the baskets that is ordered online instead of taken to a till."""

SHORT_SHARE: Final = 0.07
"""Part of the demanded units that never arrived at the shelf: 93 % of the demand opens the day."""

LATE_SHARE: Final = 0.5
"""Part of the units missing in the morning that a second delivery brings during the day."""

PICKUP_SHARE: Final = 0.6
"""Part of the orders that the customer collects in the store; the rest is shipped from it."""

CANCEL_SHARE: Final = 0.15
"""Part of the orders that the customer cancels again while the stores work on them."""

SCANNED_SHARE: Final = 0.5
"""Part of the baskets of the scanner's till that is scanned; the rest is tapped in."""

INTERRUPTED_SHARE: Final = 0.05
"""Part of the sales in which the till loses its power and comes back."""

SECONDS_PER_DAY: Final = 1.4
"""One day of the data: 28 of them take 39 s, which leaves time to build up and to compare."""

SELLING_S_MIN: Final = 20.0
"""Shorter and the links would be healed before anybody had noticed that they were cut."""

TILLS_PER_STORE: Final = 3
"""Enough for two tills to want the same last unit."""

LONE_TILL: Final = "till-2"
"""The till that sells alone, in every store but the one with the printer: its gateway prints for
registers that sell there."""


class Fulfilment(Enum):
    """How an online order reaches its customer."""

    SHIP = "ship"
    PICKUP = "pickup"


class Trouble(Enum):
    """What befalls a store in the middle of the day; values are the words of the report."""

    CUT = "WAN cut"
    BLACK_HOLE = "WAN black-holed"
    KILL = "killed (SIGKILL) and restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSale:
    """A basket at a till.

    `scanned` asks for the scanner, where the store has one. An `interrupted` sale has got that far,
    from 0 to 1 of the time that a sale takes, when the till loses its power.
    """

    at_s: float
    basket: Basket
    scanned: bool
    interrupted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """A basket on the web, for the store that the household shops at."""

    at_s: float
    basket: Basket
    fulfilment: Fulfilment
    cancelled_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrouble:
    """From `at_s` until `until_s` this store has it; a killed gateway is restarted at once."""

    at_s: float
    until_s: float
    location: str
    trouble: Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole day, but for what `agenda` has.

    `opening_stock`, and `late_stock` that the second delivery brings, are per (location, SKU) and
    leave out what has none.
    """

    seed: int
    selling_s: float
    sales: tuple[PlannedSale, ...]
    orders: tuple[PlannedOrder, ...]
    troubles: tuple[PlannedTrouble, ...]
    opening_stock: Mapping[tuple[str, str], int]
    late_stock: Mapping[tuple[str, str], int]
    equipped_location: str
    """The store with the printer and, at its first till, the scanner."""
    lone: frozenset[tuple[str, str]]
    """The registers that sell alone, as (location, register)."""

    @property
    def skus(self) -> frozenset[str]:
        """Every SKU that somebody will ask for."""
        baskets = [each.basket for each in self.sales] + [each.basket for each in self.orders]
        return frozenset(line.sku for basket in baskets for line in basket.lines)


def plan_day(market: Market, *, seed: int, baskets_max: int | None) -> Plan:
    """Decide the day. `baskets_max` limits the baskets of each store, tills and web together.

    Every basket has dice of its own, so that a basket more or less changes no other.
    """
    selling_s = max(SELLING_S_MIN, SECONDS_PER_DAY * market.days)
    opening = datetime.combine(market.first_day, time())
    squeezed = selling_s / (market.days * 86_400)
    sales: list[PlannedSale] = []
    orders: list[PlannedOrder] = []
    demand: Counter[tuple[str, str]] = Counter()
    for basket in _chosen(market, seed, baskets_max):
        dice = _dice(seed, f"basket/{basket.basket}")
        at_s = (basket.at - opening).total_seconds() * squeezed
        demand.update({(basket.location, line.sku): line.quantity for line in basket.lines})
        if dice.random() < ONLINE_SHARE:
            orders.append(_order(dice, at_s, basket))
        else:
            sales.append(_sale(dice, at_s, basket))
    opening_stock = _opening_stock(demand, seed)
    return Plan(
        seed=seed,
        selling_s=selling_s,
        sales=tuple(sales),
        orders=tuple(orders),
        troubles=_troubles(market.locations, selling_s),
        opening_stock=opening_stock,
        late_stock=_late_stock(demand - Counter(opening_stock), seed),
        equipped_location=market.locations[0],
        lone=frozenset((location, LONE_TILL) for location in market.locations[1:]),
    )


def share_of(seed: int, what: str) -> float:
    """A number from 0 to 1 for one thing, for decisions that are made during the day."""
    return _dice(seed, what).random()


def _dice(seed: int, what: str) -> random.Random:
    """Dice for one thing only; the same on every machine and in every order of calls."""
    return random.Random(f"{seed}/{what}")  # noqa: S311 - a demo's dice guard nothing


def _chosen(market: Market, seed: int, baskets_max: int | None) -> tuple[Basket, ...]:
    """All baskets, or an even draw of `baskets_max` for each store, in order of time."""
    if baskets_max is None:
        return market.baskets
    chosen: set[int] = set()
    for location in market.locations:
        here = [each.basket for each in market.baskets if each.location == location]
        dice = _dice(seed, f"chosen/{location}")
        chosen.update(dice.sample(here, min(baskets_max, len(here))))
    return tuple(each for each in market.baskets if each.basket in chosen)


def _sale(dice: random.Random, at_s: float, basket: Basket) -> PlannedSale:
    return PlannedSale(
        at_s=at_s,
        basket=basket,
        scanned=dice.random() < SCANNED_SHARE,
        interrupted=dice.random() if dice.random() < INTERRUPTED_SHARE else None,
    )


def _order(dice: random.Random, at_s: float, basket: Basket) -> PlannedOrder:
    pickup = dice.random() < PICKUP_SHARE
    return PlannedOrder(
        at_s=at_s,
        basket=basket,
        fulfilment=Fulfilment.PICKUP if pickup else Fulfilment.SHIP,
        cancelled_after_s=dice.uniform(0.0, 4.0) if dice.random() < CANCEL_SHARE else None,
    )


def _opening_stock(demand: Mapping[tuple[str, str], int], seed: int) -> dict[tuple[str, str], int]:
    """The demand without the units that the dice leave out, each on its own."""
    stock: dict[tuple[str, str], int] = {}
    for shelf, wanted in sorted(demand.items()):
        dice = _dice(seed, f"stock/{shelf[0]}/{shelf[1]}")
        arrived = sum(dice.random() >= SHORT_SHARE for _ in range(wanted))
        if arrived:
            stock[shelf] = arrived
    return stock


def _late_stock(missing: Mapping[tuple[str, str], int], seed: int) -> dict[tuple[str, str], int]:
    """Of what is missing in the morning, the units that the dice bring, each on its own."""
    stock: dict[tuple[str, str], int] = {}
    for shelf, units in sorted(missing.items()):
        dice = _dice(seed, f"late/{shelf[0]}/{shelf[1]}")
        if arrived := sum(dice.random() < LATE_SHARE for _ in range(units)):
            stock[shelf] = arrived
    return stock


def _troubles(locations: tuple[str, ...], selling_s: float) -> tuple[PlannedTrouble, ...]:
    """Both cuts overlap, and the kill falls into them: the middle of the day is the worst of it."""

    def trouble(place: int, what: Trouble, begin: float, end: float) -> PlannedTrouble:
        return PlannedTrouble(
            at_s=begin * selling_s,
            until_s=end * selling_s,
            location=locations[place % len(locations)],
            trouble=what,
        )

    return (
        trouble(1, Trouble.CUT, 0.30, 0.65),
        trouble(2, Trouble.BLACK_HOLE, 0.35, 0.70),
        trouble(3, Trouble.KILL, 0.50, 0.50),
    )
