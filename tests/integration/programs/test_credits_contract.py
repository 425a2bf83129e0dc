"""Goal: a store credit pays where its customer goes; cut off, it pays in the store that holds it.

Method: a hub with two gateways, each behind its own address, Riverside behind a line that can be
cut. Everything is asked over HTTP; what is left is told by who holds it, and by the hub.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Caller, Reply, Shop, fresh, open_shop, sale_of, told, until


class Pair(NamedTuple):
    """Riverside behind a line that can be cut, a manager at Harbour, and something both sell."""

    riverside: Shop
    harbour: Caller
    sku: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(tmp_path_factory: Any) -> AsyncIterator[Pair]:  # noqa: ANN401 - pytest's own type
    """Both stores open, with plenty of one thing at 1.00."""
    root = tmp_path_factory.mktemp("pair")
    async with open_shop(root) as riverside:
        gateway = await riverside.programs.gateway(
            "harbour", hub_url=riverside.hub.url, code=riverside.code("harbour"),
            options=("--no-mdns",),
        )  # fmt: skip
        token = told("gateway", "token", "--data", str(root / "harbour"), "--role", "manager")
        harbour = Caller(client=riverside.client, url=gateway.url, token=token)
        sku = await riverside.product(stock=500)

        async def known() -> bool:
            return (await harbour.get(f"/v1/products/{sku}")).status == 200

        await until(known)
        lines = [{"sku": sku, "quantity": 500}]
        await harbour.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
        yield Pair(riverside, harbour, sku)


@pytest_asyncio.fixture(loop_scope="session")
async def pair(both: Pair) -> AsyncIterator[Pair]:
    """The same, connected before and after each test."""
    await both.riverside.connected()
    yield both
    await both.riverside.wan.set_mode(WanMode.PASS)


async def issued(at: Caller, sku: str, units: int = 1) -> Any:  # noqa: ANN401 - JSON
    """A customer buys, and brings it all back for store credit."""
    sale = await at.done("/v1/sales", sale_of(sku, units))
    body = {
        "register": "till-1", "sale": sale["id"], "reason": "unwanted",
        "lines": [{"sku": sku, "quantity": units}], "refund_to": "store_credit",
    }  # fmt: skip
    return await at.done("/v1/returns", body)


def paid_with(sku: str, units: int, *tenders: dict[str, object]) -> dict[str, object]:
    body: dict[str, object] = sale_of(sku, units)
    return body | {"tenders": list(tenders)}


def credit(code: str, minor: int) -> dict[str, object]:
    return {"type": "store_credit", "amount_minor": minor, "credit": code}


async def pay(at: Caller, sku: str, code: str, minor: int) -> Reply:
    """Sell for a credit alone, whole units at 1.00."""
    return await at.post("/v1/sales", paid_with(sku, minor // 100, credit(code, minor)))


async def paid(at: Caller, sku: str, code: str, minor: int) -> Any:  # noqa: ANN401 - JSON
    """The same, asked again with its key while the other store does not answer in time."""
    body, key = paid_with(sku, minor // 100, credit(code, minor)), fresh("key")

    async def ask() -> Reply | None:
        reply = await at.post("/v1/sales", body, key=key)
        return None if reply.status == 409 and reply.slug == "credit-short" else reply

    reply = await until(ask)
    assert reply.status == 201, reply
    return reply.json


async def heard(pair: Pair, code: str, minor: int) -> None:
    """Wait until the hub has heard of what is left."""

    async def known() -> bool:
        reply = await pair.riverside.admin.get(f"/v1/credits/{code}")
        return reply.status == 200 and reply.json["balance_minor"] == minor

    await until(known)


async def test_a_credit_is_issued_shown_spent_and_used_up(pair: Pair) -> None:
    shop, _, sku = pair
    came = await issued(shop.cashier, sku, 3)
    code = came["credit"]

    shown = await shop.cashier.read(f"/v1/credits/{code.lower()}")
    sale = await shop.cashier.done("/v1/sales", paid_with(sku, 1, credit(code.lower(), 100)))
    rest = await pay(shop.cashier, sku, code, 200)
    empty = await shop.cashier.post("/v1/sales", paid_with(sku, 1, credit(code, 1), cash(99)))

    assert came["refunds"] == [credit(code, 300)]
    assert code.startswith(f"{shop.location.upper()}-1-")
    assert (shown["code"], shown["issued_by"]) == (code, came["id"])
    assert (shown["issued_minor"], shown["balance_minor"], shown["currency"]) == (300, 300, "USD")
    assert sale["tenders"] == [credit(code, 100) | {"left_minor": 200}]
    assert rest.json["tenders"][0]["left_minor"] == 0
    assert empty.refusal == (409, "credit-short")
    receipt = await shop.cashier.get(f"/v1/sales/{sale['id']}/receipt")
    assert "Left of it" in receipt.body.decode()
    assert code not in receipt.body.decode(), "whoever finds a receipt cannot spend the credit"


def cash(minor: int) -> dict[str, object]:
    return {"type": "cash", "amount_minor": minor}


async def test_a_credit_of_one_store_pays_in_another_and_back(pair: Pair) -> None:
    shop, harbour, sku = pair
    code = (await issued(shop.cashier, sku, 4))["credit"]
    await heard(pair, code, 400)

    there = await paid(harbour, sku, code, 100)
    back = await paid(shop.cashier, sku, code, 200)

    assert there["tenders"][0]["left_minor"] == 300
    assert back["tenders"][0]["left_minor"] == 100
    await heard(pair, code, 100)
    (held,) = (await shop.storefront.read(f"/v1/credits/{code}"))["held"]
    assert (held["location"], held["amount_minor"]) == (shop.location, 100)
    report = await shop.auditor.ask("POST", "/v1/audit", body={})
    assert report.json["differences"] == []


async def test_wanted_in_both_stores_at_once_it_pays_exactly_what_it_has(pair: Pair) -> None:
    shop, harbour, sku = pair
    code = (await issued(shop.cashier, sku, 5))["credit"]
    await heard(pair, code, 500)
    booked = 0

    async def used_up() -> bool:
        nonlocal booked
        replies = await asyncio.gather(
            *(pay(at, sku, code, 100) for at in (shop.cashier, harbour) for _ in range(4))
        )
        assert {one.status for one in replies} <= {201, 409}
        booked += sum(one.status == 201 for one in replies)
        return booked >= 5

    await until(used_up)
    await heard(pair, code, 0)

    assert booked == 5
    assert (await pay(harbour, sku, code, 100)).json["reason"] == "left"
    report = await shop.auditor.ask("POST", "/v1/audit", body={})
    assert report.json["differences"] == []


async def test_cut_off_the_holder_is_paid_and_nobody_else(pair: Pair) -> None:
    shop, harbour, sku = pair
    here = (await issued(shop.cashier, sku, 2))["credit"]
    gone = (await issued(shop.cashier, sku, 2))["credit"]
    await heard(pair, gone, 200)
    await paid(harbour, sku, gone, 100)
    await heard(pair, here, 200)
    await shop.wan.set_mode(WanMode.CUT)

    mine = await pay(shop.cashier, sku, here, 100)
    not_mine = await pay(shop.cashier, sku, gone, 100)
    asked = await shop.cashier.get(f"/v1/credits/{gone}")

    assert mine.status == 201
    assert not_mine.refusal == (409, "credit-short")
    assert not_mine.json["reason"] == "unheard"
    assert not_mine.json["spendable_minor"] == 0
    assert asked.status == 200, "who issued it knows that it went to the hub"

    async def refused() -> Reply | None:
        reply = await pay(harbour, sku, here, 100)
        return reply if reply.json.get("reason") == "held" else None

    other = await until(refused)
    (held,) = other.json["elsewhere"]
    assert held["location"] == shop.location
    assert held["last_heard"] is not None
    assert f"lie with {held['name']}, last heard" in other.json["detail"]
    assert (await pay(harbour, sku, gone, 100)).status == 201
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()
    await shop.settled()
    await paid(harbour, sku, here, 100)


async def test_a_credit_of_a_store_that_is_cut_off_is_not_known_elsewhere(pair: Pair) -> None:
    shop, harbour, sku = pair
    await shop.wan.set_mode(WanMode.CUT)
    code = (await issued(shop.cashier, sku))["credit"]

    refused = await pay(harbour, sku, code, 100)
    asked = await harbour.get(f"/v1/credits/{code}")

    assert refused.refusal == (409, "credit-short")
    assert refused.json["reason"] == "unknown"
    assert asked.refusal == (404, "not-found")
    assert (await pay(shop.cashier, sku, code, 100)).status == 201


async def test_what_cannot_be_paid_with_a_credit_is_refused_and_changes_nothing(pair: Pair) -> None:
    shop, _, sku = pair
    code = (await issued(shop.cashier, sku, 2))["credit"]
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    before = (await shop.stock(sku))["on_hand"]

    answers = [
        await shop.cashier.post("/v1/sales", paid_with(sku, 3, *tenders))
        for tenders in (
            [credit(code, 201), cash(99)],
            [credit(code, 100), credit(code.lower(), 100), cash(100)],
            [credit(wrong, 100), cash(200)],
            [credit(code.replace("USD", "SAR"), 100), cash(200)],
            [credit("X" * 10_000, 100)],
            [{"type": "store_credit", "amount_minor": 100}, cash(200)],
            [cash(300) | {"credit": code}],
            [credit(code, 100) | {"left_minor": 10**6}, cash(200)],
            [credit(code, 0), cash(300)],
            [credit(code, -5), cash(305)],
        )
    ]

    assert answers[0].refusal == (409, "credit-short")
    assert (answers[0].json["reason"], answers[0].json["spendable_minor"]) == ("left", 200)
    assert "2.01 USD" in answers[0].json["detail"]
    assert "2.00 USD are left" in answers[0].json["detail"]
    assert {one.refusal for one in answers[1:]} == {(422, "invalid-request")}
    assert "pays twice" in answers[1].json["detail"]
    assert "mistyped" in answers[2].json["detail"]
    assert (await shop.stock(sku))["on_hand"] == before
    assert (await shop.cashier.read(f"/v1/credits/{code}"))["balance_minor"] == 200


async def test_codes_that_are_none_are_said_to_be_none(pair: Pair) -> None:
    shop, _, sku = pair
    code = (await issued(shop.cashier, sku))["credit"]
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")

    for caller in (shop.cashier, shop.admin):
        mistyped = await caller.get(f"/v1/credits/{wrong}")
        nothing = await caller.get("/v1/credits/none")
        assert mistyped.refusal == nothing.refusal == (422, "invalid-request")
        assert (mistyped.json["reason"], nothing.json["reason"]) == ("mistyped", "unread")


async def test_a_store_credit_pays_in_an_exchange_and_takes_what_is_left_over(pair: Pair) -> None:
    shop, _, sku = pair
    code = (await issued(shop.cashier, sku, 2))["credit"]
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 1))
    body = {
        "register": "till-1", "sale": sale["id"], "reason": "too few",
        "returned": [{"sku": sku, "quantity": 1}], "lines": [{"sku": sku, "quantity": 3}],
        "tenders": [credit(code, 200)],
    }  # fmt: skip

    more = await shop.cashier.done("/v1/exchanges", body)
    fewer = await shop.cashier.done(
        "/v1/exchanges",
        body | {
            "sale": more["sale"]["id"], "tenders": [], "refund_to": "store_credit",
            "returned": [{"sku": sku, "quantity": 3}], "lines": [{"sku": sku, "quantity": 1}],
        },
    )  # fmt: skip

    assert [one["type"] for one in more["sale"]["tenders"]] == ["exchange", "store_credit"]
    again = fewer["returned"]["credit"]
    assert fewer["returned"]["refunds"][-1] == credit(again, 200)
    assert (await shop.cashier.read(f"/v1/credits/{again}"))["balance_minor"] == 200
