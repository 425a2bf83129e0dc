"""Goal: a hub that breaks the protocol, or never reads, does not stop a gateway from selling.

Method: one gateway that was enrolled by a hub written by hand, which welcomes it, tells it of one
product and then misbehaves; the next link has to come by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from replication import feed, wire
from replication.document import EntityDocument
from replication.escrow import CellChange
from replication.feed import FeedItem
from retail.documents import product_fields
from retail.prices.tax import TaxRate
from retail.products.catalogue import Product
from scripts.processes import Programs
from tests.programs import Caller, fresh, sale_of, told, until

SKU: Final = "TEA"
Prank = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass(slots=True)
class ScriptedHub:
    """A hub's outside; the next prank is played on the next link after its welcome."""

    pranks: "asyncio.Queue[Prank]" = field(default_factory=asyncio.Queue)
    played: int = 0
    goodbyes: list[wire.Bye] = field(default_factory=list)
    heard: list[wire.Frame] = field(default_factory=list)
    link: web.WebSocketResponse | None = None

    async def enrol(self, _request: web.Request) -> web.Response:
        """Any code makes riverside.1."""
        identity = {
            "writer": "riverside.1", "name": "Riverside", "kind": "store", "hub_writer": "hub.1",
            "jurisdiction": "home", "timezone": "UTC", "token": "t",
        }  # fmt: skip
        return web.json_response(identity, status=201)

    async def replicate(self, request: web.Request) -> web.WebSocketResponse:
        """Welcome the gateway and play one prank on it."""
        link = self.link = web.WebSocketResponse(max_msg_size=0)
        await link.prepare(request)
        hello = wire.decode_frame((await link.receive()).data)
        assert isinstance(hello, wire.Hello)
        await say(link, wire.Welcome(1, "hub.1", hello.seq, hello.hash, 1))
        if hello.cursor == 0:
            await say(link, wire.Feed(first_feed(), 2))
        prank = await self.pranks.get()
        with contextlib.suppress(ConnectionError, aiohttp.ClientConnectionError):
            await prank(link)
        self.played += 1
        async for message in link:
            frame = wire.decode_frame(message.data)
            self.heard.append(frame)
            if isinstance(frame, wire.Bye):
                self.goodbyes.append(frame)
        return link


async def say(link: web.WebSocketResponse, frame: wire.Frame) -> None:
    await link.send_bytes(wire.encode_frame(frame))


def first_feed() -> list[FeedItem]:
    """A tax rate and a product."""
    product = Product(sku=SKU, name="Tea", price_minor=100, currency="USD")
    document = EntityDocument.new(b"hub")
    document.put(product_fields(product))
    rate = TaxRate(
        tax_class="standard", jurisdiction="home", valid_from=date(1970, 1, 1),
        rate="0.15", inclusive=True,
    )  # fmt: skip
    taxes = msgspec.json.encode([rate])
    return [
        FeedItem(1, feed.TAXES, "all", taxes),
        FeedItem(2, feed.PRODUCT, SKU, document.save()),
    ]


@dataclass(slots=True)
class Store:
    """The gateway under the scripted hub."""

    hub: ScriptedHub
    manager: Caller

    async def play(self, prank: Prank) -> None:
        """Have a prank played on the next link."""
        before = self.hub.played
        self.hub.pranks.put_nowait(prank)

        async def played() -> bool:
            return self.hub.played > before

        await until(played)

    async def sells(self) -> None:
        """Check that the gateway sells, as if nothing were."""
        reply = await self.manager.post("/v1/sales", sale_of(SKU))
        assert reply.status == 201, reply


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """One gateway for all tests here."""
    root = tmp_path_factory.mktemp("hostile")
    hub = ScriptedHub()
    app = web.Application()
    app.router.add_post("/v1/enrolments", hub.enrol)
    app.router.add_get("/v1/replicate", hub.replicate)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        async with aiohttp.ClientSession() as client, Programs(root) as programs:
            url = str(server.make_url("")).rstrip("/")
            gateway = await programs.gateway(
                "riverside", hub_url=url, code="any", options=("--no-mdns",)
            )
            token = told("gateway", "token", "--data", str(root / "riverside"), "--role", "manager")
            manager = Caller(client=client, url=gateway.url, token=token)

            async def stocked() -> bool:
                body = {"lines": [{"sku": SKU, "quantity": 1_000}], "reference": "r"}
                return (await manager.post("/v1/stock/receipts", body, key="r")).status == 201

            await until(stocked)
            yield Store(hub, manager)
    finally:
        await server.close()


