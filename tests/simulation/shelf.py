"""The truth: what physically came, went and was promised, as people saw it. No product code.

Goods move when people move them, not when a program books it: a truck's goods stand in the
stockroom before the clerk has typed the paper, a jar is broken before anybody says so, and what a
customer holds in the hand can neither break nor be sold to another. A promise is made when the
customer hears yes.

    oversold = promised and handed over  -  what came, less what was lost and what is accounted for

is what must never be positive, per location and SKU. Accounted for are units that a supervisor
overdrew, and losses that went below promises: both as far as the programs wrote them down as such,
and never more than people know of.
"""

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

Place = tuple[str, str]
"""A location and a SKU."""


class Flow(enum.Enum):
    """Why goods came or went."""

    RECEIVED = "received"
    FOUND = "found"
    SOLD = "sold"
    HANDED_OVER = "handed over"
    LOST = "lost"
    SENT_BACK = "sent back to the vendor"
    SENT_BACK_DAMAGED = "damaged, and sent back to the vendor"
    SENT_OFF = "sent to another location"
    ARRIVED = "arrived from another location"
    BROUGHT_BACK = "brought back by customers"
    THROWN_AWAY = "thrown away after an inspection"
    SENT_BACK_INSPECTED = "sent back to the vendor after an inspection"


INTO = frozenset({Flow.RECEIVED, Flow.FOUND, Flow.ARRIVED, Flow.BROUGHT_BACK})
TO_CUSTOMERS = frozenset({Flow.SOLD, Flow.HANDED_OVER})
OF_CONTROL = frozenset({Flow.BROUGHT_BACK, Flow.THROWN_AWAY, Flow.SENT_BACK_INSPECTED})
"""Into quality control and out of it: never among what can be sold."""


@dataclass(slots=True)
class Promise:
    """Units of one allocation of an online order that a customer counts on.

    Whoever keeps them may end a part of it: then there are fewer `units` than at `first`, and the
    rest is a promise of its own. `until_s` is when an unpaid checkout stops counting on them; None
    for a firm promise.
    """

    allocation: str
    order: str
    place: Place
    units: int
    until_s: float | None = None
    is_over: bool = False
    is_handed_over: bool = False
    is_given_back: bool = False
    """Whether its own store has given it up: nobody takes that back, whatever is read elsewhere."""

    told_by: str = ""
    """The entry that says that they were handed over."""

    first: int = 0
    """Units that were promised; set when it is made."""

    called_off: int = 0
    """How many are calling it off at this moment, and do not know yet whether they could."""

    def counts(self, now_s: float) -> bool:
        """Whether the customer counts on it now."""
        is_late = self.until_s is not None and now_s >= self.until_s
        return not (self.is_over or self.is_handed_over or self.called_off or is_late)


@dataclass(slots=True)
class Shelf:
    """One SKU at one location."""

    flows: Counter[Flow] = field(default_factory=Counter)
    in_hands: int = 0
    """Units that somebody holds while a program is asked: still there, but nobody else's."""

    under_way: int = 0
    """Deeds at this shelf of which a program may or may not know yet."""

    inspections: int = 0
    """Those of them that are looks at what came back: they all wait until the book has it."""

    is_counted: bool = False
    """Whether somebody counts it: nobody touches it meanwhile."""

    damaged: int = 0
    """Units that stand there and cannot be sold."""

    in_control: int = 0
    """Units that customers brought back, and nobody has looked at yet."""

    restocked: int = 0
    """Units that came back, were looked at and lie on the shelf again."""

    found_damaged: int = 0
    """Units that came back, were looked at and stand among the damaged."""

    swapped: int = 0
    """Units that came back and took the place of others, which the book knew to be lost."""

    unbooked: int = 0
    """Units that are lost, and nobody has written it down yet: no program can know."""

    unseen: int = 0
    """Units of those that vanished, and only a count will tell."""

    overridden: int = 0
    """Units sold on a supervisor's word: the most that can have been overdrawn."""

    burnt_overrides: int = 0
    """Of these, units of which only a disk knew that is gone."""

    burnt_losses: int = 0
    """Units that a loss overdrew, and only a disk that is gone knew of it."""

    burnt_releases: int = 0
    """Units that a store had given back of orders, and only a disk that is gone knew of it."""

    weighed_up: int = 0
    """The most that scales may have found beyond the book since it was counted last: a sale of
    tolerant goods may find a little, and whether it did is the program's to say."""

    weighed_ever: int = 0
    """The same since ever."""

    exposed: int = 0
    """Units that a register sold which was found again, on rights that others had by then."""

    is_unknown: bool = False
    """Whether a disk is gone that knew more of it than anybody else: the next count tells."""

    is_left_to_count: bool = False
    """Whether a dead box may have booked goods in that lie there: only a count tells."""

    counted_early: int = 0
    """Units that were sold before the last count and told after it, which clocks that cannot be
    believed may have left missing from the book."""

    oversold: int = 0
    """The most that was ever promised beyond what came."""

    @property
    def there(self) -> int:
        """Units that stand at the location."""
        return sum(many if flow in INTO else -many for flow, many in self.flows.items())

    @property
    def free(self) -> int:
        """Units that somebody could take into the hand."""
        kept = self.in_hands + self.damaged + self.in_control
        return 0 if self.is_counted else self.there - kept

    @property
    def came(self) -> int:
        """Units that came and are not known to be lost; those that came back since a look."""
        accepted = self.restocked + self.found_damaged + self.swapped
        return (
            self.unbooked
            + accepted
            + sum(
                many if flow in INTO else -many
                for flow, many in self.flows.items()
                if flow not in TO_CUSTOMERS | OF_CONTROL
            )
        )

    @property
    def reached_customers(self) -> int:
        """Units that customers have."""
        return sum(self.flows[flow] for flow in TO_CUSTOMERS)


