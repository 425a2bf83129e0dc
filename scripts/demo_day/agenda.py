"""What stockrooms, back office and customers in doubt do in the day: pure, decided in advance.

    deliveries   a morning and a late one for every store, with supplier and cost
    holds        baskets set aside at a till, checkouts online: one is used, one runs out
    breakage     of goods that are promised online, so that too few are left
    damage       a unit that stands there and cannot be sold, written off later
    transfer     its truck arrives in a store that is cut off, with a piece too few
    count        of a busy shelf while the shop sells, after a theft
    overdraw     a supervisor sells what the cut-off gateway has no right to
    cancels      of two orders that a cut-off store has, and one of them is collected
    returns      in the store that sold it and in another one, also of an online order; an exchange
    elsewhere    a till sells what another store has; of an order a piece is missing there
    prices       head office lowers one, raises one and starts a promotion while a store is cut off

Deliveries bring what the day is about. The rest is done with articles that nobody else asks for
(`Market.others`), so that it comes out the same whoever is first at the shelves; only the count and
the prices are of goods in demand as well. Stores have the roles of `plan`: equipped, cut off,
black-holed, killed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

from scripts.demo_day.baskets import Line, Market
from scripts.demo_day.plan import Plan, Trouble
from scripts.demo_day.prices import WHOLE_BP, Terms
from scripts.demo_day.second_thoughts import (
    SALES_OF_WAY_BACK,
    At,
    PlannedCalledOff,
    PlannedElsewhere,
    PlannedWayBack,
    plan_called_off,
    plan_elsewhere,
    plan_way_back,
)

Until = Callable[[float], Awaitable[None]]
"""Sleeps until so many seconds after opening."""

MORNING_SUPPLIER: Final = "Valley Grocery Wholesale"
LATE_SUPPLIER: Final = "Northside Fresh Produce"

HOLD_S: Final = 10
"""How long holds last in this day: the least that the programs take, and a third of the selling."""

CASE: Final = 8
"""Pieces of an article in a case: a quarter goes online, six stay with the gateway."""

CASES: Final = 2 * CASE
"""Where a desk takes four: twelve stay in the store, six of them at the till that sells alone. Of a
single case some would have to be asked back, and a till too busy to answer in time is a refusal.
"""

PALLET: Final = 24
"""Pieces on a pallet: six go online, and all of them are ordered."""

BROKEN: Final = 20
"""Of a pallet: four are left of the six that are promised, and of the rest nothing."""

COUNTED_SKUS: Final = 3
"""Shelves in demand that are counted, the fullest of the store, beside one that is not."""

STOLEN: Final = 2

RAISED_BP: Final = 12_000
LOWERED_BP: Final = 8_000
"""New prices as shares of the old ones, in basis points."""

OFF_BP: Final = 1_000
"""What the promotion takes off."""

CHANGED_MINOR_MIN: Final = 10
"""The least price that a tenth can be taken off."""

CHANGED_SKUS: Final = 3
"""One that gets cheaper, one that gets dearer, one that is on offer."""

SALES_OF_PRICES: Final = 2 * CHANGED_SKUS
"""One of each at the old price, and one of each at the new one."""

EARLY, LATE_DELIVERY, USE, BREAK, DAMAGE = 0.05, 0.10, 0.15, 0.18, 0.22
SHIP, PRICES, COUNT, ARRIVE = 0.36, 0.38, 0.42, 0.45
OLD_PRICES, COUNTED, OVERDRAW, WRITE_OFF = 0.47, 0.52, 0.55, 0.60
"""Parts of the selling time. `plan` cuts lines from 0.30 to 0.70 and kills a gateway at 0.50: the
breakage is settled before, the truck is on its way meanwhile."""


class Part(Enum):
    """What the articles that nobody else asks for are there for; the first come first."""

    FRAGILE = "fragile"
    CARRIED = "carried"
    MISCOUNTED = "miscounted"
    LONGED_FOR = "longed for"
    QUIET = "quiet"
    SET_ASIDE = "set aside"
    RESERVED = "reserved"
    DENTED = "dented"
    CALLED_OFF = "called off"
    BROUGHT_BACK = "brought back"
    INSTEAD = "taken instead"
    AFAR = "sold from afar"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    """A paper of a supplier, with all of its lines."""

    at_s: float
    location: str
    supplier: str
    reference: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHold:
    """Units set aside for a customer, at a till of `location` or online; None: never used."""

    at_s: float
    used_at_s: float | None
    location: str
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBreakage:
    """The website sells `ordered` of what stands at `location`; then `broken` of it break.

    `elsewhere` has as many, and can send them instead.
    """

    ordered_at_s: float
    at_s: float
    location: str
    elsewhere: str
    sku: str
    ordered: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDamage:
    """A line that is found damaged, and is written off in the end."""

    at_s: float
    written_off_at_s: float
    location: str
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTransfer:
    """A truck from one store to another, on which `lost` gets lost."""

    shipped_at_s: float
    arrives_at_s: float
    source: str
    destination: str
    lines: tuple[Line, ...]
    lost: Line

    @property
    def arriving(self) -> tuple[Line, ...]:
        """What there is on the truck when it arrives."""
        return tuple(
            Line(sku=line.sku, quantity=line.quantity - self.lost.quantity)
            if line.sku == self.lost.sku
            else line
            for line in self.lines
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCount:
    """Shelves that are counted between two times, the first of them after `stolen` were stolen.

    The quiet one comes last: it is stolen from where the others are not full enough.
    """

    at_s: float
    closed_at_s: float
    location: str
    skus: tuple[str, ...]
    stolen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOverdraw:
    """A customer in a cut-off store has more in hand than its gateway may sell."""

    at_s: float
    location: str
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPrices:
    """New terms for three SKUs that the cut-off `location` has on its fullest shelves.

    It gets a case more of each, so that there is something left to sell both times.

    Its desk sells one of each at `sold_at_s`, still cut off, and again when the new prices are seen
    there; all lines are mended at `mended_at_s`.
    """

    at_s: float
    sold_at_s: float
    mended_at_s: float
    location: str
    lowered: str
    raised: str
    promoted: str
    terms: Mapping[str, Terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The whole of it; None and empty is what this catalogue has no articles for."""

    morning: tuple[PlannedDelivery, ...]
    late: tuple[PlannedDelivery, ...]
    baskets: tuple[PlannedHold, ...]
    checkouts: tuple[PlannedHold, ...]
    breakage: PlannedBreakage | None
    damage: PlannedDamage | None
    transfer: PlannedTransfer | None
    count: PlannedCount | None
    overdraw: PlannedOverdraw | None
    prices: PlannedPrices | None
    called_off: PlannedCalledOff | None
    way_back: PlannedWayBack | None
    elsewhere: PlannedElsewhere | None

    @property
    def skus(self) -> frozenset[str]:
        """Every SKU that is delivered."""
        return frozenset(line.sku for each in self.morning + self.late for line in each.lines)

    @property
    def orders(self) -> int:
        """Orders that this brings to the website, beside those of `Plan.orders`."""
        used = sum(each.used_at_s is not None for each in self.checkouts)
        more = 2 * (self.called_off is not None) + (self.way_back is not None)
        more += 2 * (self.elsewhere is not None)
        return used + (self.breakage is not None) + more

    @property
    def left_out(self) -> tuple[str, ...]:
        """What does not happen on this day, in words."""
        scenes = {
            "breakage of promised goods": self.breakage,
            "a transfer": self.transfer,
            "an overdraw": self.overdraw,
            "a count": self.count,
            "baskets set aside": self.baskets,
            "reserved checkouts": self.checkouts,
            "damaged goods": self.damage,
            "a change of prices": self.prices,
            "cancels behind a cut line": self.called_off,
            "returns and an exchange": self.way_back,
            "a sale from another store and a short pick": self.elsewhere,
        }
        return tuple(words for words, scene in scenes.items() if not scene)

    def sales_at(self, location: str) -> int:
        """Sales that this brings to the tills of a store, beside those of `Plan.sales`."""
        used = sum(each.used_at_s is not None for each in self.baskets if each.location == location)
        if self.overdraw is not None and self.overdraw.location == location:
            used += 1
        if self.prices is not None and self.prices.location == location:
            used += SALES_OF_PRICES
        if self.way_back is not None and self.way_back.location == location:
            used += SALES_OF_WAY_BACK
        return used


