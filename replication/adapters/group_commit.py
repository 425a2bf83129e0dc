"""Group commit: one thread, one writing connection, one fsync for all who wait.

Requests queue up; the thread takes what has queued, runs each on the deciding state, writes
everything they left behind in one transaction, commits with fsync, and only then tells anyone (E5).
While it waits for the disk the next batch gathers, so a busy shop pays one fsync for many sales and
a quiet one pays one fsync for its own.

A request's savepoint is kept in memory: a request decides before it changes anything. Should one
break half-way all the same (our bug), the whole batch is rolled back, the state is rebuilt from the
file, and the batch is run again one request per transaction, so that only the culprit fails
(`docs/decisions/0005`). When the disk refuses (full, broken), everything is rolled back, rebuilt,
and everyone in the batch hears `StorageFailed`.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import apsw

from replication.errors import LocalMisuse, PeerViolation, StorageFailed
from replication.ledger import Ledger, RequestKey

log = logging.getLogger(__name__)

BATCH_MAX: Final = 256
"""Requests in one transaction; a later one waits for the next fsync, not a long commit."""

QUEUE_MAX: Final = 10_000
"""Requests that may wait; beyond it a request is told at once that the disk does not keep up."""

SAVE_S: Final = 30.0
"""How old the counters' rows may grow while a shop sells little; the status page counts them."""

T = TypeVar("T")


class CommittedState(Protocol):
    """The deciding state that the thread owns; see `Ledger` for the usual heart of it."""

    connection: apsw.Connection

    def begin(self, requests: Sequence[RequestKey]) -> None:
        """A batch begins: read the clock, and what is known of its requests."""

    def flush(self) -> None:
        """Write what the batch left behind; the transaction is open."""

    def committed(self) -> None:
        """The batch is durable; publish what others may see."""

    def forget(self) -> None:
        """Nothing of the batch happened; rebuild from the file."""


class _Job(NamedTuple):
    work: Callable[[], Any]
    request: RequestKey | None
    is_look: bool
    future: "asyncio.Future[Any]"


class _Failure(NamedTuple):
    error: Exception


_DISK: Final = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
    OSError,
)
"""The disk refused: everyone in the batch hears it. Anything else may be one request's fault."""


class GroupCommit:
    """Runs requests on the writer thread in group commits. Start with `start`, end with `stop`."""

    def __init__(
        self,
        state: CommittedState,
        loop: asyncio.AbstractEventLoop,
        after_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Own `state`; `after_batch` runs on the loop after each batch's answers."""
        self._state = state
        self._loop = loop
        self.after_batch = after_batch
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopping = False
        self._unsure = False
        self.last_error: str | None = None
        """Why the last commit failed; None again after one that did not."""
        self.batches = 0
        """Batches that the thread has ended, well or not: while this grows, it lives."""

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    async def stop(self) -> None:
        """Commit what is queued, then end the thread. Requests after this are refused."""
        self._stopping = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def submit(
        self, work: Callable[[], T], request: RequestKey | None = None, *, is_look: bool = False
    ) -> "asyncio.Future[T]":
        """Run `work` on the writer thread; the future resolves after its commit is durable.

        `request` is its idempotency key, if it has one: those of a batch are looked up at once.

        Raises (through the future):
            StorageFailed: the commit did not happen; nothing was changed.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._stopping or self._queue.qsize() >= QUEUE_MAX:
            future.set_exception(StorageFailed("the writer is stopping or does not keep up"))
        else:
            self._queue.put(_Job(work, request, is_look, future))
        return future

    def look(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Run `work`, which only reads, on the writer thread: it sees all that is decided.

        Answered when the batch is durable, and also when the disk refuses it: then `work` runs
        again on what the file holds.
        """
        return self.submit(work, is_look=True)

    async def lives(self) -> bool:
        """Whether the thread answers: waits for as long as it does not, for ever if need be.

        False when it cannot be asked because too many wait. A disk that refuses is an answer.
        """
        before = self.batches
        with suppress(StorageFailed):
            await self.look(lambda: None)
        return self.batches > before

    async def save_when_idle(self, ledger: Ledger) -> None:
        """Until cancelled: checkpoint the counters now and then, so that their rows are not old."""
        while True:
            await asyncio.sleep(SAVE_S)
            with suppress(StorageFailed):  # the next sale says so too
                await self.submit_save(ledger)

    async def submit_save(self, ledger: Ledger) -> None:
        """Checkpoint the counters, if there is anything to save."""
        if not ledger.is_saved():
            await self.submit(ledger.save)

    # The writer thread

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            batch = [job]
            ending = False
            while len(batch) < BATCH_MAX and not ending:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ending = True
                else:
                    batch.append(following)
            results = self._commit(batch)
            self.batches += 1
            self._settle(batch, results)
            if ending:
                return

    def _commit(self, batch: list[_Job]) -> list[Any]:
        try:
            if self._unsure:
                self._rebuild()
            results = self._attempt(batch)
        except BaseException as error:  # noqa: BLE001 - it is told; this thread must not end
            self._undo()
            if len(batch) > 1 and not isinstance(error, _DISK):
                return [result for job in batch for result in self._commit([job])]
            failure = self._failure(error)
            return [self._looked(job, failure) if job.is_look else failure for job in batch]
        self._publish()
        return results

    def _looked(self, job: _Job, failure: _Failure) -> Any:  # noqa: ANN401 - whatever it looks at
        """A job that only reads is answered from the file, though the disk took nothing."""
        try:
            return failure if self._unsure else job.work()
        except Exception as error:  # noqa: BLE001 - it is told
            return _Failure(error)

    def _failure(self, error: BaseException) -> _Failure:
        if isinstance(error, apsw.Error | OSError):
            self.last_error = str(error)
            log.error("commit failed", exc_info=error, extra={"action": "commit_failed"})
            return _Failure(StorageFailed(str(error)))
        if isinstance(error, PeerViolation):  # no bug of ours: the link tells and logs it
            return _Failure(error)
        log.error("request failed", exc_info=error, extra={"action": "request_failed"})
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            return _Failure(error)
        return _Failure(LocalMisuse(f"request broke: {error!r}"))  # an Automerge panic, say

    def _attempt(self, batch: list[_Job]) -> list[Any]:
        state = self._state
        execute = state.connection.execute
        execute("BEGIN IMMEDIATE")
        state.begin([job.request for job in batch if job.request is not None])
        results = [job.work() for job in batch]
        state.flush()
        execute("COMMIT")
        self.last_error = None
        return results

    def _publish(self) -> None:
        """The batch is durable, whatever becomes of the news of it: it never runs again."""
        try:
            self._state.committed()
        except Exception:
            log.exception("news of a commit was lost", extra={"action": "commit_unpublished"})

    def _undo(self) -> None:
        """Roll back and rebuild; where even that fails, the next batch does it first."""
        self._unsure = True
        try:
            self._rebuild()
        except Exception:
            log.exception("rebuild failed", extra={"action": "rebuild_failed"})

    def _rebuild(self) -> None:
        connection = self._state.connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self._state.forget()
        self._unsure = False

    def _settle(self, batch: list[_Job], results: list[Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._deliver, batch, results)
        except RuntimeError:
            log.warning("program ended before its answers", extra={"action": "answers_dropped"})

    def _deliver(self, batch: list[_Job], results: list[Any]) -> None:
        for job, result in zip(batch, results, strict=True):
            if job.future.done():
                continue
            if isinstance(result, _Failure):
                job.future.set_exception(result.error)
            else:
                job.future.set_result(result)
        self.after_batch()
