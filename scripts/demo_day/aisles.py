"""Who has a hand in which shelf: whoever counts a shelf counts it while nobody takes from it.

A sale is committed before its till hears of it. Somebody who counts between the two finds a unit
missing that the book has sold already, or the other way, as in a real shop where goods are on their
way to the till. Here a shelf is counted between two customers: the next one waits for a moment, at
this shelf only, and all other sales go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from scripts.demo_day.ledger import Shelf


@dataclass(slots=True)
class Aisles:
    """All shelves of all stores. One per run."""

    _hands: Counter[Shelf] = field(default_factory=Counter)
    _counted: set[Shelf] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @contextlib.asynccontextmanager
    async def taking(self, shelves: Iterable[Shelf]) -> AsyncIterator[None]:
        """Take from these shelves, from asking until what came of it is written down."""
        wanted = set(shelves)
        async with self._changed:
            await self._changed.wait_for(lambda: not wanted & self._counted)
            self._hands.update(wanted)
        try:
            yield
        finally:
            async with self._changed:
                self._hands.subtract(wanted)
                self._changed.notify_all()

    @contextlib.asynccontextmanager
    async def counting(self, shelves: Iterable[Shelf]) -> AsyncIterator[None]:
        """Count these shelves: nobody takes from them. They must not be counted already."""
        wanted = set(shelves)
        async with self._changed:
            assert not wanted & self._counted, "one clerk per shelf"
            # From now on nobody new comes, or in a busy shop the shelf would never be free.
            self._counted |= wanted
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not any(self._hands[one] for one in wanted))
            yield
        finally:
            async with self._changed:
                self._counted -= wanted
                self._changed.notify_all()
