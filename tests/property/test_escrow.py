"""Goal: escrow cells merge like a lattice, and no method of a counter breaks E1-E4 or E6-E8.

Method: Hypothesis makes sets of cells, cuts and shuffles their delivery; the model of a merge is a
dictionary of maxima, and the model of quota is the formula of the design, summed afresh.
"""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.cell_rules import check_cell
from replication.errors import LocalMisuse, PeerViolation
from replication.escrow import (
    CELL_VALUE_MAX,
    CellChange,
    CellKey,
    EscrowCounter,
    Minted,
    Moved,
    QuotaShort,
    Spent,
    Table,
    check_invariants,
    latest,
)
from replication.ids import WriterId

HOLDERS = tuple(map(WriterId, ("hub.1", "riverside.1", "riverside.2")))
STORE, HUB = HOLDERS[1], HOLDERS[0]
TILL = WriterId("riverside.till-1.1")
SKU, PLACE = "tea", "riverside"

ALLOWANCE_ONLY = {Minted.ALLOWED, Minted.USE_RELEASED, Spent.USED, Spent.DISALLOWED}

DETAILS: dict[Table, tuple[str, ...]] = {
    Table.MINTED: tuple(one for one in Minted if one not in ALLOWANCE_ONLY),
    Table.SPENT: tuple(one for one in Spent if one not in ALLOWANCE_ONLY),
    Table.MOVED: tuple(Moved),
    Table.OVERDRAWN: (Spent.SOLD, Spent.WRITTEN_OFF, Spent.COUNTED_DOWN, Spent.DAMAGED),
    Table.GRANTED: HOLDERS,
}
KEYS = [
    CellKey(table.value, holder, str(detail))
    for table, details in DETAILS.items()
    for holder, detail in itertools.product(HOLDERS, details)
    if detail != holder
] + [
    CellKey(table, above, fenced)
    for above, fenced in ((HUB, STORE), (HUB, HOLDERS[2]), (HOLDERS[2], TILL))
    for table in (Table.RECLAIMED.value, Table.CONCEDED.value)
]

Cell = tuple[CellKey, int]
units = st.integers(1, 1_000)
writers = st.sampled_from(HOLDERS)
cells = st.lists(st.tuples(st.sampled_from(KEYS), units), max_size=25)


def counter_of(received: Iterable[Cell]) -> EscrowCounter:
    counter = EscrowCounter(PLACE, SKU)
    for key, value in received:
        counter.merge_cell(key, value)
    return counter


def merged(*counters: EscrowCounter) -> EscrowCounter:
    union = EscrowCounter(PLACE, SKU)
    for counter in counters:
        union.merge(counter)
    return union


def state_of(counter: EscrowCounter) -> tuple[object, object]:
    quota = {holder: n for holder, n in counter.holders().items() if n}
    return counter.cells(), quota


def quota_by_formula(counter: EscrowCounter, holder: str) -> int:
    """quota(h) of the design, from nothing but the cells."""
    quota = 0
    for table, writer, detail, value in counter.cells():
        if table == Table.MINTED and writer == holder:
            quota += value
        if table == Table.GRANTED and detail == holder:
            quota += value
        if table in {Table.GRANTED, Table.SPENT} and writer == holder:
            quota -= value
        if table == Table.RECLAIMED:
            quota += value * ((writer == holder) - (detail == holder))
        if table == Table.CONCEDED and detail == holder:
            quota += value
    return quota


# E3, merging


@given(cells, cells)
def test_merge_is_commutative(a: list[Cell], b: list[Cell]) -> None:
    first, second = counter_of(a), counter_of(b)

    assert state_of(merged(first, second)) == state_of(merged(second, first))


@given(cells, cells, cells)
def test_merge_is_associative(a: list[Cell], b: list[Cell], c: list[Cell]) -> None:
    x, y, z = counter_of(a), counter_of(b), counter_of(c)

    assert state_of(merged(merged(x, y), z)) == state_of(merged(x, merged(y, z)))


