"""How calls that last for hours learn that the program is going down.

aiohttp waits for handlers before it closes, so an event stream that only ever sleeps would hold
the program back for the whole grace period (10 s were measured, against 0.1 s with this event).

A handler of a stream waits for its own news and for `STOPPING`, whichever comes first:

    while not await stops_within(request, 15.0):      # events: a comment every 15 s
        await response.write(COMMENT)

    async with closed_on_stop(request, socket):       # WebSocket: `async for` ends by itself
        async for message in socket: ...
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import WSCloseCode, web

STOPPING: Final = web.AppKey("STOPPING", asyncio.Event)
"""Set when the program has begun to go down; present in every app that has endpoints."""


def add_stop_event(app: web.Application) -> None:
    """Give `app` its event, set on shutdown, before aiohttp waits for its handlers."""
    app[STOPPING] = asyncio.Event()
    app.on_shutdown.append(_announce)


async def _announce(app: web.Application) -> None:
    """Wake all streams."""
    app[STOPPING].set()


async def stops_within(request: web.Request, seconds: float) -> bool:
    """Wait at most `seconds`; True as soon as the program goes down."""
    try:
        async with asyncio.timeout(seconds):
            await request.app[STOPPING].wait()
    except TimeoutError:
        return False
    return True


async def cancelled(task: "asyncio.Task[None]") -> None:
    """Cancel a background task of a program and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def closed_on_stop(
    request: web.Request, socket: web.WebSocketResponse
) -> AsyncIterator[None]:
    """Close `socket` with 1001 (going away) when the program goes down meanwhile."""

    async def close() -> None:
        await request.app[STOPPING].wait()
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"going down")

    closing = asyncio.create_task(close())
    try:
        yield
    finally:
        closing.cancel()
