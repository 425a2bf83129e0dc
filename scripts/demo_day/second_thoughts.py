"""What customers do who think again: they cancel what is on its way, and bring back what they had.

    called off    two orders wait in a store that is cut off; both customers cancel online, and one
                  of them comes for the goods all the same before the store can know
    brought back  of one sale some is returned where it was bought, some is exchanged there, and
                  some is returned in another store; goods of an online order come back to a store

    elsewhere     a till sells what stands in another store; of an order a piece is missing when
                  it is picked, and is paid back

All of it is decided in advance, of articles that nobody else asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.baskets import Line

CALLED_OFF_UNITS: Final = 1
"""Each of the two orders has so many: the hub may sell a quarter of a case."""

SOLD_UNITS: Final = 4
"""One for each way back, and one that stays with the customer."""

SALES_OF_WAY_BACK: Final = 2
"""What some of comes back, and the new half of the exchange."""

MISSED_UNITS: Final = 1
"""Of as many that are ordered as `ORDERED_UNITS`: the rest goes out."""

ORDERED_UNITS: Final = 2
"""One comes back to a store, one stays with the customer."""

PLACE_ORDERS, BUY, CANCEL, COLLECT = 0.08, 0.06, 0.40, 0.44
SELL_ELSEWHERE, MISS = 0.07, 0.12
BRING_BACK, EXCHANGE, BRING_ELSEWHERE, BRING_ORDERED = 0.14, 0.18, 0.76, 0.80
"""Parts of the selling time: the line is cut from 0.30 to 0.70."""

At = Callable[[float], float]
"""Seconds from opening, of a part of the selling time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCalledOff:
    """Two pick-up orders of `line` each at `location`, cancelled while it is cut off.

    At `collected_at_s`, still cut off, the first customer comes for the goods.
    """

    placed_at_s: float
    cancelled_at_s: float
    collected_at_s: float
    location: str
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedElsewhere:
    """Goods of `location` that are sold elsewhere, and are not all there when they are picked.

    A till of `sold_at` sells a piece of them; of an online order of `ordered` one is missing.
    """

    sold_at_s: float
    missed_at_s: float
    location: str
    sold_at: str
    sku: str
    ordered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWayBack:
    """A sale and an online order of `sku`, both of `location`, of which some comes back.

    Units of the sale are returned at `location`, exchanged there for one of `instead`, and returned
    at `elsewhere`; units of the order come back to `elsewhere`.
    """

    bought_at_s: float
    returned_at_s: float
    exchanged_at_s: float
    elsewhere_at_s: float
    ordered_back_at_s: float
    location: str
    elsewhere: str
    sku: str
    instead: str


def plan_called_off(at: At, location: str, sku: str | None) -> PlannedCalledOff | None:
    """The cancels behind a cut; None where there is no article for them."""
    if sku is None:
        return None
    return PlannedCalledOff(
        placed_at_s=at(PLACE_ORDERS),
        cancelled_at_s=at(CANCEL),
        collected_at_s=at(COLLECT),
        location=location,
        line=Line(sku=sku, quantity=CALLED_OFF_UNITS),
    )


def plan_elsewhere(at: At, location: str, sold_at: str, sku: str | None) -> PlannedElsewhere | None:
    """What is sold from afar and missed; None where there is no article for it."""
    if sku is None:
        return None
    return PlannedElsewhere(
        sold_at_s=at(SELL_ELSEWHERE),
        missed_at_s=at(MISS),
        location=location,
        sold_at=sold_at,
        sku=sku,
        ordered=ORDERED_UNITS,
    )


def plan_way_back(
    at: At, location: str, elsewhere: str, sku: str | None, instead: str | None
) -> PlannedWayBack | None:
    """The returns; None where there are no two articles for them."""
    if sku is None or instead is None:
        return None
    return PlannedWayBack(
        bought_at_s=at(BUY),
        returned_at_s=at(BRING_BACK),
        exchanged_at_s=at(EXCHANGE),
        elsewhere_at_s=at(BRING_ELSEWHERE),
        ordered_back_at_s=at(BRING_ORDERED),
        location=location,
        elsewhere=elsewhere,
        sku=sku,
        instead=instead,
    )
