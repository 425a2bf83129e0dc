"""A manager says of a register that sells alone that it is gone for good."""

import asyncio
import re
from typing import Final

from replication.ids import register_of
from tests.simulation import deeds
from tests.simulation.alone import RegisterBox
from tests.simulation.world import World

ASKED_AGAIN_S: Final = 4.0
ASKED_S_MAX: Final = 240
"""A gateway takes a register for connected for seconds; longer than this it never does."""

CONFLICT: Final = 409
NOT_FOUND: Final = 404

_WRITER: Final = re.compile(r"[a-z]+\.[a-z0-9-]+\.[0-9]+")

IS_HERE: Final = "is connected at this moment"


async def write_off(world: World, register: RegisterBox) -> None:
    """A manager says that a register is gone for good."""
    is_again = register.is_given_up
    if await _is_taken(world, register.identity.location, register.register, register.name):
        world.deeds.note(deeds.WRITTEN_OFF_AGAIN if is_again else deeds.WRITTEN_OFF)
        register.is_given_up = True


async def write_off_nobody(world: World, at: str, writer: str) -> None:
    """A manager says it of a register that no box ever was.

    The answer that was to make one never came, and the next gateway made it another one.
    """
    if await _is_taken(world, at, register_of(writer) or "", writer):
        world.deeds.note(deeds.NOBODY_WRITTEN_OFF)


async def write_off_named(world: World, at: str, detail: str) -> None:
    """Somebody reads which registers are missed, and gives up those that are gone."""
    for writer in _WRITER.findall(detail):
        register = world.registers.get(writer)
        if register is None:
            await write_off_nobody(world, at, writer)
        elif register.is_lost:
            await write_off(world, register)


async def _is_taken(world: World, at: str, name: str, writer: str) -> bool:
    body = {"writer": writer, "reason": "nobody knows where it is"}
    end_s = world.loop.now_s + ASKED_S_MAX
    while True:
        clerk = world.clerk(at)
        reply = await clerk.insist("POST", f"/v1/registers/{name}/lost", body)
        world.tell(clerk.name, f"writes {writer} off: {reply}")
        is_here = reply.status == CONFLICT and IS_HERE in reply.body["detail"]
        if not is_here or world.loop.now_s > end_s:
            break
        await asyncio.sleep(ASKED_AGAIN_S)
    if is_here:
        world.accuse(f"lost: {writer} is gone, and is taken for connected: {reply.body}")
    elif not reply.is_done and reply.status not in {CONFLICT, NOT_FOUND}:
        world.accuse(f"lost: {writer} was not written off: {reply.body}")
    return reply.is_done