@given(cells, cells)
def test_merge_is_idempotent(a: list[Cell], b: list[Cell]) -> None:
    mine, other = counter_of(a), counter_of(b)
    once = merged(mine, other)

    assert state_of(merged(once, other)) == state_of(once)
    assert state_of(merged(once, once)) == state_of(once)


@given(cells, st.data())
def test_late_doubled_and_reordered_cells_change_nothing(
    sent: list[Cell], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(sent), max_size=20)) if sent else []
    delivered = data.draw(st.permutations(sent + again))
    maxima: dict[CellKey, int] = {}
    for key, value in sent:
        maxima[key] = max(value, maxima.get(key, 0))

    counter = counter_of(delivered)

    assert counter.cells() == sorted((*key, value) for key, value in maxima.items())
    assert state_of(counter) == state_of(counter_of(sent))


@given(cells)
def test_merging_says_by_how_much_a_cell_grew(received: list[Cell]) -> None:
    counter = EscrowCounter(PLACE, SKU)

    for key, value in received:
        before = counter.value(*key)
        grown = counter.merge_cell(key, value)
        assert counter.value(*key) == before + grown == max(before, value)
        assert counter.merge_cell(key, value) == 0


@given(cells)
def test_the_kept_quota_is_the_formula(received: list[Cell]) -> None:
    counter = counter_of(received)

    for holder in (*HOLDERS, TILL):
        assert counter.quota(holder) == quota_by_formula(counter, holder)
    assert counter.available() == sum(quota_by_formula(counter, h) for h in (*HOLDERS, TILL))


@given(cells)
def test_a_counter_is_rebuilt_from_its_saved_cells(received: list[Cell]) -> None:
    counter = counter_of(received)

    assert state_of(EscrowCounter(PLACE, SKU, counter.cells())) == state_of(counter)


# Nobody promises what it does not hold (E1)


@given(st.integers(0, 50), st.integers(1, 100), st.sampled_from(Spent))
def test_spending_is_covered_by_quota_or_changes_nothing(
    held: int, wanted: int, why: Spent
) -> None:
    counter = EscrowCounter(PLACE, SKU)
    if held:
        counter.mint(STORE, Minted.RECEIVED, held)
    before = state_of(counter)

    outcome = counter.spend(STORE, why, wanted)

    if wanted <= held:
        assert outcome == CellChange(PLACE, SKU, "spent", STORE, why, wanted)
        assert counter.quota(STORE) == held - wanted
    else:
        assert outcome == QuotaShort(wanted_units=wanted, quota_units=held)
        assert state_of(counter) == before


@given(st.integers(0, 50), st.integers(1, 100))
def test_a_grant_comes_out_of_the_givers_own_quota(held: int, wanted: int) -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(STORE, Minted.RECEIVED, 1_000)
    if held:
        counter.mint(HUB, Minted.RECEIVED, held)
    before = state_of(counter)

    outcome = counter.grant(HUB, STORE, wanted)

    if wanted <= held:
        assert outcome == CellChange(PLACE, SKU, "granted", HUB, STORE, wanted)
        assert (counter.quota(HUB), counter.quota(STORE)) == (held - wanted, 1_000 + wanted)
    else:
        assert outcome == QuotaShort(wanted_units=wanted, quota_units=held)
        assert state_of(counter) == before


def test_the_same_right_is_spent_once() -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(STORE, Minted.RECEIVED, 1)

    outcomes = [counter.spend(STORE, Spent.SOLD, 1) for _ in range(3)]

    assert [isinstance(outcome, QuotaShort) for outcome in outcomes] == [False, True, True]


# Who may write what (E4, E8)


@given(writers)
def test_nobody_grants_to_itself(holder: WriterId) -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(holder, Minted.RECEIVED, 5)
    before = state_of(counter)

    with pytest.raises(LocalMisuse):
        counter.grant(holder, holder, 1)

    assert state_of(counter) == before


