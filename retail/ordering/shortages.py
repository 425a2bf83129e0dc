"""Shortages: what was promised and is not there, or is owed back, and how each is settled.

Four kinds stand in one queue at the hub:

    deficit      a location has promised or lost more than there was a right to; ends at deficit 0
    unfulfilled  a location gave back units of an order that nobody else keeps yet
    refund       money for goods that will not come
    notice       goods that will not come and were not paid for: the customer has to be told

Each has a proposal that a person or a rule accepts or changes. `propose` is the rule: pure, and
replaceable by another with the same signature. It disturbs as few customers as it can: first what
the website has not promised yet, then the promise that is easiest to keep from elsewhere.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Allocation, Order, Ship
from retail.selling.sales import LocationId, Rfc3339


class Action(enum.StrEnum):
    """What can be done about a shortage."""

    COVER = "cover"
    REALLOCATE = "reallocate"
    CANCEL = "cancel"
    COUNT = "count"
    REFUND = "refund"
    NOTIFY = "notify"


Kind = Literal["deficit", "unfulfilled", "refund", "notice"]
State = Literal["open", "resolving", "resolved"]

ACTIONS: Final[Mapping[Kind, frozenset[Action]]] = {
    "deficit": frozenset({Action.COVER, Action.REALLOCATE, Action.CANCEL, Action.COUNT}),
    "unfulfilled": frozenset({Action.REALLOCATE, Action.CANCEL}),
    "refund": frozenset({Action.REFUND}),
    "notice": frozenset({Action.NOTIFY}),
}
"""What fits which kind."""

SETTLES: Final = frozenset[Kind]({"refund", "notice"})
"""Kinds that say what becomes of units that will not come."""

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule would do; `location` is where the units would come from instead."""

    action: Action
    units: int
    why: str
    order: str | None = None
    allocation: str | None = None
    location: str | None = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided, by whom, and (`how`) what ended it: an entry of a journal, in words."""

    action: Action | None
    by: str
    at: Rfc3339
    order: str | None = None
    allocation: str | None = None
    location: str | None = None
    reference: str | None = None
    how: str | None = None


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the queue. `id` is the place in the hub's journal where it was opened.

    `payment` names the payment that goes back where it came on top of another one.
    """

    id: str
    kind: Kind
    state: State
    units: int
    location: str | None
    sku: str | None
    order: str | None
    allocation: str | None
    amount_minor: int | None
    currency: str | None
    notice: str | None
    opened_at: Rfc3339
    proposal: Proposal | None
    resolution: Resolution | None
    resolved_at: Rfc3339 | None
    payment: str | None = None


class ResolveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a decision. Empty: as proposed. `reference` is the payment's or message's own."""

    action: Action | None = None
    allocation: Text | None = None
    location: LocationId | None = None
    reference: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Units that the location keeps for an order, and how far the order has come."""

    allocation: Allocation
    order: str
    placed_at: str
    status: OrderStatus
    may_move: bool


_PROGRESS: Final = (
    OrderStatus.NEW,
    OrderStatus.PAID,
    OrderStatus.READY_TO_PICK,
    OrderStatus.PICKED,
    OrderStatus.PACKED,
    OrderStatus.READY_FOR_PICKUP,
)
"""From the promise that is least work to take back to the one that is most."""


def promise_of(order: Order, allocation: Allocation) -> Promise:
    """An allocation as a promise; what is to be collected there cannot come from elsewhere."""
    return Promise(
        allocation=allocation,
        order=order.id,
        placed_at=order.placed_at,
        status=order.status,
        may_move=isinstance(order.fulfilment, Ship),
    )


def easiest(promises: Iterable[Promise]) -> Sequence[Promise]:
    """Promises by how little is lost when they are moved: untouched first, the newest of them."""
    newest = sorted(promises, key=lambda one: (one.placed_at, one.allocation.id), reverse=True)
    return sorted(
        newest,
        key=lambda one: _PROGRESS.index(one.status) if one.status in _PROGRESS else len(_PROGRESS),
    )


def elsewhere(offers: Mapping[str, int], units: int) -> str | None:
    """The location that has most of at least `units`; the smaller id among equals, or None."""
    enough = [(-held, location) for location, held in offers.items() if held >= units]
    return min(enough)[1] if enough else None


def propose(
    units: int, *, quota_online: int, promises: Iterable[Promise], offers: Mapping[str, int]
) -> Proposal:
    """What to do about `units` too few at a location.

    Args:
        units: how many; positive.
        quota_online: what the hub may still promise there.
        promises: what the location keeps for orders and has not been asked for yet.
        offers: what the hub may promise of the SKU at other locations.
    """
    if quota_online > 0:
        covered = min(units, quota_online)
        return Proposal(
            action=Action.COVER, units=covered, why=f"{quota_online} are not promised online yet"
        )
    ordered = easiest(promises)
    for one in ordered:
        if one.may_move and (location := elsewhere(offers, one.allocation.quantity)) is not None:
            return Proposal(
                action=Action.REALLOCATE,
                units=one.allocation.quantity,
                why=f"{location} has {offers[location]}",
                order=one.order,
                allocation=one.allocation.id,
                location=location,
            )
    if ordered:
        return _cancel(ordered[0], "no other location can send them")
    return Proposal(
        action=Action.COUNT, units=units, why="nothing is promised: the book is wrong, count it"
    )


def _cancel(promise: Promise, why: str) -> Proposal:
    return Proposal(
        action=Action.CANCEL,
        units=promise.allocation.quantity,
        why=why,
        order=promise.order,
        allocation=promise.allocation.id,
    )
