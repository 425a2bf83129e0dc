"""What a payment settles of an order, on the writer thread: what is not owed goes back by queue.

Tills that cannot hear of each other may both be paid for one order, and a till that is cut off may
take the price of units that will not come, or that came back somewhere else before anybody there
could know that they are paid. Nothing of it is refused: it has been paid already. What a till was
not paid for, since it was missing, is not sent from elsewhere: there nobody would be paid for it.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.order_documents import read
from cloud_hub.ordering.paid_back import left_to_pay_back
from cloud_hub.ordering.shortages import close, of_order, open_item, open_line, withdraw
from cloud_hub.returning.returnables import returns_of
from replication.ledger import PROGRAM
from retail.money import format_minor
from retail.ordering.order_money import (
    is_on_top,
    was_paid_without,
    withheld_in_all_minor,
    worth_minor,
)
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Order, OrderEvent
from retail.ordering.shortages import Action, Proposal, Shortage
from retail.returning.returns import over_the_counter_minor


def settle(office: HeadOffice, order: Order, payment: OrderEvent | None = None) -> None:
    """After `payment`, or a return: open what goes back of the money. Safe to repeat."""
    items = of_order(office, order.id)
    if payment is not None and is_on_top(order, payment, items):
        _open_double(office, order, payment)
    if payment is not None:
        order = _without_unpaid(office, order)
    if order.status is not OrderStatus.CANCELLED:  # else all of it goes back at once
        _open_unowed(office, order, items)
    _open_returned(office, order)


def _open_double(office: HeadOffice, order: Order, event: OrderEvent) -> None:
    amount_minor = order.total_minor
    if event.tenders is not None:
        amount_minor = sum(tender.amount_minor for tender in event.tenders)
    if amount_minor == 0:
        return
    money = format_minor(amount_minor, order.currency)
    open_item(
        office, "refund", 1, order=order.id, payment=event.id, amount_minor=amount_minor,
        currency=order.currency,
        notice=f"Order {order.number} was paid twice; {money} {order.currency} goes back to you.",
        proposal=Proposal(
            action=Action.REFUND, units=1, why=f"paid twice: {event.id} came on top",
            order=order.id,
        ),
    )  # fmt: skip


def _without_unpaid(office: HeadOffice, order: Order) -> Order:
    """Missing units that the order was paid without will not come; the order without them."""
    for item in of_order(office, order.id):
        if item.kind != "unfulfilled" or item.state == "resolved":
            continue
        one = next(one for one in order.allocations if one.id == item.allocation)
        if was_paid_without(order, of_order(office, order.id), one):
            close(office, item, PROGRAM, how="the order was paid without it")
            withdraw(office, order, one)
            order = read(office, order.id)
    return order


def _open_unowed(office: HeadOffice, order: Order, items: list[Shortage]) -> None:
    """Units that nobody owed the money for, because they will not come, and that were paid for."""
    refunded = {item.allocation for item in items if item.kind == "refund"}
    told = {item.allocation for item in items if item.kind == "notice"} - refunded
    for one in order.allocations:
        if one.id in told and worth_minor(order, of_order(office, order.id), one) != 0:
            open_line(office, order, one)


def _open_returned(office: HeadOffice, order: Order) -> None:
    """Goods that came back, as far as their money did not go back over the counter.

    It was paid online, or nobody there knew yet that it was paid.
    """
    told = {one.payment for one in of_order(office, order.id)}
    returns = [one for one in returns_of(office, order.id) if one.lines]
    kept_minor = order.total_minor - withheld_in_all_minor(order)
    kept_minor -= sum(one.total_minor for one in returns)
    left_minor = left_to_pay_back(office, order) - max(0, kept_minor)
    for one in returns:
        amount_minor = min(one.total_minor - over_the_counter_minor(one), left_minor)
        if amount_minor <= 0 or one.id in told:
            continue
        left_minor -= amount_minor
        money = f"{format_minor(amount_minor, order.currency)} {order.currency}"
        open_item(
            office, "refund", 1, order=order.id, payment=one.id, amount_minor=amount_minor,
            currency=order.currency,
            notice=f"Goods of order {order.number} came back; {money} goes back to you.",
            proposal=Proposal(
                action=Action.REFUND, units=1, order=order.id,
                why=f"{one.location} took goods back, credit note {one.number}",
            ),
        )  # fmt: skip
