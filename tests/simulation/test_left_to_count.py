"""Goal: what the book has too little for is left to the next count, where clocks are the reason.

Method: a plan of one step in a world of one store. Ten stand on the shelf and seven in the book, as
after a count that came before the sales of a register were heard. Eight are lost, or damaged, at
once. The whole healing and judgement follows.
"""

import random
from typing import Final
from unittest import mock

import pytest

from tests.simulation import goods, plan
from tests.simulation.run import run_plan
from tests.simulation.shelf import Flow
from tests.simulation.world import World

SEED: Final = 12
"""A world of one store."""


@pytest.mark.parametrize("reason", ["expired", "damaged"])
def test_what_the_book_lacks_is_left_to_the_next_count(reason: str) -> None:
    async def story(world: World, _dice: random.Random) -> None:
        (at,) = world.shops
        shelf = world.shelves[at, "tea"]
        shelf.flows[Flow.RECEIVED] += 10
        shelf.counted_early = 3
        body = {"lines": [{"sku": "tea", "quantity": 7}], "reference": "paper"}
        assert (await world.clerk(at).insist("POST", "/v1/stock/receipts", body)).is_done
        if reason == "damaged":
            shelf.damaged += 8
        else:
            shelf.flows[Flow.LOST] += 8
        await goods.book(world, at, "tea", -8, reason)

    with mock.patch.dict(plan.OPERATIONS, {"story": story}):
        result = run_plan(SEED, [plan.Step(0, 0.0, "story")])

    assert result.violations == []
