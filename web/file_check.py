"""Whether a program's file can be believed when the program starts.

A file that was closed says so and costs nothing. One that was left open (a crash, a power cut, or a
copy that was made while its program ran) is looked through before anybody sells by it:

    F1  SQLite finds no fault in pages and indexes (`PRAGMA integrity_check`: `quick_check` does not
        see index pages of another moment, which is what such copies have)
    F2  the last `TAIL_ENTRIES` of the own journal are there without a gap, and hash
    F3  counters hold no less than these entries left in them
    F4  no request is remembered with an entry that the journal does not have

A crash breaks none of these (`tests/integration/test_power_loss.py`). Where one is broken the
program does not start, and nothing in the directory was changed. What passes is the file of one
moment: at worst an older image of it, which is found out otherwise (docs/lives-of-a-box.md).

That a file is open is a row in it, written through to the file itself: it is in every copy of it,
also in one without the write-ahead log.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw
import msgspec

from replication.adapters.sqlite import REPLICA, ReplicaStore, connect, transaction
from replication.errors import PeerViolation, StorageFailed
from replication.escrow import EscrowCounter
from replication.ids import WriterId
from replication.journal import Entry, EntryBody, Head, verify
from web.command_line import CommandRefused

log: Final = logging.getLogger(__name__)

TAIL_ENTRIES: Final = 2_000
"""Own entries that are looked at one by one, in some 50 ms; a register keeps more of its own."""

LOOK_S_MAX: Final = 30.0
"""SQLite reads 250 MB in 0.9 s on two busy cores of a server; a Raspberry Pi is some five times
slower. A hub's file of many GB is not read to its end: its stores do not wait for minutes."""

EXIT_DAMAGED: Final = 65
"""As sysexits.h calls bad data. The service manager does not start the program again after it."""

OPEN: Final = "is_open"
"""The meta row of a file that its program has open, or did not close."""

