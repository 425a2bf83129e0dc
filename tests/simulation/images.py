"""Images of a store's disk: put back on the box, or started as a second one beside it.

An image is made at any moment of a running box. Later its box is killed, its disk is put back and
it starts, cut off or connected; or another box starts from the image beside the first, people at
some of the tills find that one, and both sell until they meet the hub. What must come of it:

    put back    it finds out, from the hub or by what a register shows, hands over what it did,
                becomes the next incarnation and sells on; an image of a box before the one that
                lives stays off, and people enrol another box
    beside      one of the two is the store's in the end. The other one stays off, whatever
                happens to it, and has handed over all that it did

No sale is thrown away but by an overwritten disk (`handing_in`); what is used on an image is no
more than it had rights to (`strands`), and what the hub says of that is what is reckoned here; no
box becomes another one more often than its disk was put back.
"""

import asyncio
import random
from collections import Counter
from typing import Final

from gateway.identity import load_identity
from gateway.lives.behind import handed_over
from gateway.lives.sealing import is_to_end
from gateway.status.report import PARTED, StopReason
from replication.adapters.sqlite import ReplicaStore
from replication.ids import EVERYWHERE, incarnation_of
from tests.simulation import deeds, held, lives
from tests.simulation.handing_in import hand_in
from tests.simulation.judge import Union
from tests.simulation.network import HEALED_S, Line
from tests.simulation.operations import some_store, stocked
from tests.simulation.shelf import Place
from tests.simulation.shop_box import ShopBox
from tests.simulation.strands import USES, Cell, Image
from tests.simulation.witnessing import WHO, TillKind
from tests.simulation.world import HOLD_S, World

IMAGES_MAX: Final = 4
"""Images of one store that are kept; the oldest are thrown away."""

LIVES_MAX: Final = 9
"""A store whose boxes have had so many incarnations is left in peace."""

CUT_S: Final = (0.0, 2.0, 8.0, 20.0, 30.0)
"""How long the line is cut before, and how long after."""

OFF_S: Final = (0.2, 1.0, 5.0)
LOOK_S: Final = 0.5
SURE_S: Final = 3.0
"""People believe a page that says for so long that another box is the store's."""

STAYS_OFF: Final = frozenset({StopReason.COPIED, StopReason.FENCED, StopReason.RESTORING})

SETTLED_S_MAX: Final = 1_200
"""An image that has met the hub is somebody by then."""


async def make(world: World, dice: random.Random) -> None:
    """Somebody copies the disk of a store's box, while it runs."""
    box = world.shops[some_store(world, dice)]
    if (image := image_of(world, box)) is not None:
        kept = world.images.setdefault(box.name, [])
        kept.append(image)
        del kept[:-IMAGES_MAX]
        world.tell(box.name, f"an image is made: {image.strand.writer} up to {image.head[0]}")
        world.deeds.note(deeds.IMAGE_OF_IMAGE if image.strand.leaves else deeds.IMAGE_MADE)


def image_of(world: World, box: ShopBox) -> Image | None:
    """The disk of a box at this moment; None where it has not begun."""
    identity = load_identity(ReplicaStore(box.disk.connection))
    strand = box.strand
    if not box.is_up or strand is None or identity is None or identity.writer != strand.writer:
        return None
    known, grants = Union(), dict[tuple[Place, Cell], int]()
    for place in sorted(world.judge.union.cells):
        if place[0] not in {box.name, EVERYWHERE}:
            continue
        for table, holder, detail, value in box.ledger.counter(*place).cells():
            known.take(place, (table, holder, detail), value)
            if table == "granted" and strand.writer in {holder, detail}:
                grants[place, (table, holder, detail)] = value
    rights = {place: units.get(strand.writer, 0) for place, units in known.quota.items()}
    return Image(
        data=box.disk.image(), strand=strand, head=strand.head, rights=rights, grants=grants
    )


async def put_back(world: World, dice: random.Random) -> None:
    """A box is killed, its disk is put back to an image, and it starts again."""
    found = _free(world, dice)
    if found is None:
        return
    at, mark = found
    box, image = world.shops[at], dice.choice(world.images[at])
    if (cut_s := dice.choice(CUT_S)) > 0:
        box.line.cut()
        await asyncio.sleep(cut_s)
    if world.shops[at] is not box:
        box.line.heal()
        world.under_way.discard(mark)
        return
    down_s, lasts_s = dice.choice(OFF_S), dice.choice(CUT_S)
    world.tell(at, f"its disk is put back to {image.strand.writer} up to {image.head[0]}")
    world.deeds.note(deeds.PUT_BACK_CUT_OFF if cut_s + lasts_s else deeds.PUT_BACK)
    box.crash(down_s=down_s, silently=dice.random() < 0.5)
    overwrite(world, box, image)
    number = box.overwritten
    world.under_way.discard(mark)  # it may be put back again before it knows
    if not lasts_s:
        box.line.heal()
    await asyncio.sleep(lasts_s)
    box.line.heal()
    await _come_to_terms(world, box, number, dice)


