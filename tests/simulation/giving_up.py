"""A manager says of a register that sells alone that it is gone for good."""

import asyncio
from typing import Final

from tests.simulation import deeds
from tests.simulation.alone import RegisterBox
from tests.simulation.world import World

ASKED_AGAIN_S: Final = 4.0
ASKED_S_MAX: Final = 240
"""A gateway takes a register for connected for seconds; longer than this it never does."""

CONFLICT: Final = 409
NOT_FOUND: Final = 404

IS_HERE: Final = "is connected at this moment"


async def write_off(world: World, register: RegisterBox) -> None:
    """A manager says that a register is gone for good."""
    at, name = register.identity.location, register.register
    body = {"writer": register.name, "reason": "nobody knows where it is"}
    end_s = world.loop.now_s + ASKED_S_MAX
    while True:
        clerk = world.clerk(at)
        reply = await clerk.insist("POST", f"/v1/registers/{name}/lost", body)
        world.tell(clerk.name, f"writes {register.name} off: {reply}")
        is_here = reply.status == CONFLICT and IS_HERE in reply.body["detail"]
        if not is_here or world.loop.now_s > end_s:
            break
        await asyncio.sleep(ASKED_AGAIN_S)
    if reply.is_done:
        world.deeds.note(deeds.WRITTEN_OFF_AGAIN if register.is_given_up else deeds.WRITTEN_OFF)
        register.is_given_up = True
    elif is_here:
        world.accuse(f"lost: {register.name} is gone, and is taken for connected: {reply.body}")
    elif reply.status not in {CONFLICT, NOT_FOUND}:
        world.accuse(f"lost: {register.name} was not written off: {reply.body}")
