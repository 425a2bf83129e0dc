"""The lives of a box: a store's disk is destroyed, and another box takes its place.

What only the dead disk had is known here: sales that its tills were told of and the hub has not
heard (`handing_in`). In the end everything in such a store is
counted, and an admin attests that nothing more will come of the dead box: then no right is with it.
"""

import asyncio
import random
from typing import Final

import msgspec

from cloud_hub.stores import enrolment
from gateway.identity import Identity
from gateway.status.report import StopReason
from replication.adapters.sqlite import transaction
from replication.ids import incarnation_of
from tests.simulation import deeds, doubts, goods, held, ordering, paying
from tests.simulation.giving_up import write_off_named
from tests.simulation.handing_in import hand_in
from tests.simulation.network import Line
from tests.simulation.operations import some_store, stocked
from tests.simulation.shop_box import ShopBox
from tests.simulation.world import HOLD_S, World

LIVES_MAX: Final = 3
"""Boxes that one store has in a run."""

CUT_S: Final = (0.0, 0.0, 2.0, 6.0, 15.0)
"""How long the line was cut before the disk was destroyed."""

NOTICED_S: Final = (0.5, 3.0, 12.0)
"""Until somebody stands there with another box."""

REPLACING: Final = "replacing the box of "
ASKED_AGAIN_S: Final = 4.0
CONFLICT: Final = 409

TAKEN_IN_S: Final = 0.1
"""The last frames of a dead box may come after another was enrolled: until they are at the hub."""

ATTESTED_S_MAX: Final = 240
"""Registers that are connected tell the new box all that they had within this."""


async def lose_disk(world: World, dice: random.Random) -> None:
    """A store's box dies with its disk, maybe cut off from the hub; then there is a new one."""
    await destroy(world, some_store(world, dice), dice)


def is_replaced_now(world: World, at: str) -> bool:
    """Whether the box of a store dies just now, or another one takes its place."""
    return f"{REPLACING}{at}" in world.under_way


async def destroy(world: World, at: str, dice: random.Random) -> None:
    """The box of a store dies; then there is a new one."""
    if not may_be_replaced(world, at):
        return
    dead, mark = world.shops[at], f"{REPLACING}{at}"
    world.under_way.add(mark)
    await be_cut_off(world, at, dice)
    world.tell(at, f"its disk is destroyed: {dead.identity.writer} is gone")
    world.deeds.note(deeds.DISK_DESTROYED)
    dead.destroy()
    await put_another(world, dead, dice)
    await hand_in(world, at)
    world.under_way.discard(mark)


def may_be_replaced(world: World, at: str) -> bool:
    """Whether nobody replaces the box of a store just now, and it was not done too often."""
    is_early = incarnation_of(world.shops[at].identity.writer) < LIVES_MAX
    return is_early and not is_replaced_now(world, at)


async def be_cut_off(world: World, at: str, dice: random.Random) -> None:
    """Maybe the line of a store is cut, and its box does what nobody else hears of."""
    if (cut_s := dice.choice(CUT_S)) > 0:
        world.tell(f"line of {at}", f"is cut for {cut_s} s, and then the box dies")
        box = world.shops[at]
        box.line.cut()
        world.deeds.note(deeds.REPLACED_CUT_OFF)
        await asyncio.sleep(cut_s)
        if box.shop.stopped is not StopReason.RESTORING:  # it would answer nobody before the hub
            await _last_deeds(world, dice, at)


async def put_another(world: World, dead: ShopBox, dice: random.Random) -> None:
    """People see that a store's box is gone, and put a new one there."""
    know_nothing(world, dead.name)
    await asyncio.sleep(dice.choice(NOTICED_S))
    dead.line.heal()
    await replace(world, dead, dice)


def know_nothing(world: World, at: str) -> None:
    """A store's box is gone that knew more of its shelves than anybody else."""
    for item in stocked(world):
        world.shelves[at, item.sku].is_unknown = True


async def _last_deeds(world: World, dice: random.Random, at: str) -> None:
    """What a box does with orders behind its cut line, and takes with it."""
    waiting = {
        one.order: None
        for one in world.shelves.promises.values()
        if one.place[0] == at and one.until_s is None and not one.is_over and not one.is_handed_over
    }
    for order in world.notes.orders:
        if order.id in waiting and dice.random() < 0.7:
            if order.body["payment"] in paying.ON_THE_SPOT:
                await paying.take_money(world, dice, order, at)
            await ordering.let_go(world, dice, order, at)