@given(st.integers(max_value=0))
def test_amounts_are_positive(none: int) -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(STORE, Minted.RECEIVED, 5)
    before = state_of(counter)

    with pytest.raises(LocalMisuse):
        counter.mint(STORE, Minted.RECEIVED, none)
    with pytest.raises(LocalMisuse):
        counter.spend(STORE, Spent.SOLD, none)
    with pytest.raises(LocalMisuse):
        counter.grant(STORE, HUB, none)
    with pytest.raises(LocalMisuse):
        counter.move(STORE, Moved.SOLD, none)
    with pytest.raises(LocalMisuse):
        counter.overdraw(STORE, Spent.SOLD, none)

    assert state_of(counter) == before


@given(st.sampled_from(KEYS), st.integers(1, CELL_VALUE_MAX))
def test_a_writers_own_cell_may_come_in(key: CellKey, value: int) -> None:
    check_cell(CellChange(PLACE, SKU, *key, value), key.holder)


@given(st.sampled_from(KEYS), st.sampled_from([*HOLDERS, WriterId("riverside.3")]))
def test_a_cell_of_another_incarnation_is_refused(key: CellKey, writer: WriterId) -> None:
    change = CellChange(PLACE, SKU, *key, 1)

    if writer != key.holder:
        with pytest.raises(PeerViolation, match="wrote a cell of"):
            check_cell(change, writer)


@given(
    st.sampled_from(KEYS),
    st.integers(max_value=0) | st.integers(min_value=CELL_VALUE_MAX + 1),
)
def test_a_value_out_of_range_is_refused(key: CellKey, value: int) -> None:
    with pytest.raises(PeerViolation, match="out of range"):
        check_cell(CellChange(PLACE, SKU, *key, value), key.holder)


@pytest.mark.parametrize(
    ("table", "detail"),
    [
        ("granted", STORE),
        ("minted", "sold"),
        ("minted", ""),
        ("minted", "MINTED"),
        ("spent", "received"),
        ("moved", "held"),
        ("overdrawn", "covered"),
        ("overdrawn", "held"),
        ("stolen", "sold"),
        ("", ""),
    ],
)
def test_an_unknown_table_or_reason_is_refused(table: str, detail: str) -> None:
    with pytest.raises(PeerViolation):
        check_cell(CellChange(PLACE, SKU, table, STORE, detail, 1), STORE)


@given(st.integers(0, 50), st.integers(1, 100))
def test_no_more_is_reclaimed_than_is_left(left: int, wanted: int) -> None:
    counter = EscrowCounter(PLACE, SKU)
    if left:
        counter.mint(STORE, Minted.RECEIVED, left)
    before = state_of(counter)

    outcome = counter.reclaim(HUB, STORE, wanted)

    if wanted <= left:
        assert outcome == CellChange(PLACE, SKU, "reclaimed", HUB, STORE, wanted)
        assert (counter.quota(STORE), counter.quota(HUB)) == (left - wanted, wanted)
        assert counter.available() == left
    else:
        assert outcome == QuotaShort(wanted_units=wanted, quota_units=left)
        assert state_of(counter) == before


# Rights beside goods (E2, E6, E7)


@given(st.integers(1, 50), st.data())
def test_a_hold_is_spent_until_released_and_releasing_receives_nothing(
    received: int, data: st.DataObject
) -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(STORE, Minted.RECEIVED, received)
    counter.move(STORE, Moved.RECEIVED, received)
    held = data.draw(st.integers(1, received))

    counter.spend(STORE, Spent.HELD, held)
    during = counter.levels()
    counter.mint(STORE, Minted.HOLD_RELEASED, held)
    after = counter.levels()

    assert (during.available, during.held, during.on_hand) == (received - held, held, received)
    assert (after.available, after.held, after.on_hand) == (received, 0, received)
    assert counter.physical() == received
    assert check_invariants(counter) == []


