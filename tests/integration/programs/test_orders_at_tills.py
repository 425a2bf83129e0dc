"""Goal: a till sells what stands in another store, and takes money for orders, as promised.

Method: a hub, Riverside behind a line that can be cut, and Harbour with the goods, all as real
processes; a printer at Riverside's till. Whatever was acknowledged is paid once at the hub, also
when the gateway is killed at any moment, and the audit finds no difference.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest_asyncio

from devices.sim.printer import SimPrinter
from devices.sim.wan import WanMode
from gateway.app import DATABASE
from gateway.identity import load_identity
from replication.adapters.sqlite import ReplicaStore, connect
from tests.programs import Caller, Shop, fresh, open_shop, until

KILLS = 4
PAPER_TILL = "till-paper"


@dataclass(slots=True)
class TwoStores:
    """Riverside, with all its people, and Harbour's manager."""

    shop: Shop
    harbour: Caller
    printer: SimPrinter

    async def product(self, stock: int, **more: object) -> str:
        """A product that stands at Harbour and that the hub may promise."""
        sku = await self.shop.product(**more)  # type: ignore[arg-type] # its price
        await until(lambda: self._is_known(sku))
        lines = [{"sku": sku, "quantity": stock}]
        await self.harbour.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
        await until(lambda: self._is_offered(sku))
        return sku

    async def _is_known(self, sku: str) -> bool:
        return (await self.harbour.get(f"/v1/products/{sku}")).status == 200

    async def _is_offered(self, sku: str) -> bool:
        return await self.shop.offered(sku) > 0

    async def hub_order(self, order: str, status: str) -> Any:  # noqa: ANN401
        """The order at the hub, once it has come to that."""

        async def so() -> Any:  # noqa: ANN401
            told = await self.shop.admin.read(f"/v1/orders/{order}")
            return told if told["status"] == status else None

        return await until(so)

    async def is_clean(self) -> None:
        """The audit has no difference, when the hub has heard all."""
        await self.shop.settled()
        told = await self.shop.auditor.ask("POST", "/v1/audit", body={})
        assert (told.status, told.json["differences"]) == (200, [])


def order_at_till(sku: str, quantity: int = 1, *, register: str = "till-1", **more: object) -> Any:  # noqa: ANN401
    """The body of a till's order of one line that is shipped, paid with plenty of cash."""
    return {
        "register": register,
        "lines": [{"sku": sku, "quantity": quantity}],
        "fulfilment": {"type": "ship", "address": "Sea Street 1"},
        "tenders": [{"type": "cash", "amount_minor": 10**6}],
    } | more


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stores(tmp_path_factory: Any) -> AsyncIterator[TwoStores]:  # noqa: ANN401
    """Both stores, and a printer."""
    root = tmp_path_factory.mktemp("aisle")
    async with SimPrinter.listening() as printer:
        config = root / "gateway.toml"
        config.write_text(
            f'[[printers]]\nname = "counter"\naddress = "{printer.address}"\n'
            f'registers = ["{PAPER_TILL}"]\n'
        )
        async with open_shop(root, options=("--config", str(config))) as shop:
            program = await shop.programs.gateway(
                "harbour", hub_url=shop.hub.url, code=shop.code("harbour"), options=("--no-mdns",)
            )
            token = await shop.programs.gateway_token("harbour", "manager")
            harbour = Caller(client=shop.client, url=program.url, token=token)
            yield TwoStores(shop, harbour, printer)


@pytest_asyncio.fixture(loop_scope="session")
async def aisle(stores: TwoStores) -> AsyncIterator[TwoStores]:
    """Both stores, connected before and after each test."""
    await stores.shop.connected()
    yield stores
    await stores.shop.wan.set_mode(WanMode.PASS)
    await stores.shop.connected()
    await stores.is_clean()


async def test_a_till_sells_what_stands_in_another_store(aisle: TwoStores) -> None:
    sku = await aisle.product(8, price=250)
    body, key = order_at_till(sku, 2, customer={"name": "Layla"}), fresh("key")

    quoted = await aisle.shop.cashier.ask(
        "POST", "/v1/orders/quotes",
        body={name: body[name] for name in ("register", "lines", "fulfilment")},
    )  # fmt: skip
    body["expected_total_minor"] = quoted.json["total_minor"]
    sold = await aisle.shop.cashier.done("/v1/orders", body, key=key)
    again = await aisle.shop.cashier.done("/v1/orders", body, key=key)
    told = await aisle.hub_order(sold["order"]["id"], "paid")

    assert quoted.json["total_minor"] == sold["payment"]["total_minor"] == 500
    assert sold == again
    assert told["sold_at"] == "riverside"
    assert [one["location"] for one in told["allocations"]] == ["harbour"]
    assert told["customer"] == {"name": "Layla"}
    paid = [event for event in told["events"] if event["type"] == "paid"]
    assert [event["tenders"] for event in paid] == [[{"type": "cash", "amount_minor": 500}]]
    assert paid[0]["id"] == sold["payment"]["id"]

    async def heard() -> bool:
        return (await aisle.harbour.get(f"/v1/orders/{told['id']}")).status == 200

    await until(heard)
    await aisle.harbour.done(f"/v1/orders/{told['id']}/events", {"type": "shipped"})
    await aisle.hub_order(told["id"], "shipped")


