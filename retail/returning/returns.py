"""Goods that come back from a customer: what may, what is paid for it, and what becomes of it.

A return names a sale, of a till or online, and takes back units of its lines, never more than are
left of them. What is paid back is what those lines were really paid (`retail.returning.refunds`),
to the tenders that paid them:

    W1  units returned of a line, over all returns of its sale, never exceed the units sold
    W2  what is paid back, over all returns of a sale, never exceeds what was paid
    W3  a tender gets back at most what it paid; cash, less the change, comes last

The goods stand in quality control until somebody has looked at them. Only then are they sold
again, or are damaged, thrown away, or sent to whoever delivered them (`DISPOSITIONS`). What is not
there any more when somebody looks is lost, which is something else than thrown away: it may have
been booked when it went.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, structs

from replication.escrow import CellChange
from retail.money import CurrencyCode, MinorUnits
from retail.products.catalogue import Quantity, Sku
from retail.returning.refunds import RefundAboveSold, refund_line
from retail.selling.sales import (
    CHANGE_FROM,
    EXCHANGE,
    LINES_MAX,
    ONLINE,
    LocationId,
    Rfc3339,
    Sale,
    SaleLine,
    Tender,
    TenderType,
)


class Disposition(StrEnum):
    """What becomes of goods that came back, once somebody has looked at them.

    Whoever looks has them in the hand, except for what is `lost`: that is gone already.
    """

    RESTOCK = "restock"
    DAMAGED = "damaged"
    WRITE_OFF = "write_off"
    RETURN_TO_VENDOR = "return_to_vendor"
    LOST = "lost"


DISPOSITIONS: Final[Mapping[Disposition, str]] = {
    Disposition.RESTOCK: "inspected_restocked",
    Disposition.DAMAGED: "inspected_damaged",
    Disposition.WRITE_OFF: "inspected_written_off",
    Disposition.RETURN_TO_VENDOR: "inspected_returned_to_vendor",
    Disposition.LOST: "inspected_written_off",
}
"""Each disposition as the reason of `retail.stock.stock_reasons` that says what it does to
stock."""


class ReturnRequestLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units of one SKU. `line` is the sale's line, from 1; without it the first that have it."""

    sku: Sku
    quantity: Quantity
    line: Annotated[int, Meta(ge=1, le=LINES_MAX)] | None = None


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


class SoldGoods(msgspec.Struct, frozen=True, kw_only=True):
    """What goods came from, as far as a return asks: a sale at a till, or an online order.

    `tenders` are what was really paid, less what went back for units that never came.
    """

    id: str
    number: str
    currency: CurrencyCode
    lines: tuple[SaleLine, ...]
    tenders: tuple[Tender, ...]
    change_minor: MinorUnits


