"""What people do with goods between two locations: they plan, load, drive, unload, and count."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation import deeds
from tests.simulation.client import GivenUp
from tests.simulation.goods import lines_of
from tests.simulation.operations import last_event, some_store, stocked, told
from tests.simulation.shelf import Flow
from tests.simulation.world import World

ON_THE_ROAD_S: Final = (0.0, 2.0, 10.0)
"""Sometimes a truck is faster than the line."""

COUNTED_S_MAX: Final = 1_000
"""A truck waits before a shop in which its goods are being counted; no count takes this long."""


@dataclass(slots=True)
class Truck:
    """A transfer as its people know it."""

    id: str
    source: str
    destination: str
    shipped: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    is_in: bool = False
    shipped_by: str = ""
    """The entry that says that it left; empty where no program knows of it any more."""

    received_by: str = ""
    """The entry that says that it came in; empty where no program knows of it (any more)."""


async def send(world: World, dice: random.Random) -> None:
    """A transfer from one store to another; some of it may fall off the truck."""
    if len(world.shops) == 1:
        return
    source, destination = dice.sample(list(world.shops), 2)
    chosen = dice.sample(stocked(world), dice.choice((1, 2)))
    units = {item.sku: dice.randint(1, 4) * item.unit for item in chosen}
    clerk = world.clerk(source)
    body = {"to": destination, "lines": lines_of(units)}
    reply = await clerk.insist("POST", "/v1/transfers", body)
    world.tell(clerk.name, f"plans to send {told(units)} to {destination}: {reply}")
    if not reply.is_done:
        world.accuse(f"transfer: a proper plan was refused: {reply.body}")
        return
    truck = Truck(str(reply.body["id"]), source, destination)
    if await _load(world, dice, truck, units):
        world.notes.trucks.append(truck)
        await asyncio.sleep(dice.choice(ON_THE_ROAD_S))
        await unload(world, dice, truck)


async def _load(world: World, dice: random.Random, truck: Truck, units: dict[str, int]) -> bool:
    """Load and leave; what does not stand there is left out, and without rights nothing leaves."""
    clerk = world.clerk(truck.source)
    if dice.random() < 0.3:
        units = {sku: max(1, many // 2) for sku, many in units.items()}
    with world.shelves.taking(truck.source, units) as is_there:
        if not is_there:
            return False
        target = f"/v1/transfers/{truck.id}/ship"
        reply = await clerk.insist("POST", target, {"lines": lines_of(units)})
    world.tell(clerk.name, f"ships {told(units)} as {truck.id}: {reply}")
    if not reply.is_done:
        return False
    truck.shipped, truck.shipped_by = units, last_event(truck.source, reply.body)
    for sku, many in units.items():
        world.shelves[truck.source, sku].flows[Flow.SENT_OFF] += many
        world.look_at((truck.source, sku))
    return True


async def unload(world: World, dice: random.Random, truck: Truck) -> None:
    """Count a truck in, by its number or as a receipt; a second time must be refused."""
    at = truck.destination
    await world.until(
        lambda: not any(world.shelves[at, sku].is_counted for sku in truck.shipped),
        within_s=COUNTED_S_MAX,
        every_s=1.0,
    )
    clerk = world.clerk(at)
    fell_off = dice.random() < 0.3
    truck.counted = {
        sku: many - (dice.randint(0, many) if fell_off else 0)
        for sku, many in truck.shipped.items()
    }
    by_receipt = dice.random() < 0.3 and all(truck.counted.values())
    for sku, many in truck.counted.items():
        world.shelves[at, sku].flows[Flow.ARRIVED] += many
        world.shelves[at, sku].under_way += 1
    lines = lines_of(truck.counted)
    receipt = {"lines": lines, "reference": "by truck", "transfer": truck.id}
    target = "/v1/stock/receipts" if by_receipt else f"/v1/transfers/{truck.id}/receive"
    body: dict[str, Any] = receipt if by_receipt else {"lines": lines}
    try:
        reply = await clerk.insist("POST", target, body, gives_up=clerk.until_replaced())
    except GivenUp:
        _leave_to_count(world, truck)
        return
    if reply.body.get("field") == "$.came_before":  # nobody counts while a truck is unloaded
        target, body = f"/v1/transfers/{truck.id}/receive", {"lines": lines, "came_before": False}
        reply = await clerk.insist("POST", target, body)
    world.tell(clerk.name, f"unloads {told(truck.counted)} of {truck.id}: {reply}")
    for sku in truck.counted:
        world.shelves[at, sku].under_way -= 1
    if not reply.is_done:
        world.accuse(f"transfer: what stands in {at} was refused: {reply.body}")
    truck.is_in, truck.received_by = True, await _received_by(world, truck)
    if dice.random() < 0.3:
        again = await clerk.insist("POST", target, body)
        world.tell(clerk.name, f"unloads {truck.id} again: {again}")
        if again.is_done and truck.received_by:
            world.accuse(f"E7: {truck.id} was received twice")
        elif again.is_done:
            truck.received_by = await _received_by(world, truck)


def _leave_to_count(world: World, truck: Truck) -> None:
    """The box that may have counted it in is gone, and some of its goods may be: `say_again`."""
    truck.is_in = True
    world.tell(f"clerk@{truck.destination}", f"leaves {truck.id} to the count")
    world.deeds.note(deeds.LEFT_TO_COUNT)
    for sku in truck.counted:
        shelf = world.shelves[truck.destination, sku]
        shelf.under_way -= 1
        shelf.is_unknown = True


async def _received_by(world: World, truck: Truck) -> str:
    """The entry that says that a truck came in, as its papers in the store say."""
    seen = await world.clerk(truck.destination).insist(
        "GET", f"/v1/transfers/{truck.id}", key=False
    )
    return last_event(truck.destination, seen.body) if seen.is_done else ""


async def say_again(world: World, truck: Truck) -> None:
    """A truck is in, and its store's box does not know it: somebody looks at the signed paper."""
    if not truck.is_in or truck.received_by:
        return
    truck.received_by = await _received_by(world, truck)
    if truck.received_by:  # the hub had heard it, and the new box has by now
        return
    at, lines = truck.destination, lines_of(truck.counted)
    clerk, target = world.clerk(at), f"/v1/transfers/{truck.id}/receive"
    for sku in truck.counted:
        world.shelves[at, sku].under_way += 1
    reply = await clerk.insist("POST", target, {"lines": lines})
    if reply.body.get("field") == "$.came_before":
        reply = await clerk.insist("POST", target, {"lines": lines, "came_before": True})
    world.tell(clerk.name, f"says that {truck.id} had come: {reply}")
    for sku in truck.counted:
        world.shelves[at, sku].under_way -= 1
    if not reply.is_done:
        world.accuse(f"transfer: what came in {at} before was refused: {reply.body}")
        return
    world.deeds.note(deeds.ARRIVAL_TOLD)
    truck.received_by = last_event(at, reply.body)


async def ask_to_receive_elsewhere(world: World, dice: random.Random) -> None:
    """Somebody takes a truck for another one; that is refused."""
    others = [truck for truck in world.notes.trucks if truck.destination != some_store(world, dice)]
    if others:
        truck = dice.choice(others)
        clerk = world.clerk(truck.source)
        reply = await clerk.insist("POST", f"/v1/transfers/{truck.id}/receive", {})
        world.tell(clerk.name, f"would unload {truck.id}: {reply}")
        if reply.is_done:
            world.accuse(f"E7: {truck.source} received {truck.id}, which goes elsewhere")
