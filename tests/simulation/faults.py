"""What the world does to the programs: lines, boxes, disks, clocks and the shop's own network.

A fault is a coroutine like an operation. Those that last are undone by themselves after a while;
`heal` undoes all of them at the end.
"""

import asyncio
import random
from contextlib import suppress
from typing import Final

from replication.errors import StorageFailed
from tests.simulation.network import HEALED_S, Line, Mangling
from tests.simulation.programs import Box
from tests.simulation.world import World
from tests.simulation.writer import Dies

LASTS_S: Final = (0.2, 1.0, 3.0, 8.0, 15.0, 40.0)
"""From a hiccup to well beyond the silence that ends a link."""

DOWN_S: Final = (0.1, 1.0, 5.0, 20.0)

JUMPS_MS: Final = (
    -86_400_000, -3_600_000, -90_000, -2_000, 700, 45_000, 360_000, 86_400_000, 31_536_000_000,
)  # fmt: skip
"""How far a wall clock jumps: seconds, minutes, a day, a year."""


def some_box(world: World, dice: random.Random) -> Box:
    """A store's box more often than the hub, when there are many."""
    return dice.choice([world.hub, *world.present])


def some_line(world: World, dice: random.Random) -> tuple[str, Line]:
    """The line of a store to the hub, or of a register to its gateway."""
    return dice.choice(list(world.lines.items()))


async def cut(world: World, dice: random.Random) -> None:
    """A line breaks and both ends are told."""
    (at, line), lasts_s = some_line(world, dice), dice.choice(LASTS_S)
    world.tell(f"line of {at}", f"is cut for {lasts_s} s")
    line.cut()
    await asyncio.sleep(lasts_s)
    line.heal()
    world.tell(f"line of {at}", "is whole")


async def black_hole(world: World, dice: random.Random) -> None:
    """Nothing arrives any more, one way or both, and nobody is told."""
    (at, line), lasts_s = some_line(world, dice), dice.choice(LASTS_S)
    ways = dice.choice(("up", "down", "both"))
    line.hold(up=ways != "down", down=ways != "up")
    world.tell(f"line of {at}", f"carries nothing {ways} for {lasts_s} s")
    await asyncio.sleep(lasts_s)
    line.heal()
    world.tell(f"line of {at}", "carries again")


async def mangle(world: World, dice: random.Random) -> None:
    """A broken box on the way loses, doubles or swaps frames of a living connection."""
    (at, line), lasts_s = some_line(world, dice), dice.choice(LASTS_S)
    mangling = Mangling(
        loses=dice.choice((0, 0.1)), doubles=dice.choice((0, 0.1)), swaps=dice.choice((0, 0.1))
    )
    line.mangle(mangling)
    world.tell(f"line of {at}", f"is mangled for {lasts_s} s: {mangling}")
    await asyncio.sleep(lasts_s)
    line.heal()


async def bad_line(world: World, dice: random.Random) -> None:
    """Up to 30 % of the frames are lost and up to 50 % come again, for a while."""
    (at, line), lasts_s = some_line(world, dice), dice.choice(LASTS_S)
    mangling = Mangling(loses=dice.uniform(0, 0.3), doubles=dice.uniform(0, 0.5))
    line.mangle(mangling)
    world.tell(f"line of {at}", f"is bad for {lasts_s} s: {mangling}")
    await asyncio.sleep(lasts_s)
    line.heal()


async def slow(world: World, dice: random.Random) -> None:
    """A line becomes slow or fast."""
    at, line = some_line(world, dice)
    delay_s = dice.choice((0.005, 0.03, 0.12, 0.4, 2.0))
    line.up.delay_s = line.down.delay_s = delay_s
    world.tell(f"line of {at}", f"takes {delay_s} s")


async def crash(world: World, dice: random.Random) -> None:
    """A box loses power: now, or at the next commit that it makes."""
    box, down_s = some_box(world, dice), dice.choice(DOWN_S)
    instant = dice.choice((None, *Dies))
    if instant is None:
        world.tell(box.name, f"loses power for {down_s} s")
        box.crash(down_s=down_s, silently=dice.random() < 0.5)
    else:
        world.tell(box.name, f"will lose power {instant.value}, for {down_s} s")
        box.die_at(instant, down_s)


async def fill_disk(world: World, dice: random.Random) -> None:
    """A disk is full for a while."""
    box, lasts_s = some_box(world, dice), dice.choice(LASTS_S)
    world.tell(box.name, f"has a full disk for {lasts_s} s")
    box.disk.fill()
    await asyncio.sleep(lasts_s)
    box.disk.make_room()
    world.tell(box.name, "has room again")


async def jump_clock(world: World, dice: random.Random) -> None:
    """A wall clock jumps; perhaps its machine knows that it cannot be believed."""
    box, jump_ms = some_box(world, dice), dice.choice(JUMPS_MS)
    box.clock.offset_ms += jump_ms
    box.clock.is_synchronised = dice.random() < 0.5
    world.tell(box.name, f"has a clock that jumps by {jump_ms / 1000} s")


async def wrong_clock(world: World, dice: random.Random) -> None:
    """A wall clock jumps, and its machine does not believe it any more."""
    await jump_clock(world, dice)
    for box in world.boxes:
        if box.clock.offset_ms:
            box.clock.is_synchronised = False
    world.are_clocks_right = False


async def save(world: World, dice: random.Random) -> None:
    """The program is idle, and writes its counters' rows."""
    box = some_box(world, dice)
    if box.is_up and box.process is not None:
        with suppress(StorageFailed):
            await box.process.spawn(box.writer.submit_save(box.ledger))


async def weak_wifi(world: World, dice: random.Random) -> None:
    """Requests to a program, and its answers, are lost for a while."""
    box, lasts_s = some_box(world, dice), dice.choice(LASTS_S)
    box.lost = 0.3
    world.tell(box.name, f"is hard to reach for {lasts_s} s")
    await asyncio.sleep(lasts_s)
    box.lost = 0.0


def heal(world: World) -> None:
    """All faults end; what is down comes up by itself."""
    world.is_calm = True
    for line in (one.line for one in world.sellers):
        line.heal()
        line.up.delay_s = line.down.delay_s = HEALED_S
    for box in world.boxes:
        mend(box)
    world.tell("world", "all faults are over")


def mend(box: Box) -> None:
    """Nothing is wrong with a box any more."""
    box.disk.make_room()
    box.clock.offset_ms, box.clock.is_synchronised = 0, True
    box.lost = 0.0
    box.spare()
