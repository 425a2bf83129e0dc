"""Goal: no fault at any moment gives a sale two originals, or no receipt without a word.

"Without a word" is a spool that says "printed"; where it asks a person, it does not know.

Method: each cell of the fault matrix with the real spool and worker, over TCP, against the
simulated printer, which meets the fault at an exact byte, line or cut. What counts is its paper.
"""

import asyncio
from pathlib import Path

import pytest

from devices.printer_wire import KICK_DRAWER
from devices.sim.mechanism import Mechanism
from devices.sim.printer import SimPrinter
from gateway.status.report import DeviceState
from replication.ids import EntryId
from tests.printing_faults import EXPECTED, EXPECTED_EXCLUSIVE, FAULTS, MOMENTS, Cell, Fault
from tests.spooling import ENDED, Spooling, spooling

QUESTIONS_BYTES = 21
"""DLE EOT three times and the counter twice: what is sent before the first byte of a job."""

HELD_LINES = 3
ENDING_CHARS = 60

pytestmark = pytest.mark.slow


def text_of(data: bytes) -> str:
    """What a job prints when nothing happens."""
    printer = Mechanism()
    printer.receive_bytes(data)
    return printer.receipts[0]


def papers(printer: SimPrinter, spool: Spooling, job: int, fault: Fault) -> tuple[int, int]:
    """Whole receipts of a job on paper: those without the mark, those with it."""
    row = spool.job(job)
    plain = text_of(spool.bytes_of(row._replace(marked=False)))
    marked = text_of(spool.bytes_of(row._replace(marked=True)))
    assert plain in marked, "the mark stands around the receipt"
    if fault.harms_a_line:  # then what ends as a receipt does is one
        plain, marked = plain[-ENDING_CHARS:], marked[-ENDING_CHARS:]
    whole_marked = sum(text.count(marked) for text in printer.receipts)
    return sum(text.count(plain) for text in printer.receipts) - whole_marked, whole_marked


class Story:
    """One cell: a fault that waits for its moment, and what is done when it has come."""

    def __init__(self, printer: SimPrinter, spool: Spooling, fault: Fault) -> None:
        self._printer = printer
        self._spool = spool
        self._fault = fault
        self._has_come = asyncio.Event()
        printer.acts |= {"fault": self._happen, "kill": spool.kill, "start": spool.start}

    def _happen(self) -> None:
        for words in self._fault.words:
            self._printer.command(words)
        self._printer.command("go on")
        self._has_come.set()

    def prepare(self, moment: str, job_bytes: int) -> None:
        """Let the fault come at its moment of the next job."""
        match moment:
            case "before":
                self._printer.command(f"fault after {QUESTIONS_BYTES} bytes")
            case "middle":
                self._printer.command(f"fault after {QUESTIONS_BYTES + job_bytes // 2} bytes")
            case "taken":
                self._printer.command(f"hold after {HELD_LINES} lines")
                self._printer.command(f"fault after {QUESTIONS_BYTES + job_bytes} bytes")
            case "cut":
                self._printer.command("fault at cut")
            case _:
                self._printer.command("fault")

    async def run(self, job: int) -> None:
        """Wait for the fault, mend it once it is noticed, and wait for the end of the job."""
        await self._has_come.wait()
        spool = self._spool
        if "kill" not in self._fault.words:
            await spool.until(
                lambda: spool.job(job).state in ENDED or spool.worker.state is not DeviceState.READY
            )
        for words in self._fault.mended:
            self._printer.command(words)
        await spool.until_ended(job)


async def outcome_of(
    data: Path, sales: list[EntryId], fault: str, moment: str, *, exclusive: bool
) -> Cell:
    """Run a cell, and what a person does after it."""
    async with (
        SimPrinter.listening() as printer,
        spooling(data, printer.address, exclusive=exclusive, drawer="open_is_high") as spool,
    ):
        spool.start()
        await spool.until_ready()
        if moment == "idle":
            await spool.until_ended(await spool.add_receipt(sales[1]))
        story = Story(printer, spool, FAULTS[fault])
        story.prepare(moment, len(KICK_DRAWER + spool.bytes_of(spool.receipt_job(sales[0]))))
        job = await spool.add_receipt(sales[0])
        await story.run(job)
        state = spool.job(job).state
        unmarked, marked = papers(printer, spool, job, FAULTS[fault])
        if state == "doubt":
            await spool.resolve(job, printed=unmarked + marked > 0)
            await spool.until(lambda: spool.job(job).state == "printed")
        in_the_end = papers(printer, spool, job, FAULTS[fault])
        assert sum(in_the_end) >= 1, "after a person has looked every sale has its receipt"
        assert in_the_end[0] <= 1
        receipts = 2 if moment == "idle" else 1
        assert printer.mechanism.kicks <= receipts, "a kick is never repeated"
        return Cell(unmarked, marked, state)


CELLS = [(fault, moment) for fault in FAULTS for moment in MOMENTS]


@pytest.mark.parametrize(("fault", "moment"), CELLS, ids=["-".join(cell) for cell in CELLS])
async def test_each_cell_is_what_the_table_says(
    data: Path, sales: list[EntryId], fault: str, moment: str
) -> None:
    cell = await outcome_of(data, sales, fault, moment, exclusive=False)

    assert cell == EXPECTED[fault][moment]


EXCLUSIVE = [(fault, moment) for fault, cells in EXPECTED_EXCLUSIVE.items() for moment in cells]


@pytest.mark.parametrize(("fault", "moment"), EXCLUSIVE, ids=["-".join(one) for one in EXCLUSIVE])
async def test_where_nobody_else_prints_the_counter_answers_for_the_person(
    data: Path, sales: list[EntryId], fault: str, moment: str
) -> None:
    cell = await outcome_of(data, sales, fault, moment, exclusive=True)

    assert cell == EXPECTED_EXCLUSIVE[fault][moment]


def test_no_cell_has_two_originals_and_none_is_without_paper_in_silence() -> None:
    for table in (EXPECTED, EXPECTED_EXCLUSIVE):
        cells = [cell for moments in table.values() for cell in moments.values()]

        assert cells
        assert not [cell for cell in cells if cell.unmarked > 1]
        assert not [cell for cell in cells if cell.spool == "printed" and not sum(cell[:2])]


def test_the_table_has_every_cell() -> None:
    assert {fault: set(cells) for fault, cells in EXPECTED.items()} == {
        fault: set(MOMENTS) for fault in FAULTS
    }
