"""What parts of an order cost: units that will not come, that came back, that are still owed.

An order is priced by line, and its units end one by one, in any order, told by whoever had them.
Units that will not come are counted from the end of the lines, and what a customer brings back from
their beginning (`retail.returns`):

    OM1  the two never name the same money
    OM2  all parts of a line, in whatever order they are settled, come to what the line says
"""

from collections import Counter
from dataclasses import dataclass

from retail.allocations import missing_units
from retail.orders import Allocation, Order, refused_units, returned_units
from retail.refunds import RefundAboveSold, refund_line


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingDue:
    """Refusal: nothing of the order will be handed over, so nothing is to be paid."""

    order_number: str

    def __str__(self) -> str:
        return f"nothing of order {self.order_number} is left to be paid for"


def due_minor(order: Order) -> int | NothingDue:
    """What the customer owes for an order that nobody paid yet.

    Units that a location gave back, and that nothing stands in for, are not owed: the hub tells the
    customer so (`retail.shortages`, notice). Nor is what was refused at the door, or brought back.
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
