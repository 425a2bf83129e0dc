"""What people write down: the sales, orders and trucks that they know of, and what is in doubt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.shelf import Place

if TYPE_CHECKING:
    from tests.simulation.trucks import Truck


@dataclass(slots=True)
class Sold:
    """A sale that a customer got a 201 for."""

    id: str
    location: str
    units: dict[str, int]
    told: Mapping[str, Any]
    """What the till was told of it, which it may keep."""

    key: str = ""
    """The key of the request that asked for it, where only that can tell it from another."""
    handed_to: str = ""
    """The box that its till handed it in to last."""


@dataclass(slots=True)
class Placed:
    """An online order that was accepted, as the storefront knows it."""

    id: str
    ships: bool
    locations: list[str]
    until_s: float | None
    """Until when it can surely be paid for; None when it need not."""

    is_pending: bool
    is_cancelled: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    """What the storefront was told when it was placed."""

    is_paid: bool = False
    """Whether all of its price was paid."""

    tender: str = "online"
    paid_minor: int = 0
    """What was paid for it, wherever and however often."""

    paid_at: set[str] = field(default_factory=set)
    """Stores that took money for it."""
    payments: list[tuple[str, int]] = field(default_factory=list)
    """The entries that say that a till took money, and how much."""

    left_unheard: dict[str, dict[str, int]] = field(default_factory=dict)
    """Units that its customer has of a store whose box had died before anybody heard of it."""
    left_of: dict[str, Place] = field(default_factory=dict)
    """The allocations that these were: of one that is heard after all nobody has to say it."""
    cancelled_behind: set[str] = field(default_factory=set)
    """Stores that its customer cancelled it behind: their line carried nothing at that moment."""


@dataclass(slots=True)
class Journal:
    """What people wrote down."""

    sales: list[Sold] = field(default_factory=list)
    orders: list[Placed] = field(default_factory=list)
    trucks: list["Truck"] = field(default_factory=list)
    missed: list[tuple[str, Place, int]] = field(default_factory=list)
    """Entries that say that a picker did not find so many units."""
    counted_unheard: set[tuple[str, Place]] = field(default_factory=set)
    """What a box counted, its writer first, before registers had told it all that they sold."""
    said_left: set[Place] = field(default_factory=set)
    """Goods of orders that people said had left, which the box before may tell as well."""
    told_by_two: set[Place] = field(default_factory=set)
    """Of these, what the box before did tell."""
    buried_payments: list[tuple[Placed, str, int]] = field(default_factory=list)
    """Money for orders of which only a box knows that is gone: where it was booked, how much."""
    buried_releases: list[tuple[str, str, Place, int]] = field(default_factory=list)
    """Units of orders that only such a box knew to be given back: its writer, the allocation."""
    papers_left: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # to the count
    operations: int = 0
    gone: set[str] = field(default_factory=set)
    """Sales that a destroyed disk had and nobody else: only these may be missing in the end."""
    counted: set[tuple[str, str]] = field(default_factory=set)
    """Sales of lost registers and their goods, of which a count has told in its own way."""
    told_late: set[tuple[str, str]] = field(default_factory=set)
    """Of these, which a box told later that was found."""
    refused_elsewhere: dict[str, int] = field(default_factory=dict)
    """Keys of requests that a disk left unanswered before another one refused them, and how many
    entries of the hub that one certainly knew."""
