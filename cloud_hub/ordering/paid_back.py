"""What was paid for an order and has not gone back yet, over any way.

Money goes back through the shortage queue, for units that never came, were refused at the door or
were paid online, and over the counter with a credit note. Each way knows what it is owed by its own
count of units; where two of them claim the same unit, the money is there once.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.shortages import of_order
from cloud_hub.returning.returnables import returns_of
from retail.ordering.order_money import paid_minor
from retail.ordering.orders import Order, payments_of
from retail.returning.returns import over_the_counter_minor


def left_to_pay_back(office: HeadOffice, order: Order) -> int:
    """Of what was paid, less what goes back of payments that came on top."""
    items = of_order(office, order.id)
    payments = {event.id for event in payments_of(order)}
    left_minor = paid_minor(order, items)
    for item in items:
        if item.kind == "refund" and item.payment not in payments:
            left_minor -= item.amount_minor or 0
    for one in returns_of(office, order.id):
        left_minor -= over_the_counter_minor(one)
    return left_minor
