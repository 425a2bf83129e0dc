"""Deliveries that were refused and are back, on the writer thread: what was paid for them is owed.

The goods are in a store again, by its own journal (`gateway.ordering.sent_back`); their allocation
stays fulfilled, for they had gone out. That a parcel is on its way back opens nothing yet.
"""

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.paid_back import left_to_pay_back
from cloud_hub.ordering.shortages import of_order, open_item
from retail.ordering.order_money import worth_minor
from retail.ordering.orders import Allocation, Order, is_paid, refused_units
from retail.ordering.shortages import Action, Proposal


def settle(office: HeadOffice, order: Order) -> None:
    """After news of a refused delivery: open what goes back. Safe to repeat."""
    if not is_paid(order):
        return
    gone = [one for one in order.allocations if one.state == "fulfilled"]
    opened: dict[str, int] = {}
    for item in of_order(office, order.id, of_goods=True):
        if item.kind == "refund" and item.allocation in {one.id for one in gone}:
            opened[item.allocation] = opened.get(item.allocation, 0) + item.units
    for location in sorted({one.location for one in gone}):
        left = refused_units(order, location)
        for one in gone:
            if one.location == location:
                told = min(left.get(one.sku, 0), one.quantity)
                left[one.sku] = left.get(one.sku, 0) - told
                if (units := told - opened.get(one.id, 0)) > 0:
                    _open(office, order, msgspec.structs.replace(one, quantity=units))


def _open(office: HeadOffice, order: Order, one: Allocation) -> None:
    amount_minor = worth_minor(order, of_order(office, order.id), one)
    if amount_minor is not None:  # a customer may have been paid for some of them already
        amount_minor = max(0, min(amount_minor, left_to_pay_back(office, order)))
    if amount_minor == 0:
        return
    goods = f"{one.quantity} x {one.sku} of order {order.number}"
    open_item(
        office, "refund", one.quantity, location=one.location, sku=one.sku, order=order.id,
        allocation=one.id, amount_minor=amount_minor, currency=order.currency,
        notice=f"{goods} came back undelivered; what you paid for it goes back to you.",
        proposal=Proposal(
            action=Action.REFUND, units=one.quantity, why="paid, and the delivery was refused",
            order=order.id, allocation=one.id,
        ),
    )  # fmt: skip
