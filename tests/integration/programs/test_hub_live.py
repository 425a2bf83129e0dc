"""Goal: a page of the hub hears that orders or shortages changed, no more, and holds up nothing.

Method: WebSockets against the running hub, opened as a browser opens them.
"""

import json
from pathlib import Path

import aiohttp
import pytest

from tests.programs import Caller, Shop, open_shop, order_of

LIVE_PROTOCOL = "countertop.live"


async def test_the_hub_says_whose_token_it_is(shop: Shop) -> None:
    for caller, role in ((shop.admin, "admin"), (shop.storefront, "storefront")):
        told = await caller.read("/v1/token")
        assert (told["role"], told["writer"]) == (role, "hub.1")
        assert told["id"]
        assert told["name"]


async def hear(live: "aiohttp.ClientWebSocketResponse[bool]", topic: str) -> str:
    """The next message about a topic, as text."""
    while True:
        text = str((await live.receive(timeout=20)).data)
        if topic in json.loads(text)["topics"]:
            return text


def listen(shop: Shop, caller: Caller) -> "aiohttp.client._WSRequestContextManager":
    protocols = (LIVE_PROTOCOL, f"countertop.bearer.{caller.token}")
    return shop.client.ws_connect(f"{caller.url}/v1/live", protocols=protocols)


async def test_an_order_and_its_refund_are_told_as_bare_topics(shop: Shop) -> None:
    sku = await shop.product(stock=5)
    async with listen(shop, shop.auditor) as live:
        body = order_of(sku) | {"customer": "Amira Haddad"}
        order = await shop.storefront.granted("/v1/orders", body)
        told = [await hear(live, "orders")]
        await shop.storefront.done(f"/v1/orders/{order['id']}/events", {"type": "cancelled"})
        told += [await hear(live, "shortages")]

    for text in told:
        assert set(json.loads(text)) == {"type", "topics"}
        assert "Amira" not in text


async def test_what_happens_in_a_store_is_told_too(shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await shop.storefront.granted("/v1/orders", order_of(sku))
    await shop.settled()
    async with listen(shop, shop.admin) as live:
        await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "picked"})
        await hear(live, "orders")

    assert (await shop.admin.read(f"/v1/orders/{order['id']}"))["status"] == "picked"


async def test_nobody_listens_without_a_token(shop: Shop) -> None:
    for protocols in ((LIVE_PROTOCOL,), (LIVE_PROTOCOL, f"countertop.bearer.ct_{'x' * 43}")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await shop.client.ws_connect(f"{shop.hub.url}/v1/live", protocols=protocols)
        assert refused.value.status == 401


async def test_a_hub_whose_pages_are_open_ends_in_time(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, listen(shop, shop.admin) as live:
        assert await shop.hub.stop() == 0
        message = await live.receive(timeout=20)

    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.data == aiohttp.WSCloseCode.GOING_AWAY


async def test_the_pages_are_there_and_show_nothing_by_themselves(shop: Shop) -> None:
    sku = await shop.product(stock=5)
    body = order_of(sku) | {"customer": "Amira Haddad"}
    await shop.storefront.granted("/v1/orders", body)
    stranger = Caller(client=shop.client, url=shop.hub.url)

    for path in ("/orders", "/shop"):
        reply = await stranger.get(path)
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith("text/html")
        assert "Amira" not in reply.body.decode()
        assert sku not in reply.body.decode()


async def test_the_hubs_bare_address_leads_to_its_page(shop: Shop) -> None:
    async with shop.client.get(f"{shop.admin.url}/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/orders")
