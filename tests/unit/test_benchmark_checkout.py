"""Goal: the figures of `checkout` are what they say, and its two limits really commit.

Method: rows from an invented sample; both limits for an instant on real files.
"""

from pathlib import Path

from replication.adapters.sqlite import connect
from scripts.benchmarks.checkout import (
    BUYERS,
    UNITS,
    group_commits_per_second,
    locked_row_us,
    rows_from,
)
from scripts.benchmarks.load import Sample


def sample(orders: int) -> Sample:
    return Sample(
        latencies_us=[2_000] * orders, elapsed_s=4.0, busy=0.1, fault_count=0, faults=[],
        refused=BUYERS,
    )  # fmt: skip


def test_exactly_as_many_orders_as_units_meets_the_goal_and_one_more_misses_it() -> None:
    exact, *_ = rows_from(sample(UNITS), 1_000.0, [500.0])
    one_more, *_ = rows_from(sample(UNITS + 1), 1_000.0, [500.0])

    assert (exact.verdict, one_more.verdict) == ("met", "missed")


def test_throughput_and_p99_stand_beside_both_limits() -> None:
    _, raw, locked, p99 = rows_from(sample(UNITS), 1_000.0, [500.0] * 400)

    assert (raw.ours, raw.baseline) == (UNITS / 4, 1_000.0)
    assert locked.baseline == 200.0
    assert (p99.ours, p99.baseline) == (2.0, 0.5)


async def test_the_raw_limit_has_committed_what_it_counts(tmp_path: Path) -> None:
    per_second = await group_commits_per_second(tmp_path, askers=4, seconds=0.05)

    rows = connect(tmp_path / "raw.db").execute("SELECT count(*) FROM row").fetchone()
    assert per_second > 0
    assert rows is not None
    assert rows[0] >= 4


def test_each_locked_purchase_takes_one_unit(tmp_path: Path) -> None:
    times = locked_row_us(tmp_path, buyers=3, seconds=0.05)

    connection = connect(tmp_path / "locked.db")
    units, sold = connection.execute(
        "SELECT 1000000000 - units, (SELECT count(*) FROM sold) FROM stock"
    ).fetchone() or (None, None)
    assert units == sold == len(times)