class Unverified(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a customer said that came back, which nobody could check.

    `settled_by` is the credit note that paid for it, or this return's own id where it was none.
    """

    lines: tuple[ReturnRequestLine, ...]
    advance_minor: MinorUnits
    settled_by: str | None = None


class GoodsReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A return, which is a numbered credit note naming its sale. Its money never changes.

    `goods` are the units per SKU that came in, bundles as what they are of; `inspected` says what
    became of them so far. `credit` is the code of the store credit that it was paid with, if any.
    An unverified one has goods and no lines; `settles` names the one that this pays for.
    `announced` is the number of the announced return by which the goods were taken in, if any.
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
    credit: str | None = None
    unverified: Unverified | None = None
    settles: str | None = None
    announced: str | None = None

    def in_quality_control(self) -> dict[str, int]:
        """Units per SKU that nobody has looked at yet."""
        left = dict(self.goods)
        for one in self.inspected:
            left[one.sku] -= one.quantity
        return {sku: units for sku, units in left.items() if units}


AnnouncedState = Literal["announced", "came"]
"""Waited for; or as many units have come since."""


class AnnouncedReturn(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that a customer said will come back, with what is going to be paid for them.

    Any shop takes them in by `number`. Nothing is paid, and no right is used up, before they come.
    """

    id: str
    number: str
    state: AnnouncedState
    sale: str
    sale_number: str
    at: Rfc3339
    actor: str
    reason: str
    currency: CurrencyCode
    lines: tuple[ReturnedLine, ...]
    total_minor: MinorUnits


class CameBack(msgspec.Struct, frozen=True, kw_only=True):
    """All that came back of some goods so far: units per line, and money by where it went."""

    units: tuple[int, ...]
    refunds: tuple[Tender, ...]


class ReturnClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's answer to a shop that would take back what another sold.

    The shop, and nobody else, has `rights` to so many units per line, with `cells` that the hub has
    written; `left` of them may still come.
    """

    sold: SoldGoods
    came: CameBack
    rights: tuple[int, ...]
    left: tuple[int, ...]
    cells: tuple[CellChange, ...]


def sold_goods(sale: Sale) -> SoldGoods:
    """A sale at a till, as far as a return asks."""
    return SoldGoods(
        id=sale.id,
        number=sale.number,
        currency=sale.currency,
        lines=sale.lines,
        tenders=sale.tenders,
        change_minor=sale.change_minor,
    )


def came_back(returns: Iterable[GoodsReturn], lines: int) -> CameBack:
    """What these returns come to, of goods of so many lines.

    What was kept for other goods is no refund, and an advance on an unverified return counts with
    the credit note that settles it.
    """
    units = [0] * lines
    refunds: dict[TenderType, int] = {}
    for one in returns:
        for line in one.lines:
            units[line.line - 1] += line.quantity
        for refund in one.refunds if one.unverified is None else ():
            if refund.type != EXCHANGE:
                refunds[refund.type] = refunds.get(refund.type, 0) + refund.amount_minor
    return CameBack(
        units=tuple(units),
        refunds=tuple(Tender(type=by, amount_minor=minor) for by, minor in sorted(refunds.items())),
    )


def together(one: CameBack, other: CameBack) -> CameBack:
    """What came back in both."""
    return CameBack(
        units=tuple(here + there for here, there in zip(one.units, other.units, strict=True)),
        refunds=(*one.refunds, *other.refunds),
    )


def over_the_counter_minor(one: GoodsReturn) -> int:
    """What a return's customer has: money, credit or other goods; not what goes back online.

    An advance counts with the credit note that settles it.
    """
    if one.unverified is not None:
        return 0
    return sum(refund.amount_minor for refund in one.refunds if refund.type != ONLINE)


def left_of(sold: SoldGoods, came: CameBack) -> tuple[int, ...]:
    """Units of each line that have not come back, where all of them had gone out."""
    return tuple(line.quantity - back for line, back in zip(sold.lines, came.units, strict=True))


def inspected_so_far(seen: Iterable[Inspected]) -> tuple[Inspected, ...]:
    """What was looked at, added up: a record does not grow with the number of looks."""
    units: dict[tuple[str, Disposition], int] = {}
    for one in seen:
        key = (one.sku, one.disposition)
        units[key] = units.get(key, 0) + one.quantity
    return tuple(
        Inspected(sku=sku, quantity=many, disposition=disposition)
        for (sku, disposition), many in units.items()
    )


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
    sold: SoldGoods,
    came: CameBack,
    left: Sequence[int],
    asked: Sequence[ReturnRequestLine],
) -> tuple[ReturnedLine, ...] | NotOnSale | TooManyReturned:
    """The lines of a return, each with what it was really paid; all of it or a refusal (W1).

    `came` is all that came back of the same goods so far, and `left` the units of each line that
    may still come back to whoever decides.
    """
    refunded = list(came.units)
    may_come = list(left)
    returned: list[ReturnedLine] = []
    for want in asked:
        candidates = [
            number
            for number, line in enumerate(sold.lines, 1)
            if line.sku == want.sku and want.line in {None, number}
        ]
        if not candidates:
            return NotOnSale(sku=want.sku, line=want.line)
        units = sum(may_come[number - 1] for number in candidates)
        if want.quantity > units:
            return TooManyReturned(sku=want.sku, quantity=want.quantity, left_units=units)
        returned += _from_lines(sold, candidates, want.quantity, may_come, refunded)
    return tuple(returned)


def _from_lines(
    sold: SoldGoods,
    candidates: Sequence[int],
    quantity: int,
    may_come: list[int],
    refunded: list[int],
) -> list[ReturnedLine]:
    """Take units from the first of the lines that have some; both lists are brought up to date."""
    parts: list[ReturnedLine] = []
    for number in candidates:
        line, before = sold.lines[number - 1], refunded[number - 1]
        units = min(quantity, may_come[number - 1])
        if not units:
            continue
        part = refund_line(line, units, before)
        assert not isinstance(part, RefundAboveSold), "no more than is left of the line"
        refunded[number - 1] += units
        may_come[number - 1] -= units
        quantity -= units
        parts.append(
            ReturnedLine(
                line=number,
                sku=line.sku,
                name=line.name,
                quantity=units,
                net_minor=part.net_minor,
                tax_class=part.tax_class,
                tax_rate=part.tax_rate,
                tax_minor=part.tax_minor,
                total_minor=part.total_minor,
            )
        )
    return parts


def refunds_of(sold: SoldGoods, came: CameBack, total_minor: int) -> tuple[Tender, ...]:
    """How the money goes back: to the tenders that paid, cash last (W2, W3).

    What was paid with goods goes back in cash, and what was never paid goes back to nobody.
    `total_minor` is that of lines which `take_back` allowed, so it is never more than is left.
    """
    left: dict[TenderType, int] = {CHANGE_FROM: -sold.change_minor}
    for tender in sold.tenders:
        by: TenderType = CHANGE_FROM if tender.type == EXCHANGE else tender.type
        left[by] = left.get(by, 0) + tender.amount_minor
    for refund in came.refunds:
        _draw(left, refund)
    refunds: list[Tender] = []
    for to in _in_order(left):
        if (amount_minor := min(total_minor, left[to])) > 0:
            refunds.append(Tender(type=to, amount_minor=amount_minor))
            total_minor -= amount_minor
    return tuple(refunds)


def after_advance(refunds: Sequence[Tender], advance_minor: int) -> tuple[Tender, ...]:
    """Refunds of which a supervisor gave some in cash before: that, and the rest of what is due.

    Together they are as much as the refunds, or the advance alone where it was more.
    """
    if not advance_minor:
        return tuple(refunds)
    rest: list[Tender] = []
    taken_minor = advance_minor
    for one in sorted(refunds, key=lambda one: one.type != CHANGE_FROM):
        off = min(taken_minor, one.amount_minor)
        taken_minor -= off
        if off < one.amount_minor:
            rest.append(structs.replace(one, amount_minor=one.amount_minor - off))
    return (Tender(type=CHANGE_FROM, amount_minor=advance_minor), *rest)


def _in_order(left: Mapping[TenderType, int]) -> list[TenderType]:
    return sorted(left, key=lambda one: (one == CHANGE_FROM, one))


def _draw(left: dict[TenderType, int], refund: Tender) -> None:
    """Take an earlier refund off what is left; what went another way comes off in the order."""
    amount_minor = refund.amount_minor
    for to in sorted(_in_order(left), key=lambda one: one != refund.type):
        taken = min(amount_minor, max(0, left[to]))
        left[to] -= taken
        amount_minor -= taken
