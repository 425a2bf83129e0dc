"""Goal: the printer driver survives every kind of port, and tells the truth about it.

Method: one suite over a cable in memory, ports that give one byte at a time or lose some, recorded
answers, real TCP (IPv4 and IPv6) and a real serial line; the simulated printer stands at the end of
each, so that "printed" can be compared with what is on paper.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ports import Port, open_port
from devices.printer import (
    Doubt,
    NotPrinted,
    NotStarted,
    Pace,
    Printed,
    PrintOutcome,
    Proof,
    Settlement,
    Unknown,
    ask_condition,
    kick_drawer,
    print_job,
    settle_job,
)
from devices.printer_status import Condition, Trouble
from devices.printer_wire import KICK_DRAWER, mark_of
from devices.sim.mechanism import Mechanism
from devices.sim.printer import SimPrinter
from tests.contract.hostile_ports import (
    LossyPort,
    MemoryPort,
    OneByteAtATimePort,
    RecordedPort,
    UnpluggedPort,
)

JOB = b"\x1b@\x1bt\x10one\ntwo\n\x1bd\x06\x1dV\x00"
ON_PAPER = "one\ntwo\n"
HASTE = Pace(answer_s_max=0.005, poll_s=0.005, quiet_polls_max=2)
WELL = Condition(trouble=None, is_pin_high=False)
MARK = mark_of("riverside.1-42")


class Spool:
    """What a caller keeps of one job, and what it was told."""

    def __init__(self) -> None:
        self.is_under_way = False
        self.cuts_before: int | None = None
        self.conditions: list[Condition] = []

    async def before_first_byte(self, cuts: int | None) -> None:
        self.is_under_way, self.cuts_before = True, cuts

    async def print_over(
        self, port: Port, *, pace: Pace = HASTE, proof: Proof = Proof.FINISHED
    ) -> PrintOutcome:
        return await print_job(
            port,
            job_id="riverside.1-42",
            data=JOB,
            before_first_byte=self.before_first_byte,
            on_condition=self.conditions.append,
            proof=proof,
            pace=pace,
        )


# --- one suite over all ports ---------------------------------------------------------------------


class Bench(NamedTuple):
    """A printer, and how to open its end of the cable anew."""

    printer: Mechanism
    open: Callable[[], "AbstractAsyncContextManager[Port]"]


@asynccontextmanager
async def opened(port: Port) -> AsyncIterator[Port]:
    try:
        yield port
    finally:
        await port.close()


@asynccontextmanager
async def opened_at(address: str) -> AsyncIterator[Port]:
    port = await open_port(address, has_flow_control=True)
    async with opened(port):
        yield port


@pytest.fixture(params=["memory", "one byte", "lossless", "tcp", "tcp6", "pty"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A printer at each kind of port."""
    kind = request.param
    if kind in {"tcp", "tcp6"}:
        async with SimPrinter.listening(host="::1" if kind == "tcp6" else "127.0.0.1") as printer:
            yield Bench(printer.mechanism, lambda: opened_at(printer.address))
    elif kind == "pty":
        async with SimPrinter.on_line(link=tmp_path / "printer") as printer:
            yield Bench(printer.mechanism, lambda: opened_at(printer.address))
    else:
        mechanism = Mechanism()
        fronts: dict[str, Callable[[Port], Port]] = {
            "memory": lambda port: port,
            "one byte": OneByteAtATimePort,
            "lossless": lambda port: LossyPort(port, is_kept=lambda: True),
        }
        yield Bench(mechanism, lambda: opened(fronts[kind](MemoryPort(mechanism.receive_bytes))))


async def test_a_job_is_printed_over_any_port(bench: Bench) -> None:
    spool = Spool()

    async with bench.open() as port:
        outcome = await spool.print_over(port, pace=Pace())

    assert outcome == Printed()
    assert (spool.is_under_way, spool.cuts_before) == (True, 0)
    assert spool.conditions == [WELL]
    assert bench.printer.receipts == [ON_PAPER]


async def test_a_job_is_printed_over_any_port_in_the_middle_of_automatic_status(
    bench: Bench,
) -> None:
    bench.printer.interrupts_itself = True
    bench.printer.receipts += ["earlier\n"] * 48
    spool = Spool()

    async with bench.open() as port:
        outcome = await spool.print_over(port, pace=Pace())

    assert outcome == Printed()
    assert spool.is_under_way
    assert len(bench.printer.receipts) == 49


