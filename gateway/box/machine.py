"""The machine under the gateway, as the kernel shows it: files below /proc and /sys, nothing else.

Every reading is optional (None where this machine does not measure it), bounded, and never raises:
a box without a thermometer is no trouble. The root is an argument, so that tests bring a tree of
their own. Readings take some microseconds each; a Raspberry Pi's firmware may take milliseconds.

Sources: Documentation/admin-guide/iostats.rst and Documentation/driver-api/mmc (life_time, JEDEC
JESD84-B50 7.4.94) of the kernel; `vcgencmd get_throttled` of the Raspberry Pi documentation.
"""

import os
import platform
import socket
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import apsw
import ifaddr

from gateway.status.report import InterfaceReport, MachineReport, Throttle

ROOT: Final = Path("/")

FILE_BYTES_MAX: Final = 4_096
"""What is read of one file; the longest that is wanted here has a hundred."""

ENTRIES_MAX: Final = 64
"""Sensors or interfaces that are looked at: a container host may have thousands."""

ADDRESSES_MAX: Final = 8
"""Addresses told for one interface."""

TEXT_CHARS_MAX: Final = 80

SECTOR_BYTES: Final = 512
"""The unit of /sys/block/*/stat, whatever the disk's own sectors are."""

TEMPERATURES_C: Final = (-40.0, 150.0)
"""A sensor that says something else is broken or is not one."""

THROTTLE_BITS: Final = (
    Throttle.UNDER_VOLTAGE,
    Throttle.FREQUENCY_CAPPED,
    Throttle.THROTTLED,
    Throttle.HOT,
)
"""Bits 0 to 3 of get_throttled are now, 16 to 19 since the boot."""

SINCE_BOOT_SHIFT: Final = 16

LIFE_STEP_PERCENT: Final = 10
LIFE_STEPS_MAX: Final = 0x0B
"""An eMMC chip tells its used life in tenths; 0x0B is "more than all of it"."""

TCP_INFO_RTT: Final = slice(68, 72)
"""Where `tcpi_rtt`, in microseconds, stands in the kernel's `struct tcp_info`."""


class Disk(NamedTuple):
    """The disk below a directory; bytes written since the boot, by every program."""

    name: str
    written_bytes: int | None
    life_used_percent: int | None


def read_machine(root: Path = ROOT) -> MachineReport:
    """The box itself."""
    flags = _throttle_flags(root)
    return MachineReport(
        model=_model(root),
        uptime_s=_uptime_s(root),
        temperature_c=_temperature_c(root),
        throttled=None if flags is None else _throttles(flags),
        throttled_since_boot=None if flags is None else _throttles(flags >> SINCE_BOOT_SHIFT),
    )


def read_disk(directory: Path, root: Path = ROOT) -> Disk | None:
    """The disk that holds `directory`; None where the kernel names none (overlay, network)."""
    try:
        number = directory.stat().st_dev
        place = (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
        if not place.is_dir():
            return None
        disk = place.parent if (place / "partition").exists() else place
    except OSError:
        return None
    return Disk(disk.name, _written_bytes(disk), _life_used_percent(disk))


def read_own_written_bytes(root: Path = ROOT) -> int | None:
    """Bytes that this process has had written to storage since it started."""
    for line in _text(root / "proc/self/io").splitlines():
        name, _, value = line.partition(":")
        if name == "write_bytes":
            return _number(value)
    return None


def read_interfaces(root: Path = ROOT) -> tuple[InterfaceReport, ...]:
    """The network interfaces with an address, loopback left out."""
    signals = _signals(root)
    found = []
    for adapter in islice(ifaddr.get_adapters(), ENTRIES_MAX):
        name = str(adapter.nice_name)
        addresses = [ip.ip if isinstance(ip.ip, str) else str(ip.ip[0]) for ip in adapter.ips]
        if name == "lo" or not addresses:
            continue
        # "unknown" is what a tunnel or a bridge says, which work all the same
        state = _text(root / f"sys/class/net/{name}/operstate").strip()
        found.append(
            InterfaceReport(
                name=_shown(name),
                up=state in {"up", "unknown"},
                addresses=tuple(addresses[:ADDRESSES_MAX]),
                signal_dbm=signals.get(name),
            )
        )
    return tuple(found)


def host_name() -> str:
    """What the machine calls itself."""
    return _shown(socket.gethostname())


def software_versions() -> tuple[str, str, str]:
    """Python's, SQLite's and the kernel's version."""
    return platform.python_version(), apsw.sqlite_lib_version(), _shown(platform.release())


def round_trip_us(connection: socket.socket | None) -> int | None:
    """The kernel's smoothed round trip of a TCP connection, in microseconds.

    Costs no packet. Where a proxy stands between, it is the round trip to that.
    """
    if connection is None:
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_RTT.stop)
        (found,) = struct.unpack("=I", told[TCP_INFO_RTT])
    except (AttributeError, OSError, struct.error):
        return None
    return int(found) or None


def _model(root: Path) -> str | None:
    for path in ("proc/device-tree/model", "sys/class/dmi/id/product_name"):
        if text := _shown(_text(root / path)):
            return text
    return None


def _uptime_s(root: Path) -> int | None:
    return _number(_text(root / "proc/uptime").partition(".")[0])


def _temperature_c(root: Path) -> float | None:
    """The hottest of the kernel's thermal zones."""
    found = []
    for zone in _entries(root / "sys/class/thermal", "thermal_zone*"):
        milli = _number(_text(zone / "temp"))
        if milli is not None and TEMPERATURES_C[0] <= milli / 1_000 <= TEMPERATURES_C[1]:
            found.append(round(milli / 1_000, 1))
    return max(found, default=None)


def _throttle_flags(root: Path) -> int | None:
    for path in _entries(root / "sys/devices/platform", "soc*/soc*:firmware/get_throttled"):
        try:
            return int(_text(path).strip(), 16)
        except ValueError:
            continue
    return None


def _throttles(flags: int) -> tuple[Throttle, ...]:
    return tuple(one for bit, one in enumerate(THROTTLE_BITS) if flags >> bit & 1)


def _written_bytes(disk: Path) -> int | None:
    fields = _text(disk / "stat").split()
    sectors = _number(fields[6]) if len(fields) > 6 else None  # noqa: PLR2004 - the 7th field
    return None if sectors is None else sectors * SECTOR_BYTES


def _life_used_percent(disk: Path) -> int | None:
    """The upper bound of the worse of an eMMC's two areas."""
    steps = []
    for word in _text(disk / "device/life_time").split()[:2]:
        try:
            steps.append(int(word, 16))
        except ValueError:
            return None
    worst = max(steps, default=0)
    return worst * LIFE_STEP_PERCENT if 0 < worst <= LIFE_STEPS_MAX else None


def _signals(root: Path) -> dict[str, int]:
    """The signal of each wireless interface in dBm; the third column after its name."""
    found = {}
    for line in _text(root / "proc/net/wireless").splitlines()[2 : 2 + ENTRIES_MAX]:
        name, _, values = line.partition(":")
        fields = values.split()
        level = _number(fields[2].rstrip(".")) if len(fields) > 2 else None  # noqa: PLR2004
        if level is not None and level < 0:
            found[name.strip()] = level
    return found


def _entries(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from islice(sorted(folder.glob(pattern)), ENTRIES_MAX)
    except OSError:
        return


def _text(path: Path) -> str:
    """The beginning of a file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    """One printable line."""
    return "".join(char for char in text if char.isprintable()).strip()[:TEXT_CHARS_MAX]
