"""Goal: each unit that came back counts for one announcement, and for no clock (AN1, AN2).

Method: Hypothesis draws announcements and returns of one sale in the order in which they are heard
of, some of the returns by an announcement's number. The model is the same sums made by hand.
"""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from retail.returning.announced import (
    Arrived,
    Expected,
    announced_number,
    printed_announcement,
    still_expected,
)

units = st.dictionaries(st.integers(1, 3), st.integers(1, 4), min_size=1)
heard = st.lists(
    st.tuples(st.booleans(), units, st.none() | st.integers(1, 6)), min_size=1, max_size=12
)


@given(heard)
def test_what_came_is_counted_off_once(
    story: list[tuple[bool, dict[int, int], int | None]],
) -> None:
    announced: list[Expected] = []
    came: list[Arrived] = []
    for is_announced, many, named in story:
        if is_announced:
            announced.append(Expected(len(announced) + 1, len(came), many))
        else:
            came.append(Arrived(len(came) + 1, named, many))

    left = still_expected(announced, came)

    assert set(left) == {one.number for one in announced}
    for line in (1, 2, 3):
        all_told = sum(one.units.get(line, 0) for one in announced)
        all_came = sum(one.units.get(line, 0) for one in came)
        rest = sum(units[line] for units in left.values())
        assert max(0, all_told - all_came) <= rest <= all_told
    for one in announced:
        assert left[one.number] <= Counter(one.units)
        named_now = Counter[int]()
        for arrived in came:
            if arrived.announced == one.number or arrived.place > one.after:
                named_now.update(arrived.units)
        if not named_now:
            assert left[one.number] == Counter(one.units), "nothing came since"


@given(st.integers(1, 10**9))
def test_a_number_is_read_however_it_is_typed(number: int) -> None:
    printed = printed_announcement(number)

    for typed in (printed, printed.lower(), f"  {printed} "):
        assert announced_number(typed) == number
    assert announced_number("W-000012") is None
    assert announced_number("RIVERSIDE-1-000012") is None
