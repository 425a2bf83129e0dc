"""Goal: a truck carries no more than was planned, and a line is counted in once and not beyond it.

Method: transfers in each state are asked what may be shipped and what may be received.
"""

import pytest

from retail.stock.transfers import (
    Plan,
    Received,
    ReceivedLine,
    Shipped,
    Transfer,
    TransferEvent,
    TransferLine,
    event_field,
    plan_field,
    transfer_of,
)
from retail.stock.trucks import TransferRefused, count_in, load_truck

AT = "2026-11-22T14:02:31Z"

PLAN = Plan(
    lines=(TransferLine(sku="tea", quantity=6), TransferLine(sku="jam", quantity=2)),
    reference=None,
    created_at=AT,
    created_by="Ann",
)
SHIPPED = Shipped(
    id="riverside.1-58",
    at=AT,
    actor="Ann",
    lines=(TransferLine(sku="tea", quantity=5), TransferLine(sku="jam", quantity=2)),
)
JAM_CAME = Received(
    id="harbour.1-9",
    at=AT,
    actor="Bo",
    lines=(ReceivedLine(sku="jam", quantity=2, lost=0),),
    unmatched=False,
)


def transfer(plan: Plan | None, *events: TransferEvent) -> Transfer:
    texts: dict[str, str] = {}
    for event in events:
        texts |= event_field(event)
    return transfer_of("riverside.1-57-harbour", plan_field(plan) if plan else {}, texts)


def units(lines: object) -> dict[str, int]:
    """Units per SKU of what was allowed; a refusal fails the test and says so."""
    assert isinstance(lines, tuple), lines
    return {line.sku: line.quantity for line in lines}


def test_a_truck_takes_all_that_was_planned_or_the_part_that_is_named() -> None:
    assert units(load_truck(transfer(PLAN), None)) == {"tea": 6, "jam": 2}
    assert units(load_truck(transfer(PLAN), {"tea": 5})) == {"tea": 5}


def test_a_truck_that_came_before_its_shipment_was_told_can_still_be_told() -> None:
    assert units(load_truck(transfer(PLAN, JAM_CAME), None)) == {"tea": 6, "jam": 2}


@pytest.mark.parametrize(
    ("found", "wanted", "is_done", "says"),
    [
        (transfer(PLAN), {"tea": 7}, False, "6 were planned"),
        (transfer(PLAN), {"salt": 1}, False, "0 were planned"),
        (transfer(PLAN, SHIPPED), None, True, "shipped already"),
        (transfer(PLAN, SHIPPED), {"tea": 1}, True, "shipped already"),
        (transfer(None, JAM_CAME), None, True, "not known here"),
    ],
)
def test_a_truck_takes_nothing_else_and_leaves_once(
    found: Transfer,
    wanted: dict[str, int] | None,
    is_done: bool,  # noqa: FBT001 - a column of the table
    says: str,
) -> None:
    refused = load_truck(found, wanted)

    assert isinstance(refused, TransferRefused)
    assert refused.is_done is is_done
    assert says in str(refused)


def test_what_is_in_transit_is_received_as_shipped_when_nothing_is_said() -> None:
    assert units(count_in(transfer(PLAN, SHIPPED), None)) == {"tea": 5, "jam": 2}
    assert units(count_in(transfer(PLAN, SHIPPED, JAM_CAME), None)) == {"tea": 5}


def test_what_a_counted_line_lacks_is_lost_up_to_all_of_it() -> None:
    lines = count_in(transfer(PLAN, SHIPPED), {"tea": 3, "jam": 0})

    assert lines == (
        ReceivedLine(sku="tea", quantity=3, lost=2),
        ReceivedLine(sku="jam", quantity=0, lost=2),
    )


@pytest.mark.parametrize("found", [transfer(None), transfer(PLAN)], ids=["unknown", "planned"])
def test_by_paper_what_came_is_taken_in_and_nothing_is_called_lost(found: Transfer) -> None:
    assert count_in(found, {"tea": 4}) == (ReceivedLine(sku="tea", quantity=4, lost=0),)


@pytest.mark.parametrize(
    ("found", "counted", "is_done", "says"),
    [
        (transfer(PLAN, SHIPPED), {"tea": 6}, False, "5 were shipped"),
        (transfer(PLAN, SHIPPED), {"salt": 0}, False, "none was shipped"),
        (transfer(PLAN), {"tea": 7}, False, "6 were planned"),
        (transfer(PLAN), {"salt": 1}, False, "none was planned"),
        (transfer(PLAN), None, False, "say what arrived"),
        (transfer(None), None, False, "say what arrived"),
        (transfer(PLAN, SHIPPED, JAM_CAME), {"jam": 1}, True, "jam"),
        (transfer(None, JAM_CAME), {"tea": 1, "jam": 1}, True, "jam"),
        (
            transfer(PLAN, Shipped(id="riverside.1-58", at=AT, actor="Ann", lines=PLAN.lines[1:]),
                     JAM_CAME),
            None, True, "received already",
        ),
    ],
)  # fmt: skip
def test_nothing_is_counted_in_twice_or_beyond_what_left(
    found: Transfer,
    counted: dict[str, int] | None,
    is_done: bool,  # noqa: FBT001 - a column of the table
    says: str,
) -> None:
    refused = count_in(found, counted)

    assert isinstance(refused, TransferRefused)
    assert refused.is_done is is_done
    assert says in str(refused)
