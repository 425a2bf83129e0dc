"""Goal: while a shelf of the demo is counted nobody takes from it, and everybody else goes on.

Method: takers and clerks as tasks that are let run as far as they get.
"""

import asyncio
from collections.abc import Iterable

from scripts.demo_day.aisles import Aisles
from scripts.demo_day.ledger import Shelf

TEA, RICE = Shelf("riverside", "tea"), Shelf("riverside", "rice")


class People:
    """Those who take and those who count; `inside` says who has got to the shelf."""

    def __init__(self) -> None:
        self.aisles = Aisles()
        self.inside: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, name: str, *shelves: Shelf, counts: bool = False) -> None:
        self.leave[name] = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._go(name, shelves, counts=counts)))
        await self.settle()

    async def call_back(self, name: str) -> None:
        self.leave[name].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for event in self.leave.values():
            event.set()
        await asyncio.gather(*self._tasks)

    async def _go(self, name: str, shelves: Iterable[Shelf], *, counts: bool) -> None:
        async with self.aisles.counting(shelves) if counts else self.aisles.taking(shelves):
            self.inside.append(name)
            await self.leave[name].wait()


async def test_several_take_from_one_shelf_at_once() -> None:
    people = People()
    await people.send("a", TEA, RICE)
    await people.send("b", TEA)

    assert people.inside == ["a", "b"]
    await people.close()


async def test_a_clerk_waits_for_whoever_has_a_hand_in_the_shelf() -> None:
    people = People()
    await people.send("a", TEA)
    await people.send("clerk", TEA, counts=True)
    assert people.inside == ["a"]

    await people.call_back("a")

    assert people.inside == ["a", "clerk"]
    await people.close()


async def test_customers_wait_for_a_clerk_also_for_one_who_waits_himself() -> None:
    people = People()
    await people.send("a", TEA)
    await people.send("clerk", TEA, counts=True)
    await people.send("b", RICE, TEA)
    assert people.inside == ["a"]

    await people.call_back("a")
    assert people.inside == ["a", "clerk"]
    await people.call_back("clerk")

    assert people.inside == ["a", "clerk", "b"]
    await people.close()


async def test_other_shelves_are_nobodys_business() -> None:
    people = People()
    await people.send("clerk", TEA, counts=True)
    await people.send("b", RICE)
    await people.send("another clerk", Shelf("harbour", "tea"), counts=True)

    assert people.inside == ["clerk", "b", "another clerk"]
    await people.close()
