"""Goal: the box is read as the kernel shows it, and what it does not show is unknown, not an error.

Method: a tree of files in the place of /proc and /sys, as a Raspberry Pi, a plain computer and a
hostile one would have them.
"""

import os
import socket
from pathlib import Path

import pytest

from gateway.box.box_facts import READ_MS_MAX, SETTLED_MS, BoxFacts
from gateway.box.machine import (
    ENTRIES_MAX,
    FILE_BYTES_MAX,
    TEXT_CHARS_MAX,
    read_disk,
    read_interfaces,
    read_machine,
    read_own_written_bytes,
    round_trip_us,
)
from gateway.status.report import Throttle

STAT = "751823 64043 32150738 1536153 4491776 807331 157464120 808861 0 459524 2515710\n"
"""Of /sys/block/*/stat: the seventh number is sectors written."""


def put(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A Raspberry Pi that is hot, and whose supply was too weak once."""
    root = tmp_path / "pi"
    put(root, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    put(root, "proc/uptime", "90061.53 300000.00\n")
    put(root, "sys/class/thermal/thermal_zone0/temp", "82150\n")
    put(root, "sys/class/thermal/thermal_zone1/temp", "40000\n")
    put(root, "sys/devices/platform/soc/soc:firmware/get_throttled", "5000c\n")
    put(root, "proc/self/io", "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n")
    return root


def disk_of(root: Path, data: Path) -> Path:
    """Make the disk of `data` the second partition of an eMMC chip."""
    data.mkdir(exist_ok=True)
    number = data.stat().st_dev
    disk = root / "sys/devices/mmc_host/block/mmcblk0"
    put(root, "sys/devices/mmc_host/block/mmcblk0/mmcblk0p2/partition", "2\n")
    put(root, "sys/devices/mmc_host/block/mmcblk0/stat", STAT)
    link = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(disk / "mmcblk0p2")
    return disk


def test_a_raspberry_pi_tells_its_heat_and_what_slows_it(pi: Path) -> None:
    machine = read_machine(pi)

    assert machine.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.uptime_s == 90_061
    assert machine.temperature_c == 82.2
    assert machine.throttled == (Throttle.THROTTLED, Throttle.HOT)
    assert machine.throttled_since_boot == (Throttle.UNDER_VOLTAGE, Throttle.THROTTLED)


def test_a_machine_without_sensors_measures_nothing(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)

    assert [getattr(machine, name) for name in machine.__struct_fields__] == [None] * 5
    assert read_own_written_bytes(tmp_path) is None
    assert read_disk(tmp_path, tmp_path) is None


@pytest.mark.parametrize("text", ["", "hot\n", "-273000\n", "999999999\n", "4e4", "\xff\xfe"])
def test_a_sensor_that_talks_nonsense_is_not_believed(tmp_path: Path, text: str) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", text)
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "nonsense")
    put(tmp_path, "proc/uptime", text)

    machine = read_machine(tmp_path)

    assert machine.temperature_c is None
    assert machine.throttled is None


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "x\n\u202e" * FILE_BYTES_MAX)
    for zone in range(ENTRIES_MAX + 10):
        put(tmp_path, f"sys/class/thermal/thermal_zone{zone:03}/temp", f"{zone}000")

    machine = read_machine(tmp_path)

    assert machine.model == "x" * TEXT_CHARS_MAX
    assert machine.temperature_c == ENTRIES_MAX - 1


def test_the_disk_of_a_directory_is_the_whole_disk_and_not_its_partition(
    pi: Path, tmp_path: Path
) -> None:
    disk_of(pi, tmp_path / "data")

    disk = read_disk(tmp_path / "data", pi)

    assert disk is not None
    assert (disk.name, disk.written_bytes) == ("mmcblk0", 157_464_120 * 512)
    assert disk.life_used_percent is None, "an SD card does not tell"


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("0x01 0x02\n", 20),
        ("0x0b 0x01\n", 110),
        ("0x00 0x00\n", None),
        ("0xff 0x01\n", None),
        ("", None),
        ("new\n", None),
    ],
)
def test_an_emmc_chip_tells_its_life_in_tenths(
    pi: Path, tmp_path: Path, text: str, percent: int | None
) -> None:
    put(disk_of(pi, tmp_path / "data"), "device/life_time", text)

    disk = read_disk(tmp_path / "data", pi)

    assert disk is not None
    assert disk.life_used_percent == percent


def test_interfaces_have_their_addresses_and_state(tmp_path: Path) -> None:
    names = [one.name for one in read_interfaces(Path("/"))]
    for name in names:
        put(tmp_path, f"sys/class/net/{name}/operstate", "up\n")
    wireless = "".join(f" {name}: 0000 54. -61. -256 0 0 0 0 0 0\n" for name in names)
    put(tmp_path, "proc/net/wireless", "Inter-|\n face |\n" + wireless)

    found = read_interfaces(tmp_path)

    assert [one.name for one in found] == names
    assert "lo" not in names
    assert all(one.addresses and one.up and one.signal_dbm == -61 for one in found)


def test_the_round_trip_is_the_kernels_own_measure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as near:
            far, _ = server.accept()
            with far:
                near.sendall(b"x")
                assert far.recv(1) == b"x"
                trip_us = round_trip_us(near)
        assert round_trip_us(near) is None, "closed"

    assert trip_us is not None
    assert 0 < trip_us < 10_000_000
    assert round_trip_us(None) is None


def test_a_day_of_writing_is_told_once_an_hour_has_passed(pi: Path, tmp_path: Path) -> None:
    now_ms = 1_000
    facts = BoxFacts(tmp_path, "riverside", announcing=True, now_ms=lambda: now_ms, root=pi)

    early = facts.storage(None)
    now_ms += SETTLED_MS
    put(pi, "proc/self/io", "write_bytes: 1000000\n")
    settled = facts.storage(None)

    assert (early.written_bytes, early.written_per_day) == (4_096, None)
    assert (settled.written_bytes, settled.written_per_day) == (1_000_000, 24_000_000)


def test_the_kernel_is_asked_now_and_then(pi: Path, tmp_path: Path) -> None:
    now_ms = 0
    facts = BoxFacts(tmp_path, "riverside", announcing=True, now_ms=lambda: now_ms, root=pi)
    first = facts.machine()
    put(pi, "sys/class/thermal/thermal_zone0/temp", "50000\n")

    now_ms = READ_MS_MAX - 1
    assert facts.machine() == first
    now_ms = READ_MS_MAX
    assert facts.machine().temperature_c == 50.0


@pytest.mark.parametrize(
    ("instance", "is_taken"), [(None, False), ("riverside", False), ("riverside-2", True)]
)
def test_another_name_than_the_locations_own_means_a_twin(
    tmp_path: Path,
    instance: str | None,
    is_taken: bool,  # noqa: FBT001
) -> None:
    facts = BoxFacts(tmp_path, "riverside", announcing=True)
    facts.announcer = Named(instance)
    facts.port = 8460

    network = facts.network(12.5)

    assert (network.announced, network.name_taken) == (instance, is_taken)
    assert (network.port, network.round_trip_ms) == (8460, 12.5)


class Named:
    """An announcer with a name."""

    def __init__(self, instance: str | None) -> None:
        self.instance = instance
