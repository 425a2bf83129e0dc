"""Goal: the scanner driver survives every kind of port, and tells the truth about it.

Method: the driver over hostile ports; the printer's is in `test_printer_driver`.
"""

import asyncio
import random

import pytest

from devices.ports import GoneReason, Port
from devices.scanner import Scan, ScannerDriver, ScannerEvent, ScannerGone, ScannerReady
from tests.contract.hostile_ports import LossyPort, MemoryPort, OneByteAtATimePort


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
