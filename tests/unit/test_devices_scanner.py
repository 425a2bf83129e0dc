"""Goal: the framer's edges, and the driver's manners: one word per change, patient reopening.

Method: literal bytes for the framer. The driver opens from a script of ports and failures; its
clock stands still unless a port moves it, and its sleep only notes how long it should have been.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ports import DeviceGone, GoneReason, Port
from devices.scanner import (
    AHEAD_MS_MAX,
    BACKOFF_S_MAX,
    STEADY_MS,
    DropReason,
    Pace,
    Scan,
    ScanDropped,
    ScanFramer,
    ScannerDriver,
    ScannerEvent,
    ScannerGone,
    ScannerReady,
    ScannerRushing,
    backoff_s,
)

LOST = DeviceGone(GoneReason.LOST, "unplugged")
MISSING = DeviceGone(GoneReason.NOT_FOUND, "no such file")


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\t", b"\x03", b"\r\n\r\n"])
def test_each_terminator_ends_one_scan(end: bytes) -> None:
    assert ScanFramer().receive_bytes(b"4006381333931" + end) == [Scan(code="4006381333931")]


def test_the_group_separator_is_kept() -> None:
    assert ScanFramer().receive_bytes(b"]C110AB\x1d21X\r") == [Scan(code="]C110AB\x1d21X")]


def test_stx_and_line_breaks_are_no_part_of_a_code() -> None:
    assert ScanFramer().receive_bytes(b"\x00\x02123\x03") == [Scan(code="123")]


def test_what_is_not_utf8_is_latin1() -> None:
    assert ScanFramer().receive_bytes(b"caf\xe9\r") == [
        Scan(code="caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    ]


def test_half_a_code_does_not_begin_the_next_one() -> None:
    framer = ScanFramer()

    assert framer.receive_bytes(b"40063") == []
    assert framer.is_mid_code
    assert framer.on_silence() == [ScanDropped(reason=DropReason.HALF, dropped_bytes=5)]
    assert framer.on_silence() == []
    assert framer.receive_bytes(b"123\r") == [Scan(code="123")]


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_its_bounds(failures: int, jitter: float) -> None:
    assert 0.125 <= backoff_s(failures, jitter) <= BACKOFF_S_MAX


class ScriptedPort:
    """Gives its chunks, one a read, and then is gone. None is a silence that never ends."""

    def __init__(self, *chunks: bytes | None, then: Callable[[], None] = lambda: None) -> None:
        self._chunks = list(chunks)
        self._then = then
        self.is_closed = False

    async def read(self) -> bytes:
        if not self._chunks:
            self._then()
            raise LOST
        chunk = self._chunks.pop(0)
        if chunk is None:
            await asyncio.Event().wait()
            raise AssertionError
        return chunk

    async def write(self, data: bytes) -> None:
        raise AssertionError(data)

    async def close(self) -> None:
        self.is_closed = True


class Bench:
    """A driver that runs through a script; the last opening never returns."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.events: list[ScannerEvent] = []
        self.slept_s: list[float] = []

    async def run(self, *script: Port | DeviceGone, silence_s: float = 60.0) -> None:
        openings = list(script)
        finished = asyncio.Event()

        async def open_port() -> Port:
            if not openings:
                finished.set()
                await asyncio.Event().wait()
            opening = openings.pop(0)
            if isinstance(opening, DeviceGone):
                raise opening
            return opening

        def sleep_s(seconds: float) -> Awaitable[None]:
            self.slept_s.append(seconds)
            return asyncio.sleep(0)

        driver = ScannerDriver(
            open_port=open_port,
            on_event=self.events.append,
            now_ms=lambda: self.now_ms,
            sleep_s=sleep_s,
            jitter=lambda: 0.0,
            silence_s=silence_s,
        )
        running = asyncio.create_task(driver.run())
        await finished.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_unplugging_is_told_once_and_so_is_the_return() -> None:
    bench = Bench()
    port = ScriptedPort(b"123\r")

    await bench.run(MISSING, MISSING, port, LOST, LOST, ScriptedPort())

    missing = ScannerGone(reason=GoneReason.NOT_FOUND, detail="no such file")
    lost = ScannerGone(reason=GoneReason.LOST, detail="unplugged")
    assert bench.events == [missing, ScannerReady(), Scan(code="123"), lost, ScannerReady(), lost]
    assert port.is_closed


