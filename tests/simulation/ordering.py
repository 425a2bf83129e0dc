"""What customers of the website, the back office and the stores do with online orders."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from tests.simulation import deeds, doubts, offers
from tests.simulation.notes import Placed
from tests.simulation.operations import demand, last_event, some_basket, some_store, told
from tests.simulation.shelf import Flow, Promise
from tests.simulation.world import HOLD_S, World

LATELY: Final = 8
"""Events are about one of the last orders, so that a few of them live through a lot."""


LATE_S: Final = (0.0, 3.0, 15.0)
"""How long after an order's time its money may come."""


def some_order(world: World, dice: random.Random) -> Placed | None:
    """One of the last orders."""
    orders = world.notes.orders[-LATELY:]
    return dice.choice(orders) if orders else None


def some_waiting(world: World, dice: random.Random) -> tuple[Placed, str] | None:
    """One of the last orders and a store that had to do with it, mostly one that waits there."""
    waiting = [
        (order, promise.place[0])
        for order in world.notes.orders[-LATELY:]
        for promise in world.shelves.promises.values()
        if promise.order == order.id
        and promise.until_s is None
        and not (promise.is_over or promise.is_handed_over)
    ]
    if waiting and dice.random() < 0.8:
        return dice.choice(waiting)
    order = some_order(world, dice)
    if order is None or not order.locations:
        return None
    return order, dice.choice(order.locations)


def hear(world: World, order: Placed, body: Mapping[str, Any], *, in_store: bool = False) -> None:
    """Somebody reads an order: its customer counts on what it says of the allocations.

    Units that stand in for others are counted on as soon as they are committed. What a store says
    it gave back is given back, also while the hub has not heard of it.
    """
    wholes = _check_parts(world, body)
    for one in body["allocations"]:
        name, state = str(one["id"]), str(one["state"])
        promise = world.shelves.promises.get(name)
        if promise is not None and not promise.is_handed_over:
            promise.units = min(promise.units, int(one["quantity"]))
        if promise is None:
            place = (str(one["location"]), str(one["sku"]))
            is_over = state != "committed"
            promise = Promise(
                name, order.id, place, int(one["quantity"]),
                is_over=is_over, first=wholes.get(name, 0),
            )  # fmt: skip
            world.shelves.promise(promise)
            order.locations = sorted({*order.locations, place[0]})
        if state == "released":
            promise.is_over = True
            promise.is_given_back |= in_store
        elif state == "committed" and not (
            order.is_pending or order.is_cancelled or promise.is_given_back
        ):
            promise.until_s, promise.is_over = None, False
        world.look_at(promise.place)


def _check_parts(world: World, body: Mapping[str, Any]) -> dict[str, int]:
    """Parts of an allocation are as many units as it had; nobody's units come of splitting.

    Answers with the units that each allocation began with, as this body has it.
    """
    parts: dict[str, int] = {}
    whole_of = {one["id"]: one["part_of"] for one in body["allocations"]}
    for one in body["allocations"]:
        root = one["id"]
        while whole_of.get(root) is not None:
            root = whole_of[root]
        parts[root] = parts.get(root, 0) + one["quantity"]
    for root, units in parts.items():
        promise = world.shelves.promises.get(root)
        if promise is not None and promise.first != units:
            world.accuse(f"parts: {root} was {promise.first} units, with its parts it is {units}")
    return parts


async def place(world: World, dice: random.Random) -> None:
    """A customer orders; some pay later, or never."""
    await _place(world, dice, dice.choice(("paid", "paid", "pending", "pending", "with the goods")))


async def pay_too_late(world: World, dice: random.Random) -> None:
    """A customer orders, thinks about it for longer than the units are kept, and pays then."""
    order = await _place(world, dice, "pending")
    if order is not None:
        await asyncio.sleep(HOLD_S + dice.choice(LATE_S))
        await _pay(world, order)


async def place_widely(world: World, dice: random.Random) -> None:
    """A customer orders all that is offered of something: several stores have to send it."""
    item = dice.choice([one for one in world.items.values() if one.is_stocked])
    seen = await world.storefront.insist("GET", f"/v1/availability/{item.sku}", key=False)
    units = seen.body["available_online"] if seen.is_done else 0
    if units:
        await _place(world, dice, "with the goods", basket={item.sku: units}, ships=True)


