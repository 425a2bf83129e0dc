"""The state machine of an order: what can happen to it, and the status that follows.

`PRECEDENCE` decides what is true after the fact and takes every event; `LEGAL` is asked before an
event is written (`retail.ordering.orders` has the theory). A split order has several parcels on
their way at once; therefore a shipped order can still be picked.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


class OrderStatus(enum.StrEnum):
    """Where an order stands."""

    NEW = "new"
    PAID = "paid"
    READY_TO_PICK = "ready_to_pick"
    PICKED = "picked"
    PACKED = "packed"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COLLECTED = "collected"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETURNED = "returned"


class EventType(enum.StrEnum):
    """What can happen to an order."""

    RELEASE_REQUESTED = "release_requested"
    RELEASED = "released"
    SHORT_PICKED = "short_picked"
    PLACED = "placed"
    EXPIRED = "expired"
    PAID = "paid"
    READY_TO_PICK = "ready_to_pick"
    PICKED = "picked"
    PACKED = "packed"
    READY_FOR_PICKUP = "ready_for_pickup"
    CANCEL_REQUESTED = "cancel_requested"
    UNCOLLECTED = "uncollected"
    CANCELLED = "cancelled"
    SHIPPED = "shipped"
    DELIVERY_REFUSED = "delivery_refused"
    DELIVERED = "delivered"
    COLLECTED = "collected"
    RETURNED = "returned"


PRECEDENCE: Final[Mapping[EventType, OrderStatus]] = {
    # The hub asks a custodian for some units back, and the custodian gives them: where else they
    # come from, or that they never come, is another event.
    EventType.RELEASE_REQUESTED: OrderStatus.NEW,
    EventType.RELEASED: OrderStatus.NEW,
    # Some of what was to be picked is not there; the rest goes on.
    EventType.SHORT_PICKED: OrderStatus.NEW,
    EventType.PLACED: OrderStatus.NEW,
    # Money that comes after the deadline revives the order: the hub takes its units again, or
    # cancels it and refunds.
    EventType.EXPIRED: OrderStatus.EXPIRED,
    EventType.PAID: OrderStatus.PAID,
    EventType.READY_TO_PICK: OrderStatus.READY_TO_PICK,
    EventType.PICKED: OrderStatus.PICKED,
    EventType.PACKED: OrderStatus.PACKED,
    EventType.READY_FOR_PICKUP: OrderStatus.READY_FOR_PICKUP,
    EventType.CANCEL_REQUESTED: OrderStatus.CANCEL_REQUESTED,
    # Nobody came, and the goods wait at the custodian for an inspection.
    EventType.UNCOLLECTED: OrderStatus.CANCELLED,
    EventType.CANCELLED: OrderStatus.CANCELLED,
    EventType.SHIPPED: OrderStatus.SHIPPED,
    # The parcel is on its way back; a second attempt that succeeds is stronger.
    EventType.DELIVERY_REFUSED: OrderStatus.RETURNED,
    EventType.DELIVERED: OrderStatus.DELIVERED,
    EventType.COLLECTED: OrderStatus.COLLECTED,
    EventType.RETURNED: OrderStatus.RETURNED,
}
"""Every event and the status it stands for, from the weakest to the strongest."""

CALLS_OFF: Final = frozenset({EventType.CANCELLED, EventType.UNCOLLECTED})
"""What a custodian says of units that nobody waits for any more: they are not sent from elsewhere.
Of a part of the order only, the rest of it goes on."""

WHOLE_ONLY: Final = CALLS_OFF | {EventType.DELIVERY_REFUSED, EventType.RETURNED}
"""Events that say what the whole order is: of some lines only, they leave the status before."""

RANK: Final[Mapping[EventType, int]] = {event: rank for rank, event in enumerate(PRECEDENCE)}
"""The strength of each event."""

_WORK: Final = frozenset({EventType.READY_TO_PICK, EventType.PICKED, EventType.PACKED})
_GIVES_UP: Final = frozenset(
    {EventType.RELEASE_REQUESTED, EventType.RELEASED, EventType.SHORT_PICKED}
)
_OPEN: Final = (
    _WORK
    | _GIVES_UP
    | {
        EventType.PAID,
        EventType.READY_FOR_PICKUP,
        EventType.SHIPPED,
        EventType.COLLECTED,
        EventType.CANCEL_REQUESTED,
        EventType.CANCELLED,
    }
)
ENDS_CUSTODY: Final = frozenset(
    {
        EventType.SHIPPED,
        EventType.COLLECTED,
        EventType.CANCELLED,
        EventType.UNCOLLECTED,
        EventType.RELEASED,
        EventType.SHORT_PICKED,
    }
)
"""Events with which units leave a custodian's care, one way or the other."""

