"""Goal: a stock number is told as steps that add up to it, in sentences that a shopkeeper reads.

Method: entries written out by hand, told by a `Storyteller` that knows the counter they end in; for
T1 to T3, stories of random entries.
"""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.escrow import CellChange, CellKey, EscrowCounter
from replication.journal import Actor, EntryBody
from replication.ledger import PROGRAM
from retail.stock.story import Change, Step, Storyteller, closing, in_words
from tests.replication_samples import HUB, STORE, body_of

ANN: Final = Actor(register="till-1", person="Ann")


def cell(table: str, detail: str, value: int, *, holder: str = STORE) -> CellChange:
    """A cell of tea at riverside."""
    return CellChange("riverside", "tea", table, holder, detail, value)


def entry(seq: int, kind: str, *cells: CellChange, moved: int = 0, **changed: object) -> EntryBody:
    """An entry about tea; of Ann's, unless something was changed."""
    fields: dict[str, Any] = {"actor": ANN, "moves": [("tea", moved)] if moved else []}
    return body_of(seq, kind=kind, cells=list(cells), **(fields | changed))


def known_after(*bodies: EntryBody, heard: tuple[CellChange, ...] = ()) -> EscrowCounter:
    """The counter that these entries, and what was heard without one, end in."""
    counter = EscrowCounter("riverside", "tea")
    for change in [*heard, *(one for body in bodies for one in body.cells)]:
        if (change.location, change.sku) == ("riverside", "tea"):
            counter.merge_cell(change.key, change.value)
    return counter


def told(*bodies: EntryBody, heard: tuple[CellChange, ...] = ()) -> list[Step]:
    """The story of these entries, with what was heard at its end."""
    teller = Storyteller(known_after(*bodies, heard=heard))
    steps = [teller.tell(body) for body in bodies]
    last = teller.tell_heard()
    return [*steps, last] if last else steps


RECEIPT: Final = entry(
    1, "receipt",
    cell("minted", "received", 12), cell("moved", "received", 12), cell("granted", HUB, 3),
    moved=12, reference="PO 7",
)  # fmt: skip
SALE: Final = entry(2, "sale", cell("spent", "sold", 1), cell("moved", "sold", 1), moved=-1)


def test_a_step_has_all_that_its_entry_says_and_what_it_left() -> None:
    _, step = told(RECEIPT, SALE)

    assert (step.entry, step.kind, step.moved) == ("riverside.1-2", "sale", -1)
    assert (step.person, step.register) == ("Ann", "till-1")
    assert step.changes == [
        Change(cell="spent.sold", holder=STORE, by=1, to=1),
        Change(cell="moved.sold", holder=STORE, by=1, to=1),
    ]
    assert (step.after.on_hand, step.after.available) == (11, 11)
    assert step.sentence == "Ann sold 1 at till-1 (riverside.1-2): on hand 11, available 11."


