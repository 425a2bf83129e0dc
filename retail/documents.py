"""Products and orders as document fields, and back: the one place that knows both shapes.

A document (`replication.document`) holds named JSON texts and a grow-only map of events. A product
is one field per attribute, so that edits of different attributes merge. An order is one field that
never changes after placing, one field per allocation that was added later, one per part that was
split off an allocation and one per allocation whose custody ended, both written by its custodian
alone, and its events. The status is read off the events, and what is left of an allocation off its
parts, so that merging in any order gives the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from retail.ordering.orders import Allocation, AllocationState, Order, OrderEvent, status
from retail.products.catalogue import Product

_ORDER: Final = "order"
_ALLOCATION: Final = "allocation."
_ADDED: Final = "added."
_PART: Final = "part."

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


def part_field(part: Allocation) -> dict[str, str]:
    """The field with which the custodian of an allocation splits a part off it, once and for ever.

    Written again, by whoever heard of it, it is the same text.
    """
    assert part.part_of is not None, "it is split off another one"
    return {_PART + part.id: _encode(part).decode()}


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
        parts = [
            _decode(text, type=Allocation)
            for name, text in sorted(fields.items(), key=_by_number)
            if name.startswith(_PART)
        ]
        whole = (*placed.allocations, *added, *parts)
        allocations = tuple(_allocation(one, fields) for one in _less_parts(whole))
    except (KeyError, msgspec.DecodeError) as error:
        raise DocumentUnfit(f"not an order: {error}") from None
    return msgspec.structs.replace(
        placed,
        status=status(history, placed.lines),
        events=history,
        allocations=allocations,
    )


def _allocation(placed: Allocation, fields: Mapping[str, str]) -> Allocation:
    text = fields.get(_ALLOCATION + placed.id)
    if text is None:
        return placed
    return msgspec.structs.replace(placed, state=_decode(text, type=AllocationState))


def _by_number(field: tuple[str, str]) -> tuple[int, str]:
    """Parts in the order in which they were split off: 2 before 10."""
    return len(field[0]), field[0]


def _less_parts(whole: Sequence[Allocation]) -> Iterator[Allocation]:
    """Each allocation with what is left of it.

    Raises:
        DocumentUnfit: a part is of nothing, or nothing is left beside it.
    """
    split: dict[str, int] = {one.id: 0 for one in whole}
    for one in whole:
        if one.part_of is not None:
            if one.part_of not in split:
                raise DocumentUnfit(f"{one.id} is a part of {one.part_of}, which there is not")
            split[one.part_of] += one.quantity
    for one in whole:
        if one.quantity <= split[one.id]:
            raise DocumentUnfit(f"the parts of {one.id} are more than its {one.quantity}")
        yield msgspec.structs.replace(one, quantity=one.quantity - split[one.id])
