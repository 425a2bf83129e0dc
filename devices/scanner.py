"""Scanners: bytes become scans.

A scanner types a code and then a terminator. Which one depends on how the scanner was set up, so
every usual one is taken: CR, LF, CR LF, TAB, ETX. An empty code is nothing, which makes CR LF one
terminator. STX (the other half of ETX framing) and NUL (a break on an RS-232 line) are not part of
any code and are left out. Everything else is kept as it came, above all 0x1D, the GS1 separator.

`ScanFramer` and `Repeats` are pure. `ScannerDriver` is the shell around the framer: it owns the
port, opens it again with backoff when the scanner is unplugged, and tells what happened through one
callback.
"""

import asyncio
import enum
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from devices.ports import DeviceGone, GoneReason, Port

SCAN_BYTES_MAX: Final = 7_089
"""The digits of the largest QR symbol (version 40-L, ISO/IEC 18004): no code is longer."""

SILENCE_S: Final = 0.25
"""No scanner pauses this long inside a code: at 9600 baud a byte takes 1 ms, and slow wireless
cradles pause up to 100 ms between packets."""

REPEAT_MS: Final = 300
"""The same code within this long is the same label, read twice. A scanner that reads twice does it
within its own reading time, some 100 ms; a person needs half a second to bring the next piece."""

BACKOFF_S_MIN: Final = 0.25
"""First wait before a port is opened again: a replugged USB device takes about this long."""

BACKOFF_S_MAX: Final = 5.0
"""Longest wait: a technician who plugs a scanner in looks at the page for about this long."""

SCAN_MS: Final = 2
BYTE_MS: Final = 0.01
"""The pace at which a scanner is read in the long run: 500 scans or 100 KB in a second."""

AHEAD_MS_MAX: Final = 4_000
"""A scanner may be this far ahead of that pace, as one with a memory is that empties it at once.
One that goes on is read more slowly: the rest waits in the system's buffer."""

STEADY_MS: Final = 5_000
"""A port that stayed open for this long was fine: the next backoff starts from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A complete code, without terminator: UTF-8 where it is that, else Latin-1. Never empty."""

    code: str


