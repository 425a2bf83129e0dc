"""What parts of an order cost: units that will not come, that came back, that are still owed.

An order is priced by line, and its units end one by one, in any order, told by whoever had them.
Units that will not come are counted from the end of the lines, and what a customer brings back from
their beginning (`retail.returning.returns`):

    OM1  the two never name the same money
    OM2  all parts of a line, in whatever order they are settled, come to what the line says

An order may be paid more than once, by tills that cannot hear of each other:

    OM3  the payment that was heard of first stands, and no other ever takes its place: what was
         settled from it stays true, whenever another one was taken. Each other one goes back, less
         what the first left out of what the customer gets
    OM4  who paid less, since units were known to be missing, is sent none in their place unpaid;
         what had gone out unpaid all the same is named, with the money that is still owed for it
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retail.ordering.allocations import missing_units
from retail.ordering.orders import (
    Allocation,
    Order,
    OrderEvent,
    payments_of,
    refused_units,
    returned_units,
    tenders_of,
)
from retail.ordering.shortages import SETTLES, Shortage
from retail.returning.refunds import RefundAboveSold, refund_line
from retail.selling.sales import CHANGE_FROM, Tender


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingDue:
    """Refusal: nothing of the order will be handed over, so nothing is to be paid."""

    order_number: str

    def __str__(self) -> str:
        return f"nothing of order {self.order_number} is left to be paid for"


def due_minor(order: Order) -> int | NothingDue:
    """What the customer owes for an order that nobody paid yet.

    Units that a location gave back, and that nothing stands in for, are not owed: the hub tells the
    customer so (`retail.ordering.shortages`, notice). Nor is what was refused at the door, or
    brought back.
    """
    off_minor = withheld_in_all_minor(order)
    off_minor += sum(
        brought_back_minor(order, sku, units) for sku, units in returned_units(order).items()
    )
    is_nothing_left = all(one.state == "released" for one in order.allocations)
    if is_nothing_left or 0 < order.total_minor <= off_minor:
        return NothingDue(order_number=order.number)
    return order.total_minor - off_minor


def withheld_minor(order: Order, sku: str, units: int) -> int | None:
    """What an order's last units of a SKU were priced, or None where they are part of a bundle.

    Counted from the end of its lines.
    """
    amount_minor = 0
    for line in reversed(order.lines):
        if line.sku == sku and units > 0:
            taken = min(units, line.quantity)
            last = refund_line(line, taken, line.quantity - taken)
            assert not isinstance(last, RefundAboveSold), "they are the line's own"
            amount_minor += last.total_minor
            units -= taken
    return None if units > 0 else amount_minor


def line_amount_minor(order: Order, allocation: Allocation, settled_units: int = 0) -> int | None:
    """What an allocation's units were priced, or None where they are part of a bundle.

    `settled_units` of the same SKU will not come either and were settled before.
    """
    sku = allocation.sku
    before = withheld_minor(order, sku, settled_units)
    upto = withheld_minor(order, sku, settled_units + allocation.quantity)
    return None if before is None or upto is None else upto - before


def withheld_in_all_minor(order: Order) -> int:
    """What the units were priced that will not come, or were refused at the door."""
    away = Counter(missing_units(order)) + Counter(refused_units(order))
    return sum(withheld_minor(order, sku, units) or 0 for sku, units in away.items())


def brought_back_minor(order: Order, sku: str, units: int) -> int:
    """What an order's first units of a SKU were priced: those that count as brought back."""
    amount_minor = 0
    for line in order.lines:
        if line.sku == sku and units > 0:
            taken = min(units, line.quantity)
            first = refund_line(line, taken, 0)
            assert not isinstance(first, RefundAboveSold), "they are the line's own"
            amount_minor += first.total_minor
            units -= taken
    return amount_minor


def standing_tenders(order: Order, items: Sequence[Shortage]) -> tuple[Tender, ...]:
    """How was paid what stands: all payments, each less what goes back of it (OM3)."""
    return tuple(
        tender
        for event in payments_of(order)
        for tender in tenders_less(tenders_of(order, event), _going_back(items, event))
    )


def tenders_less(tenders: Sequence[Tender], back_minor: int) -> tuple[Tender, ...]:
    """What is left of tenders of which so much goes back, cash last; never less than nothing."""
    left: list[Tender] = []
    for tender in sorted(tenders, key=lambda one: one.type == CHANGE_FROM):
        taken_minor = min(tender.amount_minor, back_minor)
        back_minor -= taken_minor
        if taken_minor < tender.amount_minor:
            left.append(Tender(type=tender.type, amount_minor=tender.amount_minor - taken_minor))
    return tuple(left)


