"""Goal: of a sale that two disks of a box answered one stands, though the one told of burns.

And no till goes by a refusal at the door where an earlier try of the same request went unheard.

Method: a plan of one step in a world of one store. A till asks, the box answers and the hub hears
it, and no answer comes to the till. The disk is put back to an image from before, which answers
anew and is cut off; then that disk is put back as well. Or the box does not believe what the till
shows from then on. The whole healing and judgement follows.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final
from unittest import mock

import pytest

from gateway.client.witness import Witness
from gateway.lives.witnesses import ENTRIES_AHEAD_MAX
from tests.simulation import images, lives, plan
from tests.simulation.door import Reply
from tests.simulation.handing_in import hand_in
from tests.simulation.operations import ring_up
from tests.simulation.run import Result, run_plan
from tests.simulation.shelf import Flow
from tests.simulation.shop_box import ShopBox
from tests.simulation.strands import Image
from tests.simulation.witnessing import TillKind
from tests.simulation.world import World

SEED: Final = 12
"""A world of one store."""

HEARD_S: Final = 20.0

Story = Callable[[World, random.Random], object]


async def answered_twice(world: World, dice: random.Random, *, is_destroyed: bool = False) -> None:
    """What the module says."""
    (at,) = world.shops
    box = world.shops[at]
    await _tea_arrives(world, at)
    await images.make(world, dice)
    (image,) = world.images[at]
    with nobody_hears(box) as unheard:
        customer = asyncio.ensure_future(ring_up(world, at, 1, {"tea": 3}))
        assert await world.until(lambda: bool(unheard) and world.is_heard(box), HEARD_S)
        box.line.cut()
        put_back(world, box, image)
    assert await customer
    (sale,) = world.notes.sales
    assert unheard[0].body != sale.told, "it was not answered anew"
    if is_destroyed:
        world.shelves[at, "tea"].is_unknown = True
        box.destroy()
        box.line.heal()
        await lives.replace(world, box, dice)
        await hand_in(world, at)
        return
    put_back(world, box, image)
    box.line.heal()
    await images._come_to_terms(world, box, box.overwritten, dice)


async def refused_at_the_door(world: World, _dice: random.Random) -> None:
    """A till hears no answer, and then shows of its box what that does not believe."""
    (at,) = world.shops
    await _tea_arrives(world, at)
    with nobody_hears(world.shops[at]) as unheard:
        customer = asyncio.ensure_future(ring_up(world, at, 1, {"tea": 3}))
        assert await world.until(lambda: bool(unheard), HEARD_S)
        world.witnesses[f"till-1@{at}"] = Witness(
            location=at, incarnation=1, seq=2 * ENTRIES_AHEAD_MAX, entry_hash="0" * 64
        )
    await customer


async def _tea_arrives(world: World, at: str) -> None:
    world.shelves[at, "tea"].flows[Flow.RECEIVED] += 40
    body = {"lines": [{"sku": "tea", "quantity": 40}], "reference": "paper"}
    assert (await world.clerk(at).insist("POST", "/v1/stock/receipts", body)).is_done
    assert await world.until(lambda: world.is_heard(world.shops[at]), HEARD_S)


@contextmanager
def nobody_hears(box: ShopBox) -> Iterator[list[Reply]]:
    """What a box answers to requests with a key is lost, as long as this lasts."""
    ask, unheard = box.ask, list[Reply]()

    async def ask_in_vain(
        method: str, target: str, *, token: str, key: str, body: bytes, witness: str = ""
    ) -> Reply:
        reply = await ask(method, target, token=token, key=key, body=body, witness=witness)
        if not key:
            return reply
        unheard.append(reply)
        raise ConnectionResetError

    with mock.patch.object(box, "ask", ask_in_vain):
        yield unheard


def put_back(world: World, box: ShopBox, image: Image) -> None:
    """The disk becomes the image's, and the box starts from it."""
    box.crash(down_s=0.1, silently=True)
    images.overwrite(world, box, image)


def told(story: Story, till: TillKind) -> Result:
    """The whole run of a plan with one step, in which all tills are of one kind."""
    kind = mock.patch.object(World, "kind_of_till", return_value=till)
    with mock.patch.dict(plan.OPERATIONS, {"story": story}), kind:
        return run_plan(SEED, [plan.Step(0, 0.0, "story")])


@pytest.mark.parametrize("till", TillKind)
def test_the_first_answer_stands_for_one_that_burnt(till: TillKind) -> None:
    result = told(answered_twice, till)

    assert result.violations == []


@pytest.mark.parametrize("till", TillKind)
def test_the_first_answer_stands_for_one_whose_box_is_replaced(till: TillKind) -> None:
    result = told(partial(answered_twice, is_destroyed=True), till)

    assert result.violations == []


def test_a_sale_that_nobody_was_told_of_is_no_answer_to_another_request() -> None:
    async def story(world: World, dice: random.Random) -> None:
        await answered_twice(world, dice)
        (sale,) = world.notes.sales
        sale.key = world.fresh_key()

    result = told(story, TillKind.NOTHING)

    assert any("more than was sold" in one for one in result.violations), result.violations


def test_a_refusal_at_the_door_is_no_answer_where_an_earlier_try_went_unheard() -> None:
    result = told(refused_at_the_door, TillKind.SHOWS)

    assert result.violations == []
    assert any("sells 3 tea: 201" in line for line in result.trace)
