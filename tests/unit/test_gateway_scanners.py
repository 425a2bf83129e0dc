"""Goal: a register hears its scanner, once per label, and a technician's test takes nothing else.

Method: the worker on a simulated scanner's pty, with a live board; what codes mean is a table.
"""

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from devices.sim.scanner import SimScanner
from gateway.config import ScannerSetting
from gateway.counter.live import LiveBoard, Mailbox
from gateway.counter.scanners import RUSHING, SHOWN_CHARS_MAX, LastScan, ScannerWorker, shown
from gateway.reads import ScanReader
from gateway.selling.picked import Scanned
from gateway.status.report import DeviceState
from retail.products.catalogue import Product
from retail.products.scans import Reading, measure_of, read_scan
from tests.programs import until

GTIN = "04006381333931"
TODAY = datetime.date(2026, 11, 22)
NOW_MS = 1_795_000_000_000
CHEESE = Product(
    sku="cheese", name="Cheese", price_minor=1_299, currency="USD", unit="g",
    price_per_quantity=1_000, barcodes=(GTIN,),
)  # fmt: skip


class Meanings:
    """One product is known; the file may be unreadable."""

    def __init__(self) -> None:
        self.is_broken = False

    def today(self) -> datetime.date:
        return TODAY

    def read(self, code: str) -> Scanned | Reading:
        if self.is_broken:
            raise apsw.IOError
        reading = read_scan(code, TODAY)
        if reading.gtin != GTIN:
            return reading
        return Scanned(CHEESE, measure_of(reading, CHEESE), reading)


@dataclass
class Counter:
    """A worker with its scanner, and the mailboxes of its register and of another."""

    scanner: SimScanner
    worker: ScannerWorker
    meanings: Meanings
    live: LiveBoard
    ours: Mailbox
    theirs: Mailbox
    changes: list[None] = field(default_factory=list)

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next message of a kind at the scanner's register."""
        while True:
            message: dict[str, Any] = json.loads(await self.ours.take())
            if message["type"] == kind:
                return message


