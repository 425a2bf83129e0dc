"""What a payment settles of an order, on the writer thread: what is not owed goes back by queue.

Tills that cannot hear of each other may both be paid for one order, and a till that is cut off may
take the price of units that will not come, or that came back somewhere else before anybody there
could know that they are paid. Nothing of it is refused: it has been paid already. What a till was
not paid for, since it was missing, is not sent from elsewhere: there nobody would be paid for it.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.order_documents import read
from cloud_hub.ordering.paid_back import left_to_pay_back
from cloud_hub.ordering.reallocation import ask_back, follow
from cloud_hub.ordering.shortages import (
    close,
    of_order,
    open_item,
    open_line,
    order_changed,
    withdraw,
)
from cloud_hub.returning.returnables import returns_of
from replication.ledger import PROGRAM
from retail.money import format_minor
from retail.ordering.order_money import (
    is_on_top,
    line_amount_minor,
    on_top_minor,
    unpaid_minor,
    was_paid_without,
    withheld_in_all_minor,
    worth_minor,
)
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Order, OrderEvent, asked_back, payments_of
from retail.ordering.shortages import Action, Proposal, Shortage
from retail.returning.returns import over_the_counter_minor


def settle(office: HeadOffice, order: Order, payment: OrderEvent | None = None) -> None:
    """After `payment`, or a return: open what goes back of the money. Safe to repeat."""
    items = of_order(office, order.id)
    if payment is not None and is_on_top(order, payment, items):
        _open_double(office, order, payment)
    if payment is not None:
        order = _without_unpaid(office, order)
        order = _ask_unpaid_back(office, order)
    if order.status is not OrderStatus.CANCELLED:  # else all of it goes back at once
        _open_unowed(office, order, items)
    _open_returned(office, order)


def note_unpaid(office: HeadOffice, order: Order) -> None:
    """After goods of an order went out: name what is owed for those that were asked back too late.

    The item names the payment that left them out, once.
    """
    payments = payments_of(order)
    asked = asked_back(order)
    if not payments or not any(one.id in asked for one in order.allocations):
        return
    items = of_order(office, order.id)
    amount_minor = unpaid_minor(order, items)
    gone = [one for one in order.allocations if one.id in asked and one.state == "fulfilled"]
    is_named = any(one.kind == "notice" and one.payment is not None for one in items)
    if not gone or amount_minor == 0 or is_named:
        return
    money = f"{format_minor(amount_minor, order.currency)} {order.currency}"
    open_item(
        office, "notice", 1, order=order.id, payment=payments[0].id, amount_minor=amount_minor,
        currency=order.currency,
        notice=f"All of order {order.number} came after all; you still owe {money} for it.",
        proposal=Proposal(
            action=Action.NOTIFY, units=1, why="it went out before it could be asked back",
            order=order.id,
        ),
    )  # fmt: skip


def _open_double(office: HeadOffice, order: Order, event: OrderEvent) -> None:
    if (amount_minor := on_top_minor(order, event, of_order(office, order.id))) == 0:
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


def _ask_unpaid_back(office: HeadOffice, order: Order) -> Order:
    """Stand-ins that are on their way for units that the order was paid without: ask them back."""
    left_minor = unpaid_minor(order, of_order(office, order.id))
    asked = asked_back(order)
    for one in reversed(order.allocations):
        if one.state != "committed" or one.replaces is None or one.id in asked:
            continue
        own_minor = line_amount_minor(order, one)
        if own_minor is not None and 0 < own_minor <= left_minor:
            left_minor -= own_minor
            _, order = ask_back(office, order, one, None, PROGRAM)
            order = follow(office, order)
            order_changed(office, order)
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