_MAY_END: Final = _GIVES_UP | ENDS_CUSTODY
"""What a custodian may always say of units that it still keeps: of a split order, one store may
have shipped or given back its part while another has the rest. Whoever writes checks that."""

_ON_THE_WAY: Final = _WORK | {
    EventType.PAID,
    EventType.SHIPPED,
    EventType.DELIVERED,
    EventType.DELIVERY_REFUSED,
    EventType.RETURNED,
}

LEGAL: Final[Mapping[OrderStatus, frozenset[EventType]]] = {
    OrderStatus.NEW: _OPEN | {EventType.EXPIRED},
    OrderStatus.EXPIRED: frozenset({EventType.PAID}),
    OrderStatus.PAID: _OPEN,
    OrderStatus.READY_TO_PICK: _OPEN,
    OrderStatus.PICKED: _OPEN,
    OrderStatus.PACKED: _OPEN,
    OrderStatus.READY_FOR_PICKUP: _GIVES_UP
    | frozenset(
        {
            EventType.PAID,
            EventType.READY_FOR_PICKUP,
            EventType.COLLECTED,
            EventType.UNCOLLECTED,
            EventType.CANCEL_REQUESTED,
            EventType.CANCELLED,
        }
    ),
    OrderStatus.CANCEL_REQUESTED: _GIVES_UP
    | frozenset(
        {
            EventType.PAID,
            EventType.SHIPPED,
            EventType.COLLECTED,
            EventType.UNCOLLECTED,
            EventType.CANCELLED,
        }
    ),
    OrderStatus.CANCELLED: _MAY_END,
    OrderStatus.SHIPPED: _ON_THE_WAY | _MAY_END,
    OrderStatus.DELIVERED: _ON_THE_WAY | _MAY_END,
    OrderStatus.COLLECTED: _MAY_END | {EventType.PAID, EventType.RETURNED},
    OrderStatus.RETURNED: _ON_THE_WAY | _MAY_END,
}
"""What may be written next, per status. A missing event is refused; steps may be skipped."""

FULFILLED_BY: Final[Mapping[EventType, Literal["ship", "pickup"]]] = {
    EventType.SHIPPED: "ship",
    EventType.DELIVERED: "ship",
    EventType.DELIVERY_REFUSED: "ship",
    EventType.READY_FOR_PICKUP: "pickup",
    EventType.COLLECTED: "pickup",
    EventType.UNCOLLECTED: "pickup",
}
"""Events that only one way of fulfilment has."""

GOODS_MOVE: Final = _WORK | frozenset(FULFILLED_BY)
"""Events that a pending payment holds up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRefused:
    """Refusal: an order in this status does not take this event; `allowed` is what it takes."""

    status: OrderStatus
    event_type: EventType
    allowed: tuple[EventType, ...]
    detail: str

    def __str__(self) -> str:
        return self.detail


def may_follow(current: OrderStatus, event_type: EventType) -> EventRefused | None:
    """None when `LEGAL` has the event for the status, else the refusal that says what it has."""
    if event_type in LEGAL[current]:
        return None
    return refusal(current, event_type, f"an order that is {current} cannot become {event_type}")


def refusal(current: OrderStatus, event_type: EventType, detail: str) -> EventRefused:
    """The refusal of an event, with what an order in this status takes."""
    return EventRefused(
        status=current,
        event_type=event_type,
        allowed=tuple(sorted(LEGAL[current], key=RANK.__getitem__)),
        detail=detail,
    )
