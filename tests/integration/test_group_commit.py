"""Goal: nobody hears yes before the disk has it (E5), and a failed commit leaves nothing behind.

Method: a real file and the real writer thread. Commits are held up, refused and filled up at
SQLite's own hooks; a second program is killed with signal 9 while it sells. Threads wait for each
other on events, never on time.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Final

import apsw
import pytest

from replication.adapters import group_commit
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore, connect
from replication.errors import LocalMisuse, StorageFailed
from replication.escrow import QuotaShort, check_invariants
from replication.ids import EntryId, parse_entry_id
from replication.journal import EMPTY, verify
from replication.ledger import Ledger, RequestKey
from tests.replication_samples import STORE, replayed
from tests.selling_program import DATABASE, PLACE, SellingState, open_state, selling

ROOT: Final = Path(__file__).parents[2]
WAIT_S_MAX: Final = 20
"""A failed test must not hang the writer thread; no test waits this long."""


class Panic(BaseException):
    """Not an Exception, as the panics of Automerge's binding are not."""


@pytest.fixture
def state(tmp_path: Path) -> SellingState:
    return open_state(tmp_path)


@pytest.fixture
async def writer(state: SellingState) -> AsyncIterator[GroupCommit]:
    async with selling(state) as writer:
        await writer.submit(lambda: state.receive(1_000))
        yield writer


def reader(state: SellingState) -> ReplicaStore:
    """What another connection sees: only what is committed."""
    return ReplicaStore(connect(state.path, read_only=True))


def check_file(directory: Path) -> ReplicaStore:
    """The whole file: an unbroken chain, and a start knows the counters that a replay makes."""
    store = ReplicaStore(connect(directory / DATABASE, read_only=True))
    entries, last = store.entries_after(STORE, 0, count_max=10**9, bytes_max=2**40)
    _, head = verify(EMPTY, STORE, entries)
    assert (last, head) == (len(entries), store.load_head(STORE))
    counter = Ledger(store, STORE, "again").counter(*PLACE)
    assert {(*PLACE, *row[:3]): row[3] for row in counter.cells()} == replayed(
        entry.body for entry in entries
    )
    assert check_invariants(counter) == []
    return store


def why(writer: GroupCommit) -> str | None:
    """Why the last commit failed, asked afresh."""
    return writer.last_error


async def hold(writer: GroupCommit) -> Callable[[], None]:
    """Keep the writer busy, so that what is submitted next gathers into one batch."""
    busy, release = threading.Event(), threading.Event()

    def wait() -> None:
        busy.set()
        release.wait(WAIT_S_MAX)

    writer.submit(wait)
    await asyncio.to_thread(busy.wait)
    return release.set


async def test_many_requests_are_few_commits(state: SellingState, writer: GroupCommit) -> None:
    before = state.commits
    release = await hold(writer)
    sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(200)]

    release()
    places = await asyncio.gather(*sales)

    assert state.commits == before + 2, "the one that was held, and all that had queued"
    assert len(set(places)) == 200
    assert reader(state).load_head(STORE).seq == 201


async def test_a_batch_is_bounded(
    state: SellingState, writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BATCH_MAX", 10)
    before = state.commits
    release = await hold(writer)
    sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(25)]

    release()
    await asyncio.gather(*sales)

    assert state.commits == before + 4


async def test_a_queue_that_is_full_refuses_at_once(
    state: SellingState, writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_MAX", 3)
    release = await hold(writer)
    waiting = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(3)]

    refused = writer.submit(lambda: state.sell("one too many"))

    assert isinstance(refused.exception(), StorageFailed)
    release()
    await asyncio.gather(*waiting)
    assert state.quota == 997


async def test_nobody_is_told_before_the_commit_is_through(
    state: SellingState, writer: GroupCommit
) -> None:
    committing, release = threading.Event(), threading.Event()

    def slow_disk() -> bool:
        committing.set()
        release.wait(WAIT_S_MAX)
        return False

    state.connection.set_commit_hook(slow_disk)
    sale = writer.submit(lambda: state.sell("k"))
    await asyncio.to_thread(committing.wait)
    for _ in range(20):
        await asyncio.sleep(0)

    assert not sale.done()
    assert reader(state).load_head(STORE).seq == 1
    release.set()
    assert await sale == "riverside.1-2"
    assert reader(state).load_head(STORE).seq == 2


