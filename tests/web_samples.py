"""A small program behind the door, for the tests of `web/`: its table, its tokens, its client."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, NamedTuple

import msgspec
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from web.body import Empty
from web.door import Door, DoorLimits, add_endpoints
from web.endpoint import EVENTS_MEDIA_TYPE, Answer, Call, Endpoint
from web.openapi import openapi_endpoint
from web.paging import Cursor, Page, Paged, page_answer
from web.problems import Problem, Slug
from web.stopping import closed_on_stop, stops_within
from web.tokens import Principal, new_token

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]
"""What pytest-aiohttp's fixture `aiohttp_client` is."""

SELLERS = frozenset({"cashier", "manager"})
CASHIER_TOKEN = new_token(b"c" * 32)
OTHER_CASHIER_TOKEN = new_token(b"o" * 32)
AUDITOR_TOKEN = new_token(b"a" * 32)

PRINCIPALS = {
    CASHIER_TOKEN: Principal(id="t1", role="cashier", register="till-1", name="Amal"),
    OTHER_CASHIER_TOKEN: Principal(id="t2", role="cashier", register=None, name="Omar"),
    AUDITOR_TOKEN: Principal(id="t3", role="auditor", register=None, name="Ada"),
}

WITNESS = "riverside.1;42;0a1b"
SCANS = "sample.scans"
BODY_BYTES_MAX = 4_096


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a sample sale."""

    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class Sale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sample body with limits, as the programs' bodies have."""

    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=20)]
    note: str | None = None
    free: dict[str, Any] = {}


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """The sample answer: what the handler saw of the call."""

    key: str
    digest: str
    lines: int
    cashier: str


class OrdersQuery(Page, frozen=True, kw_only=True):
    """The sample list's own parameters beside those of every list."""

    status: str | None = None
    sku: tuple[str, ...] = ()
    open: bool | None = None


class DiskFull(Exception):
    """A failure that the sample program has a problem for."""


class SampleProgram(NamedTuple):
    """The app, its door, and the handles by which a test holds a handler still."""

    app: web.Application
    door: Door
    entered: asyncio.Queue[str]
    release: asyncio.Event


ORDERS_CURSOR = Cursor(tuple[int, str])


async def authenticate(token: str) -> Principal | None:
    """The sample's token book."""
    return PRINCIPALS.get(token)


def stamp(headers: CIMultiDict[str]) -> None:
    """The sample's header on every answer."""
    headers["Countertop-Witness"] = WITNESS


def translate(failure: Exception) -> Problem | None:
    """The sample's own failures."""
    return Problem(Slug.STORAGE, "The disk is full.") if isinstance(failure, DiskFull) else None


async def sell(call: Call[Sale]) -> Answer:
    return Answer(
        201,
        Sold(
            key=call.key,
            digest=call.body_digest.hex(),
            lines=len(call.body.lines),
            cashier=call.principal.name,
        ),
    )


async def list_orders(call: Call[None]) -> Answer:
    query: OrdersQuery = call.query
    place = ORDERS_CURSOR.decode(query.cursor)
    return page_answer([query, {"place": place}], ORDERS_CURSOR.encode((query.limit, "o1")))


async def show_order(call: Call[None]) -> Answer:
    return Answer(200, {"id": call.params["id"], "path": call.path}, {"X-Extra": "yes"})


async def run_short(_call: Call[None]) -> Answer:
    raise Problem.quota_short(
        sku="A-1", wanted=3, sellable=1, elsewhere=[{"holder": "hub", "quantity": 2}]
    )


async def fill_disk(_call: Call[None]) -> Answer:
    raise DiskFull


async def break_down(_call: Call[None]) -> Answer:
    raise ZeroDivisionError("secret words")


async def ping(_call: Call[Empty]) -> Answer:
    return Answer(200, b"{}")


async def show_page(_call: Call[None]) -> web.StreamResponse:
    return web.Response(text="<p>hello</p>", content_type="text/html")


