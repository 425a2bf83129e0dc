"""What people do with goods that came back: they look at them, and in the end all is compared."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Final

from tests.simulation.bought import Back
from tests.simulation.door import Reply
from tests.simulation.goods import AGAIN_S, REFUSALS_MAX
from tests.simulation.judge import sales_at
from tests.simulation.returning import RETURNS, beside, is_counted
from tests.simulation.shelf import Flow, Place
from tests.simulation.world import World

FATES: Final = ("restock", "restock", "damaged", "write_off", "return_to_vendor")
DIGITS: Final = 6
"""How many digits a paper's number has at its end."""


async def inspect(world: World, dice: random.Random) -> None:
    """Somebody looks at goods that came back; only then may they be sold again."""
    waiting = [one for one in world.customers.notes if one.waiting and not one.is_looked_at]
    if not waiting:
        return
    back = dice.choice(waiting)
    sku, fate = dice.choice(sorted(back.waiting)), dice.choice(FATES)
    if is_counted(world, back.location, [sku]):
        return
    many = back.waiting[sku]
    many = many if dice.random() < 0.6 else dice.randint(1, many)
    shelf = world.shelves[back.location, sku]
    back.is_looked_at = True
    shelf.inspections += 1
    with beside(world, back.location, [sku]):
        await _inspect(world, back, sku, many, fate)
    shelf.inspections -= 1
    back.is_looked_at = False


async def _inspect(world: World, back: Back, sku: str, many: int, fate: str) -> None:
    """The clerk has them in the hand, puts them where they belong, and types it in.

    Where the book has them no more, later again: it may lag behind what was delivered.
    """
    place = (back.location, sku)
    shelf = world.shelves[place]
    if fate == "restock":  # before it is booked: from then on it may be sold
        shelf.in_control -= many
        shelf.restocked += many
    for _ in range(REFUSALS_MAX):
        reply = await _look(world, back, sku, {fate: many})
        is_alone = shelf.under_way == shelf.inspections and not shelf.is_counted
        if not reply.is_done and world.taken_by_losses(place) > 0 and is_alone:
            many, reply = await _make_good(world, back, sku, many, fate)
        if reply.is_done:
            break
        await asyncio.sleep(AGAIN_S)
    else:
        world.accuse(f"inspection: {many} {sku} of {back.id} were not taken: {reply.body}")
    if fate != "restock":
        _put_away(world, place, many, fate)
    world.look_at(place)


async def _look(world: World, back: Back, sku: str, seen: Mapping[str, int]) -> Reply:
    """Type in what was seen of one SKU: units per fate."""
    clerk = world.clerk(back.location)
    lines = [
        {"sku": sku, "quantity": many, "disposition": fate} for fate, many in seen.items() if many
    ]
    reply = await clerk.insist("POST", f"{RETURNS}/{back.id}/inspect", {"lines": lines})
    world.tell(clerk.name, f"looks at {sku} of {back.id}, {seen}: {reply}")
    if reply.is_done:
        back.inspected += [(sku, many, fate) for fate, many in seen.items() if many]
        back.waiting[sku] -= sum(seen.values())
        back.waiting = {one: units for one, units in back.waiting.items() if units}
    return reply


async def _make_good(world: World, back: Back, sku: str, many: int, fate: str) -> tuple[int, Reply]:
    """The book took a loss from quality control, and the shelf had it: these go there instead.

    While nobody else is at the shelf, except to look at what came back, the clerk looks up what
    the book still has, and says of the rest that it is lost. Answers with the units that met their
    fate as seen.
    """
    shelf = world.shelves[back.location, sku]
    shelf.is_counted = True
    stock = await world.clerk(back.location).insist("GET", f"/v1/stock/{sku}", key=False)
    there = min(many, stock.body["quality_control"])
    missing = many - there
    reply = await _look(world, back, sku, {fate: there, "lost": missing})
    shelf.is_counted = False
    if not reply.is_done:
        return many, reply
    shelf.restocked -= missing if fate == "restock" else 0
    shelf.in_control -= 0 if fate == "restock" else missing
    shelf.swapped += missing
    return there, reply


def _put_away(world: World, place: Place, many: int, fate: str) -> None:
    shelf = world.shelves[place]
    shelf.in_control -= many
    if fate == "damaged":
        shelf.damaged += many
        shelf.found_damaged += many
    else:
        away = {"write_off": Flow.THROWN_AWAY, "return_to_vendor": Flow.SENT_BACK_INSPECTED}
        shelf.flows[away[fate]] += many


async def judge(world: World) -> None:
    """After the healing: each return is known everywhere as customers and clerks know it."""
    known = {back.id: back for back in world.customers.notes}
    at_hub = sales_at(world.hub, world.writers, world.accuse).returns
    if sorted(at_hub) != sorted(known) or len(known) != len(world.customers.notes):
        world.accuse(f"returns: customers know {sorted(known)}, the hub {sorted(at_hub)}")
    _check_numbers(world)
    for at in world.shops:
        waiting = {back.id for back in known.values() if back.location == at and back.waiting}
        reply = await world.clerk(at).insist("GET", f"{RETURNS}?open=true&limit=500", key=False)
        if waiting != (listed := {one["id"] for one in reply.body["items"]}):
            world.accuse(f"inspection: {waiting} wait for a look at {at}, it lists {listed}")
    for back in known.values():
        reply = await world.clerk(back.location).insist("GET", f"{RETURNS}/{back.id}", key=False)
        seen, said = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for sku, many, fate in back.inspected:
            seen[sku, fate] += many
        for one in reply.body.get("inspected", ()):
            said[one["sku"], one["disposition"]] += one["quantity"]
        if said != seen:
            world.accuse(f"inspection: of {back.id} {seen} was seen, {said} is written")
    for place, shelf in world.shelves.items():
        levels = world.judge.union.counter(place).levels()
        if levels.quality_control + world.taken_by_losses(place) != shelf.in_control:
            world.accuse(
                f"inspection: {shelf.in_control} of {place[1]} at {place[0]} wait for a look, "
                f"the book says {levels.quality_control}"
            )


def _check_numbers(world: World) -> None:
    """Receipts and credit notes are numbered from 1 without a gap, each in its own series."""
    papers = world.customers
    given: dict[str, list[str]] = {}
    told = [(one.location, one.number) for one in papers.receipts]
    told += [(one.location, one.number) for one in papers.notes]
    for location, number in told:
        if location in world.shops:
            given.setdefault(number[:-DIGITS], []).append(number)
    gone = {
        *world.ended,
        *(one.writer for one in world.judge.strands.all() if one.leaves),
    }
    dead = tuple(f"{writer.upper().replace('.', '-')}-" for writer in gone)
    for series, numbers in sorted(given.items()):
        due = [f"{series}{one:06d}" for one in range(1, len(numbers) + 1)]
        if series.startswith(dead):  # what it sold last nobody may know; an image gives twice
            due = sorted(numbers)
        if sorted(numbers) != due:
            world.accuse(f"numbers: {series} has {sorted(numbers)}")