def test_changes_are_told_as_growth_though_entries_carry_absolute_cells() -> None:
    again = entry(3, "sale", cell("spent", "sold", 3), cell("moved", "sold", 3), moved=-2)

    changes = told(RECEIPT, SALE, again)[-1].changes

    assert [(one.by, one.to) for one in changes] == [(2, 3), (2, 3)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (entry(2, "sale", cell("spent", "sold", 4), cell("moved", "sold", 4), moved=-4),
         "Ann sold 4 at till-1 (riverside.1-2): on hand 8, available 8."),
        (entry(2, "sale", cell("spent", "sold", 9), cell("overdrawn", "sold", 1),
               cell("moved", "sold", 10), moved=-10, reason="she had it in her hand"),
         ("Ann sold 10 at till-1, 1 beyond what could be promised [she had it in her hand] "
         "(riverside.1-2): on hand 2, available 3, short 1.")),
        (entry(2, "adjustment", cell("spent", "written_off", 2), cell("moved", "written_off", 2),
               moved=-2, reason="broken"),
         "Ann booked 2 lost or written off [broken] (riverside.1-2): on hand 10, available 10."),
        (entry(2, "adjustment", cell("spent", "damaged", 2), reason="damaged"),
         "Ann booked 2 damaged [damaged] (riverside.1-2): on hand 12, available 10, damaged 2."),
        (entry(2, "basket", cell("spent", "held", 2)),
         ("Ann set 2 aside for a basket at till-1 (riverside.1-2): "
         "on hand 12, available 10, set aside 2.")),
        (entry(2, "grant", cell("granted", HUB, 5), actor=PROGRAM),
         "The website was given the right to sell 2 (riverside.1-2): on hand 12, available 12."),
        (entry(2, "grant", cell("granted", STORE, 1, holder=HUB), writer=HUB, actor=PROGRAM),
         "The store was given the right to sell 1 (hub.1-2): on hand 12, available 12."),
        (entry(2, "order", cell("spent", "committed", 2, holder=HUB), writer=HUB,
               reference="hub.1-2"),
         "Order hub.1-2 set 2 aside (hub.1-2): on hand 12, available 10, kept for orders 2."),
        (entry(2, "transfer_shipped", cell("spent", "transferred_out", 6),
               cell("moved", "transferred_out", 6), moved=-6, reference="riverside.1-1-harbour"),
         ("Ann sent 6 away with transfer riverside.1-1-harbour (riverside.1-2): "
         "on hand 6, available 6.")),
        (entry(2, "stocktake_by_drone", cell("spent", "counted_down", 1),
               cell("moved", "counted_down", 1), moved=-1, reference="D 1"),
         "Ann, stocktake by drone: 1 not found, D 1 (riverside.1-2): on hand 11, available 11."),
        (entry(2, "grant", cell("granted", "riverside.till-1.1", 2), actor=PROGRAM),
         ("Register till-1 was given the right to sell 2 (riverside.1-2): "
         "on hand 12, available 12.")),
        (entry(2, "register_reclaimed", cell("reclaimed", "riverside.till-1.1", 2)),
         ("Ann, register reclaimed: 2 back from riverside.till-1.1, which is out of use "
         "(riverside.1-2): on hand 12, available 12.")),
        (entry(2, "register_conceded", cell("conceded", "riverside.till-1.1", 2)),
         ("Ann, register conceded: 2 beyond what riverside.till-1.1 had left (riverside.1-2): "
         "on hand 12, available 14, short 2.")),
        (entry(2, "conceded", cell("conceded", "quality_control", 2)),
         ("Ann, conceded: 2 beyond what quality control had left (riverside.1-2): "
         "on hand 12, available 12, in quality control 2, short 2.")),
        (entry(2, "mystery", actor=Actor()),
         "Somebody, mystery: nothing changed here (riverside.1-2): on hand 12, available 12."),
    ],
    ids=lambda one: one.kind if isinstance(one, EntryBody) else "",
)  # fmt: skip
def test_deeds_are_told_in_plain_words(body: EntryBody, sentence: str) -> None:
    assert told(RECEIPT, body)[1].sentence == sentence


def test_other_skus_and_locations_of_an_entry_are_not_told() -> None:
    elsewhere = [
        CellChange("harbour", "tea", "spent", HUB, "committed", 4),
        CellChange("riverside", "jam", "spent", HUB, "committed", 5),
    ]
    body = entry(2, "order", cell("spent", "committed", 2, holder=HUB), *elsewhere, writer=HUB)

    (step,) = told(body)

    assert [one.by for one in step.changes] == [2]


def test_goods_that_moved_at_another_location_are_not_told_as_moved_here() -> None:
    body = entry(2, "sale", moved=-3, writer="harbour.1")

    assert told(RECEIPT, body)[1].moved == 0


def test_what_was_heard_without_entries_is_one_last_step() -> None:
    *_, last = told(RECEIPT, SALE, heard=(cell("spent", "held", 2, holder=HUB),))

    assert (last.kind, last.entry, last.at, last.moved) == ("heard", None, None, 0)
    assert last.changes == [Change(cell="spent.held", holder=HUB, by=2, to=2)]
    assert last.sentence == (
        "Heard from the hub: 2 set aside for a basket or checkout: "
        "on hand 11, available 9, set aside 2."
    )