def plan_agenda(market: Market, plan: Plan) -> Agenda:
    """Decide all of it; no chance is in it but that of `plan`."""
    places = market.locations
    home, cut, hole, killed = (places[role % len(places)] for role in range(4))
    parts = dict(zip(Part, market.others, strict=False))

    def at(part: float) -> float:
        return part * plan.selling_s

    morning: defaultdict[tuple[str, str], int] = defaultdict(int, plan.opening_stock)
    late: defaultdict[tuple[str, str], int] = defaultdict(int, plan.late_stock)
    for part, location, units in (
        (Part.CARRIED, home, CASE), (Part.MISCOUNTED, home, CASE), (Part.LONGED_FOR, cut, CASE),
        (Part.SET_ASIDE, cut, CASES), (Part.RESERVED, home, CASE), (Part.DENTED, killed, CASE),
        (Part.QUIET, hole, CASE), (Part.CALLED_OFF, cut, CASE), (Part.AFAR, places[-1], CASES),
        (Part.BROUGHT_BACK, places[-1], CASES), (Part.INSTEAD, places[-1], CASE),
    ):  # fmt: skip
        if part in parts:
            morning[location, parts[part]] = units
    if fragile := parts.get(Part.FRAGILE):
        morning[home, fragile] = PALLET
        late[places[-1], fragile] = PALLET
    prices = _prices(market, plan, at, cut)
    for sku in () if prices is None else prices.terms:
        morning[cut, sku] += CASE
    return Agenda(
        morning=_deliveries(places, morning, at(0.0), MORNING_SUPPLIER, "morning"),
        late=_deliveries(places, late, at(LATE_DELIVERY), LATE_SUPPLIER, "late"),
        baskets=_holds(at, cut, parts.get(Part.SET_ASIDE), 2),
        checkouts=_holds(at, home, parts.get(Part.RESERVED), 1),
        breakage=_breakage(at, home, places[-1], fragile),
        damage=_damage(at, killed, parts.get(Part.DENTED)),
        transfer=_transfer(at, home, cut, parts),
        count=_count(at, hole, plan, parts.get(Part.QUIET)),
        overdraw=_overdraw(at, cut, parts.get(Part.LONGED_FOR)),
        prices=prices,
        called_off=plan_called_off(at, cut, parts.get(Part.CALLED_OFF)),
        way_back=plan_way_back(
            at, places[-1], home, parts.get(Part.BROUGHT_BACK), parts.get(Part.INSTEAD)
        ),
        elsewhere=plan_elsewhere(at, places[-1], home, parts.get(Part.AFAR)),
    )


