"""Dialling the parent: the WebSocket of the uplink, opened over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp

from replication.adapters.websocket import MESSAGE_BYTES_MAX, Socket
from replication.errors import PeerViolation
from replication.session import Ended

VERSION: Final = "version"
"""Why a session ended whose two ends speak no common version."""

UNKNOWN: Final = "unknown"
"""Why a link ended whose token the parent does not know."""

NOT_BELIEVED: Final = "not-believed"
"""Why there is none where the parent knows the token, and refuses what was shown with it."""

REFUSED: Final = "refused"
"""Why there is none where the parent, or this end, says no to it for another reason."""

REFUSALS: Final = frozenset({PeerViolation.reason, VERSION, UNKNOWN, NOT_BELIEVED, REFUSED})
"""Why there is no link though the parent is heard: waiting for the line mends none of these."""

CONNECT_S_MAX: Final = 5.0
"""A parent that does not answer for this long is tried again later."""

Dial = Callable[[], Awaitable[Socket | Ended]]
"""Opens one WebSocket to the parent, or says why there is none."""


@asynccontextmanager
async def dialling(hub_url: str, token: str) -> AsyncIterator[Dial]:
    """A way to dial the hub, for as long as the block lasts."""
    async with aiohttp.ClientSession() as client:

        async def dial() -> Socket | Ended:
            return await dial_once(client, hub_url, token, parent="hub")

        yield dial


async def dial_once(
    client: aiohttp.ClientSession,
    url: str,
    token: str,
    *,
    parent: str,
    headers: Mapping[str, str] | None = None,
    ssl: aiohttp.Fingerprint | bool = True,
) -> Socket | Ended:
    """One WebSocket to the parent at `url`, which people call `parent`; or why there is none."""
    try:
        async with asyncio.timeout(CONNECT_S_MAX):
            return await client.ws_connect(
                f"{url}/v1/replicate",
                headers={"Authorization": f"Bearer {token}", **(headers or {})},
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                compress=0,
                ssl=ssl,
            )
    except TimeoutError:
        return Ended("unreachable", f"the {parent} did not answer within {CONNECT_S_MAX:.0f} s")
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status == HTTPStatus.UNAUTHORIZED:
            return Ended(UNKNOWN, f"the {parent} does not know this box's token (401)")
        said = f"the {parent} refused the link: {refused.status} {refused.message}"
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Ended("unavailable", said)
        return Ended(NOT_BELIEVED if refused.status == HTTPStatus.FORBIDDEN else REFUSED, said)
    except (aiohttp.ClientError, OSError) as error:
        return Ended("unreachable", str(error))
