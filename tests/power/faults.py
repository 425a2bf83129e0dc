"""A disk that does not do what it is asked: full or broken, once at each step of every deed.

A deed is asked for again and again. The first time its first write fails, then its second, then
each write, truncation and sync that follows, until it goes through without meeting a fault. So one
day of a program meets a failure at every step of every deed, and goes on after each.

A commit may be followed by a checkpoint that SQLite makes by itself, whose failure SQLite keeps to
itself. An exception of ours is not kept from anyone, so a commit meets faults in the log only; a
checkpoint that is asked for meets them in both files.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import apsw

from replication.errors import StorageFailed
from tests.power.disk import Disk, Step, Synced, Truncated, Wrote

T = TypeVar("T")

REFUSED: Final = (StorageFailed, apsw.FullError, apsw.IOError, apsw.CantOpenError)
"""What somebody hears whose deed met a fault; commands beside the program hear SQLite itself."""


Check = Callable[[], bool]


class Patience(Protocol):
    """How a deed is asked for."""

    def ask(self, deed: Callable[[], T], is_as_before: Check, *, in_log: bool = True) -> T:
        """Do a deed; `is_as_before` says whether a refused one has changed nothing.

        `in_log`: whether all of the deed itself is in the log, and the file is written later.
        """


class Once:
    """Everything is asked for once."""

    def ask(self, deed: Callable[[], T], is_as_before: Check, *, in_log: bool = True) -> T:  # noqa: ARG002
        """Do it."""
        return deed()


class Faults:
    """See the module's theory. `met` counts the faults by what was asked for."""

    def __init__(self, disk: Disk, dice: random.Random) -> None:
        self.met: Counter[str] = Counter()
        self._disk = disk
        self._dice = dice
        self._steps_left: int | None = None
        self._in_log = True
        self._written: set[int] = set()
        disk.before.append(self._meet)

    def ask(self, deed: Callable[[], T], is_as_before: Check, *, in_log: bool = True) -> T:
        """Do it, once it has failed at each of its steps."""
        for steps in itertools.count():
            self._steps_left, self._in_log = steps, in_log
            met = self.met.total()
            try:
                answer = deed()
            except REFUSED:
                self._steps_left = None
                assert self.met.total() == met + 1, "nothing else is wrong with this disk"
                assert is_as_before(), (
                    f"a deed that was refused at step {steps} has changed something"
                )
                continue
            self._steps_left = None
            assert self.met.total() == met, f"a deed was done though step {steps} was not"
            return answer
        raise AssertionError("itertools.count ends")

    def _meet(self, step: Step) -> None:
        if not isinstance(step, Wrote | Truncated | Synced):
            return
        is_of_checkpoint = self._disk.is_database(step.file) or (
            isinstance(step, Synced) and step.file not in self._written
        )
        if isinstance(step, Synced):
            self._written.discard(step.file)
        else:
            self._written.add(step.file)
        if self._steps_left is None or (self._in_log and is_of_checkpoint):
            return
        if self._steps_left:
            self._steps_left -= 1
            return
        self._steps_left = None
        self.met[type(step).__name__] += 1
        if isinstance(step, Wrote) and self._dice.random() < 0.5:
            raise apsw.FullError("no room is left on the disk")
        raise apsw.IOError("the disk does not answer")
