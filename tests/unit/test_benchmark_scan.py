"""Goal: the benchmark of scans types codes that mean something, and its rows are its figures.

Method: the codes are read back; rows of numbers that can be checked by hand.
"""

import datetime
import itertools

from retail.products.scans import read_scan
from scripts.benchmarks.scan import Measured, gs1_codes, rows_from

TODAY = datetime.date(2026, 11, 22)


def test_every_gs1_code_is_another_piece_of_a_product() -> None:
    codes = list(itertools.islice(gs1_codes(["4006381333931", "96385074"]), 100))

    assert len(set(codes)) == 100
    readings = [read_scan(code, TODAY) for code in codes]
    assert {one.gtin for one in readings} == {"04006381333931", "00000096385074"}
    assert len({one.serial for one in readings}) == 100
    assert all(one.fault is None for one in readings)


def test_the_goal_is_twenty_milliseconds_whatever_the_machine() -> None:
    quick = [1.0] * 99
    measured = Measured(ean_ms=[*quick, 19.0], gs1_ms=[*quick, 30.0], ping_ms=[0.5], pty_ms=[0.5])

    rows = rows_from(measured)

    assert [(row.ours, row.baseline) for row in rows] == [
        (1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 20.0),
    ]  # fmt: skip
    assert rows[-1].verdict == "met"
    slow = Measured(ean_ms=[25.0], gs1_ms=[25.0], ping_ms=[1.0], pty_ms=[1.0])
    assert rows_from(slow)[-1].verdict == "missed"
