"""Goal: goods that a count finds and misses at once are not taken for units that were oversold.

Method: a plan of one step in a world of one store, whose disk is destroyed while nobody hears it.
It alone knew that tea had come, of a sale of tea, and that an order's tea had left. The till hands
the sale in, somebody counts, and the whole healing and judgement follows.
"""

import asyncio
import random
from typing import Final
from unittest import mock

from tests.simulation import goods, lives, ordering, plan
from tests.simulation.handing_in import hand_in
from tests.simulation.operations import ring_up
from tests.simulation.run import run_plan
from tests.simulation.shelf import Flow
from tests.simulation.witnessing import TillKind
from tests.simulation.world import World

SEED: Final = 12
"""A world of one store."""

HEARD_S: Final = 20.0


async def story(world: World, dice: random.Random) -> None:
    """What the module says."""
    (at,) = world.shops
    box = world.shops[at]
    await _arrives(world, at, 5)
    order = await ordering._place(world, dice, "paid", basket={"tea": 3}, ships=True)
    assert order is not None
    await asyncio.sleep(HEARD_S)
    box.line.cut()
    await _arrives(world, at, 4)
    while await ring_up(world, at, 1, {"tea": 1}):
        pass
    while world.shelves[at, "tea"].flows[Flow.HANDED_OVER] < 3:
        await ordering.let_go(world, dice, order, at)
    world.shelves[at, "tea"].is_unknown = True
    box.destroy()
    box.line.heal()
    await lives.replace(world, box, dice)
    await hand_in(world, at)
    await goods.count_shelf(world, at, "tea")


async def _arrives(world: World, at: str, units: int) -> None:
    world.shelves[at, "tea"].flows[Flow.RECEIVED] += units
    body = {"lines": [{"sku": "tea", "quantity": units}], "reference": f"paper {units}"}
    assert (await world.clerk(at).insist("POST", "/v1/stock/receipts", body)).is_done


def test_what_a_count_finds_and_misses_at_once_is_not_oversold() -> None:
    keeps = mock.patch.object(World, "kind_of_till", return_value=TillKind.LOOKS)
    with mock.patch.dict(plan.OPERATIONS, {"story": story}), keeps:
        result = run_plan(SEED, [plan.Step(0, 0.0, "story")])

    assert any("hands in" in line and "201" in line for line in result.trace)
    assert any("left is gone with the disk" in line for line in result.trace)
    assert result.violations == []