def is_on_top(order: Order, payment: OrderEvent, items: Iterable[Shortage]) -> bool:
    """Whether a payment that was just heard of came on top of the one that stands (OM3)."""
    apart = _apart(items)
    standing = [event.id for event in payments_of(order) if event.id not in apart]
    return payment.id in standing and len(standing) > 1


def paid_minor(order: Order, items: Iterable[Shortage]) -> int:
    """What was paid for an order in all, less what goes back of payments that came on top."""
    payments = {event.id: _tendered_minor(order, event) for event in payments_of(order)}
    return sum(payments.values()) - sum(
        item.amount_minor or 0
        for item in items
        if item.kind == "refund" and item.payment in payments
    )


def on_top_minor(order: Order, payment: OrderEvent, items: Sequence[Shortage]) -> int:
    """What goes back of a payment that came on top: all but what the others left out (OM3)."""
    amount_minor = _tendered_minor(order, payment)
    paid = paid_minor(order, items) - amount_minor
    return amount_minor - min(amount_minor, _left_out_minor(order, items, paid))


def unpaid_minor(order: Order, items: Sequence[Shortage]) -> int:
    """What nobody paid of what the customer gets of an order that was paid (OM4)."""
    return _left_out_minor(order, items, paid_minor(order, items))


def _left_out_minor(order: Order, items: Iterable[Shortage], paid: int) -> int:
    gets = order.total_minor - withheld_in_all_minor(order)
    refunded = sum(
        item.amount_minor or 0 for item in items if item.kind == "refund" and item.payment is None
    )
    return max(0, gets - (paid - refunded))


def _tendered_minor(order: Order, payment: OrderEvent) -> int:
    return sum(tender.amount_minor for tender in tenders_of(order, payment))


def _going_back(items: Iterable[Shortage], payment: OrderEvent) -> int:
    refunds = (one for one in items if one.kind == "refund" and one.payment == payment.id)
    return sum(one.amount_minor or 0 for one in refunds)


def _apart(items: Iterable[Shortage]) -> set[str]:
    return {item.payment for item in items if item.kind == "refund" and item.payment is not None}


def worth_minor(order: Order, items: Sequence[Shortage], one: Allocation) -> int | None:
    """What was paid for units that will not come, after the order's `items`; None: nobody can say.

    No more than was paid beyond what the customer gets: who paid less, since those units were
    known to be missing, is owed nothing for them.
    """
    price = _price(order, items, one)
    return None if price is None else min(price.own_minor, max(0, price.paid_minor))


def was_paid_without(order: Order, items: Sequence[Shortage], one: Allocation) -> bool:
    """Whether the payment that stands left out the price of missing units, or a part of it (OM4).

    Of units of a bundle nobody can say.
    """
    price = _price(order, items, one)
    return price is not None and price.paid_minor < price.own_minor


class _Price(NamedTuple):
    """What units cost, and what was paid beyond all else that the customer gets: below 0, less."""

    own_minor: int
    paid_minor: int


def _price(order: Order, items: Sequence[Shortage], one: Allocation) -> _Price | None:
    goods = [item for item in items if item.payment is None]
    units = _settled_units(goods, one)
    own = line_amount_minor(order, one, units.get(one.sku, 0))
    if own is None:
        return None
    withheld = own + sum(withheld_minor(order, sku, many) or 0 for sku, many in units.items())
    refunded = sum(item.amount_minor or 0 for item in goods)
    paid = paid_minor(order, items)
    return _Price(own, paid - (order.total_minor - withheld) - refunded)


def _settled_units(items: Iterable[Shortage], but: Allocation) -> dict[str, int]:
    """Units per SKU that will not come, by what was opened for them besides this notice."""
    by_kind: dict[tuple[str | None, str], dict[str, int]] = {}
    for item in items:
        if item.sku is None or (item.kind, item.allocation) == ("notice", but.id):
            continue
        if item.kind in SETTLES:
            told = by_kind.setdefault((item.allocation, item.sku), {})
            told[item.kind] = told.get(item.kind, 0) + item.units
    units: dict[str, int] = {}
    for (_, sku), told in by_kind.items():  # what was told may have been paid for after all
        units[sku] = units.get(sku, 0) + max(told.values())
    return units
