"""Goal: goods come back in any store, are paid for once, and are taken in also when nobody answers.

Method: a hub with two gateways; Riverside sells behind a line that can be cut, Harbour takes back.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest_asyncio

from devices.sim.wan import WanMode
from replication.quota import BORROW_MS_MAX
from tests.programs import Caller, Shop, fresh, open_shop, sale_of, told, until


class Pair(NamedTuple):
    """Riverside behind a line that can be cut, and people at Harbour."""

    riverside: Shop
    cashier: Caller
    manager: Caller


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(tmp_path_factory: object) -> AsyncIterator[Pair]:
    """Both stores open."""
    root = tmp_path_factory.mktemp("pair")  # type: ignore[attr-defined] # pytest's own type is private
    async with open_shop(root) as riverside:
        gateway = await riverside.programs.gateway(
            "harbour", hub_url=riverside.hub.url, code=riverside.code("harbour"),
            options=("--no-mdns",),
        )  # fmt: skip
        people = [
            Caller(
                client=riverside.client, url=gateway.url,
                token=told("gateway", "token", "--data", str(root / "harbour"), "--role", role),
            )
            for role in ("cashier", "manager")
        ]  # fmt: skip
        yield Pair(riverside, *people)


@pytest_asyncio.fixture(loop_scope="session")
async def pair(opened: Pair) -> AsyncIterator[Pair]:
    """The same, with the line as it should be before and after."""
    await opened.riverside.connected()
    yield opened
    opened.riverside.wan.delay_s = 0.0
    await opened.riverside.wan.set_mode(WanMode.PASS)


def return_of(sale: str, sku: str, quantity: int, **more: object) -> dict[str, object]:
    return {
        "register": "till-1", "sale": sale, "reason": "unwanted",
        "lines": [{"sku": sku, "quantity": quantity}],
    } | more  # fmt: skip


async def sold(pair: Pair, units: int = 3) -> tuple[str, Any]:
    """Riverside sells, and everybody knows of it: the SKU and the sale."""
    riverside = pair.riverside
    sku = await riverside.product(stock=9, price=115)

    async def known() -> bool:
        return (await pair.cashier.get(f"/v1/products/{sku}")).status == 200

    await until(known)
    sale = await riverside.cashier.done("/v1/sales", sale_of(sku, units))
    await riverside.settled()
    return sku, sale


async def differences(pair: Pair) -> object:
    await pair.riverside.settled()
    return (await pair.riverside.auditor.ask("POST", "/v1/audit", body={})).json["differences"]


async def test_the_number_on_the_receipt_is_enough_in_another_store(pair: Pair) -> None:
    sku, sale = await sold(pair)

    came = await pair.cashier.done("/v1/returns", return_of(sale["number"].lower(), sku, 2))
    too_many = await pair.riverside.cashier.post("/v1/returns", return_of(sale["id"], sku, 2))
    last = await pair.riverside.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))

    assert (came["location"], came["sale"]) == ("harbour", sale["id"])
    assert came["total_minor"] + last["total_minor"] == sale["total_minor"]
    assert too_many.refusal == (409, "conflict")
    assert too_many.json["detail"] == f"2 of {sku} came back, and 1 of the sale are left."
    assert (await pair.cashier.read(f"/v1/stock/{sku}"))["quality_control"] == 2
    assert await differences(pair) == []
    heard = await pair.riverside.admin.read(f"/v1/returns?sale={sale['id']}")
    assert [one["location"] for one in heard["items"]] == ["harbour", "riverside"]


async def test_over_a_slow_line_a_return_waits_longer_than_a_sale_would(pair: Pair) -> None:
    sku, sale = await sold(pair)
    pair.riverside.wan.delay_s = BORROW_MS_MAX / 2_000 + 0.01  # there and back: too long for a sale

    came = await pair.cashier.post("/v1/returns", return_of(sale["id"], sku, 2))

    assert came.status == 201, came.json
    assert await differences(pair) == []


async def test_goods_of_another_store_are_exchanged(pair: Pair) -> None:
    sku, sale = await sold(pair)
    lines = [{"sku": sku, "quantity": 5}]
    await pair.manager.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})

    done = await pair.cashier.done(
        "/v1/exchanges",
        {
            "register": "till-1", "sale": sale["id"], "reason": "broken",
            "returned": [{"sku": sku, "quantity": 1}], "lines": [{"sku": sku, "quantity": 1}],
        },
    )  # fmt: skip

    assert done["returned"]["sale"] == sale["id"]
    assert done["sale"]["tenders"] == [{"type": "exchange", "amount_minor": 115}]
    assert await differences(pair) == []


async def test_what_nobody_can_verify_waits_and_is_paid_for_later(pair: Pair) -> None:
    sku, sale = await sold(pair)
    await pair.riverside.wan.set_mode(WanMode.CUT)

    async def is_cut() -> bool:
        return bool((await pair.riverside.fleet())["link"]["state"] != "connected")

    await until(is_cut)
    refused = await pair.cashier.post("/v1/returns", return_of(sale["id"], sku, 2))
    asked = return_of(sale["id"], sku, 2, unverified=True)
    advance = await pair.cashier.post("/v1/returns", asked | {"advance_minor": 100})
    too_much = await pair.manager.post("/v1/returns", asked | {"advance_minor": 231})
    key = fresh("key")
    came = await pair.manager.post("/v1/returns", asked | {"advance_minor": 100}, key=key)
    again = await pair.manager.post("/v1/returns", asked | {"advance_minor": 100}, key=key)
    early = await pair.manager.post(f"/v1/returns/{came.json['id']}/settle", {"register": "till-1"})
    at_home = await pair.riverside.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    await pair.riverside.wan.set_mode(WanMode.PASS)
    await pair.riverside.connected()
    await pair.riverside.settled()
    waiting = (await pair.cashier.read("/v1/returns?unsettled=true"))["items"]
    paid = await pair.manager.done(f"/v1/returns/{came.json['id']}/settle", {"register": "till-1"})
    twice = await pair.manager.post(f"/v1/returns/{came.json['id']}/settle", {"register": "till-1"})

    assert refused.refusal == (409, "conflict")
    assert "riverside knows what is left" in refused.json["detail"]
    assert "`unverified`" in refused.json["detail"]
    assert advance.refusal == (403, "forbidden")
    assert too_much.refusal == (422, "invalid-request")
    assert (came.status, again.json) == (201, came.json)
    assert came.json["goods"] == {sku: 2}
    assert early.refusal == (409, "conflict")
    assert came.json["id"] in [one["id"] for one in waiting]
    assert paid["refunds"] == [
        {"type": "cash", "amount_minor": 100}, {"type": "cash", "amount_minor": 130},
    ]  # fmt: skip
    assert (paid["total_minor"], paid["goods"], paid["settles"]) == (230, {}, came.json["id"])
    assert paid["total_minor"] + at_home["total_minor"] == sale["total_minor"]
    assert twice.refusal == (409, "conflict")
    assert await differences(pair) == []
    assert (await pair.cashier.read("/v1/returns?unsettled=true"))["items"] == []


async def test_what_was_brought_back_before_is_rejected_and_costs_nothing(pair: Pair) -> None:
    sku, sale = await sold(pair, units=1)
    await pair.riverside.wan.set_mode(WanMode.CUT)

    async def is_cut() -> bool:
        return bool((await pair.riverside.fleet())["link"]["state"] != "connected")

    await until(is_cut)
    came = await pair.cashier.done(
        "/v1/returns", return_of(sale["number"], sku, 1, unverified=True)
    )
    await pair.riverside.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    await pair.riverside.wan.set_mode(WanMode.PASS)
    await pair.riverside.connected()
    await pair.riverside.settled()
    path = f"/v1/returns/{came['id']}/settle"

    refused = await pair.manager.post(path, {"register": "till-1"})
    rejected = await pair.manager.done(path, {"register": "till-1", "reject": True})

    assert refused.refusal == (409, "conflict")
    assert rejected["unverified"]["settled_by"] == came["id"]
    assert await differences(pair) == []


async def test_an_online_order_comes_back_at_the_counter(pair: Pair) -> None:
    riverside = pair.riverside
    sku = await riverside.product(stock=9, price=115)
    order = (
        await riverside.storefront.post(
            "/v1/orders",
            {
                "lines": [{"sku": sku, "quantity": 2}], "payment": "paid",
                "fulfilment": {"type": "pickup", "location": riverside.location},
            },
        )
    ).json  # fmt: skip
    await riverside.settled()
    await riverside.manager.done(f"/v1/orders/{order['id']}/events", {"type": "collected"})
    await riverside.settled()

    said = await riverside.storefront.post(
        "/v1/returns",
        {"sale": order["number"], "reason": "unwanted", "lines": [{"sku": sku, "quantity": 2}]},
    )
    came = await pair.cashier.done("/v1/returns", return_of(said.json["number"], sku, 2))

    assert said.status == 201
    assert came["refunds"] == [{"type": "online", "amount_minor": 230}]

    async def is_returned() -> bool:
        order_now = await riverside.admin.read(f"/v1/orders/{order['id']}")
        return bool(order_now["status"] == "returned")

    await until(is_returned)
    owed = [one for one in await riverside.admin.all("/v1/shortages?state=open")
            if one["order"] == order["id"]]  # fmt: skip
    assert [(one["kind"], one["amount_minor"]) for one in owed] == [("refund", 230)]
    announced = await riverside.admin.read(f"/v1/announced-returns/{said.json['number']}")
    assert announced["state"] == "came"
    assert await differences(pair) == []
