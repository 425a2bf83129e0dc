"""Goal: what a till that lies about the near future costs a shop is what decision 31 says, no more.

Method: a real hub and gateway; a till shows a journal position that nobody has seen, which the box
cannot tell from the truth, before it has lied at all.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from devices.sim.wan import WanMode
from tests.integration.programs.test_images import becomes, kinds, present, till, tokens_told
from tests.programs import Shop, open_shop, sale_of, until


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its box becomes another."""
    async with open_shop(tmp_path) as running:
        yield running


async def life(shop: Shop) -> Any:  # noqa: ANN401 - whatever the program says
    """The life before this one, as the hub has it."""
    return (await shop.admin.read("/v1/locations/riverside"))["lives"][0]


async def test_a_place_in_the_near_future_stops_the_shop_until_the_hub_and_freezes_what_it_held(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=20)
    liar = till(shop, "till-7")
    await tokens_told(shop)
    held = (await shop.stock(sku))["quota"]
    head = int((await shop.cashier.get("/v1/status")).witness.split(";")[1])
    await shop.wan.set_mode(WanMode.CUT)

    await present(liar, f"riverside.1;{head + 900_000};" + "0" * 64)
    cut_off = await shop.cashier.post("/v1/sales", sale_of(sku))
    await shop.gateway.kill()
    await shop.start_gateway()
    restarted = await shop.cashier.post("/v1/sales", sale_of(sku))
    await shop.wan.set_mode(WanMode.PASS)
    status = await becomes(shop, "riverside.2")
    await shop.settled()

    assert cut_off.refusal == restarted.refusal == (503, "unavailable")
    assert "lost-entries" in kinds(status)
    frozen = await life(shop)
    assert (frozen["writer"], frozen["state"], frozen["frozen_units"]) == (
        "riverside.1", "open", held,
    )  # fmt: skip
    again = f"riverside.2;{int(status['journal']['last_seq']) + 900_000};" + "0" * 64
    assert (await present(liar, again)).refusal == (403, "forbidden"), "once a day"

    path, gone = "/v1/locations/riverside/attest", {"writer": "riverside.1", "reason": "a lie"}
    assert (await shop.admin.post(path, gone)).refusal == (409, "conflict")
    count = await shop.manager.done("/v1/stock/counts", {})
    lines = {"lines": [{"sku": sku, "counted": 20}]}
    await shop.manager.done(f"/v1/stock/counts/{count['id']}/lines", lines)
    await shop.manager.done(f"/v1/stock/counts/{count['id']}/close", {})
    await shop.settled()
    assert (await shop.admin.done(path, gone))["reclaimed_units"] == held

    async def can_sell_all_that_it_held() -> bool:
        return bool((await shop.stock(sku))["quota"] >= held)

    await until(can_sell_all_that_it_held)
    assert (await life(shop))["state"] == "attested"
