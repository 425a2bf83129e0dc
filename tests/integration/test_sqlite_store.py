"""Goal: the file is durable, migrated once, refused when it is newer, and held by one program.

Method: real files. What a pragma set is read back; a newer file is compared byte by byte; a second
process asks for the directory that this one holds.
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw
import pytest

from replication.adapters.many_rows import insert_rows
from replication.adapters.sqlite import (
    BUSY_MS,
    CHANGES_PER_SNAPSHOT,
    REPLICA,
    WAL_PAGES,
    Migrations,
    ReplicaStore,
    connect,
    migrate,
    only_program,
    transaction,
)
from replication.document import HISTORY_BYTES_MAX, EntityDocument, actor_for
from replication.errors import DocumentCorrupt, SchemaTooNew, StorageFailed
from replication.journal import EMPTY, verify
from tests.replication_samples import STORE, body_of, chain, journal

ROOT: Final = Path(__file__).parents[2]
ACTOR: Final = actor_for(STORE, "3f9a")
ASK_FOR_DIRECTORY: Final = """
import sys
from pathlib import Path
from replication.adapters.sqlite import only_program
from replication.errors import StorageFailed
try:
    with only_program(Path(sys.argv[1])):
        print("held", flush=True)
        if sys.argv[2] == "keep":
            sys.stdin.read()
except StorageFailed as refused:
    print(refused, flush=True)
"""


def made(path: Path) -> ReplicaStore:
    connection = connect(path)
    migrate(connection, [REPLICA])
    return ReplicaStore(connection)


def pragma(connection: apsw.Connection, name: str) -> object:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    assert row is not None
    return row[0]


def contents(directory: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()
    }


def schema(connection: apsw.Connection) -> Sequence[object]:
    return connection.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall()


# Opening


def test_the_writing_connection_is_as_durable_as_it_says(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")

    assert pragma(store.connection, "journal_mode") == "wal"
    assert pragma(store.connection, "synchronous") == 2, "FULL"
    assert pragma(store.connection, "wal_autocheckpoint") == WAL_PAGES
    assert pragma(store.connection, "foreign_keys") == 1
    assert pragma(store.connection, "temp_store") == 2, "memory"
    assert pragma(store.connection, "busy_timeout") == BUSY_MS


def test_a_reader_reads_beside_the_writer_and_cannot_write(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    reader = ReplicaStore(connect(tmp_path / "replica.db", read_only=True))

    with transaction(store.connection):
        store.set_meta("name", "value")
        assert reader.meta("name") is None
    assert reader.meta("name") == "value"
    with pytest.raises(apsw.ReadOnlyError):
        reader.set_meta("name", "other")


def test_a_reader_does_not_make_a_file(tmp_path: Path) -> None:
    with pytest.raises(apsw.CantOpenError):
        connect(tmp_path / "replica.db", read_only=True)

    assert list(tmp_path.iterdir()) == []


def test_a_block_that_raises_is_rolled_back(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")

    def interrupted() -> None:
        with transaction(store.connection):
            store.set_meta("name", "value")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert store.meta("name") is None
    assert not store.connection.in_transaction


# Migrations


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    store.connection.close()
    before = contents(tmp_path)

    for _ in range(2):
        connection = connect(tmp_path / "replica.db")
        migrate(connection, [REPLICA])
        connection.close()

    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "newer",
    [
        "UPDATE schema_version SET version = version + 1",
        "INSERT INTO schema_version VALUES ('loyalty', 1)",
    ],
    ids=["a newer version", "a component that we do not know"],
)
def test_a_newer_file_is_refused_untouched(tmp_path: Path, newer: str) -> None:
    store = made(tmp_path / "replica.db")
    store.connection.execute(newer)
    store.connection.close()
    before = contents(tmp_path)

    connection = connect(tmp_path / "replica.db")
    with pytest.raises(SchemaTooNew, match="start the newer program"):
        migrate(connection, [REPLICA])
    connection.close()

    assert contents(tmp_path) == before


def scripts(folder: Path, monkeypatch: pytest.MonkeyPatch, *texts: str) -> Migrations:
    """A package with numbered schema files, and another component's beside them."""
    package = folder / f"schema_of_{folder.name}"  # a package of this name is imported once
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "other_0001.sql").write_text("CREATE TABLE stranger (n INTEGER) STRICT;")
    for number, text in enumerate(texts, 1):
        (package / f"shop_{number:04}.sql").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    return Migrations("shop", package.name)


