"""An event loop whose time is virtual: nothing waits, and the clock leaps to the next timer.

There are no sockets and no threads under this loop. When nothing is ready to run, its clock moves
on to when the first timer is due; when there is no timer either, nothing can ever happen again and
the run has stalled. What is ready runs in the order in which it became so, and timers of the same
instant in the order of their making, so a run depends on its arguments alone.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

ROUNDS_MAX: Final = 200_000
"""Turns of the loop in one instant; more than this means that somebody spins without waiting."""

NOW_S_MAX: Final = 5_000
"""The longest life of a world: a plan takes two minutes, the longest healing an hour."""

TURNS_TO_GO: Final = 20
"""A cancelled task passes through a few layers of waiting on its way out."""


class Stalled(Exception):
    """Nothing is ready and no timer is set, or time stands still while the loop turns."""


class Halted(Exception):
    """Somebody has called `halt`: what follows is of no interest."""


class _Leap:
    """Stands where the loop has its selector: instead of waiting, time moves on."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._rounds = 0

    def select(self, timeout_s: float | None) -> list[object]:
        """Called once per turn, with how long an ordinary loop would wait."""
        if self._loop.is_halted:
            raise Halted
        if timeout_s is None:
            raise Stalled("nothing is ready and no timer is set")
        if timeout_s > 0:
            self._loop.now_s += timeout_s
            self._rounds = 0
            if self._loop.now_s > NOW_S_MAX:
                raise Stalled(f"still running after {NOW_S_MAX} s of virtual time")
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            raise Stalled(f"{ROUNDS_MAX} turns in one instant")
        return []


class _Ordered(asyncio.TimerHandle):
    """A timer that knows how many were made before it."""

    __slots__ = ("made",)
    made: int

    def __lt__(self, other: object) -> bool:
        # asyncio's stubs do not name what a timer keeps of itself.
        mine, theirs = self._when, other._when  # type: ignore[attr-defined] # asyncio's own
        return bool(self.made < other.made if mine == theirs else mine < theirs)  # type: ignore[attr-defined] # asyncio's own


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module's theory. `now_s` is the time, in seconds since the loop was made."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.is_halted = False
        self.on_error: Callable[[str], None] = lambda _sentence: None
        """Hears what went wrong in callbacks and forgotten tasks, in words."""

        self._selector = _Leap(self)
        self._made = 0
        self.set_exception_handler(self._note)

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.on_error(f"loop: {context.get('message')}: {context.get('exception')!r}")

    def time(self) -> float:
        """The virtual time in seconds."""
        return self.now_s

    def call_at(  # type: ignore[override] # the stub's callback has a variadic type
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - as asyncio has it
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer; those of the same instant run in the order in which they were set."""
        timer = _Ordered(when, callback, args, self, context)
        self._made += 1
        timer.made = self._made
        # The same two lines as in asyncio's own `call_at`; its stubs do not name these attributes.
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined] # asyncio's own
        timer._scheduled = True  # type: ignore[attr-defined] # asyncio's own
        return timer

    def run_in_executor(  # type: ignore[override] # the same, and it answers a ready future
        self,
        executor: object,
        func: Callable[..., T],
        *args: Any,  # noqa: ANN401 - as asyncio has it
    ) -> "asyncio.Future[T]":
        """Run what would go to a thread at once: there are no threads."""
        assert executor is None
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is handed on
            future.set_exception(error)
        return future

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end of `main` and close; what still runs then is dropped."""
        try:
            return self.run_until_complete(main)
        finally:
            self.is_halted = False
            self._end()
            self.close()

    def _end(self) -> None:
        """Cancel what still runs, and give it some turns to go."""
        self.set_exception_handler(lambda _loop, _context: None)
        for task in asyncio.all_tasks(self):
            task.cancel()
        for _ in range(TURNS_TO_GO):
            self.call_soon(self.stop)
            self.run_forever()
            if not asyncio.all_tasks(self):
                break

    def halt(self) -> None:
        """Run no further than the end of this turn."""
        self.is_halted = True

    def _process_events(self, _events: list[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who must be woken."""
