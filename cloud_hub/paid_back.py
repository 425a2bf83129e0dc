"""What was paid for an order and has not gone back yet, over any way.

Money goes back through the shortage queue, for units that never came, were refused at the door or
were paid online, and over the counter with a credit note. Each way knows what it is owed by its own
count of units; where two of them claim the same unit, the money is there once.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.returnables import returns_of
from cloud_hub.shortages import of_order
from retail.order_status import EventType
from retail.orders import Order, tenders_of
from retail.returns import over_the_counter_minor


def left_to_pay_back(office: HeadOffice, order: Order) -> int:
    """Of the payment that stands; what was paid twice goes back apart."""
    payments = {event.id for event in order.events if event.type is EventType.PAID}
    left_minor = sum(tender.amount_minor for tender in tenders_of(order))
    for item in of_order(office, order.id):
        if item.kind == "refund" and item.payment not in payments:
            left_minor -= item.amount_minor or 0
    for one in returns_of(office, order.id):
        left_minor -= over_the_counter_minor(one)
    return left_minor
