"""Goal: a ledger cannot tell which store it stands on.

Method: one suite over SQLite and over the store in memory that unit tests use. `reopened` is a new
program on the same file; `abandon` is a batch that was written and then rolled back.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol, Self

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replication.adapters.sqlite import REPLICA, ReplicaStore, connect, migrate, transaction
from replication.escrow import EscrowCounter, Minted, Moved, QuotaShort, Spent
from replication.journal import EMPTY, Entry, Head, verify
from replication.ledger import Ledger, NewRequest, Pending, RequestKey
from tests.replication_samples import HUB, NOON_MS, STORE, MemoryStore, replayed

PLACE: Final = ("riverside", "tea")
KEY: Final = RequestKey("till-1", "/v1/sales", "k-1")


class StoreUnderTest(Protocol):
    """`LedgerStore`, and what the programs need around it."""

    def load_counter(self, location: str, sku: str) -> Iterable[tuple[str, str, str, int]]: ...
    def bodies_since_save(self) -> Iterable[bytes]: ...
    def load_head(self, writer: str) -> Head: ...
    def load_body(self, writer: str, seq: int) -> bytes | None: ...
    def find_request(self, request: RequestKey) -> NewRequest | None: ...
    def entries_after(
        self, writer: str, seq: int, *, count_max: int, bytes_max: int
    ) -> tuple[list[Entry], int]: ...
    def commit(self, pending: Pending) -> None: ...
    def abandon(self, pending: Pending) -> None: ...
    def reopened(self) -> Self: ...


class MemoryStoreUnderTest(MemoryStore):
    """The store in memory: rolled back is never written, reopened is the same."""

    def abandon(self, pending: Pending) -> None:
        """Nothing happened."""

    def reopened(self) -> Self:
        return self


class SqliteStoreUnderTest(ReplicaStore):
    """The store of the programs, with their transactions."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        migrate(connection, [REPLICA])

    def commit(self, pending: Pending) -> None:
        with transaction(self.connection):
            self.store(pending)

    def abandon(self, pending: Pending) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.store(pending)
        self.connection.execute("ROLLBACK")
        self.forget()

    def reopened(self) -> Self:
        path = Path(self.connection.filename)
        self.connection.close()
        return type(self)(connect(path))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    if request.param == "memory":
        yield MemoryStoreUnderTest()
    else:
        yield SqliteStoreUnderTest(connect(tmp_path / "replica.db"))


def opened(store: StoreUnderTest) -> Ledger:
    ledger = Ledger(store, STORE, "3f9a")
    ledger.now_ms = NOON_MS
    return ledger


def receive(ledger: Ledger, quantity: int, sku: str = "tea") -> None:
    counter = ledger.counter("riverside", sku)
    cells = [
        counter.mint(STORE, Minted.RECEIVED, quantity),
        counter.move(STORE, Moved.RECEIVED, quantity),
    ]
    ledger.append("receipt", b"{}", cells=cells)


def bodies(store: StoreUnderTest, writer: str = STORE) -> list[bytes]:
    entries, _ = store.entries_after(writer, 0, count_max=10_000, bytes_max=2**40)
    return [entry.body for entry in entries]


def test_a_new_store_is_empty(store: StoreUnderTest) -> None:
    assert store.load_head(STORE) == EMPTY
    assert list(store.load_counter(*PLACE)) == []
    assert store.load_body(STORE, 0) is None
    assert store.load_body(STORE, 1) is None
    assert store.find_request(KEY) is None
    assert store.entries_after(STORE, 0, count_max=10, bytes_max=10) == ([], 0)


def test_a_batch_is_there_as_a_whole(store: StoreUnderTest) -> None:
    ledger = opened(store)
    receive(ledger, 5)
    place = ledger.append("note", b'"n"')
    ledger.remember(KEY, b"digest", 201, place)

    store.commit(ledger.take_pending())

    assert store.load_head(STORE) == ledger.head
    assert ledger.head.seq == 2
    assert sorted(store.load_counter(*PLACE)) == [
        ("minted", STORE, "received", 5),
        ("moved", STORE, "received", 5),
    ]
    assert store.find_request(KEY) == NewRequest(KEY, b"digest", 201, place)
    assert store.find_request(KEY._replace(principal="till-2")) is None
    assert store.find_request(KEY._replace(path="/v1/receipts")) is None


def test_an_abandoned_batch_left_nothing(store: StoreUnderTest) -> None:
    ledger = opened(store)
    receive(ledger, 5)
    store.commit(ledger.take_pending())
    before = (store.load_head(STORE), list(store.load_counter(*PLACE)), bodies(store))

    receive(ledger, 7)
    ledger.remember(KEY, b"digest", 201, ledger.append("note", b"{}"))
    store.abandon(ledger.take_pending())
    ledger.forget()

    assert (store.load_head(STORE), list(store.load_counter(*PLACE)), bodies(store)) == before
    assert store.find_request(KEY) is None
    receive(ledger, 1)
    store.commit(ledger.take_pending())
    assert store.load_head(STORE).seq == 2
    assert ledger.counter(*PLACE).quota(STORE) == 6


