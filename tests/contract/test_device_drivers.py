"""Goal: every driver survives every kind of port, and tells the truth about it.

Method: the scanner driver and the printer driver over hostile ports, with the simulated printer's
inside at the end of the cable, so that "printed" can be compared with what is on paper.
"""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ports import GoneReason, Port
from devices.printer import (
    Doubt,
    NotPrinted,
    NotStarted,
    Pace,
    Printed,
    PrintOutcome,
    Trouble,
    Unknown,
    ask_trouble,
    print_job,
    settle_job,
)
from devices.scanner import Scan, ScannerDriver, ScannerEvent, ScannerGone, ScannerReady
from devices.sim.mechanism import Mechanism
from tests.contract.hostile_ports import LossyPort, MemoryPort, OneByteAtATimePort, UnpluggedPort

JOB = b"\x1b@\x1bt\x10one\ntwo\n\x1bd\x06\x1dV\x00"
ON_PAPER = "one\ntwo\n"
HASTE = Pace(answer_s_max=0.005, poll_s=0.005, quiet_polls_max=2)


# --- the scanner driver ---------------------------------------------------------------------------


async def scanned(port: Port, inner: MemoryPort, stream: bytes) -> list[ScannerEvent]:
    """What a driver tells of a scanner that types `stream` and is then unplugged, for good."""
    events: list[ScannerEvent] = []
    ports = [port]
    finished = asyncio.Event()

    async def open_once() -> Port:
        if not ports:
            finished.set()
            await asyncio.Event().wait()
        return ports.pop()

    driver = ScannerDriver(
        open_port=open_once,
        on_event=events.append,
        now_ms=lambda: 0,
        sleep_s=lambda _: asyncio.sleep(0),
        jitter=lambda: 0.0,
    )
    inner.feed(stream)
    inner.unplug()
    running = asyncio.create_task(driver.run())
    await finished.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return events


def front_ports(inner: MemoryPort) -> list[Port]:
    return [inner, OneByteAtATimePort(inner), LossyPort(inner, is_kept=lambda: True)]


@pytest.mark.parametrize("front", [0, 1, 2])
async def test_the_scanner_is_heard_over_any_port(front: int) -> None:
    inner = MemoryPort()

    events = await scanned(front_ports(inner)[front], inner, b"4006381333931\r\n96385074\t")

    assert events == [
        ScannerReady(),
        Scan(code="4006381333931"),
        Scan(code="96385074"),
        ScannerGone(reason=GoneReason.LOST, detail="unplugged"),
    ]


async def test_a_lossy_cable_costs_codes_and_nothing_else() -> None:
    dice = random.Random(4006381333931)  # noqa: S311 - a seed, not a secret
    inner = MemoryPort()
    lossy = LossyPort(inner, is_kept=lambda: dice.random() > 0.02)

    events = await scanned(lossy, inner, b"4006381333931\r" * 500)

    whole = [event for event in events if event == Scan(code="4006381333931")]
    assert 300 < len(whole) < 500
    assert isinstance(events[-1], ScannerGone)


# --- the printer driver ---------------------------------------------------------------------------


class Spool:
    """What a caller keeps of one job, and what it was told."""

    def __init__(self) -> None:
        self.is_under_way = False
        self.cuts_before: int | None = None
        self.troubles: list[Trouble | None] = []

    async def before_first_byte(self, cuts: int | None) -> None:
        self.is_under_way, self.cuts_before = True, cuts

    async def print_over(self, port: Port, *, pace: Pace = HASTE) -> PrintOutcome:
        return await print_job(
            port,
            job_id="riverside.1-42",
            data=JOB,
            before_first_byte=self.before_first_byte,
            on_trouble=self.troubles.append,
            pace=pace,
        )


@pytest.mark.parametrize("front", [0, 1, 2])
async def test_a_job_is_printed_over_any_port(front: int) -> None:
    printer, spool = Mechanism(), Spool()

    outcome = await spool.print_over(
        front_ports(MemoryPort(printer.receive_bytes))[front], pace=Pace()
    )

    assert outcome == Printed()
    assert (spool.is_under_way, spool.cuts_before) == (True, 0)
    assert printer.receipts == [ON_PAPER]


async def test_nothing_is_sent_before_the_caller_has_stored_the_job() -> None:
    printer = Mechanism()
    port = MemoryPort(printer.receive_bytes)

    async def disk_is_full(_: int | None) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await print_job(
            port,
            job_id="riverside.1-42",
            data=JOB,
            before_first_byte=disk_is_full,
            on_trouble=lambda _: None,
        )
    assert (printer.receipts, printer.uncut_text) == ([], "")


@pytest.mark.parametrize("after_bytes", range(0, 70, 3))
async def test_unplugged_anywhere_the_outcome_is_never_a_lie(after_bytes: int) -> None:
    printer, spool = Mechanism(), Spool()
    port = UnpluggedPort(MemoryPort(printer.receive_bytes), after_bytes=after_bytes)

    outcome = await spool.print_over(port, pace=Pace())

    match outcome:
        case Printed():
            assert printer.receipts == [ON_PAPER]
        case NotStarted():
            assert (printer.receipts, printer.uncut_text) == ([], "")
            assert not spool.is_under_way
        case Unknown():
            settled = await settle_job(
                MemoryPort(printer.receive_bytes), cuts_before=spool.cuts_before
            )
            assert settled == (Printed() if printer.receipts else NotPrinted())
            assert printer.held_bytes == 0


