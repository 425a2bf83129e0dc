"""Registers that sell alone are lost: destroyed, or taken away, and maybe found again.

What only the lost disk had are sales that customers have receipts of and that nobody else has heard
of. Those of a disk that is never found may be missing in the end, exactly these; the goods are gone
all the same, and a count finds that. A manager writes the register off; what it held comes back by
counting, and by nothing else. One that is found later hands over what it had, and is told that it
is that register no more; what it sells before it hears so, it sells on rights that others have by
now: these units are counted apart (`Shelf.exposed`), and nobody asks there for goods that do not
stand on the shelf (`held.is_exposed`).
"""

import asyncio
import random
from typing import Final

from tests.simulation import deeds, goods, held, lives, selling_alone
from tests.simulation.alone import RegisterBox
from tests.simulation.giving_up import write_off
from tests.simulation.operations import stocked
from tests.simulation.world import World
from tests.simulation.writer import Dies

BEFORE_S: Final = (1.0, 4.0, 12.0)
"""How long something else had gone wrong before."""

NOTICED_S: Final = (0.5, 3.0, 12.0)
"""Until somebody sees that the register is gone."""

UNHEARD_S_MAX: Final = 40.0
"""A box may have to hear its hub before it takes the word; after this it does."""

FOUND_SALES: Final = 3
"""Customers who come to one that was found, before it is heard."""

AWAY_S: Final = (1.0, 8.0, 25.0)
"""Until it is found after it was given up."""


async def lose_register(world: World, dice: random.Random) -> None:
    """A register is lost, whatever its gateway goes through; maybe it is found again."""
    there = [
        one
        for one in world.registers.values()
        if one.is_selling and one.is_begun and _mark(one) not in world.under_way
    ]
    if not there:
        return
    register = dice.choice(there)
    world.under_way.add(_mark(register))
    dying = await _until_the_moment(world, register, dice)
    await _be_lost(world, register, dice)
    if dying is not None:
        await dying
    world.under_way.discard(_mark(register))


async def _be_lost(world: World, register: RegisterBox, dice: random.Random) -> None:
    is_destroyed = dice.random() < 0.5
    _lose(world, register, is_destroyed=is_destroyed)
    await asyncio.sleep(dice.choice(NOTICED_S))
    if not is_destroyed and dice.random() < 0.2:
        world.deeds.note(deeds.FOUND_IN_TIME)
        await _find(world, register, dice)
        return
    takes_its_name = dice.choice((None, "at once", "later"))
    if takes_its_name == "at once":
        await _take_its_name(world, register, dice)
    if dice.random() < 0.3 and not lives.is_replaced_now(world, register.identity.location):
        await _be_given_up_unheard(world, register, dice)
    else:
        await write_off(world, register)
    if takes_its_name == "later":
        await _take_its_name(world, register, dice)
    if not is_destroyed and dice.random() < 0.7:
        await asyncio.sleep(dice.choice(AWAY_S))
        world.deeds.note(deeds.FOUND_LATE)
        await _find(world, register, dice)


async def _be_given_up_unheard(world: World, register: RegisterBox, dice: random.Random) -> None:
    """A box is told to give it up, takes back and sells what it held, and burns with all that."""
    at = register.identity.location
    line = world.shops[at].line
    line.cut()
    asyncio.get_running_loop().call_later(UNHEARD_S_MAX, line.heal)
    await write_off(world, register)
    world.deeds.note(deeds.WRITTEN_OFF_UNHEARD)
    if dice.random() < 0.5:
        await goods.count_shelf(world, at, dice.choice(stocked(world)).sku)
    await asyncio.sleep(dice.choice(BEFORE_S))
    await lives.destroy(world, at, dice)
    line.heal()


def _mark(register: RegisterBox) -> str:
    return f"losing {register.name}"