_PROGRESS_STEPS: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock."""


class FileDamaged(CommandRefused):
    """The file is not what its program left; the sentence says what to do. It was not changed."""

    status = EXIT_DAMAGED


class _Fault(Exception):
    """What does not fit together."""


def check_file(path: Path, writer_in: Callable[[ReplicaStore], str | None], advice: str) -> None:
    """See whether a program may start on its file; nobody else writes to it.

    `writer_in` finds whose file it is, `advice` is what to do where the file is the only one.

    Raises:
        FileDamaged: it may not.
        StorageFailed: nobody can say: the disk does not answer, or not to us.
    """
    try:
        if not path.exists() or _was_closed(path):
            return
        began = time.monotonic()
        _look_through(path, writer_in)
    except (
        _Fault, PeerViolation, apsw.CorruptError, apsw.NotADBError, apsw.FormatError,
        msgspec.DecodeError, UnicodeDecodeError,
    ) as fault:  # fmt: skip
        log.error("%s is damaged: %s", path, fault, extra={"action": "file_damaged"})  # noqa: TRY400 - no bug of ours
        raise FileDamaged(_sentence(path, fault, advice)) from None
    except apsw.Error as error:
        raise StorageFailed(f"{path} cannot be read: {error}") from None
    log.info(
        "the file was not closed, and is sound",
        extra={"action": "file_checked", "took_ms": round((time.monotonic() - began) * 1000)},
    )


@contextmanager
def marked_open(path: Path) -> Iterator[None]:
    """Say in the file that it is open for as long as the block lasts; it has today's schema.

    After an error it stays so: what is in the file is looked through at the next start. A disk that
    takes nothing is the program's to report.
    """
    with suppress(apsw.Error):
        _write_through(path, "INSERT OR REPLACE INTO meta VALUES (?, 'yes')")
    yield
    with suppress(apsw.Error):
        _write_through(path, "DELETE FROM meta WHERE name = ?")


def _write_through(path: Path, sql: str) -> None:
    """Change the mark, and leave nothing in the log beside the file."""
    with closing(connect(path)) as connection:
        with transaction(connection):
            connection.execute(sql, (OPEN,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _was_closed(path: Path) -> bool:
    """Whether the file is all there is, and says that it was closed; it is not touched."""
    log_file = path.with_name(f"{path.name}-wal")
    if log_file.exists() and log_file.stat().st_size:
        return False
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    with closing(apsw.Connection(f"file:{quote(str(path))}?immutable=1", flags=flags)) as file:
        return not _has_table(file, "meta") or ReplicaStore(file).meta(OPEN) is None


def _look_through(path: Path, writer_in: Callable[[ReplicaStore], str | None]) -> None:
    with closing(connect(path, read_only=True)) as connection:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # the log stays beside the file
        _look_at_pages(connection)
        store = ReplicaStore(connection)
        if not _has_todays_rows(connection) or (writer := writer_in(store)) is None:
            return
        bodies = _look_at_tail(store, WriterId(writer))
        _look_at_counters(store, bodies)
        _look_at_requests(store, WriterId(writer))


def _look_at_pages(connection: apsw.Connection) -> None:
    """F1, as far as there is time."""
    until = time.monotonic() + LOOK_S_MAX
    connection.set_progress_handler(lambda: time.monotonic() > until, _PROGRESS_STEPS)
    try:
        row = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except apsw.InterruptError:
        log.warning(
            "the file was not looked through to its end", extra={"action": "file_check_cut_short"}
        )
        return
    finally:
        connection.set_progress_handler(None)
    if row != ("ok",):
        raise _Fault(" ".join(str(row and row[0]).split()))


def _look_at_tail(store: ReplicaStore, writer: WriterId) -> list[EntryBody]:
    """F2; the entries, as they are in the file."""
    last = store.load_head(writer)
    first = max(1, last.seq - TAIL_ENTRIES + 1)
    before = store.load_hash(writer, first - 1)
    rows = store.connection.execute(
        "SELECT body, hash FROM entry WHERE writer = ? AND seq >= ? ORDER BY seq", (writer, first)
    )
    entries = [Entry(*row) for row in rows]
    if before is None:
        raise _Fault(f"entry {first - 1} of {writer} is missing")
    return verify(Head(first - 1, before), writer, entries)[0]


def _look_at_counters(store: ReplicaStore, bodies: list[EntryBody]) -> None:
    """F3, of the entries that the counters' rows are said to know."""
    known = store.connection.execute(
        "SELECT coalesce(max(seq), 0) FROM entry WHERE writer = ? AND arrival <= ?",
        (bodies[-1].writer if bodies else "", store.counters_saved()),
    ).fetchone()
    saved_seq = int(str(known and known[0]))
    left: dict[tuple[str, str], dict[tuple[str, str, str], int]] = {}
    for body in bodies:
        for cell in body.cells if body.seq <= saved_seq else ():
            left.setdefault((cell.location, cell.sku), {})[cell.key] = cell.value
    for (location, sku), cells in left.items():
        counter = EscrowCounter(location, sku, store.load_counter(location, sku))
        for key, value in cells.items():
            if counter.value(*key) < value:
                raise _Fault(f"the counter of {sku} is older than the journal")


def _look_at_requests(store: ReplicaStore, writer: WriterId) -> None:
    """F4."""
    head = store.load_head(writer)
    row = store.connection.execute(
        "SELECT entry FROM request WHERE entry GLOB ?1 || '-*' "
        "AND CAST(substr(entry, length(?1) + 2) AS INTEGER) > ?2 LIMIT 1",
        (writer, head.seq),
    ).fetchone()
    if row is not None:
        raise _Fault(f"the journal ends at {head.seq}, and {row[0]} is remembered")


def _has_table(connection: apsw.Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)
    ).fetchone()
    return found is not None


def _has_todays_rows(connection: apsw.Connection) -> bool:
    """Whether the rows are as this program writes them; an older file is migrated afterwards."""
    if not _has_table(connection, "schema_version"):
        return False
    row = connection.execute(
        "SELECT version FROM schema_version WHERE component = ?", (REPLICA.component,)
    ).fetchone()
    return row is not None and row[0] == len(REPLICA.scripts())


def _sentence(path: Path, fault: Exception, advice: str) -> str:
    return (
        f"{path} is damaged, or was copied while its program ran ({fault}). Nothing in it was "
        "changed; do not delete it, and do not start it again. If it is a copy: stop the program, "
        f"then copy the whole directory, with {path.name}-wal. {advice} "
        "docs/lives-of-a-box.md#damaged has more."
    )
