"""Money that came for an order and is not owed, on the writer thread: it goes back by the queue.

Tills that cannot hear of each other may both be paid for one order, and a till that is cut off may
take the price of units that will not come, or that came back somewhere else before anybody there
could know that they are paid. Nothing of it is refused: it has been paid already.
"""

from cloud_hub.head_office import HeadOffice
from cloud_hub.paid_back import left_to_pay_back
from cloud_hub.returnables import returns_of
from cloud_hub.shortages import of_order, open_item, open_line, worth_minor
from retail.money import format_minor
from retail.order_money import withheld_in_all_minor
from retail.order_status import EventType, OrderStatus
from retail.orders import Order, OrderEvent
from retail.returns import over_the_counter_minor
from retail.shortages import Action, Proposal, Shortage


def settle(office: HeadOffice, order: Order) -> None:
    """After a payment, or a return: open what goes back of the money. Safe to repeat."""
    items = of_order(office, order.id)
    told = {item.payment for item in items}
    # The earliest one stands; which that is depends on no order of arrival.
    for event in [one for one in order.events if one.type is EventType.PAID][1:]:
        if event.id not in told:
            _open_double(office, order, event)
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


def _open_unowed(office: HeadOffice, order: Order, items: list[Shortage]) -> None:
    """Units that nobody owed the money for, because they will not come, and that were paid for."""
    refunded = {item.allocation for item in items if item.kind == "refund"}
    told = {item.allocation for item in items if item.kind == "notice"} - refunded
    for one in order.allocations:
        if (
            one.id in told
            and worth_minor(order, of_order(office, order.id, of_goods=True), one) != 0
        ):
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