@contextlib.asynccontextmanager
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    live, meanings = LiveBoard(), Meanings()
    ours, theirs = live.join("till-1"), live.join("till-2")
    assert ours is not None
    assert theirs is not None
    changes: list[None] = []
    with SimScanner(link=tmp_path / "scanner") as scanner:
        worker = ScannerWorker(
            ScannerSetting(device=str(tmp_path / "scanner"), register="till-1"),
            live,
            cast("ScanReader", meanings),
            wall_ms=lambda: NOW_MS,
            changed=lambda: changes.append(None),
        )
        running = asyncio.create_task(worker.run())
        desk = Counter(scanner, worker, meanings, live, ours, theirs, changes)
        assert (await desk.heard("device"))["state"] == "ready"
        try:
            yield desk
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_register_hears_what_its_scan_means(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        scan = f"]d201{GTIN}172611213103001250\x1d10AB-1\x1d21S7"
        desk.scanner.scan(scan.encode())

        assert await desk.heard("scan") == {
            "type": "scan", "code": scan, "register": "till-1", "at": "2026-11-18T11:06:40.000Z",
            "duplicate": False, "symbology": "GS1 DataMatrix", "sku": "cheese", "quantity": 1_250,
            "line_total_minor": None, "expires_on": "2026-11-21", "is_expired": True,
            "best_before": None, "batch": "AB-1", "serial": "S7", "fault": None,
        }  # fmt: skip
        assert desk.worker.last_scan == LastScan(
            at_ms=NOW_MS,
            symbology="GS1 DataMatrix",
            shown=f"]d201{GTIN}172611213103001250␝10AB-1␝21S7",
        )
        with pytest.raises(asyncio.QueueEmpty):
            desk.theirs._queue.get_nowait()


async def test_a_code_that_nothing_has_is_told_with_its_fault(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.scanner.scan(b"4006381333932")

        heard = await desk.heard("scan")
        assert (heard["sku"], heard["fault"]) == (None, "check-digit")


async def test_a_label_that_is_read_twice_at_once_is_told_as_a_duplicate(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        await desk.scanner.command(b"!double 96385074")
        desk.scanner.scan(b"4006381333931")

        told = [await desk.heard("scan") for _ in range(3)]
        assert [one["duplicate"] for one in told] == [False, True, False]


async def test_a_test_scan_goes_to_the_technician_and_not_to_the_register(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        testing = asyncio.create_task(desk.worker.arm_test())
        another = asyncio.create_task(desk.worker.arm_test())
        await asyncio.sleep(0)
        assert desk.worker.is_testing
        desk.scanner.scan(b"]E04006381333931")

        first = await testing
        assert first is not None
        assert (first.symbology, first.shown) == ("EAN-13", "]E04006381333931")
        assert await another == first
        assert [desk.worker.is_testing] == [False]
        desk.scanner.scan(b"96385074")
        assert (await desk.heard("scan"))["code"] == "96385074"
        assert desk.changes


async def test_a_test_that_nobody_scans_for_gives_the_scanner_back(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        assert await desk.worker.arm_test(within_s=0) is None
        given_up = asyncio.create_task(desk.worker.arm_test())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)

        desk.scanner.scan(b"96385074")

        assert (await desk.heard("scan"))["code"] == "96385074"


@pytest.mark.parametrize(
    ("command", "reason"), [(b"!half 400638", "half"), (b"!endless 9000", "too_long")]
)
async def test_what_did_not_arrive_whole_is_told_to_whoever_heard_the_beep(
    tmp_path: Path, command: bytes, reason: str
) -> None:
    async with counter(tmp_path) as desk:
        await desk.scanner.command(command)

        assert await desk.heard("scan.dropped") == {
            "type": "scan.dropped", "register": "till-1", "at": "2026-11-18T11:06:40.000Z",
            "reason": reason,
        }  # fmt: skip
        assert desk.worker.last_drop is not None


async def test_a_scanner_that_drops_three_scans_in_a_row_is_sick_until_one_arrives(
    tmp_path: Path,
) -> None:
    async with counter(tmp_path) as desk:
        for _ in range(3):
            assert desk.worker.state is DeviceState.READY
            desk.scanner.type_bytes(b"400638")
            await desk.heard("scan.dropped")

        told = await desk.heard("device")
        assert told["state"] == "attention"
        assert "nothing behind its codes" in told["detail"]
        desk.scanner.scan(b"96385074")
        assert (await desk.heard("device"))["state"] == "ready"


async def test_a_scanner_that_never_ends_is_sick_at_once(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        await desk.scanner.command(b"!endless 9000")

        assert (await desk.heard("device"))["state"] == "attention"
        assert desk.worker.detail == "longer than any code"


async def test_a_scanner_that_types_without_end_is_sick_and_the_log_does_not_grow_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.scanner.AHEAD_MS_MAX", 100)
    async with counter(tmp_path) as desk:
        desk.live.leave(desk.ours)

        async def all_is_read() -> bool:
            return desk.worker.last_scan is not None and desk.worker.last_scan.shown == "199"

        with caplog.at_level("INFO"):
            desk.scanner.type_bytes(b"".join(b"%d\r" % number for number in range(200)))
            await until(all_is_read)

        assert (desk.worker.state, desk.worker.detail) == (DeviceState.ATTENTION, RUSHING)
        assert [one.message for one in caplog.records].count("scan heard by nobody") == 1


async def test_a_disk_that_cannot_be_read_does_not_silence_the_scanner(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.meanings.is_broken = True
        desk.scanner.scan(b"96385074")
        assert (await desk.heard("scan"))["sku"] is None
        desk.meanings.is_broken = False
        desk.scanner.scan(f"01{GTIN}".encode())

        assert (await desk.heard("scan"))["sku"] == "cheese"


def test_a_code_is_shown_with_what_cannot_be_seen_and_never_without_end() -> None:
    assert shown("]C110AB\x1d21X\x7f") == "]C110AB␝21X␡"
    assert shown("9" * SHOWN_CHARS_MAX) == "9" * SHOWN_CHARS_MAX
    assert len(shown("9" * 7_000)) == SHOWN_CHARS_MAX
