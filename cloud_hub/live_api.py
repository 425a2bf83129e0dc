"""The endpoints that the hub's pages stand on: whose token this is, and news without asking."""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from cloud_hub.parts import Parts
from cloud_hub.roles import ANYONE
from web.endpoint import Answer, Call, Endpoint
from web.live_socket import LIVE_PROTOCOL, serve_live
from web.problems import Problem, Slug


class HubToken(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token stands for at this hub."""

    id: str
    role: str
    name: str
    writer: str


class LiveApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def token(self, call: Call[None]) -> Answer:
        """Who the caller is."""
        principal, writer = call.principal, self._parts.office.ledger.writer
        return Answer(
            200,
            HubToken(id=principal.id, role=principal.role, name=principal.name, writer=writer),
        )

    async def live(self, call: Call[None]) -> web.StreamResponse:
        """Topics that changed, as they are committed."""
        listener = self._parts.news.join()
        if listener is None:
            raise Problem.unavailable("Too many pages are watching this hub.", retry_after_s=5)
        try:
            return await serve_live(call.request, listener.take)
        finally:
            self._parts.news.leave(listener)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/token", summary="Who the caller's token stands for",
                roles=ANYONE, handler=self.token, answer=HubToken,
            ),
            Endpoint(
                method="GET", path="/v1/live", summary="What pages hear without asking",
                roles=ANYONE, handler=self.live, websocket=True, subprotocol=LIVE_PROTOCOL,
                refusals=(Slug.UNAVAILABLE,),
            ),
        ]  # fmt: skip
