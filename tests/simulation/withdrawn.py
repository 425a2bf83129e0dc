"""What the hub has told a customer meanwhile not to count on any more."""

from typing import Final

import msgspec

from tests.simulation.programs import HubBox
from tests.simulation.shelf import Promise

NOT_COMING: Final = frozenset({"cancelled", "cancel_requested", "expired"})
"""What an order's status says to a customer who still waits."""


class _Event(msgspec.Struct):
    """What a reader wants to know of an order's event."""

    type: str
    allocations: list[str] | None = None


class _Read(msgspec.Struct):
    """What a reader wants to know of an order."""

    status: str
    events: list[_Event]


def is_withdrawn(hub: HubBox, promise: Promise) -> bool:
    """Whether the hub has told the customer not to count on these units any more.

    A rule may take units of an order elsewhere, or call it off, without anybody being asked. What
    was called off stays so where another store has sent its part all the same, and an order reads
    as shipped.
    """
    row = hub.disk.connection.execute(
        "SELECT data FROM online_order WHERE id = ?", (promise.order,)
    ).fetchone()
    if row is None:
        return False
    order = msgspec.json.decode(str(row[0]), type=_Read)
    asked_back = {one for event in order.events for one in event.allocations or ()}
    is_called_off = any(event.type == "cancel_requested" for event in order.events)
    return order.status in NOT_COMING or is_called_off or promise.allocation in asked_back
