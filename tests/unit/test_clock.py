"""Goal: stamps of one writer only ever grow, and nobody's wrong date spreads through the chain.

Method: Hypothesis plays the wall clock (it jumps both ways) and the remote writers.
"""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.clock import AHEAD_MS_MAX, HybridClock, Stamp, rfc3339

NOON_MS = 1_795_348_800_000
wall_times = st.integers(NOON_MS - 10 * AHEAD_MS_MAX, NOON_MS + 10 * AHEAD_MS_MAX)
remote_stamps = st.builds(Stamp, wall_times, st.integers(0, 5))


@given(st.lists(st.tuples(wall_times, st.none() | remote_stamps), max_size=30))
def test_every_stamp_is_later_than_all_before_it(
    happenings: list[tuple[int, Stamp | None]],
) -> None:
    clock, latest = HybridClock(), Stamp(0, 0)

    for now_ms, remote in happenings:
        if remote is not None:
            clock.observe(remote, now_ms)
        stamp = clock.stamp(now_ms)
        assert stamp > latest
        if remote is not None and remote.wall_ms - now_ms <= AHEAD_MS_MAX:
            assert stamp > remote, "an effect is stamped after its cause"
        latest = stamp


@given(wall_times, remote_stamps)
def test_a_remote_stamp_moves_the_clock_by_five_minutes_at_most(now_ms: int, remote: Stamp) -> None:
    clock = HybridClock()
    clock.stamp(now_ms)

    clock.observe(remote, now_ms)

    assert clock.last.wall_ms <= now_ms + 5 * 60 * 1000


@pytest.mark.parametrize(("ahead_ms", "adopted"), [(300_000, True), (300_001, False)])
def test_exactly_five_minutes_ahead_is_still_adopted(ahead_ms: int, *, adopted: bool) -> None:
    clock = HybridClock()
    clock.stamp(NOON_MS)
    remote = Stamp(NOON_MS + ahead_ms, 7)

    clock.observe(remote, NOON_MS)

    assert (clock.last == remote) is adopted


def test_a_wall_clock_that_stands_or_jumps_back_ticks() -> None:
    clock = HybridClock()

    stamps = [clock.stamp(now) for now in (NOON_MS, NOON_MS, NOON_MS - 60_000, NOON_MS + 1)]

    assert stamps == [
        Stamp(NOON_MS, 0),
        Stamp(NOON_MS, 1),
        Stamp(NOON_MS, 2),
        Stamp(NOON_MS + 1, 0),
    ]


@pytest.mark.parametrize(
    ("wall_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON_MS + 7, "2026-11-22T12:00:00.007Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_time_is_written_in_utc_to_the_millisecond(wall_ms: int, text: str) -> None:
    assert rfc3339(wall_ms) == text
    assert datetime.datetime.fromisoformat(text).timestamp() * 1000 == pytest.approx(wall_ms)