async def _until_the_moment(
    world: World, register: RegisterBox, dice: random.Random
) -> asyncio.Task[None] | None:
    """What goes wrong besides, at the moment at which the register is lost.

    Returns what is still under way then: its gateway dies, and is replaced.
    """
    dying: asyncio.Task[None] | None = None
    at = register.identity.location
    gateway, before_s = world.shops[at], dice.choice(BEFORE_S)
    match dice.choice(("nothing", "its line", "the line", "a death", "the box")):
        case "its line":
            register.line.cut()
            await asyncio.sleep(before_s)
        case "the line":
            gateway.line.cut()
            world.deeds.note(deeds.REGISTER_LOST_IN_CUT)
            await asyncio.sleep(before_s)
            asyncio.get_running_loop().call_later(before_s, gateway.line.heal)
        case "a death":
            gateway.die_at(dice.choice(tuple(Dies)), before_s)
            world.deeds.note(deeds.REGISTER_LOST_AT_DEATH)
            await asyncio.sleep(dice.uniform(0, 2))
        case "the box":
            register.line.cut()
            await asyncio.sleep(before_s)
            dying = asyncio.ensure_future(lives.destroy(world, at, dice))
            world.deeds.note(deeds.REGISTER_LOST_AT_DEATH)
            await asyncio.sleep(dice.uniform(0, 20))
    return dying


def _lose(world: World, register: RegisterBox, *, is_destroyed: bool) -> None:
    hub = world.hub
    what = "is destroyed" if is_destroyed else "is taken away"
    head = register.ledger.head.seq
    told_at_hub = register.uplink.at_hub
    register.lose()
    held.hear_lost(world, register)
    heard = world.judge.lost[register.name]
    register.kept_to = heard if register.kept_to is None else register.kept_to
    world.tell(register.name, f"{what}; it had {head} entries, others have {heard} of them")
    world.deeds.note(deeds.REGISTER_DESTROYED if is_destroyed else deeds.REGISTER_TAKEN)
    if hub.head_of(register.name).seq < told_at_hub:
        world.accuse(
            f"kept: {register.name} was told that the hub has {told_at_hub} of its entries, "
            f"it has {hub.head_of(register.name).seq}"
        )
    _forget(world, register)


def _forget(world: World, register: RegisterBox) -> None:
    """Nothing comes back of what a lost register sold."""
    for sale in world.notes.sales:
        if sale.id.startswith(f"{register.name}-"):
            world.customers.forget(sale.id)


async def _find(world: World, register: RegisterBox, dice: random.Random) -> None:
    """It is switched on again, maybe where nobody hears it for a while, and customers come."""
    world.tell(register.name, "is found, and switched on")
    register.line.heal()
    unheard_s = dice.choice((0.0, *BEFORE_S))
    if unheard_s:
        register.line.cut()
    register.find()
    world.judge.find(register.name)
    if unheard_s:
        for _ in range(FOUND_SALES):
            await asyncio.sleep(unheard_s / FOUND_SALES)
            await selling_alone.sell_at(world, register, dice)
        register.line.heal()


async def _take_its_name(world: World, register: RegisterBox, dice: random.Random) -> None:
    """Another box becomes that register, whichever box has the name by now."""
    world.deeds.note(deeds.NAME_TAKEN)
    at, name = register.identity.location, register.register
    for one in world.registers.values():
        if (one.identity.location, one.register) == (at, name):
            one.is_given_up = True
    await selling_alone.set_up(world, at, name, dice)


async def end_losses(world: World) -> None:
    """Write off whatever is lost where its gateway does not know so, count, see what is missing."""
    lost = [one for one in world.registers.values() if one.is_lost]
    for register in lost:
        await write_off(world, register)
    for at in sorted({one.identity.location for one in lost}):
        for item in stocked(world):
            await goods.count_shelf(world, at, item.sku)
    for register in lost:
        held.forget_uses(world, register)
        held.hear_lost(world, register)
        _forget(world, register)  # a customer may have left at the very moment
        heard = world.judge.lost[register.name]
        gone = {
            sale.id
            for sale in world.notes.sales
            if sale.id.startswith(f"{register.name}-") and int(sale.id.rpartition("-")[2]) > heard
        }
        world.notes.gone |= gone
        world.deeds.note(deeds.LOST_SALES_GONE, len(gone))
