"""Which locations fulfil an order: pure rules, each replaceable by another `Rule`.

All rules here choose one location after the other: the one that covers most of what is still
wanted goes first. One location that holds everything therefore always goes before a split, and a
split has few parcels (to find the very fewest is set cover, not for a customer who waits).

    fewest_parcels   ties go to the location with most of the wanted SKUs, so that small stores are
                     not emptied
    nearest          ties go to the location that is nearest to the destination, then as above; of
                     a split, each takes what it can in the order of their distance
    one_location     as `nearest`, and what would be split is refused

So no distance is worth a second parcel: a customer waits longer for two than for one from farther
away, and two cost more. Whose coordinates are not known is farther than all that are known, and
without a destination there is no distance. The last tie goes to the smaller id, so that the answer
never depends on the order of a mapping.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from retail.places import Coordinates, distance_m

Units = Mapping[str, int]
"""Base units per SKU."""

RuleName = Literal["fewest_parcels", "nearest", "one_location"]
"""The rules that a chain can choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many units of a SKU from a location; becomes an allocation when they are committed."""

    location: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnough:
    """Refusal: the wants are not covered; `missing` says by how much, per SKU.

    With `location` it is about that one alone: the order had to come from there, or (of rules that
    never split) no other location lacks less. Without, all offers together do not suffice.
    """

    missing: Units
    location: str | None = None

    def __str__(self) -> str:
        return "not available: " + ", ".join(
            f"{quantity} x {sku}" for sku, quantity in sorted(self.missing.items())
        )


class Rule(Protocol):
    """What chooses: it covers all wants from the offers, or refuses and takes nothing.

    Wants are positive, with bundles exploded before (`retail.products.catalogue.demand`); offers
    are units per location and SKU; `places` has the locations whose coordinates are known,
    `destination` is where the goods go. With `pickup_at` only that location is asked, by any rule.
    """

    def __call__(
        self,
        wants: Units,
        offers: Mapping[str, Units],
        *,
        places: Mapping[str, Coordinates] = {},
        destination: Coordinates | None = None,
        pickup_at: str | None = None,
    ) -> tuple[Share, ...] | NotEnough:
        """Which location gives what; each (location, SKU) once."""
        ...


def fewest_parcels(
    wants: Units,
    offers: Mapping[str, Units],
    *,
    places: Mapping[str, Coordinates] = {},  # noqa: ARG001 - a rule
    destination: Coordinates | None = None,  # noqa: ARG001 - a rule
    pickup_at: str | None = None,
) -> tuple[Share, ...] | NotEnough:
    """See the module's theory."""
    asked = _asked(wants, offers, pickup_at)
    return _shares(wants, asked, _chosen(wants, asked, lambda _: 0), pickup_at)


def nearest(
    wants: Units,
    offers: Mapping[str, Units],
    *,
    places: Mapping[str, Coordinates] = {},
    destination: Coordinates | None = None,
    pickup_at: str | None = None,
) -> tuple[Share, ...] | NotEnough:
    """See the module's theory."""
    asked = _asked(wants, offers, pickup_at)
    away_m = _away_m(places, destination)
    chosen = _chosen(wants, asked, away_m)
    return _shares(wants, asked, sorted(chosen, key=away_m), pickup_at)


def one_location(
    wants: Units,
    offers: Mapping[str, Units],
    *,
    places: Mapping[str, Coordinates] = {},
    destination: Coordinates | None = None,
    pickup_at: str | None = None,
) -> tuple[Share, ...] | NotEnough:
    """See the module's theory."""
    asked = _asked(wants, offers, pickup_at)
    best = _chosen(wants, asked, _away_m(places, destination))[:1]
    return _shares(wants, asked, best, best[0] if best else pickup_at)


RULES: Final[Mapping[RuleName, Rule]] = {
    "fewest_parcels": fewest_parcels,
    "nearest": nearest,
    "one_location": one_location,
}

MINDS_DISTANCE: Final[frozenset[RuleName]] = frozenset({"nearest", "one_location"})
"""The rules to which it matters where the goods go."""


def _asked(
    wants: Units, offers: Mapping[str, Units], pickup_at: str | None
) -> Mapping[str, dict[str, int]]:
    """What is offered of what is wanted, by location in the order of their ids."""
    return {
        location: {sku: held for sku in wants if (held := offer.get(sku, 0)) > 0}
        for location, offer in sorted(offers.items())
        if pickup_at is None or location == pickup_at
    }


def _away_m(
    places: Mapping[str, Coordinates], destination: Coordinates | None
) -> Callable[[str], float]:
    """How far a location is from the destination, in metres; infinite where nobody knows."""

    def away_m(location: str) -> float:
        place = places.get(location)
        if place is None or destination is None:
            return math.inf
        return distance_m(place, destination)

    return away_m


def _chosen(wants: Units, asked: Mapping[str, Units], away_m: Callable[[str], float]) -> list[str]:
    """The locations that cover the wants together, or as much of them as there is."""

    def worth(location: str) -> tuple[int, float, int]:
        """`max` keeps the first id among equals."""
        offer = asked[location]
        return sum(_taken(offer, missing).values()), -away_m(location), sum(offer.values())

    missing, left, chosen = dict(wants), list(asked), list[str]()
    while missing and left:
        best = max(left, key=worth)
        taken = _taken(asked[best], missing)
        if not taken:
            break
        left.remove(best)
        chosen.append(best)
        missing = _less(missing, taken)
    return chosen


def _shares(
    wants: Units, asked: Mapping[str, Units], chosen: Iterable[str], only: str | None
) -> tuple[Share, ...] | NotEnough:
    """The wants taken from the chosen locations in their order; `only`: see `NotEnough`."""
    missing = dict(wants)
    shares: list[Share] = []
    for location in chosen:
        taken = _taken(asked[location], missing)
        shares += [
            Share(location=location, sku=sku, quantity=quantity) for sku, quantity in taken.items()
        ]
        missing = _less(missing, taken)
    return NotEnough(missing=missing, location=only) if missing else tuple(shares)


def _taken(offer: Units, missing: Units) -> dict[str, int]:
    return {sku: min(wanted, offer[sku]) for sku, wanted in missing.items() if sku in offer}


def _less(missing: Units, taken: Units) -> dict[str, int]:
    return {
        sku: left for sku, wanted in missing.items() if (left := wanted - taken.get(sku, 0)) > 0
    }
