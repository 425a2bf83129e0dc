"""Goal: whatever breaks under the printer driver, it never tells a lie about the paper.

Method: ports that lose bytes, are unplugged or talk nonsense, with the simulated printer's inside
at the end of the cable, so that "printed" can be compared with what is on paper.
"""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.printer import (
    HEARD_BYTES_MAX,
    Doubt,
    NotPrinted,
    NotStarted,
    Pace,
    Printed,
    PrintOutcome,
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
from tests.contract.hostile_ports import (
    LossyPort,
    MemoryPort,
    UnpluggedPort,
)
from tests.contract.printing_caller import HASTE, JOB, JOB_ID, ON_PAPER, Caller


async def test_nothing_is_sent_before_the_caller_has_stored_the_job() -> None:
    printer = Mechanism()
    port = MemoryPort(printer.receive_bytes)

    async def disk_is_full(_: int | None) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await print_job(
            port,
            job_id=JOB_ID,
            data=JOB,
            before_first_byte=disk_is_full,
            on_condition=lambda _: None,
        )
    assert (printer.receipts, printer.uncut_text) == ([], "")


async def settled_at_last(printer: Mechanism, spool: Caller) -> Settlement:
    """Half a command in the buffer eats the first questions; then the printer hears again."""
    for _ in range(2):
        port = MemoryPort(printer.receive_bytes)
        settled = await settle_job(port, cuts_before=spool.cuts_before, pace=HASTE)
        if not isinstance(settled, NotStarted):
            break
    return settled


@pytest.mark.parametrize("after_bytes", range(80))
async def test_unplugged_anywhere_the_outcome_is_never_a_lie(after_bytes: int) -> None:
    printer, spool = Mechanism(), Caller()
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
    printer, spool = Mechanism(), Caller()

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
        outcome = await Caller().print_over(port, pace=pace)

        assert outcome == NotStarted(reason=trouble)
        assert (printer.held_bytes, printer.uncut_text) == (0, "")


async def test_a_printer_that_answers_nonsense_is_silent() -> None:
    port = MemoryPort(lambda _: b"\xff\xfe HTTP/1.1 400 Bad Request\r\n")

    assert await ask_condition(port, pace=HASTE) == Condition(trouble=Trouble.SILENT)


async def test_a_printer_that_never_stops_talking_is_silent() -> None:
    class BabblingPort(MemoryPort):
        said_bytes = 0

        async def read(self) -> bytes:
            await asyncio.sleep(0)
            self.said_bytes += 100
            return b"\xff" * 100

    port = BabblingPort()
    patient = Pace(answer_s_max=3_600)

    assert await ask_condition(port, pace=patient) == Condition(trouble=Trouble.SILENT)
    assert port.said_bytes < HEARD_BYTES_MAX + 1_000


async def test_a_job_waits_for_paper_and_is_not_sent_twice() -> None:
    printer, spool = Mechanism(lines_left=1), Caller()
    port = MemoryPort(printer.receive_bytes)
    ran_out = asyncio.Event()

    def on_condition(condition: Condition) -> None:
        if condition.trouble is Trouble.PAPER_OUT:
            ran_out.set()

    printing = asyncio.create_task(
        print_job(
            port,
            job_id=JOB_ID,
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
    printer, spool = Mechanism(lines_left=1), Caller()
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

    outcome = await Caller().print_over(port, pace=Pace(poll_s=0.001, quiet_polls_max=2))

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)


async def test_without_any_proof_a_doubt_is_left() -> None:
    printer, spool = Mechanism(confirms=False, counts_cuts=False), Caller()

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

    outcome = await Caller().print_over(MarkingPort())

    assert outcome == Unknown(reason=Doubt.UNCONFIRMED)
