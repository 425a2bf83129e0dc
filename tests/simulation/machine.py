"""A box: a disk, a clock, and at most one process, which can die between any two steps.

The disk is an SQLite file in memory, opened by the real `connect`. It outlives its processes. What
it does with a commit depends on the pragma that `connect` set: with `synchronous = FULL` a commit
is on the platter before it returns; with less, a power cut takes back whatever was committed since
the system last wrote its cache out. So the setting itself is under test.

A process owns every task that its code starts (a context variable says whose task it is). When it
is killed they are cancelled, and what they still say or write on their way out reaches nobody.
"""

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from replication.adapters import sqlite
from replication.adapters.sqlite import Migrations, migrate
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import SimSocket

START_MS: Final = 1_795_348_800_000
"""What a right wall clock shows when the world begins."""

FULL: Final = 2
"""What `PRAGMA synchronous` answers when each commit waits for the platter."""

WRITTEN_BACK: Final = 0.1
"""How often a system that is not asked to sync writes its cache out after a commit."""

ROOMY: Final = 1_000_000
"""Pages that a disk has when it is not full; 4 GB."""

T = TypeVar("T")

OWNER: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar(
    "owner", default=None
)
"""The process whose code runs now; None for people, lines and the simulator itself."""


class Clock:
    """A wall clock that may be wrong and may jump. The loop's own time never does."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.offset_ms = 0
        self.is_synchronised = True
        self._loop = loop

    def wall_ms(self) -> int:
        """What the clock shows."""
        return START_MS + int(self._loop.now_s * 1000) + self.offset_ms

    def synchronised(self) -> bool:
        """Whether the machine believes its clock."""
        return self.is_synchronised


@cache
def _blank(series: Sequence[Migrations]) -> bytes:
    """A new file of that schema."""
    connection = apsw.Connection(":memory:")
    migrate(connection, series)
    data = connection.serialize("main")
    connection.close()
    return data


class Disk:
    """See the module's theory."""

    def __init__(self, series: tuple[Migrations, ...], dice: random.Random) -> None:
        self.connection = sqlite.connect(Path(":memory:"))
        self._is_syncing = self.connection.pragma("synchronous") == FULL
        self.connection.deserialize("main", _blank(series))
        self._dice = dice
        self.is_full = False
        self._platter = b"" if self._is_syncing else self.connection.serialize("main")

    def committed(self) -> None:
        """A commit has returned."""
        if not self._is_syncing and self._dice.random() < WRITTEN_BACK:
            self._platter = self.connection.serialize("main")

    def lose_power(self) -> None:
        """What is not on the platter is gone."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        if not self._is_syncing:
            self.connection.deserialize("main", self._platter)

    def image(self) -> bytes:
        """A copy of all that is on it at this moment."""
        return self.connection.serialize("main")

    def put_back(self, image: bytes) -> None:
        """It is what it was when the image was made; no program runs on it."""
        self.connection.deserialize("main", image)
        self._platter = image

    def fill(self) -> None:
        """No room for another page, and none for a commit."""
        self.is_full = True
        self.connection.pragma("max_page_count", self.connection.pragma("page_count"))
        self.connection.set_commit_hook(self._no_room)

    def make_room(self) -> None:
        """Somebody has tidied up."""
        self.is_full = False
        self.connection.pragma("max_page_count", ROOMY)
        self.connection.set_commit_hook(None)

    def _no_room(self) -> bool:
        raise apsw.FullError("database or disk is full")

    def close(self) -> None:
        """The end of the world."""
        self.connection.close()


class Process:
    """One life of a program, from its start to its death."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.is_alive = True
        self.tasks: set[asyncio.Task[Any]] = set()
        self.sockets: list[SimSocket] = []
        self._loop = loop
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, self)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something as this process."""
        return self._loop.create_task(work, context=self._context)

    def call(self, work: Callable[[], T]) -> T:
        """Run something at once, as this process."""
        return self._context.run(work)

    def kill(self, *, silently: bool) -> None:
        """Die. The other ends of its connections are told by its system, or (silently) not."""
        self.is_alive = False
        for socket in self.sockets:
            socket.vanish()
            if not silently:
                socket.peer.reset()
        for task in list(self.tasks):
            task.cancel()


def own_tasks(loop: VirtualLoop) -> None:
    """From now on each task belongs to the process whose code started it."""

    def make(
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, T],
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[T]":
        task = asyncio.Task(work, loop=loop, context=context)
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is not None:
            owner.tasks.add(task)
            task.add_done_callback(owner.tasks.discard)
        return task

    loop.set_task_factory(make)  # type: ignore[arg-type] # the stub's protocol is generic