@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.01, 0.1, 0.5]))
def test_whatever_answers_are_lost_printed_means_on_paper(seed: int, loss: float) -> None:
    dice = random.Random(seed)  # noqa: S311 - a seed, not a secret
    printer, spool = Mechanism(), Spool()

    async def run() -> PrintOutcome:
        port = LossyPort(MemoryPort(printer.receive_bytes), is_kept=lambda: dice.random() >= loss)
        return await spool.print_over(port)

    outcome = asyncio.run(run())

    assert len(printer.receipts) == (1 if spool.is_under_way else 0)
    assert isinstance(outcome, NotStarted) == (not spool.is_under_way)


@pytest.mark.parametrize(
    ("printer", "trouble"),
    [
        (Mechanism(), None),
        (Mechanism(has_paper=False), Trouble.PAPER_OUT),
        (Mechanism(is_cover_open=True), Trouble.COVER_OPEN),
        (Mechanism(is_silent=True), Trouble.SILENT),
    ],
)
async def test_a_printer_in_trouble_is_sent_nothing(
    printer: Mechanism, trouble: Trouble | None
) -> None:
    pace = HASTE if trouble is Trouble.SILENT else Pace()
    port = MemoryPort(printer.receive_bytes)

    assert await ask_trouble(port, pace=pace) is trouble
    if trouble is not None:
        outcome = await Spool().print_over(port, pace=pace)

        assert outcome == NotStarted(reason=trouble)
        assert (printer.held_bytes, printer.uncut_text) == (0, "")


async def test_a_printer_that_answers_nonsense_is_silent() -> None:
    port = MemoryPort(lambda _: b"\xff\xfe HTTP/1.1 400 Bad Request\r\n")

    assert await ask_trouble(port, pace=HASTE) is Trouble.SILENT


async def test_a_printer_that_never_stops_talking_is_silent() -> None:
    class BabblingPort(MemoryPort):
        async def read(self) -> bytes:
            await asyncio.sleep(0)
            return b"\xff" * 100

    assert await ask_trouble(BabblingPort(), pace=HASTE) is Trouble.SILENT


async def test_a_job_waits_for_paper_and_is_not_sent_twice() -> None:
    printer, spool = Mechanism(lines_left=1), Spool()
    port = MemoryPort(printer.receive_bytes)
    ran_out = asyncio.Event()

    def on_trouble(trouble: Trouble | None) -> None:
        spool.troubles.append(trouble)
        if trouble is Trouble.PAPER_OUT:
            ran_out.set()

    printing = asyncio.create_task(
        print_job(
            port,
            job_id="riverside.1-42",
            data=JOB,
            before_first_byte=spool.before_first_byte,
            on_trouble=on_trouble,
            pace=Pace(poll_s=0.001, quiet_polls_max=100_000),
        )
    )
    await ran_out.wait()
    printer.has_paper = True
    port.feed(printer.work())

    assert await printing == Printed()
    assert printer.receipts == [ON_PAPER]


async def test_a_printer_that_says_why_never_runs_out_of_time() -> None:
    printer, spool = Mechanism(lines_left=1), Spool()
    rounds = 0

    def answer(data: bytes) -> bytes:
        nonlocal rounds
        rounds += data.startswith(b"\x10\x04")
        if rounds == 20:
            printer.has_paper = True
        return printer.receive_bytes(data)

    pace = Pace(poll_s=0.001, quiet_polls_max=3)

    assert await spool.print_over(MemoryPort(answer), pace=pace) == Printed()
    assert printer.receipts == [ON_PAPER]
    assert spool.troubles[0] is Trouble.PAPER_OUT


async def test_the_confirmation_of_another_job_is_not_ours() -> None:
    printer = Mechanism(confirms=False)
    port = MemoryPort(lambda data: printer.receive_bytes(data) + b"\x37\x22job0\x00")

    outcome = await Spool().print_over(port, pace=Pace(poll_s=0.001, quiet_polls_max=2))

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)


async def test_a_printer_without_confirmation_leaves_a_doubt_that_the_counter_settles() -> None:
    printer, spool = Mechanism(confirms=False), Spool()

    outcome = await spool.print_over(
        MemoryPort(printer.receive_bytes), pace=Pace(poll_s=0.005, quiet_polls_max=2)
    )

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)
    settled = await settle_job(MemoryPort(printer.receive_bytes), cuts_before=spool.cuts_before)
    assert settled == Printed()


async def test_without_a_counter_nothing_is_guessed() -> None:
    printer = Mechanism(counts_cuts=False)

    settled = await settle_job(MemoryPort(printer.receive_bytes), cuts_before=7, pace=HASTE)

    assert settled == Unknown(reason=Doubt.UNCONFIRMED)


async def test_a_lower_counter_is_another_printer() -> None:
    settled = await settle_job(MemoryPort(Mechanism().receive_bytes), cuts_before=7)

    assert settled == Unknown(reason=Doubt.UNCONFIRMED)


async def test_a_printer_without_paper_is_asked_later() -> None:
    printer = Mechanism(has_paper=False)
    printer.receive_bytes(JOB)

    settled = await settle_job(MemoryPort(printer.receive_bytes), cuts_before=0)

    assert settled == NotStarted(reason=Trouble.PAPER_OUT)
    assert printer.held_bytes == len(JOB)