def test_a_grant_ahead_of_its_entry_is_said_to_be_ahead() -> None:
    *_, last = told(RECEIPT, heard=(cell("granted", HUB, 7),))

    assert last.sentence.startswith("Heard ahead of the journal: 4 for the website to sell:")


def test_what_the_hub_must_have_kept_before_it_was_handed_over_is_told_there() -> None:
    body = entry(2, "fulfilment", cell("moved", "fulfilled", 2), moved=-2, reference="hub.1-6")

    _, step, last = told(RECEIPT, body, heard=(cell("spent", "committed", 5, holder=HUB),))

    assert step.changes[0] == Change(cell="spent.committed", holder=HUB, by=2, to=2)
    assert (step.after.committed, step.after.available, step.after.on_hand) == (0, 10, 10)
    assert step.sentence.startswith("Ann handed over 2 for order hub.1-6 (riverside.1-2): ")
    assert last.changes == [Change(cell="spent.committed", holder=HUB, by=3, to=5)]
    assert (last.after.committed, last.after.available) == (3, 7)


def test_no_more_is_taken_for_heard_than_was_heard() -> None:
    body = entry(2, "fulfilment", cell("moved", "fulfilled", 2), moved=-2)

    _, step = told(RECEIPT, body, heard=(cell("spent", "committed", 1, holder=HUB),))

    assert step.after.committed == -1


def test_a_closing_says_when_the_two_lines_differ() -> None:
    counter = known_after(RECEIPT)
    assert closing(counter.levels(), counter.physical()) == (
        "Now: on hand 12, available 12. What came in less what went out is 12 as well."
    )

    counter.merge_cell(CellKey("moved", STORE, "sold"), 1)

    assert "But what came in less what went out is 11," in closing(
        counter.levels(), counter.physical()
    )


def test_levels_that_are_zero_are_left_out() -> None:
    counter = known_after(RECEIPT)

    assert in_words(counter.levels()) == "on hand 12, available 12"


grown = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    ("minted", STORE, "received"), ("moved", STORE, "received"),
                    ("spent", STORE, "sold"), ("moved", STORE, "sold"), ("spent", HUB, "committed"),
                    ("moved", STORE, "fulfilled"), ("granted", STORE, HUB),
                ]
            ),
            st.integers(1, 5),
        ),
        max_size=3,
    ),
    max_size=8,
)  # fmt: skip


@given(growth=grown, ahead=st.integers(0, 9), split=st.integers(0, 8))
def test_steps_add_up_and_do_not_depend_on_the_page(
    growth: list[list[tuple[tuple[str, str, str], int]]], ahead: int, split: int
) -> None:
    values: dict[tuple[str, str, str], int] = {}
    bodies: list[EntryBody] = []
    for number, entries in enumerate(growth, 1):
        cells: dict[tuple[str, str, str], CellChange] = {}
        for key, by in entries:
            if key[1] != entries[0][0][1]:
                continue  # an entry has the cells of its one writer (E8)
            values[key] = values.get(key, 0) + by
            cells[key] = cell(key[0], key[2], values[key], holder=key[1])
        bodies.append(entry(number, "deed", *cells.values()))
    heard = (cell("spent", "held", ahead, holder=HUB),) if ahead else ()
    known = known_after(*bodies, heard=heard)

    steps = told(*bodies, heard=heard)

    counter = EscrowCounter("riverside", "tea")
    for step in steps:
        for one in step.changes:
            table, _, detail = one.cell.partition(".")
            key = CellKey(table, one.holder, detail)
            assert counter.value(*key) + one.by == one.to
            counter.merge_cell(key, one.to)
        assert step.after == counter.levels(), "T1"
    assert counter.cells() == known.cells(), "T2"
    teller = Storyteller(known)
    for body in bodies[:split]:
        teller.pass_over(body.cells)
    page = [teller.tell(body) for body in bodies[split:]]
    assert msgspec.json.encode(page) == msgspec.json.encode(steps[split : len(bodies)]), "T3"
