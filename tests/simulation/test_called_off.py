"""Goal: the judge counts on nothing of an order that was called off, and on the rest of any other.

Method: a plan of one step. A store misses a part of what it was to send, which comes from another
one then. The customer calls the order off while the first hears nothing; that one sends what it has
all the same, and its people read of units at the other, which has given them back by then.
"""

import asyncio
import random
from typing import Final
from unittest import mock

import pytest

from tests.simulation import ordering, plan, store_work
from tests.simulation.crossing import silence
from tests.simulation.operations import ring_up
from tests.simulation.run import run_plan
from tests.simulation.shelf import Flow
from tests.simulation.withdrawn import is_withdrawn
from tests.simulation.world import World

SEED: Final = 6
"""A world of three stores, in which the hub sends missing units from elsewhere by itself."""

RICE: Final = 300
"""Grams that come to each of two stores."""

SELLS_OUT: Final = "till-1@bazaar    sells 300 rice: 201"


async def story(world: World, dice: random.Random, *, is_called_off: bool) -> None:
    """What the module says; then a customer buys all that stands in the other store."""
    for at in ("airport", "bazaar"):
        world.shelves[at, "rice"].flows[Flow.RECEIVED] += RICE
        body = {"lines": [{"sku": "rice", "quantity": RICE}], "reference": at}
        assert (await world.clerk(at).insist("POST", "/v1/stock/receipts", body)).is_done
    await _all_heard(world)
    order = await ordering._place(world, dice, "paid", basket={"rice": RICE}, ships=True)
    assert order is not None
    assert order.locations == ["airport"]
    await _all_heard(world)
    await store_work.miss(world, dice, order, "airport")
    await _all_heard(world)
    with silence(world, "airport", dice):
        if is_called_off:
            await ordering.call_off(world, order)
        await ordering.let_go(world, dice, order, "airport")
        await asyncio.sleep(1)
    assert set(order.locations) == {"airport", "bazaar"}, "the stand-in was not read of"
    await _all_heard(world)
    (stand_in,) = (
        one for one in world.shelves.promises.values() if one.place == ("bazaar", "rice")
    )
    assert is_withdrawn(world.hub, stand_in) is is_called_off
    await ring_up(world, "bazaar", 1, {"rice": RICE})


async def _all_heard(world: World) -> None:
    """Every store has told the hub everything, and heard everything."""
    shops = world.shops.values()
    assert await world.until(
        lambda: all(one.is_connected and world.is_heard(one) and world.is_fed(one) for one in shops)
    )


@pytest.mark.parametrize("is_called_off", [True, False])
def test_only_what_was_not_called_off_is_still_promised_where_a_part_had_gone(
    is_called_off: bool,  # noqa: FBT001 - a case
) -> None:
    async def does(world: World, dice: random.Random) -> None:
        await story(world, dice, is_called_off=is_called_off)

    with mock.patch.dict(plan.OPERATIONS, {"story": does}):
        result = run_plan(SEED, [plan.Step(0, 0.0, "story")])

    assert result.violations == []
    assert any(SELLS_OUT in line for line in result.trace) is is_called_off, result.trace
