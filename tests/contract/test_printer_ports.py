"""Goal: the printer driver prints, kicks and settles over every kind of port in the same way.

Method: one suite over a cable in memory, one that gives a byte at a time, real TCP (IPv4 and IPv6)
and a real serial line, with the simulated printer at the end of each; then answers as they were
recorded. What breaks is in `test_printer_driver`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from devices.ports import Port, open_port
from devices.printer import (
    Doubt,
    NotPrinted,
    Pace,
    Printed,
    PrintOutcome,
    Proof,
    Unknown,
    ask_condition,
    kick_drawer,
    settle_job,
)
from devices.printer_status import Condition, Trouble
from devices.sim.mechanism import Mechanism
from devices.sim.printer import SimPrinter
from tests.contract.hostile_ports import (
    LossyPort,
    MemoryPort,
    OneByteAtATimePort,
    RecordedPort,
)
from tests.contract.printing_caller import JOB, MARK, ON_PAPER, WELL, Caller

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
    spool = Caller()

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
    spool = Caller()

    async with bench.open() as port:
        outcome = await spool.print_over(port, pace=Pace())

    assert outcome == Printed()
    assert spool.is_under_way
    assert len(bench.printer.receipts) == 49


async def test_a_printer_that_takes_its_turn_only_is_believed_where_that_is_its_proof(
    bench: Bench,
) -> None:
    bench.printer.confirms = bench.printer.counts_cuts = False
    spool = Caller()

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
        outcome = await Caller().print_over(port, pace=Pace())

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
        assert await Caller().print_over(port, pace=Pace()) == Printed()
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
    spool = Caller()

    assert await spool.print_over(port) == outcome
    assert spool.cuts_before == 12345


async def test_a_counter_with_a_status_in_its_middle_is_not_believed() -> None:
    cover_was_open = b"\x5f1\x30\x00\x00\x002345\x00"
    port = RecordedPort(
        (STATUS, b"\x12\x12\x12"),
        (COUNTER, cover_was_open + b"\x5f12345\x00"),
        (JOB + b"\x1d(H\x06\x0000" + MARK, b"\x37\x22" + MARK + b"\x00"),
    )
    spool = Caller()

    assert await spool.print_over(port) == Printed()
    assert spool.cuts_before is None