class DropReason(enum.Enum):
    """Why bytes that came in did not become a scan."""

    TOO_LONG = "longer than any code"
    HALF = "stopped in the middle, or the scanner sends nothing behind its codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanDropped:
    """Bytes were thrown away. Told once per code, so that the page can show a sick scanner.

    What is too long is told when it gets too long: a scanner that never ends is told as well.
    `dropped_bytes` are those that had come by then.
    """

    reason: DropReason
    dropped_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerReady:
    """The port is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerGone:
    """The port cannot be opened, or broke. Told once per reason; the driver keeps trying."""

    reason: GoneReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerRushing:
    """It types more than any scanner does (`is_so`), or that is over. Nothing is dropped."""

    is_so: bool


ScanEvent = Scan | ScanDropped
ScannerEvent = ScanEvent | ScannerReady | ScannerGone | ScannerRushing


class ScanFramer:
    """Cuts a stream of bytes into scans. Bounded, and never raises, whatever comes in."""

    _ENDS: Final = re.compile(rb"[\r\n\t\x03]")
    _SKIPPED: Final = b"\x00\x02"

    def __init__(self) -> None:
        self._pending = bytearray()
        self._is_too_long = False

    @property
    def is_mid_code(self) -> bool:
        """Whether a code has begun and not ended: the driver then watches for silence."""
        return bool(self._pending) or self._is_too_long

    def receive_bytes(self, data: bytes) -> list[ScanEvent]:
        """Take in bytes, cut anywhere, and return the scans that they complete."""
        *ended, begun = self._ENDS.split(data.translate(None, self._SKIPPED))
        events: list[ScanEvent] = []
        for part in ended:
            events += self._add(part)
            events += self._end()
        return events + self._add(begun)

    def on_silence(self) -> list[ScanEvent]:
        """The port was quiet for longer than any scanner pauses: drop half a code."""
        half_bytes = len(self._pending)
        self._pending.clear()
        self._is_too_long = False
        return [ScanDropped(reason=DropReason.HALF, dropped_bytes=half_bytes)] if half_bytes else []

    def _add(self, part: bytes) -> list[ScanEvent]:
        """Keep `part`, or nothing of it once the code is longer than any code can be."""
        if self._is_too_long:
            return []
        if len(self._pending) + len(part) <= SCAN_BYTES_MAX:
            self._pending += part
            return []
        self._pending.clear()
        self._is_too_long = True
        return [ScanDropped(reason=DropReason.TOO_LONG, dropped_bytes=SCAN_BYTES_MAX + 1)]

    def _end(self) -> list[ScanEvent]:
        code = bytes(self._pending)
        self._pending.clear()
        self._is_too_long = False
        return [Scan(code=_text(code))] if code else []


class Repeats:
    """Knows a label that one scanner read twice at once. Pure: time is an argument."""

    def __init__(self, within_ms: int = REPEAT_MS) -> None:
        self._within_ms = within_ms
        self._last: tuple[str, int] | None = None

    def is_repeat(self, code: str, now_ms: int) -> bool:
        """Whether this is the reading before once more; `now_ms` never goes back.

        Counted from the reading before, not from the first: a scanner that goes on reading one
        label is heard once.
        """
        last, self._last = self._last, (code, now_ms)
        return last is not None and last[0] == code and now_ms - last[1] < self._within_ms


class Pace:
    """Leaves time for everything else beside a scanner that never stops. Pure.

    Attributes:
        is_rushing: whether it is being slowed down; until it has been idle for as long as it was
            ahead.
    """

    def __init__(self) -> None:
        self.is_rushing = False
        self._paid_until_ms = 0.0

    def pause_s(self, cost_ms: float, now_ms: int) -> float:
        """Seconds to wait after work of that cost; 0 for whatever people do."""
        if self._paid_until_ms <= now_ms:
            self._paid_until_ms, self.is_rushing = float(now_ms), False
        self._paid_until_ms += cost_ms
        too_far_ms = self._paid_until_ms - now_ms - AHEAD_MS_MAX
        self.is_rushing |= too_far_ms > 0
        return max(0.0, too_far_ms) / 1_000


class ScannerDriver:
    """Keeps one scanner open for as long as `run` runs.

    Args:
        open_port: opens the port anew; raises `DeviceGone`.
        on_event: told of everything, on the event loop, in order. Must return at once and must
            not raise: an exception of its own ends `run`.
        now_ms: a monotonic clock.
        sleep_s: waits; `asyncio.sleep` outside of tests.
        jitter: a number in [0, 1), so that ten scanners on one hub do not knock together.
        silence_s: how long a pause makes half a code stale.
    """

    def __init__(
        self,
        *,
        open_port: Callable[[], Awaitable[Port]],
        on_event: Callable[[ScannerEvent], None],
        now_ms: Callable[[], int],
        sleep_s: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        silence_s: float = SILENCE_S,
    ) -> None:
        self._open_port = open_port
        self._on_event = on_event
        self._now_ms = now_ms
        self._sleep_s = sleep_s
        self._jitter = jitter
        self._silence_s = silence_s
        self._told_gone: GoneReason | None = None
        self._pace = Pace()
        self._told_rushing = False

    async def run(self) -> NoReturn:
        """Open, read, and open again, until cancelled; then the port is closed."""
        failures = 0
        while True:
            opened_ms: int | None = None
            try:
                port = await self._open_port()
                opened_ms = self._now_ms()
                await self._listen(port)
            except DeviceGone as gone:
                self._tell_gone(gone)
            if opened_ms is not None and self._now_ms() - opened_ms >= STEADY_MS:
                failures = 0
            await self._sleep_s(backoff_s(failures, self._jitter()))
            failures += 1

    async def _listen(self, port: Port) -> NoReturn:
        """Read until the port is gone. Half a code does not survive the port."""
        framer = ScanFramer()
        self._told_gone = None
        self._on_event(ScannerReady())
        try:
            while True:
                data = b""
                try:
                    async with asyncio.timeout(self._silence_s if framer.is_mid_code else None):
                        data = await port.read()
                    events = framer.receive_bytes(data)
                except TimeoutError:
                    events = framer.on_silence()
                await self._rest(BYTE_MS * len(data))
                for event in events:
                    self._on_event(event)
                    await self._rest(SCAN_MS)
        finally:
            for event in framer.on_silence():
                self._on_event(event)
            await port.close()

    async def _rest(self, cost_ms: float) -> None:
        pause_s = self._pace.pause_s(cost_ms, self._now_ms())
        if self._pace.is_rushing is not self._told_rushing:
            self._told_rushing = self._pace.is_rushing
            self._on_event(ScannerRushing(is_so=self._told_rushing))
        if pause_s:
            await self._sleep_s(pause_s)

    def _tell_gone(self, gone: DeviceGone) -> None:
        if gone.reason is not self._told_gone:
            self._told_gone = gone.reason
            self._on_event(ScannerGone(reason=gone.reason, detail=gone.detail))


def backoff_s(failures: int, jitter: float) -> float:
    """Wait before the next attempt: doubling from the minimum to the maximum, cut by up to half.

    Args:
        failures: attempts that failed in a row before this one.
        jitter: in [0, 1).
    """
    doublings = min(failures, 16)  # far above the maximum, and keeps the power small
    full_s: float = min(BACKOFF_S_MIN * 2**doublings, BACKOFF_S_MAX)
    return full_s * (1 - jitter / 2)


def _text(code: bytes) -> str:
    try:
        return code.decode("utf-8")
    except UnicodeDecodeError:
        return code.decode("latin-1")
