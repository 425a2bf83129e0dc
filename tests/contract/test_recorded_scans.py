"""Goal: what scanners really send is heard and understood, over any port and however it is cut.

Method: `recorded/*.json` has the bytes, read by read, of scanners as their manuals set them up: a
file per setting, with its source. They were written down from the manuals, not captured from a
cable; a capture of a real scanner goes into the same folder. The driver reads them as they came,
as one, one byte at a time, through a pty, and again after an unplugging in their middle.
"""

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devices.ports import DeviceGone, GoneReason, Port, SerialPort
from devices.scanner import Scan, ScannerDriver, ScannerEvent, ScannerGone, ScannerReady
from devices.sim.scanner import SimScanner
from retail.products.barcodes import lookup_keys
from retail.products.scans import read_scan
from tests.contract.hostile_ports import LossyPort, MemoryPort, OneByteAtATimePort

RECORDED = Path(__file__).parent / "recorded"
TODAY = datetime.date(2026, 11, 22)


class Recording(NamedTuple):
    """What a scanner sends, and what it says."""

    name: str
    reads: list[bytes]
    heard: list[dict[str, str | None]]

    def codes(self) -> list[Scan]:
        return [Scan(code=str(one["code"])) for one in self.heard]


def recording(file: Path) -> Recording:
    document = json.loads(file.read_text())
    assert set(document) == {"what", "source", "reads", "heard"}
    reads = [bytes.fromhex(read) for read in document["reads"]]
    return Recording(file.stem, reads, document["heard"])


ALL = [recording(file) for file in sorted(RECORDED.glob("*.json"))]
each_recording = pytest.mark.parametrize("one", ALL, ids=[one.name for one in ALL])


class RecordedPort:
    """Plays a recording back, a chunk a read, and is then unplugged."""

    def __init__(self, reads: list[bytes]) -> None:
        self._reads = list(reads)

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if not self._reads:
            raise DeviceGone(GoneReason.LOST, "unplugged")
        return self._reads.pop(0)

    async def write(self, data: bytes) -> None:
        raise AssertionError(data)

    async def close(self) -> None:
        self._reads.clear()


@contextlib.asynccontextmanager
async def listening(*ports: Port) -> AsyncIterator[asyncio.Queue[ScannerEvent]]:
    """What a driver tells that finds these ports one after the other."""
    events: asyncio.Queue[ScannerEvent] = asyncio.Queue()
    left = list(ports)

    async def open_next() -> Port:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    driver = ScannerDriver(
        open_port=open_next,
        on_event=events.put_nowait,
        now_ms=lambda: 0,
        sleep_s=lambda _: asyncio.sleep(0),
        jitter=lambda: 0.0,
        silence_s=60.0,
    )
    running = asyncio.create_task(driver.run())
    try:
        yield events
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def ports_with(reads: list[bytes]) -> list[Port]:
    """The recording over every kind of port."""
    whole = MemoryPort()
    whole.feed(b"".join(reads))
    whole.unplug()
    return [
        RecordedPort(reads),
        whole,
        OneByteAtATimePort(RecordedPort(reads)),
        LossyPort(RecordedPort(reads), is_kept=lambda: True),
    ]


@each_recording
@pytest.mark.parametrize("kind", range(4), ids=["as it came", "whole", "byte by byte", "filtered"])
async def test_what_a_scanner_sends_is_heard_over_any_port(one: Recording, kind: int) -> None:
    async with listening(ports_with(one.reads)[kind]) as events:
        told = [await events.get() for _ in range(len(one.heard) + 2)]

    gone = ScannerGone(reason=GoneReason.LOST, detail="unplugged")
    assert told == [ScannerReady(), *one.codes(), gone]


@each_recording
async def test_what_a_scanner_sends_is_heard_through_a_real_tty(
    one: Recording, tmp_path: Path
) -> None:
    with SimScanner(link=tmp_path / "scanner") as scanner:
        async with listening(await SerialPort.open(str(tmp_path / "scanner"))) as events:
            assert await events.get() == ScannerReady()
            for read in one.reads:
                assert scanner.type_bytes(read)

            assert [await events.get() for _ in one.heard] == one.codes()


@each_recording
async def test_unplugged_in_the_middle_of_a_code_the_next_one_is_heard_whole(
    one: Recording,
) -> None:
    cut = RecordedPort([one.reads[0][: len(one.reads[0]) // 2]])

    async with listening(cut, RecordedPort(one.reads)) as events:
        while not isinstance(await events.get(), ScannerGone):
            pass
        assert await events.get() == ScannerReady()
        assert [await events.get() for _ in one.heard] == one.codes()


@each_recording
def test_what_is_heard_is_understood(one: Recording) -> None:
    for heard in one.heard:
        code = str(heard["code"])

        assert heard["key"] in lookup_keys(code)
        assert read_scan(code, TODAY).symbology == heard["symbology"]
        assert read_scan(code, TODAY).fault is None


async def test_a_lossy_cable_never_makes_another_product_of_a_gs1_code() -> None:
    """A byte that is lost costs the scan; the check digit and the field lengths notice it."""
    (datamatrix,) = (one for one in ALL if one.name == "gs1-datamatrix")
    stream = b"".join(datamatrix.reads)
    ours = lookup_keys(datamatrix.codes()[0].code)[1:]

    for lost in range(len(stream) - 1):
        async with listening(RecordedPort([stream[:lost] + stream[lost + 1 :]])) as events:
            assert await events.get() == ScannerReady()
            scan = await events.get()
        assert isinstance(scan, Scan)
        found = set(lookup_keys(scan.code)[1:])
        assert not found or found == set(ours), (lost, scan)
