"""Goal: a hold expires after its time and not before, whatever the wall clock or the disk does.

Method: the watch on a loop whose time is virtual, with a writer in memory that refuses what it is
told to; what expires is noted with the second in which it did.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from replication.adapters.group_commit import BATCH_MAX, GroupCommit
from replication.errors import StorageFailed
from tests.simulation.loop import VirtualLoop
from web.hold_watch import LOOK_S, HoldWatch


class MemoryWriter:
    """Runs what it is given, except while the disk is full; counts what came at once."""

    def __init__(self) -> None:
        self.is_full = False
        self.asked = 0
        self.at_once = 0
        self.at_once_max = 0

    async def submit(self, work: Callable[[], object]) -> Any:  # noqa: ANN401 - as the real one
        self.asked += 1
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.is_full:
            raise StorageFailed("disk full")
        return work()


class Counter:
    """A watch, its writer, and what has expired: (second, hold)."""

    def __init__(self) -> None:
        self.writer = MemoryWriter()
        self.watch = HoldWatch(cast("GroupCommit", self.writer))
        self.expired: list[tuple[float, str]] = []

    def add(self, hold: str, seconds: float) -> None:
        """A hold whose expiry is noted."""
        self.watch.add(hold, seconds, lambda: self.note(hold))

    def note(self, hold: str) -> None:
        """A hold expired now."""
        self.expired.append((asyncio.get_running_loop().time(), hold))


def watched(story: Callable[[Counter], Awaitable[None]]) -> list[tuple[float, str]]:
    """Live through a story with a running watch; what expired in it, and when."""

    async def live() -> list[tuple[float, str]]:
        counter = Counter()
        running = asyncio.create_task(counter.watch.run())
        try:
            await story(counter)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return counter.expired

    return VirtualLoop().run(live())


def test_each_hold_expires_within_a_look_after_its_time() -> None:
    async def story(counter: Counter) -> None:
        counter.add("late", 100)
        counter.add("early", 10)
        await asyncio.sleep(50)
        counter.add("latest", 60)
        await asyncio.sleep(100)

    expired = watched(story)

    assert [hold for _, hold in expired] == ["early", "late", "latest"]
    for (at_s, _), due_s in zip(expired, (10, 100, 110), strict=True):
        assert due_s <= at_s <= due_s + LOOK_S


def test_the_wall_clock_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(counter: Counter) -> None:
        counter.add("basket", 900)
        for jump_s in (10**6, -(10**6)):
            monkeypatch.setattr(time, "time", lambda jump_s=jump_s: 1.8e9 + jump_s)
            monkeypatch.setattr(time, "time_ns", lambda jump_s=jump_s: (10**9 + jump_s) * 10**9)
            await asyncio.sleep(400)
            assert counter.expired == []
        await asyncio.sleep(200)

    assert [hold for _, hold in watched(story)] == ["basket"]


def test_a_hold_that_fell_due_on_a_full_disk_expires_when_there_is_room() -> None:
    async def story(counter: Counter) -> None:
        counter.writer.is_full = True
        counter.add("one", 10)
        counter.add("two", 10)
        await asyncio.sleep(100)
        assert counter.expired == []
        assert 2 * 80 < counter.writer.asked < 2 * 100, "one try at each look"
        counter.writer.is_full = False
        await asyncio.sleep(2 * LOOK_S)

    assert {hold for _, hold in watched(story)} == {"one", "two"}


def test_one_hold_that_breaks_does_not_keep_the_others() -> None:
    def broken() -> None:
        raise ValueError("this row cannot be read")

    async def story(counter: Counter) -> None:
        counter.watch.add("broken", 5, broken)
        counter.add("fine", 5)
        counter.add("later", 50)
        await asyncio.sleep(100)
        assert counter.writer.asked == 3, "what is broken is not tried again"

    assert [hold for _, hold in watched(story)] == ["fine", "later"]


def test_many_that_fall_due_together_expire_in_few_commits() -> None:
    many = 2 * BATCH_MAX + 10

    async def story(counter: Counter) -> None:
        for number in range(many):
            counter.add(f"basket {number}", 30)
        await asyncio.sleep(30 + 2 * LOOK_S)
        assert counter.writer.at_once_max == BATCH_MAX

    assert len(watched(story)) == many


def test_two_holds_of_one_name_are_two_deadlines() -> None:
    async def story(counter: Counter) -> None:
        counter.add("asked twice", 10)
        counter.add("asked twice", 10)
        await asyncio.sleep(20)

    assert len(watched(story)) == 2
