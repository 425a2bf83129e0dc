"""Goal: the physical ledger names every unit that was promised and never there, and no other.

Method: a model that walks the same facts with one plain integer per shelf; the rules about early
and late counting by example.
"""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.demo_day.ledger import Entry, Fact, PhysicalLedger, Shelf

TEA, RICE = Shelf("riverside", "tea"), Shelf("riverside", "rice")

entries = st.builds(
    Entry,
    fact=st.sampled_from(Fact),
    shelf=st.sampled_from([TEA, RICE]),
    quantity=st.integers(min_value=1, max_value=5),
    reference=st.sampled_from(["a", "b"]),
)

SIGN = {
    **dict.fromkeys(Fact, 0),
    **dict.fromkeys((Fact.RECEIVED, Fact.ARRIVED, Fact.FREED, Fact.RESTOCKED), 1),
    **dict.fromkeys((Fact.SOLD, Fact.PROMISED, Fact.SENT), -1),
}


@given(st.lists(entries, max_size=30), st.sets(st.sampled_from(["a", "b"])))
def test_oversold_is_the_deepest_that_a_shelf_went_below_nothing(
    facts: list[Entry], released: set[str]
) -> None:
    room: defaultdict[Shelf, list[int]] = defaultdict(lambda: [0])
    for entry in facts:
        counts = entry.fact is not Fact.FREED or entry.reference in released
        room[entry.shelf].append(room[entry.shelf][-1] + counts * SIGN[entry.fact] * entry.quantity)

    oversold = PhysicalLedger(entries=facts).oversold(released=released)

    assert oversold == {shelf: -min(all_) for shelf, all_ in room.items() if min(all_) < 0}


def test_selling_what_was_received_oversells_nothing() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 3)])
    ledger.record(Fact.SOLD, "riverside.1-2", [(TEA, 2)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 1)])

    assert ledger.oversold(released=()) == {}


def test_a_unit_promised_twice_stays_oversold_even_when_it_is_freed_later() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 1)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 1)])
    ledger.record(Fact.SOLD, "riverside.1-2", [(TEA, 1)])
    ledger.record(Fact.FREED, "a-1", [(TEA, 1)])

    assert ledger.oversold(released={"a-1"}) == {TEA: 1}


def test_a_cancel_that_came_too_late_frees_nothing() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 1)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 1)])
    ledger.record(Fact.FREED, "a-1", [(TEA, 1)])
    ledger.record(Fact.SOLD, "riverside.1-2", [(TEA, 1)])

    assert ledger.oversold(released={"a-1"}) == {}
    assert ledger.oversold(released=()) == {TEA: 1}


def test_on_hand_is_what_a_clerk_would_count() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 5), (RICE, 1)])
    ledger.record(Fact.SOLD, "riverside.1-2", [(TEA, 1)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 2)])
    ledger.record(Fact.PROMISED, "a-2", [(TEA, 1)])
    ledger.record(Fact.HANDED_OVER, "a-1", [(TEA, 2)])

    assert ledger.on_hand() == {TEA: 2, RICE: 1}


def test_a_transfer_moves_what_may_be_promised_and_what_stands_there() -> None:
    ledger, there = PhysicalLedger(), Shelf("harbour", "tea")
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 5)])
    ledger.record(Fact.SENT, "t-1", [(TEA, 4)])
    ledger.record(Fact.ARRIVED, "t-1", [(there, 3)])

    assert ledger.on_hand() == {TEA: 1, there: 3}
    assert (ledger.room(TEA), ledger.room(there)) == (1, 3)


def test_an_overdraw_and_a_mishap_are_nobodys_promise() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 6)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 6)])
    for fact in (Fact.OVERDRAWN, Fact.BROKEN, Fact.STOLEN, Fact.DAMAGED, Fact.WRITTEN_OFF):
        ledger.record(fact, fact.value, [(TEA, 1)])

    assert ledger.oversold(released=()) == {}
    assert ledger.on_hand() == {TEA: 2}


@pytest.mark.parametrize("fact", [Fact.BROKEN, Fact.OVERDRAWN, Fact.STOLEN, Fact.DAMAGED])
def test_what_is_promised_and_gone_is_stranded_until_the_promise_is_kept_elsewhere(
    fact: Fact,
) -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 6)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 4)])
    ledger.record(fact, "then", [(TEA, 3)])

    assert ledger.stranded(released=()) == {TEA: 1}
    assert ledger.stranded(released={"a-1"}) == {}


def test_goods_that_were_handed_over_are_promised_no_more() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 4)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 4)])
    ledger.record(Fact.HANDED_OVER, "a-1", [(TEA, 4)])

    assert ledger.stranded(released=()) == {}


def test_writing_damaged_goods_off_strands_nothing_more() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 4)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 3)])
    ledger.record(Fact.DAMAGED, "dented", [(TEA, 1)])
    ledger.record(Fact.WRITTEN_OFF, "bin", [(TEA, 1)])

    assert ledger.stranded(released=()) == {}


def test_goods_that_came_back_keep_no_promise_before_somebody_has_looked_at_them() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 1)])
    ledger.record(Fact.SOLD, "sale-1", [(TEA, 1)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 1)])

    ledger.record(Fact.BROUGHT_BACK, "note-1", [(TEA, 1)])
    assert ledger.stranded(released=()) == {TEA: 1}

    ledger.record(Fact.RESTOCKED, "note-1", [(TEA, 1)])
    assert ledger.stranded(released=()) == {}
    assert ledger.on_hand() == {TEA: 1}


def test_what_is_thrown_away_after_a_look_is_gone() -> None:
    ledger = PhysicalLedger()
    ledger.record(Fact.BROUGHT_BACK, "note-1", [(TEA, 2)])
    ledger.record(Fact.THROWN_AWAY, "note-1", [(TEA, 2)])
    ledger.record(Fact.RECEIVED, "paper-1", [(TEA, 1)])
    ledger.record(Fact.PROMISED, "a-1", [(TEA, 1)])

    assert ledger.on_hand() == {TEA: 1}
    assert ledger.stranded(released=()) == {}
