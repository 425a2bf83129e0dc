"""Goal: one sale, one receipt, over real TCP, whatever happens to printer and connection.

Method: the driver against the simulated printer on loopback, in this process, with faults on
command; what counts is what is on the simulated paper. The program is started once as a program.
"""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from devices.encode import encode
from devices.letters import printable
from devices.lines import text_of
from devices.paper import Document, Pair, Paper, Rule, Text
from devices.ports import DeviceGone, GoneReason, open_port
from devices.printer import (
    Doubt,
    NotPrinted,
    NotStarted,
    Pace,
    Printed,
    PrintOutcome,
    Settlement,
    Unknown,
    print_job,
    settle_job,
)
from devices.printer_status import Trouble
from devices.sim.printer import SimPrinter

RECEIPT = Document(
    language="en",
    blocks=(
        Text("Riverside Grocery", align="center"),
        Pair("Receipt", "riverside.1-42"),
        Rule(),
        *(Pair(f"Cr\N{LATIN SMALL LETTER E WITH GRAVE}me {n}", "2.00") for n in range(20)),
        Rule(),
        Pair("Total", "40.00", strong=True),
        Pair("Cash", "40.00"),
    ),
)
DATA = encode(RECEIPT, Paper())
ON_PAPER = "\n".join(text_of(RECEIPT, Paper().columns, printable)) + "\n"
PATIENT = Pace(poll_s=0.01, quiet_polls_max=100_000)
HASTE = Pace(answer_s_max=0.02, poll_s=0.02, quiet_polls_max=2)
ROOT = Path(__file__).parents[2]


class Till:
    """A caller that keeps what a caller must keep."""

    def __init__(self, printer: SimPrinter) -> None:
        self._printer = printer
        self.cuts_before: int | None = None
        self.has_started = asyncio.Event()

    async def _before_first_byte(self, cuts: int | None) -> None:
        self.cuts_before = cuts
        self.has_started.set()

    async def print_once(self, *, pace: Pace = PATIENT) -> PrintOutcome:
        port = await open_port(self._printer.address)
        try:
            return await print_job(
                port,
                job_id="riverside.1-42",
                data=DATA,
                before_first_byte=self._before_first_byte,
                on_condition=lambda _: None,
                pace=pace,
            )
        finally:
            await port.close()

    async def settle(self) -> Settlement:
        port = await open_port(self._printer.address)
        try:
            return await settle_job(port, cuts_before=self.cuts_before)
        finally:
            await port.close()