async def test_another_reason_is_told_because_it_wants_another_hand() -> None:
    bench = Bench()
    busy = DeviceGone(GoneReason.BUSY, "locked")
    denied = DeviceGone(GoneReason.DENIED, "not in the group dialout")

    await bench.run(MISSING, denied, denied, busy, busy, ScriptedPort())

    told = [event.reason for event in bench.events if isinstance(event, ScannerGone)]
    assert told == [GoneReason.NOT_FOUND, GoneReason.DENIED, GoneReason.BUSY, GoneReason.LOST]


async def test_a_missing_scanner_is_tried_ever_more_rarely() -> None:
    bench = Bench()

    await bench.run(*[MISSING] * 7)

    assert bench.slept_s == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


async def test_a_scanner_that_comes_and_goes_is_tried_ever_more_rarely() -> None:
    bench = Bench()

    await bench.run(*[ScriptedPort() for _ in range(4)])

    assert bench.slept_s == [0.25, 0.5, 1.0, 2.0]


async def test_a_steady_scanner_is_reopened_quickly() -> None:
    bench = Bench()

    def a_while_passes() -> None:
        bench.now_ms += STEADY_MS

    await bench.run(MISSING, MISSING, ScriptedPort(then=a_while_passes), MISSING)

    assert bench.slept_s == [0.25, 0.5, 0.25, 0.5]


async def test_half_a_code_is_dropped_when_the_scanner_falls_silent() -> None:
    bench = Bench()
    dropped = asyncio.Event()

    class WakingPort(ScriptedPort):
        async def read(self) -> bytes:
            if any(isinstance(event, ScanDropped) for event in bench.events):
                dropped.set()
            return await super().read()

    port = WakingPort(b"400", None, b"123\r")
    running = asyncio.create_task(bench.run(port, silence_s=0.001))
    await dropped.wait()
    await running

    assert bench.events[:3] == [
        ScannerReady(),
        ScanDropped(reason=DropReason.HALF, dropped_bytes=3),
        Scan(code="123"),
    ]


async def test_half_a_code_does_not_survive_unplugging() -> None:
    bench = Bench()

    await bench.run(ScriptedPort(b"400"), ScriptedPort(b"123\r"))

    assert ScanDropped(reason=DropReason.HALF, dropped_bytes=3) in bench.events
    assert Scan(code="123") in bench.events


async def test_a_scanner_that_never_stops_is_slowed_down_and_loses_nothing() -> None:
    bench = Bench()
    pages = [b"".join(b"%d\r" % number for number in range(page, page + 500)) for page in range(9)]

    await bench.run(ScriptedPort(*pages))

    assert sum(isinstance(event, Scan) for event in bench.events) == 9 * 500
    assert bench.events.count(ScannerRushing(is_so=True)) == 1
    assert sum(bench.slept_s[:-1]) > 1


async def test_a_scanner_that_empties_its_memory_is_read_at_once() -> None:
    bench = Bench()

    await bench.run(ScriptedPort(b"4006381333931\r" * 1_500))

    assert bench.slept_s == [0.25]
    assert not any(isinstance(event, ScannerRushing) for event in bench.events)


def test_a_rush_is_over_when_the_scanner_has_rested_for_as_long_as_it_was_ahead() -> None:
    pace = Pace()

    assert pace.pause_s(AHEAD_MS_MAX, 0) == 0
    assert pace.pause_s(500, 0) == 0.5
    assert pace.pause_s(1, AHEAD_MS_MAX) == 0
    assert pace.is_rushing
    pace.pause_s(1, AHEAD_MS_MAX + 501)
    assert not pace.is_rushing
