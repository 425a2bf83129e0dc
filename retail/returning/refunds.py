"""What comes back of a sold line: its own price, discounts and tax rate, whatever holds today.

A sale keeps what it was rung up with, and so does what is taken back of it
(`retail.selling.sales`). Nothing is looked up in a tax table or a catalogue, which may have changed
since.

    R1  all units of a line refund exactly what the line says, in however many parts they come
    R2  net + tax == total in each part, and none of the three is negative
    R3  a part depends on how many units were refunded before it, and on nothing else

Each part is what is refunded up to it, less what was refunded before it. Up to a unit, the total is
the line's own by quantity, and the tax is the line's own by that total, each rounded half up: so a
part costs what its units cost, no cent is left over, and none is paid twice.
"""

from dataclasses import dataclass

from retail.money import divide_half_up
from retail.selling.sales import SaleLine


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedLine:
    """Some units of a sold line, at the line's own rate: net + tax == total."""

    quantity: int
    net_minor: int
    tax_class: str
    tax_rate: str
    tax_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAboveSold:
    """Refusal: more units than are left of the line."""

    sku: str
    quantity: int
    left_units: int

    def __str__(self) -> str:
        return f"{self.quantity} of {self.sku} were to come back, {self.left_units} are left"


def refund_line(
    line: SaleLine, quantity: int, refunded_units: int
) -> RefundedLine | RefundAboveSold:
    """What `quantity` more units of the line come to, after `refunded_units` that came before.

    Both are in base units, like the line's own quantity; `quantity` is positive.
    """
    assert quantity > 0, quantity
    assert 0 <= refunded_units <= line.quantity, refunded_units
    until = refunded_units + quantity
    if until > line.quantity:
        return RefundAboveSold(
            sku=line.sku, quantity=quantity, left_units=line.quantity - refunded_units
        )

    before_total, before_tax = _upto(line, refunded_units)
    until_total, until_tax = _upto(line, until)
    total_minor, tax_minor = until_total - before_total, until_tax - before_tax
    return RefundedLine(
        quantity=quantity,
        net_minor=total_minor - tax_minor,
        tax_class=line.tax_class,
        tax_rate=line.tax_rate,
        tax_minor=tax_minor,
        total_minor=total_minor,
    )


def _upto(line: SaleLine, units: int) -> tuple[int, int]:
    """Total and tax of the first so many units of the line."""
    total_minor = divide_half_up(line.total_minor * units, line.quantity)
    if line.total_minor == 0:
        return 0, 0
    return total_minor, divide_half_up(line.tax_minor * total_minor, line.total_minor)
