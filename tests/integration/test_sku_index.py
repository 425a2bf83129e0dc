"""Goal: the entries about a SKU are found, each once, at every moment, and no sale pays for it.

Method: real files of a hub and two shops (`tests.chain`); what the index and its tail find is
compared with a look through the whole journal, around checkpoints, failed commits and restarts.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec
import pytest

from replication import ledger
from replication.adapters.sku_index import index_entries, touched_by
from replication.adapters.sqlite import (
    REPLICA,
    ReplicaStore,
    connect,
    migrate,
    snapshot,
    transaction,
)
from replication.journal import EMPTY, append
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide
from tests.replication_samples import body_of
from web.once import Done
from web.paging import Page
from web.story_pages import committed_counter, story_page

SHOPS: Final = ("harbour", "riverside")
SKUS: Final = ("jam", "tea")


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub and two shops, each of which has both SKUs."""
    chain = Chain(tmp_path, skus=SKUS, shops=SHOPS)
    for shop in chain.shops.values():
        shop.receive(tea=40, jam=40)
    chain.sync()
    return chain


def indexed(store: ReplicaStore) -> int:
    """How many rows the index has."""
    row = store.connection.execute("SELECT count(*) FROM entry_by_sku").fetchone()
    assert row is not None
    return int(str(row[0]))


def check_found(store: ReplicaStore) -> None:
    """What is found is what the whole journal has, in its order."""
    rows = store.connection.execute("SELECT arrival, body FROM entry ORDER BY arrival").fetchall()
    for location in SHOPS:
        for sku in SKUS:
            due = [
                arrival
                for arrival, body in rows
                if (sku, location) in touched_by(body).places()  # type: ignore[arg-type] # columns
            ]
            assert [arrival for arrival, _ in store.entries_about(location, sku)] == due


def test_a_sale_writes_no_index_and_is_found_at_once(riverside: ShopSide) -> None:
    store = riverside.state.store
    before = indexed(store)

    assert isinstance(riverside.sell("tea", 2), Done)

    assert indexed(store) == before == 0
    check_found(store)
    assert story_page(store, "riverside", "tea", Page()).entries[-1].kind == "sale"


def test_a_checkpoint_indexes_what_came_since_the_one_before(chain: Chain) -> None:
    for side in (chain.hub, chain.shops["riverside"]):
        store = side.state.store
        for _ in range(2):
            chain.shops["riverside"].sell("tea", 1)
            chain.sync()
            before = indexed(store)

            side.commit(side.state.ledger.save)

            assert indexed(store) > before
            assert list(store.bodies_since_save()) == []
            check_found(store)
        rows = indexed(store)
        side.commit(side.state.ledger.save)
        assert indexed(store) == rows, "nothing came since"


def test_entries_are_found_whatever_happens_around_checkpoints(
    chain: Chain, riverside: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SAVE_ENTRIES", 4)
    for number in range(12):
        riverside.sell("tea" if number % 3 else "jam", 1)
        if number % 5 == 2:
            riverside.refuse_next_commit()
            with pytest.raises(CommitFailed):
                riverside.sell("tea", 1)
        if number % 7 == 3:
            riverside.restart()
        chain.sync()
        for store in (riverside.state.store, chain.hub.state.store):
            check_found(store)


def test_the_hub_finds_only_what_is_about_the_location(chain: Chain, riverside: ShopSide) -> None:
    chain.hub.commit(chain.hub.state.ledger.save)
    riverside.sell("tea", 1)
    chain.sync()

    bodies = [body for _, body in chain.hub.state.store.entries_about("harbour", "tea")]

    assert bodies
    assert {touched_by(body).writer for body in bodies} <= {"harbour.1", "hub.1"}


def test_the_committed_counter_is_that_of_the_writer_thread(
    chain: Chain, riverside: ShopSide
) -> None:
    riverside.sell("tea", 2)
    riverside.commit(riverside.state.ledger.save)
    riverside.sell("tea", 1)
    chain.hub.place({"tea": 1}, pickup="riverside")
    chain.sync()

    for store, counter in (
        (riverside.state.store, riverside.state.counter("tea")),
        (chain.hub.state.store, chain.hub.counter("riverside", "tea")),
    ):
        assert committed_counter(store, "riverside", "tea").cells() == counter.cells()


def test_a_story_is_read_in_one_snapshot(riverside: ShopSide) -> None:
    path = riverside.state.connection.filename
    reader = ReplicaStore(connect(Path(path), read_only=True))
    with snapshot(reader.connection):
        before = [arrival for arrival, _ in reader.entries_about("riverside", "tea")]
        riverside.sell("tea", 1)
        riverside.commit(riverside.state.ledger.save)

        assert [arrival for arrival, _ in reader.entries_about("riverside", "tea")] == before
    assert not reader.connection.in_transaction
    assert len(list(reader.entries_about("riverside", "tea"))) == len(before) + 1


# Entries that no honest program writes


def deep_entry(depth: int) -> bytes:
    """An entry whose record is nested deeper than SQLite reads JSON."""
    record = msgspec.Raw(b"[" * depth + b"]" * depth)
    return append(EMPTY, body_of(1, record=record))[0].body


@pytest.fixture
def deep_stack() -> Iterator[None]:
    """An interpreter that reads deeper JSON than SQLite, as newer ones do by themselves."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    yield
    sys.setrecursionlimit(before)


def file_with(body: bytes, tmp_path: Path) -> apsw.Connection:
    """A file of the first schema, whose counters are checkpointed after this one entry."""
    connection = connect(tmp_path / "replica.db")
    with transaction(connection):
        connection.execute(REPLICA.scripts()[0])
        connection.execute(
            "INSERT INTO entry VALUES (1, 'riverside.1', 1, 'sale', ?, ?)", (bytes(32), body)
        )
        connection.execute("INSERT INTO meta VALUES ('counters_saved', '1')")
        connection.execute(
            "CREATE TABLE schema_version "
            "(component TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID"
        )
        connection.execute("INSERT INTO schema_version VALUES ('replica', 1)")
    return connection


def test_an_entry_that_sqlite_cannot_read_does_not_keep_the_program_from_starting(
    tmp_path: Path,
) -> None:
    connection = file_with(deep_entry(1_500), tmp_path)

    migrate(connection, [REPLICA])

    assert indexed(ReplicaStore(connection)) == 0


def test_the_migration_finds_what_the_program_finds(tmp_path: Path) -> None:
    connection = file_with(deep_entry(3), tmp_path)

    migrate(connection, [REPLICA])

    rows = connection.execute("SELECT * FROM entry_by_sku").fetchall()
    assert rows == [("tea", "riverside", 1)]


@pytest.mark.usefixtures("deep_stack")
def test_what_our_reader_takes_and_sqlite_does_not_is_indexed_all_the_same(tmp_path: Path) -> None:
    connection = file_with(deep_entry(1_500), tmp_path)
    migrate(connection, [REPLICA])

    index_entries(connection, after=0)

    assert connection.execute("SELECT * FROM entry_by_sku").fetchall() == [("tea", "riverside", 1)]