def read_all(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


async def test_receipts_are_printed_one_after_the_other() -> None:
    async with SimPrinter.listening() as printer:
        outcomes = [await Till(printer).print_once() for _ in range(3)]

    assert outcomes == [Printed()] * 3
    assert printer.receipts == [ON_PAPER] * 3


async def test_a_second_connection_waits_for_the_first() -> None:
    async with SimPrinter.listening() as printer:
        outcomes = await asyncio.gather(*(Till(printer).print_once() for _ in range(3)))

    assert outcomes == [Printed()] * 3
    assert printer.receipts == [ON_PAPER] * 3


async def test_without_paper_or_with_the_cover_open_nothing_is_started() -> None:
    async with SimPrinter.listening() as printer:
        for fault, mended, trouble in [
            ("paper out", "paper in", Trouble.PAPER_OUT),
            ("cover open", "cover closed", Trouble.COVER_OPEN),
        ]:
            printer.command(fault)
            assert await Till(printer).print_once() == NotStarted(reason=trouble)
            printer.command(mended)
        printer.command("silent")
        assert await Till(printer).print_once(pace=HASTE) == NotStarted(reason=Trouble.SILENT)

    assert printer.receipts == []
    assert printer.mechanism.uncut_text == ""


async def test_paper_runs_out_in_the_middle_and_one_receipt_is_printed() -> None:
    async with SimPrinter.listening() as printer:
        printer.command("paper out after 10 lines")
        printing = asyncio.create_task(Till(printer).print_once())
        await printer.until(lambda inside: not inside.has_paper)
        printer.command("paper in")

        assert await printing == Printed()
    assert printer.receipts == [ON_PAPER]


async def test_cut_off_in_the_middle_it_is_known_not_to_be_printed_and_then_printed() -> None:
    async with SimPrinter.listening() as printer:
        till = Till(printer)
        printer.command("drop after 300 bytes")

        assert await till.print_once() == Unknown(reason=Doubt.LINK_LOST)
        assert await till.settle() == NotPrinted()
        assert await till.print_once() == Printed()
    assert len(printer.receipts) == 1
    assert printer.receipts[0].endswith(ON_PAPER)


async def test_cut_off_after_the_last_byte_it_is_known_to_be_printed() -> None:
    async with SimPrinter.listening() as printer:
        till = Till(printer)
        # 21 bytes of questions come before the job, and its own question after it.
        printer.command(f"drop after {21 + len(DATA)} bytes")

        assert await till.print_once() == Unknown(reason=Doubt.LINK_LOST)
        assert await till.settle() == Printed()
    assert printer.receipts == [ON_PAPER]


async def test_cut_off_without_paper_what_the_printer_holds_is_waited_for() -> None:
    async with SimPrinter.listening() as printer:
        till = Till(printer)
        printer.command("paper out after 10")
        printing = asyncio.create_task(till.print_once())
        await printer.until(lambda inside: not inside.has_paper)
        printer.command("drop")

        assert await printing == Unknown(reason=Doubt.LINK_LOST)
        assert await till.settle() == NotStarted(reason=Trouble.PAPER_OUT)
        printer.command("paper in")
        assert await till.settle() == Printed()
    assert printer.receipts == [ON_PAPER]


async def test_switched_off_in_the_middle_the_rest_never_prints() -> None:
    async with SimPrinter.listening() as printer:
        till = Till(printer)
        printer.command("paper out after 10")
        printing = asyncio.create_task(till.print_once())
        await printer.until(lambda inside: not inside.has_paper)
        printer.command("power cycle")
        printer.command("paper in")

        assert await printing == Unknown(reason=Doubt.LINK_LOST)
        assert await till.settle() == NotPrinted()
    assert printer.receipts == []


async def test_a_printer_that_falls_silent_leaves_a_doubt() -> None:
    async with SimPrinter.listening() as printer:
        till = Till(printer)
        printer.command("paper out after 1")
        pace = Pace(answer_s_max=0.3, poll_s=0.02, quiet_polls_max=2)
        printing = asyncio.create_task(till.print_once(pace=pace))
        await till.has_started.wait()
        printer.command("silent")

        assert await printing == Unknown(reason=Doubt.SILENT)


async def test_a_printer_that_is_off_is_gone() -> None:
    async with SimPrinter.listening() as printer:
        address = printer.address

    with pytest.raises(DeviceGone) as gone:
        await open_port(address)
    assert gone.value.reason is GoneReason.REFUSED


async def test_the_program_prints_to_files_takes_faults_and_ends_on_sigterm(
    tmp_path: Path,
) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devices.sim.printer", "--listen", "127.0.0.1:0",
        "--paper", str(tmp_path), cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stderr is not None
    ready = (await program.stdout.readline()).decode().strip()
    assert ready.startswith("listening on tcp://127.0.0.1:")
    printer = SimPrinter()
    printer.address = ready.removeprefix("listening on ")

    program.stdin.write(b"paper out\nnonsense\n")
    complaint = await program.stderr.readline()
    refused = await Till(printer).print_once()
    program.stdin.write(b"paper in\nnonsense\n")
    await program.stderr.readline()
    program.stdin.close()
    printed = [await Till(printer).print_once() for _ in range(2)]
    program.send_signal(signal.SIGTERM)
    code = await asyncio.wait_for(program.wait(), 10)

    assert complaint == b"no such command: 'nonsense'\n"
    assert refused == NotStarted(reason=Trouble.PAPER_OUT)
    assert printed == [Printed(), Printed()]
    assert code == 0
    assert read_all(tmp_path) == {"receipt-000001.txt": ON_PAPER, "receipt-000002.txt": ON_PAPER}
