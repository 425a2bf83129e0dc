"""The diagnostics bundle: what support needs to see of a box, as one small file.

    README.txt       what is in it
    status.json      the answer of GET /v1/status: versions, errors, devices, network, machine
    settings.json    the settings, without one-time codes
    journal.json     its head, what the hub has acknowledged, entries by kind
    print-jobs.json  the spool, without titles
    log.jsonl        the end of the log

There is no personal data in it: no record of a sale or an order, no name of a person. Secrets are
kept out twice, where each part is made and by the redaction of all text that goes in.
"""

import asyncio
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.box.recent_log import RecentLog
from gateway.box.redaction import HIDDEN
from gateway.config import GatewaySettings
from gateway.printing import spool
from gateway.status.report import StatusReport
from replication.adapters.sqlite import ReplicaStore, connect
from replication.journal import Head

PART_BYTES_MAX: Final = 512 * 1024
"""Of one file in the bundle, before it is packed; the log is cut to it, its end is kept."""

BUNDLE_BYTES_MAX: Final = 6 * PART_BYTES_MAX
"""Of all of them together; packed it is a tenth, which goes through any mail."""

README: Final = """\
Diagnostics of a Countertop gateway.

status.json      the answer of GET /v1/status
settings.json    its settings; one-time codes are hidden
journal.json     the head of its journal, and how many entries of each kind it has
print-jobs.json  what waits for its printers and what became of the rest
log.jsonl        the end of its log

No token, no code, no sale, no order and no customer is in it.
"""


class JournalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's own journal, as counts; `kinds` is how many entries of each."""

    writer: str
    seq: int
    hash: str
    acknowledged_seq: int
    kinds: dict[str, int]


class SpoolFact(msgspec.Struct, frozen=True, kw_only=True):
    """A job of the spool without its title and its words."""

    id: int
    printer: str
    kind: str
    state: str
    reason: str
    created_ms: int


class Diagnostics:
    """Makes bundles, one at a time, in a thread: counting a journal reads all of it."""

    def __init__(
        self,
        database: Path,
        settings: GatewaySettings,
        recent: RecentLog,
        redact: Callable[[str], str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._recent = recent
        self._redact = redact
        self._turn = asyncio.Lock()

    async def bundle(self, report: StatusReport, head: Head, *, now: datetime) -> bytes:
        """The whole file, over a connection of its own: lists are answered meanwhile."""
        async with self._turn:
            return await asyncio.to_thread(self._made, report, head, now)

    def _made(self, report: StatusReport, head: Head, now: datetime) -> bytes:
        connection = connect(self._database, read_only=True)
        try:
            return self._of(report, ReplicaStore(connection), head, now)
        finally:
            connection.close()

    def _of(self, report: StatusReport, store: ReplicaStore, head: Head, now: datetime) -> bytes:
        facts = JournalFacts(
            writer=report.writer,
            seq=head.seq,
            hash=head.hash.hex(),
            acknowledged_seq=report.journal.acknowledged_seq,
            kinds=entry_kinds(store, report.writer),
        )
        parts = {
            "README.txt": README,
            "status.json": _json(report),
            "settings.json": _json(shown_settings(self._settings)),
            "journal.json": _json(facts),
            "print-jobs.json": _json(_spool_facts(store)),
            "log.jsonl": last_lines(self._recent.lines(), PART_BYTES_MAX),
        }
        return packed({name: self._redact(text) for name, text in parts.items()}, now)


def entry_kinds(store: ReplicaStore, writer: str) -> dict[str, int]:
    """How many entries of each kind a writer has."""
    rows = store.connection.execute(
        "SELECT kind, count(*) FROM entry WHERE writer = ? GROUP BY kind ORDER BY kind", (writer,)
    )
    return {str(kind): int(str(count)) for kind, count in rows}


def shown_settings(settings: GatewaySettings) -> dict[str, Any]:
    """The settings as JSON; what opens something is hidden."""
    shown: dict[str, Any] = msgspec.to_builtins(settings, enc_hook=str)
    if settings.enrol is not None:
        shown["enrol"] = HIDDEN
    return shown


def last_lines(lines: Sequence[str], bytes_max: int) -> str:
    """The last of `lines` that fit, each with its end of line."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line.encode()) + 1
        if size > bytes_max:
            break
        kept.append(line + "\n")
    return "".join(reversed(kept))


def packed(parts: Mapping[str, str], now: datetime) -> bytes:
    """The parts as a zip file; one that is too large is left out and says so."""
    file = io.BytesIO()
    moment = (now.year, now.month, now.day, now.hour, now.minute, now.second)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in parts.items():
            data = text.encode()
            if len(data) > PART_BYTES_MAX:
                data = _json({"left_out": "it is too large", "bytes": len(data)}).encode()
            bundle.writestr(zipfile.ZipInfo(name, moment), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _spool_facts(store: ReplicaStore) -> list[SpoolFact]:
    return [
        SpoolFact(
            id=job.id,
            printer=job.printer,
            kind=job.kind,
            state=job.state,
            reason=job.reason,
            created_ms=job.created_ms,
        )
        for job in spool.jobs(store)
    ]


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
