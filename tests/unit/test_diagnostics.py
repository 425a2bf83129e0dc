"""Goal: the bundle for support is small, complete, and empty of secrets and of people.

Method: its parts on their own, and a whole one made of a file, settings, a report and a log in each
of which secrets and people are planted. `test_devices_contract` looks into the bundle of a program.
"""

import io
import logging
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.app import DATABASE, open_database
from gateway.box.diagnostics import (
    BUNDLE_BYTES_MAX,
    PART_BYTES_MAX,
    Diagnostics,
    last_lines,
    packed,
    shown_settings,
)
from gateway.box.recent_log import RecentLog
from gateway.box.redaction import HIDDEN, Redaction
from gateway.config import GatewaySettings, PrinterSetting
from gateway.status.report import StatusReport
from replication.journal import Head
from tests.status_samples import bad_day, cut_off
from web.tokens import new_token

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


TOKEN = new_token(bytes(range(32)))
HUB_TOKEN = "the-hubs-token-for-this-box"  # noqa: S105 - planted
CODE = "K7QM-ABCD-EFGH-2345"
PASSWORD = "hunter2"  # noqa: S105 - planted
PLANTED = (TOKEN, TOKEN[3:], HUB_TOKEN, CODE, PASSWORD, "Amira", "amira", "0147")


def plant(data: Path) -> Path:
    """A file with a person in its journal and in the title of a print job."""
    connection = open_database(data)
    body = b'{"record": {"customer": "Amira Hassan, +20 100 555 0147"}}'
    connection.execute(
        "INSERT INTO entry (arrival, writer, seq, kind, hash, body) "
        "VALUES (1, ?, 1, 'order', ?, ?)",
        ("riverside.1", bytes(32), body),
    )
    connection.execute(
        "INSERT INTO print_job (printer, kind, title, document, copy, kicks, marked, state, "
        "reason, created_ms) VALUES ('counter', 'document', 'Slip for Amira Hassan', "
        "'{\"text\": \"Amira Hassan\"}', 0, 0, 0, 'doubt', '', 1)"
    )
    connection.close()
    return data / DATABASE


async def test_what_is_planted_everywhere_is_nowhere_in_the_bundle(tmp_path: Path) -> None:
    redact = Redaction((CODE, HUB_TOKEN))
    recent = RecentLog(redact)
    for text in (
        f"asked with {TOKEN}",
        f"box token {HUB_TOKEN}",
        f"mail from amira@{PASSWORD}.org",
    ):
        recent.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, text, None, None))
    settings = GatewaySettings(
        data=tmp_path, hub=f"https://shop:{PASSWORD}@hub.example.com", enrol=CODE
    )
    cut = cut_off()
    error = f"https://shop:{PASSWORD}@hub refused {TOKEN} and {HUB_TOKEN} for {CODE}"
    report = msgspec.structs.replace(
        cut,
        link=msgspec.structs.replace(cut.link, last_error=error, hub=settings.hub),
        errors=recent.errors(),
    )
    diagnostics = Diagnostics(plant(tmp_path), settings, recent, redact)

    bundle = await diagnostics.bundle(report, Head(1, bytes(32)), now=NOW)
    parts = opened(bundle)

    text = "".join(parts.values())
    assert not [secret for secret in PLANTED if secret in text or secret.encode() in bundle]
    assert HIDDEN in parts["status.json"]
    assert HIDDEN in parts["settings.json"]
    assert HIDDEN in parts["log.jsonl"]
    assert msgspec.json.decode(parts["journal.json"])["kinds"] == {"order": 1}
    assert msgspec.json.decode(parts["print-jobs.json"])[0]["state"] == "doubt"
    assert msgspec.json.decode(parts["status.json"], type=StatusReport).journal == cut.journal


async def test_a_bad_day_fits(tmp_path: Path) -> None:
    redact = Redaction(())
    recent = RecentLog(redact)
    for number in range(2_000):
        text = f"{number} " + "x" * 2_000
        recent.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, text, None, None))
    settings = GatewaySettings(data=tmp_path, hub="http://hub")
    diagnostics = Diagnostics(plant(tmp_path), settings, recent, redact)

    bundle = await diagnostics.bundle(bad_day(), Head(1, bytes(32)), now=NOW)

    assert sum(len(text.encode()) for text in opened(bundle).values()) <= BUNDLE_BYTES_MAX
    assert len(bundle) < PART_BYTES_MAX
