"""The endpoint below a session between replicas: one WebSocket, from the upgrade to its end."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from replication.adapters.websocket import MESSAGE_BYTES_MAX, Socket
from web.stopping import closed_on_stop


async def serve_link(
    request: web.Request, talk: Callable[[Socket], Awaitable[object]]
) -> web.WebSocketResponse:
    """Upgrade, talk until the link ends, and let go of the connection."""
    socket = web.WebSocketResponse(
        max_msg_size=MESSAGE_BYTES_MAX, compress=False, timeout=1.0, heartbeat=None
    )
    await socket.prepare(request)
    async with closed_on_stop(request, socket):
        try:
            await talk(socket)
        finally:
            # The goodbye had its time. A peer that does not read would keep what is still
            # buffered for it, and the connection, until its TCP gives up.
            if request.transport is not None:
                request.transport.abort()
    return socket
