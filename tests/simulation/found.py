"""A store's box is switched off, another one takes its place, and it is found again with its disk.

What only its disk has did happen: sales with receipts, goods that were booked in, loans to
registers. Until it is found nobody can know that, so it is buried as a destroyed one is (`held`).
Then it is switched on with a line of its own, hears that it is fenced, hands over its last entries
and the one that ends its journal, and stays off. What the hub hears of it counts from then on.

Nobody has to count for it: a shelf that nobody knew because of this box is known again, with or
without a count before, and the book says what stands there (`_know_again`).
"""

import asyncio
import random
from typing import Final

from gateway.status.report import StopReason
from tests.simulation import deeds, doubts, faults, goods, held, images, lives
from tests.simulation.handing_in import hand_in, skus_refused
from tests.simulation.network import HEALED_S, Line
from tests.simulation.operations import some_store, stocked
from tests.simulation.selling_alone import note_told_late
from tests.simulation.shop_box import ShopBox
from tests.simulation.world import World
from tests.simulation.writer import Dies

COUNTS_WHILE_HANDING_OVER: Final = False
"""Whether people count in a store while its old box hands over, the new one cut off or not."""

AWAY_S: Final = (0.0, 2.0, 10.0, 30.0)
"""Until somebody finds it."""

TOLD_S_MAX: Final = 60.0
"""Registers have told the new box within this, or nobody counts before the old one is found."""

SETTLED_S_MAX: Final = 1_200
"""A box that has a line has handed over within this."""

CUT_S: Final = (0.0, 0.0, 5.0, 20.0)
"""How long the new box is cut off while the old one hands over."""

HEARD_S: Final = (0.1, 0.2, 0.4)
"""How long an old box is on before something goes wrong with it again."""


async def turn_up(world: World, dice: random.Random) -> None:
    """A store's box goes off with its disk, is replaced, and is found again later."""
    at = some_store(world, dice)
    if not lives.may_be_replaced(world, at):
        return
    old, mark = world.shops[at], f"{lives.REPLACING}{at}"
    world.under_way.add(mark)
    if old.is_connected and dice.random() < 0.2:
        await _replace_running(world, old, dice)
        world.under_way.discard(mark)
        return
    await lives.be_cut_off(world, at, dice)
    world.tell(at, f"{old.identity.writer} is switched off and taken away")
    world.deeds.note(deeds.BOX_TAKEN_OUT)
    old.switch_off()
    await lives.put_another(world, old, dice)
    if dice.random() < 0.7:
        await hand_in(world, at)
    world.under_way.discard(mark)  # the next one may be lost as well, or taken away
    await asyncio.sleep(dice.choice(AWAY_S))
    before = dice.choice(("nothing", "a count", "an answer"))
    if before != "nothing" and await _count_all(world, at) and before == "an answer":
        await _attest(world, old)
    await world.until(lambda: not lives.is_replaced_now(world, at), SETTLED_S_MAX)
    world.under_way.add(mark)
    await _find(world, old, dice)
    world.under_way.discard(mark)


async def _replace_running(world: World, old: ShopBox, dice: random.Random) -> None:
    """Another box takes its place while it runs and reaches the hub: it stops, and hands over."""
    at = old.name
    await _begin_handing_over(world, at)
    if world.shops[at].is_connected:
        world.tell(at, f"{old.identity.writer} is replaced while it runs")
        world.deeds.note(deeds.REPLACED_RUNNING)
        old.is_left = True
        lives.know_nothing(world, at)
        await lives.replace(world, old, dice, line=_new_line(world, dice))
        world.found[old.identity.writer] = old
        await _hear_out(world, old)
    await _end_handing_over(world, at)


async def _begin_handing_over(world: World, at: str) -> None:
    """Nobody counts from now on, and what was counted is heard."""
    if not COUNTS_WHILE_HANDING_OVER:
        world.under_way.add(f"{goods.HANDING_OVER}{at}")
    await world.until(lambda: _is_counted_and_heard(world, at), SETTLED_S_MAX)


