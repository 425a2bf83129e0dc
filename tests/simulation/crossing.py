"""What crosses a line that carries nothing: people do on both sides what cannot both be.

Single steps meet like this now and then; here it is brought about. The line breaks, or swallows
everything and tells nobody, and when both sides have done their part it becomes whole after a
while. Whoever mends or breaks the same line meanwhile does no harm: then it is one of the other
cases.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.simulation import deeds, ordering, paying, returning, store_work
from tests.simulation.notes import Placed
from tests.simulation.world import World

BEHIND_S: Final = (0.0, 0.0, 2.0, 20.0)
"""How long the line stays as it is when both sides are done."""


@contextmanager
def silence(world: World, at: str, dice: random.Random) -> Iterator[None]:
    """For a while nothing passes between a store and the hub."""
    line = world.shops[at].line
    if dice.random() < 0.5:
        line.cut()
    else:
        line.hold(up=True, down=True)
    world.tell(f"line of {at}", "carries nothing for now")
    try:
        yield
    finally:
        line.heal()
        world.tell(f"line of {at}", "carries again")


def _waiting(world: World) -> list[tuple[Placed, str]]:
    """Orders, and stores that keep units of them as people know it and are in touch."""
    orders = {one.id: one for one in world.notes.orders if not one.is_cancelled}
    return [
        (orders[promise.order], promise.place[0])
        for promise in world.shelves.promises.values()
        if promise.order in orders
        and promise.until_s is None
        and not (promise.is_over or promise.is_handed_over)
        and not world.shops[promise.place[0]].line.is_quiet
    ]


async def cancel_behind_a_store(world: World, dice: random.Random) -> None:
    """Online a customer cancels; in a store that hears nothing the goods go, before or after.

    Or they stay there, and the store gives them back when it hears of it.
    """
    known = _waiting(world)
    if not known:
        return
    order, at = dice.choice(known)
    goes = dice.choice(("before", "after", "stays", "is missed"))
    with silence(world, at, dice):
        if goes == "before":
            await ordering.let_go(world, dice, order, at)
        await ordering.call_off(world, order)
        if goes == "after":
            await ordering.let_go(world, dice, order, at)
        elif goes == "is missed":
            await store_work.miss(world, dice, order, at)
        await asyncio.sleep(dice.choice(BEHIND_S))


async def move_behind_a_store(world: World, dice: random.Random) -> None:
    """Head office wants units from elsewhere; the store hears nothing, and lets them go or not."""
    known = _waiting(world)
    if not known or len(world.shops) == 1:
        return
    order, at = dice.choice(known)
    goes = dice.choice(("before", "after", "stays", "is missed"))
    with silence(world, at, dice):
        if goes == "before":
            await ordering.let_go(world, dice, order, at)
        await ordering.ask_elsewhere(world, dice, order, at)
        if goes == "after":
            await ordering.let_go(world, dice, order, at)
        elif goes == "is missed":
            await store_work.miss(world, dice, order, at)
        await asyncio.sleep(dice.choice(BEHIND_S))


async def bring_behind_a_store(world: World, dice: random.Random) -> None:
    """The same goods are brought to two stores, one of which hears nothing; and then once more."""
    bought = returning.some_purchase(world, dice)
    if bought is None or len(world.shops) == 1:
        return
    places = dice.sample(list(world.shops), 2)
    if bought.location in world.shops and dice.random() < 0.7:
        others = [one for one in world.shops if one != bought.location]
        places = [bought.location, dice.choice(others)]
    at = dice.choice(places)
    if world.shops[at].line.is_quiet:
        return
    with silence(world, at, dice):
        await returning.bring_to_two(world, dice, bought, places)
        world.deeds.note(deeds.BROUGHT_BEHIND)
    await asyncio.sleep(dice.choice(BEHIND_S))
    if bought.left():
        await returning.bring_to_two(world, dice, bought, places)


async def pay_behind_a_store(world: World, dice: random.Random) -> None:
    """Two stores send parts of an order, one hears nothing: both take the money for all of it."""
    owed: dict[str, tuple[Placed, set[str]]] = {}
    for order, at in _waiting(world):
        if order.body["payment"] in paying.ON_THE_SPOT:
            owed.setdefault(order.id, (order, set()))[1].add(at)
    known = [one for one in owed.values() if len(one[1]) > 1]
    if not known:
        return
    order, stores = dice.choice(known)
    places = dice.sample(sorted(stores), 2)
    with silence(world, places[0], dice):
        for at in places:
            await paying.take_money(world, dice, order, at)
        if dice.random() < 0.5:
            await ordering.let_go(world, dice, order, places[0])
        await asyncio.sleep(dice.choice(BEHIND_S))
