"""Goal: a register that sells alone notices that its gateway is an old image, and loses nothing.

Method: real programs. The gateway's directory is copied while it is off and put back later, while
the hub cannot be heard: only the register knows what the image lacks. Then the line comes back.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Shop, open_shop, sale_of, until
from tests.register_program import enrolled, ids_of, running


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its box becomes another."""
    async with open_shop(tmp_path) as running:
        yield running


async def selling(shop: Shop) -> str:
    """What the gateway says of itself: whether it sells, or why not."""
    try:
        selling = (await shop.status())["selling"]
    except (aiohttp.ClientError, AssertionError):
        return "away"
    return str(selling["reason"] or selling["state"])


async def test_an_old_image_is_told_by_a_register_before_the_hub_is_heard(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=60)
    data = await enrolled(shop, "till-1")
    async with running(data) as register:
        await register.holds(6)
        sales = [await register.sold(sku)]
        await register.is_handed_over()
        await shop.settled()
        await shop.gateway.stop()
        image = shop.gateway_data.with_name("image")
        shutil.copytree(shop.gateway_data, image)
        await shop.start_gateway()
        await shop.connected()
        await register.is_linked("connected")
        sales.append(await register.sold(sku))
        sales.append(await shop.cashier.done("/v1/sales", sale_of(sku, cash=100)))
        await register.is_handed_over()
        await shop.settled()

        await shop.wan.set_mode(WanMode.CUT)
        await shop.gateway.kill()
        shutil.rmtree(shop.gateway_data)
        shutil.copytree(image, shop.gateway_data)
        await shop.start_gateway()

        async def is_told() -> bool:
            return await selling(shop) == "behind-witness"

        await until(is_told)
        sales.append(await register.sold(sku))
        await shop.wan.set_mode(WanMode.PASS)

        async def is_mended() -> bool:
            return await selling(shop) == "normal"

        await until(is_mended)
        await register.is_linked("connected")
        await register.is_handed_over()
        await shop.connected()
        await shop.settled()

    at_hub = [one["id"] for one in await shop.auditor.all("/v1/sales")]
    assert sorted(at_hub) == ids_of(sales)
    audit = await shop.auditor.ask("POST", "/v1/audit", body={})
    assert audit.json["differences"] == [], audit.json