async def _end_handing_over(world: World, at: str) -> None:
    """Tills hand in what they kept, and the box that lives hears of what was told before."""
    await hand_in(world, at)
    new = world.shops[at]
    await world.until(lambda: world.is_heard(new) and world.is_fed(new), SETTLED_S_MAX)
    if not await world.until(lambda: _knows_registers(world, at), SETTLED_S_MAX, every_s=1.0):
        world.accuse(f"found: {new.identity.writer} never hears of all registers at {at}")
    world.under_way.discard(f"{goods.HANDING_OVER}{at}")


def _knows_registers(world: World, at: str) -> bool:
    """Whether the box that lives has asked which registers there are, since the old one told."""
    at_hub = world.hub.disk.connection.execute(
        "SELECT writer FROM register WHERE location = ?", (at,)
    )
    here = world.shops[at].disk.connection.execute("SELECT writer FROM register").fetchall()
    return {writer for (writer,) in at_hub} <= {writer for (writer,) in here}


def _new_line(world: World, dice: random.Random) -> Line:
    delay_s = dice.choice((0.005, 0.03, 0.12))
    return Line(world.loop, dice, HEALED_S if world.is_calm else delay_s)


async def _count_all(world: World, at: str) -> bool:
    """What stands there is counted, once all registers have told what the old box had given."""
    if not await world.until(lambda: _have_told(world, at), TOLD_S_MAX):
        return False
    for item in stocked(world):
        await goods.count_shelf(world, at, item.sku)
    world.deeds.note(deeds.FOUND_AFTER_COUNT)
    return True


def _have_told(world: World, at: str) -> bool:
    return world.shops[at].is_connected and all(
        held.has_reported(world, one.identity.writer)
        for one in world.registers.values()
        if one.identity.location == at and one.is_begun and one.is_selling
    )


async def _attest(world: World, old: ShopBox) -> None:
    """Somebody answers for it that it is gone, as far as the hub takes that."""
    await world.until(lambda: world.is_heard(world.shops[old.name]), TOLD_S_MAX)
    writer = old.identity.writer
    body = {"writer": writer, "reason": "nobody knows where it is"}
    reply = await world.office.insist("POST", f"/v1/locations/{old.name}/attest", body)
    world.tell("office", f"answers for {writer}: {reply}")
    if reply.is_done:
        world.deeds.note(deeds.FOUND_AFTER_ANSWER)


async def _find(world: World, old: ShopBox, dice: random.Random) -> None:
    """It is switched on, and runs until it has handed over all that it has."""
    at = old.name
    await _begin_handing_over(world, at)
    _switch_on(world, old, dice)
    mishaps = asyncio.gather(_cut_off(world, at, dice), _go_wrong(old, dice))
    await _hear_out(world, old)
    await mishaps
    await _end_handing_over(world, at)


async def _hear_out(world: World, old: ShopBox) -> None:
    """Until it has handed over, and the box that lives was told of all that."""
    at, writer = old.name, old.identity.writer
    if not await world.until(lambda: images.is_off(old), SETTLED_S_MAX, every_s=0.5):
        world.accuse(f"found: {writer} does not hand over: {old.shop.stopped}")
    images.check_handed_over(world, old)
    _check_sealed(world, old)
    world.tell(at, f"{writer} has handed over, and stays off")
    world.deeds.note(deeds.BOX_FOUND)
    await doubts.dig_up(world, old)
    world.off.append(old)
    del world.found[writer]
    new = world.shops[at]
    if not await world.until(lambda: new.is_connected and world.is_fed(new), SETTLED_S_MAX):
        world.accuse(f"found: {new.identity.writer} is not told of it")
    note_told_late(world, at)
    _leave_to_count(world, old)
    _know_again(world, at)


