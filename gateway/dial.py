"""Dialling the hub: the WebSocket of the uplink, opened over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp

from replication.adapters.websocket import MESSAGE_BYTES_MAX, Socket
from replication.session import Ended

CONNECT_S_MAX: Final = 5.0
"""A hub that does not answer for this long is tried again later."""

Dial = Callable[[], Awaitable[Socket | Ended]]
"""Opens one WebSocket to the hub, or says why there is none."""


@asynccontextmanager
async def dialling(hub_url: str, token: str) -> AsyncIterator[Dial]:
    """A way to dial the hub, for as long as the block lasts."""
    async with aiohttp.ClientSession() as client:

        async def dial() -> Socket | Ended:
            return await _dial(client, hub_url, token)

        yield dial


async def _dial(client: aiohttp.ClientSession, hub_url: str, token: str) -> Socket | Ended:
    try:
        async with asyncio.timeout(CONNECT_S_MAX):
            return await client.ws_connect(
                f"{hub_url}/v1/replicate",
                headers={"Authorization": f"Bearer {token}"},
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                compress=0,
            )
    except TimeoutError:
        return Ended("unreachable", f"the hub did not answer within {CONNECT_S_MAX:.0f} s")
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status == HTTPStatus.UNAUTHORIZED:
            return Ended("refused", "the hub does not know this box's token (401)")
        return Ended("refused", f"the hub refused the link: {refused.status} {refused.message}")
    except (aiohttp.ClientError, OSError) as error:
        return Ended("unreachable", str(error))
