"""Goal: what a dead box may have booked, and sold in part, is sold once: its count finds the rest.

Method: a plan of one step in a world of one store. Behind a cut line a box books a delivery, whose
clerk hears no answer, and sells some of it at a till that forgets. Its disk is destroyed, another
box takes its place, and the website is asked for as much as had come. The whole healing and
judgement follows.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final
from unittest import mock

import pytest

from gateway.stockroom import came_before
from tests.simulation import goods, lives, ordering, plan
from tests.simulation.door import Reply
from tests.simulation.items import ITEMS
from tests.simulation.operations import ring_up
from tests.simulation.run import Result, run_plan
from tests.simulation.shelf import Flow
from tests.simulation.witnessing import TillKind
from tests.simulation.world import World

SEED: Final = 12
"""A world of one store."""

HEARD_S: Final = 20.0
SOLD: Final = 3

TEA: Final = [item for item in ITEMS if item.sku == "tea"]


async def delivered_twice(world: World, dice: random.Random) -> None:
    """What the module says."""
    (at,) = world.shops
    box = world.shops[at]
    box.line.cut()
    ask, is_booked = box.ask, asyncio.Event()

    async def ask_in_vain(
        method: str, target: str, *, token: str, key: str, body: bytes, witness: str = ""
    ) -> Reply:
        reply = await ask(method, target, token=token, key=key, body=body, witness=witness)
        if target == goods.RECEIPTS:
            assert reply.is_done
            is_booked.set()
            raise ConnectionResetError
        return reply

    with mock.patch.object(box, "ask", ask_in_vain), mock.patch.object(goods, "stocked", _tea):
        delivery = asyncio.ensure_future(goods.receive(world, dice))
        await is_booked.wait()
        assert await ring_up(world, at, 1, {"tea": SOLD})
        came = world.shelves[at, "tea"].flows[Flow.RECEIVED]
        world.shelves[at, "tea"].is_unknown = True
        box.destroy()
        box.line.heal()
        await lives.replace(world, box, dice)
        await delivery
    new = world.shops[at]
    assert await world.until(lambda: new.is_connected and world.is_heard(new), HEARD_S)
    await ordering._place(world, dice, "paid", basket={"tea": came}, ships=True)


def _tea(_world: World) -> object:
    return TEA


def told(defect: Callable[[], AbstractContextManager[object]] = nullcontext) -> Result:
    """The whole run of that plan, in which no till keeps what it sold."""
    forgets = mock.patch.object(World, "kind_of_till", return_value=TillKind.NOTHING)
    with forgets, defect(), mock.patch.dict(plan.OPERATIONS, {"story": delivered_twice}):
        return run_plan(SEED, [plan.Step(0, 0.0, "story")])


def books_again() -> AbstractContextManager[object]:
    """A clerk asks the new box with the same key, as if nothing was."""

    async def book_in(
        world: World, at: str, units: object, target: str, body: Mapping[str, object]
    ) -> Reply:
        del units
        return await world.clerk(at).insist("POST", target, body)

    return mock.patch.object(goods, "_book_in", book_in)


def paper_beside_the_count() -> AbstractContextManager[object]:
    """A paper that came before a count is booked beside what that has found."""
    return mock.patch.object(came_before, "counted_too_late", return_value=None)


def test_what_is_left_to_the_count_is_there_once_and_so_is_its_paper() -> None:
    result = told()

    assert result.violations == []
    assert any("which was counted: 201" in line for line in result.trace), result.trace


@pytest.mark.parametrize(
    ("defect", "says"),
    [(books_again, f"oversold: {SOLD} of tea"), (paper_beside_the_count, "shelf: tea")],
)
def test_booked_as_if_nothing_was_it_is_there_twice(
    defect: Callable[[], AbstractContextManager[object]], says: str
) -> None:
    result = told(defect)

    assert any(one.startswith(says) for one in result.violations), (result.violations, result.trace)
