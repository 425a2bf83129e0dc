"""Goal: a program starts on the file of one moment, whatever ended it, and on nothing else.

Method: a small replica sells into a real file. Copies of it are put together from several moments,
and rows are changed as pages of another moment would have it. No check may change a byte.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.client import __main__ as store_register
from replication.adapters.sqlite import connect, transaction
from replication.errors import StorageFailed
from tests.replication_samples import STORE
from tests.selling_program import DATABASE, SellingState, open_state, selling
from web import file_check
from web.command_line import EXIT_REFUSED
from web.file_check import FileDamaged, check_file, marked_open

SALES = 120
PAGE_BYTES = 4096
WORDS = "Do this."


class Till:
    """Sells into a file that it has open, and copies it meanwhile."""

    def __init__(self, state: SellingState) -> None:
        self.state = state
        self.sold = 0

    async def sell(self, sales: int = SALES) -> None:
        """Sell so many more."""
        async with selling(self.state) as writer:
            keys = [f"key-{self.sold + number}" for number in range(sales)]
            await asyncio.gather(*(writer.submit(partial(self.state.sell, key)) for key in keys))
            await writer.submit_save(self.state.ledger)
        self.sold += sales

    @property
    def file(self) -> Path:
        return self.state.path

    @property
    def log(self) -> Path:
        return self.file.with_name(f"{self.file.name}-wal")

    def checkpoint(self) -> None:
        """What is in the log goes to the file, and the log begins anew."""
        self.state.connection.execute("PRAGMA wal_checkpoint(RESTART)")


@pytest_asyncio.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    """A program that has its file open, has sold, and goes on."""
    state = open_state(tmp_path)
    with marked_open(state.path):
        state.connection.execute("PRAGMA wal_autocheckpoint = 0")  # the tests say when
        till = Till(state)
        async with selling(state) as writer:
            await writer.submit(lambda: state.receive(100_000))
        await till.sell()
        yield till
        state.connection.close()


def pieced(folder: Path, file: bytes, log: bytes | None = None) -> Path:
    """A directory put together from what was copied."""
    folder.mkdir()
    (folder / DATABASE).write_bytes(file)
    if log is not None:
        (folder / f"{DATABASE}-wal").write_bytes(log)
    return folder / DATABASE


def check(file: Path) -> None:
    """Look at a file as its program does when it starts; nothing in it changes."""
    before = bytes_of(file)
    try:
        check_file(file, lambda _: STORE, WORDS)
    finally:
        after = bytes_of(file)
        assert {name: after[name] for name in before} == before


def bytes_of(file: Path) -> dict[str, bytes]:
    """All files of a directory but the log's index, which is nobody's."""
    return {
        one.name: one.read_bytes()
        for one in file.parent.iterdir()
        if one.is_file() and not one.name.endswith("-shm")
    }


def sold_in(file: Path) -> int:
    """Sales in the journal of a file."""
    connection = connect(file)
    row = connection.execute("SELECT count(*) FROM entry WHERE kind = 'sale'").fetchone()
    connection.close()
    assert row is not None
    return int(row[0])


async def test_the_file_of_one_moment_is_sound_in_whatever_order_it_was_copied(
    till: Till, tmp_path: Path
) -> None:
    file = till.file.read_bytes()
    log = till.log.read_bytes()
    await till.sell()
    newer = till.log.read_bytes()

    for name, copied, sales in (("one", log, SALES), ("other", newer, 2 * SALES)):
        copy = pieced(tmp_path / name, file, copied)
        check(copy)
        assert sold_in(copy) == sales


async def test_the_file_without_its_log_is_an_older_image(till: Till, tmp_path: Path) -> None:
    till.checkpoint()
    await till.sell()

    copy = pieced(tmp_path / "copy", till.file.read_bytes())

    check(copy)
    assert sold_in(copy) == SALES


async def test_a_log_of_a_later_round_is_refused(till: Till, tmp_path: Path) -> None:
    file = till.file.read_bytes()
    await till.sell()
    till.checkpoint()
    await till.sell(20)

    copy = pieced(tmp_path / "copy", file, till.log.read_bytes())

    with pytest.raises(FileDamaged, match="was copied while its program ran") as refused:
        check(copy)
    assert WORDS in str(refused.value)
    assert refused.value.status == file_check.EXIT_DAMAGED


@pytest.mark.parametrize("with_log", [False, True])
async def test_a_file_that_a_checkpoint_overtook_is_refused(
    till: Till, tmp_path: Path, *, with_log: bool
) -> None:
    till.checkpoint()
    before = till.file.read_bytes()
    await till.sell()
    till.checkpoint()
    await till.sell(3)
    half = len(before) // 2 // PAGE_BYTES * PAGE_BYTES
    torn = before[:half] + till.file.read_bytes()[half:]

    copy = pieced(tmp_path / "copy", torn, till.log.read_bytes() if with_log else None)

    with pytest.raises(FileDamaged):
        check(copy)


CHANGES = {
    "another hash": ("UPDATE entry SET hash = randomblob(32) WHERE seq = 50", "does not follow"),
    "an older entry": ("DELETE FROM entry WHERE seq = 50", "out of sequence"),
    "an older end": ("DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)", "remembered"),
    "no entry": ("UPDATE entry SET body = x'00' WHERE seq = 50", "does not decode"),
    "an older counter": ("UPDATE counter SET cells = '[]'", "older than the journal"),
    "no counter": ("DELETE FROM counter", "older than the journal"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_rows_of_another_moment_are_refused_where_the_file_was_left_open(
    till: Till, name: str
) -> None:
    sql, why = CHANGES[name]
    with transaction(till.state.connection):
        till.state.connection.execute(sql)

    with pytest.raises(FileDamaged, match=why):
        check(till.file)


async def test_an_index_of_another_moment_is_refused(till: Till, tmp_path: Path) -> None:
    execute = till.state.connection.execute
    execute("INSERT INTO token VALUES (x'01', 'before', 'cashier', NULL, 'Ann', 1)")
    till.checkpoint()
    row = execute(
        "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'token'"
    ).fetchone()
    assert row is not None
    at = (int(row[0]) - 1) * PAGE_BYTES
    before = till.file.read_bytes()[at : at + PAGE_BYTES]
    execute("UPDATE token SET id = 'behind'")
    till.checkpoint()
    after = till.file.read_bytes()
    copy = pieced(tmp_path / "copy", after[:at] + before + after[at + PAGE_BYTES :])
    assert connect(copy, read_only=True).execute("PRAGMA quick_check").fetchall() == [("ok",)]

    with pytest.raises(FileDamaged, match="missing from index"):
        check(copy)


async def test_a_file_that_was_closed_is_not_looked_through(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    with marked_open(state.path):
        till = Till(state)
        async with selling(state) as writer:
            await writer.submit(lambda: state.receive(100_000))
        await till.sell()
        with transaction(state.connection):
            state.connection.execute("UPDATE entry SET hash = randomblob(32)")

    assert till.log.stat().st_size == 0
    check(till.file)
    state.connection.close()
    check(till.file)


async def test_a_program_that_broke_leaves_its_file_open(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    with transaction(state.connection):
        state.store.store_entries([(STORE, 1, "sale", bytes(32), b"{}")])

    def breaks() -> None:
        with marked_open(state.path):
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it is ours
        breaks()
    state.connection.close()

    with pytest.raises(FileDamaged, match="does not decode"):
        check(state.path)


async def test_a_large_file_is_not_waited_for_but_its_journal_is_looked_at(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_check, "LOOK_S_MAX", -1.0)
    monkeypatch.setattr(file_check, "_PROGRESS_STEPS", 1)

    check(till.file)

    with transaction(till.state.connection):
        till.state.connection.execute("UPDATE entry SET hash = randomblob(32) WHERE seq = 50")
    with pytest.raises(FileDamaged, match="does not follow"):
        check(till.file)


async def test_only_the_end_of_a_long_journal_is_looked_at(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_check, "TAIL_ENTRIES", 20)
    with transaction(till.state.connection):
        till.state.connection.execute("UPDATE entry SET hash = randomblob(32) WHERE seq = 50")

    check(till.file)


async def test_rows_of_an_older_program_are_not_judged(till: Till) -> None:
    with transaction(till.state.connection):
        till.state.connection.execute("UPDATE schema_version SET version = 1")
        till.state.connection.execute("UPDATE counter SET cells = '[]'")

    check(till.file)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / DATABASE
    file.write_bytes(b"a text that somebody has put here" * 200)

    with pytest.raises(FileDamaged, match="not a database"):
        check(file)


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()

    with pytest.raises(StorageFailed, match="cannot be read"):
        check_file(tmp_path / DATABASE, lambda _: STORE, WORDS)


def test_a_command_that_only_reads_says_that_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "register.db").write_bytes(b"a text that somebody has put here" * 200)
    monkeypatch.setattr(sys, "argv", ["store-register", "status", "--data", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        store_register.main()

    assert ended.value.code == EXIT_REFUSED
    assert "cannot be read: file is not a database" in capsys.readouterr().err


def test_a_directory_that_holds_nothing_yet_is_fresh(tmp_path: Path) -> None:
    check(tmp_path / DATABASE)
    (tmp_path / DATABASE).touch()
    check(tmp_path / DATABASE)