async def test_a_printer_that_takes_its_turn_only_is_believed_where_that_is_its_proof(
    bench: Bench,
) -> None:
    bench.printer.confirms = bench.printer.counts_cuts = False
    spool = Spool()

    async with bench.open() as port:
        outcome = await spool.print_over(port, pace=Pace(), proof=Proof.TAKEN)

    assert outcome == Printed()
    assert spool.cuts_before is None
    assert bench.printer.receipts == [ON_PAPER]


async def test_the_counter_speaks_over_any_port_where_there_is_no_confirmation(
    bench: Bench,
) -> None:
    bench.printer.confirms = False

    async with bench.open() as port:
        outcome = await Spool().print_over(port, pace=Pace())

    assert outcome == Printed()


async def test_its_condition_is_heard_over_any_port(bench: Bench) -> None:
    for name, value, expected in [
        ("is_paper_low", True, Condition(trouble=None, is_paper_low=True, is_pin_high=False)),
        ("is_paper_low", False, WELL),
        ("is_drawer_open", True, Condition(trouble=None, is_pin_high=True)),
        ("is_drawer_open", False, WELL),
        ("is_jammed", True, Condition(trouble=Trouble.FAULT, is_pin_high=False)),
    ]:
        setattr(bench.printer, name, value)
        async with bench.open() as port:
            assert await ask_condition(port) == expected


async def test_the_drawer_is_kicked_once_over_any_port(bench: Bench) -> None:
    stored: list[int] = []

    async def before_first_byte() -> None:
        stored.append(bench.printer.kicks)

    async with bench.open() as port:
        outcome = await kick_drawer(port, before_first_byte=before_first_byte)

    assert outcome == Printed()
    assert (stored, bench.printer.kicks, bench.printer.is_drawer_open) == ([0], 1, True)


async def test_what_was_not_cut_is_known_over_any_port(bench: Bench) -> None:
    async with bench.open() as port:
        await port.write(JOB[:10])

    async with bench.open() as port:
        assert await settle_job(port, cuts_before=0) == NotPrinted()
    async with bench.open() as port:
        assert await Spool().print_over(port, pace=Pace()) == Printed()
    async with bench.open() as port:
        assert await settle_job(port, cuts_before=0) == Printed()
    async with bench.open() as port:
        settled = await settle_job(port, cuts_before=0, is_exclusive=False)

    assert settled == Unknown(reason=Doubt.SOMEBODY_CUT)


# --- recorded answers -----------------------------------------------------------------------------

STATUS = b"\x10\x04\x01\x10\x04\x02\x10\x04\x04"
COUNTER = b"\x1dg2\x00\xb2\x00" * 2
TRAILER = b"\x1d(H\x06\x0000" + MARK + COUNTER


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (b"\x37\x22" + MARK + b"\x00", Printed()),
        (b"\x37\x22" + MARK[:2] + b"\x18\x00\x00\x00" + MARK[2:] + b"\x00", Printed()),
        (b"\x5f12346\x00" * 2, Printed()),
        (b"\x5f12345\x00" * 2, Unknown(reason=Doubt.UNCONFIRMED)),
        (b"\x5f12347\x00" * 2, Unknown(reason=Doubt.UNCONFIRMED)),
        (b"\x5f12346\x00\x5f1236\x00", Unknown(reason=Doubt.SILENT)),
    ],
)
async def test_recorded_answers_are_understood(answers: bytes, outcome: PrintOutcome) -> None:
    port = RecordedPort(
        (STATUS, b"\x12\x12\x12"), (COUNTER, b"\x5f12345\x00" * 2), (JOB + TRAILER, answers)
    )
    spool = Spool()

    assert await spool.print_over(port) == outcome
    assert spool.cuts_before == 12345


async def test_a_counter_with_a_status_in_its_middle_is_not_believed() -> None:
    cover_was_open = b"\x5f1\x30\x00\x00\x002345\x00"
    port = RecordedPort(
        (STATUS, b"\x12\x12\x12"),
        (COUNTER, cover_was_open + b"\x5f12345\x00"),
        (JOB + b"\x1d(H\x06\x0000" + MARK, b"\x37\x22" + MARK + b"\x00"),
    )
    spool = Spool()

    assert await spool.print_over(port) == Printed()
    assert spool.cuts_before is None


# --- faults ---------------------------------------------------------------------------------------


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
            on_condition=lambda _: None,
        )
    assert (printer.receipts, printer.uncut_text) == ([], "")


async def settled_at_last(printer: Mechanism, spool: Spool) -> Settlement:
    """Half a command in the buffer eats the first questions; then the printer hears again."""
    for _ in range(2):
        port = MemoryPort(printer.receive_bytes)
        settled = await settle_job(port, cuts_before=spool.cuts_before, pace=HASTE)
        if not isinstance(settled, NotStarted):
            break
    return settled


