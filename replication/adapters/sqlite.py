"""A replica's SQLite file: opening, migrations, and the rows that every replica keeps.

The file is opened WAL with synchronous=FULL: a sale that a register saw must survive a power cut.
One connection writes (see `group_commit`), any number read beside it. Schemas are numbered SQL
files, one series per component; a file with a newer number than we know is refused untouched.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import apsw
import msgspec

from replication.adapters.many_rows import ROWS_MAX, insert_rows, rows_of
from replication.adapters.sku_index import entries_about, index_entries
from replication.document import HISTORY_BYTES_MAX, EntityDocument
from replication.errors import SchemaTooNew, StorageFailed
from replication.journal import DEED_ENTRIES_MAX, EMPTY, GENESIS, Entry, Head, whole_deeds
from replication.ledger import NewRequest, Pending, RequestKey

BUSY_MS: Final = 5_000
"""`token` and `enrol` write beside the running program; each waits this long for the other."""

WAL_PAGES: Final = 4_000
"""Checkpoint every 16 MB: at 4 KB a sale some 4,000 sales apart, so that few customers meet one."""

COUNTERS_SAVED: Final = "counters_saved"
"""The meta row with the arrival of the last entry whose cells are in the counters' rows."""

CHANGES_PER_SNAPSHOT: Final = 32
"""A document's changes are folded into its snapshot when there are more rows than this."""


class Migrations(NamedTuple):
    """One component's numbered schema files: `<component>_0001.sql`, ... in `package`."""

    component: str
    package: str

    def scripts(self) -> list[str]:
        """All scripts in order; script n brings the schema to version n."""
        names = sorted(
            item.name
            for item in resources.files(self.package).iterdir()
            if item.name.startswith(f"{self.component}_") and item.name.endswith(".sql")
        )
        return [resources.files(self.package).joinpath(name).read_text("utf-8") for name in names]


REPLICA: Final = Migrations("replica", "replication.adapters.migrations")


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """Open one connection with the pragmas of this project."""
    flags = (
        apsw.SQLITE_OPEN_READONLY
        if read_only
        else (apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    )
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    if not read_only:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("wal_autocheckpoint", WAL_PAGES)
    connection.pragma("foreign_keys", "on")
    connection.pragma("temp_store", "memory")
    return connection


def open_file(path: Path, series: Sequence[Migrations]) -> apsw.Connection:
    """Open a program's file for writing, making or migrating it; its directory is private.

    Raises:
        SchemaTooNew: it belongs to a newer program.
        StorageFailed: it is no database, or a broken one.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        connection = connect(path)
        migrate(connection, series)
    except apsw.Error as error:
        raise StorageFailed(f"{path} cannot be opened: {error}") from None
    return connection


def migrate(connection: apsw.Connection, series: Sequence[Migrations]) -> None:
    """Bring the file to today's schema, in one transaction: all of it or nothing.

    Raises:
        SchemaTooNew: a component in the file has a version above ours; the file was left as it is.
    """
    known = {migrations.component: migrations.scripts() for migrations in series}
    if _versions(connection, known) == {name: len(scripts) for name, scripts in known.items()}:
        return
    with transaction(connection):  # another program may have migrated it since: read again
        versions = _versions(connection, known)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version "
            "(component TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID"
        )
        for component, scripts in known.items():
            for script in scripts[versions.get(component, 0) :]:
                for _ in connection.execute(script):
                    pass
            connection.execute(
                "INSERT OR REPLACE INTO schema_version VALUES (?, ?)", (component, len(scripts))
            )


def _versions(connection: apsw.Connection, known: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The version of each component in the file; refuses what is newer than `known`."""
    present = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'"
    ).fetchone()
    if present is None:
        return {}
    rows = connection.execute("SELECT component, version FROM schema_version").fetchall()
    versions = {str(component): int(str(version)) for component, version in rows}
    for component, version in versions.items():
        newest = len(known.get(component, ()))
        if version > newest:
            raise SchemaTooNew(
                f"{connection.filename} has {component} schema {version}, this program knows "
                f"{newest}: start the newer program, or restore the backup from before the update"
            )
    return versions


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """One write transaction; rolled back when the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: apsw.Connection) -> Iterator[None]:
    """All reads in the block see the same commits, whatever is written beside them."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def only_program(directory: Path) -> Iterator[None]:
    """Hold the data directory: a second program on the same directory would fork its journal.

    Raises:
        StorageFailed: another program holds it.
    """
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageFailed(f"{directory} is in use by another running program") from None
        yield
    finally:
        os.close(handle)


