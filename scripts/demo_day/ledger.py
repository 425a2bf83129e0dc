"""The shelf, counted outside the code under test: what arrived, and what was promised to whom.

Every fact is taken from what this demo itself sent and was answered, never from a stock figure of
gateway or hub:

    received      units that were put on a shelf        counted when the receipt is *sent*
    sold          units on an acknowledged sale         counted when the answer *arrives*
    promised      units of an order's allocation        counted when the answer *arrives*
    freed         units of an allocation taken back     counted when the cancel is *sent*
    handed over   units of an allocation that left      for the count of the shelf only

What adds to a shelf is counted as early as it can be true, what takes from it as late: whatever
the network does to the order of answers, an excess is a unit that two people were promised.

    oversold(shelf) = the largest excess of (sold + promised - freed) over received at any moment
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple


class Shelf(NamedTuple):
    """One SKU at one location."""

    location: str
    sku: str


class Fact(Enum):
    """Kinds of entries of the physical ledger."""

    RECEIVED = "received"
    SOLD = "sold"
    PROMISED = "promised"
    FREED = "freed"
    HANDED_OVER = "handed over"


TAKES: Final[Mapping[Fact, int]] = {
    Fact.RECEIVED: -1,
    Fact.SOLD: 1,
    Fact.PROMISED: 1,
    Fact.FREED: 0,
    Fact.HANDED_OVER: 0,
}
"""What a fact takes from what may still be promised, per unit; FREED depends on how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact about one shelf; `reference` is the sale's or allocation's id."""

    fact: Fact
    shelf: Shelf
    quantity: int
    reference: str


@dataclass(slots=True)
class PhysicalLedger:
    """All facts in the order in which the demo learned of them. Append only."""

    entries: list[Entry] = field(default_factory=list)
    _taken: Counter[Shelf] = field(default_factory=Counter)

    def record(self, fact: Fact, reference: str, units: Iterable[tuple[Shelf, int]]) -> None:
        """Write down one fact; every quantity is positive."""
        for shelf, quantity in units:
            assert quantity > 0, "a fact is about units that exist"
            self.entries.append(
                Entry(fact=fact, shelf=shelf, quantity=quantity, reference=reference)
            )
            self._taken[shelf] += quantity * TAKES[fact]

    def room(self, shelf: Shelf) -> int:
        """Units received and promised to nobody yet, as if every cancel came too late."""
        return -self._taken[shelf]

    def oversold(self, *, released: Collection[str]) -> dict[Shelf, int]:
        """Units that were promised and never there, per shelf; shelves without any are left out.

        Args:
            released: ids of the allocations that were given back. A cancel that came too late
                (the goods were gone) frees nothing.
        """
        room: defaultdict[Shelf, int] = defaultdict(int)
        worst: dict[Shelf, int] = {}
        for entry in self.entries:
            if entry.fact is Fact.FREED and entry.reference not in released:
                continue
            adds = entry.fact is Fact.FREED
            room[entry.shelf] += entry.quantity * (1 if adds else -TAKES[entry.fact])
            if room[entry.shelf] < 0:
                worst[entry.shelf] = max(worst.get(entry.shelf, 0), -room[entry.shelf])
        return worst

    def on_hand(self) -> dict[Shelf, int]:
        """What a clerk would count now, per shelf that ever had anything."""
        received, sold, gone = map(self.totals, (Fact.RECEIVED, Fact.SOLD, Fact.HANDED_OVER))
        return {
            shelf: units - sold.get(shelf, 0) - gone.get(shelf, 0)
            for shelf, units in received.items()
        }

    def totals(self, fact: Fact) -> Mapping[Shelf, int]:
        """Units of one fact, per shelf."""
        units: defaultdict[Shelf, int] = defaultdict(int)
        for entry in self.entries:
            if entry.fact is fact:
                units[entry.shelf] += entry.quantity
        return units