async def test_what_one_is_told_is_in_the_file_at_that_moment(
    state: SellingState, writer: GroupCommit
) -> None:
    store = reader(state)
    seen: list[bool] = []

    def told(sale: "asyncio.Future[EntryId | QuotaShort]") -> None:
        place = parse_entry_id(str(sale.result()))
        assert place is not None
        seen.append(store.load_body(*place) is not None)

    sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(300)]
    for sale in sales:
        sale.add_done_callback(told)
    await asyncio.gather(*sales)

    assert seen == [True] * 300


async def test_sales_of_one_batch_share_the_last_units_fairly(
    state: SellingState, writer: GroupCommit
) -> None:
    release = await hold(writer)
    sales = [writer.submit(partial(state.sell, f"k-{n}", 300)) for n in range(5)]
    release()

    outcomes = await asyncio.gather(*sales)

    assert [isinstance(outcome, QuotaShort) for outcome in outcomes] == [False] * 3 + [True] * 2
    assert outcomes[4] == QuotaShort(wanted_units=300, quota_units=100)


def broken_half_way(state: SellingState, error: BaseException) -> Callable[[], object]:
    def work() -> object:
        state.receive(50)
        state.ledger.append("note", b'"half"')
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (ValueError("our bug"), ValueError),
        (AssertionError("our bug"), AssertionError),
        (Panic("a panic"), LocalMisuse),
        (StopIteration("our bug"), LocalMisuse),
        (apsw.ConstraintError("UNIQUE constraint failed"), StorageFailed),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
async def test_a_request_that_breaks_fails_alone(
    state: SellingState,
    writer: GroupCommit,
    error: BaseException,
    heard: type[Exception],
) -> None:
    release = await hold(writer)
    before = [writer.submit(partial(state.sell, f"a-{n}")) for n in range(5)]
    broken = writer.submit(broken_half_way(state, error))
    after = [writer.submit(partial(state.sell, f"b-{n}")) for n in range(5)]
    release()

    places = await asyncio.gather(*before, *after)
    with pytest.raises(heard):
        await broken

    assert places == [f"riverside.1-{seq}" for seq in range(2, 12)], "once each, without a gap"
    assert state.quota == 990
    check_file(state.path.parent)


async def test_a_request_that_breaks_alone_leaves_nothing(
    state: SellingState, writer: GroupCommit
) -> None:
    head = state.ledger.head

    with pytest.raises(ValueError, match="our bug"):
        await writer.submit(broken_half_way(state, ValueError("our bug")))

    assert (state.ledger.head, state.quota, reader(state).load_head(STORE)) == (head, 1_000, head)


async def test_when_the_commit_fails_all_hear_it_and_nothing_happened(
    state: SellingState, writer: GroupCommit
) -> None:
    head = state.ledger.head
    refuse = True
    state.connection.set_commit_hook(lambda: refuse)
    release = await hold(writer)
    sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(10)]
    release()

    outcomes = await asyncio.gather(*sales, return_exceptions=True)

    assert all(isinstance(outcome, StorageFailed) for outcome in outcomes)
    assert (state.ledger.head, state.quota) == (head, 1_000)
    assert why(writer) is not None
    refuse = False
    again = await asyncio.gather(*[writer.submit(partial(state.sell, f"k-{n}")) for n in range(10)])
    assert again == [f"riverside.1-{seq}" for seq in range(2, 12)]
    assert why(writer) is None
    check_file(state.path.parent)


async def test_a_full_disk_refuses_and_is_survived(
    state: SellingState, writer: GroupCommit
) -> None:
    pages = state.connection.pragma("page_count")
    state.connection.pragma("max_page_count", pages)
    sold = 0
    outcome: object = None
    while not isinstance(outcome, StorageFailed):
        [outcome] = await asyncio.gather(
            writer.submit(partial(state.sell, f"k-{sold}")), return_exceptions=True
        )
        sold += not isinstance(outcome, StorageFailed)
        assert sold < 1_000

    assert "full" in str(outcome)
    assert why(writer) is not None
    assert state.quota == 1_000 - sold
    assert reader(state).load_head(STORE) == state.ledger.head
    state.connection.pragma("max_page_count", pages + 1_000)
    assert await writer.submit(lambda: state.sell("after")) == f"riverside.1-{sold + 2}"
    assert why(writer) is None
    check_file(state.path.parent)


