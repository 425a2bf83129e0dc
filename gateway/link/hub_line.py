"""Questions and requests to the hub over HTTP, for what a till wants of it at once.

The uplink carries what has to arrive; this line carries what somebody waits for. Cut off, nobody is
kept waiting: the answer is `None` at once. An answer that did not come is no refusal: whoever asked
for a change asks again with the same key.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Protocol

import aiohttp

from replication.wire import FRAME_BYTES_MAX

log: Final = logging.getLogger(__name__)

ANSWER_S_MAX: Final = 3.0
"""As long as a cashier waits with a customer before she says that the line is down."""

ANSWER_BYTES_MAX: Final = FRAME_BYTES_MAX
"""More than any record of the hub takes; a longer answer is none of the hub's."""

CONNECTIONS_MAX: Final = 8
"""Such questions are rare; a till that asks again and again must not crowd the hub."""


class HubAnswer(NamedTuple):
    """What the hub said."""

    status: int
    body: bytes


async def answer_of(response: aiohttp.ClientResponse, bytes_max: int) -> HubAnswer:
    """Read an answer whole, or its first `bytes_max` bytes; aiohttp's errors come out."""
    said = await response.content.read(bytes_max)
    while not response.content.at_eof() and len(said) < bytes_max:
        said += await response.content.read(bytes_max - len(said))
    return HubAnswer(response.status, said)


class HubLine(Protocol):
    """The hub's HTTP, as far as this gateway's token goes. None: it was not heard in time."""

    async def get(self, path: str, *, within_s: float = ANSWER_S_MAX) -> HubAnswer | None:
        """Ask for something; `path` is quoted already."""

    async def post(
        self, path: str, body: bytes, *, key: str, within_s: float = ANSWER_S_MAX
    ) -> HubAnswer | None:
        """Ask for a change, once per `key`; `body` is JSON."""


class NoHub:
    """The `HubLine` of a gateway that has nobody to ask."""

    async def get(self, path: str, *, within_s: float = ANSWER_S_MAX) -> HubAnswer | None:
        """Nobody answers."""
        _ = path, within_s
        return None

    async def post(
        self, path: str, body: bytes, *, key: str, within_s: float = ANSWER_S_MAX
    ) -> HubAnswer | None:
        """Nobody answers."""
        _ = path, body, key, within_s
        return None


NO_HUB: Final = NoHub()


class _OpenLine:
    def __init__(
        self, client: aiohttp.ClientSession, hub_url: str, is_connected: Callable[[], bool]
    ) -> None:
        self._client = client
        self._hub_url = hub_url
        self._is_connected = is_connected

    async def get(self, path: str, *, within_s: float = ANSWER_S_MAX) -> HubAnswer | None:
        return await self._ask("GET", path, None, {}, within_s)

    async def post(
        self, path: str, body: bytes, *, key: str, within_s: float = ANSWER_S_MAX
    ) -> HubAnswer | None:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return await self._ask("POST", path, body, headers, within_s)

    async def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], within_s: float
    ) -> HubAnswer | None:
        if not self._is_connected():
            return None
        try:
            async with (
                asyncio.timeout(within_s),
                self._client.request(
                    method, self._hub_url + path, data=body, headers=headers
                ) as response,
            ):
                return await answer_of(response, ANSWER_BYTES_MAX)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            log.info("hub not heard: %r", error, extra={"action": "hub_unheard", "path": path})
            return None


@asynccontextmanager
async def open_line(
    hub_url: str, token: str, *, is_connected: Callable[[], bool]
) -> AsyncIterator[HubLine]:
    """A line to the hub for as long as the block lasts."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
        yield _OpenLine(client, hub_url, is_connected)
