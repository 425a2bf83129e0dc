"""Serial scanners: each belongs to a register, which hears its scans on `/v1/live`."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from devices.ports import Port, open_port
from devices.scanner import (
    Scan,
    ScanDropped,
    ScannerDriver,
    ScannerEvent,
    ScannerGone,
    ScannerReady,
)
from gateway.config import ScannerSetting
from gateway.live import LiveBoard
from gateway.status.report import DeviceState
from replication.adapters.machine_clock import monotonic_ms
from replication.clock import rfc3339

log: Final = logging.getLogger(__name__)


class ScannerWorker:
    """Keeps one scanner open and hands its scans to its register, for as long as `run` runs."""

    def __init__(
        self,
        setting: ScannerSetting,
        live: LiveBoard,
        *,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self.setting = setting
        self.state = DeviceState.GONE
        self.detail = "not opened yet"
        self._live = live
        self._wall_ms = wall_ms
        self._changed = changed

    async def run(self) -> None:
        """Read until cancelled; an unplugged scanner is looked for again."""
        driver = ScannerDriver(
            open_port=self._open,
            on_event=self._on_event,
            now_ms=monotonic_ms,
            sleep_s=asyncio.sleep,
            jitter=random.random,
        )
        await driver.run()

    async def _open(self) -> Port:
        return await open_port(self.setting.device)

    def _on_event(self, event: ScannerEvent) -> None:
        match event:
            case Scan():
                self._hear(event.code)
            case ScanDropped():
                log.warning(
                    "scan dropped", extra={"action": "scan_dropped", "reason": event.reason.value}
                )
            case ScannerReady():
                self._show(DeviceState.READY, "")
            case ScannerGone():
                self._show(DeviceState.GONE, event.detail)

    def _hear(self, code: str) -> None:
        register = self.setting.register
        message = {
            "type": "scan", "code": code, "register": register, "at": rfc3339(self._wall_ms()),
        }  # fmt: skip
        if not self._live.tell(message, register=register):
            log.info("scan heard by nobody", extra={"action": "scan_unheard", "register": register})

    def _show(self, state: DeviceState, detail: str) -> None:
        self.state, self.detail = state, detail
        self._live.tell(
            {"type": "device", "name": self.setting.device, "state": state.value, "detail": detail},
            register=self.setting.register,
        )
        self._changed()
