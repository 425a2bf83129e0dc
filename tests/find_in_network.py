"""A register that looks for its gateway, as a program: tests run it inside a network namespace.

    python -m tests.find_in_network announced          all gateways that announce themselves
    python -m tests.find_in_network meet DIR LOCATION  the gateway that a register on DIR would use

Prints one JSON object per line.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from gateway.client import GatewayClient, GatewayGone, Place, World
from gateway.counter.discovery import find_gateways
from gateway.counter.discovery_record import Found

SEARCH_S: float = 1.0
"""Shorter than a register's, so that tests of nobody being there end soon."""


async def announced() -> None:
    """Print what mDNS says."""
    for found in await find_gateways(SEARCH_S):
        print(msgspec.json.encode(found).decode())  # noqa: T201


async def _search(location: str) -> list[Found]:
    return await find_gateways(SEARCH_S, location)


async def meet(outbox: Path, location: str) -> None:
    """Print where the register ends up, or why nowhere."""
    place, world = Place(location=location), World(find=_search)
    async with GatewayClient(
        place,
        outbox=outbox,
        token="none",  # noqa: S106
        register="till-1",
        world=world,
    ) as till:
        try:
            await till.stock("tea")
            said: dict[str, object] = {"witness": str(till.witness), "address": till.address}
        except GatewayGone as gone:
            said = {"gone": str(gone)}
    print(msgspec.json.encode(said).decode())  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "announced":
        asyncio.run(announced())
    else:
        asyncio.run(meet(Path(sys.argv[2]), sys.argv[3]))
