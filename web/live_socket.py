"""`/v1/live` of either program: a WebSocket that only tells, to its end or the program's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSMsgType, web

from web.stopping import closed_on_stop

LIVE_HEARTBEAT_S: Final = 20.0

LIVE_PROTOCOL: Final = "countertop.live"
"""The WebSocket subprotocol of `/v1/live`; a browser offers it beside its token (`web.door`)."""

_HEARD_BYTES_MAX: Final = 4096
"""Nothing that a listener says is read; a pong and a goodbye are shorter."""


async def serve_live(
    request: web.Request, take: Callable[[], Awaitable[str]]
) -> web.WebSocketResponse:
    """Upgrade, then send whatever `take` gives until the listener leaves or the program stops."""
    socket = web.WebSocketResponse(
        heartbeat=LIVE_HEARTBEAT_S, max_msg_size=_HEARD_BYTES_MAX, protocols=(LIVE_PROTOCOL,)
    )
    await socket.prepare(request)
    async with closed_on_stop(request, socket):
        sending = asyncio.create_task(_send(socket, take))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            sending.cancel()
    return socket


async def _send(socket: web.WebSocketResponse, take: Callable[[], Awaitable[str]]) -> None:
    try:
        while True:
            await socket.send_str(await take())
    except ConnectionError:
        pass  # the listener is gone; the reading half ends the call
