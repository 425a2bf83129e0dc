"""Goal: a counted line is compared with its own instant, and a count tells no more than it may.

Method: the pure rules, with a journal written out as milliseconds and moves.
"""

import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.stock.counts import (
    TRANSITIONS,
    CountEnd,
    CountLine,
    CountLinesRequest,
    CountStatus,
    ReasonSum,
    booked_units,
    by_reason,
    differing,
    instant_ms,
    is_provisional,
    moved_after,
    told,
)

units = st.integers(-1_000, 1_000)


def line_of(sku: str, difference: int, **more: object) -> CountLine:
    fields = {
        "sku": sku, "counted": 10 + difference, "at": "2026-11-22T10:00:00.000Z", "register": None,
        "expected": 10, "difference": difference, "provisional": False, "booked": difference,
    }  # fmt: skip
    return msgspec.convert(fields | more, CountLine)


# Time


def test_what_moved_since_is_what_came_after_the_scan_of_each_sku() -> None:
    journal = [
        (900, [("tea", -1), ("jam", 5)]),
        (500, [("tea", 4), ("tea", -2)]),
        (400, [("tea", -8), ("jam", -1), ("salt", 3)]),
    ]

    assert moved_after({"tea": 400, "jam": 500}, journal) == {"tea": 1, "jam": 5}
    assert moved_after({"tea": 399}, journal) == {"tea": -7}
    assert moved_after({"tea": 900}, journal) == {"tea": 0}
    assert moved_after({}, journal) == {}


def test_an_instant_is_read_in_any_zone_to_the_millisecond() -> None:
    texts = ["2026-11-22T10:00:00.250Z", "2026-11-22T11:00:00.250999+01:00"]
    request = msgspec.convert(
        {"lines": [{"sku": str(n), "counted": 0, "at": at} for n, at in enumerate(texts)]},
        CountLinesRequest,
    )

    instants = {instant_ms(line.at) for line in request.lines if line.at is not None}

    assert instants == {1_795_341_600_250}
    assert instant_ms(datetime.datetime.min.replace(tzinfo=datetime.UTC)) < 0


@pytest.mark.parametrize("at", ["2026-11-22T10:00:00", "2026-11-22", "now", 5, ""])
def test_an_instant_without_its_zone_is_none(at: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"lines": [{"sku": "tea", "counted": 1, "at": at}]}, CountLinesRequest)


@pytest.mark.parametrize("counted", [-1, 10**10, 1.5, "3", None, True])
def test_nobody_counts_less_than_nothing(counted: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"lines": [{"sku": "tea", "counted": counted}]}, CountLinesRequest)


# Who may have sold unheard


def test_a_line_is_provisional_while_somebody_is_unheard_since_before_its_scan() -> None:
    assert not is_provisional(500, {"riverside.1": 500})
    assert not is_provisional(500, {})
    assert is_provisional(500, {"riverside.1": 900, "till-2": 499})
    assert not is_provisional(500, {"riverside.1": 900, "till-2": 500})


@given(scan_ms=units, heard_ms=st.dictionaries(st.sampled_from("abc"), units), later_ms=units)
def test_hearing_more_never_makes_a_line_provisional(
    scan_ms: int, heard_ms: dict[str, int], later_ms: int
) -> None:
    later = {writer: max(until, later_ms) for writer, until in heard_ms.items()}

    if is_provisional(scan_ms, later):
        assert is_provisional(scan_ms, heard_ms)


# What is booked


@given(difference=units, on_hand=units)
def test_booking_leaves_no_less_than_nothing_and_adds_all_that_was_found(
    difference: int, on_hand: int
) -> None:
    booked = booked_units(difference, on_hand)

    if difference >= 0:
        assert booked == difference
    else:
        assert difference <= booked <= 0
        assert on_hand + booked >= min(0, on_hand)
        assert booked == difference or on_hand + booked <= 0, "what can be booked is"


def test_differences_are_summed_by_their_reason() -> None:
    lines = [
        line_of("tea", -3, reason="theft"),
        line_of("jam", 2, reason="count"),
        line_of("salt", -4, reason="count", booked=-1),
        line_of("rice", -1, reason="theft"),
        line_of("flour", 0),
    ]

    assert by_reason(lines) == (
        ReasonSum(reason="count", lines=2, more=2, fewer=1),
        ReasonSum(reason="theft", lines=2, more=0, fewer=4),
    )
    assert [line.sku for line in differing(lines)] == ["tea", "jam", "salt", "rice"]


def test_a_blind_count_tells_what_was_counted_and_not_what_was_expected() -> None:
    line = line_of("tea", -3)

    hidden = told(line, blind=True)

    assert (hidden.sku, hidden.counted) == ("tea", 7)
    assert hidden.expected is hidden.difference is hidden.provisional is None
    assert told(line, blind=False) == line
    assert differing([hidden]) == ()


def test_a_count_ends_once() -> None:
    ends = {status: set(TRANSITIONS[status]) for status in CountStatus}

    assert ends == {
        CountStatus.OPEN: {CountEnd.CLOSE, CountEnd.CANCEL},
        CountStatus.CLOSED: set(),
        CountStatus.CANCELLED: set(),
    }
