"""Which locations fulfil an order: a pure rule, replaceable by another with the same signature.

The rule fills from the location that covers most of what is still wanted, then from the next. One
location that holds everything therefore always goes before a split, and a split has few parcels.
Ties go to the location with most stock of the wanted SKUs, so that small stores are not emptied,
then to the smaller id, so that the answer never depends on the order of a mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Units = Mapping[str, int]
"""Base units per SKU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many units of a SKU from a location; becomes an allocation when they are committed."""

    location: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnough:
    """Refusal: the offers together do not cover the wants; `missing` says by how much, per SKU."""

    missing: Units

    def __str__(self) -> str:
        return "not available: " + ", ".join(
            f"{quantity} x {sku}" for sku, quantity in sorted(self.missing.items())
        )


def choose_locations(
    wants: Units, offers: Mapping[str, Units], *, pickup_at: str | None = None
) -> tuple[Share, ...] | NotEnough:
    """Cover all wants from the offers (location -> SKU -> units), or refuse and take nothing.

    With `pickup_at` only that location is asked. Bundles are exploded before
    (`retail.catalogue.demand`). Wants are positive.
    """
    asked = {
        location: {sku: held for sku in wants if (held := offer.get(sku, 0)) > 0}
        for location, offer in sorted(offers.items())
        if pickup_at is None or location == pickup_at
    }
    missing = dict(wants)
    shares: list[Share] = []
    while missing and asked:
        location = max(asked, key=lambda name: _worth(asked[name], missing))
        taken = _taken(asked.pop(location), missing)
        if not taken:
            break
        for sku, quantity in taken.items():
            shares.append(Share(location=location, sku=sku, quantity=quantity))
            missing[sku] -= quantity
            if missing[sku] == 0:
                del missing[sku]
    return NotEnough(missing=missing) if missing else tuple(shares)


def _taken(offer: Units, missing: Units) -> dict[str, int]:
    return {sku: min(wanted, offer[sku]) for sku, wanted in missing.items() if sku in offer}


def _worth(offer: Units, missing: Units) -> tuple[int, int]:
    """What the location would cover, and what it holds; `max` keeps the first id among equals."""
    return sum(_taken(offer, missing).values()), sum(offer.values())
