"""What people do at the tills and at head office. Goods and orders have modules of their own.

An operation is a coroutine of (world, dice): it picks what it is about, asks the programs until the
answer is definite, and books on the shelves what physically happened. It never looks inside a
program.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from tests.simulation import held, offers
from tests.simulation.client import GivenUp
from tests.simulation.items import Item
from tests.simulation.notes import Sold
from tests.simulation.shelf import Flow
from tests.simulation.world import World

Operation = Callable[[World, random.Random], Awaitable[None]]

CASH_MINOR: Final = 100_000_000

TOLERANCE_PERCENT: Final = 5
"""What a scale may find beyond the book, as the documents say."""


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
    return {item.sku: _some_units(item, dice, most) for item in chosen}


def _some_units(item: Item, dice: random.Random, most: int) -> int:
    """A few units; what comes off a scale is never a round number."""
    units = dice.randint(1, most) * item.unit
    return units if item.policy != "tolerant" else units - dice.randint(0, item.unit // 2)


def some_store(world: World, dice: random.Random) -> str:
    """One of the stores."""
    return dice.choice(list(world.shops))


def told(units: Mapping[str, int]) -> str:
    """Units in words."""
    return ", ".join(f"{many} {sku}" for sku, many in units.items()) or "nothing"


def last_event(at: str, body: Mapping[str, Any], *, of: str = "") -> str:
    """The last event that a store wrote, by its journal: clocks may say otherwise. "" for none.

    `of` is the type that it must be of, if any.
    """
    events = [event for event in body["events"] if of in {"", event["type"]}]
    own = [str(event["id"]).rpartition("-") for event in events]
    places = [(whose, int(seq)) for whose, _, seq in own if whose.startswith(f"{at}.")]
    whose, seq = max(places, default=("", 0))
    return f"{whose}-{seq}" if whose else ""


async def sell(world: World, dice: random.Random) -> None:
    """A customer takes goods to a till.

    Now and then one asks for more than there is; that may only be refused.
    """
    at = some_store(world, dice)
    basket = some_basket(world, dice, most=4)
    units = demand(world, basket)
    shelves = [world.shelves[at, sku] for sku in units]
    is_calm = not any(
        one.unbooked or one.in_hands or one.is_counted or one.is_unknown for one in shelves
    )
    is_calm &= not any(world.items[sku].policy == "tolerant" for sku in units)
    asks_anyway = dice.random() < 0.3 and is_calm and not held.is_exposed(world, at)
    number, overrides = dice.randint(1, world.tills[at]), dice.random() < 0.08
    coupons = offers.some_coupons(world, dice)
    with world.shelves.taking(at, units, anyway=asks_anyway) as is_there:
        if is_there or asks_anyway:
            overrides &= is_there
            await ring_up(
                world, at, number, basket,
                overrides=overrides, coupons=coupons,
                # A box that has become an older one may forget why there is nothing left.
                gives_up=lambda: not is_there and any(one.is_unknown for one in shelves),
            )  # fmt: skip


async def ring_up(
    world: World,
    at: str,
    number: int,
    basket: Mapping[str, int],
    *,
    overrides: bool = False,
    held: str | None = None,
    coupons: Sequence[str] = (),
    gives_up: Callable[[], bool] = lambda: False,
) -> bool:
    """Sell a basket at a till, with a supervisor's word or from a basket held before."""
    units = demand(world, basket)
    till = world.till(at, number, role="supervisor" if overrides else "cashier")
    body: dict[str, object] = {
        "register": f"till-{number}",
        "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
        "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
    }
    if held is not None:
        body["basket"] = held
    if coupons:
        body["coupons"] = coupons
    if overrides:
        body["override"] = {"reason": "the customer has it in the hand"}
        for sku, many in units.items():
            world.shelves[at, sku].overridden += many
    key = world.fresh_key()
    try:
        reply = await till.insist("POST", "/v1/sales", body, key=key, gives_up=gives_up)
    except GivenUp:
        world.notes.refused_elsewhere[key] = 0
        return False
    what = "sells on a supervisor's word" if overrides else f"sells {held}:" if held else "sells"
    world.tell(till.name, f"{what} {told(basket)}: {reply}")
    if not reply.is_done:
        for sku, many in units.items():
            world.shelves[at, sku].overridden -= many if overrides else 0
        return False
    walks_out(world, at, reply.body, units, key=key)
    return True


def walks_out(
    world: World, at: str, sale: Mapping[str, Any], units: Mapping[str, int], *, key: str = ""
) -> None:
    """A customer leaves with goods and a receipt; `key` is that of the till's request."""
    world.notes.sales.append(Sold(sale["id"], at, dict(units), sale, key))
    world.offers.had(world, sale)
    world.customers.bought(at, sale)
    for sku, many in units.items():
        shelf = world.shelves[at, sku]
        shelf.flows[Flow.SOLD] += many
        if world.items[sku].policy == "tolerant":
            found = -(-many * TOLERANCE_PERCENT // 100)
            shelf.weighed_up += found
            shelf.weighed_ever += found
        world.look_at((at, sku))


async def change_product(world: World, dice: random.Random) -> None:
    """Head office changes a price or a safety stock."""
    item = dice.choice(list(world.items.values()))
    floor = dice.choice((0, 0, 1, 3)) * item.unit if item.is_stocked else 0
    body = item.body(safety_stock=floor, price_minor=dice.randint(50, 300))
    reply = await world.office.insist("PUT", f"/v1/products/{item.sku}", body, key=False)
    world.tell("office", f"writes {item.sku}, safety stock {floor}: {reply}")


async def look_at_stock(world: World, dice: random.Random) -> None:
    """Somebody looks at the figures, in a store and at the hub."""
    at, item = some_store(world, dice), dice.choice(stocked(world))
    reply = await world.clerk(at).insist("GET", f"/v1/stock/{item.sku}", key=False)
    if reply.is_done and reply.body["quota"] < 0:
        world.accuse(f"E1: {at} shows a quota of {reply.body['quota']} of {item.sku}")
    reply = await world.storefront.insist("GET", f"/v1/availability/{item.sku}", key=False)
    if reply.is_done and reply.body["available_online"] < 0:
        world.accuse(f"availability: {reply.body}")
