"""Holds that expire: a deadline for each, on the running loop's monotonic clock.

A deadline is kept in memory, never on disk: after a restart a hold starts its full time again,
which is late and safe, where a wall clock that jumped would free units under a customer's hands.
Whoever owns the holds adds those that are open when the program starts.
"""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from replication.adapters.group_commit import BATCH_MAX, GroupCommit
from replication.errors import StorageFailed

log: Final = logging.getLogger(__name__)

LOOK_S: Final = 1.0


class _Deadline(NamedTuple):
    at_s: float
    number: int
    hold: str
    expire: Callable[[], object]


class HoldWatch:
    """Watches what is held; expiring is a commit like any other."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer
        self._deadlines: list[_Deadline] = []
        self._numbers = itertools.count()

    def add(self, hold: str, seconds: float, expire: Callable[[], object]) -> None:
        """The time of a hold runs from now; then `expire` decides, on the writer thread.

        A hold that has ended by then is for `expire` to recognise: nobody takes a deadline back.
        """
        at_s = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._deadlines, _Deadline(at_s, next(self._numbers), hold, expire))

    async def run(self) -> None:
        """Expire what is due, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            while due := self._take_due():
                if not await self._expire(due):
                    break

    def _take_due(self) -> list[_Deadline]:
        """What is due, no more than one commit takes: after a restart all may be due at once."""
        now_s = asyncio.get_running_loop().time()
        due: list[_Deadline] = []
        while self._deadlines and self._deadlines[0].at_s <= now_s and len(due) < BATCH_MAX:
            due.append(heapq.heappop(self._deadlines))
        return due

    async def _expire(self, due: list[_Deadline]) -> bool:
        """Expire these; False when the disk refused some, which the next look tries again."""
        answers = await asyncio.gather(
            *(self._writer.submit(one.expire) for one in due), return_exceptions=True
        )
        refused = False
        for one, answer in zip(due, answers, strict=True):
            if isinstance(answer, StorageFailed):
                heapq.heappush(self._deadlines, one)
                refused = True
            elif isinstance(answer, BaseException):
                # One hold that cannot be read must not keep the others' units.
                log.error(
                    "hold not expired", exc_info=answer,
                    extra={"action": "hold_stuck", "hold": one.hold},
                )  # fmt: skip
        return not refused
