"""Goal: a use that lies in one store is sold by another that is connected, and by nobody twice.

Method: a hub with two gateways; the only use is moved to one of them by its asking for a price.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Caller, Reply, Shop, fresh, open_shop, sale_of, told, until


class Pair(NamedTuple):
    """Riverside behind a line that can be cut, and a cashier at Harbour."""

    riverside: Shop
    harbour: Caller


@pytest_asyncio.fixture(loop_scope="session")
async def pair(tmp_path_factory: object) -> AsyncIterator[Pair]:
    """Both stores open."""
    root = tmp_path_factory.mktemp("pair")  # type: ignore[attr-defined] # pytest's own type is private
    async with open_shop(root) as riverside:
        gateway = await riverside.programs.gateway(
            "harbour", hub_url=riverside.hub.url, code=riverside.code("harbour"),
            options=("--no-mdns",),
        )  # fmt: skip
        token = told("gateway", "token", "--data", str(root / "harbour"), "--role", "manager")
        harbour = Caller(client=riverside.client, url=gateway.url, token=token)
        yield Pair(riverside, harbour)


async def price(caller: Caller, sku: str, coupon: str) -> Reply:
    body = {"lines": [{"sku": sku, "quantity": 1}], "coupons": [coupon]}
    return await caller.ask("POST", "/v1/quotes", body=body)


async def test_a_use_goes_from_store_to_store_while_the_customer_waits(pair: Pair) -> None:
    riverside, harbour = pair
    sku, coupon = await riverside.product(stock=9), fresh("ONCE").upper()

    async def known() -> bool:
        return (await harbour.get(f"/v1/products/{sku}")).status == 200

    await until(known)
    lines = [{"sku": sku, "quantity": 9}]
    await harbour.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
    effect = {"kind": "percentage", "skus": [sku], "off_bp": 1000}
    body = {"name": "Once", "effect": effect, "coupon": coupon, "max_usage": 1}
    path = f"/v1/promotions/{fresh('once')}"
    assert (await riverside.admin.ask("PUT", path, body=body)).status == 201
    await riverside.settled()
    assert (await price(riverside.cashier, sku, coupon)).json["total_minor"] == 90

    async def usage() -> dict[str, int]:
        return dict((await riverside.admin.read(path))["usage"])

    async def lies_in_store() -> bool:
        return (await usage())["with_stores"] == 1

    await until(lies_in_store)

    async def here() -> bool:
        return (await price(harbour, sku, coupon)).status == 200

    await until(here)
    await riverside.wan.set_mode(WanMode.CUT)
    refused = await price(riverside.cashier, sku, coupon)
    sold = await harbour.done("/v1/sales", sale_of(sku) | {"coupons": [coupon]})
    await riverside.wan.set_mode(WanMode.PASS)
    await riverside.connected()
    again = await riverside.cashier.post("/v1/sales", sale_of(sku) | {"coupons": [coupon]})

    assert refused.json["reason"] == "unheard"
    assert sold["total_minor"] == 90
    assert again.json["reason"] == "used-up"

    async def is_heard() -> bool:
        return await usage() == {"allowed": 1, "used": 1, "with_hub": 0, "with_stores": 0}

    await until(is_heard)