class Shelves:
    """All shelves, and the promises made on them."""

    def __init__(self) -> None:
        self._shelves: dict[Place, Shelf] = {}
        self.promises: dict[str, Promise] = {}
        self._promised: dict[Place, list[Promise]] = {}

    def __getitem__(self, place: Place) -> Shelf:
        return self._shelves.setdefault(place, Shelf())

    def items(self) -> list[tuple[Place, Shelf]]:
        """All shelves that ever had or promised anything."""
        return sorted(self._shelves.items())

    @contextmanager
    def taking(
        self, location: str, units: Mapping[str, int], *, anyway: bool = False
    ) -> Iterator[bool]:
        """Somebody takes units into the hand for a while; False, and nothing, where they are not.

        In the end they lie where they lay, unless the taker says that they went. Who asks for units
        `anyway` waits for them: nobody else takes any meanwhile.
        """
        shelves = {sku: self[location, sku] for sku in units}
        is_there = all(shelves[sku].free >= many for sku, many in units.items())
        takes = is_there or anyway
        for sku, many in units.items():
            shelves[sku].under_way += 1
            shelves[sku].in_hands += many if takes else 0
        try:
            yield is_there
        finally:
            for sku, many in units.items():
                shelves[sku].under_way -= 1
                shelves[sku].in_hands -= many if takes else 0

    def promise(self, promise: Promise) -> None:
        """A customer heard yes."""
        promise.first = promise.first or promise.units
        self.promises[promise.allocation] = promise
        self._promised.setdefault(promise.place, []).append(promise)

    def forget(self, promise: Promise) -> None:
        """Nobody knows any more that these units were split off others."""
        del self.promises[promise.allocation]
        self._promised[promise.place].remove(promise)

    @contextmanager
    def calling_off(self, order: str) -> Iterator[None]:
        """Somebody calls an order off: until that is answered, nobody counts on it."""
        promises = [one for one in self.promises.values() if one.order == order]
        for one in promises:
            one.called_off += 1
        try:
            yield
        finally:
            for one in promises:
                one.called_off -= 1

    def promised(self, place: Place, now_s: float) -> int:
        """Units of online orders that customers count on now."""
        return sum(one.units for one in self._promised.get(place, ()) if one.counts(now_s))

    def at(self, place: Place, now_s: float, *, more_than: int) -> list[Promise]:
        """The promises at a place that count now, if there are too many of them; else none."""
        shelf = self[place]
        owed = shelf.reached_customers + self.promised(place, now_s)
        if owed - shelf.came <= more_than:
            return []
        return [one for one in self._promised.get(place, ()) if one.counts(now_s)]

    def look(self, place: Place, now_s: float, *, accounted_for: int) -> int:
        """Units oversold at this instant; the most that ever was is kept."""
        shelf = self[place]
        owed = shelf.reached_customers + self.promised(place, now_s)
        units = max(0, owed - shelf.came - accounted_for)
        shelf.oversold = max(shelf.oversold, units)
        return units
