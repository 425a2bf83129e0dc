"""What has parted from what others know mends itself: one try after the other, on the loop.

A gateway asks its hub (`branching`), a register its gateway (`gateway.client.images`). Whoever is
asked may be away for a day, so a try that comes to nothing is followed by another one, later. A
mended box is mostly another one from its next opening on: who it is then is written down first
(`next_life`).
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.lives.next_life import NEXT_LIFE, NextLife, note_next_life
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed

log: Final = logging.getLogger(__name__)

PAUSE_S_MIN: Final = 0.5
PAUSE_S_MAX: Final = 10.0
"""Between two tries, doubled from one to the next: the hub may be away for a day."""


class CannotMend(Exception):
    """Whoever was asked is away, or answers otherwise than it should; it is asked again later.

    The sentence is for the page. `status` is that of the answer, None where there was none.
    """

    def __init__(self, said: str, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


class MendingLoop(ABC):
    """Tries while the box is stopped for a reason that it can mend, and touches nothing otherwise.

    `problem` is why the last try came to nothing, for the page.
    """

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        mends: frozenset[StopReason],
        sleep: Callable[[float], Awaitable[None]],
        changed: Callable[[], None],
        reborn: Callable[[], None],
    ) -> None:
        """`reborn` is called once this box is to be another from its next opening on."""
        self.problem: str | None = None
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._mends = mends
        self._sleep = sleep
        self._changed = changed
        self._reborn = reborn
        self._look = asyncio.Event()

    @abstractmethod
    async def _settled(self) -> bool:
        """One try, of a stopped box: whether nothing is left to do until something changes.

        Raises:
            CannotMend: whoever was asked is away, or answers otherwise than it should.
        """

    def wake(self) -> None:
        """Something has changed: this box may have been stopped."""
        if self._shop.stopped in self._mends:
            self._look.set()

    async def run(self) -> None:
        """Mend until cancelled."""
        pause_s = PAUSE_S_MIN
        self.wake()
        while True:
            await self._look.wait()
            is_settled, problem = False, None
            try:
                is_settled = await self._tried()
            except (CannotMend, StorageFailed) as no:
                problem = str(no)
            if problem != self.problem:
                self.problem = problem
                self._changed()
            if is_settled:
                self._look.clear()
                pause_s = PAUSE_S_MIN
            else:
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S_MAX)

    async def _tried(self) -> bool:
        if self._shop.stopped not in self._mends:
            return True
        if self._reader.meta(NEXT_LIFE) is not None:  # the disk did not take it at this start
            await self._sleep(PAUSE_S_MAX)
            self._reborn()
            return True
        return await self._settled()

    async def _become(self, following: NextLife) -> None:
        """From the next opening on this box is another; that is now."""
        await self._writer.submit(lambda: note_next_life(self._shop.store, following))
        came = following.came
        log.warning(
            "%s goes on as %s", came.earlier, following.identity.writer,
            extra={"action": "reborn", "exposed_units": came.exposed_units},
        )  # fmt: skip
        self._reborn()
