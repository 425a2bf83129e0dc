"""Goal: transfers over HTTP are what the contract says; bad input is refused and changes nothing.

Method: a running hub and two running gateways; the line to one of them is cut where the truck has
to be faster than the news.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Caller, Shop, fresh, open_shop, sale_of, told, until

TRANSFER_FIELDS = {
    "id", "status", "from", "to", "reference", "created_at", "created_by", "lines",
    "discrepancies", "events",
}  # fmt: skip
LINE_FIELDS = {
    "sku", "quantity", "shipped", "received", "in_transit", "lost", "surplus", "unmatched",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Riverside, which has goods and a line that can be cut, and Harbour, which gets some."""

    riverside: Shop
    manager: Caller
    cashier: Caller

    async def stocked(self, units: int = 40) -> str:
        """A new product that both gateways know, with so many units at Riverside."""
        sku = await self.riverside.product(stock=units)

        async def known() -> bool:
            return (await self.manager.get(f"/v1/products/{sku}")).status == 200

        await until(known)
        return sku

    async def planned(self, sku: str, units: int = 6, **more: object) -> Any:  # noqa: ANN401
        body = {"to": "harbour", "lines": [{"sku": sku, "quantity": units}]} | more
        return await self.riverside.manager.done("/v1/transfers", body)

    async def shipped(self, sku: str, units: int = 6) -> str:
        """A transfer that left, and of which Harbour has heard."""
        number = (await self.planned(sku, units))["id"]
        await self.riverside.manager.done(f"/v1/transfers/{number}/ship", {})
        await self.heard(self.manager, number, "shipped")
        return str(number)

    async def heard(self, caller: Caller, number: str, status: str) -> Any:  # noqa: ANN401
        """The transfer, once somebody knows that it stands there."""

        async def look() -> Any:  # noqa: ANN401
            reply = await caller.get(f"/v1/transfers/{number}")
            return reply.json if reply.status == 200 and reply.json["status"] == status else None

        return await until(look)

    async def stock(self, sku: str) -> tuple[int, int, int]:
        """On hand at Riverside, on hand and incoming at Harbour."""
        here, there = [
            await caller.read(f"/v1/stock/{sku}")
            for caller in (self.riverside.manager, self.manager)
        ]
        return here["on_hand"], there["on_hand"], there["incoming"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """Both gateways at one hub."""
    async with open_shop(tmp_path_factory.mktemp("pair")) as riverside:
        programs = riverside.programs
        started = await programs.gateway(
            "harbour", hub_url=riverside.hub.url, code=riverside.code("harbour"),
            options=("--no-mdns",),
        )  # fmt: skip
        data = str(programs.root / "harbour")
        manager, cashier = [
            Caller(
                client=riverside.client,
                url=started.url,
                token=told("gateway", "token", "--data", data, "--role", role),
            )
            for role in ("manager", "cashier")
        ]
        yield Pair(riverside=riverside, manager=manager, cashier=cashier)


async def test_a_transfer_is_planned_shipped_received_and_seen_by_all(pair: Pair) -> None:
    sku, key = await pair.stocked(), fresh("key")
    body = {"to": "harbour", "lines": [{"sku": sku, "quantity": 6}], "reference": "note 7"}

    first = await pair.riverside.manager.post("/v1/transfers", body, key=key)
    again = await pair.riverside.manager.post("/v1/transfers", body, key=key)
    planned = first.json
    assert first.status == 201
    assert again.body == first.body
    assert set(planned) == TRANSFER_FIELDS
    assert set(planned["lines"][0]) == LINE_FIELDS
    assert planned["id"].startswith("riverside.1-")
    assert planned["id"].endswith("-harbour")
    assert (planned["from"], planned["to"], planned["status"]) == ("riverside", "harbour", "new")
    assert planned["reference"] == "note 7"
    assert await pair.stock(sku) == (40, 0, 0)

    number = planned["id"]
    shipped = await pair.riverside.manager.done(f"/v1/transfers/{number}/ship", {})
    assert shipped["status"] == "shipped"
    assert await pair.heard(pair.cashier, number, "shipped") == shipped
    assert await pair.stock(sku) == (34, 0, 6)
    at_hub = {
        one["location"]: (one["on_hand"], one["incoming"])
        for one in (await pair.riverside.admin.read(f"/v1/stock/{sku}"))["locations"]
    }
    assert at_hub == {"riverside": (34, 0), "harbour": (0, 6)}

    received = await pair.manager.done(f"/v1/transfers/{number}/receive", {})
    assert received["status"] == "received"
    assert received["discrepancies"] == []
    assert await pair.stock(sku) == (34, 6, 0)
    at_hub = await pair.heard(pair.riverside.admin, number, "received")
    assert at_hub == received | {"unknown_destination": False}
    assert await pair.heard(pair.riverside.cashier, number, "received") == received
    sold = await pair.cashier.granted("/v1/sales", sale_of(sku, 6))
    assert sold["location"] == "harbour"


async def test_what_is_short_is_named_and_the_other_lines_stay_in_transit(pair: Pair) -> None:
    tea, jam = await pair.stocked(), await pair.stocked()
    body = {"to": "harbour", "lines": [{"sku": sku, "quantity": 6} for sku in (tea, jam)]}
    number = (await pair.riverside.manager.done("/v1/transfers", body))["id"]
    await pair.riverside.manager.done(
        f"/v1/transfers/{number}/ship",
        {"lines": [{"sku": tea, "quantity": 6}, {"sku": jam, "quantity": 5}]},
    )
    await pair.heard(pair.manager, number, "shipped")

    part = await pair.manager.done(
        f"/v1/transfers/{number}/receive", {"lines": [{"sku": tea, "quantity": 4}]}
    )
    assert part["status"] == "partly_received"
    assert part["discrepancies"] == [
        {"sku": tea, "shipped": 6, "received": 4, "lost": 2, "surplus": 0}
    ]
    assert await pair.stock(jam) == (35, 0, 5)
    rest = await pair.manager.done(f"/v1/transfers/{number}/receive", {})
    assert rest["status"] == "received"
    assert await pair.stock(jam) == (35, 5, 0)


async def test_a_truck_that_is_faster_than_the_line_is_received_by_paper_and_matched(
    pair: Pair,
) -> None:
    sku = await pair.stocked()
    await pair.riverside.wan.set_mode(WanMode.CUT)
    try:
        number = (await pair.planned(sku))["id"]
        await pair.riverside.manager.done(f"/v1/transfers/{number}/ship", {})

        unsaid = await pair.manager.post(f"/v1/transfers/{number}/receive", {})
        by_paper = await pair.manager.done(
            "/v1/stock/receipts",
            {"lines": [{"sku": sku, "quantity": 5}], "reference": "note", "transfer": number},
        )
        here = await pair.manager.read(f"/v1/transfers/{number}")
        assert unsaid.refusal == (422, "invalid-request")
        assert by_paper["transfer"] == number
        assert (here["status"], here["lines"][0]["unmatched"]) == ("partly_received", 5)
        assert (await pair.manager.read(f"/v1/stock/{sku}"))["on_hand"] == 5
    finally:
        await pair.riverside.wan.set_mode(WanMode.PASS)

    matched = await pair.heard(pair.manager, number, "received")
    assert (matched["lines"][0]["unmatched"], matched["lines"][0]["lost"]) == (0, 1)
    assert await pair.stock(sku) == (34, 5, 0)


async def test_a_shipment_beyond_the_quota_borrows_from_the_hub_or_is_refused(pair: Pair) -> None:
    sku = await pair.stocked(40)
    assert (await pair.riverside.stock(sku))["quota"] < 40
    number = (await pair.planned(sku, 40))["id"]

    shipped = await pair.riverside.manager.granted(f"/v1/transfers/{number}/ship", {})

    assert shipped["status"] == "shipped"
    more = (await pair.planned(sku, 1))["id"]
    short = await pair.riverside.manager.post(f"/v1/transfers/{more}/ship", {})
    assert short.refusal == (409, "quota-short")
    assert (short.json["sku"], short.json["wanted"], short.json["sellable"]) == (sku, 1, 0)


async def test_what_was_received_is_not_received_again_nor_more_than_was_shipped(
    pair: Pair,
) -> None:
    sku, other = await pair.stocked(), await pair.stocked()
    number = await pair.shipped(sku)
    path = f"/v1/transfers/{number}/receive"

    more = await pair.manager.post(path, {"lines": [{"sku": sku, "quantity": 7}]})
    stranger = await pair.manager.post(path, {"lines": [{"sku": other, "quantity": 1}]})
    elsewhere = await pair.riverside.manager.post(path, {})
    assert more.refusal == stranger.refusal == (422, "invalid-request")
    assert "6 were shipped" in more.json["detail"]
    assert elsewhere.refusal == (409, "conflict")
    assert await pair.stock(sku) == (34, 0, 6)

    key = fresh("key")
    once = await pair.manager.post(path, {}, key=key)
    repeated = await pair.manager.post(path, {}, key=key)
    twice = await pair.manager.post(path, {})
    by_receipt = await pair.manager.post(
        "/v1/stock/receipts",
        {"lines": [{"sku": sku, "quantity": 1}], "reference": "r", "transfer": number},
    )
    assert (once.status, repeated.body) == (201, once.body)
    assert twice.refusal == by_receipt.refusal == (409, "conflict")
    assert await pair.stock(sku) == (34, 6, 0)


async def test_bad_input_is_refused_and_changes_nothing(pair: Pair) -> None:
    sku = await pair.stocked()
    number = (await pair.planned(sku))["id"]
    line = [{"sku": sku, "quantity": 1}]
    receipt = {"lines": line, "reference": "r"}
    bad: list[tuple[str, object, tuple[int, str]]] = [
        ("/v1/transfers", {"to": "riverside", "lines": line}, (422, "invalid-request")),
        ("/v1/transfers", {"to": "hub", "lines": line}, (422, "invalid-request")),
        ("/v1/transfers", {"to": "Har bour", "lines": line}, (422, "invalid-request")),
        ("/v1/transfers", {"to": "harbour", "lines": []}, (422, "invalid-request")),
        ("/v1/transfers", {"to": "harbour"}, (422, "invalid-request")),
        ("/v1/transfers", {"to": "harbour", "lines": line, "x": 1}, (422, "invalid-request")),
        (
            "/v1/transfers",
            {"to": "harbour", "lines": [{"sku": sku, "quantity": 0}]},
            (422, "invalid-request"),
        ),
        (
            "/v1/transfers",
            {"to": "harbour", "lines": [{"sku": sku, "quantity": -1}]},
            (422, "invalid-request"),
        ),
        (
            "/v1/transfers",
            {"to": "harbour", "lines": [{"sku": "no-such", "quantity": 1}]},
            (404, "unknown-product"),
        ),
        (
            f"/v1/transfers/{number}/ship",
            {"lines": [{"sku": sku, "quantity": 7}]},
            (422, "invalid-request"),
        ),
        ("/v1/transfers/riverside.1-99999-harbour/ship", {}, (404, "not-found")),
        ("/v1/transfers/harbour.1-7-riverside/ship", {}, (409, "conflict")),
        ("/v1/transfers/harbour.1-7-bazaar/receive", {"lines": line}, (409, "conflict")),
        ("/v1/transfers/harbour.1-7-riverside/receive", {}, (422, "invalid-request")),
        ("/v1/transfers/T-1/receive", {"lines": line}, (404, "not-found")),
        (f"/v1/transfers/{number}/receive", {"lines": line}, (409, "conflict")),
        ("/v1/stock/receipts", receipt | {"transfer": "T-1"}, (422, "invalid-request")),
        ("/v1/stock/receipts", receipt | {"transfer": ""}, (422, "invalid-request")),
        ("/v1/stock/receipts", receipt | {"transfer": number}, (409, "conflict")),
    ]
    async with pair.riverside.nothing_changes():
        for path, body, expected in bad:
            reply = await pair.riverside.manager.post(path, body)
            assert reply.refusal == expected, (path, body, reply)
        by_cashier = await pair.riverside.cashier.post(f"/v1/transfers/{number}/ship", {})
        keyless = await pair.riverside.manager.ask("POST", f"/v1/transfers/{number}/ship", body={})
        assert by_cashier.refusal == (403, "forbidden")
        assert keyless.refusal == (400, "invalid-request")
    assert (await pair.riverside.manager.read(f"/v1/transfers/{number}"))["status"] == "new"


async def test_transfers_come_in_pages_by_status_and_by_direction_or_end(pair: Pair) -> None:
    sku = await pair.stocked()
    numbers = [(await pair.planned(sku, 1))["id"] for _ in range(3)]
    await pair.heard(pair.manager, numbers[-1], "new")

    def ours(items: list[Any]) -> list[str]:
        return [one["id"] for one in items if one["id"] in numbers]

    listed = [
        await pair.riverside.cashier.all("/v1/transfers?status=new&direction=out"),
        await pair.cashier.all("/v1/transfers?direction=in"),
        await pair.riverside.auditor.all("/v1/transfers?status=new&location=harbour"),
        await pair.riverside.admin.all("/v1/transfers?location=riverside"),
    ]
    assert [ours(items) for items in listed] == [numbers] * 4
    assert ours(await pair.cashier.all("/v1/transfers?direction=out")) == []
    assert ours(await pair.riverside.admin.all("/v1/transfers?location=bazaar")) == []
    page = await pair.cashier.read("/v1/transfers?limit=1")
    assert len(page["items"]) == 1
    assert page["next_cursor"]
    for caller in (pair.cashier, pair.riverside.admin):
        assert (await caller.get("/v1/transfers?status=late")).refusal == (400, "invalid-request")
        missing = await caller.get("/v1/transfers/riverside.1-99999-harbour")
        assert missing.refusal == (404, "not-found")
    sideways = await pair.cashier.get("/v1/transfers?direction=up")
    assert sideways.refusal == (400, "invalid-request")


async def test_a_transfer_to_nowhere_is_flagged_at_the_hub(pair: Pair) -> None:
    sku = await pair.stocked()
    number = (await pair.planned(sku, 1, to="atlantis"))["id"]
    await pair.riverside.manager.done(f"/v1/transfers/{number}/ship", {})

    found = await pair.heard(pair.riverside.admin, number, "shipped")

    assert found["unknown_destination"] is True
    assert found["lines"][0]["in_transit"] == 1
