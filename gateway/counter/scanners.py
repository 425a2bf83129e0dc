"""Serial scanners: each belongs to a register, which hears its scans on `/v1/live`.

A scan is told with what it means here (`gateway.selling.picked.scanned`), at once and to its
register alone. A label that was read twice at once is told as a `duplicate`, which registers do not
count. While a technician tests the scanner, scans go to the page and not to the register.
"""

import asyncio
import datetime
import logging
import random
from collections.abc import Callable
from typing import Final

import apsw
import msgspec

from devices.ports import Port, open_port
from devices.scanner import (
    DropReason,
    Repeats,
    Scan,
    ScanDropped,
    ScannerDriver,
    ScannerEvent,
    ScannerGone,
    ScannerReady,
    ScannerRushing,
)
from gateway.config import ScannerSetting
from gateway.counter.live import LiveBoard
from gateway.reads import ScanReader
from gateway.selling.picked import Scanned
from gateway.status.report import DeviceState
from replication.adapters.machine_clock import monotonic_ms
from replication.clock import rfc3339
from retail.products.embedded import portion_of
from retail.products.gs1 import load_parser
from retail.products.scans import Fault, Reading

log: Final = logging.getLogger(__name__)

TEST_S: Final = 30.0
"""A technician walks from the page to the scanner and back within this."""

DROPS_SICK: Final = 3
"""Scans in a row that did not arrive whole: one happens, three are the cable or the setting."""

RUSHING: Final = "it types without end"

SHOWN_CHARS_MAX: Final = 80
"""Of a code on the technician's page: more than any number, less than a line of addresses."""

_SEEN_CONTROLS: Final = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
"""Control characters as their pictures: a separator that is missing must be seen to be missing."""


class LastScan(msgspec.Struct, frozen=True, kw_only=True):
    """What a scanner read last, for the technician's page. `symbology` where the scanner says."""

    at_ms: int
    symbology: str | None
    shown: str


