"""Goal: a scanner is heard, lost and found again through a real tty.

Method: the driver over a serial port on the simulated scanner's pty, in this process; then the
program as a program.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from devices.ports import SerialPort
from devices.scanner import Scan, ScannerDriver, ScannerEvent, ScannerGone, ScannerReady
from devices.sim.scanner import SimScanner

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def heard(link: Path) -> AsyncIterator[asyncio.Queue[ScannerEvent]]:
    """The events of a driver that runs while the block does."""
    events: asyncio.Queue[ScannerEvent] = asyncio.Queue()
    driver = ScannerDriver(
        open_port=lambda: SerialPort.open(str(link)),
        on_event=events.put_nowait,
        now_ms=lambda: time.monotonic_ns() // 1_000_000,
        sleep_s=lambda seconds: asyncio.sleep(seconds / 50),
        jitter=lambda: 0.0,
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