def test_everything_is_there_after_a_restart(store: StoreUnderTest) -> None:
    ledger = opened(store)
    receive(ledger, 5)
    ledger.remember(KEY, b"\x00\xff", 201, ledger.append("note", b"{}"))
    store.commit(ledger.take_pending())
    written = bodies(store)

    store = store.reopened()
    again = opened(store)

    assert again.head == ledger.head
    assert again.counter(*PLACE).quota(STORE) == 5
    assert bodies(store) == written
    found = store.find_request(KEY)
    assert found is not None
    assert found.digest == b"\x00\xff"


def test_writers_do_not_mix(store: StoreUnderTest) -> None:
    mine, other = opened(store), Ledger(store, HUB, "h")
    for ledger in (mine, other, mine):
        ledger.append("note", b"{}")
        store.commit(ledger.take_pending())

    assert (store.load_head(STORE).seq, store.load_head(HUB).seq) == (2, 1)
    assert (len(bodies(store)), len(bodies(store, HUB))) == (2, 1)
    assert store.load_head("riverside.11") == EMPTY


def test_a_backlog_is_cut_by_count_and_by_size_but_never_to_nothing(
    store: StoreUnderTest,
) -> None:
    ledger = opened(store)
    for _ in range(6):
        ledger.append("note", b'"' + b"x" * 1_000 + b'"')
    store.commit(ledger.take_pending())
    one = len(store.load_body(STORE, 1) or b"")

    for count_max, bytes_max, taken in [
        (3, 2**40, 3),
        (10, 1, 1),
        (10, 2 * one, 2),
        (10, 2 * one - 1, 1),
        (10, 2**40, 6),
    ]:
        entries, last = store.entries_after(STORE, 0, count_max=count_max, bytes_max=bytes_max)
        assert (len(entries), last) == (taken, taken)
    entries, last = store.entries_after(STORE, 4, count_max=10, bytes_max=2**40)
    assert last == 6
    assert [entry.body for entry in entries] == bodies(store)[4:]
    assert store.entries_after(STORE, 6, count_max=10, bytes_max=2**40) == ([], 6)


def test_a_deed_of_several_entries_is_read_as_a_whole(store: StoreUnderTest) -> None:
    ledger = opened(store)
    for more in (0, 2, 1, 0, 0, 1, 0):
        ledger.append("note", b'{"more": 3}', more=more)
    store.commit(ledger.take_pending())
    ends = (0, 1, 4, 5, 7)

    for count_max in range(1, 9):
        for seq in ends[:-1]:
            entries, last = store.entries_after(STORE, seq, count_max=count_max, bytes_max=2**40)
            assert last == seq + len(entries)
            fits = [end for end in ends if seq < end <= seq + count_max]
            assert last == (fits[-1] if fits else next(end for end in ends if end > seq))
            one, whole = store.entries_after(STORE, seq, count_max=count_max, bytes_max=1)
            assert (len(one), whole) == (whole - seq, ends[ends.index(seq) + 1])


def test_more_rows_than_a_statement_takes_are_one_batch(store: StoreUnderTest) -> None:
    ledger = opened(store)
    for number in range(203):
        receive(ledger, number + 1, f"sku-{number}")
        key = RequestKey("till-1", "/v1/stock/receipts", f"k-{number}")
        ledger.remember(key, b"d", 201, ledger.append("note", b"{}"))

    store.commit(ledger.take_pending())

    verify(EMPTY, STORE, store.entries_after(STORE, 0, count_max=1_000, bytes_max=2**40)[0])
    assert store.load_head(STORE).seq == 406
    for number in range(203):
        cells = store.load_counter("riverside", f"sku-{number}")
        assert EscrowCounter("riverside", "x", cells).quota(STORE) == number + 1
        assert store.find_request(RequestKey("till-1", "/v1/stock/receipts", f"k-{number}"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    batches=st.lists(
        st.tuples(
            st.lists(st.integers(-5, 5), max_size=4),
            st.sampled_from(["commits", "fails", "checkpoint", "restart"]),
        ),
        max_size=12,
    ),
    sku=st.text(max_size=10).filter(lambda text: "\0" not in text),
)
def test_what_is_saved_is_what_a_replay_rebuilds(
    store: StoreUnderTest, batches: list[tuple[list[int], str]], sku: str
) -> None:
    """E5: whichever batches fail and whenever rows are saved, a start knows what was journalled."""
    ledger = opened(store)
    for deltas, end in batches:
        for delta in deltas:
            counter = ledger.counter("riverside", sku)
            change = (
                counter.mint(STORE, Minted.RECEIVED, delta)
                if delta > 0
                else counter.spend(STORE, Spent.SOLD, 1 - delta)
            )
            if not isinstance(change, QuotaShort):
                ledger.append("movement", b"{}", cells=[change])
        if end == "checkpoint":
            ledger.save()
        if end == "fails":
            store.abandon(ledger.take_pending())
            ledger.forget()
        else:
            store.commit(ledger.take_pending())
        if end == "restart":
            ledger = opened(store)

    rebuilt = replayed(bodies(store))
    saved = opened(store).counter("riverside", sku)
    assert {
        name[2:]: value for name, value in rebuilt.items() if name[:2] == ("riverside", sku)
    } == {(table, holder, detail): value for table, holder, detail, value in saved.cells()}
    assert saved.quota(STORE) >= 0, "E1"
    assert saved.cells() == ledger.counter("riverside", sku).cells()