class LastDrop(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a scanner that were no scan, for the technician's page."""

    at_ms: int
    reason: str


class ScanNews(msgspec.Struct, frozen=True, kw_only=True, tag="scan", tag_field="type"):
    """A scan on `/v1/live`.

    `sku` is what the code means here, null where nothing has it; `fault` is then what is wrong with
    the code itself. `quantity` and `line_total_minor` are on the label of a scale or in a GS1 code,
    like the rest.
    """

    code: str
    register: str
    at: str
    duplicate: bool
    symbology: str | None = None
    sku: str | None = None
    quantity: int | None = None
    line_total_minor: int | None = None
    expires_on: datetime.date | None = None
    is_expired: bool | None = None
    best_before: datetime.date | None = None
    batch: str | None = None
    serial: str | None = None
    fault: Fault | None = None


class ScanDroppedNews(
    msgspec.Struct, frozen=True, kw_only=True, tag="scan.dropped", tag_field="type"
):
    """A scan that did not arrive whole, on `/v1/live`: whoever heard a beep scans again."""

    register: str
    at: str
    reason: str


class ScannerWorker:
    """Keeps one scanner open and hands its scans to its register, for as long as `run` runs."""

    def __init__(
        self,
        setting: ScannerSetting,
        live: LiveBoard,
        scans: ScanReader,
        *,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self.setting = setting
        self.state = DeviceState.GONE
        self.detail = "not opened yet"
        self.last_scan: LastScan | None = None
        self.last_drop: LastDrop | None = None
        self._live = live
        self._scans = scans
        self._wall_ms = wall_ms
        self._changed = changed
        self._repeats = Repeats()
        self._drops = 0
        self._is_rushing = False
        self._is_heard = True
        self._testers: set[asyncio.Future[LastScan]] = set()

    async def run(self) -> None:
        """Read until cancelled; an unplugged scanner is looked for again."""
        driver = ScannerDriver(
            open_port=self._open,
            on_event=self._on_event,
            now_ms=monotonic_ms,
            sleep_s=asyncio.sleep,
            jitter=random.random,
        )
        async with asyncio.TaskGroup() as running:
            running.create_task(asyncio.to_thread(load_parser))
            await driver.run()

    @property
    def is_testing(self) -> bool:
        """Whether the next scan goes to a technician and not to the register."""
        return bool(self._testers)

    async def arm_test(self, within_s: float = TEST_S) -> LastScan | None:
        """Take the next scan away from the register; None: nobody scanned within that time.

        Whoever gives up waiting (cancels) gives the scanner back.
        """
        tester: asyncio.Future[LastScan] = asyncio.get_running_loop().create_future()
        self._testers.add(tester)
        self._changed()
        try:
            async with asyncio.timeout(within_s):
                return await tester
        except TimeoutError:
            return None
        finally:
            self._testers.discard(tester)
            self._changed()

    async def _open(self) -> Port:
        return await open_port(self.setting.device, baud=self.setting.baud)

    def _on_event(self, event: ScannerEvent) -> None:
        match event:
            case Scan():
                self._hear(event.code)
            case ScanDropped():
                self._drop(event)
            case ScannerRushing():
                self._rush(is_so=event.is_so)
            case ScannerReady():
                self._show(DeviceState.READY, "")
            case ScannerGone():
                self._show(DeviceState.GONE, f"{event.reason.value}: {event.detail}")

    def _hear(self, code: str) -> None:
        now_ms = self._wall_ms()
        is_repeat = self._repeats.is_repeat(code, monotonic_ms())
        meant = self._meaning(code)
        reading = meant.reading if isinstance(meant, Scanned) else meant
        self.last_scan = LastScan(at_ms=now_ms, symbology=reading.symbology, shown=shown(code))
        self._drops = 0
        if self.state is DeviceState.ATTENTION and not self._is_rushing:
            self._show(DeviceState.READY, "")
        if self._testers:
            for tester in self._testers:
                if not tester.done():
                    tester.set_result(self.last_scan)
            self._testers.clear()
        else:
            register = self.setting.register
            news = scan_news(
                code, meant, register=register, at_ms=now_ms,
                today=self._scans.today(), is_repeat=is_repeat,
            )  # fmt: skip
            was_heard, self._is_heard = self._is_heard, self._live.tell(news, register=register)
            if was_heard and not self._is_heard:
                log.info(
                    "scan heard by nobody", extra={"action": "scan_unheard", "register": register}
                )
        self._changed()

    def _rush(self, *, is_so: bool) -> None:
        self._is_rushing = is_so
        if is_so:
            log.warning(
                "a scanner types without end",
                extra={"action": "scan_rush", "device": self.setting.device},
            )
            self._show(DeviceState.ATTENTION, RUSHING)
        elif self.state is DeviceState.ATTENTION:
            self._show(DeviceState.READY, "")

    def _meaning(self, code: str) -> Scanned | Reading:
        """What a code means; a disk that cannot be read must not silence the scanner."""
        try:
            return self._scans.read(code)
        except apsw.Error as failed:
            log.warning("scan not looked up", extra={"action": "scan_blind", "reason": str(failed)})
            return Reading()

    def _drop(self, event: ScanDropped) -> None:
        now_ms, reason = self._wall_ms(), event.reason.value
        self.last_drop = LastDrop(at_ms=now_ms, reason=reason)
        if self._drops < DROPS_SICK:
            log.warning(
                "scan dropped",
                extra={"action": "scan_dropped", "reason": reason, "device": self.setting.device},
            )
        register = self.setting.register
        news = ScanDroppedNews(
            register=register, at=rfc3339(now_ms), reason=event.reason.name.lower()
        )
        self._live.tell(news, register=register)
        self._drops += 1
        is_sick = self._drops >= DROPS_SICK or event.reason is DropReason.TOO_LONG
        if is_sick and not self._is_rushing:
            self._show(DeviceState.ATTENTION, reason)
        self._changed()

    def _show(self, state: DeviceState, detail: str) -> None:
        self.state, self.detail = state, detail
        self._live.tell(
            {"type": "device", "name": self.setting.device, "state": state.value, "detail": detail},
            register=self.setting.register,
        )
        self._changed()


def scan_news(
    code: str,
    meant: Scanned | Reading,
    *,
    register: str,
    at_ms: int,
    today: datetime.date,
    is_repeat: bool,
) -> ScanNews:
    """A scan with what it means, as its register hears it."""
    if isinstance(meant, Scanned):
        sku, fault, reading = meant.product.sku, None, meant.reading
        portion = None if meant.label is None else portion_of(meant.label, meant.product)
    else:
        sku, fault, reading, portion = None, meant.fault, meant, None
    return ScanNews(
        code=code,
        register=register,
        at=rfc3339(at_ms),
        duplicate=is_repeat,
        symbology=reading.symbology,
        sku=sku,
        quantity=None if portion is None else portion.quantity,
        line_total_minor=None if portion is None else portion.total_minor,
        expires_on=reading.expires_on,
        is_expired=reading.is_expired(today),
        best_before=reading.best_before,
        batch=reading.batch,
        serial=reading.serial,
        fault=fault,
    )


def shown(code: str) -> str:
    """A code for a person's eyes: its control characters as pictures, cut where it is long."""
    seen = code[: SHOWN_CHARS_MAX + 1].translate(_SEEN_CONTROLS)
    return seen if len(seen) <= SHOWN_CHARS_MAX else f"{seen[: SHOWN_CHARS_MAX - 1]}…"
