"""Goal: a scanner is heard, lost and found again through a real tty, whatever its vices.

Method: the driver over a serial port on the simulated scanner's pty, in this process; then the
program as a program, with each of its faults.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.ports import GoneReason, Port, SerialPort, open_port
from devices.scanner import (
    DropReason,
    Scan,
    ScanDropped,
    ScannerDriver,
    ScannerEvent,
    ScannerGone,
    ScannerReady,
)
from devices.sim.scanner import SimScanner, aim_form

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def heard(
    link: Path, open_port: Callable[[], Awaitable[Port]] | None = None
) -> AsyncIterator[asyncio.Queue[ScannerEvent]]:
    """The events of a driver that runs while the block does."""
    events: asyncio.Queue[ScannerEvent] = asyncio.Queue()
    driver = ScannerDriver(
        open_port=open_port or (lambda: SerialPort.open(str(link))),
        on_event=events.put_nowait,
        now_ms=lambda: time.monotonic_ns() // 1_000_000,
        sleep_s=lambda seconds: asyncio.sleep(seconds / 50),
        jitter=lambda: 0.0,
        silence_s=1.0,  # a busy machine pauses longer than a scanner
    )
    running = asyncio.create_task(driver.run())
    try:
        yield events
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_scans_are_heard_in_order(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        async with heard(tmp_path / "scanner") as events:
            assert await events.get() == ScannerReady()
            for code in (b"4006381333931", b"]C10104006381333931\x1d10AB", b"96385074"):
                assert scanner.scan(code)
                assert await events.get() == Scan(code=code.decode())


async def test_a_scanner_is_found_again_however_often_it_is_unplugged(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        async with heard(tmp_path / "scanner") as events:
            for _ in range(10):
                assert await events.get() == ScannerReady()
                scanner.scan(b"123")
                assert await events.get() == Scan(code="123")
                scanner.unplug()
                assert isinstance(await events.get(), ScannerGone)
                scanner.plug()
            assert await events.get() == ScannerReady()


@dataclass
class Listed:
    """A port as pyserial lists it."""

    device: str
    vid: int | None = 0x0C2E
    pid: int | None = 0x0B61
    serial_number: str | None = "17350B1234"


async def test_a_usb_scanner_is_found_again_under_another_number(tmp_path: Path) -> None:
    """The system gives a replugged device the next free number, ten times over."""

    def listed() -> list[Listed]:
        return [Listed(str(link)) for link in tmp_path.glob("ttyACM*")]

    def open_usb() -> Awaitable[Port]:
        return open_port("usb:0c2e:0b61:17350B1234", listed=listed)

    with SimScanner(link=tmp_path / "ttyACM0") as scanner:
        async with heard(tmp_path, open_usb) as events:
            for number in range(1, 11):
                assert await next_of(events, ScannerReady) == ScannerReady()
                scanner.scan(b"123")
                assert await events.get() == Scan(code="123")
                scanner.unplug()
                assert isinstance(await events.get(), ScannerGone)
                scanner.plug(tmp_path / f"ttyACM{number}")
            await next_of(events, ScannerReady)


async def next_of(events: asyncio.Queue[ScannerEvent], kind: type[ScannerEvent]) -> ScannerEvent:
    """The next event of a kind."""
    while not isinstance(event := await events.get(), kind):
        pass
    return event


async def test_a_port_that_another_program_holds_is_said_to_be_in_use(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        holder = await SerialPort.open(str(tmp_path / "scanner"))
        async with heard(tmp_path / "scanner") as events:
            gone = await events.get()
            assert isinstance(gone, ScannerGone)
            assert gone.reason is GoneReason.BUSY
            await holder.close()
            assert await events.get() == ScannerReady()
            scanner.scan(b"123")
            assert await events.get() == Scan(code="123")


async def test_a_scanner_that_comes_later_is_found(tmp_path: Path) -> None:
    scanner = SimScanner(link=tmp_path / "scanner")
    async with heard(tmp_path / "scanner") as events:
        assert isinstance(await events.get(), ScannerGone)
        with scanner:
            assert await events.get() == ScannerReady()


async def test_what_was_scanned_before_anyone_listened_is_gone(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        scanner.scan(b"stale")
        async with heard(tmp_path / "scanner") as events:
            assert await events.get() == ScannerReady()
            scanner.scan(b"fresh")
            assert await events.get() == Scan(code="fresh")


async def test_nobody_listening_does_not_block_the_scanner(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        assert not all(scanner.scan(b"4006381333931") for _ in range(10_000))


async def test_a_port_works_above_the_limit_of_select(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner, contextlib.ExitStack() as many:
        try:
            for _ in range(1_040):
                many.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return  # this machine's limit is below select's own: nothing to show here
        async with heard(tmp_path / "scanner") as events:
            assert await events.get() == ScannerReady()
            scanner.scan(b"123")
            assert await events.get() == Scan(code="123")


async def test_the_program_types_its_lines_and_ends_on_sigterm(tmp_path: Path) -> None:
    link = tmp_path / "scanner"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devices.sim.scanner", "--link", str(link), cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    assert (await program.stdout.readline()).decode() == f"listening on {link}\n"

    async with heard(link) as events:
        assert await events.get() == ScannerReady()
        program.stdin.write(b"4006381333931\n96385074\n")
        program.stdin.close()
        assert await events.get() == Scan(code="4006381333931")
        assert await events.get() == Scan(code="96385074")
        program.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(program.wait(), 10)
        assert isinstance(await events.get(), ScannerGone)

    assert code == 0
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("commands", "events"),
    [
        (["!terminator lf", "123", "!terminator crlf", "4"], [Scan(code="123"), Scan(code="4")]),
        (["!terminator tab", "123", "!terminator etx", "4"], [Scan(code="123"), Scan(code="4")]),
        (["!prefix stx", "!terminator etx", "123"], [Scan(code="123")]),
        (["!aim on", "4006381333931", "!aim off", "12"],
         [Scan(code="]E04006381333931"), Scan(code="12")]),
        (["0104006381333931<GS>10AB"], [Scan(code="0104006381333931\x1d10AB")]),
        (["!double 123", "4"], [Scan(code="123"), Scan(code="123"), Scan(code="4")]),
        (["!slow 123"], [Scan(code="123")]),
        (["!type !123"], [Scan(code="!123")]),
        (["!half 4006"], [ScanDropped(reason=DropReason.HALF, dropped_bytes=4)]),
        (["!endless 20000"], [ScanDropped(reason=DropReason.TOO_LONG, dropped_bytes=7_090)]),
    ],
)  # fmt: skip
async def test_the_scanner_does_as_it_is_told(
    tmp_path: Path, commands: list[str], events: list[ScannerEvent]
) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        async with heard(tmp_path / "scanner") as told:
            assert await told.get() == ScannerReady()
            for command in commands:
                await scanner.command(command.encode())

            for event in events:
                assert await told.get() == event


async def test_noise_is_bounded_and_the_next_code_is_heard(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        async with heard(tmp_path / "scanner") as events:
            await scanner.command(b"!garbage 100000")
            await scanner.command(b"!type")  # its terminator ends whatever the noise began
            await scanner.command(b"4006381333931")

            while await events.get() != Scan(code="4006381333931"):
                pass


@pytest.mark.parametrize(
    "command", ["!dance", "!", "!terminator nul", "!aim maybe", "!endless x", "!flap 99999"]
)
async def test_what_is_no_command_changes_nothing(tmp_path: Path, command: str) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        with pytest.raises(ValueError, match=r"command|one of|number"):
            await scanner.command(command.encode())

        assert scanner.framed(b"1") == b"1\r"


async def test_what_begins_and_ends_a_code_is_typed_with_it(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        for command in (b"!prefix stx", b"!terminator etx", b"!aim on"):
            await scanner.command(command)

        assert scanner.framed(b"96385074") == b"\x02]E496385074\x03"


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        (b"96385074", b"]E496385074"), (b"012345678905", b"]E00012345678905"),
        (b"14006381333938", b"]I114006381333938"), (b"https://x.example/", b"]Q1https://x.example/"),
        (b"0104006381333931\x1d10AB", b"]d20104006381333931\x1d10AB"), (b"ABC", b"]C0ABC"),
    ],
)  # fmt: skip
def test_a_code_has_the_aim_id_of_what_it_looks_like(code: bytes, sent: bytes) -> None:
    assert aim_form(code) == sent


async def test_the_program_can_be_unplugged_and_come_back_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devices.sim.scanner", "--link", str(here), "--terminator", "lf",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    await program.stdout.readline()

    async with heard(here) as at_first, heard(there) as later:
        assert await next_of(at_first, ScannerReady) == ScannerReady()
        program.stdin.write(f"!unplug\n!plug {there}\n".encode())
        await next_of(at_first, ScannerGone)
        await next_of(later, ScannerReady)
        program.stdin.write(b"!dance\n123\n")
        assert await next_of(later, Scan) == Scan(code="123")

    program.terminate()
    assert await asyncio.wait_for(program.wait(), 10) == 0
