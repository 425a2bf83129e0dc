"""An order of which all is back, on the writer thread: whatever never went out, it is returned.

The lines of its events say so where every unit of the order came back. Where one was missing and
was paid back, or a line is a fee, the hub says it, which has heard of everybody.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.order_documents import read
from cloud_hub.ordering.reallocation import end
from cloud_hub.ordering.shortages import of_order
from replication.ledger import PROGRAM
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.ordered_goods import is_all_back


def note(office: HeadOffice, order_id: str) -> None:
    """After news of an order, or of what is too few of it. Safe to repeat."""
    order = read(office, order_id)
    if order.status is OrderStatus.RETURNED or not is_all_back(order, office.catalogue):
        return
    items = of_order(office, order_id)
    if any(one.kind == "unfulfilled" and one.state != "resolved" for one in items):
        return  # it may still come from elsewhere
    end(office, order, EventType.RETURNED, PROGRAM)
