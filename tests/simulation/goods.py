"""What people do in the stockroom: goods come, break, are found, are counted, are sent away."""

import asyncio
import random
from collections.abc import Iterable, Mapping
from typing import Final

from replication.ids import incarnation_of
from tests.simulation import deeds
from tests.simulation.client import GivenUp
from tests.simulation.door import Reply
from tests.simulation.giving_up import write_off, write_off_nobody
from tests.simulation.items import Item
from tests.simulation.operations import some_store, stocked, told
from tests.simulation.selling_alone import note_counted, selling_unheard
from tests.simulation.shelf import Flow, Shelf
from tests.simulation.world import World

REFUSALS_MAX: Final = 60
"""A clerk whose difference is not taken tries so often; after the healing it must be taken."""

AGAIN_S: Final = 3.0

REPORTED_S_MAX: Final = 240
"""Registers that are connected have told a new box all that they hold within this."""

MISSED_S: Final = 20.0
"""Until somebody who waits for a register looks where it is."""

CONFLICT: Final = 409

HANDING_OVER: Final = "the old box hands over at "
"""Marks a store that nobody counts for as long as the box before its own, which was found, hands
over (`found.COUNTS_WHILE_HANDING_OVER`)."""

HANDED_OVER_S_MAX: Final = 2_000
"""Nobody hands over for so long."""

RECEIPTS: Final = "/v1/stock/receipts"
ADJUSTMENTS: Final = "/v1/stock/adjustments"
LEFT: Final = "left to the count"


async def receive(world: World, dice: random.Random) -> None:
    """A truck comes: its goods stand in the stockroom, then the clerk books the paper."""
    at = some_store(world, dice)
    chosen = dice.sample(stocked(world), dice.choice((1, 1, 2)))
    units = {item.sku: dice.randint(1, 12) * item.unit for item in chosen}
    if any(world.shelves[at, sku].is_counted for sku in units):
        return
    for sku, many in units.items():
        world.shelves[at, sku].flows[Flow.RECEIVED] += many
        world.shelves[at, sku].under_way += 1
    body = {"lines": lines_of(units), "reference": f"paper {world.loop.now_s:.3f}"}
    reply = await _book_in(world, at, units, RECEIPTS, body)
    world.tell(f"clerk@{at}", f"receives {told(units)}: {reply or LEFT}")
    for sku in units:
        world.shelves[at, sku].under_way -= 1
    if reply is None:
        world.notes.papers_left.append((at, body))
    elif not reply.is_done:
        world.accuse(f"receipt: a proper paper was refused: {reply.body}")


async def _book_in(
    world: World, at: str, units: Iterable[str], target: str, body: Mapping[str, object]
) -> Reply | None:
    """Book goods that came; None where that is left to the count, which finds what is left of them.

    A box that is replaced by now may have booked them, and sold some that nobody knows of.
    """
    clerk = world.clerk(at)
    try:
        return await clerk.insist("POST", target, body, gives_up=clerk.until_replaced())
    except GivenUp:
        world.deeds.note(deeds.LEFT_TO_COUNT)
        for sku in units:
            world.shelves[at, sku].is_unknown = world.shelves[at, sku].is_left_to_count = True
        return None


async def book_papers_left(world: World) -> None:
    """What was left to the count has been counted: its papers are booked beside that."""
    for at, body in world.notes.papers_left:
        clerk = world.clerk(at)
        reply = await clerk.insist("POST", RECEIPTS, {**body, "came_before": True})
        world.tell(clerk.name, f"books {body['reference']}, which was counted: {reply}")
        if not reply.is_done and world.off:  # it was counted, at a box that is gone by now
            for line in body["lines"]:
                await count_shelf(world, at, line["sku"])
            reply = await clerk.insist("POST", RECEIPTS, {**body, "came_before": True})
        is_first = incarnation_of(world.shops[at].identity.writer) == 1  # a copy went on as it
        if not (reply.is_done or is_first):
            world.accuse(f"receipt: what was counted in {at} was refused: {reply.body}")


def some_shelf(world: World, dice: random.Random) -> tuple[str, Item, Shelf]:
    """One product with stock, at one location."""
    at, item = some_store(world, dice), dice.choice(stocked(world))
    return at, item, world.shelves[at, item.sku]


async def lose(world: World, dice: random.Random) -> None:
    """Goods break or are stolen, and somebody books it: a physical loss is never refused."""
    at, item, shelf = some_shelf(world, dice)
    many = min(dice.randint(1, 5) * item.unit, shelf.free)
    if many > 0:
        shelf.flows[Flow.LOST] += many
        await book(world, at, item.sku, -many, dice.choice(("broken", "theft", "expired")))