async def test_the_receipt_says_where_to_collect_and_with_which_code(aisle: TwoStores) -> None:
    sku = await aisle.product(8)
    way = {"type": "pickup", "location": "harbour"}

    sold = await aisle.shop.cashier.done(
        "/v1/orders", order_at_till(sku, register=PAPER_TILL, fulfilment=way)
    )

    async def printed() -> list[str]:
        number = sold["payment"]["number"]
        return [paper for paper in aisle.printer.receipts if number in paper]

    (paper,) = await until(printed)
    for part in (sold["order"]["number"], sold["order"]["pickup_code"], "harbour", "Paid order"):
        assert part in paper


async def test_with_the_line_cut_nothing_is_sold_from_elsewhere(aisle: TwoStores) -> None:
    sku = await aisle.product(8)
    await aisle.shop.settled()
    before = await aisle.shop.picture()
    await aisle.shop.wan.set_mode(WanMode.CUT)
    key = fresh("key")

    refused = await aisle.shop.cashier.post("/v1/orders", order_at_till(sku), key=key)
    await aisle.shop.wan.set_mode(WanMode.PASS)
    await aisle.shop.connected()
    assert await aisle.shop.picture() == before
    sold = await aisle.shop.cashier.done("/v1/orders", order_at_till(sku), key=key)

    assert refused.refusal == (503, "unavailable")
    assert "again" in refused.json["detail"]
    await aisle.hub_order(sold["order"]["id"], "paid")


async def test_a_line_that_swallows_everything_is_a_clear_no(aisle: TwoStores) -> None:
    sku = await aisle.product(8)
    await aisle.shop.wan.set_mode(WanMode.BLACK_HOLE)
    key = fresh("key")

    body = order_at_till(sku, expected_total_minor=100)
    refused = await aisle.shop.cashier.post("/v1/orders", body, key=key)
    await aisle.shop.wan.set_mode(WanMode.PASS)
    await aisle.shop.connected()
    sold = await aisle.shop.cashier.done("/v1/orders", body, key=key)

    assert refused.refusal == (503, "unavailable")
    assert "same key" in refused.json["detail"]
    await aisle.hub_order(sold["order"]["id"], "paid")
    mine = [
        one
        for one in await aisle.shop.admin.all("/v1/orders")
        if any(line["sku"] == sku for line in one["lines"])
    ]
    assert len(mine) == 1, "what the line swallowed was placed once"


async def test_what_cannot_be_ordered_at_a_till_is_refused_and_changes_nothing(
    aisle: TwoStores,
) -> None:
    sku = await aisle.product(3)
    card = [{"type": "card", "amount_minor": 99}]
    exchange = [{"type": "exchange", "amount_minor": 100}]
    shown = [{"sku": sku, "quantity": 1, "shown_price_minor": 90}]
    moon = {"type": "pickup", "location": "moon"}
    bodies = {
        "short": (order_at_till(sku, tenders=card), (422, "invalid-request")),
        "above": (
            order_at_till(sku, tenders=[{"type": "card", "amount_minor": 101}]),
            (422, "invalid-request"),
        ),
        "exchange": (order_at_till(sku, tenders=exchange), (422, "invalid-request")),
        "beyond": (
            order_at_till(sku, tenders=[{"type": "cash", "amount_minor": 2**53 - 1}] * 2),
            (422, "invalid-request"),
        ),
        "unknown": (order_at_till("NO-SUCH"), (404, "unknown-product")),
        "too many": (order_at_till(sku, 4), (409, "quota-short")),
        "nowhere": (order_at_till(sku, fulfilment=moon), (422, "invalid-request")),
        "other total": (order_at_till(sku, expected_total_minor=99), (409, "price-changed")),
        "shown": (order_at_till(sku, lines=shown), (422, "invalid-request")),
        "none": (order_at_till(sku, lines=[]), (422, "invalid-request")),
    }
    till_seven = aisle.shop.at_gateway("cashier", register="till-7")

    async with aisle.shop.nothing_changes():
        for name, (body, refusal) in bodies.items():
            reply = await aisle.shop.cashier.post("/v1/orders", body)
            assert reply.refusal == refusal, (name, reply)
        foreign = await till_seven.post("/v1/orders", order_at_till(sku, register="till-8"))
        quote = {"register": "till-8", "lines": [{"sku": sku, "quantity": 1}]}
        asked = await till_seven.ask("POST", "/v1/orders/quotes", body=quote)
        money = {"register": "till-8", "tenders": []}
        paid = await till_seven.post("/v1/orders/hub.1-1/payments", money)
        nobody = await aisle.shop.cashier.post(
            "/v1/orders/hub.1-1/payments", money | {"register": "till-1"}
        )
    assert foreign.refusal == asked.refusal == paid.refusal == (403, "forbidden")
    assert nobody.refusal == (404, "not-found")


