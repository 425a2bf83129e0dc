"""Goal: registers hear their own scans and the shop's news, and live connections hold up nothing.

Method: WebSockets and an event stream against the running gateway, scans typed by simulated
scanners.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from devices.sim.wan import WanMode
from tests.integration.programs.conftest import Devices
from tests.programs import Caller, Shop, order_of, sale_of, until


@contextlib.asynccontextmanager
async def listening(shop: Shop, caller: Caller) -> AsyncIterator["asyncio.Queue[dict[str, Any]]"]:
    """What a register hears while the block runs."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    headers = {"Authorization": f"Bearer {caller.token}"}

    async def read(live: aiohttp.ClientWebSocketResponse) -> None:
        async for message in live:
            heard.put_nowait(json.loads(message.data))

    async with shop.client.ws_connect(f"{shop.gateway.url}/v1/live", headers=headers) as live:
        reading = asyncio.create_task(read(live))
        try:
            yield heard
        finally:
            reading.cancel()


async def next_of(
    heard: "asyncio.Queue[dict[str, Any]]", kind: str, **members: object
) -> dict[str, Any]:
    """The next message of a kind with these members."""
    async with asyncio.timeout(20):
        while True:
            message = await heard.get()
            if message["type"] == kind and members.items() <= message.items():
                return message


def drained(heard: "asyncio.Queue[dict[str, Any]]") -> list[dict[str, Any]]:
    return [heard.get_nowait() for _ in range(heard.qsize())]


async def test_a_scan_goes_to_the_register_that_owns_the_scanner_alone(
    shop: Shop, devices: Devices
) -> None:
    one = shop.at_gateway("cashier", register="till-1")
    two = shop.at_gateway("cashier", register="till-2")
    async with listening(shop, one) as at_one, listening(shop, two) as at_two:
        devices.scanners["till-1"].scan(b"4006381333931")
        first = await next_of(at_one, "scan")
        devices.scanners["till-2"].scan(b"96385074")
        second = await next_of(at_two, "scan")

        assert (first["code"], first["register"]) == ("4006381333931", "till-1")
        assert (second["code"], second["register"]) == ("96385074", "till-2")
        assert first["at"].endswith("Z")
        assert not [message for message in drained(at_one) if message["type"] == "scan"]
        live = {row["register"]: row["live"] for row in (await shop.status())["registers"]}
        assert live["till-1"]
        assert live["till-2"]


async def test_news_goes_to_all(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    async with listening(shop, shop.cashier) as one, listening(shop, shop.technician) as two:
        order = await shop.storefront.done("/v1/orders", order_of(sku))
        body = {"name": "New", "price_minor": 130, "currency": "USD", "tax_class": "standard"}
        await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)
        for heard in (one, two):
            await next_of(heard, "order.new", order=order["id"])
            await next_of(heard, "price", sku=sku, price_minor=130)
        await shop.wan.set_mode(WanMode.CUT)
        for heard in (one, two):
            await next_of(heard, "link", state="down")
        await shop.wan.set_mode(WanMode.PASS)
        for heard in (one, two):
            await next_of(heard, "link", state="connected")


async def test_an_unplugged_scanner_is_told_to_its_register_and_found_again(
    shop: Shop, devices: Devices
) -> None:
    scanner = devices.scanners["till-2"]
    two = shop.at_gateway("cashier", register="till-2")
    async with listening(shop, two) as heard:
        scanner.unplug()
        gone = await next_of(heard, "device", state="gone")
        scanner.plug()
        back = await next_of(heard, "device", state="ready")
        scanner.scan(b"123")

        assert gone["name"] == back["name"]
        assert (await next_of(heard, "scan"))["code"] == "123"


async def test_a_listener_that_never_reads_holds_up_nobody(shop: Shop, devices: Devices) -> None:
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
    stuck.connect(("127.0.0.1", shop.gateway.port))
    stuck.sendall(
        b"GET /v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + f"Authorization: Bearer {shop.cashier.token}\r\n\r\n".encode()
    )
    one = shop.at_gateway("cashier", register="till-1")
    with stuck:
        async with listening(shop, one) as heard:
            for number in range(3_000):  # far more than the buffers on the way take
                code = f"{number:06}".encode() + b"x" * 100

                async def typed(code: bytes = code) -> bool:
                    return devices.scanners["till-1"].scan(code)

                await until(typed)
            await next_of(heard, "scan", code="002999" + "x" * 100)
        sku = await shop.product(stock=8)
        sold = await shop.cashier.post("/v1/sales", sale_of(sku))

    assert sold.status == 201


async def test_what_a_register_sends_is_not_listened_to(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.cashier.token}"}
    live = f"{shop.gateway.url}/v1/live"
    async with shop.client.ws_connect(live, headers=headers) as talker:
        await talker.send_str("hello")
        await talker.send_bytes(b"x" * 100_000)
        async with asyncio.timeout(20):
            async for message in talker:
                assert message.type is aiohttp.WSMsgType.TEXT

    assert talker.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert (await shop.cashier.get("/healthz")).status == 200


async def test_the_status_page_updates_itself(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    async with shop.client.get(f"{shop.gateway.url}/status/events") as events:
        assert events.headers["Content-Type"].startswith("text/event-stream")

        async def next_status() -> dict[str, Any]:
            async with asyncio.timeout(20):
                while True:
                    line = (await events.content.readline()).decode()
                    if line.startswith("data:"):
                        return dict(json.loads(line.removeprefix("data:")))

        first = await next_status()
        sale = await shop.cashier.done("/v1/sales", sale_of(sku))

        async def shown() -> bool:
            return bool((await next_status())["journal"]["last_seq"] >= sale["seq"])

        assert first["headline"]
        await until(shown)
