"""An order that a till is paid for: what a register asks, and the record of the money.

Money for an order is told by the gateway that took it, as an entry of its own journal, and becomes
a `paid` event of the order (`retail.ordering.orders`). The event has the tenders as far as they
paid: what went back over the counter as change is not in them, so that they add up to what was
paid.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from retail.money import CurrencyCode, MinorUnits
from retail.ordering.order_status import EventType
from retail.ordering.orders import (
    Fulfilment,
    Order,
    OrderEvent,
    OrderLine,
    OrderQuoteRequest,
    OrderRequest,
    PersonalText,
    Ship,
    status,
)
from retail.selling.occasion import CustomerGroup
from retail.selling.sales import (
    CHANGE_FROM,
    LINES_MAX,
    STORE_CREDIT,
    TENDERS_MAX,
    BusinessDate,
    LocationId,
    Name,
    Rfc3339,
    SaleRequestLine,
    Tender,
    check_tenders,
)


class TillBasket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a till's order costs depends on this, and on the hub's prices of the moment."""

    register: Name
    lines: Annotated[tuple[SaleRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    coupon: Name | None = None
    customer_group: CustomerGroup | None = None

    def __post_init__(self) -> None:
        if any(line.shown_price_minor is not None for line in self.lines):
            raise ValueError("an order has the prices of the hub: its lines show none")


class TillOrderQuoteRequest(TillBasket, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a till's question for an order's price."""

    fulfilment: Fulfilment = Ship()


class TillOrderRequest(TillBasket, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a till's order. `expected_total_minor` is what the customer was shown.

    Who says it can repeat the request as often as it takes: without it, the price is asked for
    anew at each try, and may be another one.
    """

    fulfilment: Fulfilment
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)]
    expected_total_minor: MinorUnits | None = None
    customer: PersonalText | None = None
    contact: PersonalText | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tenders(self.tenders)


class OrderPaymentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of money for an order that is paid when it is collected or delivered."""

    register: Name
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)]
    expected_total_minor: MinorUnits | None = None

    def __post_init__(self) -> None:
        _check_tenders(self.tenders)


class OrderPayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Money that a till took for an order. `id` is its place in the journal, "<writer>-<seq>".

    `number` is of the till's own series of payments; `order` and `order_number` are what was paid
    for. `total_minor` is what was due and `change_minor` what of the tenders went back. `tax_minor`
    is of the whole order; None where only a part of it was due.
    """

    id: str
    number: str
    order: str
    order_number: str
    location: LocationId
    register: str
    cashier: str
    business_date: BusinessDate
    at: Rfc3339
    currency: CurrencyCode
    total_minor: MinorUnits
    tax_minor: MinorUnits | None
    tenders: tuple[Tender, ...]
    change_minor: MinorUnits


class PaidOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order with the money for it: the record of an `order_payment`, and a till's answer."""

    order: Order
    payment: OrderPayment


def _check_tenders(tenders: Sequence[Tender]) -> None:
    """Refuse what does not pay for an order; for bodies, while they are read.

    Raises:
        ValueError: with the sentence for whoever typed it.
    """
    check_tenders(tenders)
    if any(tender.type == STORE_CREDIT for tender in tenders):
        raise ValueError("store credit pays for goods that the till hands over, not for an order")


def quote_request(basket: TillBasket, lines: Sequence[OrderLine], fulfilment: Fulfilment) -> bytes:
    """A till's basket as the body that asks the hub for a price; `lines` are its lines, by SKU."""
    return msgspec.json.encode(
        OrderQuoteRequest(
            lines=tuple(lines),
            coupon=basket.coupon,
            customer_group=basket.customer_group,
            fulfilment=fulfilment,
        )
    )


def order_request(
    request: TillOrderRequest, lines: Sequence[OrderLine], sold_at: LocationId, total_minor: int
) -> bytes:
    """A till's order as the body that places it at the hub, at this price or not at all."""
    return msgspec.json.encode(
        OrderRequest(
            lines=tuple(lines),
            coupon=request.coupon,
            customer_group=request.customer_group,
            fulfilment=request.fulfilment,
            payment="pending",
            expected_total_minor=total_minor,
            customer=request.customer,
            contact=request.contact,
            sold_at=sold_at,
        )
    )


def paid_event(payment: OrderPayment, actor: str) -> OrderEvent:
    """What a payment is to its order; the event has the payment's own id, so it is there once."""
    return OrderEvent(
        id=payment.id,
        type=EventType.PAID,
        at=payment.at,
        actor=actor,
        tenders=without_change(payment.tenders, payment.change_minor),
    )


def with_event(order: Order, event: OrderEvent) -> Order:
    """The order with one event more, and the status that it then has."""
    events = (*order.events, event)
    return msgspec.structs.replace(order, events=events, status=status(events, order.lines))


def without_change(tenders: Sequence[Tender], change_minor: int) -> tuple[Tender, ...]:
    """The tenders less what went back of the cash: together, what was paid."""
    kept: list[Tender] = []
    for tender in reversed(tenders):
        back_minor = min(change_minor, tender.amount_minor) if tender.type == CHANGE_FROM else 0
        change_minor -= back_minor
        if tender.amount_minor > back_minor:
            amount_minor = tender.amount_minor - back_minor
            kept.append(msgspec.structs.replace(tender, amount_minor=amount_minor))
    assert change_minor == 0, "change is given of cash alone"
    return tuple(reversed(kept))
