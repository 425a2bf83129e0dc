"""Products and orders as document fields, and back: the one place that knows both shapes.

A document (`replication.document`) holds named JSON texts and a grow-only map of events. A product
is one field per attribute, so that edits of different attributes merge. An order is one field that
never changes after placing, one field per allocation that was added later, one per allocation whose
custody ended, written by its custodian alone, and its events; the status is read off the events.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from retail.catalogue import Product
from retail.orders import Allocation, AllocationState, Order, OrderEvent, status

_ORDER: Final = "order"
_ALLOCATION: Final = "allocation."
_ADDED: Final = "added."

_encode = msgspec.json.encode
_decode = msgspec.json.decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_product = msgspec.json.Decoder(Product).decode


class DocumentUnfit(Exception):
    """A document's fields are not what its kind says; it is set aside."""


def product_fields(product: Product) -> dict[str, str]:
    """Every attribute of a product as a field."""
    return {name: _encode(getattr(product, name)).decode() for name in Product.__struct_fields__}


def record_fields(record: bytes) -> dict[str, str]:
    """A product's record as fields, each text as it stands there.

    Whoever puts them into a new document as the same actor makes the same change, byte for byte,
    also where one knows attributes that the other does not.

    Raises:
        DocumentUnfit: the record is no JSON object.
    """
    try:
        return {name: bytes(text).decode() for name, text in _decode_raw(record).items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentUnfit(f"not a record: {error}") from None


def product_of(fields: Mapping[str, str]) -> Product:
    """The product that a document's fields describe; attributes of a newer hub are left out.

    Raises:
        DocumentUnfit: they do not.
    """
    try:
        known = {k: _decode(v) for k, v in fields.items() if k in Product.__struct_fields__}
        return msgspec.convert(known, Product)
    except (msgspec.DecodeError, TypeError, RecursionError) as error:
        raise DocumentUnfit(f"not a product: {error}") from None


def product_told(record: bytes) -> Product:
    """The product that its owner's record describes; attributes of a newer hub are left out.

    Raises:
        DocumentUnfit: it describes none.
    """
    try:
        return _decode_product(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return product_of(record_fields(record))


def placed_fields(order: Order) -> dict[str, str]:
    """The fields of a newly placed order; its events go into the events map."""
    return {_ORDER: _encode(msgspec.structs.replace(order, events=())).decode()}


def custody_field(allocation: str, state: AllocationState) -> dict[str, str]:
    """The field with which the custodian of an allocation says what became of it."""
    return {_ALLOCATION + allocation: _encode(state).decode()}


def added_field(allocation: Allocation) -> dict[str, str]:
    """The field with which the hub takes units elsewhere, in the place of others."""
    return {_ADDED + allocation.id: _encode(allocation).decode()}


def event_texts(events: tuple[OrderEvent, ...]) -> dict[str, str]:
    """Events for the events map."""
    return {event.id: _encode(event).decode() for event in events}


def order_of(fields: Mapping[str, str], events: Mapping[str, str]) -> Order:
    """The order that a document describes, with the status that follows from its events.

    Raises:
        DocumentUnfit: it does not describe one.
    """
    try:
        placed = _decode(fields[_ORDER], type=Order)
        history = tuple(
            sorted(
                (_decode(text, type=OrderEvent) for text in events.values()),
                key=lambda event: (event.at, event.id),
            )
        )
        added = [
            _decode(text, type=Allocation)
            for name, text in sorted(fields.items())
            if name.startswith(_ADDED)
        ]
        allocations = tuple(_allocation(one, fields) for one in (*placed.allocations, *added))
    except (KeyError, msgspec.DecodeError) as error:
        raise DocumentUnfit(f"not an order: {error}") from None
    return msgspec.structs.replace(
        placed, status=status(history), events=history, allocations=allocations
    )


def _allocation(placed: Allocation, fields: Mapping[str, str]) -> Allocation:
    text = fields.get(_ALLOCATION + placed.id)
    if text is None:
        return placed
    return msgspec.structs.replace(placed, state=_decode(text, type=AllocationState))