def test_scripts_run_once_each_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = "CREATE TABLE shelf (n INTEGER NOT NULL) STRICT; INSERT INTO shelf VALUES (1);"
    connection = connect(tmp_path / "replica.db")

    migrate(connection, [REPLICA, scripts(tmp_path, monkeypatch, first)])
    series = scripts(tmp_path, monkeypatch, first, "UPDATE shelf SET n = n * 10;", "-- nothing")
    migrate(connection, [REPLICA, series])
    migrate(connection, [REPLICA, series])

    assert connection.execute("SELECT n FROM shelf").fetchall() == [(10,)]
    versions = connection.execute("SELECT * FROM schema_version ORDER BY component").fetchall()
    assert versions == [("replica", len(REPLICA.scripts())), ("shop", 3)]
    assert "stranger" not in str(schema(connection))


def test_a_script_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made(tmp_path / "replica.db")
    before = schema(store.connection)
    good = "CREATE TABLE shelf (n INTEGER NOT NULL) STRICT;"
    broken = "INSERT INTO shelf VALUES (1); INSERT INTO nowhere VALUES (1);"

    with pytest.raises(apsw.SQLError, match="nowhere"):
        migrate(store.connection, [REPLICA, scripts(tmp_path, monkeypatch, good, broken)])

    assert schema(store.connection) == before
    assert not store.connection.in_transaction
    migrate(store.connection, [REPLICA])


def test_the_replicas_scripts_are_numbered_without_a_gap() -> None:
    folder = ROOT / "replication" / "adapters" / "migrations"
    names = sorted(path.name for path in folder.glob("*.sql"))

    assert names == [f"replica_{number:04}.sql" for number in range(1, len(names) + 1)]
    assert all(script.startswith("-- Why:") for script in REPLICA.scripts())


# Rows


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 16, 63, 64, 65, 149])
def test_many_rows_go_in_with_few_statements(tmp_path: Path, count: int) -> None:
    store = made(tmp_path / "replica.db")
    rows = [(f"n-{n:03}", str(n)) for n in range(count)]

    insert_rows(store.connection, "INSERT INTO meta VALUES", rows)

    assert store.connection.execute("SELECT * FROM meta ORDER BY name").fetchall() == rows


def test_entries_are_there_after_a_restart_and_prove_themselves(tmp_path: Path) -> None:
    entries = journal(150)
    store = made(tmp_path / "replica.db")
    with transaction(store.connection):
        store.store_entries(
            [(STORE, seq, "sale", one.hash, one.body) for seq, one in enumerate(entries, 1)]
        )
    store.connection.close()

    store = made(tmp_path / "replica.db")

    kept, last = store.entries_after(STORE, 0, count_max=1_000, bytes_max=2**40)
    assert verify(EMPTY, STORE, kept)[1] == store.load_head(STORE)
    assert (kept, last) == (entries, 150)
    assert store.load_hash(STORE, 0) == EMPTY.hash
    assert store.load_hash(STORE, 150) == entries[-1].hash
    assert store.load_hash(STORE, 151) is None


