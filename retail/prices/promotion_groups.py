"""The groups of units that one promotion of several units would take from a basket.

A basket comes as *pools*: units of one SKU at one price. Each unit has a *reserve*, what it saves
by itself; a group *gains* what it saves beyond the reserves of its units. `Desk.take` finds the
groups that gain the most. Who goes first where several promotions want the same units is decided in
`promotion_choice`.

Quantities may be large, so units are counted and not listed, but for one case that is bounded by
`EXACT_UNITS_MAX`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from retail.prices.promotion_index import Part, Several

EXACT_UNITS_MAX: Final = 32
"""Units that a buy X get Y looks through one by one; in more, it tries up to `CUTS_MAX` cuts."""

CUTS_MAX: Final = 16
"""Cuts between units that stay out for their reserve and units that join; enough for a table of
percentages, and a bound where every price has its own."""


class Pool(NamedTuple):
    """Units that are all alike; `price_minor` is that of one of them.

    A line by weight, or with an amount that is printed on the goods, is a pool of one unit that is
    not `pieces`: its amount is in `price_minor`, its `quantity` and `per_quantity` are beside it.
    """

    sku: str
    price_minor: int
    units: int
    pieces: bool = True
    quantity: int = 1
    per_quantity: int = 1


@dataclass(slots=True)
class Contender:
    """A promotion of several units, and the pools that it reaches, per part."""

    several: Several
    pools: list[list[int]]

    def reached(self) -> set[int]:
        """All of its pools."""
        return {pool for part in self.pools for pool in part}


class Take(NamedTuple):
    """What a contender would take, what that saves, and by how much that beats the reserve."""

    contender: Contender
    units: dict[int, int]
    saving: int
    gain: int


class Desk(NamedTuple):
    """Units that are still free, and what each of them saves by itself (its reserve)."""

    pools: Sequence[Pool]
    reserve: dict[int, int]
    rest: list[int]

    def without(self, take: Take) -> "Desk":
        """The desk after somebody took their units."""
        rest = list(self.rest)
        for pool, units in take.units.items():
            rest[pool] -= units
        return self._replace(rest=rest)

    def take(self, contender: Contender) -> Take | None:
        """The groups that gain the most for one contender; None where none gains anything."""
        if contender.several.mixed:
            return self._take_mixed(contender)
        return self._take_parts(contender)

    def _take_parts(self, contender: Contender) -> Take | None:
        """Groups of one fill per part: each part offers its units that gain the most first.

        The next group never gains more than the one before, so the first that gains nothing ends
        it, and what was taken is the optimum.
        """
        several = contender.several
        queues = [
            _Queue(self, pools, part)
            for pools, part in zip(contender.pools, several.parts, strict=True)
        ]
        units: dict[int, int] = {}
        saving = gain = 0
        while True:
            fills = [fill for queue in queues if (fill := queue.fill()) is not None]
            group_gain = sum(fill.gain for fill in fills) - several.cost
            if group_gain <= 0 or len(fills) < len(queues):
                break
            times = min(fill.times for fill in fills)
            for queue, fill in zip(queues, fills, strict=True):
                queue.use(fill, times)
                for pool, count in fill.units.items():
                    units[pool] = units.get(pool, 0) + count * times
            saving += times * (sum(fill.saving for fill in fills) - several.cost)
            gain += times * group_gain
        return Take(contender, units, saving, gain) if gain else None

    def _take_mixed(self, contender: Contender) -> Take | None:
        """Groups of units of one kind, the cheapest of each group lowered."""
        pools = [pool for pool in contender.pools[0] if self.rest[pool]]
        pools.sort(key=lambda pool: (-self.pools[pool].price_minor, pool))
        if not any(self.reserve.get(pool) for pool in pools):
            # Nothing is lost by joining, so all that can do, the dearest first: no other grouping
            # has a dearer n-th lowered unit, for any n.
            return self._take_in_a_row(contender, pools)
        if sum(self.rest[pool] for pool in pools) <= EXACT_UNITS_MAX:
            return self._take_one_by_one(contender, pools)
        return self._take_by_cuts(contender, pools)

    def _take_in_a_row(self, contender: Contender, pools: list[int]) -> Take | None:
        """All units that fill groups, in the order of `pools`: the dearest first."""
        buy, get = contender.several.parts
        size = buy.units + get.units
        usable = sum(self.rest[pool] for pool in pools) // size * size
        units: dict[int, int] = {}
        saving = gain = start = 0
        for pool in pools:
            end = min(start + self.rest[pool], usable)
            if end == start:
                break
            lowered = _lowered(end, buy.units, size) - _lowered(start, buy.units, size)
            saved = lowered * self.pools[pool].price_minor * get.off_bp
            units[pool] = end - start
            saving += saved
            gain += saved - self.reserve.get(pool, 0) * (end - start)
            start = end
        return Take(contender, units, saving, gain) if gain > 0 else None

    def _take_by_cuts(self, contender: Contender, pools: list[int]) -> Take | None:
        """The best row among the units with the smallest reserves for their price."""

        def reserved_share(pool: int) -> Fraction:
            return Fraction(self.reserve.get(pool, 0), self.pools[pool].price_minor or 1)

        best: Take | None = None
        cuts = sorted({reserved_share(pool) for pool in pools})
        for cut in cuts[:: -(-len(cuts) // CUTS_MAX)]:
            kept = [pool for pool in pools if reserved_share(pool) <= cut]
            take = self._take_in_a_row(contender, kept)
            if take is not None and (best is None or take.gain > best.gain):
                best = take
        return best

    def _take_one_by_one(self, contender: Contender, pools: list[int]) -> Take | None:
        """The optimum, unit by unit from the dearest: stay out, be bought, or be lowered.

        A state is bought + X x lowerable: units bought towards the next group of X, and units that
        may still be lowered. Of each, the way that gains the most is kept, as long as the units
        left suffice to end with whole groups, state 0, and with any gain.
        """
        buy, get = contender.several.parts
        x, y = buy.units, get.units
        table = [pool for pool in pools for _ in range(self.rest[pool])]
        saved = [self.pools[pool].price_minor * get.off_bp for pool in table]
        lost = [self.reserve.get(pool, 0) for pool in table]
        hope = sum(max(0, each - loss) for each, loss in zip(saved, lost, strict=True))
        ways: dict[int, _Way] = {0: (0, 0, None, 0)}
        for place, pool in enumerate(table):
            saving, loss, left = saved[place], lost[place], len(table) - place - 1
            hope -= max(0, saving - loss)
            after = dict(ways)
            for state, way in ways.items():
                gain, total, _, _ = way
                lowerable, bought = divmod(state, x)
                now = state + 1 if bought + 1 < x else state + 1 + (y - 1) * x
                missing = lowerable + (x - bought - 1 + y)
                if missing <= left and gain - loss + hope > 0:
                    known = after.get(now)
                    if known is None or gain - loss > known[0]:
                        after[now] = (gain - loss, total, way, pool)
                if lowerable:
                    known = after.get(state - x)
                    if known is None or gain + saving - loss > known[0]:
                        after[state - x] = (gain + saving - loss, total + saving, way, pool)
            ways = after
        step = ways[0]
        gain, total, before, pool = step
        if gain <= 0:
            return None
        units: dict[int, int] = {}
        while before is not None:
            units[pool] = units.get(pool, 0) + 1
            _, _, before, pool = before
        return Take(contender, units, total, gain)


_Way = tuple[int, int, "_Way | None", int]
"""How a state was reached: its gain and saving, from which way, by a unit of which pool."""


def _lowered(units: int, buy_units: int, size: int) -> int:
    """How many of the first `units` in a row of groups are lowered: the last of each group."""
    groups, more = divmod(units, size)
    return groups * (size - buy_units) + max(0, more - buy_units)


class _Fill(NamedTuple):
    """A part of one group, and how many groups in a row would look the same."""

    units: dict[int, int]
    saving: int
    gain: int
    times: int


class _Queue:
    """The units that a part may take, those that gain the most first."""

    __slots__ = ("_desk", "_part", "_pools", "_rest")

    def __init__(self, desk: Desk, pools: Iterable[int], part: Part) -> None:
        self._desk = desk
        self._part = part
        self._pools = sorted(pools, key=lambda pool: (-self._gain_of(pool), pool))
        self._rest = {pool: desk.rest[pool] for pool in self._pools}

    def _saving_of(self, pool: int) -> int:
        return self._desk.pools[pool].price_minor * self._part.off_bp

    def _gain_of(self, pool: int) -> int:
        return self._saving_of(pool) - self._desk.reserve.get(pool, 0)

    def fill(self) -> _Fill | None:
        """The next units for one group, or None where there are too few."""
        needed = self._part.units
        units: dict[int, int] = {}
        saving = gain = 0
        for pool in self._pools:
            if count := min(needed, self._rest[pool]):
                units[pool] = count
                saving += count * self._saving_of(pool)
                gain += count * self._gain_of(pool)
                needed -= count
                if not needed:
                    times = self._rest[pool] // count if len(units) == 1 else 1
                    return _Fill(units, saving, gain, times)
        return None

    def use(self, fill: _Fill, times: int) -> None:
        """Take a fill's units away, so many times."""
        for pool, count in fill.units.items():
            self._rest[pool] -= count * times
