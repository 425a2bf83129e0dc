"""Goal: the list of reasons is closed, and each reason does to rights and goods what its words say.

Method: the table is read whole: each effect balances by the levels of `replication.escrow`, so that
whatever is added to it keeps E2; the words of a refusal fit into a problem's detail.
"""

import pytest

from replication.escrow import (
    LEVELS,
    LEVELS_OF,
    EscrowCounter,
    Minted,
    Moved,
    Spent,
    Table,
)
from replication.ids import WriterId
from retail.stock.stock_reasons import (
    COUNT,
    FOUND,
    LOST,
    REASONS,
    TOLERANCE,
    Effect,
    NoCountReason,
    Place,
    UnfitReason,
    UnknownReason,
    check_count_reason,
    effect_of,
    standing,
)
from web.problems import DETAIL_CHARS_MAX

SHOP = WriterId("riverside.1")

EFFECTS = [
    pytest.param(effect, sign, id=f"{code} {sign:+}")
    for code, reason in REASONS.items()
    for effect, sign in ((reason.gain, 1), (reason.loss, -1))
    if effect is not None
]


def level_changes(effect: Effect) -> dict[str, int]:
    """What one unit does to each level, `available` and on hand included."""
    cells = [
        (Table.MINTED, effect.minted),
        (Table.SPENT, effect.spent),
        (Table.DISPOSED, effect.disposed),
    ]
    changes = dict.fromkeys((*LEVELS, "available"), 0)
    for table, detail in cells:
        if detail is not None:
            changes["available"] += {Table.MINTED: 1, Table.SPENT: -1}.get(table, 0)
            for level, sign in LEVELS_OF.get((table, detail), ()):
                changes[level] += sign
    return changes


@pytest.mark.parametrize(("effect", "sign"), EFFECTS)
def test_rights_and_goods_change_by_the_same(effect: Effect, sign: int) -> None:
    by_rights = sum(level_changes(effect).values())

    assert by_rights == (0 if effect.moved is None else sign)


@pytest.mark.parametrize(("effect", "sign"), EFFECTS)
def test_what_is_taken_from_a_place_leaves_that_place(effect: Effect, sign: int) -> None:
    level = {
        None: None,
        Place.SHOP: "available",
        Place.SHELF: "available",
        Place.DAMAGED: "damaged",
        Place.QUALITY_CONTROL: "quality_control",
    }[effect.taken_from]

    changes = level_changes(effect)

    assert {name for name, change in changes.items() if change < 0} == ({level} - {None})
    assert sign > 0 or effect.taken_from is not None, "nothing is lost that was not there"


@pytest.mark.parametrize(
    ("code", "delta", "effect"),
    [
        ("found", 1, FOUND),
        ("count", 2, FOUND),
        ("count", -2, LOST),
        ("theft", -1, LOST),
        ("broken", -1, LOST),
    ],
)
def test_what_is_found_is_new_and_what_is_lost_was_anywhere(
    code: str, delta: int, effect: Effect
) -> None:
    assert effect_of(code, delta) == effect


def test_only_what_somebody_decides_needs_quota() -> None:
    deciding = {
        code
        for code, reason in REASONS.items()
        for effect in (reason.gain, reason.loss)
        if effect is not None and effect.needs_quota
    }

    assert deciding == {"return_to_vendor"}


def test_damaged_goods_stay_on_hand_and_come_back_or_go() -> None:
    damaged, repaired = effect_of("damaged", -1), effect_of("repaired", 1)
    gone = effect_of("damaged_written_off", -1)

    assert isinstance(damaged, Effect)
    assert isinstance(repaired, Effect)
    assert isinstance(gone, Effect)
    assert (damaged.moved, repaired.moved, gone.moved) == (None, None, Moved.WRITTEN_OFF)


@pytest.mark.parametrize("code", ["", "eaten", "THEFT", "theft ", "count_up"])
@pytest.mark.parametrize("delta", [1, -1])
def test_a_code_that_nobody_defined_is_refused_with_the_list(code: str, delta: int) -> None:
    refused = effect_of(code, delta)

    assert isinstance(refused, UnknownReason)
    assert all(known in str(refused) for known in REASONS)


@pytest.mark.parametrize(
    ("code", "delta"),
    [("theft", 1), ("found", -1), ("damaged", 1), ("repaired", -1), ("return_to_vendor", 3)],
)
def test_a_code_of_the_other_sign_is_refused_with_those_that_fit(code: str, delta: int) -> None:
    refused = effect_of(code, delta)

    assert isinstance(refused, UnfitReason)
    fitting = str(refused).partition("; ")[2]
    assert code not in fitting.split(", ")
    assert COUNT in fitting


def test_the_whole_list_fits_into_a_problem() -> None:
    refusals = [effect_of("x", 1), effect_of("found", -1), effect_of("damaged_written_off", 1)]

    for refused in refusals:
        assert len(f"No such adjustment: {refused}.") <= DETAIL_CHARS_MAX
    assert len(f"No such difference: {check_count_reason('damaged', -1)}.") <= DETAIL_CHARS_MAX


def test_a_count_is_explained_by_what_is_gone_or_found_and_by_nothing_else() -> None:
    assert check_count_reason("theft", -1) is None
    assert check_count_reason(COUNT, 1) is check_count_reason(COUNT, -1) is None
    assert check_count_reason("theft", 0) is None
    assert isinstance(check_count_reason("theft", 1), UnfitReason)
    assert isinstance(check_count_reason("damaged", -1), NoCountReason)
    assert isinstance(check_count_reason("return_to_vendor", 0), NoCountReason)
    assert isinstance(check_count_reason("eaten", 0), UnknownReason)


def test_what_a_scale_finds_has_a_reason_of_the_list() -> None:
    assert effect_of(TOLERANCE, 1) == FOUND


def counter_of(*, received: int, damaged: int, returned: int) -> EscrowCounter:
    counter = EscrowCounter("riverside", "tea")
    counter.mint(SHOP, Minted.RECEIVED, received)
    counter.move(SHOP, Moved.RECEIVED, received)
    counter.move(SHOP, Moved.RETURNED, returned)
    counter.spend(SHOP, Spent.DAMAGED, damaged)
    return counter


def test_the_shelf_is_what_is_neither_damaged_nor_in_quality_control() -> None:
    counter = counter_of(received=10, damaged=3, returned=2)

    assert [standing(counter, place) for place in Place] == [12, 7, 3, 2]


def test_what_was_sold_beyond_the_book_stands_nowhere() -> None:
    counter = counter_of(received=4, damaged=3, returned=2)
    counter.spend(SHOP, Spent.SOLD, 1)
    counter.overdraw(SHOP, Spent.SOLD, 4)
    counter.move(SHOP, Moved.SOLD, 5)

    assert [standing(counter, place) for place in Place] == [1, 0, 1, 1]

    counter.overdraw(SHOP, Spent.SOLD, 4)
    counter.move(SHOP, Moved.SOLD, 4)

    assert [standing(counter, place) for place in Place] == [0, 0, 0, 0]
