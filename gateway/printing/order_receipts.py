"""An order that was paid at a till, as the receipt that the customer takes home.

It says what was bought and where the goods come from, or where they wait and with which code.
"""

from collections.abc import Iterator, Mapping

from devices.paper import Barcode, Block, Document, Gap, Pair, Rule, Text
from gateway.printing.receipt_words import WORDS, Words
from gateway.printing.receipts import TIMES, Issuer, letterhead, local_minute
from retail.money import format_minor
from retail.ordering.order_payments import PaidOrder
from retail.ordering.orders import Order, Pickup


def order_receipt_of(paid: PaidOrder, issuer: Issuer, places: Mapping[str, str]) -> Document:
    """The paper of a payment, in the store's language.

    `places` has what people call the locations, as far as that is known here.
    """
    language = issuer.setting.language
    return Document(language=language, blocks=tuple(_blocks(paid, issuer, places)))


def _blocks(paid: PaidOrder, issuer: Issuer, places: Mapping[str, str]) -> Iterator[Block]:
    words = WORDS[issuer.setting.language]
    order, payment = paid.order, paid.payment

    def money(minor: int) -> str:
        return format_minor(minor, payment.currency)

    yield from letterhead(issuer, words)
    yield Text(words.paid_order, align="center", strong=True)
    yield Rule()
    yield Pair(words.order, order.number, strong=True)
    yield Pair(words.number, payment.number)
    yield Pair(words.date, local_minute(payment.at, issuer))
    yield Pair(words.register, payment.register)
    yield Pair(words.cashier, payment.cashier)
    yield Rule()
    for line in order.lines:
        yield Pair(line.name, money(line.total_minor))
        if line.quantity != 1 or line.discounts:
            yield Text(f"{line.quantity} {TIMES} {money(line.unit_price_minor)}", indented=True)
        for discount in line.discounts:
            yield Text(f"{discount.name}: {money(-discount.amount_minor)}", indented=True)
    yield Rule()
    currency = words.currencies.get(payment.currency, payment.currency)
    yield Pair(words.total, f"{money(payment.total_minor)} {currency}", strong=True, big=True)
    if payment.tax_minor is not None:
        yield Pair(words.tax, money(payment.tax_minor))
    for tender in payment.tenders:
        yield Pair(words.tenders[tender.type], money(tender.amount_minor))
    if payment.change_minor:
        yield Pair(words.change, money(payment.change_minor))
    yield Rule()
    yield from _whereabouts(order, words, places)
    yield Gap()
    if issuer.setting.barcode:
        yield Barcode(order.number)
    for text in issuer.setting.footer or (words.thanks,):
        yield Text(text, align="center")


def _whereabouts(order: Order, words: Words, places: Mapping[str, str]) -> Iterator[Block]:
    """How the customer gets the goods."""
    if isinstance(order.fulfilment, Pickup):
        at = order.fulfilment.location
        yield Pair(words.pickup, places.get(at, at), strong=True)
        if order.pickup_code is not None:
            yield Pair(words.pickup_code, order.pickup_code, strong=True, big=True)
        return
    yield Text(words.ship, strong=True)
    kept = (one for one in order.allocations if one.state != "released")
    for location in sorted({one.location for one in kept}):
        yield Pair(words.comes_from, places.get(location, location))