def test_one_place_of_the_journal_is_written_once(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    [entry] = journal(1)
    row = (STORE, 1, "sale", entry.hash, entry.body)

    with pytest.raises(apsw.ConstraintError), transaction(store.connection):
        store.store_entries([row, row])

    assert store.load_head(STORE) == EMPTY


def test_arrivals_are_counted_on_after_a_rollback_and_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "replica.db"
    store = made(path)
    entries = journal(3)
    rows = [(STORE, seq, "sale", one.hash, one.body) for seq, one in enumerate(entries, 1)]
    with transaction(store.connection):
        store.store_entries(rows[:1])
    store.connection.execute("BEGIN IMMEDIATE")
    store.store_entries(rows[1:])
    store.connection.execute("ROLLBACK")
    store.forget()
    with transaction(store.connection):
        store.store_entries(rows[1:2])
    store = made(path)
    with transaction(store.connection):
        store.store_entries(rows[2:])

    arrived = store.entries_of(arrived_from=0, kind=None, location=None, writer=None)

    assert list(arrived) == [(n, one.body) for n, one in enumerate(entries, 1)]


def test_an_export_is_narrowed_by_what_it_is_asked(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    writers = ["riverside.1", "riverside-2.1", "riverside.2", "hub.1", "river.1"]
    kinds = ["sale", "receipt"]
    with transaction(store.connection):
        for writer in writers:
            entries, _ = chain(body_of(seq, writer=writer, cells=[]) for seq in (1, 2))
            store.store_entries(
                [
                    (writer, seq, kinds[seq - 1], one.hash, one.body)
                    for seq, one in enumerate(entries, 1)
                ]
            )

    def arrivals(
        arrived_from: int = 0,
        kind: str | None = None,
        location: str | None = None,
        writer: str | None = None,
    ) -> list[int]:
        rows = store.entries_of(
            arrived_from=arrived_from, kind=kind, location=location, writer=writer
        )
        return [arrival for arrival, _ in rows]

    assert arrivals() == list(range(1, 11))
    assert arrivals(arrived_from=9) == [9, 10]
    assert arrivals(kind="receipt") == [2, 4, 6, 8, 10]
    assert arrivals(location="riverside") == [1, 2, 5, 6], "not of riverside-2, nor of river"
    assert arrivals(writer="riverside.2") == [5, 6]
    assert arrivals(location="riverside", kind="sale", arrived_from=2) == [5]


# Documents


def test_a_document_is_its_snapshot_and_its_changes(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    assert store.load_document("product", "tea", ACTOR) is None
    document = EntityDocument.new(ACTOR)

    for number in range(3 * CHANGES_PER_SNAPSHOT):
        change = document.put({"price": str(number)}, {f"e{number % 7}": str(number)})
        with transaction(store.connection):
            store.store_document("product", "tea", document, change)
        loaded = store.load_document("product", "tea", ACTOR)
        assert loaded is not None
        assert (loaded.fields(), loaded.events()) == (document.fields(), document.events())
        rows = store.connection.execute("SELECT count(*) FROM document_change").fetchone()
        assert rows is not None
        assert rows[0] <= CHANGES_PER_SNAPSHOT
        document = loaded


def test_ten_thousand_edits_of_its_only_owner_leave_a_small_document(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    document = EntityDocument.new(ACTOR)
    largest = 0
    with transaction(store.connection):
        for price in range(10_000):
            fields = {"price": str(price), f"note-{price % 5}": f'"{price}"'}
            store.store_document("product", "tea", document, document.put(fields), owned=True)
            if price % 500 == 0:
                saved = store.connection.execute("SELECT length(snapshot) FROM document")
                largest = max(largest, *(int(str(size)) for (size,) in saved))

    loaded = store.load_document("product", "tea", ACTOR)
    assert loaded is not None
    assert loaded.fields() == document.fields()
    assert loaded.fields()["price"] == "9999"
    assert 1_000 < largest <= HISTORY_BYTES_MAX
    assert len(loaded.save()) <= HISTORY_BYTES_MAX + CHANGES_PER_SNAPSHOT * 200


def test_a_document_that_others_merge_with_keeps_its_history(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    document = EntityDocument.new(ACTOR)
    store.store_document("order", "o", document, document.put({"note": '"1"'}))
    copy = EntityDocument.load(document.save())
    copy.set_actor(actor_for("riverside.1", "other"))
    copy.put({"seen": "true"})

    text = "x" * 2 * HISTORY_BYTES_MAX
    for number in range(2 * CHANGES_PER_SNAPSHOT):
        change = document.put({"note": f'"{number}{text if number % 9 == 0 else ""}"'})
        store.store_document("order", "o", document, change)

    loaded = store.load_document("order", "o", ACTOR)
    assert loaded is not None
    loaded.merge(copy)
    assert loaded.fields() == document.fields() | {"seen": "true"}


def test_nothing_new_is_not_stored(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    store.store_document("product", "tea", EntityDocument.new(ACTOR), b"")

    assert store.load_document("product", "tea", ACTOR) is None


def test_a_torn_change_is_refused_and_the_rest_stays(tmp_path: Path) -> None:
    store = made(tmp_path / "replica.db")
    document = EntityDocument.new(ACTOR)
    for price in ("1", "2"):
        store.store_document("product", "tea", document, document.put({"price": price}))
    store.connection.execute("UPDATE document_change SET change = substr(change, 1, 20)")

    with pytest.raises(DocumentCorrupt):
        store.load_document("product", "tea", ACTOR)

    store.connection.execute("DELETE FROM document_change")
    loaded = store.load_document("product", "tea", ACTOR)
    assert loaded is not None
    assert loaded.fields() == {"price": "1"}


# One program


def ask(directory: Path, then: str = "leave") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK_FOR_DIRECTORY, str(directory), then],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_directory_is_held_by_one_program(tmp_path: Path) -> None:
    with only_program(tmp_path):
        refused, _ = ask(tmp_path).communicate()
    allowed, _ = ask(tmp_path).communicate()

    assert refused == f"{tmp_path} is in use by another running program\n"
    assert allowed == "held\n"


def test_a_killed_program_holds_nothing(tmp_path: Path) -> None:
    program = ask(tmp_path, "keep")
    assert program.stdout is not None
    assert program.stdout.readline() == "held\n"
    with pytest.raises(StorageFailed, match="in use"), only_program(tmp_path):
        pass

    program.kill()
    program.communicate()

    with only_program(tmp_path):
        assert (tmp_path / "lock").exists()
