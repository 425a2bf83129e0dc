"""Goal: no storm of faults prints an original twice, or loses a paper without a word.

Method: dice choose a fault and its moment for each of a row of jobs, with the real spool and
worker and the simulated printer; a person answers each doubt after looking at the paper. What
happens at the chosen moments one by one is in `test_fault_matrix`.
"""

import asyncio
import random
import re
from pathlib import Path

import pytest

from devices.paper import Document, Text
from devices.printer import Pace
from devices.sim.printer import SimPrinter
from gateway.status.report import DeviceState
from tests.printing_faults import FAULTS, Fault
from tests.spooling import ENDED, Spooling, counter

JOBS = 12
LINES = 8
BYTES_MAX = 250
"""Questions, job and confirmation have some 200 bytes: a few faults come in the next job."""

PACE = Pace(answer_s_max=0.3, poll_s=0.02, quiet_polls_max=2, write_s_max=0.3)
STORM = [fault for fault in FAULTS.values() if fault.words and not fault.harms_a_line]
MARK = "POSSIBLE DUPLICATE"

pytestmark = pytest.mark.slow


def page(number: int) -> Document:
    lines = [f"begin-{number}", *("line",) * LINES, f"end-{number}"]
    return Document(language="en", blocks=tuple(Text(line) for line in lines))


def papers(printer: SimPrinter, number: int) -> tuple[int, int]:
    """Whole pages of a job: those without the mark, those with it."""
    whole = re.compile(rf"({MARK}\s+)?begin-{number}\n(?:line\n)*end-{number}\n")
    found = [match for text in printer.receipts for match in whole.finditer(text)]
    marked = sum(1 for match in found if match[1])
    return len(found) - marked, marked


def chosen_moment(dice: random.Random) -> str:
    return dice.choice(
        [
            "",
            " at cut",
            f" after {dice.randrange(1, BYTES_MAX)} bytes",
            f" after {dice.randrange(1, LINES)} lines",
        ]
    )


class Weather:
    """Causes one fault at a time, and mends it."""

    def __init__(self, printer: SimPrinter, spool: Spooling) -> None:
        self._printer = printer
        self._spool = spool
        self._fault: Fault | None = None
        self._has_come = asyncio.Event()
        printer.acts |= {"fault": self._happen, "kill": spool.kill, "start": spool.start}

    def _happen(self) -> None:
        assert self._fault is not None
        for words in self._fault.words:
            self._printer.command(words)
        self._has_come.set()

    async def survive(self, job: int, fault: Fault, moment: str) -> None:
        """Print a job in this weather, until it has ended."""
        spool = self._spool
        self._fault = fault
        self._has_come.clear()
        self._printer.command(f"fault{moment}")
        ended = asyncio.create_task(spool.until_ended(job))
        come = asyncio.create_task(self._has_come.wait())
        await asyncio.wait({ended, come}, return_when=asyncio.FIRST_COMPLETED)
        if not come.done():  # its moment did not come in this job: it comes now
            self._printer.forget_orders()
            self._happen()
        if "kill" not in fault.words:
            await spool.until(
                lambda: spool.job(job).state in ENDED or spool.worker.state is not DeviceState.READY
            )
        for words in (*fault.mended, "fast", "polite"):
            self._printer.command(words)
        await ended
        await come


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("seed", range(4))
async def test_after_any_storm_each_page_is_there_once_or_marked(
    data: Path, seed: int, *, exclusive: bool
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a seed, not a secret
    storm = [fault for fault in STORM if not exclusive or "another" not in fault.words]
    async with counter(data, pace=PACE, exclusive=exclusive) as (printer, spool):
        spool.start()
        weather = Weather(printer, spool)
        for number in range(JOBS):
            job = await spool.add_document(page(number), f"Page {number}")
            assert job is not None
            fault, moment = dice.choice(storm), chosen_moment(dice)
            await weather.survive(job, fault, moment)
            seen = papers(printer, number)
            told = f"seed {seed}, page {number}: {fault.title}{moment}"

            assert seen[0] <= 1, told
            if spool.job(job).state == "printed":
                assert sum(seen) >= 1, told
            else:
                await spool.resolve(job, printed=sum(seen) > 0)
                await spool.until(lambda job=job: spool.job(job).state in ENDED)  # type: ignore[misc] # bound
        for number in range(JOBS):
            assert papers(printer, number)[0] <= 1
            assert sum(papers(printer, number)) >= 1