class ReplicaStore:
    """The rows that every replica keeps, over one connection. Implements `LedgerStore`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._arrival: int | None = None
        self._looked_up: dict[RequestKey, NewRequest | None] = {}

    # Ledger

    def load_counter(self, location: str, sku: str) -> list[tuple[str, str, str, int]]:
        """The committed cells of one counter."""
        row = self.connection.execute(
            "SELECT cells FROM counter WHERE location = ? AND sku = ?", (location, sku)
        ).fetchone()
        return (
            [] if row is None else msgspec.json.decode(row[0], type=list[tuple[str, str, str, int]])
        )

    def load_head(self, writer: str) -> Head:
        """The last committed entry of a writer."""
        row = self.connection.execute(
            "SELECT seq, hash FROM entry WHERE writer = ? ORDER BY seq DESC LIMIT 1", (writer,)
        ).fetchone()
        return EMPTY if row is None else Head(*row)

    def load_body(self, writer: str, seq: int) -> bytes | None:
        """The bytes of one entry."""
        row = self.connection.execute(
            "SELECT body FROM entry WHERE writer = ? AND seq = ?", (writer, seq)
        ).fetchone()
        return None if row is None else row[0]

    def bodies_since_save(self) -> Iterator[bytes]:
        """The entries after the last checkpoint of the counters, in the order of arrival."""
        for (body,) in self.connection.execute(
            "SELECT body FROM entry WHERE arrival > ? ORDER BY arrival", (self.counters_saved(),)
        ):
            yield bytes(body)

    def counters_saved(self) -> int:
        """The arrival of the last entry that the counters' rows and the index of SKUs know."""
        return int(self.meta(COUNTERS_SAVED) or "0")

    def entries_about(self, location: str, sku: str) -> Iterator[tuple[int, bytes]]:
        """(arrival, body) of the entries about a SKU at a location; the caller has a snapshot."""
        return entries_about(self.connection, location, sku, indexed_to=self.counters_saved())

    def load_hash(self, writer: str, seq: int) -> bytes | None:
        """The hash of one entry (GENESIS for seq 0), or None where the journal does not reach."""
        if seq == 0:
            return GENESIS
        row = self.connection.execute(
            "SELECT hash FROM entry WHERE writer = ? AND seq = ?", (writer, seq)
        ).fetchone()
        return None if row is None else row[0]

    def entries_after(
        self, writer: str, seq: int, *, count_max: int, bytes_max: int
    ) -> tuple[list[Entry], int]:
        """Consecutive entries after `seq`, at least one if there is any, and the last one's seq.

        No deed is cut: what belongs together comes together, the first one whatever its size.
        """
        rows = self.connection.execute(
            "SELECT body, hash FROM entry WHERE writer = ? AND seq > ? ORDER BY seq LIMIT ?",
            (writer, seq, max(count_max, DEED_ENTRIES_MAX)),
        )
        entries = whole_deeds(
            (Entry(body, digest) for body, digest in rows), count_max=count_max, bytes_max=bytes_max
        )
        return entries, seq + len(entries)

    def entries_of(
        self, *, arrived_from: int, kind: str | None, location: str | None, writer: str | None
    ) -> Iterator[tuple[int, bytes]]:
        """(arrival, body) of entries in the order of arrival, narrowed by what is not None.

        A location is found by its writers' names, which also works where it has no index.
        """
        wheres = ["arrival >= ?"]
        bounds: list[str | int] = [arrived_from]
        if kind is not None:
            wheres.append("kind = ?")
            bounds.append(kind)
        if location is not None:
            wheres.append("writer >= ? AND writer < ?")
            bounds += [f"{location}.", f"{location}/"]
        if writer is not None:
            wheres.append("writer = ?")
            bounds.append(writer)
        sql = f"SELECT arrival, body FROM entry WHERE {' AND '.join(wheres)} ORDER BY arrival"  # noqa: S608
        yield from self.connection.execute(sql, bounds)

    def store_entries(self, rows: Sequence[tuple[str, int, str, bytes, bytes]]) -> None:
        """Insert entries as (writer, seq, kind, hash, body), in the order of arrival."""
        last = self._last_arrival()
        numbered = [(last + n, *row) for n, row in enumerate(rows, 1)]
        self._arrival = last + len(rows)
        insert_rows(self.connection, "INSERT INTO entry VALUES", numbered)

    def store(self, pending: Pending) -> None:
        """Write what a batch left behind; the caller's transaction is open."""
        if pending.entries:
            self.store_entries(
                [(n.writer, n.seq, n.kind, n.entry.hash, n.entry.body) for n in pending.entries]
            )
        if pending.requests:
            insert_rows(
                self.connection,
                "INSERT INTO request VALUES",
                [(*n.request, n.digest, n.status, n.entry) for n in pending.requests.values()],
            )
        if pending.counters:
            encode = msgspec.json.encode
            insert_rows(
                self.connection,
                "INSERT OR REPLACE INTO counter VALUES",
                [
                    (location, sku, encode(counter.cells()).decode())
                    for (location, sku), counter in pending.counters.items()
                ],
            )
        if pending.is_checkpoint:
            index_entries(self.connection, after=self.counters_saved())
            self.set_meta(COUNTERS_SAVED, str(self._last_arrival()))

    def _last_arrival(self) -> int:
        if self._arrival is None:
            found = self.connection.execute("SELECT max(arrival) FROM entry").fetchone()
            self._arrival = int(str((found and found[0]) or 0))
        return self._arrival

    def forget(self) -> None:
        """After a rollback: what was numbered but not written is not known any more."""
        self._arrival = None
        self._looked_up = {}

    def find_request(self, request: RequestKey) -> NewRequest | None:
        """The first success under a key, if there was one."""
        if request in self._looked_up:
            return self._looked_up[request]
        row = self.connection.execute(
            "SELECT digest, status, entry FROM request "
            "WHERE principal = ? AND path = ? AND key = ?",
            request,
        ).fetchone()
        return None if row is None else NewRequest(request, *row)

    def look_up(self, requests: Sequence[RequestKey]) -> None:
        """Read the first successes of a whole batch at once; `find_request` then needs no read."""
        self._looked_up = {}
        if len(requests) == 1:
            return  # one plain read costs less than a statement for many
        self._looked_up = dict.fromkeys(requests)
        for start in range(0, len(requests), ROWS_MAX):
            some = requests[start : start + ROWS_MAX]
            places = ",".join(("(?,?,?)",) * len(some))
            for *key, digest, status, entry in self.connection.execute(
                "SELECT principal, path, key, digest, status, entry FROM request "  # noqa: S608
                f"WHERE (principal, path, key) IN (VALUES {places})",
                [text for request in some for text in request],
            ):
                found = RequestKey(*key)
                self._looked_up[found] = NewRequest(found, digest, status, entry)

    # Single values

    def meta(self, name: str) -> str | None:
        """One single value, or None."""
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def set_meta(self, name: str, value: str) -> None:
        """Write one single value, in the caller's transaction."""
        self.connection.execute(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (name, value),
        )

    # Documents

    def load_document(self, kind: str, key: str, actor: bytes) -> EntityDocument | None:
        """A document, ready to be written as `actor`; None where there is none."""
        row = self.connection.execute(
            "SELECT snapshot FROM document WHERE kind = ? AND id = ?", (kind, key)
        ).fetchone()
        if row is None:
            return None
        changes = self.connection.execute(
            "SELECT change FROM document_change WHERE kind = ? AND id = ? ORDER BY number",
            (kind, key),
        )
        document = EntityDocument.load(row[0], [bytes(change) for (change,) in changes])
        document.set_actor(actor)
        return document

    def store_document(
        self, kind: str, key: str, document: EntityDocument, change: bytes, *, owned: bool = False
    ) -> None:
        """Append one change of a document; a new or often changed one gets a fresh snapshot.

        With `owned`, nobody else ever merges with it: a long history is left behind then.
        """
        if not change:
            return
        number = self._next_change(kind, key)
        if 0 < number <= CHANGES_PER_SNAPSHOT:
            self.connection.execute(
                "INSERT INTO document_change VALUES (?, ?, ?, ?)", (kind, key, number, change)
            )
            return
        saved = document.save()
        if owned and len(saved) > HISTORY_BYTES_MAX:
            document.forget_history()
            saved = document.save()
        EntityDocument.load(saved)  # what we are about to depend on must load again
        self.connection.execute(
            "INSERT INTO document VALUES (?1, ?2, ?3) "
            "ON CONFLICT (kind, id) DO UPDATE SET snapshot = ?3",
            (kind, key, saved),
        )
        self.connection.execute(
            "DELETE FROM document_change WHERE kind = ? AND id = ?", (kind, key)
        )

    def documents_among(self, kind: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a document."""
        select = "SELECT id FROM document WHERE kind = ? AND id IN"
        return {str(key) for (key,) in rows_of(self.connection, select, keys, (kind,))}

    def add_documents(self, kind: str, documents: Mapping[str, EntityDocument]) -> None:
        """Store documents of keys that have none yet, with few statements."""
        saved = {key: document.save() for key, document in documents.items()}
        for one in saved.values():
            EntityDocument.load(one)  # what we are about to depend on must load again
        insert_rows(
            self.connection,
            "INSERT INTO document VALUES",
            [(kind, key, one) for key, one in saved.items()],
        )

    def remove_document(self, kind: str, key: str) -> None:
        """Forget a document; a kind that is not there is no matter."""
        for table in ("document", "document_change"):
            self.connection.execute(f"DELETE FROM {table} WHERE kind = ? AND id = ?", (kind, key))  # noqa: S608

    def _next_change(self, kind: str, key: str) -> int:
        """The number of a document's next change row; 0 when the document is not there yet."""
        known = self.connection.execute(
            "SELECT 1 FROM document WHERE kind = ? AND id = ?", (kind, key)
        ).fetchone()
        if known is None:
            return 0
        row = self.connection.execute(
            "SELECT coalesce(max(number), 0) + 1 FROM document_change WHERE kind = ? AND id = ?",
            (kind, key),
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(row[0])