async def damage(world: World, dice: random.Random) -> None:
    """Goods are damaged: they stand there still, and nobody can buy them."""
    at, item, shelf = some_shelf(world, dice)
    many = min(dice.randint(1, 3) * item.unit, shelf.free)
    if many > 0:
        shelf.damaged += many
        await book(world, at, item.sku, -many, "damaged")


async def find(world: World, dice: random.Random) -> None:
    """Goods turn up that no paper brought."""
    at, item, shelf = some_shelf(world, dice)
    if not shelf.is_counted:
        many = dice.randint(1, 3) * item.unit
        shelf.flows[Flow.FOUND] += many
        shelf.under_way += 1
        body = {"sku": item.sku, "delta": many, "reason": "found"}
        reply = await _book_in(world, at, [item.sku], ADJUSTMENTS, body)
        world.tell(f"clerk@{at}", f"finds {many} {item.sku}: {reply or LEFT}")
        shelf.under_way -= 1
        if reply is not None and not reply.is_done:
            world.accuse(f"adjustment: what was found at {at} was refused: {reply.body}")


async def clear_damaged(world: World, dice: random.Random) -> None:
    """Somebody mends what is damaged, throws it away, or sends it back."""
    at, item, shelf = some_shelf(world, dice)
    if shelf.damaged <= 0 or shelf.under_way or shelf.is_counted:
        return
    many = min(shelf.damaged, dice.randint(1, 2) * item.unit)
    reason = dice.choice(("repaired", "damaged_written_off", "damaged_returned_to_vendor"))
    delta = many if reason == "repaired" else -many
    clerk, shelf.under_way = world.clerk(at), shelf.under_way + 1
    body = {"sku": item.sku, "delta": delta, "reason": reason}
    reply = await clerk.insist("POST", ADJUSTMENTS, body)
    world.tell(clerk.name, f"books {delta} {item.sku} {reason}: {reply}")
    shelf.under_way -= 1
    if reply.is_done:
        shelf.damaged -= many
        if reason != "repaired":
            is_lost = reason.endswith("written_off")
            shelf.flows[Flow.LOST if is_lost else Flow.SENT_BACK_DAMAGED] += many
        world.look_at((at, item.sku))


async def book(world: World, at: str, sku: str, delta: int, reason: str) -> None:
    """Book a difference; where the book has less than is lost, later again.

    The book may lag behind the shelf: the paper of what broke is still being typed. Where it was on
    a disk that is gone, or clocks left the book below the shelf, the next count tells.
    """
    clerk, shelf = world.clerk(at), world.shelves[at, sku]
    body = {"sku": sku, "delta": delta, "reason": reason}
    gone = max(0, -delta)
    shelf.unbooked += gone
    shelf.under_way += 1
    for _ in range(REFUSALS_MAX):
        reply = await clerk.insist("POST", ADJUSTMENTS, body)
        world.tell(clerk.name, f"books {delta} {sku} {reason}: {reply}")
        if reply.is_done:
            shelf.unbooked -= gone
            shelf.under_way -= 1
            world.look_at((at, sku))
            return
        if shelf.is_unknown or shelf.counted_early:
            _leave_to_count(shelf, gone, reason)
            shelf.under_way -= 1
            return
        await asyncio.sleep(AGAIN_S)
    world.accuse(f"adjustment: {delta} {sku} {reason} at {at} was never taken: {reply.body}")


def _leave_to_count(shelf: Shelf, gone: int, reason: str) -> None:
    """Nobody writes down what became of units; those that are damaged lie among the others."""
    if reason == "damaged":
        shelf.damaged -= gone
        shelf.unbooked -= gone
    else:
        shelf.unseen += gone


async def send_back(world: World, dice: random.Random) -> None:
    """Goods go back to their vendor: an intention, so it needs rights and may be refused."""
    at, item, shelf = some_shelf(world, dice)
    many = dice.randint(1, 3) * item.unit
    with world.shelves.taking(at, {item.sku: many}) as is_there:
        if not is_there:
            return
        clerk = world.clerk(at)
        body = {"sku": item.sku, "delta": -many, "reason": "return_to_vendor"}
        reply = await clerk.insist("POST", ADJUSTMENTS, body)
    world.tell(clerk.name, f"sends back {many} {item.sku}: {reply}")
    if reply.is_done:
        shelf.flows[Flow.SENT_BACK] += many
        world.look_at((at, item.sku))


async def steal(world: World, dice: random.Random) -> None:
    """Goods vanish and nobody sees it: only a count will tell."""
    at, item, shelf = some_shelf(world, dice)
    many = min(dice.randint(1, 2) * item.unit, shelf.free)
    if many > 0:
        world.tell("thief", f"takes {many} {item.sku} at {at}")
        shelf.flows[Flow.LOST] += many
        shelf.unbooked += many
        shelf.unseen += many


