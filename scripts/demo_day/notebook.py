"""What the demo itself knows of its day: whatever was asked for, and what it was told.

Tills, storefront and back rooms write here, nobody else; the verdict compares it with the hub.
Nothing in it was ever read from a report of the programs under test.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from scripts.demo_day.aisles import Aisles
from scripts.demo_day.api import Json
from scripts.demo_day.baskets import Line
from scripts.demo_day.ledger import PhysicalLedger, Shelf
from scripts.demo_day.prices import WEBSITE, Asked, PriceNews


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSale:
    """A sale as a register asked for it and was told of it, and when, on the monotonic clock.

    `total_minor` is what the customer was shown before.
    """

    location: str
    register: str
    key: str
    lines: tuple[Line, ...]
    total_minor: int
    asked_s: float
    told_s: float
    sale: Json

    @property
    def asked(self) -> Asked:
        """What was priced where and when."""
        return Asked(
            str(self.sale["id"]), self.location, self.asked_s, self.told_s, self.sale["lines"]
        )


@dataclass(slots=True, kw_only=True)
class ToldOrder:
    """An order as the storefront placed it and was told of it; see `ToldSale`."""

    lines: tuple[Line, ...]
    total_minor: int
    asked_s: float
    told_s: float
    order: Json
    cancel_asked: bool = False
    given_up: set[str] = field(default_factory=set)
    """Ids of the allocations that the back office wants back for a shortage."""
    missed: set[str] = field(default_factory=set)
    """Ids of parts of allocations that a picker did not find."""

    @property
    def id(self) -> str:
        """The order's id."""
        return str(self.order["id"])

    @property
    def asked(self) -> Asked:
        """What was priced where and when."""
        return Asked(self.id, WEBSITE, self.asked_s, self.told_s, self.order["lines"])

    @property
    def allocations(self) -> list[tuple[str, Shelf, int]]:
        """Id, shelf and units of each of its allocations."""
        return [
            (each["id"], Shelf(each["location"], each["sku"]), each["quantity"])
            for each in self.order["allocations"]
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTransfer:
    """A transfer as its two stores know it: what left, and what was counted in."""

    id: str
    source: str
    destination: str
    shipped: tuple[Line, ...]
    received: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldReturn:
    """Goods that a customer brought to `location`, of a sale or order, and the credit note."""

    location: str
    bought: Json
    note: Json


@dataclass(slots=True, kw_only=True)
class AfterTally:
    """Second thoughts in numbers."""

    exchanged: int = 0
    elsewhere: int = 0
    """Returns of what another store had sold, or the website."""
    sold_from_afar: int = 0
    """Orders that a till sold of what stood in another store."""
    missed: int = 0
    """Units that were not there when an order was picked."""
    cancelled_behind: int = 0
    """Orders that were cancelled online while their store was cut off."""
    collected_all_the_same: int = 0
    """Of those, what the store had handed over before it could know."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """One store's day in numbers, as they stand now."""

    baskets: int = 0
    """Baskets that came to a till and left it, with or without a sale."""
    lines: int = 0
    """Lines on acknowledged sales."""
    refused: int = 0
    """Lines of which a till could not sell all that was asked for."""
    refused_on_shelf: int = 0
    """Of those, what stood on the shelf in good weather, unpromised by our own count.

    Two baskets that want the same unit at the same time make one of them look like this, so it is
    told and does not count as a difference.
    """
    acknowledged: int = 0
    """Sales that a register was told of."""
    scanned: int = 0
    """Lines that came through the scanner."""
    missed_scans: int = 0
    """Scans that never reached the register and were keyed in."""
    repriced: int = 0
    """Baskets of which the customer was shown another price than the till knew."""
    restarts: int = 0
    """Registers that lost their power in the middle of a sale and came back."""
    weather: str = ""
    """What has befallen the store, in the report's words; empty in good weather."""
    catch_up_s: float | None = None
    """Seconds until the hub had everything that was acknowledged before the link came back."""


@dataclass(slots=True, kw_only=True)
class OnlineTally:
    """The website's day in numbers, as they stand now."""

    baskets: int = 0
    refused: int = 0
    """Lines of which the website could not sell all that was asked for."""
    repriced: int = 0
    """Orders of which the customer was shown another price than before."""
    refused_on_shelf: int = 0
    """Of those, what stood on one shelf as a whole, in good weather; see `Tally`."""
    refused_cancels: int = 0
    """Cancels that were refused because the goods had left."""


@dataclass(slots=True, kw_only=True)
class StockTally:
    """The stockrooms' and the back office's day in numbers."""

    deliveries: int = 0
    """Papers of suppliers that were booked."""
    counted: int = 0
    """Shelves that were counted."""
    missing: int = 0
    """Units that a count found missing."""
    broken: int = 0
    """Units that were reported broken."""
    written_off: int = 0
    """Damaged units that were written off."""
    holds_used: int = 0
    holds_expired: int = 0
    decisions: int = 0
    """Shortages of goods of which the back office accepted the proposal."""
    refunds: int = 0
    """Refunds that the back office has paid."""


@dataclass(slots=True, kw_only=True)
class DoubtTally:
    """Orders of which a new box asked whether the one before it had handed them over: answers."""

    had_left: int = 0
    stood_here: int = 0

    @property
    def answered(self) -> int:
        """All of them."""
        return self.had_left + self.stood_here


@dataclass(slots=True, kw_only=True)
class Notebook:
    """All of it. One per run.

    `aisles` is nothing that was told: it is how the people of the demo keep out of each other's
    way at a shelf.
    """

    ledger: PhysicalLedger = field(default_factory=PhysicalLedger)
    tallies: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    online: OnlineTally = field(default_factory=OnlineTally)
    sales: list[ToldSale] = field(default_factory=list)
    orders: list[ToldOrder] = field(default_factory=list)
    transfers: list[ToldTransfer] = field(default_factory=list)
    returns: list[ToldReturn] = field(default_factory=list)
    after: AfterTally = field(default_factory=AfterTally)
    stock: StockTally = field(default_factory=StockTally)
    doubts: DoubtTally = field(default_factory=DoubtTally)
    handed_over: set[str] = field(default_factory=set)
    """Ids of the allocations whose goods have left, as their gateway said."""
    holds_ended: set[str] = field(default_factory=set)
    """Ids of holds, and of their allocations, that keep nothing any more."""
    set_aside: set[str] = field(default_factory=set)
    """SKUs whose orders the back rooms leave alone for now."""
    rooms: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Held by a store's back room while it works; whoever else holds it keeps the room waiting."""
    prices: PriceNews = field(default_factory=PriceNews)
    aisles: Aisles = field(default_factory=Aisles)
    oddities: list[str] = field(default_factory=list)
    """Answers that nobody should get in this day; each makes the verdict a bad one."""

    def was_there(self, shelf: Shelf, quantity: int) -> bool:
        """Whether so many unpromised units are on a shelf whose store is in touch with the hub."""
        return not self.tallies[shelf.location].weather and self.ledger.room(shelf) >= quantity
