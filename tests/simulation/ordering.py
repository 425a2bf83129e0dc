"""What customers of the website, the back office and the stores do with online orders."""

import random
from typing import Final

from tests.simulation.door import Reply
from tests.simulation.operations import some_basket, some_store, told
from tests.simulation.shelf import Flow, Promise
from tests.simulation.world import PENDING_S, Placed, World

LATELY: Final = 8
"""Events are about one of the last orders, so that a few of them live through a lot."""


def some_order(world: World, dice: random.Random) -> Placed | None:
    """One of the last orders."""
    orders = world.notes.orders[-LATELY:]
    return dice.choice(orders) if orders else None


async def place(world: World, dice: random.Random) -> None:
    """A customer orders, to be shipped or to be collected; some pay later, or never."""
    basket = some_basket(world, dice, most=3)
    ships = dice.random() < 0.5
    payment = dice.choice(
        ("paid", "paid", "pending", "pending", "on_delivery" if ships else "on_collection")
    )
    body = {
        "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
        "fulfilment": {"type": "ship"}
        if ships
        else {"type": "pickup", "location": some_store(world, dice)},
        "payment": payment,
    }
    asked_s = world.loop.now_s
    reply = await world.storefront.insist("POST", "/v1/orders", body)
    where = "" if ships else f" at {body['fulfilment']['location']}"  # type: ignore[index]
    name = reply.body.get("id", "")
    world.tell(
        "storefront",
        f"orders {told(basket)}{where}, {payment}: {reply.status} {reply.problem}{name}",
    )
    if not reply.is_done:
        return
    is_pending = payment == "pending"
    until_s = asked_s + PENDING_S
    allocations = {
        str(one["id"]): ((str(one["location"]), str(one["sku"])), int(one["quantity"]))
        for one in reply.body["allocations"]
    }
    order = Placed(
        id=reply.body["id"],
        ships=ships,
        locations=sorted({place[0] for place, _ in allocations.values()}),
        allocations=allocations,
        is_pending=is_pending,
        paid_in_time_until_s=until_s,
    )
    world.notes.orders.append(order)
    for allocation, (place, units) in allocations.items():
        world.shelves.promise(
            allocation, Promise(order.id, place, units, until_s if is_pending else None)
        )
        world.look_at(place)


async def pay(world: World, dice: random.Random) -> None:
    """A customer pays for a checkout, in time or late."""
    order = some_order(world, dice)
    if order is None or not order.is_pending:
        return
    reply = await world.storefront.insist("POST", f"/v1/orders/{order.id}/events", {"type": "paid"})
    world.tell("storefront", f"pays {order.id}: {reply.status} {reply.problem}")
    is_in_time = world.loop.now_s < order.paid_in_time_until_s
    is_cancelled = order.is_cancelled
    if reply.is_done:
        if is_in_time and any(one["type"] == "expired" for one in reply.body["events"]):
            world.accuse(f"expiry: {order.id} had expired before its time")
        order.is_pending = False
        _follow(world, order, reply)
    elif is_in_time and reply.body.get("order_status") in {None, "expired"} and not is_cancelled:
        world.accuse(f"expiry: {order.id} was not to be paid for in its time: {reply.body}")


async def cancel(world: World, dice: random.Random) -> None:
    """A customer changes their mind."""
    order = some_order(world, dice)
    if order is None:
        return
    order.is_cancelled = True  # from here on nobody may count on it
    reply = await world.storefront.insist(
        "POST", f"/v1/orders/{order.id}/events", {"type": "cancelled"}
    )
    status = reply.body.get("status", "") if reply.is_done and reply.body else ""
    world.tell("storefront", f"cancels {order.id}: {reply.status} {reply.problem} {status}")
    if reply.is_done:
        for allocation in order.allocations:
            world.shelves.promises[allocation].is_over = True


async def work_on(world: World, dice: random.Random) -> None:
    """Somebody in a store picks, packs or lays ready."""
    order = some_order(world, dice)
    if order is None or not order.locations:
        return
    at = dice.choice(order.locations)
    event = dice.choice(("ready_to_pick", "picked", "packed", "ready_for_pickup"))
    clerk = world.clerk(at)
    reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", {"type": event})
    world.tell(clerk.name, f"{event} {order.id}: {reply.status} {reply.problem}")


async def hand_over(world: World, dice: random.Random) -> None:
    """A parcel leaves, or a customer comes and collects; only what stands there can go."""
    order = some_order(world, dice)
    if order is None or not order.locations:
        return
    at = dice.choice(order.locations)
    waiting = {
        allocation: (place, units)
        for allocation, (place, units) in order.allocations.items()
        if place[0] == at and not world.shelves.promises[allocation].is_handed_over
    }
    lines = None
    if len(waiting) > 1 and dice.random() < 0.3:
        one = dice.choice(sorted(waiting))
        waiting = {one: waiting[one]}
        (_, sku), units = waiting[one]
        lines = [{"sku": sku, "quantity": units}]
    if any(world.shelves[place].free < units for place, units in waiting.values()):
        return
    body: dict[str, object] = {"type": "shipped" if order.ships else "collected"}
    if lines is not None:
        body["lines"] = lines
    for place, units in waiting.values():
        world.shelves[place].in_hands += units
    clerk = world.clerk(at)
    reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", body)
    for place, units in waiting.values():
        world.shelves[place].in_hands -= units
    world.tell(clerk.name, f"{body['type']} {order.id}: {reply.status} {reply.problem}")
    if reply.is_done:
        for one in reply.body["allocations"]:
            if one["location"] == at and one["state"] == "fulfilled":
                _gone(world, str(one["id"]))


def _gone(world: World, allocation: str) -> None:
    """The customer has these units; they are handed over once, whoever says so how often."""
    promise = world.shelves.promises[allocation]
    if not promise.is_handed_over:
        promise.is_handed_over = True
        world.shelves[promise.place].flows[Flow.HANDED_OVER] += promise.units
        world.look_at(promise.place)


async def give_back(world: World, dice: random.Random) -> None:
    """The store gives up on an order, or nobody came for it."""
    order = some_order(world, dice)
    if order is None or not order.locations:
        return
    at = dice.choice(order.locations)
    event = "cancelled" if order.ships or dice.random() < 0.5 else "uncollected"
    order.is_cancelled = True
    clerk = world.clerk(at)
    reply = await clerk.insist("POST", f"/v1/orders/{order.id}/events", {"type": event})
    world.tell(clerk.name, f"{event} {order.id}: {reply.status} {reply.problem}")
    if reply.is_done:
        _follow(world, order, reply)


def _follow(world: World, order: Placed, reply: Reply) -> None:
    """What an answer says of the allocations is what its reader counts on."""
    for one in reply.body["allocations"]:
        promise = world.shelves.promises[str(one["id"])]
        if one["state"] == "released":
            promise.is_over = True
        elif one["state"] == "committed" and not order.is_pending:
            promise.until_s = None
        if not promise.is_handed_over:
            world.look_at(promise.place)