async def _place(
    world: World,
    dice: random.Random,
    payment: str,
    *,
    basket: dict[str, int] | None = None,
    ships: bool = False,
) -> Placed | None:
    """Order a basket, to be shipped or to be collected."""
    basket = basket or some_basket(world, dice, most=3)
    ships, at = ships or dice.random() < 0.5, some_store(world, dice)
    if payment == "with the goods":
        payment = "on_delivery" if ships else "on_collection"
    body: dict[str, Any] = {
        "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
        "fulfilment": {"type": "ship"} if ships else {"type": "pickup", "location": at},
        "payment": payment,
    }
    if coupons := offers.some_coupons(world, dice):
        body["coupon"] = coupons[0]
    asked_s = world.loop.now_s
    reply = await world.storefront.insist("POST", "/v1/orders", body)
    where = "to be sent" if ships else f"at {at}"
    world.tell("storefront", f"orders {told(basket)} {where}, {payment}: {reply}")
    if not reply.is_done:
        return None
    until_s = asked_s + HOLD_S if payment == "pending" else None
    return keep(world, reply.body, ships=ships, until_s=until_s)


def keep(world: World, body: Mapping[str, Any], *, ships: bool, until_s: float | None) -> Placed:
    """The storefront was told that an order is placed."""
    order = Placed(
        id=str(body["id"]),
        ships=ships,
        locations=[],
        until_s=until_s,
        is_pending=until_s is not None,
        body=dict(body),
        is_paid=body["payment"] == "paid",
        paid_minor=body["total_minor"] if body["payment"] == "paid" else 0,
    )
    world.notes.orders.append(order)
    world.offers.had(world, body, order)
    for one in body["allocations"]:
        place = (str(one["location"]), str(one["sku"]))
        order.locations = sorted({*order.locations, place[0]})
        world.shelves.promise(
            Promise(str(one["id"]), order.id, place, int(one["quantity"]), until_s)
        )
        world.look_at(place)
    return order


async def pay(world: World, dice: random.Random) -> None:
    """A customer pays for a checkout, in time or late."""
    order = some_order(world, dice)
    if order is not None:
        await _pay(world, order)


async def _pay(world: World, order: Placed) -> None:
    if not order.is_pending or order.until_s is None:
        return
    target = f"/v1/orders/{order.id}/events"
    reply = await world.storefront.insist("POST", target, {"type": "paid"})
    world.tell("storefront", f"pays {order.id}: {reply}")
    is_in_time = world.loop.now_s < order.until_s and not order.is_cancelled
    if reply.is_done:
        if is_in_time and any(one["type"] == "expired" for one in reply.body["events"]):
            world.accuse(f"expiry: {order.id} had expired before its time")
        if reply.body["status"] != "cancelled":  # else the money goes back
            world.offers.had(world, reply.body)
        order.is_pending = False
        order.is_paid = True
        order.paid_minor += order.body["total_minor"]
        hear(world, order, reply.body)
    elif is_in_time and reply.body.get("order_status") in {None, "expired"}:
        world.accuse(f"expiry: {order.id} was not to be paid for in its time: {reply.body}")


async def cancel(world: World, dice: random.Random) -> None:
    """A customer changes their mind."""
    order = some_order(world, dice)
    if order is not None:
        await call_off(world, order)


async def call_off(world: World, order: Placed) -> None:
    """Its customer wants an end of an order, whatever the stores that have its goods know."""
    order.is_cancelled = True  # from here on nobody may count on it
    target = f"/v1/orders/{order.id}/events"
    kept = [
        one for one in world.shelves.promises.values() if one.order == order.id and not one.is_over
    ]
    with world.shelves.calling_off(order.id):
        reply = await world.storefront.insist("POST", target, {"type": "cancelled"})
        world.tell("storefront", f"cancels {order.id}: {reply}")
        if reply.is_done:
            for promise in world.shelves.promises.values():
                promise.is_over |= promise.order == order.id
    if not reply.is_done:
        return
    for promise in kept:
        if world.shops[promise.place[0]].line.is_quiet:
            order.cancelled_behind.add(promise.place[0])
            if promise.is_handed_over:
                world.deeds.note(deeds.GONE_THEN_CANCELLED)


async def follow(world: World, dice: random.Random) -> None:
    """The storefront looks at an order."""
    if (order := some_order(world, dice)) is not None:
        reply = await world.storefront.insist("GET", f"/v1/orders/{order.id}", key=False)
        hear(world, order, reply.body)


async def hand_over(world: World, dice: random.Random) -> None:
    """A parcel leaves, or a customer comes and collects; only what stands there can go.

    The clerk looks up what waits here and takes it from the shelf, then books just that.
    """
    known = some_waiting(world, dice)
    if known is not None:
        await let_go(world, dice, *known)


async def let_go(world: World, dice: random.Random, order: Placed, at: str) -> None:
    """One store hands over what it has of an order, or a part of it."""
    clerk = world.clerk(at)
    said = await doubts.clear(world, order, at)
    units = await kept_here(world, order, at)
    if units is None:
        return
    units = some_of(units, dice)
    with world.shelves.taking(at, units) as is_there:
        if not units or not is_there:
            return
        event = leaves_as(order)
        lines = [{"sku": sku, "quantity": many} for sku, many in units.items()]
        target = f"/v1/orders/{order.id}/events"
        reply = await clerk.insist("POST", target, {"type": event, "lines": lines, **said})
    world.tell(clerk.name, f"{event} {told(units)} of {order.id}: {reply}")
    if reply.is_done:
        left(world, order, at, reply.body)


