"""What stores do with online orders before they hand them over: pick, miss, give up, lay ready."""

import random
from collections import Counter
from typing import Any, Final

from tests.simulation import doubts, returning
from tests.simulation.goods import lines_of
from tests.simulation.notes import Placed
from tests.simulation.operations import last_event, told
from tests.simulation.ordering import hear, kept_here, some_of, some_waiting
from tests.simulation.shelf import Flow, Place
from tests.simulation.world import World

NOT_FOUND: Final = 404

STAYS: Final = {
    True: ("ready_to_pick", "picked", "packed"),
    False: ("ready_to_pick", "picked", "ready_for_pickup"),
}
"""What a store does with goods until they go, by whether they are sent."""


async def work_on(world: World, dice: random.Random) -> None:
    """Somebody in a store picks, packs and lays ready, a step or more of it."""
    known = some_waiting(world, dice)
    if known is None:
        return
    order, at = known
    clerk, steps = world.clerk(at), STAYS[order.ships]
    said = await doubts.clear(world, order, at)
    if dice.random() < 0.1:
        steps = STAYS[not order.ships]
    for event in steps[dice.randrange(len(steps)) :]:
        body = {"type": event, **said}
        reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", body)
        world.tell(clerk.name, f"{event} {order.id}: {reply}")
        if reply.status == NOT_FOUND:
            return  # the store has not heard of it


async def give_back(world: World, dice: random.Random) -> None:
    """The store gives up on an order, or on its part of it, or nobody came for it."""
    known = some_waiting(world, dice)
    if known is None:
        return
    order, at = known
    event = dice.choice(("cancelled", "released"))
    clerk = world.clerk(at)
    body: dict[str, Any] = {"type": event, **await doubts.clear(world, order, at)}
    if dice.random() < 0.3 and (units := await kept_here(world, order, at)):
        body["lines"] = lines_of(some_of(units, dice))
    order.is_cancelled |= event != "released"
    with world.shelves.calling_off(order.id):
        reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", body)
        world.tell(clerk.name, f"{body} {order.id}: {reply}")
        if reply.is_done:
            hear(world, order, reply.body, in_store=True)


async def short_pick(world: World, dice: random.Random) -> None:
    """Whoever picks an order does not find all of it: somebody has walked off with the rest."""
    known = some_waiting(world, dice)
    if known is not None:
        await miss(world, dice, *known)


async def miss(world: World, dice: random.Random, order: Placed, at: str) -> None:
    """Some units of one SKU of an order are gone; what is left of it still waits here."""
    units = await kept_here(world, order, at)
    if not units:
        return
    sku = dice.choice(sorted(units))
    shelf, place = world.shelves[at, sku], (at, sku)
    missing = min(dice.randint(1, units[sku]), shelf.free)
    if missing <= 0 or shelf.under_way:
        return
    shelf.is_counted = True  # nobody else is at this shelf
    shelf.flows[Flow.LOST] += missing
    shelf.unbooked += missing
    shelf.unseen += missing
    before = _counted_down(world, place)
    body = {"type": "short_picked", "lines": lines_of({sku: missing})}
    clerk = world.clerk(at)
    with world.shelves.calling_off(order.id):
        reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", body)
        world.tell(clerk.name, f"misses {missing} {sku} of {order.id}: {reply}")
        booked = (_counted_down(world, place) - before).total()  # less went with a disk
        if not 0 <= booked <= missing:
            world.accuse(f"short pick: {missing} {sku} were missing at {at}, {booked} are booked")
        shelf.unbooked -= booked
        shelf.unseen -= booked
        if reply.is_done:
            hear(world, order, reply.body, in_store=True)
            told_by = last_event(at, reply.body, of="short_picked")
            world.notes.missed.append((told_by, place, booked))
    shelf.is_counted = False
    world.look_at(place)


def _counted_down(world: World, place: Place) -> Counter[str]:
    """Units that were missing at a place, by the box that said so."""
    cells = world.judge.union.cells.get(place, {})
    found: Counter[str] = Counter()
    for (table, holder, detail), units in cells.items():
        if (table, detail) == ("moved", "counted_down"):
            found[holder] += units
    return found


async def nobody_comes(world: World, dice: random.Random) -> None:
    """Goods are laid ready, and nobody collects them: somebody has to look at them now."""
    known = some_waiting(world, dice)
    if known is None or known[0].ships:
        return
    order, at = known
    clerk, target = world.clerk(at), f"/v1/orders/{order.id}/events"
    if dice.random() < 0.8:
        reply = await clerk.insist("POST", target, {"type": "ready_for_pickup"})
        world.tell(clerk.name, f"lays {order.id} ready: {reply}")
    units = await kept_here(world, order, at)
    if units is None:
        return
    order.is_cancelled = True
    with world.shelves.taking(at, units) as is_there, world.shelves.calling_off(order.id):
        if not units or not is_there:
            return
        body = {"type": "uncollected", "lines": lines_of(units)}
        reply = await clerk.insist("POST", target, body)
        world.tell(clerk.name, f"nobody came for {told(units)} of {order.id}: {reply}")
        if reply.is_done:
            hear(world, order, reply.body, in_store=True)
            for sku, many in units.items():  # as if they had gone, and come back
                world.shelves[at, sku].flows[Flow.HANDED_OVER] += many
            await returning.take_aside(world, order.id, at, units)
