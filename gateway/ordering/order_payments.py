"""Money that a till takes for an order, on the writer thread.

The order itself is the hub's (`gateway.ordering.order_desk` places it there) or is kept here to be
handed over. The money is this gateway's: an entry of its own journal, which the hub turns into the
order's payment whenever it hears of it. One commit has the entry, its key and the receipt.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from devices.paper import Document
from gateway.ordering import orders
from gateway.printing import spool
from gateway.selling.picked import pick
from gateway.shop import Shop
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument
from replication.ids import entry_id
from replication.journal import RECORD_BYTES_MAX
from retail.documents import event_texts, order_of
from retail.ordering.order_money import NothingDue, due_minor
from retail.ordering.order_payments import (
    OrderPayment,
    OrderPaymentRequest,
    PaidOrder,
    TillBasket,
    TillOrderRequest,
    paid_event,
    with_event,
)
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, OrderLine, check_event
from retail.selling.sales import CHANGE_FROM, Settlement, Tender, settle
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug
from web.sale_numbers import printed_number

ORDER_PAYMENT: Final = "order_payment"
"""The kind of a payment's entry."""

PAYMENTS_COUNT: Final = "order_payments"
"""The meta row with the number of the last payment in this journal; absent before the first."""

PaperOf = Callable[[PaidOrder], Document]
"""Makes the receipt of a payment."""

_PAID_ON_THE_SPOT: Final = frozenset({"on_delivery", "on_collection"})


def begin(shop: Shop, command: Command, basket: TillBasket) -> Outcome | tuple[OrderLine, ...]:
    """What an order comes to before the hub is asked: an earlier success, a no, or its lines."""
    return shop.answered(command) or lines_of(shop, basket)


def lines_of(shop: Shop, basket: TillBasket) -> tuple[OrderLine, ...] | Problem:
    """What the basket's lines name, by SKU. The price on a label is this shop's: it is left out."""
    picked = pick(shop, basket.lines)
    if isinstance(picked, Problem):
        return picked
    return tuple(OrderLine(sku=product.sku, quantity=units) for product, units in picked.lines)


def settled(
    total_minor: int, tenders: tuple[Tender, ...], expected_minor: int | None = None
) -> Settlement | Problem:
    """Whether the tenders pay an order's total, which is the one that the customer was shown."""
    if expected_minor is not None and expected_minor != total_minor:
        return Problem.price_changed(total_minor=total_minor, expected_minor=expected_minor)
    paid = settle(total_minor, tenders)
    if not isinstance(paid, Settlement):
        return Problem.invalid(f"The order is not paid: {paid}.", field="$.tenders")
    return paid


def pay_placed(
    shop: Shop, command: Command, request: TillOrderRequest, order: Order, paper_of: PaperOf
) -> Outcome:
    """Take the money for an order that this till has just placed at the hub. Safe to repeat."""
    known = shop.answered(command)
    if known is not None:
        return known
    payment = _payment(shop, command, order, request.register, order.total_minor, request.tenders)
    if isinstance(payment, Problem):
        return payment
    paid = PaidOrder(order=with_event(order, paid_event(payment, payment.cashier)), payment=payment)
    return _book(shop, command, paid, paper_of)


def pay_here(
    shop: Shop, command: Command, order_id: str, request: OrderPaymentRequest, paper_of: PaperOf
) -> Outcome:
    """Take the money for an order that is paid when it is handed over here, connected or not."""
    known = shop.answered(command)
    if known is not None:
        return known
    document = orders.document_of(shop, order_id)
    if isinstance(document, Problem):
        return document
    order = order_of(document.fields(), document.events())
    due = due_now(order)
    if isinstance(due, Problem):
        return due
    payment = _payment(
        shop, command, order, request.register, due, request.tenders, request.expected_total_minor
    )
    if isinstance(payment, Problem):
        return payment
    event = paid_event(payment, payment.cashier)
    paid = PaidOrder(order=with_event(order, event), payment=payment)
    return _book(shop, command, paid, paper_of, document)


def due_now(order: Order) -> int | Problem:
    """What a till may take for the order now, or why nothing."""
    refused = check_event(order, EventType.PAID)
    if refused is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": order.status})
    if order.payment not in _PAID_ON_THE_SPOT:
        return Problem(
            Slug.CONFLICT,
            f"Order {order.number} is not paid where it is handed over: its payment is "
            f"{order.payment}.",
        )
    due = due_minor(order)
    if isinstance(due, NothingDue):
        return Problem(Slug.CONFLICT, f"{due}.", members={"order_status": order.status})
    return due


def _payment(
    shop: Shop,
    command: Command,
    order: Order,
    register: str,
    total_minor: int,
    tenders: tuple[Tender, ...],
    expected_minor: int | None = None,
) -> OrderPayment | Problem:
    """The payment as it is going to be the next entry; nothing is changed."""
    paid = settled(total_minor, tenders, expected_minor)
    if isinstance(paid, Problem):
        return paid
    ledger, writer = shop.ledger, shop.ledger.writer
    number = _payments_count(shop) + 1
    return OrderPayment(
        id=entry_id(writer, ledger.next_seq),
        number=printed_number(writer, number, "P"),
        order=order.id,
        order_number=order.number,
        location=shop.location,
        register=register,
        cashier=command.principal.name,
        business_date=shop.business_date().isoformat(),
        at=rfc3339(ledger.now_ms),
        currency=order.currency,
        total_minor=total_minor,
        tax_minor=order.tax_minor if total_minor == order.total_minor else None,
        tenders=tenders,
        change_minor=paid.change_minor,
    )


def _payments_count(shop: Shop) -> int:
    return int(shop.store.meta(PAYMENTS_COUNT) or "0")


def _book(
    shop: Shop,
    command: Command,
    paid: PaidOrder,
    paper_of: PaperOf,
    document: EntityDocument | None = None,
) -> Outcome:
    """Write the event where the order is kept, journal the money, spool the receipt."""
    ledger, payment = shop.ledger, paid.payment
    record = msgspec.json.encode(paid)
    if len(record) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="A paid order's record")
    paper = paper_of(paid)
    if document is not None:
        change = document.put({}, event_texts(paid.order.events[-1:]))
        shop.store.store_document(feed.ORDER, payment.order, document, change)
        orders.keep(shop, order_of(document.fields(), document.events()))
    shop.store.set_meta(PAYMENTS_COUNT, str(_payments_count(shop) + 1))
    ledger.append(
        ORDER_PAYMENT,
        record,
        actor=command.actor,
        reference=payment.order,
        request=command.mark(),
    )
    printer = shop.printers.get(payment.register)
    if printer is not None:
        spool.add_document(shop, printer, paper, f"Order {payment.order_number}, paid")
        if any(tender.type == CHANGE_FROM for tender in payment.tenders):
            spool.add_kick(shop, printer)
    return Done(201, record)