def frames(*sent: wire.Frame) -> Prank:
    async def prank(link: web.WebSocketResponse) -> None:
        for frame in sent:
            await say(link, frame)

    return prank


def raw(data: bytes) -> Prank:
    async def prank(link: web.WebSocketResponse) -> None:
        await link.send_bytes(data)

    return prank


async def words(link: web.WebSocketResponse) -> None:
    await link.send_str("hello")


def cell(
    holder: str, location: str = "riverside", table: str = "minted", value: int = 9
) -> CellChange:
    return CellChange(location, SKU, table, holder, "received", value)


VIOLATIONS: Final[dict[str, tuple[Prank, str]]] = {
    "an empty frame": (raw(b""), "empty frame"),
    "an unknown version": (raw(b"\x09\x92"), "unknown version 9"),
    "half a frame": (raw(wire.encode_frame(wire.Beat(1))[:-1]), "does not decode"),
    "words": (words, "only binary messages"),
    "a second welcome": (frames(wire.Welcome(1, "hub.1", 0, bytes(32), 1)), "not allowed"),
    "the child's word": (frames(wire.FeedAck(1)), "not allowed"),
    "an acknowledgement of what was not sent": (
        frames(wire.Ack(10**9, bytes(32))), "acknowledged",
    ),
    "a grant of the gateway's own cells": (
        frames(wire.Grant("r", [cell("riverside.1")], [])), "riverside.1",
    ),
    "a grant at another location": (
        frames(wire.Grant("r", [cell("hub.1", location="lakeside")], [])), "lakeside",
    ),
    "a grant of a cell that is none": (
        frames(wire.Grant("r", [cell("hub.1", table="wished")], [])), "wished",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("prank", "why"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_hub_that_breaks_the_protocol_is_told_so_and_the_store_sells_on(
    store: Store, prank: Prank, why: str
) -> None:
    before = await store.manager.read(f"/v1/stock/{SKU}")
    goodbyes = len(store.hub.goodbyes)

    await store.play(prank)

    async def told_so() -> bool:
        return len(store.hub.goodbyes) > goodbyes

    await until(told_so)
    bye = store.hub.goodbyes[goodbyes]
    assert bye.reason == "violation"
    assert why in bye.detail, bye.detail
    assert await store.manager.read(f"/v1/stock/{SKU}") == before
    await store.sells()


async def test_an_oversized_message_is_cut_off(store: Store) -> None:
    await store.play(raw(b"\x01" * (2 * wire.FRAME_BYTES_MAX)))

    await store.sells()


async def test_feed_items_that_are_unfit_are_set_aside_and_the_rest_is_kept(
    store: Store,
) -> None:
    product = Product(sku="GOOD", name="Good", price_minor=100, currency="USD")
    document = EntityDocument.new(b"hub")
    document.put(product_fields(product))
    broken = EntityDocument.new(b"hub")
    broken.put({"name": '"no product"'})
    await store.play(
        frames(
            wire.Feed(
                [
                    FeedItem(3, feed.PRODUCT, "BAD-1", b"no document"),
                    FeedItem(4, feed.PRODUCT, "BAD-2", broken.save()),
                    FeedItem(5, feed.ORDER, "hub.1-5", document.save()),
                    FeedItem(6, "fashion", "x", b"{}"),
                    FeedItem(7, feed.TAXES, "all", b"[1]"),
                    FeedItem(8, feed.STOCK, SKU, b"not json"),
                    FeedItem(9, feed.PRODUCT, "GOOD", document.save()),
                ],
                9,
            )
        )
    )

    async def known() -> bool:
        return (await store.manager.get("/v1/products/GOOD")).status == 200

    async def acknowledged() -> bool:
        return wire.FeedAck(9) in store.hub.heard

    await until(known)
    await until(acknowledged)
    assert (await store.manager.get("/v1/products/BAD-2")).status == 404
    await store.sells()
    assert store.hub.link is not None
    await store.hub.link.close()


async def test_a_hub_that_never_reads_does_not_slow_the_shop(store: Store) -> None:
    async def deaf(link: web.WebSocketResponse) -> None:
        # Inside aiohttp: a peer that stops reading has no public way to do so.
        transport = link._req.transport  # type: ignore[union-attr] # it is open
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        body = sale_of(SKU) | {"customer_id": "c" * 64}
        replies = await asyncio.gather(
            *(store.manager.post("/v1/sales", body, key=fresh("key")) for _ in range(300))
        )
        assert {reply.status for reply in replies} == {201}
        short = await store.manager.post("/v1/sales", sale_of(SKU, 5_000))
        assert short.refusal == (409, "quota-short")
        transport.resume_reading()

    await store.play(deaf)
    await store.sells()