def _breakage(at: At, home: str, elsewhere: str, sku: str | None) -> PlannedBreakage | None:
    if sku is None:
        return None
    return PlannedBreakage(
        ordered_at_s=at(EARLY), at_s=at(BREAK), location=home, elsewhere=elsewhere, sku=sku,
        ordered=PALLET // 4, broken=BROKEN,
    )  # fmt: skip


def _damage(at: At, location: str, sku: str | None) -> PlannedDamage | None:
    if sku is None:
        return None
    return PlannedDamage(
        at_s=at(DAMAGE), written_off_at_s=at(WRITE_OFF), location=location,
        line=Line(sku=sku, quantity=1),
    )  # fmt: skip


def _transfer(
    at: At, source: str, destination: str, parts: Mapping[Part, str]
) -> PlannedTransfer | None:
    if Part.MISCOUNTED not in parts:
        return None
    lines = (parts[Part.CARRIED], parts[Part.MISCOUNTED])
    return PlannedTransfer(
        shipped_at_s=at(SHIP),
        arrives_at_s=at(ARRIVE),
        source=source,
        destination=destination,
        lines=tuple(Line(sku=sku, quantity=CASE // 2) for sku in lines),
        lost=Line(sku=parts[Part.MISCOUNTED], quantity=1),
    )


def _count(at: At, location: str, plan: Plan, quiet: str | None) -> PlannedCount | None:
    if quiet is None:
        return None
    busy = _fullest(plan.opening_stock, location)[:COUNTED_SKUS]
    return PlannedCount(
        at_s=at(COUNT),
        closed_at_s=at(COUNTED),
        location=location,
        skus=(*busy, quiet),
        stolen=STOLEN,
    )


def _overdraw(at: At, location: str, sku: str | None) -> PlannedOverdraw | None:
    if sku is None:
        return None
    line = Line(sku=sku, quantity=CASE - 1)
    return PlannedOverdraw(at_s=at(OVERDRAW), location=location, line=line)


def _prices(market: Market, plan: Plan, at: At, cut: str) -> PlannedPrices | None:
    """The change of prices; None where fewer than three shelves have anything to change."""
    labels = {
        sku: market.products[sku].price_minor
        for sku in _fullest(plan.opening_stock, cut)
        if sku in market.products and market.products[sku].price_minor >= CHANGED_MINOR_MIN
    }
    if len(labels) < CHANGED_SKUS:
        return None
    lowered, raised, promoted = islice(labels, CHANGED_SKUS)
    return PlannedPrices(
        at_s=at(PRICES),
        sold_at_s=at(OLD_PRICES),
        mended_at_s=max(one.until_s for one in plan.troubles if one.trouble is not Trouble.KILL),
        location=cut,
        lowered=lowered,
        raised=raised,
        promoted=promoted,
        terms={
            lowered: Terms(labels[lowered] * LOWERED_BP // WHOLE_BP),
            raised: Terms(labels[raised] * RAISED_BP // WHOLE_BP),
            promoted: Terms(labels[promoted], OFF_BP),
        },
    )


def _fullest(stock: Mapping[tuple[str, str], int], location: str) -> list[str]:
    """What the store has, the fullest shelf first."""
    here = Counter({sku: units for (where, sku), units in stock.items() if where == location})
    return [sku for sku, _ in sorted(here.items(), key=lambda one: (-one[1], one[0]))]


def _holds(at: At, location: str, sku: str | None, quantity: int) -> tuple[PlannedHold, ...]:
    """One that is used and one that runs out."""
    if sku is None:
        return ()
    line = Line(sku=sku, quantity=quantity)
    return tuple(
        PlannedHold(at_s=at(EARLY), used_at_s=used, location=location, line=line)
        for used in (at(USE), None)
    )


def _deliveries(
    places: tuple[str, ...],
    stock: Mapping[tuple[str, str], int],
    at_s: float,
    supplier: str,
    reference: str,
) -> tuple[PlannedDelivery, ...]:
    """One for each store that gets anything."""
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for (location, sku), units in sorted(stock.items()):
        lines[location].append(Line(sku=sku, quantity=units))
    return tuple(
        PlannedDelivery(
            at_s=at_s,
            location=location,
            supplier=supplier,
            reference=reference,
            lines=tuple(lines[location]),
        )
        for location in places
        if lines[location]
    )