def _switch_on(world: World, old: ShopBox, dice: random.Random) -> None:
    writer = old.identity.writer
    old.line = _new_line(world, dice)
    head = 0 if old.strand is None else old.strand.head[0]
    unheard = head - world.hub.head_of(writer).seq
    world.tell(old.name, f"{writer} is found, with {unheard} entries that nobody else has")
    world.deeds.note(deeds.FOUND_WITH_NEWS, bool(unheard))
    world.found[writer] = old
    faults.mend(old)
    old.switch_on()


async def _cut_off(world: World, at: str, dice: random.Random) -> None:
    """Maybe the box that stands there now hears of nothing meanwhile."""
    cut_s = dice.choice(CUT_S)
    if cut_s:
        world.tell(f"line of {at}", f"is cut for {cut_s} s, while the old box hands over")
        world.deeds.note(deeds.FOUND_BEHIND)
        world.shops[at].line.cut()
        await asyncio.sleep(cut_s)
        world.shops[at].line.heal()


async def _go_wrong(old: ShopBox, dice: random.Random) -> None:
    """Maybe it loses its line or its power again, in the midst of it."""
    what = dice.choice(("nothing", "its line", "its power"))
    await asyncio.sleep(dice.choice(HEARD_S))
    if what == "its line":
        old.line.cut()
        await asyncio.sleep(dice.choice(AWAY_S))
        old.line.heal()
    elif what == "its power":
        old.die_at(dice.choice(tuple(Dies)), down_s=1.0)


def _is_counted_and_heard(world: World, at: str) -> bool:
    is_counted = any(world.shelves[at, item.sku].is_counted for item in stocked(world))
    return not is_counted and world.shops[at].is_opened and world.is_heard(world.shops[at])


def _check_sealed(world: World, old: ShopBox) -> None:
    """Its journal has ended, unless it was replaced before it had taken anything over."""
    writer = old.identity.writer
    if _state_of(world, writer) != "sealed" and old.shop.stopped is not StopReason.RESTORING:
        world.accuse(f"found: {writer} has handed over, and is {_state_of(world, writer)}")


def _state_of(world: World, writer: str) -> str:
    row = world.hub.disk.connection.execute(
        "SELECT state FROM life WHERE writer = ?", (writer,)
    ).fetchone()
    return "" if row is None else str(row[0])


def _leave_to_count(world: World, old: ShopBox) -> None:
    """Where the book says fewer than there are until somebody counts (decision 30).

    What people had said of orders, and the old box tells too, went twice by it. And the old box had
    counted what registers had sold by then that told only the next one.
    """
    said = {place for place in world.notes.said_left if place[0] == old.name}
    counted = {one for one in world.notes.counted_unheard if one[0] == old.identity.writer}
    for place in sorted(said | {place for _, place in counted}):
        world.shelves[place].is_unknown = world.shelves[place].is_left_to_count = True
    world.notes.said_left -= said
    world.notes.told_by_two |= said
    world.notes.counted_unheard -= counted


def _know_again(world: World, at: str) -> None:
    """All boxes before the one that lives have told all: the book says what stands there.

    Not of goods that people left to a count, and of what one box sold and the next one refused.
    """
    lives_before = [one for one in world.ended if one.rpartition(".")[0] == at]
    if any(_state_of(world, one) != "sealed" for one in lives_before):
        return
    refused = skus_refused(world, at)
    for item in stocked(world):
        shelf = world.shelves[at, item.sku]
        if shelf.is_unknown and not shelf.is_left_to_count and item.sku not in refused:
            world.deeds.note(deeds.NEVER_COUNTED)
            shelf.is_unknown = False


def doubt_refused(world: World) -> None:
    """Goods that a box sold, and the next one refused to the same customer, are counted."""
    for at in sorted({one.name for one in world.off if one.is_left}):
        for sku in skus_refused(world, at):
            world.shelves[at, sku].is_unknown = True
