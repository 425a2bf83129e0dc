"""A picking slip: what of an online order this location is to take from its shelves."""

from collections.abc import Iterator, Mapping
from typing import Final

from devices.paper import Barcode, Block, Document, Gap, Language, Pair, Rule, Text
from gateway.printing.receipt_words import WORDS, Words
from gateway.printing.receipts import Issuer, local_minute, quantity_text
from retail.ordering.orders import Order, PersonalText, Pickup
from retail.products.catalogue import Product, name_in

NAME: Final = "name"
"""The field of an order's customer that a person would be called by."""


def slip_of(
    order: Order, location: str, issuer: Issuer, products: Mapping[str, Product]
) -> Document:
    """What `location` keeps for the order and has not handed over yet, in the store's language.

    Lines are allocations: of a bundle its components, of a split order this location's part.
    """
    language = issuer.setting.language
    return Document(
        language=language,
        blocks=tuple(_blocks(order, location, issuer, products, language)),
    )


def _blocks(
    order: Order,
    location: str,
    issuer: Issuer,
    products: Mapping[str, Product],
    language: Language,
) -> Iterator[Block]:
    words = WORDS[language]
    yield Text(words.slip, align="center", strong=True, big=True)
    is_pickup = isinstance(order.fulfilment, Pickup)
    yield Text(words.pickup if is_pickup else words.ship, align="center", strong=True)
    yield Rule()
    yield Pair(words.order, order.number, strong=True)
    yield Pair(words.ordered, local_minute(order.placed_at, issuer))
    if (customer := name_of(order.customer)) is not None:
        yield Pair(words.customer, customer)
    yield Rule()
    yield from _lines(order, location, products, words, language)
    yield Gap()
    yield Barcode(order.number)


def _lines(
    order: Order,
    location: str,
    products: Mapping[str, Product],
    words: Words,
    language: Language,
) -> Iterator[Block]:
    units: dict[str, int] = {}
    for one in order.allocations:
        if one.location == location and one.state == "committed":
            units[one.sku] = units.get(one.sku, 0) + one.quantity
    ordered = {line.sku: line.name for line in order.lines}
    pieces = 0
    for sku, quantity in sorted(units.items()):
        product = products.get(sku)
        name = ordered.get(sku, sku) if product is None else name_in(product, language)
        yield Pair(name, quantity_text(quantity, product, words), strong=True)
        yield Text(sku, indented=True)
        pieces += quantity if product is None or product.unit == "piece" else 1
    yield Rule()
    yield Pair(words.pieces, str(pieces))


def name_of(customer: PersonalText | None) -> str | None:
    """What to call a customer, as the storefront wrote it; None where it did not."""
    if isinstance(customer, dict):
        return customer.get(NAME)
    return customer
