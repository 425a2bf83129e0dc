"""The sides of a chain on disks that can lose power: real writer threads, and what they tell.

A side of `tests.chain` that decides in the real group commit. Each deed is asked for and waited for
as a register waits; when its future has resolved, the disk's log has it, and what the file holds
then is read. While the disk syncs, the event loop goes on, so that an answer that does not wait
for the sync comes before it, every time.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import apsw

from cloud_hub.head_office import HeadOffice
from gateway.shop import Shop
from replication.adapters.group_commit import CommittedState, GroupCommit
from replication.adapters.sqlite import ReplicaStore, connect, snapshot, transaction
from replication.ledger import Ledger
from tests.chain_sides import HubSide, ShopSide, Side
from tests.power.contents import Contents, Journals, contents_of, journals_of
from tests.power.disk import Disk, Step, Synced
from tests.power.faults import Patience

WAIT_S_MAX: Final = 60
"""A failed test must not hang; no deed takes this long."""


class Deciding(CommittedState, Protocol):
    """What both programs' states have."""

    ledger: Ledger
    store: ReplicaStore


Patient = Callable[[Disk], Patience]
"""How deeds on a disk are asked for."""

State = TypeVar("State", bound=Deciding)
T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own: where answers are heard."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="loop")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S_MAX)

    def goes_on(self) -> None:
        """Everything that could run by now has run."""
        for _ in range(2):
            self.run(asyncio.sleep(0))

    def close(self) -> None:
        """End it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def running_loop() -> Iterator[Loop]:
    """A loop, closed at the end."""
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


class Seen:
    """What the file on a disk held after each deed that was told; the first is that it opened."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.contents: list[Contents] = []
        self.journals: list[Journals] = []

    def look(self, connection: apsw.Connection) -> None:
        """A deed was told a moment ago: read what the file holds."""
        self.contents.append(contents_of(connection))
        self.journals.append(journals_of(connection) if "entry" in self.contents[-1] else {})

    def told(self, connection: apsw.Connection) -> None:
        """A deed is told at this moment."""
        self.disk.told()
        self.look(connection)

    def is_unchanged(self, connection: apsw.Connection) -> bool:
        """Whether the file holds what it did after the last deed that was told."""
        return contents_of(connection) == self.contents[-1]

    def at(self, told: int) -> Sequence[Contents]:
        """What the file may hold after a cut, if that deed was the last that was told.

        The next one may have become durable; who asked does not know, and asks again.
        """
        return self.contents[max(told, 0) : told + 2]


class PoweredSide(Side[State], Generic[State]):
    """See the module's theory. `patience` says how often a deed is asked for."""

    def __init__(
        self,
        open_state: Callable[[], State],
        start: Callable[[State], None],
        *,
        disk: Disk,
        loop: Loop,
        patience: Patience,
    ) -> None:
        self.seen = Seen(disk)
        self._loop = loop
        self._patience = patience
        disk.before.append(self._before)
        super().__init__(open_state, start)

    def _open(self) -> None:
        self.state = self._patience.ask(self._open_state, lambda: True, in_log=False)
        self.seen.told(self.state.connection)
        self._writer = GroupCommit(self.state, self._loop.loop)
        self._writer.start()
        self.commit(lambda: self._start(self.state))

    def _before(self, step: Step) -> None:
        if isinstance(step, Synced):
            self._loop.goes_on()

    def commit(self, work: Callable[[], T]) -> T:
        """Decide in a group commit, and wait for its answer."""
        answer = self._patience.ask(lambda: self._loop.run(self._one(work)), self.is_as_told)
        self.seen.look(self.state.connection)
        return answer

    async def _one(self, work: Callable[[], T]) -> T:
        batches = self._writer.batches + 1
        answer = await self._writer.submit(work)
        await self._told(batches)
        return answer

    async def _told(self, batches: int) -> None:
        """The deed is told. An answer may be too early: the file is read when the writer rests."""
        self.seen.disk.told()
        while self._writer.batches < batches:  # noqa: ASYNC110 - the writer sets no events
            await asyncio.sleep(0)

    def together(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """Decide several requests in one commit; whatever breaks is raised."""
        self.commit(lambda: None)  # what a batch writes by itself is written: the hold has nothing
        answers = self._patience.ask(lambda: self._loop.run(self._all(works)), self.is_as_told)
        self.seen.look(self.state.connection)
        return answers

    async def _all(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """All of them gather while one is being decided."""
        batches = self._writer.batches + 2
        busy, release = threading.Event(), threading.Event()

        def hold() -> None:
            busy.set()
            release.wait(WAIT_S_MAX)

        held = self._writer.submit(hold)
        await asyncio.to_thread(busy.wait)
        asked = [self._writer.submit(work) for work in works]
        release.set()
        await held
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for refused in answers:
            if isinstance(refused, BaseException):
                raise refused
        await self._told(batches)
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    def beside(self, work: Callable[[apsw.Connection], None]) -> None:
        """A command writes beside the running program, on a connection of its own."""

        def deed() -> None:
            connection = connect(self._path)
            with transaction(connection):
                work(connection)
            connection.close()

        self._patience.ask(deed, self.is_as_told)
        self.seen.told(self.state.connection)

    def checkpoint(self, mode: str) -> None:
        """Move the log into the file: PASSIVE, FULL, RESTART or TRUNCATE."""
        moved = f"PRAGMA wal_checkpoint({mode})"
        self._patience.ask(
            lambda: self.state.connection.execute(moved).fetchall(), self.is_as_told, in_log=False
        )
        self.seen.told(self.state.connection)

    @contextmanager
    def read_beside(self) -> Iterator[None]:
        """Somebody reads what there is now, for as long as the block takes."""
        reader = connect(self._path, read_only=True)
        with snapshot(reader):
            reader.execute("SELECT count(*) FROM entry").fetchall()
            yield
        reader.close()

    @property
    def _path(self) -> Path:
        return Path(self.state.connection.filename)

    def is_as_told(self) -> bool:
        """Whether memory and file are what they were after the last deed that was told."""
        ledger = self.state.ledger
        journal = self.seen.journals[-1].get(ledger.writer, {})
        return ledger.head.seq == max(journal, default=0) and self.seen.is_unchanged(
            self.state.connection
        )

    def close(self) -> None:
        """Stop as a program does: what is queued is committed, the counters are saved."""
        self.commit(self.state.ledger.save)
        self._loop.run(self._writer.stop())
        self.state.connection.close()


class PoweredShop(PoweredSide[Shop], ShopSide):
    """A gateway on a disk that can lose power."""


class PoweredHub(PoweredSide[HeadOffice], HubSide):
    """A hub on a disk that can lose power."""
