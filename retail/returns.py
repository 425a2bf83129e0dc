"""Goods that come back from a customer: what may, what is paid for it, and what becomes of it.

A return names a sale and takes back units of its lines, never more than are left of them. What is
paid back is what those lines were really paid (`retail.refunds`), to the tenders that paid them:

    W1  units returned of a line, over all returns of its sale, never exceed the units sold
    W2  what is paid back, over all returns of a sale, never exceeds what was paid
    W3  a tender gets back at most what it paid; cash, less the change, comes last

The goods stand in quality control until somebody has looked at them. Only then are they sold
again, or are damaged, thrown away, or sent to whoever delivered them (`DISPOSITIONS`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.catalogue import Quantity, Sku
from retail.money import CurrencyCode, MinorUnits
from retail.refunds import RefundAboveSold, refund_line
from retail.sale_request import PricedRequest
from retail.sales import (
    CHANGE_FROM,
    EXCHANGE,
    LINES_MAX,
    TENDERS_MAX,
    LocationId,
    Name,
    Reason,
    Rfc3339,
    Sale,
    Tender,
    TenderType,
    check_tenders,
)


class Disposition(StrEnum):
    """What becomes of goods that came back, once somebody has looked at them."""

    RESTOCK = "restock"
    DAMAGED = "damaged"
    WRITE_OFF = "write_off"
    RETURN_TO_VENDOR = "return_to_vendor"


DISPOSITIONS: Final[Mapping[Disposition, str]] = {
    Disposition.RESTOCK: "inspected_restocked",
    Disposition.DAMAGED: "inspected_damaged",
    Disposition.WRITE_OFF: "inspected_written_off",
    Disposition.RETURN_TO_VENDOR: "inspected_returned_to_vendor",
}
"""Each disposition as the reason of `retail.stock_reasons` that says what it does to stock."""


class ReturnRequestLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one SKU. `line` is the sale's line, from 1; without it the first that have it."""

    sku: Sku
    quantity: Quantity
    line: Annotated[int, Meta(ge=1, le=LINES_MAX)] | None = None


class ReturnRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a return: the id or the printed number of the sale, and what came back of it."""

    register: Name
    sale: Annotated[str, Meta(min_length=1, max_length=200)]
    lines: Annotated[tuple[ReturnRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reason: Reason


class ExchangeRequest(PricedRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an exchange: what comes back of a sale, and what goes out instead.

    `tenders` pay what the new goods cost above the worth of the old ones; nothing where they cost
    less. `expected_total_minor` is the price of the new goods alone.
    """

    register: Name
    sale: Annotated[str, Meta(min_length=1, max_length=200)]
    returned: Annotated[tuple[ReturnRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reason: Reason
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)] = ()
    customer_id: Name | None = None
    expected_total_minor: MinorUnits | None = None

    def __post_init__(self) -> None:
        check_tenders(self.tenders)


class ReturnedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one line of the sale, with what they were really paid: net + tax == total."""

    line: int
    sku: str
    name: str
    quantity: Quantity
    net_minor: MinorUnits
    tax_class: str
    tax_rate: str
    tax_minor: MinorUnits
    total_minor: MinorUnits


class Inspected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one SKU that somebody has looked at, and what became of them."""

    sku: Sku
    quantity: Quantity
    disposition: Disposition


class InspectionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an inspection."""

    lines: Annotated[tuple[Inspected, ...], Meta(min_length=1, max_length=LINES_MAX)]


class GoodsReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A return, which is a numbered credit note naming its sale. Its money never changes.

    `goods` are the units per SKU that came in, bundles as what they are of; `inspected` says what
    became of them so far.
    """

    id: str
    number: str
    sale: str
    sale_number: str
    location: LocationId
    register: str
    cashier: str
    business_date: str
    at: Rfc3339
    reason: str
    currency: CurrencyCode
    lines: tuple[ReturnedLine, ...]
    total_minor: MinorUnits
    tax_minor: MinorUnits
    refunds: tuple[Tender, ...]
    goods: dict[str, int]
    inspected: tuple[Inspected, ...] = ()

    def in_quality_control(self) -> dict[str, int]:
        """Units per SKU that nobody has looked at yet."""
        left = dict(self.goods)
        for one in self.inspected:
            left[one.sku] -= one.quantity
        return {sku: units for sku, units in left.items() if units}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOnSale:
    """Refusal: the sale has no such line."""

    sku: str
    line: int | None

    def __str__(self) -> str:
        where = "the sale has no" if self.line is None else f"line {self.line} of the sale is not"
        return f"{where} {self.sku}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyReturned:
    """Refusal: more units than are left of what was sold."""

    sku: str
    quantity: int
    left_units: int

    def __str__(self) -> str:
        return (
            f"{self.quantity} of {self.sku} came back, and {self.left_units} of the sale are left"
        )


def take_back(
    sale: Sale, before: Iterable[GoodsReturn], asked: Sequence[ReturnRequestLine]
) -> tuple[ReturnedLine, ...] | NotOnSale | TooManyReturned:
    """The lines of a return, each with what it was really paid; all of it or a refusal (W1).

    `before` are the returns of the same sale so far.
    """
    came: dict[int, int] = {}
    for one in before:
        for line in one.lines:
            came[line.line] = came.get(line.line, 0) + line.quantity
    returned: list[ReturnedLine] = []
    for want in asked:
        candidates = [
            number
            for number, sold in enumerate(sale.lines, 1)
            if sold.sku == want.sku and want.line in {None, number}
        ]
        if not candidates:
            return NotOnSale(sku=want.sku, line=want.line)
        left = sum(sale.lines[number - 1].quantity - came.get(number, 0) for number in candidates)
        if want.quantity > left:
            return TooManyReturned(sku=want.sku, quantity=want.quantity, left_units=left)
        returned += _from_lines(sale, candidates, want.quantity, came)
    return tuple(returned)


def _from_lines(
    sale: Sale, candidates: Sequence[int], quantity: int, came: dict[int, int]
) -> list[ReturnedLine]:
    """Take units from the first of the lines that have some; `came` is brought up to date."""
    parts: list[ReturnedLine] = []
    for number in candidates:
        sold, before = sale.lines[number - 1], came.get(number, 0)
        units = min(quantity, sold.quantity - before)
        if not units:
            continue
        part = refund_line(sold, units, before)
        assert not isinstance(part, RefundAboveSold), "no more than is left of the line"
        came[number] = before + units
        quantity -= units
        parts.append(
            ReturnedLine(
                line=number,
                sku=sold.sku,
                name=sold.name,
                quantity=units,
                net_minor=part.net_minor,
                tax_class=part.tax_class,
                tax_rate=part.tax_rate,
                tax_minor=part.tax_minor,
                total_minor=part.total_minor,
            )
        )
    return parts


def refunds_of(sale: Sale, before: Iterable[GoodsReturn], total_minor: int) -> tuple[Tender, ...]:
    """How the money goes back: to the tenders that paid, cash last (W2, W3).

    What was paid with goods goes back in cash. `total_minor` is that of lines which `take_back`
    allowed, so it is never more than is left.
    """
    left: dict[TenderType, int] = {CHANGE_FROM: -sale.change_minor}
    for tender in sale.tenders:
        by: TenderType = CHANGE_FROM if tender.type == EXCHANGE else tender.type
        left[by] = left.get(by, 0) + tender.amount_minor
    for one in before:
        for refund in one.refunds:
            if refund.type != EXCHANGE:
                left[refund.type] -= refund.amount_minor
    refunds: list[Tender] = []
    for to in sorted(left, key=lambda one: (one == CHANGE_FROM, one)):
        if (amount_minor := min(total_minor, left[to])) > 0:
            refunds.append(Tender(type=to, amount_minor=amount_minor))
            total_minor -= amount_minor
    assert total_minor == 0, "a sale is paid in full"
    return tuple(refunds)
