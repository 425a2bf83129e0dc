"""Goal: what comes back of a sold line is what was paid for it, at the sold line's rate (R1 to R3).

Method: Hypothesis sells lines at any rate and rounding, and takes them back in parts of any size.
The sums over the parts are the line itself; two examples are worked out by hand.
"""

from hypothesis import given
from hypothesis import strategies as st

from retail.returning.refunds import RefundAboveSold, RefundedLine, refund_line
from retail.selling.sales import SaleLine


def line_of(quantity: int, net_minor: int, tax_minor: int, tax_rate: str = "0.15") -> SaleLine:
    """A sold line of these amounts."""
    return SaleLine(
        sku="tea",
        name="Tea",
        quantity=quantity,
        unit_price_minor=100,
        discounts=(),
        net_minor=net_minor,
        tax_class="standard",
        tax_rate=tax_rate,
        tax_minor=tax_minor,
        total_minor=net_minor + tax_minor,
    )


def refunded(line: SaleLine, quantity: int, before: int) -> RefundedLine:
    """The part, which exists."""
    part = refund_line(line, quantity, before)
    assert isinstance(part, RefundedLine), part
    return part


lines = st.builds(
    line_of,
    quantity=st.integers(1, 5_000),
    net_minor=st.integers(0, 100_000),
    tax_minor=st.integers(0, 100_000),
    tax_rate=st.sampled_from(["0", "exempt", "0.15", "9"]),
)


@given(lines, st.data())
def test_however_a_line_comes_back_it_refunds_exactly_what_it_says(
    line: SaleLine, data: st.DataObject
) -> None:
    parts: list[RefundedLine] = []
    before = 0
    while before < line.quantity:
        units = data.draw(st.integers(1, line.quantity - before), label="units")
        if len(parts) > 20:
            units = line.quantity - before
        parts.append(refunded(line, units, before))
        before += units

    assert sum(part.total_minor for part in parts) == line.total_minor
    assert sum(part.tax_minor for part in parts) == line.tax_minor
    assert sum(part.net_minor for part in parts) == line.net_minor
    for part in parts:
        assert part.net_minor + part.tax_minor == part.total_minor
        assert min(part.net_minor, part.tax_minor, part.total_minor) >= 0
        assert (part.tax_class, part.tax_rate) == (line.tax_class, line.tax_rate)


@given(lines, st.data())
def test_a_part_is_within_half_a_minor_unit_of_its_share(
    line: SaleLine, data: st.DataObject
) -> None:
    units = data.draw(st.integers(1, line.quantity))

    first = refunded(line, units, 0)

    assert abs(first.total_minor * line.quantity - line.total_minor * units) * 2 <= line.quantity


def test_one_of_two_at_2_99_refunds_2_99_though_net_and_tax_would_round_to_3_00() -> None:
    line = line_of(2, 575, 23, tax_rate="0.04")

    first, second = refunded(line, 1, 0), refunded(line, 1, 1)

    assert (first.total_minor, first.tax_minor, first.net_minor) == (299, 12, 287)
    assert (second.total_minor, second.tax_minor, second.net_minor) == (299, 11, 288)


def test_a_discounted_line_of_three_refunds_what_was_paid_and_not_its_price() -> None:
    line = line_of(3, 87, 13)  # three of 100, two of them for nothing

    parts = [refunded(line, 1, before) for before in range(3)]

    assert [part.total_minor for part in parts] == [33, 34, 33]
    assert [part.tax_minor for part in parts] == [4, 5, 4]


def test_more_than_what_is_left_of_a_line_does_not_come_back() -> None:
    outcome = refund_line(line_of(3, 87, 13), 2, 2)

    assert isinstance(outcome, RefundAboveSold)
    assert str(outcome) == "2 of tea were to come back, 1 are left"
