"""Goal: what a fenced box did that was done again in its place is one unit of deficit, not a right.

Method: one story per way in which a unit can go twice. The hub hears the fenced box late, and
concedes; then both lines for on hand agree, no level is below zero, and what may still be promised
is what is left of the goods.
"""

from collections.abc import Callable
from typing import Final

import pytest

from replication.allowances import promotion_uses
from replication.escrow import (
    CONCEDED_LEVELS,
    CellKey,
    Disposed,
    EscrowCounter,
    Minted,
    Moved,
    QuotaShort,
    Spent,
    Table,
    check_invariants,
)
from replication.fencing import concede_shortfall, levels_below, reclaim_residual
from replication.ids import EVERYWHERE, WriterId

HUB: Final = WriterId("hub.1")
OLD: Final = WriterId("riverside.1")
NEW: Final = WriterId("riverside.2")
TILL: Final = WriterId("riverside.till-1.1")

Cells = list[tuple[Table, str, int]]


def hear(counter: EscrowCounter, writer: WriterId, *cells: tuple[Table, str, int]) -> None:
    """Cells of a writer arrive, with the values that they have by then."""
    for table, detail, value in cells:
        counter.merge_cell(CellKey(table.value, writer, detail), value)


def concede(counter: EscrowCounter) -> None:
    """The end of each fold of the old box's cells."""
    for level, units in levels_below(counter):
        counter.concede(HUB, level, units)
    concede_shortfall(counter, HUB, OLD)


def promisable(counter: EscrowCounter) -> int:
    """What all rights come to when the deficit is covered."""
    return counter.available() - counter.deficit()


def stocked(*known: tuple[Table, str, int]) -> EscrowCounter:
    """The hub's counter: the old box had booked in ten, and did what is known of it."""
    counter = EscrowCounter("riverside", "tea")
    hear(counter, OLD, (Table.MINTED, Minted.RECEIVED, 10), (Table.MOVED, Moved.RECEIVED, 10))
    hear(counter, OLD, *known)
    return counter


def test_what_is_left_comes_back_once() -> None:
    counter = stocked((Table.SPENT, Spent.SOLD, 3), (Table.MOVED, Moved.SOLD, 3))

    [cell] = reclaim_residual(counter, HUB, OLD)

    assert cell.key == ("reclaimed", HUB, OLD)
    assert (counter.quota(OLD), counter.quota(HUB), counter.available()) == (0, 7, 7)
    assert reclaim_residual(counter, HUB, OLD) == []
    assert check_invariants(counter) == []


def test_nobody_is_conceded_what_it_had() -> None:
    counter = stocked()

    assert levels_below(counter) == []
    assert concede_shortfall(counter, HUB, OLD) == []


def test_a_sale_that_is_heard_after_its_rights_were_taken_over_is_a_deficit() -> None:
    counter = stocked()
    reclaim_residual(counter, HUB, OLD)

    hear(counter, OLD, (Table.SPENT, Spent.SOLD, 4), (Table.MOVED, Moved.SOLD, 4))
    owed = check_invariants(counter)
    concede(counter)

    assert owed == ["E1 tea@riverside: quota(riverside.1) is -4"]
    assert check_invariants(counter) == []
    assert (counter.quota(OLD), counter.quota(HUB), counter.deficit()) == (0, 10, 4)
    assert promisable(counter) == counter.physical() == 6


def test_what_was_conceded_too_early_comes_back_and_covers() -> None:
    """The old box sold what a register had given back to it, and the register is heard later."""
    counter = stocked((Table.GRANTED, TILL, 10))
    hear(counter, OLD, (Table.SPENT, Spent.SOLD, 3), (Table.MOVED, Moved.SOLD, 3))
    concede(counter)
    assert (counter.quota(TILL), counter.deficit(), promisable(counter)) == (10, 3, 7)

    hear(counter, TILL, (Table.GRANTED, OLD, 3))
    concede(counter)
    reclaim_residual(counter, HUB, OLD)
    counter.spend(HUB, Spent.COVERED, 3)

    assert check_invariants(counter) == []
    assert (counter.quota(TILL), counter.deficit(), counter.physical()) == (7, 0, 7)