async def stream_events(call: Call[None]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": EVENTS_MEDIA_TYPE})
    await response.prepare(call.request)
    await response.write(b"data: 1\n\n")
    while not await stops_within(call.request, 30.0):
        await response.write(b": still here\n\n")
    await response.write(b"data: bye\n\n")
    return response


async def break_in_stream(call: Call[None]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": EVENTS_MEDIA_TYPE})
    await response.prepare(call.request)
    await response.write(b"data: 1\n\n")
    raise ZeroDivisionError


async def echo_scans(call: Call[None]) -> web.StreamResponse:
    """A WebSocket that a browser opens, with its token as a subprotocol."""
    socket = web.WebSocketResponse(protocols=(SCANS,))
    await socket.prepare(call.request)
    await socket.send_str(f"{call.principal.name}: {socket.ws_protocol}")
    await socket.close()
    return socket


async def echo_live(call: Call[None]) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(call.request)
    async with closed_on_stop(call.request, socket):
        async for message in socket:
            await socket.send_str(f"{call.principal.name}: {message.data}")
    return socket


def sample_program(limits: DoorLimits | None = None) -> SampleProgram:
    """A program with one endpoint of each kind. Made inside a running loop."""
    entered: asyncio.Queue[str] = asyncio.Queue()
    release = asyncio.Event()

    async def wait(call: Call[Empty]) -> Answer:
        entered.put_nowait(call.key)
        await release.wait()
        return Answer(201, b"{}")

    row = partial(Endpoint, summary="Sample", roles=SELLERS)

    table = [
        row(method="POST", path="/v1/ping", handler=ping, body=Empty, answer=Empty),
        row(
            method="POST",
            path="/v1/sales",
            handler=sell,
            body=Sale,
            answer=Sold,
            status=201,
            idempotent=True,
        ),
        row(method="POST", path="/v1/check", handler=sell, body=Sale, answer=Sold, status=201),
        row(
            method="POST",
            path="/v1/orders/{id}/wait",
            handler=wait,
            answer=Empty,
            status=201,
            idempotent=True,
        ),
        row(
            method="GET",
            path="/v1/orders",
            handler=list_orders,
            query=OrdersQuery,
            answer=Paged[Sold],
        ),
        row(method="GET", path="/v1/orders/{id}", handler=show_order, answer=dict[str, str]),
        row(method="DELETE", path="/v1/orders/{id}", handler=show_order, answer=dict[str, str]),
        row(method="GET", path="/v1/short", handler=run_short, refusals=(Slug.QUOTA_SHORT,)),
        row(method="GET", path="/v1/full", handler=fill_disk),
        row(method="GET", path="/v1/broken", handler=break_down),
        row(method="GET", path="/page", handler=show_page, roles=None, media_type="text/html"),
        row(
            method="GET",
            path="/events",
            handler=stream_events,
            roles=None,
            media_type=EVENTS_MEDIA_TYPE,
        ),
        row(
            method="GET",
            path="/torn",
            handler=break_in_stream,
            roles=None,
            media_type=EVENTS_MEDIA_TYPE,
        ),
        row(method="GET", path="/v1/live", handler=echo_live, websocket=True),
        row(
            method="GET",
            path="/v1/scans",
            handler=echo_scans,
            websocket=True,
            subprotocol=SCANS,
        ),
    ]
    table.append(openapi_endpoint(table, title="Sample", version="1"))
    door = Door(
        authenticate=authenticate,
        stamp=stamp,
        translate=translate,
        limits=limits or DoorLimits(body_bytes_max=BODY_BYTES_MAX),
        new_incident=lambda: "incident-1",
    )
    app = web.Application()
    add_endpoints(app, table, door)
    return SampleProgram(app, door, entered, release)


def bearer(token: str = CASHIER_TOKEN, key: str | None = None) -> dict[str, str]:
    """Request headers for a token and perhaps an idempotency key."""
    headers = {"Authorization": f"Bearer {token}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers


async def refused(response: ClientResponse, status: int, slug: str) -> str:
    """Check that this is a stamped problem of `slug`, and give back its detail."""
    problem = await response.json()
    assert response.status == status, problem
    assert response.content_type == "application/problem+json"
    assert problem["type"].rsplit("/", 1)[-1] == slug
    assert problem["status"] == status
    assert problem["title"]
    assert response.headers["Countertop-Witness"] == WITNESS
    return str(problem["detail"])