def _free(world: World, dice: random.Random) -> tuple[str, str] | None:
    """A store of whose box there is an image, and nothing else is done with it; it is marked."""
    at = some_store(world, dice)
    box, mark = world.shops[at], f"{lives.REPLACING}{at}"
    is_free = mark not in world.under_way and bool(world.images.get(at))
    if not is_free or incarnation_of(box.identity.writer) >= LIVES_MAX:
        return None
    world.under_way.add(mark)
    return at, mark


def overwrite(world: World, box: ShopBox, image: Image) -> None:
    """The disk of a box that is off becomes an older one."""
    if box.strand is not None:
        box.strand.is_gone = True
    box.overwritten += 1
    box.disk.put_back(image.data)
    box.strand = world.judge.strands.go_on(image)
    with held.burning(world, box.name):
        world.judge.add_up()
    _nobody_knows(world, box.name)


def _nobody_knows(world: World, at: str) -> None:
    for item in stocked(world):
        world.shelves[at, item.sku].is_unknown = True


async def _come_to_terms(world: World, box: ShopBox, number: int, dice: random.Random) -> None:
    """Until this box sells again, or people have put another one in its place."""
    at, off_s = box.name, 0.0
    mark = f"{lives.REPLACING}{at}"
    end_s = world.loop.now_s + SETTLED_S_MAX
    while world.loop.now_s < end_s:
        await asyncio.sleep(LOOK_S)
        if world.shops[at] is not box or box.overwritten != number:
            return
        if _sells(world, box):
            await hand_in(world, at)
            return
        off_s = off_s + LOOK_S if is_off(box) else 0.0
        if off_s >= SURE_S and mark not in world.under_way:
            world.under_way.add(mark)
            await _enrol_another(world, box, dice)
            world.under_way.discard(mark)
            return
    world.accuse(f"image: {at} does not come to terms: {box.shop.stopped} {box.mending.problem}")


async def _enrol_another(world: World, box: ShopBox, dice: random.Random) -> None:
    """Its page says that another box is the store's, and that one is gone: people enrol a new."""
    world.tell(box.name, f"{box.identity.writer} stays off: people enrol another box")
    world.deeds.note(deeds.IMAGE_OF_EARLIER)
    check_handed_over(world, box)
    box.destroy()
    await lives.replace(world, box, dice)
    await hand_in(world, box.name)


async def start_beside(world: World, dice: random.Random) -> None:
    """A second box is started from an image, beside the first."""
    found = _free(world, dice)
    if found is None:
        return
    at, mark = found
    first, image = world.shops[at], dice.choice(world.images[at])
    if dice.random() < 0.5 and (now := image_of(world, first)) is not None:
        image = now
    cut_s, lasts_s = dice.choice(CUT_S), dice.choice(CUT_S)
    world.tell(at, f"a second box starts as {image.strand.writer} up to {image.head[0]}")
    copy = world.copies[at] = _copy_of(world, first, image, dice)
    world.at_copy |= {
        (at, number) for number in range(1, world.tills[at] + 1) if dice.random() < 0.5
    }
    if cut_s:
        first.line.cut()
    if lasts_s:
        copy.line.cut()
    copy.start()
    await asyncio.gather(_heal(first.line, cut_s), _heal(copy.line, lasts_s))
    await _one_of_two(world, at, dice)
    world.under_way.discard(mark)
    await hand_in(world, at)


async def _heal(line: Line, after_s: float) -> None:
    await asyncio.sleep(after_s)
    line.heal()


def _copy_of(world: World, first: ShopBox, image: Image, dice: random.Random) -> ShopBox:
    delay_s = dice.choice((0.005, 0.03, 0.12))
    # Nobody heals the line of a box that starts in the very instant of the healing; over a slow one
    # a store may be asked for rights and not answer within a customer's patience.
    line = Line(world.loop, dice, HEALED_S if world.is_calm else delay_s)
    copy = ShopBox(
        first.identity,
        world.loop,
        dice,
        line=line,
        hub=world.hub,
        hold_s=HOLD_S,
        on_commit=world.committed,
    )
    copy.people, copy.on_reborn = first.people, first.on_reborn
    copy.disk.put_back(image.data)
    copy.overwritten = 1
    copy.strand = world.judge.strands.go_on(image)
    world.judge.add_up()
    _nobody_knows(world, first.name)
    world.deeds.note(deeds.COPY_STARTED)
    return copy


async def _one_of_two(world: World, at: str, dice: random.Random) -> None:
    """Until one of two boxes stays off; then people go to the other one."""
    end_s = world.loop.now_s + SETTLED_S_MAX
    off_s = 0.0
    while world.loop.now_s < end_s:
        await asyncio.sleep(LOOK_S)
        pair = (world.shops[at], world.copies[at])
        off = [box for box in pair if is_off(box)]
        on = [box for box in pair if _sells(world, box)]
        off_s = off_s + LOOK_S if off and len(off) + len(on) == len(pair) else 0.0
        if off_s >= SURE_S:
            await asyncio.sleep(dice.choice(OFF_S))
            first, copy = pair
            _go_to(world, at, on[0] if on else first, off[0] if on else copy)
            if not on:  # both are of a box before the one that lives
                await _enrol_another(world, first, dice)
            return
    told = [(box.identity.writer, box.shop.stopped, box.mending.problem) for box in pair]
    world.accuse(f"copy: two boxes of {at} do not come to terms: {told}")


