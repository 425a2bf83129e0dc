"""The box for the status report: machine, disk, network and versions, read now and then.

Belongs to the event loop's thread. What is read from the kernel is kept for `READ_MS_MAX`, because
a busy shop asks for a report twice a second.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from gateway.box import machine
from gateway.box.machine import ROOT, Disk
from gateway.counter.discovery_record import label
from gateway.link.line_quality import LineQuality
from gateway.status.report import (
    InterfaceReport,
    LineReport,
    MachineReport,
    NetworkReport,
    StorageReport,
    VersionsReport,
)
from gateway.version import VERSION
from replication import wire
from replication.adapters.machine_clock import monotonic_ms
from replication.adapters.sqlite import ReplicaStore

READ_MS_MAX: Final = 5_000
"""Nothing of this changes faster than somebody looks."""

SETTLED_MS: Final = 60 * 60 * 1_000
"""What is written in the first hour (catching up, starting) says nothing about a day."""

DAY_MS: Final = 24 * 60 * 60 * 1_000


class NamedBox(Protocol):
    """What announces this box on the store's network (`gateway.counter.discovery.Announcer`)."""

    @property
    def instance(self) -> str | None:
        """The name in use; None before there is one."""


class _Read(NamedTuple):
    at_ms: int
    machine: MachineReport
    disk: Disk | None
    own_written_bytes: int | None
    interfaces: tuple[InterfaceReport, ...]


class BoxFacts:
    """What the box says of itself. `port`, `announcer`, `line` are set once they are known."""

    def __init__(
        self,
        data: Path,
        location: str,
        *,
        announcing: bool,
        now_ms: Callable[[], int] = monotonic_ms,
        root: Path = ROOT,
    ) -> None:
        self.port = 0
        self.announcer: NamedBox | None = None
        self.line: LineQuality | None = None
        self._data = data
        self._location = location
        self._announcing = announcing
        self._now_ms = now_ms
        self._root = root
        self._started_ms = now_ms()
        self._last: _Read | None = None

    def machine(self) -> MachineReport:
        """Temperature and the like."""
        return self._read().machine

    def storage(self, last_error: str | None) -> StorageReport:
        """The data file, the room, and what is written."""
        read = self._read()
        disk, written = read.disk, read.own_written_bytes
        running_ms = read.at_ms - self._started_ms
        return StorageReport(
            file_bytes=sum(file.stat().st_size for file in self._data.glob("gateway.db*")),
            free_bytes=shutil.disk_usage(self._data).free,
            last_error=last_error,
            written_bytes=written,
            written_per_day=None
            if written is None or running_ms < SETTLED_MS
            else written * DAY_MS // running_ms,
            device=None if disk is None else disk.name,
            device_written_bytes=None if disk is None else disk.written_bytes,
            life_used_percent=None if disk is None else disk.life_used_percent,
        )

    def network(self, round_trip_ms: float | None) -> NetworkReport:
        """How the box is reached."""
        instance = None if self.announcer is None else self.announcer.instance
        return NetworkReport(
            host_name=machine.host_name(),
            port=self.port,
            interfaces=self._read().interfaces,
            announcing=self._announcing,
            announced=instance,
            name_taken=instance not in {None, label("", self._location, 1)},
            round_trip_ms=round_trip_ms,
            line=self._line(),
        )

    def _line(self) -> LineReport | None:
        quality = None if self.line is None else self.line.last_minutes()
        if quality is None:
            return None
        return LineReport(
            minutes=quality.minutes,
            in_touch_percent=quality.in_touch_percent,
            resent_percent=quality.resent_percent,
        )

    def _read(self) -> _Read:
        now_ms = self._now_ms()
        if self._last is None or now_ms - self._last.at_ms >= READ_MS_MAX:
            self._last = _Read(
                at_ms=now_ms,
                machine=machine.read_machine(self._root),
                disk=machine.read_disk(self._data, self._root),
                own_written_bytes=machine.read_own_written_bytes(self._root),
                interfaces=machine.read_interfaces(self._root),
            )
        return self._last


def versions_of(reader: ReplicaStore) -> VersionsReport:
    """What runs here; the schema is the file's own."""
    python, sqlite, kernel = machine.software_versions()
    rows = reader.connection.execute("SELECT component, version FROM schema_version")
    schema = {str(component): int(str(version)) for component, version in rows}
    return VersionsReport(
        gateway=VERSION,
        protocol=max(wire.VERSIONS),
        schema=schema,
        python=python,
        sqlite=sqlite,
        kernel=kernel,
    )