TWICE: Final[list[tuple[str, Cells, Callable[[EscrowCounter], object], Cells]]] = [
    (
        "held",
        [(Table.SPENT, Spent.HELD, 3)],
        lambda counter: counter.mint(HUB, Minted.HOLD_RELEASED, 3),
        [(Table.MINTED, Minted.HOLD_RELEASED, 3)],
    ),
    (
        "committed",
        [(Table.SPENT, Spent.COMMITTED, 3)],
        lambda counter: counter.mint(NEW, Minted.ORDER_RELEASED, 3),
        [(Table.MOVED, Moved.FULFILLED, 3)],
    ),
    (
        "damaged",
        [(Table.SPENT, Spent.DAMAGED, 3)],
        lambda counter: counter.mint(NEW, Minted.REPAIRED, 3),
        [(Table.MINTED, Minted.REPAIRED, 3)],
    ),
    (
        "quality_control",
        [(Table.MOVED, Moved.RETURNED, 3)],
        lambda counter: counter.mint(NEW, Minted.RESTOCKED, 3),
        [(Table.DISPOSED, Disposed.INSPECTED_WRITTEN_OFF, 3), (Table.MOVED, Moved.WRITTEN_OFF, 3)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "before", "in_its_place", "late"), TWICE, ids=[one[0] for one in TWICE]
)
def test_what_was_undone_twice_leaves_one_right_too_many_and_is_conceded(
    level: str,
    before: Cells,
    in_its_place: Callable[[EscrowCounter], object],
    late: Cells,
) -> None:
    counter = stocked(*before)
    in_its_place(counter)
    assert check_invariants(counter) == []

    hear(counter, OLD, *late)
    assert getattr(counter.levels(), level) == -3
    concede(counter)

    assert check_invariants(counter) == []
    assert (getattr(counter.levels(), level), counter.deficit()) == (0, 3)
    assert promisable(counter) == counter.physical()
    concede(counter)
    assert counter.deficit() == 3, "once"


def test_there_is_a_story_for_each_level() -> None:
    assert [level for level, *_ in TWICE] == list(CONCEDED_LEVELS)


@pytest.mark.parametrize("is_reclaimed", [True, False])
def test_a_deficit_that_both_covered_is_covered_once(is_reclaimed: bool) -> None:  # noqa: FBT001
    counter = stocked((Table.OVERDRAWN, Spent.SOLD, 4), (Table.MOVED, Moved.SOLD, 4))
    counter.mint(NEW, Minted.RECEIVED, 4)
    counter.move(NEW, Moved.RECEIVED, 4)
    counter.spend(NEW, Spent.COVERED, 4)
    if is_reclaimed:
        reclaim_residual(counter, HUB, OLD)

    hear(counter, OLD, (Table.SPENT, Spent.COVERED, 4))
    concede(counter)
    reclaim_residual(counter, HUB, OLD)

    assert check_invariants(counter) == []
    assert (counter.quota(OLD), counter.quota(HUB), counter.deficit()) == (0, 10, 0)
    assert counter.physical() == 10


def test_a_gateway_concedes_for_its_own_register() -> None:
    counter = stocked((Table.GRANTED, TILL, 2))
    assert reclaim_residual(counter, OLD, TILL) != []

    hear(counter, TILL, (Table.SPENT, Spent.SOLD, 2), (Table.MOVED, Moved.SOLD, 2))
    [cell] = concede_shortfall(counter, OLD, TILL)

    assert (cell.key, cell.value) == (("conceded", OLD, TILL), 2)
    assert check_invariants(counter) == []
    assert promisable(counter) == counter.physical() == 8


def test_uses_that_a_lost_box_held_come_back_and_are_conceded_when_it_had_them() -> None:
    """An allowance has no shelf: what was used beyond the limit is what was conceded."""
    counter = EscrowCounter(EVERYWHERE, promotion_uses("summer"))
    counter.mint(HUB, Minted.ALLOWED, 10)
    assert not isinstance(counter.grant(HUB, OLD, 4), QuotaShort)
    reclaim_residual(counter, HUB, OLD)
    assert counter.quota(HUB) == 10

    hear(counter, OLD, (Table.SPENT, Spent.USED, 1))
    concede(counter)

    assert check_invariants(counter) == []
    assert counter.value("conceded", HUB, OLD) == 1