def _go_to(world: World, at: str, stays: ShopBox, off: ShopBox) -> None:
    reason = off.shop.stopped
    world.tell(at, f"{stays.identity.writer} is the store's, the other box is off: {reason}")
    is_first = off is world.shops[at]
    world.deeds.note(deeds.FIRST_STAYS_OFF if is_first else deeds.COPY_STAYS_OFF)
    check_handed_over(world, off)
    off.line.heal()
    off.successor = stays
    stays.overwritten += 1  # what people saw of the other one may make it another once
    world.shops[at] = stays
    del world.copies[at]
    world.at_copy = {one for one in world.at_copy if one[0] != at}
    world.off.append(off)


def _sells(world: World, box: ShopBox) -> bool:
    """Whether a box is the store's, and sells.

    One that was replaced is welcomed, to hand over its last entries, and is told of it after them.
    """
    is_well = box.is_connected and box.shop.stopped is None
    return is_well and box.identity.writer not in world.ended


def is_off(box: ShopBox) -> bool:
    """Whether a box stays off because another one is the store's, and may be unplugged.

    One that was replaced before it had taken anything over has nothing to hand over.
    """
    shop = box.shop
    if not box.is_up or shop.stopped not in STAYS_OFF:
        return False
    if shop.stopped is StopReason.RESTORING:
        return box.hears_that_it_was_replaced
    branch = handed_over(shop.store)
    if branch is not None:
        return branch.name is not None
    is_sealed = not is_to_end(shop.store, shop.ledger.writer, shop.stopped)
    return is_sealed and box.uplink.acknowledged.seq == shop.head.seq


def check_handed_over(world: World, box: ShopBox) -> None:
    """What is only on the disk of a box that is off is lost."""
    strand = box.strand
    unheard = [] if strand is None else world.judge.strands.unheard(strand)
    if unheard:
        world.accuse(
            f"branch: {box.identity.writer} may be unplugged at {box.name}, and the hub does not "
            f"have its entries {unheard}"
        )


async def come_back(world: World) -> None:
    """After all faults registers ask their boxes once more, show what they saw, and hand in."""
    for at, box in list(world.shops.items()):
        if not world.judge.strands.of(box.identity.writer) or not world.images.get(at):
            continue
        number, dice = box.overwritten, world.dice(f"come back/{at}")
        for till in range(1, world.tills[at] + 1):
            if world.kind_of_till(at, f"till-{till}") is not TillKind.NOTHING:
                await world.till(at, till).insist("GET", WHO, key=False)
        await _come_to_terms(world, box, number, dice)
        await hand_in(world, at)


def judge(world: World) -> None:
    """When everything is over: whoever is off stayed off, and the hub's figures are right."""
    for box in world.off:
        if box.is_up and box.shop.stopped not in PARTED | STAYS_OFF:
            world.accuse(f"copy: {box.identity.writer} at {box.name} was off, and sells again")
        check_handed_over(world, box)
    for box in [*world.shops.values(), *world.off]:
        if box.rebirths > box.overwritten:
            world.accuse(
                f"lives: {box.name} became another box {box.rebirths} times, and its disk was put "
                f"back {box.overwritten} times"
            )
    exposed = _exposed(world)
    for name, units in world.hub.disk.connection.execute(
        "SELECT name, exposed FROM branch WHERE taken_ms IS NOT NULL ORDER BY name"
    ):
        if units != exposed[str(name)]:
            world.accuse(
                f"exposure: {exposed[str(name)]} units were used beyond any right in {name}, the "
                f"hub says {units}"
            )


def _exposed(world: World) -> Counter[str]:
    """Units that each branch used more than came to it."""
    used: Counter[tuple[str, Place]] = Counter()
    strands = world.judge.strands
    for strand in strands.all():
        values = {} if strand.leaves is None else strand.leaves.values_at(strand.fork[0])
        for entry in strand.entries:
            name = strands.name_of(strand, entry)
            for place, cell, value in entry.cells:
                grown = value - values.get((place, cell), 0)
                values[place, cell] = value
                if name is not None and name != strand.writer:
                    used[name, place] += USES.get(cell[0], 0) * grown
    exposed: Counter[str] = Counter()
    for (name, _), units in used.items():
        exposed[name] += max(0, units)
    return exposed


def exposed_units(world: World) -> int:
    """Units that all branches used beyond any right, as the hub says."""
    row = world.hub.disk.connection.execute("SELECT sum(exposed) FROM branch").fetchone()
    return int(str((row and row[0]) or 0))
