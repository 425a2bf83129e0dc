"""What customers do who take their time: baskets at a till, and checkouts on the website."""

import asyncio
import random
from typing import Final

from tests.simulation import ordering
from tests.simulation.operations import demand, ring_up, some_basket, some_store, told
from tests.simulation.world import HOLD_S, World

THINKS_S: Final = (0.5, 4.0, 12.0, 45.0)
"""How long a customer thinks about it; the longest is well beyond every hold."""


async def hold_basket(world: World, dice: random.Random) -> None:
    """A till sets units aside; then they are sold, given up, or forgotten."""
    at, number = some_store(world, dice), 1
    basket = some_basket(world, dice, most=2)
    units = demand(world, basket)
    end = dice.choice(("sell", "sell", "give up", "forget"))
    with world.shelves.taking(at, units) as is_there:
        if not units or not is_there:
            return
        till, asked_s = world.till(at, number), world.loop.now_s
        lines = [{"sku": sku, "quantity": many} for sku, many in basket.items()]
        body = {"register": "till-1", "lines": lines}
        reply = await till.insist("POST", "/v1/baskets", body)
        world.tell(till.name, f"holds {told(basket)}: {reply}")
        if not reply.is_done or end == "forget":
            return
        await asyncio.sleep(dice.choice(THINKS_S))
        held = str(reply.body["id"])
        if end == "give up":
            reply = await till.insist("DELETE", f"/v1/baskets/{held}", key=False)
            world.tell(till.name, f"gives up {held}: {reply}")
            return
        is_sold = await ring_up(world, at, number, basket, held=held)
        is_gone = held.rpartition("-")[0] in world.ended  # what a box that is gone had set aside
        if not is_sold and world.loop.now_s < asked_s + HOLD_S and not is_gone:
            world.accuse(f"expiry: basket {held} was not to be sold in its time")


async def reserve(world: World, dice: random.Random) -> None:
    """A checkout sets units aside; then it becomes an order, is given up, or forgotten."""
    basket = some_basket(world, dice, most=2)
    ships, at = dice.random() < 0.6, some_store(world, dice)
    body: dict[str, object] = {
        "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
        "fulfilment": {"type": "ship"} if ships else {"type": "pickup", "location": at},
    }
    asked_s = world.loop.now_s
    reply = await world.storefront.insist("POST", "/v1/reservations", body)
    world.tell("storefront", f"reserves {told(basket)}: {reply}")
    end = dice.choice(("order", "order", "give up", "forget"))
    if not reply.is_done or end == "forget":
        return
    await asyncio.sleep(dice.choice(THINKS_S))
    held = str(reply.body["id"])
    if end == "give up":
        reply = await world.storefront.insist("DELETE", f"/v1/reservations/{held}", key=False)
        world.tell("storefront", f"gives up {held}: {reply}")
        return
    reply = await world.storefront.insist(
        "POST", "/v1/orders", {**body, "payment": "paid", "reservation": held}
    )
    world.tell("storefront", f"orders {held}: {reply}")
    if reply.is_done:
        ordering.keep(world, reply.body, ships=ships, until_s=None)
    elif world.loop.now_s < asked_s + HOLD_S:
        world.accuse(f"expiry: reservation {held} was not to be ordered in its time: {reply.body}")