async def count(world: World, dice: random.Random) -> None:
    """Somebody counts one product, when nobody is at its shelf."""
    at, item, shelf = some_shelf(world, dice)
    if shelf.is_unknown:
        return
    await count_shelf(world, at, item.sku, is_blind=dice.random() < 0.5)


async def count_shelf(world: World, at: str, sku: str, *, is_blind: bool = False) -> None:
    """Count a shelf: the difference is what went unseen, no more and no less."""
    await world.until(lambda: f"{HANDING_OVER}{at}" not in world.under_way, HANDED_OVER_S_MAX)
    shelf = world.shelves[at, sku]
    if shelf.under_way or shelf.is_counted:
        return
    shelf.is_counted, was_unknown = True, shelf.is_unknown
    unheard = selling_unheard(world, at, sku)
    clerk = world.clerk(at)
    counts = "/v1/stock/counts"
    started = await clerk.insist("POST", counts, {"skus": [sku], "blind": is_blind})
    if not started.is_done and (left_open := started.body.get("count")):
        # An image was put back that had been made over a count.
        given_up = await clerk.insist("POST", f"{counts}/{left_open}/cancel", {})
        world.tell(clerk.name, f"gives up the count {left_open}: {given_up}")
        started = await clerk.insist("POST", counts, {"skus": [sku], "blind": is_blind})
    world.tell(clerk.name, f"starts to count {sku}: {started}")
    if started.is_done:
        target = f"{counts}/{started.body['id']}"
        await _count_lines(world, at, sku, target, unheard, was_unknown=was_unknown)
    shelf.is_counted = False


async def _count_lines(
    world: World, at: str, sku: str, target: str, unheard: int, *, was_unknown: bool
) -> None:
    shelf, clerk = world.shelves[at, sku], world.clerk(at)
    lines = [{"sku": sku, "counted": shelf.there}]
    kept = await clerk.insist("POST", f"{target}/lines", {"lines": lines})
    closed = await _close(world, at, sku, target)
    world.tell(clerk.name, f"counts {shelf.there} {sku}: {kept}, {closed}")
    if shelf.is_unknown and not (closed.is_done and was_unknown):
        return  # its box died over it, or became an older one
    if not closed.is_done:
        world.accuse(f"count: {sku} at {at} was not taken: {kept.body} {closed.body}")
        return
    booked = sum(one["booked"] for one in closed.body["differences"])
    weighed_up, shelf.weighed_up = shelf.weighed_up, 0
    most = shelf.counted_early - shelf.unseen
    shelf.counted_early = 0 if world.are_clocks_right else unheard
    if unheard:
        world.notes.counted_unheard.add((world.shops[at].identity.writer, (at, sku)))
    is_right = -shelf.unseen - weighed_up - unheard <= booked <= most
    if not is_right and not shelf.is_unknown:
        world.accuse(
            f"count: {shelf.unseen} of {sku} at {at} had vanished, the count books {booked}"
        )
    shelf.unbooked -= shelf.unseen
    shelf.unseen = 0
    shelf.is_unknown = shelf.is_left_to_count = False
    note_counted(world, at, sku)
    world.look_at((at, sku))


async def _close(world: World, at: str, sku: str, target: str) -> Reply:
    """End a count, as soon as all registers of the boxes before have told what they hold.

    Those that are gone are given up; and where others cannot be heard the count is called off.
    """
    clerk, began_s = world.clerk(at), world.loop.now_s
    while True:
        closed = await clerk.insist("POST", f"{target}/close", {})
        if closed.status != CONFLICT or not {"registers", "skus"} & set(closed.body):
            return closed
        world.deeds.note(deeds.COUNT_WAITS)
        waited_s = world.loop.now_s - began_s
        if waited_s > REPORTED_S_MAX:
            await clerk.insist("POST", f"{target}/cancel", {})
            return closed
        if waited_s > MISSED_S:
            for writer in closed.body.get("registers", ()):
                if writer not in world.registers:
                    await write_off_nobody(world, at, writer)
                elif world.registers[writer].is_lost:
                    await write_off(world, world.registers[writer])
        if "skus" in closed.body:  # scanned before a register was written off
            again = {"sku": sku, "counted": world.shelves[at, sku].there, "recount": True}
            await clerk.insist("POST", f"{target}/lines", {"lines": [again]})
        await asyncio.sleep(AGAIN_S)


async def take_stock(world: World) -> None:
    """In the end all shelves are counted where something vanished."""
    for (at, sku), shelf in world.shelves.items():
        if shelf.unseen or shelf.counted_early:
            await count_shelf(world, at, sku)


def lines_of(units: Mapping[str, int]) -> list[dict[str, object]]:
    """Lines of a body, from units per SKU."""
    return [{"sku": sku, "quantity": many} for sku, many in units.items()]
