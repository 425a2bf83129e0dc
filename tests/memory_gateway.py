"""A gateway in memory, for tests of the register: its outside, and the faults of the line to it."""

import asyncio
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer


class Fault(enum.Enum):
    """What happens to one request."""

    LOST_REQUEST = enum.auto()
    LOST_ANSWER = enum.auto()
    RESTART = enum.auto()
    LATE_RESTART = enum.auto()
    UNAVAILABLE = enum.auto()
    TWIN = enum.auto()
    LIMITED = enum.auto()
    STRANGER = enum.auto()


PROBLEMS: Mapping[Fault, tuple[int, str]] = {
    Fault.UNAVAILABLE: (503, "unavailable"),
    Fault.TWIN: (409, "conflict"),
    Fault.LIMITED: (429, "rate-limited"),
}


@dataclass(slots=True, kw_only=True)
class MemoryGateway:
    """A gateway's outside, with a journal of sale bodies and a list of faults to come."""

    location: str = "riverside"
    incarnation: int = 1
    chain: str = ""
    sales: dict[str, dict[str, object]] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refusal: tuple[int, dict[str, object]] | None = None
    doubted: str | None = None
    """A witness that is not believed."""
    acknowledged_seq: int = 1
    presented: list[str | None] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    live: list[str | bytes] = field(default_factory=list)
    token: str = "secret"  # noqa: S105

    async def sell(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/sales``, and ``/v1/orders``, as the contract has them, through a fault."""
        key = request.headers["Idempotency-Key"]
        body = await request.read()
        self.presented.append(request.headers.get("Countertop-Witness"))
        if self.doubted is not None and self.presented[-1] == self.doubted:
            return self.problem(403, {"type": "/problems/forbidden", "witness": self.doubted})
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault in PROBLEMS:
            status, slug = PROBLEMS[fault]
            return self.problem(status, {"type": f"/problems/{slug}"})
        if fault is Fault.STRANGER:
            return web.Response(text="welcome to the hotel network")
        if fault not in {Fault.LOST_REQUEST, Fault.RESTART} and self.refusal is None:
            self.commit(key, body, is_order=request.path == "/v1/orders")
        if fault in {Fault.RESTART, Fault.LATE_RESTART}:
            self.hanging.set()
            await asyncio.Event().wait()
        if fault is not None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.refusal is not None:
            return self.problem(*self.refusal)
        return web.json_response(self.sales[key], status=201, headers=self.headers)

    def commit(self, key: str, body: bytes, *, is_order: bool = False) -> None:
        """Journal a sale or a paid order, once per key."""
        if key not in self.sales:
            self.bodies.append(body)
            seq = len(self.bodies)
            writer = self.writer
            place = f"{writer}-{seq}"
            self.sales[key] = (
                {"order": {"id": "hub.1-1"}, "payment": {"id": place}}
                if is_order
                else {"id": place, "writer": writer, "seq": seq}
            )

    async def other(self, request: web.Request) -> web.StreamResponse:
        """Everything else, as far as the register reads it."""
        match request.path:
            case "/healthz":
                return web.json_response({"chain": self.chain}, headers=self.headers)
            case "/v1/status":
                journal = {"acknowledged_seq": self.acknowledged_seq}
                answer: dict[str, object] = {"writer": self.writer, "journal": journal}
                return web.json_response(answer, headers=self.headers)
            case "/v1/lookup":
                return self.problem(404, {"type": "/problems/unknown-product", "title": "unknown"})
            case _:
                answer = {"path": request.raw_path}
                return web.json_response(answer, headers=self.headers)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """``/v1/live``: one message per connection, so that each is followed by a reconnect."""
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return self.problem(401, {"type": "/problems/unauthenticated"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.live:
            message = self.live.pop(0)
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)
        await socket.close()
        return socket

    def problem(self, status: int, document: dict[str, object]) -> web.Response:
        """A problem document."""
        return web.json_response(
            document, status=status, content_type="application/problem+json", headers=self.headers
        )

    @property
    def headers(self) -> dict[str, str]:
        """The witness."""
        return {"Countertop-Witness": f"{self.writer};{len(self.bodies)};ab"}

    @property
    def writer(self) -> str:
        """Whose journal it is."""
        return f"{self.location}.{self.incarnation}"


class Served:
    """A `MemoryGateway` on a loopback port."""

    def __init__(self, gateway: MemoryGateway, port: int | None = None) -> None:
        app = web.Application()
        app.router.add_post("/v1/sales", gateway.sell)
        app.router.add_post("/v1/orders", gateway.sell)
        app.router.add_get("/v1/live", gateway.listen)
        app.router.add_get("/{path:.*}", gateway.other)
        self.server = TestServer(app, host="127.0.0.1", port=port)
        self.gateway = gateway

    async def __aenter__(self) -> Self:
        await self.server.start_server(shutdown_timeout=0.01)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.server.close()

    @property
    def url(self) -> str:
        """Its address."""
        return str(self.server.make_url("")).rstrip("/")
