"""The writer thread without a thread: the real group commit, a disk that takes its time, and dice.

What a batch is, how it is tried, rolled back and told is `GroupCommit`'s own code. Here a batch is
taken when the disk is free, committed in one step of the loop, and answered when the disk would
have said that it is done; whoever comes in between waits for the next batch, as at the real one. A
plan may have the machine die right before the next commit, or right after it and before its answer.
"""

import asyncio
import enum
import random
from collections.abc import Callable
from typing import Any, Final, TypeVar

from replication.adapters.group_commit import BATCH_MAX, CommittedState, GroupCommit, _Job
from replication.ledger import RequestKey
from tests.simulation.loop import VirtualLoop

DECIDE_S: Final = 0.0005
SYNC_S: Final = (0.0005, 0.006)
"""How long a disk takes for a commit, from a good one to a bad day of an SD card."""

T = TypeVar("T")


class Dies(enum.Enum):
    """When the machine dies: the two instants that matter most."""

    BEFORE_COMMIT = "before its next commit"
    AFTER_COMMIT = "after its next commit, before the answer"


class SimWriter(GroupCommit):
    """See the module's theory. `on_commit` hears of each commit once it is durable."""

    def __init__(
        self,
        state: CommittedState,
        loop: VirtualLoop,
        dice: random.Random,
        *,
        on_commit: Callable[[], None],
        die: Callable[[], None],
    ) -> None:
        super().__init__(state, loop)
        self.dies: Dies | None = None
        self._virtual = loop
        self._dice = dice
        self._on_commit = on_commit
        self._die = die
        self._jobs: list[_Job] = []
        self._is_busy = False
        self._is_dead = False

    def submit(
        self, work: Callable[[], T], request: RequestKey | None = None, *, is_look: bool = False
    ) -> "asyncio.Future[T]":
        """As the real one; after the machine's death nobody is answered any more."""
        future: asyncio.Future[T] = self._virtual.create_future()
        if not self._is_dead:
            self._jobs.append(_Job(work, request, is_look, future))
            if not self._is_busy:
                self._is_busy = True
                self._virtual.call_later(DECIDE_S, self._take)
        return future

    def _take(self) -> None:
        batch, self._jobs = self._jobs[:BATCH_MAX], self._jobs[BATCH_MAX:]
        if self._is_dead:
            return
        if self.dies is Dies.BEFORE_COMMIT:
            self._die()
            return
        results = self._commit(batch)
        if self.dies is Dies.AFTER_COMMIT:
            self._die()
            return
        self._virtual.call_later(self._dice.uniform(*SYNC_S), self._answer, batch, results)

    def _answer(self, batch: list[_Job], results: list[Any]) -> None:
        if self._is_dead:
            return
        self._deliver(batch, results)
        if self._jobs:
            self._virtual.call_later(DECIDE_S, self._take)
        else:
            self._is_busy = False

    def _publish(self) -> None:
        super()._publish()
        self._on_commit()

    def die(self) -> None:
        """The machine is off: whoever waits is never answered."""
        self._is_dead = True
        self._jobs.clear()
