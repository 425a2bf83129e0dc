"""Goal: a shortage is settled so that as few customers as possible hear of it.

Method: a table of situations, from the mildest remedy to the last; and by property, that whatever
is proposed can be done.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.ordering.order_money import line_amount_minor, withheld_minor
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Allocation, Order
from retail.ordering.shortages import Action, Promise, easiest, elsewhere, propose
from retail.returning.refunds import RefundedLine, refund_line
from retail.selling.sales import SaleLine


def promise(
    allocation: str = "hub.1-1-1",
    *,
    units: int = 2,
    status: OrderStatus = OrderStatus.PAID,
    placed_at: str = "2026-11-22T10:00:00.000Z",
    may_move: bool = True,
) -> Promise:
    """Units of an order that the location keeps."""
    return Promise(
        allocation=Allocation(id=allocation, sku="tea", location="airport", quantity=units),
        order=allocation.rpartition("-")[0],
        placed_at=placed_at,
        status=status,
        may_move=may_move,
    )


def test_what_is_not_promised_yet_goes_first() -> None:
    proposal = propose(3, quota_online=2, promises=[promise()], offers={"bazaar": 9})

    assert (proposal.action, proposal.units) == (Action.COVER, 2)


def test_a_promise_moves_to_the_location_that_has_most() -> None:
    proposal = propose(1, quota_online=0, promises=[promise()], offers={"bazaar": 2, "corner": 5})

    assert (proposal.action, proposal.location, proposal.units) == (Action.REALLOCATE, "corner", 2)


def test_a_promise_that_can_move_goes_before_one_that_cannot() -> None:
    fixed = promise("hub.1-2-1", may_move=False, placed_at="2026-11-22T11:00:00.000Z")
    proposal = propose(1, quota_online=0, promises=[fixed, promise()], offers={"bazaar": 2})

    assert proposal.allocation == "hub.1-1-1"


def test_the_newest_untouched_order_is_disturbed_first() -> None:
    old = promise("hub.1-1-1")
    new = promise("hub.1-2-1", placed_at="2026-11-22T11:00:00.000Z")
    packed = promise("hub.1-3-1", placed_at="2026-11-22T12:00:00.000Z", status=OrderStatus.PACKED)

    assert easiest([old, packed, new]) == [new, old, packed]


def test_what_nobody_else_has_is_cancelled() -> None:
    proposal = propose(1, quota_online=0, promises=[promise(units=3)], offers={"bazaar": 2})

    assert (proposal.action, proposal.order, proposal.units) == (Action.CANCEL, "hub.1-1", 3)


def test_where_nothing_is_promised_the_book_is_wrong() -> None:
    assert propose(1, quota_online=0, promises=[], offers={"bazaar": 2}).action is Action.COUNT


@given(
    st.integers(1, 9),
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(1, 9), st.booleans())),
    st.dictionaries(st.sampled_from(["bazaar", "corner", "docks"]), st.integers(0, 9)),
)
def test_whatever_is_proposed_can_be_done(
    units: int, quota_online: int, kept: list[tuple[int, bool]], offers: dict[str, int]
) -> None:
    promises = [
        promise(f"hub.1-{n}-1", units=many, may_move=may_move)
        for n, (many, may_move) in enumerate(kept, 1)
    ]

    proposal = propose(units, quota_online=quota_online, promises=promises, offers=offers)

    by_id = {one.allocation.id: one for one in promises}
    match proposal.action:
        case Action.COVER:
            assert 0 < proposal.units <= min(units, quota_online)
        case Action.REALLOCATE:
            assert by_id[str(proposal.allocation)].may_move
            assert offers[str(proposal.location)] >= proposal.units
        case Action.CANCEL:
            assert by_id[str(proposal.allocation)].allocation.quantity == proposal.units
        case _:
            assert promises == []


@pytest.mark.parametrize(
    ("offers", "location"),
    [({}, None), ({"b": 1}, None), ({"c": 3, "b": 3}, "b"), ({"b": 2, "c": 4}, "c")],
)
def test_units_come_from_where_most_are(offers: dict[str, int], location: str | None) -> None:
    assert elsewhere(offers, 2) == location


def order_with(sku: str, quantity: int, total_minor: int) -> Order:
    """An order of one line."""
    line = SaleLine(
        sku=sku, name=sku, quantity=quantity, unit_price_minor=1, discounts=(), net_minor=0,
        tax_class="standard", tax_rate="0", tax_minor=0, total_minor=total_minor,
    )  # fmt: skip
    fields = {
        "id": "hub.1-1", "number": "W-000001", "status": "paid", "lines": [line],
        "allocations": [], "fulfilment": {"type": "ship"}, "payment": "paid",
        "total_minor": total_minor, "tax_minor": 0, "currency": "USD", "pickup_code": None,
        "customer": None, "contact": None, "events": [], "placed_at": "2026-11-22T10:00:00.000Z",
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(fields), Order)


def test_a_line_s_refund_is_its_part_of_what_was_paid() -> None:
    one = promise(units=1).allocation

    assert line_amount_minor(order_with("tea", 3, 1000), one) == 333
    assert line_amount_minor(order_with("hamper", 1, 1000), one) is None, "part of a bundle"
    four = order_with("tea", 4, 50)
    assert [line_amount_minor(four, one, before) for before in range(4)] == [12, 13, 12, 13]


def test_the_last_units_of_the_last_line_are_withheld_first() -> None:
    order = order_with("tea", 2, 100)
    dearer = msgspec.structs.replace(order.lines[0], quantity=1, total_minor=90)
    order = msgspec.structs.replace(order, lines=(*order.lines, dearer))

    assert [withheld_minor(order, "tea", units) for units in range(5)] == [0, 90, 140, 190, None]


@given(
    st.integers(1, 50), st.integers(0, 5_000), st.lists(st.integers(1, 9), max_size=9), st.data()
)
def test_what_never_comes_and_what_comes_back_never_cost_more_than_the_line(
    quantity: int, total_minor: int, parts: list[int], data: st.DataObject
) -> None:
    """The queue's parts from the end of the line, a customer's from its start, in any order."""
    order = order_with("tea", quantity, total_minor)
    withheld = returned = paid_back_minor = 0
    for units in [*parts, quantity]:
        taken = min(units, quantity - withheld - returned)
        if not taken:
            break
        if data.draw(st.booleans()):
            part = refund_line(order.lines[0], taken, returned)
            assert isinstance(part, RefundedLine)
            paid_back_minor += part.total_minor
            returned += taken
        else:
            gone = promise(units=taken).allocation
            amount_minor = line_amount_minor(order, gone, withheld)
            assert amount_minor is not None
            paid_back_minor += amount_minor
            withheld += taken
        assert paid_back_minor <= total_minor

    assert (paid_back_minor == total_minor) | (withheld + returned < quantity)
