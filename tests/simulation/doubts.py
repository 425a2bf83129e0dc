"""Orders and trucks whose store lost its disk: what only that knew, and who says it instead.

The hub knows each order as far as it heard of it. A hand-over that it had not heard of is known by
the customer, who has the goods, and by the store's signed slips: whoever works on the order in the
new box looks there first, and says it (`handed_over_before`). Money that only the dead box had
booked is known by the customer's paper; it counts again when a till books that. Until the hand-over
is said the goods are, by all books, still there: a loss that only a count tells. So are units that
a picker had missed. That a truck came is said from its paper, before or after somebody has counted
what stands there; that one left is not: by the book it never did, and the count at its source finds
it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.simulation import deeds, ordering, paying, trucks
from tests.simulation.bought import Bought
from tests.simulation.goods import lines_of
from tests.simulation.notes import Placed
from tests.simulation.operations import told
from tests.simulation.shelf import Flow, Promise
from tests.simulation.shop_box import ShopBox
from tests.simulation.world import World


def bury(world: World, dead: ShopBox, heard: int) -> None:
    """What a destroyed disk knew of orders after entry `heard` is known to no program any more."""
    writer = dead.identity.writer
    _bury_trucks(world, dead, heard)
    _bury_missed(world, dead, heard)
    for order in world.notes.orders:
        for place, minor in list(order.payments):
            if _is_gone(place, writer, heard):
                _unpaid(world, order, dead.name, (place, minor))
        here = [
            one
            for one in world.shelves.promises.values()
            if one.order == order.id and one.place[0] == dead.name
        ]
        known = {str(one["id"]): one for one in _at_hub(world, order.id)}
        for promise in here:
            state = known.get(promise.allocation, {}).get("state")
            if promise.is_given_back and state == "committed":  # others may have these units
                world.shelves[promise.place].burnt_releases += promise.units
                given = (writer, promise.allocation, promise.place, promise.units)
                world.notes.buried_releases.append(given)
            promise.is_given_back = False
            # One answer may have told of two hand-overs, of which the hub has heard the first.
            is_gone = state != "fulfilled" and _is_gone(promise.told_by, writer, heard)
            if promise.is_handed_over and is_gone:
                _left_unheard(world, order, promise)
        _as_heard(world, here, known)


def _bury_trucks(world: World, dead: ShopBox, heard: int) -> None:
    """That a truck left or came is on paper, and in no program any more."""
    writer = dead.identity.writer
    for truck in world.notes.trucks:
        if truck.shipped_by and _is_gone(truck.shipped_by, writer, heard):
            world.tell(dead.name, f"that {truck.id} left is gone with the disk")
            world.deeds.note(deeds.SHIPMENT_GONE)
            truck.shipped_by = ""
        if truck.received_by and _is_gone(truck.received_by, writer, heard):
            world.tell(dead.name, f"that {truck.id} came is gone with the disk")
            world.deeds.note(deeds.ARRIVAL_GONE)
            truck.received_by = ""


def _bury_missed(world: World, dead: ShopBox, heard: int) -> None:
    """By all books units that a picker did not find are kept for their order again."""
    for missed in list(world.notes.missed):
        told_by, place, units = missed
        if _is_gone(told_by, dead.identity.writer, heard):
            world.tell(dead.name, f"that {units} {place[1]} were missing is gone with the disk")
            world.deeds.note(deeds.SHORT_PICK_GONE)
            world.notes.missed.remove(missed)
            world.shelves[place].unbooked += units
            world.shelves[place].unseen += units


def _is_gone(place: str, writer: str, heard: int) -> bool:
    whose, _, seq = place.rpartition("-")
    return whose == writer and int(seq) > heard


def _unpaid(world: World, order: Placed, at: str, payment: tuple[str, int]) -> None:
    """No program knows of this money; the customer has a paper."""
    world.tell(at, f"{payment[0]}, the money for {order.id}, is gone with the disk")
    world.deeds.note(deeds.PAYMENT_GONE)
    order.payments.remove(payment)
    world.notes.buried_payments.append((order, *payment))
    order.paid_minor -= payment[1]
    order.paid_at.discard(at)
    if not order.payments and order.tender == "cash":
        order.is_paid, order.tender = False, "online"
        _not_bought(world, order)


def _left_unheard(world: World, order: Placed, promise: Promise) -> None:
    """Its customer has these units, and by all books they are kept."""
    at, sku = promise.place
    world.tell(at, f"that {promise.units} {sku} of {order.id} left is gone with the disk")
    world.deeds.note(deeds.HAND_OVER_GONE)
    units = order.left_unheard.setdefault(at, {})
    units[sku] = units.get(sku, 0) + promise.units
    order.left_of[promise.allocation] = promise.place
    promise.is_handed_over, promise.told_by = False, ""
    shelf = world.shelves[promise.place]
    shelf.flows[Flow.HANDED_OVER] -= promise.units
    shelf.flows[Flow.LOST] += promise.units
    shelf.unbooked += promise.units
    shelf.unseen += promise.units
    _not_bought(world, order)


def note_heard(world: World, order: Placed, promise: Promise) -> None:
    """That units left is told by the box itself: it was found, and nobody has to say it."""
    if promise.allocation not in order.left_of:
        return
    del order.left_of[promise.allocation]
    at, sku = promise.place
    units = order.left_unheard[at]
    world.deeds.note(deeds.HAND_OVER_HEARD)
    _found(world, promise.place, promise.units)
    units[sku] -= promise.units
    if not units[sku]:
        del units[sku]
    if not units:
        del order.left_unheard[at]


async def dig_up(world: World, old: ShopBox) -> None:
    """A box that was gone has handed over: what only that knew of orders is known again."""
    at, writer = old.name, old.identity.writer
    for buried in list(world.notes.buried_payments):
        order, place, minor = buried
        if _is_gone(place, writer, 0):
            world.notes.buried_payments.remove(buried)
            world.deeds.note(deeds.PAYMENT_HEARD)
            paying.note_paid(world, order, at, place, minor)
    for given in list(world.notes.buried_releases):
        if given[0] == writer:
            world.notes.buried_releases.remove(given)
            world.shelves[given[2]].burnt_releases -= given[3]
    for order in world.notes.orders:
        if any(_left_untold(world, at, one) for one in _at_hub(world, order.id)):
            seen = await world.office.insist("GET", f"/v1/orders/{order.id}", key=False)
            ordering.left(world, order, at, seen.body)


def _left_untold(world: World, at: str, allocation: Mapping[str, Any]) -> bool:
    """Whether units left a store by the hub's rows, and people do not know it.

    Or were to leave, and nobody heard the answer: then their customer is called.
    """
    promise = world.shelves.promises.get(str(allocation["id"]))
    is_known = promise is not None and promise.is_handed_over
    return allocation["location"] == at and allocation["state"] == "fulfilled" and not is_known


def _look_for_left(world: World, order: Placed, at: str, body: Mapping[str, Any]) -> None:
    """Whoever reads that units left sees that nobody has to say it any more."""
    gone = {one["id"] for one in body["allocations"] if one["state"] == "fulfilled"}
    if gone & set(order.left_of):
        ordering.left(world, order, at, body)


def _found(world: World, place: tuple[str, str], units: int) -> None:
    """Units were not lost: their customer has them. A count may have found them missing since."""
    shelf = world.shelves[place]
    shelf.flows[Flow.LOST] -= units
    uncounted = min(units, shelf.unseen)
    shelf.unbooked -= uncounted
    shelf.unseen -= uncounted


def _not_bought(world: World, order: Placed) -> None:
    """As far as anybody can show it, its customer has not got and paid for all of it."""
    kept: list[Bought] = [one for one in world.customers.receipts if one.id != order.id]
    world.customers.receipts[:] = kept


def _as_heard(world: World, here: list[Promise], known: dict[str, dict[str, Any]]) -> None:
    """Parts that the hub has not heard of are none any more."""
    for promise in here:
        if promise.allocation not in known:
            world.shelves.forget(promise)
        else:
            promise.units = int(known[promise.allocation]["quantity"])


def _at_hub(world: World, order: str) -> list[dict[str, Any]]:
    """The allocations of an order, as the hub has heard of it."""
    row = world.hub.disk.connection.execute(
        "SELECT data FROM online_order WHERE id = ?", (order,)
    ).fetchone()
    assert row is not None, "it was placed there"
    allocations: list[dict[str, Any]] = msgspec.json.decode(str(row[0]))["allocations"]
    return allocations


async def clear(world: World, order: Placed, at: str) -> dict[str, Any]:
    """Say what the box before had handed over, if anything; else what is to be said with an event.

    Whoever does not look is asked by the program.
    """
    clerk = world.clerk(at)
    seen = await clerk.insist("GET", f"/v1/orders/{order.id}", key=False)
    if not seen.is_done or not seen.body["is_unsure"]:
        return {}
    target = f"/v1/orders/{order.id}/events"
    _look_for_left(world, order, at, seen.body)
    units = order.left_unheard.get(at)
    if not units:
        return {"handed_over_before": False}
    event = ordering.leaves_as(order)
    hasty = await clerk.insist("POST", target, {"type": event})
    if hasty.is_done:
        world.accuse(f"E9: {at} hands over {order.id} once more, and asked nobody: {hasty.body}")
    body = {"type": event, "lines": lines_of(units), "handed_over_before": True}
    reply = await clerk.insist("POST", target, body)
    world.tell(clerk.name, f"says that {told(units)} of {order.id} had left: {reply}")
    if reply.is_done:
        world.deeds.note(deeds.HAND_OVER_TOLD)
        del order.left_unheard[at]
        for one in [one for one, place in order.left_of.items() if place[0] == at]:
            del order.left_of[one]
        for sku, many in units.items():
            _found(world, (at, sku), many)
            world.notes.said_left.add((at, sku))
        ordering.left(world, order, at, reply.body)
    return {}


async def clear_all(world: World) -> None:
    """Everybody looks at what is in doubt: what had left, and what had come, is said."""
    for truck in world.notes.trucks:
        await trucks.say_again(world, truck)
    for order in world.notes.orders:
        # The hub may have put another store in the place of one that missed units.
        seen = await world.office.insist("GET", f"/v1/orders/{order.id}", key=False)
        ordering.hear(world, order, seen.body)
        for at in sorted(order.left_unheard):
            await clear(world, order, at)
            if at in order.left_unheard:
                world.accuse(f"E9: {at} does not take it that {order.left_unheard[at]} had left")
        for at in order.locations:
            await answer(world, order, at)


async def answer(world: World, order: Placed, at: str) -> None:
    """What is asked back of an order in doubt, and is here, is given back once somebody says so."""
    known = await clear(world, order, at)
    for event in ("picked", "released") if known else ():
        with world.shelves.calling_off(order.id):
            body = {"type": event, **known}
            reply = await world.clerk(at).insist("POST", f"/v1/orders/{order.id}/events", body)
            world.tell(f"clerk@{at}", f"{event} {order.id}, which was in doubt: {reply}")
            if reply.is_done:
                ordering.hear(world, order, reply.body, in_store=True)
                return
