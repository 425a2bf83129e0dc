"""What people do at the tills and in the stockroom. Orders have a module of their own.

An operation is a coroutine of (world, dice): it picks what it is about, asks the programs until the
answer is definite, and books on the shelves what physically happened. It never looks inside a
program.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.simulation.shelf import Flow
from tests.simulation.world import Item, Sold, World

Operation = Callable[[World, random.Random], Awaitable[None]]

CASH_MINOR: Final = 100_000_000

REFUSALS_MAX: Final = 50
"""A clerk whose loss is not taken tries so often; after the healing it must be taken."""


def demand(world: World, basket: Mapping[str, int]) -> dict[str, int]:
    """Base units that a basket takes from the shelves, by what people know of the products."""
    units: dict[str, int] = {}
    for sku, many in basket.items():
        item = world.items[sku]
        for part, per in item.bundle or ((sku, 1),):
            if world.items[part].policy != "untracked":
                units[part] = units.get(part, 0) + per * many
    return units


def stocked(world: World) -> list[Item]:
    """Products that have stock of their own."""
    return [item for item in world.items.values() if item.is_stocked]


def some_basket(world: World, dice: random.Random, *, most: int) -> dict[str, int]:
    """One to three products, a few of each."""
    chosen = dice.sample(list(world.items.values()), dice.choice((1, 1, 1, 2, 3)))
    return {item.sku: dice.randint(1, most) * item.unit for item in chosen}


def some_store(world: World, dice: random.Random) -> str:
    """One of the stores."""
    return dice.choice(list(world.shops))


def told(units: Mapping[str, int]) -> str:
    """Units in words."""
    return ", ".join(f"{many} {sku}" for sku, many in units.items()) or "nothing"


async def receive(world: World, dice: random.Random) -> None:
    """A truck comes: its goods stand in the stockroom, then the clerk books the paper."""
    at = some_store(world, dice)
    chosen = dice.sample(stocked(world), dice.choice((1, 1, 2)))
    units = {item.sku: dice.randint(1, 12) * item.unit for item in chosen}
    for sku, many in units.items():
        world.shelves[at, sku].flows[Flow.RECEIVED] += many
    clerk = world.clerk(at)
    lines = [{"sku": sku, "quantity": many} for sku, many in units.items()]
    reply = await clerk.insist(
        "POST", "/v1/stock/receipts", {"lines": lines, "reference": f"paper {world.loop.now_s:.3f}"}
    )
    world.tell(clerk.name, f"receives {told(units)}: {reply.status} {reply.problem}")
    if not reply.is_done:
        world.accuse(f"receipt: a proper paper was refused: {reply.body}")


async def sell(world: World, dice: random.Random) -> None:
    """A customer takes goods to a till.

    Now and then one asks for more than there is; that may only be refused.
    """
    at = some_store(world, dice)
    basket = some_basket(world, dice, most=4)
    units = demand(world, basket)
    shelves = {sku: world.shelves[at, sku] for sku in units}
    has_goods = all(shelves[sku].free >= many for sku, many in units.items())
    is_known = not any(shelf.unbooked for shelf in shelves.values())
    if not has_goods and (dice.random() < 0.7 or not is_known):
        return
    overrides = has_goods and dice.random() < 0.08
    number = dice.randint(1, world.tills[at])
    till = world.till(at, number, role="supervisor" if overrides else "cashier")
    body: dict[str, object] = {
        "register": f"till-{number}",
        "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
        "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
    }
    if overrides:
        body["override"] = {"reason": "the customer has it in the hand"}
    taken = units if has_goods else {}
    for sku, many in taken.items():
        shelves[sku].in_hands += many
        shelves[sku].overridden += many if overrides else 0
    reply = await till.insist("POST", "/v1/sales", body)
    for sku, many in taken.items():
        shelves[sku].in_hands -= many
    what = "sells on a supervisor's word" if overrides else "sells"
    world.tell(till.name, f"{what} {told(basket)}: {reply.status} {reply.problem}")
    if not reply.is_done:
        for sku, many in taken.items():
            shelves[sku].overridden -= many if overrides else 0
        return
    world.notes.sales.append(Sold(reply.body["id"], at, units))
    for sku, many in units.items():
        shelves[sku].flows[Flow.SOLD] += many
        world.look_at((at, sku))


async def lose(world: World, dice: random.Random) -> None:
    """Goods break or are stolen, and somebody books it: a physical loss is never refused."""
    at = some_store(world, dice)
    item = dice.choice(stocked(world))
    shelf = world.shelves[at, item.sku]
    many = min(dice.randint(1, 5) * item.unit, shelf.free)
    if many <= 0:
        return
    shelf.flows[Flow.LOST] += many
    shelf.unbooked += many
    await book_difference(world, at, item.sku, -many, "broken")


async def find(world: World, dice: random.Random) -> None:
    """Goods turn up that no paper brought."""
    at = some_store(world, dice)
    item = dice.choice(stocked(world))
    many = dice.randint(1, 3) * item.unit
    world.shelves[at, item.sku].flows[Flow.FOUND] += many
    await book_difference(world, at, item.sku, many, "found")


async def book_difference(world: World, at: str, sku: str, delta: int, reason: str) -> None:
    """Book goods that are gone or found; where the book has less than is lost, later again.

    The book may lag behind the shelf: the paper of what broke is still being typed.
    """
    clerk = world.clerk(at)
    body = {"sku": sku, "delta": delta, "reason": reason}
    for _ in range(REFUSALS_MAX):
        reply = await clerk.insist("POST", "/v1/stock/adjustments", body)
        world.tell(clerk.name, f"books {delta} {sku} {reason}: {reply.status} {reply.problem}")
        if reply.is_done:
            world.shelves[at, sku].unbooked -= max(0, -delta)
            world.look_at((at, sku))
            return
        await asyncio.sleep(3.0)
    world.accuse(f"adjustment: {delta} {sku} at {at} was never taken: {reply.body}")


async def change_product(world: World, dice: random.Random) -> None:
    """Head office changes a price or a safety stock."""
    item = dice.choice(list(world.items.values()))
    floor = dice.choice((0, 0, 1, 3)) * item.unit if item.is_stocked else 0
    body = item.body(safety_stock=floor, price_minor=dice.randint(50, 300))
    reply = await world.office.insist("PUT", f"/v1/products/{item.sku}", body, key=False)
    world.tell("office", f"writes {item.sku}, safety stock {floor}: {reply.status}")


async def look_at_stock(world: World, dice: random.Random) -> None:
    """Somebody looks at the figures, in a store and at the hub."""
    at, item = some_store(world, dice), dice.choice(stocked(world))
    reply = await world.clerk(at).insist("GET", f"/v1/stock/{item.sku}", key=False)
    if reply.is_done and reply.body["quota"] < 0:
        world.accuse(f"E1: {at} shows a quota of {reply.body['quota']} of {item.sku}")
    reply = await world.storefront.insist("GET", f"/v1/availability/{item.sku}", key=False)
    if reply.is_done and reply.body["available_online"] < 0:
        world.accuse(f"availability: {reply.body}")
