"""A gateway in memory as a register that sells alone sees it: enrolment, feed, journal, quota.

Its conversation is a real `Session`; what it decides is what a test says.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from replication import feed, wire
from replication.adapters.machine_clock import loop_ms
from replication.adapters.websocket import MESSAGE_BYTES_MAX, Link
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.feed import FeedItem
from replication.ids import WriterId
from replication.journal import EMPTY, Entry, EntryBody, Head, verify
from replication.session import (
    BorrowAsked,
    Ended,
    EntriesArrived,
    Event,
    GrantArrived,
    Greeted,
    Session,
    Side,
)
from retail.prices.tax import TaxRate
from retail.products.catalogue import Product

REGISTER = "riverside.till-1.1"
TOKEN = "secret"  # noqa: S105

Lines = Sequence[tuple[str, int]]


def tea(sku: str = "TEA", *, price_minor: int = 345, name: str = "Green tea") -> Product:
    """A product of which there is enough to say."""
    return Product(
        sku=sku, name=name, price_minor=price_minor, currency="USD", tax_class="standard",
        barcodes=("4006381333931",) if sku == "TEA" else (),
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class MemoryParent:
    """The gateway: what it has of the register's journal, what it tells, and what it was told."""

    incarnation: int = 1
    seq: int = 7
    role: str = "cashier"
    entries: list[Entry] = field(default_factory=list)
    items: list[FeedItem] = field(default_factory=list)
    given: dict[str, int] = field(default_factory=dict)
    hellos: list[wire.Hello] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    presented: list[str | None] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    believes: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    """Who asked to be its register."""
    lends: Callable[[Lines], Lines] = lambda _wants: []
    left: int = 0
    tells_hub: bool = True
    hub_lags: int = 0
    fences: bool = False
    overhears: list[str] = field(default_factory=list)
    """Requests of grants that it does not answer the next time."""
    refuses: tuple[int, str] | None = None
    takes_none: str | None = None
    """Why it takes no entries; it welcomes all the same."""
    link: Link | None = None
    talking: set[asyncio.Future[Ended]] = field(default_factory=set)

    @property
    def writer(self) -> WriterId:
        """Whose journal this gateway writes."""
        return WriterId(f"riverside.{self.incarnation}")

    @property
    def head(self) -> Head:
        """How far it has the register's journal."""
        return Head(len(self.entries), self.entries[-1].hash) if self.entries else EMPTY

    def bodies(self, kind: str | None = None) -> list[EntryBody]:
        """The register's entries, as they came; of one kind."""
        bodies = [msgspec.json.decode(entry.body, type=EntryBody) for entry in self.entries]
        return [body for body in bodies if kind is None or body.kind == kind]

    # What it tells

    def tell(self, kind: str, key: str, data: bytes) -> None:
        """Something new in the feed."""
        self.items.append(FeedItem(len(self.items) + 1, kind, key, data))
        if self.link is not None:
            self.link.wake()

    def tell_product(self, product: Product) -> None:
        """A product, new or changed."""
        self.tell(feed.PRODUCT, product.sku, msgspec.json.encode(product))

    def tell_taxes(self) -> None:
        """One rate for all goods."""
        rate = TaxRate(
            tax_class="standard", jurisdiction="home", valid_from=date(2020, 1, 1), rate="0.15",
            inclusive=True,
        )  # fmt: skip
        self.tell(feed.TAXES, "all", msgspec.json.encode([rate]))

    def stock(self, sku: str, units: int) -> None:
        """Give the register units, by the feed."""
        self.tell(feed.STOCK, sku, msgspec.json.encode([self.granted(sku, units)]))

    def granted(self, sku: str, units: int) -> CellChange:
        """The cell that so many more units leave."""
        self.given[sku] = self.given.get(sku, 0) + units
        return CellChange(
            "riverside", sku, Table.GRANTED.value, self.writer, REGISTER, self.given[sku]
        )

    # What it hears

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /v1/replicate``."""
        self.presented.append(request.headers.get("Countertop-Witness"))
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES_MAX, compress=False)
        await socket.prepare(request)
        session = Session(Side.PARENT, loop_ms())
        link = Link(socket, session, handle=self._handle, more=self._more)
        self.link = link
        talk = asyncio.ensure_future(link.run())
        self.talking.add(talk)
        talk.add_done_callback(self.talking.discard)
        await talk
        return socket

    async def _handle(self, event: Event) -> None:
        assert self.link is not None
        session = self.link.session
        self.heard.append(event)
        match event:
            case Greeted():
                self.hellos.append(event.hello)
                if self.fences and event.hello.seq <= self.head.seq:
                    session.close("fenced", "another box is this register now")
                else:
                    session.welcome(event.version, self.writer, self.head, 0)
                    self._say_at_hub(session)
            case EntriesArrived() if self.takes_none is not None:
                raise PeerViolation(self.takes_none)
            case EntriesArrived():
                _, head = verify(self.head, WriterId(REGISTER), event.entries)
                self.entries += event.entries
                session.acknowledge(head)
                self._say_at_hub(session)
            case BorrowAsked():
                lines = self.lends(event.wants)
                cells = [self.granted(sku, units) for sku, units in lines]
                session.grant(event.request, cells, [(sku, self.left) for sku, _ in event.wants])

            case GrantArrived():
                if event.request not in self.overhears:
                    session.grant(event.request, [], [])
                else:
                    self.overhears.remove(event.request)

    def _say_at_hub(self, session: Session) -> None:
        seq = self.head.seq - self.hub_lags
        if self.tells_hub and seq > 0:
            session.at_hub(Head(seq, self.entries[seq - 1].hash))

    async def _more(self, after: int) -> bool:
        items = [item for item in self.items if item.position > after]
        if not items:
            return False
        assert self.link is not None
        self.link.session.offer_feed(items, items[-1].position)
        return True

    def ask_back(self, request: str, wants: Lines) -> None:
        """Ask the register for quota."""
        assert self.link is not None
        self.link.session.borrow(request, wants)
        self.link.wake()

    def grants(self) -> list[GrantArrived]:
        """What the register gave, or showed."""
        return [event for event in self.heard if isinstance(event, GrantArrived) and event.cells]

    async def other(self, request: web.Request) -> web.Response:
        """Enrolment, health, and whose token it is."""
        if request.path == "/v1/registers":
            self.asked.append(await request.json())
        if self.refuses is not None and request.path == "/v1/registers":
            status, detail = self.refuses
            problem = {"type": "/problems/conflict", "detail": detail, "status": status}
            return web.json_response(
                problem, status=status, content_type="application/problem+json", headers=self._stamp
            )
        if "Countertop-Witness" in request.headers:
            assert request.headers["Authorization"] == f"Bearer {TOKEN}"
            self.shown.append(request.headers["Countertop-Witness"])
            if not self.believes and self.shown[-1] != self._stamp["Countertop-Witness"]:
                return web.json_response({}, status=403, headers=self._stamp)
        answers: dict[str, Any] = {
            "/healthz": {},
            "/v1/token": {"id": "token-1", "role": self.role, "name": "amira", "printing": []},
            "/v1/registers": {
                "writer": REGISTER, "register": "till-1", "location": "riverside",
                "name": "Riverside Market", "parent": self.writer, "jurisdiction": "home",
                "timezone": "UTC", "chain": "", "kind": "store", "replaces": None,
            },
        }  # fmt: skip
        status = 201 if request.path == "/v1/registers" else 200
        return web.json_response(answers[request.path], status=status, headers=self._stamp)

    @property
    def _stamp(self) -> dict[str, str]:
        return {"Countertop-Witness": f"{self.writer};{self.seq};ab"}


class ServedParent:
    """A `MemoryParent` on a loopback port, which can be cut off, and can be another box then."""

    def __init__(self, parent: MemoryParent) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self.server = TestServer(app, host="127.0.0.1")
        self.parent = parent
        self.is_away = False

    async def __aenter__(self) -> Self:
        await self.server.start_server(shutdown_timeout=0.01)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.cut()
        await self.server.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.is_away:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if request.path == "/v1/replicate":
            return await self.parent.talk(request)
        return await self.parent.other(request)

    async def cut(self) -> None:
        """Nobody is heard here any more, and the link ends."""
        self.is_away = True
        link = self.parent.link
        if link is not None and link.session.ended is None:
            link.session.close("leaving", "the gateway goes down")
            link.wake()
        await asyncio.gather(*self.parent.talking, return_exceptions=True)

    def heal(self, parent: MemoryParent | None = None) -> None:
        """The gateway is heard again, or another box in its place."""
        self.parent = parent or self.parent
        self.is_away = False

    @property
    def url(self) -> str:
        """Its address."""
        return str(self.server.make_url("")).rstrip("/")