@pytest.mark.parametrize("after_bytes", range(80))
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
            settled = await settled_at_last(printer, spool)
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
        (Mechanism(is_jammed=True), Trouble.FAULT),
    ],
)
async def test_a_printer_in_trouble_is_sent_nothing(
    printer: Mechanism, trouble: Trouble | None
) -> None:
    pace = HASTE if trouble is Trouble.SILENT else Pace()
    port = MemoryPort(printer.receive_bytes)

    assert (await ask_condition(port, pace=pace)).trouble is trouble
    if trouble is not None:
        outcome = await Spool().print_over(port, pace=pace)

        assert outcome == NotStarted(reason=trouble)
        assert (printer.held_bytes, printer.uncut_text) == (0, "")


async def test_a_printer_that_answers_nonsense_is_silent() -> None:
    port = MemoryPort(lambda _: b"\xff\xfe HTTP/1.1 400 Bad Request\r\n")

    assert await ask_condition(port, pace=HASTE) == Condition(trouble=Trouble.SILENT)


async def test_a_printer_that_never_stops_talking_is_silent() -> None:
    class BabblingPort(MemoryPort):
        async def read(self) -> bytes:
            await asyncio.sleep(0)
            return b"\xff" * 100

    assert await ask_condition(BabblingPort(), pace=HASTE) == Condition(trouble=Trouble.SILENT)


async def test_a_job_waits_for_paper_and_is_not_sent_twice() -> None:
    printer, spool = Mechanism(lines_left=1), Spool()
    port = MemoryPort(printer.receive_bytes)
    ran_out = asyncio.Event()

    def on_condition(condition: Condition) -> None:
        if condition.trouble is Trouble.PAPER_OUT:
            ran_out.set()

    printing = asyncio.create_task(
        print_job(
            port,
            job_id="riverside.1-42",
            data=JOB,
            before_first_byte=spool.before_first_byte,
            on_condition=on_condition,
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
    assert spool.conditions[1].trouble is Trouble.PAPER_OUT


async def test_the_confirmation_of_another_job_is_not_ours() -> None:
    printer = Mechanism(confirms=False, counts_cuts=False)
    port = MemoryPort(lambda data: printer.receive_bytes(data) + b"\x37\x22job0\x00")

    outcome = await Spool().print_over(port, pace=Pace(poll_s=0.001, quiet_polls_max=2))

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)


async def test_without_any_proof_a_doubt_is_left() -> None:
    printer, spool = Mechanism(confirms=False, counts_cuts=False), Spool()

    outcome = await spool.print_over(
        MemoryPort(printer.receive_bytes), pace=Pace(poll_s=0.005, quiet_polls_max=2)
    )

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)
    settled = await settle_job(MemoryPort(printer.receive_bytes), cuts_before=spool.cuts_before)
    assert settled == Unknown(reason=Doubt.UNCONFIRMED)


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


async def test_a_drawer_is_not_kicked_without_paper_lest_it_open_later() -> None:
    printer = Mechanism(has_paper=False)

    async def before_first_byte() -> None:
        raise AssertionError("nothing is under way")

    outcome = await kick_drawer(
        MemoryPort(printer.receive_bytes), before_first_byte=before_first_byte
    )

    assert outcome == NotStarted(reason=Trouble.PAPER_OUT)
    assert (printer.held_bytes, printer.kicks) == (0, 0)


@pytest.mark.parametrize("after_bytes", range(9, 18))
async def test_a_kick_that_breaks_off_is_unknown_and_one_at_most(after_bytes: int) -> None:
    printer = Mechanism()
    port = UnpluggedPort(MemoryPort(printer.receive_bytes), after_bytes=after_bytes)

    async def before_first_byte() -> None:
        pass

    outcome = await kick_drawer(port, before_first_byte=before_first_byte, pace=HASTE)

    assert outcome == Unknown(reason=Doubt.LINK_LOST)
    assert printer.kicks == (1 if after_bytes >= 9 + len(KICK_DRAWER) else 0)


async def test_marks_without_end_are_not_remembered() -> None:
    class MarkingPort(MemoryPort):
        async def read(self) -> bytes:
            await asyncio.sleep(0)
            return b"".join(
                b"\x37\x22" + mark_of(str(number)) + b"\x00\x12\x12\x12" for number in range(50)
            )

    outcome = await Spool().print_over(MarkingPort())

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)