async def replace(
    world: World, dead: ShopBox, dice: random.Random, *, line: Line | None = None
) -> None:
    """This is the new box for that store; with a `line` of its own the old one may be connected."""
    at, old = dead.name, dead.identity
    code, box = f"NEW-{at}-{dice.getrandbits(40)}", f"{dice.getrandbits(128):032x}"
    place = enrolment.Place(location=at, name=at, kind="store", jurisdiction="home", timezone="UTC")
    await world.until(lambda: world.hub.is_up and not world.hub.disk.is_full, within_s=4_000)
    with transaction(world.hub.disk.connection):  # as `cloud-hub enrol --replace` does
        enrolment.add_code(
            world.hub.disk.connection, place,
            replace=True, code=code, now_ms=world.hub.clock.wall_ms(),
            although_connected=line is not None,
        )  # fmt: skip
    body = {"code": code, "box": box}
    while True:  # it is refused for as long as the old box may still be connected
        reply = await world.office.insist("POST", "/v1/enrolments", body)
        if reply.status != CONFLICT:
            break
        await asyncio.sleep(ASKED_AGAIN_S)
    assert reply.is_done, reply
    identity = msgspec.convert(reply.body, Identity)
    await world.until(lambda: dead.line.up.is_empty)
    await asyncio.sleep(TAKEN_IN_S)
    heard = world.hub.head_of(old.writer).seq
    world.tell("office", f"{identity.writer} takes the place of {old.writer}, heard up to {heard}")
    if dead.strand is not None:
        dead.strand.is_gone = dead.is_destroyed
    is_gone = line is None  # else it tells what it has, at once
    for writer in (old.writer, *_overwritten(world, at)) if is_gone else ():
        held.bury(world, writer, world.hub.head_of(writer).seq)
    doubts.bury(world, dead, heard)
    new = world.shops[at] = dead.successor = ShopBox(
        identity,
        world.loop,
        world.dice(f"shop/{identity.writer}"),
        line=line or dead.line,
        hub=world.hub,
        hold_s=HOLD_S,
        on_commit=world.committed,
    )
    new.people = dead.people
    new.on_reborn = dead.on_reborn
    new.start()


def _overwritten(world: World, at: str) -> list[str]:
    """Boxes whose only disk became an image of one before them: what they were is gone as well."""
    strands = world.judge.strands
    return [
        writer
        for writer in strands.writers_at(at)
        if not strands.is_parted(writer) and strands.of(writer)[0].is_gone
        if writer not in world.judge.buried
    ]


async def end_lives(world: World) -> None:
    """Count what stands in a store whose disk was lost, then answer for boxes that are gone."""
    ended = world.ended
    for sale in world.notes.sales:
        writer = sale.id.rpartition("-")[0]
        if writer in ended or world.judge.strands.is_parted(writer):
            world.customers.forget(sale.id)
    is_told_first = world.dice("doubts").random() < 0.5
    if is_told_first:
        await doubts.clear_all(world)
    for (at, sku), shelf in world.shelves.items():
        if shelf.is_unknown:
            await goods.count_shelf(world, at, sku)
    await goods.book_papers_left(world)
    if not is_told_first:
        await doubts.clear_all(world)
    for at in world.shops:
        reply = await world.office.insist("GET", f"/v1/locations/{at}", key=False)
        for life in reply.body["lives"]:
            if life["state"] == "open":
                await _attest(world, at, life["writer"])


async def _attest(world: World, at: str, writer: str) -> None:
    body = {"writer": writer, "reason": "its disk was destroyed"}
    end_s = world.loop.now_s + ATTESTED_S_MAX
    while True:
        reply = await world.office.insist("POST", f"/v1/locations/{at}/attest", body)
        world.tell("office", f"answers for {writer}: {reply}")
        if reply.is_done or world.loop.now_s > end_s:
            break
        if world.off:  # a box that was found may have told of them
            await write_off_named(world, at, reply.body["detail"])
        await asyncio.sleep(ASKED_AGAIN_S)
    if reply.is_done:
        world.deeds.note(deeds.LOST_AND_COUNTED)
    else:
        world.accuse(f"attest: {writer} is not taken for gone: {reply.body}")