async def test_money_at_collection_is_taken_while_the_line_is_cut(aisle: TwoStores) -> None:
    sku = await aisle.shop.product(stock=8)
    order = await aisle.shop.storefront.granted(
        "/v1/orders",
        {
            "lines": [{"sku": sku, "quantity": 1}],
            "fulfilment": {"type": "pickup", "location": "riverside"},
            "payment": "on_collection",
        },
    )
    await aisle.shop.settled()
    await aisle.shop.wan.set_mode(WanMode.CUT)
    path = f"/v1/orders/{order['id']}"
    money = {"register": "till-1", "tenders": [{"type": "card", "amount_minor": 100}]}

    paid = await aisle.shop.cashier.done(f"{path}/payments", money)
    twice = await aisle.shop.cashier.post(f"{path}/payments", money)
    await aisle.shop.cashier.done(
        f"{path}/events", {"type": "collected", "pickup_code": order["pickup_code"]}
    )
    await aisle.shop.wan.set_mode(WanMode.PASS)
    told = await aisle.hub_order(order["id"], "collected")

    assert paid["order"]["status"] == "paid"
    assert twice.refusal == (409, "conflict")
    assert [event["tenders"] for event in told["events"] if event["type"] == "paid"] == [
        [{"type": "card", "amount_minor": 100}]
    ]


async def test_only_a_gateway_says_where_an_order_was_sold(aisle: TwoStores) -> None:
    sku = await aisle.product(8)
    body = {
        "lines": [{"sku": sku, "quantity": 1}],
        "fulfilment": {"type": "ship"},
        "payment": "pending",
        "sold_at": "riverside",
    }

    async with aisle.shop.nothing_changes():
        refused = await aisle.shop.storefront.post("/v1/orders", body)

    assert refused.refusal == (422, "invalid-request")
    assert refused.json["field"] == "$.sold_at"


async def test_a_gateway_orders_for_its_own_tills_and_reads_no_orders(aisle: TwoStores) -> None:
    sku = await aisle.product(8)
    identity = load_identity(
        ReplicaStore(connect(aisle.shop.gateway_data / DATABASE, read_only=True))
    )
    assert identity is not None
    gateway = Caller(client=aisle.shop.client, url=aisle.shop.hub.url, token=identity.token)
    body = {
        "lines": [{"sku": sku, "quantity": 1}],
        "fulfilment": {"type": "ship"},
        "payment": "pending",
        "sold_at": "riverside",
    }

    async with aisle.shop.nothing_changes():
        for wrong in ({"sold_at": "harbour"}, {"sold_at": None}, {"payment": "paid"}):
            reply = await gateway.post("/v1/orders", body | wrong)
            assert reply.refusal == (422, "invalid-request"), wrong
        assert (await gateway.get("/v1/orders")).refusal == (403, "forbidden")
        told = await gateway.post("/v1/orders/hub.1-1/events", {"type": "paid"})
        assert told.refusal == (403, "forbidden")
    placed = await gateway.done("/v1/orders", body)

    assert (placed["status"], placed["sold_at"]) == ("new", "riverside")


async def insist(caller: Caller, body: object, key: str) -> Any:  # noqa: ANN401
    """Ask until there is an answer, with the same key, as a register does."""

    async def ask() -> Any:  # noqa: ANN401
        try:
            reply = await caller.post("/v1/orders", body, key=key)
        except (aiohttp.ClientError, OSError):
            return None
        return None if reply.status in {409, 503} else reply

    reply = await until(ask)
    assert reply.status == 201, reply
    return reply.json


async def test_what_tills_ordered_is_paid_once_however_often_the_gateway_is_killed(
    aisle: TwoStores,
) -> None:
    sku = await aisle.product(1_000)
    shop, over = aisle.shop, asyncio.Event()
    sold: list[Any] = []

    async def customer(number: int) -> None:
        shown = {"expected_total_minor": 100} if number % 2 else {}
        while not over.is_set():
            body = order_at_till(sku) | shown
            sold.append(await insist(shop.cashier, body, fresh("key")))

    customers = [asyncio.create_task(customer(number)) for number in range(6)]
    for _ in range(KILLS):
        enough = len(sold) + 8

        async def some_more(enough: int = enough) -> bool:
            return len(sold) >= enough or any(one.done() for one in customers)

        await until(some_more)
        await shop.gateway.kill()
        await shop.start_gateway()
    over.set()
    await asyncio.gather(*customers)
    await shop.connected()
    await shop.settled()

    orders = [
        one
        for one in await shop.admin.all("/v1/orders")
        if any(line["sku"] == sku for line in one["lines"])
    ]
    paid = {one["id"]: one for one in orders if one["status"] != "new"}
    assert len({one["payment"]["id"] for one in sold}) == len(sold) >= 8 * KILLS
    assert sorted(paid) == sorted(one["payment"]["order"] for one in sold)
    for one in paid.values():
        assert [event["type"] for event in one["events"]].count("paid") == 1
    numbers = sorted(one["payment"]["number"] for one in sold)
    last = int(numbers[-1].rpartition("P")[2])
    assert len(set(numbers)) == len(numbers) <= last
    assert (await shop.admin.all("/v1/shortages")) == []
