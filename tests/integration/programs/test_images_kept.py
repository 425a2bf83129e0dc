"""Goal: a thin register drops no sale that it keeps for what the hub has of an old image.

Method: a real hub and a gateway whose disk is put back while the line is down; others sell on it,
and the hub hears that first.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from devices.sim.wan import WanMode
from gateway.client import GatewayClient, Place, SaleDone, SaleLine, Tender
from tests.box_images import keep_image_cut_off, put_back
from tests.integration.programs.test_images import becomes, sales_at_hub, tokens_told
from tests.programs import Shop, open_shop, sale_of, told


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its box becomes another."""
    async with open_shop(tmp_path) as running:
        yield running


async def test_what_is_at_the_hub_of_an_old_image_is_not_what_a_register_keeps(
    shop: Shop, tmp_path: Path
) -> None:
    sku = await shop.product(stock=20)
    token = told("gateway", "token", "--data", str(shop.gateway_data), "--role", "cashier",
                 "--register", "till-1")  # fmt: skip
    await tokens_told(shop)
    await shop.wan.set_mode(WanMode.CUT)
    image = await keep_image_cut_off(shop)
    async with GatewayClient(
        Place(address=shop.gateway.url), outbox=tmp_path / "outbox", token=token, register="till-1"
    ) as register:
        paid = Tender(type="cash", amount_minor=1_000)
        lost = await register.sell([SaleLine(sku=sku, quantity=3)], [paid])
        assert isinstance(lost, SaleDone)
        await put_back(shop, image)
        await shop.start_gateway()
        for _ in range(5):
            await shop.cashier.done("/v1/sales", sale_of(sku))
        await shop.wan.set_mode(WanMode.PASS)
        await shop.settled()

        forgotten = await register.forget_what_the_hub_has()
        await becomes(shop, "riverside.2")
        await register.lookup("nothing")
        await register.orphans.hand_in()
        await shop.settled()

    assert forgotten == 0
    at_hub = [(one["number"], one["total_minor"]) for one in await sales_at_hub(shop)]
    assert (lost.sale["number"], lost.sale["total_minor"]) in at_hub
    assert (await shop.hub_stock(sku))["on_hand"] == 20 - 3 - 5
