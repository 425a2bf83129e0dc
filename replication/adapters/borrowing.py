"""Waiting for the other side's quota while a customer stands there.

A borrow is asked on a live link and answered by `GrantArrived` with the same request. Nobody waits
longer than `BORROW_MS_MAX`, for a peer that was not heard a moment ago, or behind too many others.
A grant that comes later is merged all the same: the units are here for the next customer.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from replication.adapters.machine_clock import loop_ms
from replication.adapters.websocket import Link
from replication.quota import BORROW_MS_MAX
from replication.wire import WANTS_MAX

BORROWS_MAX: Final = 256
"""Who may wait at once on one link; the next is refused rather than made to wait."""


class Borrows:
    """The borrows under way on one link at a time."""

    def __init__(self, asker: str) -> None:
        """`asker` is unique among all starts of all replicas: it makes the request ids."""
        self._asker = asker
        self._asked = 0
        self._waiting: dict[str, asyncio.Future[bool | None]] = {}

    async def ask(
        self,
        link: Link | None,
        wants: Sequence[tuple[str, int]],
        *,
        within_ms: int = BORROW_MS_MAX,
    ) -> bool | None:
        """Borrow the whole of `wants`; True when it was granted and is durable here.

        False is the other side's refusal, None that nobody answered in time.
        """
        if (
            link is None
            or not link.session.reachable(loop_ms())
            or len(self._waiting) >= BORROWS_MAX
            or len(wants) > WANTS_MAX  # bundles take more SKUs than a basket has lines
        ):
            return None
        self._asked += 1
        request = f"{self._asker}/{self._asked}"
        answered: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answered
        try:
            link.session.borrow(request, wants)
            link.wake()
            async with asyncio.timeout(within_ms / 1000):
                return await answered
        except TimeoutError:
            return None
        finally:
            del self._waiting[request]

    def answer(self, request: str, *, granted: bool) -> None:
        """The answer came, and what it granted is durable here."""
        answered = self._waiting.get(request)
        if answered is not None and not answered.done():
            answered.set_result(granted)

    def lose(self) -> None:
        """The link is gone: nobody waits any longer."""
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_result(None)
