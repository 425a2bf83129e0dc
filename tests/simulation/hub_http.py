"""A store's HTTP to the hub over its simulated line: what a till wants to know at once.

Implements `gateway.link.hub_line.HubLine`. A request travels up and its answer down, each with the
line's delay. A line that is cut resets what is under way; one that carries nothing lets it wait,
so a request may reach the hub when whoever asked has long given up: then it was done, and nobody
knows. A hub that is down, or dies over it, answers nothing.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.link.hub_line import ANSWER_S_MAX, HubAnswer
from tests.simulation.door import Reply
from tests.simulation.machine import OWNER
from tests.simulation.network import Line

if TYPE_CHECKING:
    from tests.simulation.programs import HubBox

NOTHING: Final = b""


class SimHubLine:
    """See the module's theory."""

    def __init__(
        self, line: Line, hub: "HubBox", token: str, is_connected: Callable[[], bool]
    ) -> None:
        self._line = line
        self._hub = hub
        self._is_connected = is_connected
        self._serving: set[asyncio.Task[None]] = set()
        self._token = token

    async def get(self, path: str, *, within_s: float = ANSWER_S_MAX) -> HubAnswer | None:
        """Ask for something."""
        return await self._ask("GET", path, NOTHING, "", within_s)

    async def post(
        self, path: str, body: bytes, *, key: str, within_s: float = ANSWER_S_MAX
    ) -> HubAnswer | None:
        """Ask for a change."""
        return await self._ask("POST", path, body, key, within_s)

    async def _ask(
        self, method: str, path: str, body: bytes, key: str, within_s: float
    ) -> HubAnswer | None:
        if not self._is_connected() or self._line.is_cut:
            return None
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Reply | None] = loop.create_future()

        def arrive(reply: Reply | None) -> None:
            if not told.done():
                told.set_result(reply)

        async def serve() -> None:
            try:
                reply = await self._hub.ask(method, path, token=self._token, key=key, body=body)
            except ConnectionResetError:
                self._line.down.carry(lambda: arrive(None), is_frame=False)
            else:
                self._line.down.carry(lambda: arrive(reply), is_frame=False)

        def reach() -> None:
            if reset.done():  # the connection broke before it came so far
                return
            OWNER.set(None)  # from here on nobody in the store has a hand in it
            self._serving.add(task := asyncio.ensure_future(serve()))
            task.add_done_callback(self._serving.discard)

        reset = self._line.connection_reset()
        reset.add_done_callback(lambda _: arrive(None))
        self._line.up.carry(reach, is_frame=False)
        try:
            reply = await asyncio.wait_for(told, within_s)
        except TimeoutError:
            return None
        if reply is None:
            return None
        return HubAnswer(reply.status, msgspec.json.encode(reply.body))
