"""Lists are read in a thread: one may take many rows, and the event loop has customers waiting."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from web.endpoint import Answer

R = TypeVar("R")
T = TypeVar("T")


class Listing(Generic[R]):
    """A program's reads for lists: over a connection of their own, one list at a time."""

    def __init__(self, reads: R) -> None:
        self._reads = reads
        self._lock = asyncio.Lock()

    async def read(self, read: Callable[[R], T]) -> T:
        """What `read` makes of the reads."""
        async with self._lock:
            return await asyncio.to_thread(read, self._reads)

    async def answer(self, read: Callable[[R], object]) -> Answer:
        """The same as an answer."""
        return Answer(200, await self.read(read))