async def test_a_full_disk_is_told_to_the_whole_batch_at_once(
    state: SellingState, writer: GroupCommit
) -> None:
    """A batch that does not fit is not tried again sale by sale: the next customer waits."""
    state.connection.pragma("max_page_count", state.connection.pragma("page_count"))
    head, before = state.ledger.head, state.commits
    release = await hold(writer)
    sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(200)]
    release()

    outcomes = await asyncio.gather(*sales, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {StorageFailed}
    assert state.commits == before + 1, "only the one that was held"
    assert state.ledger.head == head


async def test_another_writer_that_holds_the_file_is_a_storage_failure(
    state: SellingState, writer: GroupCommit
) -> None:
    state.connection.set_busy_timeout(0)
    other = connect(state.path)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageFailed):
        await writer.submit(lambda: state.sell("k"))

    other.execute("ROLLBACK")
    assert await writer.submit(lambda: state.sell("k")) == "riverside.1-2"


async def test_a_rebuild_that_fails_is_done_before_the_next_decision(
    state: SellingState, writer: GroupCommit
) -> None:
    """The disk is away for a while: nobody is answered from memory that the file does not have."""
    failures = iter([apsw.IOError("gone"), apsw.IOError("still gone")])

    def disk() -> None:
        if (failure := next(failures, None)) is not None:
            raise failure

    state.while_forgetting = disk
    with pytest.raises(ValueError, match="our bug"):
        await writer.submit(broken_half_way(state, ValueError("our bug")))
    with pytest.raises(StorageFailed, match="still gone"):
        await writer.submit(lambda: state.sell("k", 1_010))

    assert isinstance(await writer.submit(lambda: state.sell("k", 1_010)), QuotaShort)
    assert await writer.submit(lambda: state.sell("k")) == "riverside.1-2"
    check_file(state.path.parent)


async def test_a_request_that_nobody_waits_for_any_more_harms_nobody(
    state: SellingState, writer: GroupCommit
) -> None:
    release = await hold(writer)
    left, stays = (writer.submit(partial(state.sell, f"k-{n}")) for n in range(2))
    left.cancel()
    release()

    assert await stays == "riverside.1-3"
    assert state.quota == 998, "it was submitted, so it was sold; a retry with its key hears so"
    assert await writer.submit(lambda: state.sell("k-0")) == "riverside.1-2"


async def test_the_same_key_is_sold_once(state: SellingState, writer: GroupCommit) -> None:
    key = RequestKey("till", "/v1/sales", "k")

    places = [await writer.submit(lambda: state.sell("k"), key) for _ in range(3)]

    assert places == ["riverside.1-2"] * 3
    assert state.quota == 999


async def test_stopping_commits_what_has_queued_and_refuses_the_rest(state: SellingState) -> None:
    async with selling(state) as writer:
        await writer.submit(lambda: state.receive(100))
        release = await hold(writer)
        sales = [writer.submit(partial(state.sell, f"k-{n}")) for n in range(20)]
        stopping = asyncio.ensure_future(writer.stop())
        await asyncio.sleep(0)
        late = writer.submit(lambda: state.sell("late"))
        release()
        await stopping

    assert len(await asyncio.gather(*sales)) == 20
    assert isinstance(late.exception(), StorageFailed)
    assert reader(state).load_head(STORE).seq == 21


async def test_after_the_answers_the_loop_hears_of_the_batch(state: SellingState) -> None:
    heard: list[bool] = []
    writer = GroupCommit(state, asyncio.get_running_loop(), lambda: heard.append(sale.done()))
    sale = writer.submit(lambda: state.receive(1))
    writer.start()
    await sale
    await asyncio.sleep(0)
    await writer.stop()

    assert heard == [True]


def test_what_was_acknowledged_before_a_kill_is_in_the_file(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    for lines in (1, 20, 60, 150):
        program = subprocess.Popen(
            [sys.executable, "-m", "tests.selling_program", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert program.stdout is not None
        with program.stdout as output:
            heard = [output.readline() for _ in range(lines)]
            os.kill(program.pid, signal.SIGKILL)
            heard += output.readlines()
        assert program.wait() == -signal.SIGKILL
        acknowledged = [line.split() for line in heard if line.endswith("\n")]
        told |= {key: place for place, key in acknowledged}

        store = check_file(tmp_path)
        for key, place in told.items():
            found = store.find_request(RequestKey("till", "/v1/sales", key))
            assert found is not None, "the key of what was told is known"
            assert found.entry == place
            parsed = parse_entry_id(place)
            assert parsed is not None
            assert store.load_body(*parsed) is not None

    assert len(set(told.values())) == len(told) >= 231, "each place was told once"
