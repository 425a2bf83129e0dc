"""Goal: the bundle for support is small, complete, and empty of secrets and of people.

Method: its pure parts on their own; `test_devices_contract` looks into the bundle of a program.
"""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from gateway.config import GatewaySettings, PrinterSetting
from gateway.diagnostics import (
    BUNDLE_BYTES_MAX,
    PART_BYTES_MAX,
    last_lines,
    packed,
    shown_settings,
)

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def opened(bundle: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_what_is_packed_comes_out_again() -> None:
    parts = {"README.txt": "read", "log.jsonl": "شاي\n"}

    assert opened(packed(parts, NOW)) == parts
    assert packed(parts, NOW) == packed(parts, NOW)


def test_a_part_that_is_too_large_is_left_out_and_says_so() -> None:
    found = opened(packed({"status.json": "x" * (PART_BYTES_MAX + 1), "a": "b"}, NOW))

    assert "too large" in found["status.json"]
    assert found["a"] == "b"
    assert sum(map(len, found.values())) < BUNDLE_BYTES_MAX


def test_of_a_long_log_the_end_is_kept_in_whole_lines() -> None:
    lines = [f"line {number}" for number in range(100)]

    assert last_lines(lines, 17) == "line 98\nline 99\n"
    assert last_lines(lines, 7) == ""
    assert last_lines([], 100) == ""


def test_settings_are_shown_without_their_one_time_code() -> None:
    settings = GatewaySettings(
        data=Path("/var/lib/countertop"),
        hub="http://hub",
        enrol="K7QM-ABCD-EFGH-2345",
        printers=(PrinterSetting(name="counter", address="tcp://10.0.0.1:9100"),),
    )

    shown = shown_settings(settings)

    assert shown["enrol"] == "[hidden]"
    assert shown["data"] == "/var/lib/countertop"
    assert shown["printers"][0]["address"] == "tcp://10.0.0.1:9100"