@given(st.integers(1, 50), st.lists(st.integers(1, 10), max_size=6), st.data())
def test_a_transfer_is_in_one_place_in_transit_or_lost(
    stock: int, wanted: list[int], data: st.DataObject
) -> None:
    """E7 over two locations: what left is what came, what is under way and what never came."""
    other = WriterId("hilltop.1")
    here, there = EscrowCounter("riverside", SKU), EscrowCounter("hilltop", SKU)
    here.mint(STORE, Minted.RECEIVED, stock)
    here.move(STORE, Moved.RECEIVED, stock)
    in_transit = lost = 0

    for sent in wanted:
        if isinstance(here.spend(STORE, Spent.TRANSFERRED_OUT, sent), QuotaShort):
            continue
        here.move(STORE, Moved.TRANSFERRED_OUT, sent)
        fate = data.draw(st.sampled_from(["arrived", "lost", "under way"]))
        if fate == "arrived":
            minted = there.mint(other, Minted.TRANSFERRED_IN, sent)
            moved = there.move(other, Moved.TRANSFERRED_IN, sent)
            for replay in (minted, moved, minted):  # the receiving entry is heard again
                there.merge_cell(replay.key, replay.value)
        elif fate == "lost":
            lost += sent
        else:
            in_transit += sent

    left = here.total(Table.MOVED, Moved.TRANSFERRED_OUT)
    came = there.total(Table.MOVED, Moved.TRANSFERRED_IN)
    assert left == came + in_transit + lost
    assert here.available() + there.available() + in_transit + lost == stock
    assert check_invariants(here) + check_invariants(there) == []


@given(st.integers(0, 20), st.integers(1, 20), st.integers(1, 40))
def test_a_loss_beyond_every_right_is_deficit_until_it_is_covered(
    quota: int, beyond: int, arrives: int
) -> None:
    counter = EscrowCounter(PLACE, SKU)
    counter.mint(HUB, Minted.RECEIVED, beyond)  # goods promised elsewhere
    counter.move(STORE, Moved.RECEIVED, quota + beyond)
    if quota:
        counter.mint(STORE, Minted.RECEIVED, quota)
        counter.spend(STORE, Spent.WRITTEN_OFF, quota)
    counter.overdraw(STORE, Spent.WRITTEN_OFF, beyond)
    counter.move(STORE, Moved.WRITTEN_OFF, quota + beyond)
    assert counter.levels().deficit == beyond
    assert check_invariants(counter) == []

    counter.mint(STORE, Minted.RECEIVED, arrives)
    counter.move(STORE, Moved.RECEIVED, arrives)
    counter.spend(STORE, Spent.COVERED, min(arrives, beyond))

    assert counter.levels().deficit == max(0, beyond - arrives)
    assert counter.levels().on_hand == counter.physical() == arrives
    assert check_invariants(counter) == []


def test_the_audit_names_each_broken_invariant() -> None:
    oversold = counter_of([(CellKey("spent", STORE, "sold"), 1)])
    unmoved = counter_of([(CellKey("minted", STORE, "received"), 1)])
    overcovered = counter_of(
        [(CellKey("spent", STORE, "covered"), 1), (CellKey("minted", STORE, "received"), 1)]
    )

    assert any(line.startswith(f"E1 {SKU}@{PLACE}") for line in check_invariants(oversold))
    assert any(line.startswith(f"E2 {SKU}@{PLACE}: on hand") for line in check_invariants(unmoved))
    assert any("deficit is -1" in line for line in check_invariants(overcovered))


@given(st.lists(st.tuples(st.sampled_from(KEYS), units), max_size=20))
def test_an_entry_carries_each_cell_once_with_its_last_value(written: list[Cell]) -> None:
    totals: dict[CellKey, int] = {}
    changes: list[CellChange] = []
    for key, grown in written:
        totals[key] = totals.get(key, 0) + grown
        changes.append(CellChange(PLACE, SKU, *key, totals[key]))

    kept = latest(changes)

    assert {change.key: change.value for change in kept} == totals
    assert len(kept) == len(totals)
