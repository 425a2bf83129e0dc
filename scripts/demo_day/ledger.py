"""The shelf, counted outside the code under test: what arrived, and what was promised to whom.

Every fact is taken from what this demo itself did, sent and was answered, never from a stock figure
of gateway or hub:

    received      units that were put on a shelf        counted when the receipt is *sent*
    arrived       of those, from another store          counted when the receipt is *sent*
    sent          units that left for another store     counted when the answer *arrives*
    sold          units on an acknowledged sale         counted when the answer *arrives*
    promised      units kept for an order or a hold     counted when the answer *arrives*
    freed         of those, units given back            counted when the request is *sent*
    handed over   units of an order that left           for the count of the shelf only
    overdrawn     units that a supervisor sold beyond the right to, by the refusal before
    brought back  units that a customer brought         not for sale before somebody looked
    restocked, thrown away                              what came of those, after the look
    missed        units of an order that a picker did not find
    broken, written off, stolen, damaged                what befell units on the shelf

What adds to a shelf is counted as early as it can be true, what takes from it as late: whatever
the network does to the order of answers, an excess is a unit that two people were promised.

    oversold(shelf)  = the largest excess of (sold + promised + sent - freed) over received
    stranded(shelf)  = what is still promised at the end beyond what still stands there for sale

An overdraw, breakage and theft are nobody's promise, so they are no part of `oversold`. That the
units they took were found elsewhere, and not sold once more, is what `stranded` says.
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
    ARRIVED = "arrived"
    SENT = "sent"
    SOLD = "sold"
    PROMISED = "promised"
    FREED = "freed"
    HANDED_OVER = "handed over"
    OVERDRAWN = "overdrawn"
    BROUGHT_BACK = "brought back"
    RESTOCKED = "restocked"
    THROWN_AWAY = "thrown away"
    MISSED = "missed"
    BROKEN = "broken"
    WRITTEN_OFF = "written off"
    STOLEN = "stolen"
    DAMAGED = "damaged"


class Effect(NamedTuple):
    """What one unit of a fact does: to what may still be promised, and to the shelf itself."""

    takes: int
    stands: int


EFFECTS: Final[Mapping[Fact, Effect]] = {
    Fact.RECEIVED: Effect(takes=-1, stands=1),
    Fact.ARRIVED: Effect(takes=-1, stands=1),
    Fact.SENT: Effect(takes=1, stands=-1),
    Fact.SOLD: Effect(takes=1, stands=-1),
    Fact.PROMISED: Effect(takes=1, stands=0),
    Fact.FREED: Effect(takes=0, stands=0),
    Fact.HANDED_OVER: Effect(takes=0, stands=-1),
    Fact.OVERDRAWN: Effect(takes=0, stands=-1),
    Fact.BROUGHT_BACK: Effect(takes=0, stands=1),
    Fact.RESTOCKED: Effect(takes=-1, stands=0),
    Fact.THROWN_AWAY: Effect(takes=0, stands=-1),
    Fact.MISSED: Effect(takes=0, stands=-1),
    Fact.BROKEN: Effect(takes=0, stands=-1),
    Fact.WRITTEN_OFF: Effect(takes=0, stands=-1),
    Fact.STOLEN: Effect(takes=0, stands=-1),
    Fact.DAMAGED: Effect(takes=0, stands=0),
}
"""FREED depends on how it ended: a request that came too late frees nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact about one shelf; `reference` is the id of the sale, the hold, the allocation."""

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
            self._taken[shelf] += quantity * EFFECTS[fact].takes

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
            room[entry.shelf] += entry.quantity * (1 if adds else -EFFECTS[entry.fact].takes)
            if room[entry.shelf] < 0:
                worst[entry.shelf] = max(worst.get(entry.shelf, 0), -room[entry.shelf])
        return worst

    def stranded(self, *, released: Collection[str]) -> dict[Shelf, int]:
        """Units still promised that no longer stand there for sale, per shelf that has any.

        Args:
            released: as for `oversold`, holds that have ended included.
        """
        gone = {each.reference for each in self.entries if each.fact is Fact.HANDED_OVER}
        promised: Counter[Shelf] = Counter()
        for entry in self.entries:
            if entry.fact is Fact.PROMISED and entry.reference not in gone | set(released):
                promised[entry.shelf] += entry.quantity
        stands, unsellable = self.on_hand(), self._unsellable()
        short = {
            shelf: units - stands.get(shelf, 0) + unsellable[shelf]
            for shelf, units in promised.items()
        }
        return {shelf: units for shelf, units in short.items() if units > 0}

    def _unsellable(self) -> Counter[Shelf]:
        """Units that stand there and nobody may buy: damaged, or not looked at since they came."""
        units: Counter[Shelf] = Counter()
        units.update(self.totals(Fact.DAMAGED))
        units.update(self.totals(Fact.BROUGHT_BACK))
        for fact in (Fact.WRITTEN_OFF, Fact.RESTOCKED, Fact.THROWN_AWAY):
            units.subtract(self.totals(fact))
        return units

    def on_hand(self) -> dict[Shelf, int]:
        """What a clerk would count now, per shelf that ever had anything."""
        stands: dict[Shelf, int] = {}
        for entry in self.entries:
            if (step := EFFECTS[entry.fact].stands) != 0:
                stands[entry.shelf] = stands.get(entry.shelf, 0) + step * entry.quantity
        return stands

    def totals(self, fact: Fact) -> Mapping[Shelf, int]:
        """Units of one fact, per shelf."""
        units: defaultdict[Shelf, int] = defaultdict(int)
        for entry in self.entries:
            if entry.fact is fact:
                units[entry.shelf] += entry.quantity
        return units
