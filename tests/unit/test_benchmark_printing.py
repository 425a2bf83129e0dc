"""Goal: the benchmark of printing counts receipts that were confirmed, in the right time.

Method: rows on numbers that can be checked by hand; a run of a few receipts, with their paper.
"""

from pathlib import Path

import pytest

from devices.encode import encode
from devices.paper import Paper
from devices.sim.printer import SimPrinter
from scripts.benchmarks import printing
from scripts.benchmarks.__main__ import DEVICES, NAMES, _parts
from scripts.benchmarks.printing import LINES


def test_rows_are_receipts_a_minute_of_the_best_round() -> None:
    against_paper, against_bytes = printing.rows_from([4.0, 2.0], [1.0, 0.5], 10, paper_mm=150.0)

    assert against_paper.ours == against_bytes.ours == 300.0
    assert against_paper.baseline == 120.0
    assert against_paper.verdict == "met"
    assert against_bytes.baseline == 1_200.0
    assert against_bytes.ratio == 0.25


async def test_every_receipt_of_a_round_is_on_paper(tmp_path: Path) -> None:
    document = printing.receipt()
    async with SimPrinter.listening() as printer:
        async with printing.printing(tmp_path, printer) as shop:
            took_s = await shop.timed(document, 3)
        data = encode(document, Paper())
        raw_s = await printing.timed_raw(printer.address, data, 2)

    assert took_s > 0
    assert raw_s > 0
    assert len(printer.receipts) == 5
    assert len(set(printer.receipts)) == 1
    assert printer.receipts[0].count("Product number") == LINES


async def test_a_run_has_its_rows(tmp_path: Path) -> None:
    said: list[str] = []

    rows = await printing.run(tmp_path, say=said.append, receipts=2)

    assert [row.unit for row in rows] == ["/min", "/min"]
    assert len(said) == 1


@pytest.mark.parametrize("name", DEVICES)
def test_devices_stands_for_its_parts(name: str) -> None:
    assert name in _parts(["devices"])
    assert name in NAMES