def leaves_as(order: Placed) -> str:
    """The event with which goods of an order go to their customer."""
    return "shipped" if order.ships else "collected"


def left(world: World, order: Placed, at: str, body: Mapping[str, Any]) -> None:
    """A store said that it has handed something over: all that it says is with its customer."""
    hear(world, order, body)
    told_by = last_event(at, body)
    for one in body["allocations"]:
        if one["location"] == at and one["state"] == "fulfilled":
            _gone(world, order, str(one["id"]), told_by)


def some_of(units: dict[str, int], dice: random.Random) -> dict[str, int]:
    """Mostly all, or one SKU of several, or fewer units of each."""
    what = dice.random()
    if len(units) > 1 and what < 0.25:
        sku = dice.choice(sorted(units))
        return {sku: units[sku]}
    if what < 0.4:
        return {sku: dice.randint(1, many) for sku, many in units.items()}
    return units


def _gone(world: World, order: Placed, allocation: str, told_by: str) -> None:
    """The customer has these units; they are handed over once, whoever says so how often."""
    promise = world.shelves.promises[allocation]
    if not promise.is_handed_over:
        promise.is_handed_over, promise.told_by = True, told_by
        doubts.note_heard(world, order, promise)
        if promise.place[0] in order.cancelled_behind:
            world.deeds.note(deeds.CANCELLED_THEN_GONE)
        note_complete(world, order)
        world.shelves[promise.place].flows[Flow.HANDED_OVER] += promise.units
        world.look_at(promise.place)


def note_complete(world: World, order: Placed) -> None:
    """When a customer has all that was ordered, it may be brought back like a purchase."""
    due = demand(world, {line["sku"]: line["quantity"] for line in order.body["lines"]})
    has: Counter[str] = Counter()
    for promise in world.shelves.promises.values():
        if promise.order == order.id and promise.is_handed_over:
            has[promise.place[1]] += promise.units
    for sku, many in has.items():
        if many > due.get(sku, 0):
            world.accuse(
                f"E9: {many} {sku} went out for {order.id}, {due.get(sku, 0)} were ordered"
            )
    if due == has and order.is_paid:
        world.customers.ordered(order.body, order.tender)


async def kept_here(world: World, order: Placed, at: str) -> dict[str, int] | None:
    """What a store keeps for an order, as it says; None where it has not heard of the order."""
    seen = await world.clerk(at).insist("GET", f"/v1/orders/{order.id}", key=False)
    if not seen.is_done:
        return None
    units: dict[str, int] = {}
    for one in seen.body["allocations"]:
        if one["location"] == at and one["state"] == "committed":
            units[one["sku"]] = units.get(one["sku"], 0) + one["quantity"]
    return units


async def move(world: World, dice: random.Random) -> None:
    """Head office wants an allocation to come from somewhere else."""
    order = some_order(world, dice)
    if order is not None:
        await ask_elsewhere(world, dice, order)


async def ask_elsewhere(
    world: World, dice: random.Random, order: Placed, at: str | None = None
) -> None:
    """Ask one allocation back, of one store or of any."""
    seen = await world.office.insist("GET", f"/v1/orders/{order.id}", key=False)
    kept = [
        one
        for one in seen.body["allocations"]
        if one["state"] == "committed" and at in {None, one["location"]}
    ]
    if kept:
        one = dice.choice(kept)
        target, body = f"/v1/orders/{order.id}/reallocate", {"allocation": one["id"]}
        reply = await world.office.insist("POST", target, body)
        world.tell("office", f"wants {one['id']} from elsewhere: {reply}")


async def resolve(world: World, dice: random.Random) -> None:
    """Somebody works off the shortage queue, mostly as it proposes."""
    seen = await world.office.insist("GET", "/v1/shortages?state=open&limit=20", key=False)
    if seen.body["items"]:
        item = dice.choice(seen.body["items"])
        body = {} if dice.random() < 0.7 else {"action": dice.choice(("reallocate", "cancel"))}
        await decide(world, item, body)


async def decide(world: World, item: Mapping[str, Any], body: Mapping[str, str]) -> bool:
    """Decide about one item of the queue."""
    reply = await world.office.insist("POST", f"/v1/shortages/{item['id']}/resolve", body)
    what = body.get("action") or (item["proposal"] or {}).get("action")
    world.tell("office", f"decides {what} about {item['kind']} {item['id']}: {reply}")
    return reply.is_done
