"""What other locations have of a SKU that is short here, for the words of a refusal.

The hub is asked while it is connected, and may take `ASK_S_MAX`: the customer has been told no
already, and waits only to hear where to go. Cut off, nothing is asked and nothing is added. What
comes back is a report with its date, never a right to sell.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec

log: Final = logging.getLogger(__name__)

ASK_S_MAX: Final = 0.3
"""As long as a borrow: what a customer at the till does not notice."""

CONNECTIONS_MAX: Final = 8
"""Refusals are rare; a till that is refused again and again must not crowd the hub."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `elsewhere`: who can promise how many units where, and when that was last heard.

    `name` is what people call the location; None where only its id is known.
    """

    holder: str
    location: str
    quantity: int
    last_heard: str | None
    name: str | None = None


AskElsewhere = Callable[[str], Awaitable[Sequence[Holding]]]
"""What other locations have of a SKU; never raises, and empty when nobody can say."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one location in the hub's answer; a newer hub may say more."""

    location: str
    available_online: int
    name: str | None = None
    last_heard: str | None = None


class _Availability(msgspec.Struct, frozen=True, kw_only=True):
    locations: list[_Place]


async def nobody_elsewhere(_sku: str) -> Sequence[Holding]:
    """The `AskElsewhere` of a gateway that has nobody to ask."""
    return ()


@asynccontextmanager
async def asking_hub(
    hub_url: str, token: str, here: str, *, is_connected: Callable[[], bool]
) -> AsyncIterator[AskElsewhere]:
    """A way to ask the hub, for as long as the block lasts; `here` is left out of its answers."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def ask(sku: str) -> Sequence[Holding]:
            if not is_connected():
                return ()
            try:
                async with asyncio.timeout(ASK_S_MAX):
                    return await _ask(client, f"{hub_url}/v1/availability/{quote(sku)}", here)
            except (TimeoutError, aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
                log.info("hub not asked: %r", error, extra={"action": "elsewhere_unheard"})
                return ()

        yield ask


async def _ask(client: aiohttp.ClientSession, url: str, here: str) -> Sequence[Holding]:
    async with client.get(url) as response:
        if response.status != HTTPStatus.OK:
            return ()
        body = await response.read()
    return [
        Holding(
            holder=place.location,
            location=place.location,
            quantity=place.available_online,
            last_heard=place.last_heard,
            name=place.name,
        )
        for place in msgspec.json.decode(body, type=_Availability).locations
        if place.location != here and place.available_online > 0
    ]
