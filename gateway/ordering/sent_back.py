"""Goods of online orders that no customer took, on the writer thread: into quality control.

Nobody came for what was laid ready, or a parcel was refused at the door and is back. Such goods
stand in the shop and may have been handled: they are looked at before they are sold again, as what
a customer brings back is (`gateway.returning.returns`). The record is that of a return without
money. What was paid for them is the hub's to see (`cloud_hub.ordering.shortages`).
"""

from typing import Final

import msgspec

from gateway.returning.return_rows import RETURN, keep_return, new_return
from gateway.shop import Shop
from replication.escrow import Moved
from replication.ids import LocationId
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, OrderLine, refused_units, returned_units
from web.once import Command
from web.problems import Problem, Slug

SENT_BACK: Final = frozenset({EventType.UNCOLLECTED, EventType.DELIVERY_REFUSED})
"""Events after which goods stand here that a customer was to have."""


def refused_here(
    location: LocationId, order: Order, lines: tuple[OrderLine, ...] | None
) -> tuple[OrderLine, ...] | Problem:
    """What of a delivery that was refused is back in the shop that had sent it, by SKU.

    Without `lines` it is all that was sent from here and did not come back before.
    """
    sent: dict[str, int] = {}
    gone: dict[str, int] = {}
    for one in order.allocations:
        if one.state == "fulfilled":
            gone[one.sku] = gone.get(one.sku, 0) + one.quantity
            if one.location == location:
                sent[one.sku] = sent.get(one.sku, 0) + one.quantity
    here, anywhere = refused_units(order, location), refused_units(order)
    returned = returned_units(order)
    left = {
        sku: min(
            units - here.get(sku, 0),
            gone[sku] - anywhere.get(sku, 0) - returned.get(sku, 0),
        )
        for sku, units in sent.items()
    }
    if not any(units > 0 for units in left.values()):
        return Problem(
            Slug.CONFLICT,
            "Nothing of this order was sent from here, or it is back already.",
            members={"order_status": order.status},
        )
    if lines is None:
        return tuple(OrderLine(sku=sku, quantity=units) for sku, units in left.items() if units > 0)
    for line in lines:
        if line.quantity > left.get(line.sku, 0):
            return Problem.invalid(
                f"{line.quantity} of {line.sku} are named, and {max(0, left.get(line.sku, 0))} "
                "that were sent from here are not back yet.",
                field="$.lines",
            )
    return lines


def take_in(
    shop: Shop, command: Command, order: Order, event_type: EventType, units: dict[str, int]
) -> None:
    """Book goods that nobody took into quality control, in the entry after the order's."""
    ledger = shop.ledger
    number, record = new_return(
        shop, command, sale=order.id, sale_number=order.number, reason=event_type,
        currency=order.currency, goods=units,
    )  # fmt: skip
    keep_return(shop, number, record)
    ledger.append(
        RETURN,
        msgspec.json.encode(record),
        actor=command.actor,
        reason=record.reason,
        reference=order.id,
        moves=units.items(),
        cells=[
            shop.counter(sku).move(ledger.writer, Moved.RETURNED, many)
            for sku, many in units.items()
        ],
    )
