"""Goal: a gateway takes registers in that sell alone, keeps what they did, and says why it parts.

Method: a real gateway and hub; registers enrol over HTTP and speak frames by hand over real
WebSockets. What was kept is read from outside.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from replication import feed, wire
from replication.journal import Entry
from tests.hand_register import HandRegister, enrolled
from tests.programs import Caller, Shop, fresh, order_of, sale_of, until


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nobody_else(shop: Shop) -> AsyncIterator[None]:
    """Afterwards the registers of a test are written off, or they would share its goods."""
    yield
    for row in (await shop.manager.read("/v1/registers?limit=500"))["items"]:
        if row["state"] in {"connected", "away"}:
            path = f"/v1/registers/{row['register']}/lost"
            await until(partial(gone, shop, path))


async def gone(shop: Shop, path: str) -> bool:
    """Whether a register is written off: as soon as the gateway knows that its link has ended."""
    return (await shop.manager.post(path, {"reason": "the test is over"})).status == 201


async def nothing_left(shop: Shop, register: HandRegister) -> bool:
    """Whether no right is with a register any more."""
    return bool((await listed(shop, register))["quota_units"] == 0)


async def listed(shop: Shop, register: HandRegister) -> Any:  # noqa: ANN401
    """What the gateway shows of a register."""
    rows = (await shop.manager.read("/v1/registers?limit=500"))["items"]
    return next(row for row in rows if row["writer"] == register.writer)


async def test_a_box_is_enrolled_once_and_another_box_takes_its_place(shop: Shop) -> None:
    first = await enrolled(shop)
    body = {"register": first.name, "box": first.box}

    again = await first.caller.done("/v1/registers", body)
    second = await enrolled(shop, first.name)
    taken_back = await first.caller.post("/v1/registers", body)

    assert first.writer == again["writer"] == f"{shop.location}.{first.name}.1"
    assert (again["parent"], again["location"]) == (f"{shop.location}.1", shop.location)
    assert second.writer == f"{shop.location}.{first.name}.2"
    assert taken_back.refusal == (409, "conflict")
    assert (await listed(shop, first))["state"] == "replaced"
    assert (await listed(shop, second))["state"] == "away"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"register": "Till 1", "box": "0123456789abcdef"},
        {"register": "till-1", "box": "short"},
        {"register": "1till", "box": "0123456789abcdef"},
        {"register": "till.1", "box": "0123456789abcdef"},
        {"register": "till-1", "box": "0123456789abcdef", "more": 1},
        {"register": "till-1\n", "box": "0123456789abcdef"},
    ],
    ids=str,
)
async def test_a_body_that_is_none_enrols_nothing(shop: Shop, body: object) -> None:
    async with shop.nothing_changes():
        reply = await shop.manager.post("/v1/registers", body)

    assert reply.status == 422, reply


async def test_a_token_of_one_register_enrols_no_other(shop: Shop) -> None:
    till = shop.at_gateway("cashier", register="till-7")

    async with shop.nothing_changes():
        reply = await till.post("/v1/registers", {"register": "till-8", "box": "0" * 16})

    assert reply.refusal == (403, "forbidden")


async def test_a_registers_sale_is_shown_at_its_gateway_and_the_register_hears_when_the_hub_has_it(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    async with till.linked() as welcome:
        assert (welcome.seq, welcome.writer) == (0, f"{shop.location}.1")
        granted = await grant_of(till, sku)
        assert granted > 0
        entry = till.sale(sku, 1)
        await till.send(entry)
        assert (await till.heard(wire.Ack)).seq == 1
        reached = await till.heard(wire.AtHub)

    assert (reached.seq, reached.hash) == (1, entry.hash)
    sales = [sale["id"] for sale in await shop.cashier.all("/v1/sales")]
    assert f"{till.writer}-1" in sales
    assert (await shop.stock(sku))["on_hand"] == 39
    await until(lambda: away(shop, till))
    row = await listed(shop, till)
    assert (row["last_seq"], row["to_hub"], row["software"]) == (1, 0, "test")


async def away(shop: Shop, till: HandRegister) -> bool:
    """Whether the gateway has noticed that a register is gone."""
    return bool((await listed(shop, till))["state"] == "away")


async def grant_of(till: HandRegister, sku: str) -> int:
    """Units of a SKU that the feed says the register has; the part that it is stocked up with."""
    while True:
        told = await till.heard(wire.FeedFrom)
        assert told is not None, "the link ended before the grant"
        await till.took(told)
        for item in told.items:
            if (item.kind, item.key) == (feed.STOCK, sku):
                cells = msgspec.json.decode(item.data)
                assert cells[0][2:5] == ["granted", f"{till.shop.location}.1", till.writer]
                return int(cells[0][5])


async def test_a_register_hears_the_catalogue_that_was_there_before_it_and_each_change(
    shop: Shop,
) -> None:
    sku = await shop.product(price=100)
    till = await enrolled(shop)
    async with till.linked():
        first = await product_of(till, sku)
        body = {"name": "Thing", "price_minor": 250, "currency": "USD", "barcodes": []}
        await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body | {"tax_class": "standard"})
        second = await product_of(till, sku)

    assert (first["price_minor"], second["price_minor"]) == (100, 250)


async def product_of(till: HandRegister, sku: str) -> Any:  # noqa: ANN401
    """The product as the feed has it next."""
    while True:
        told = await till.heard(wire.FeedFrom)
        assert told is not None, "the link ended before the product"
        await till.took(told)
        for item in told.items:
            if (item.kind, item.key) == (feed.PRODUCT, sku):
                return msgspec.json.decode(item.data)


async def handing_back(till: HandRegister, sku: str, part: int, done: "asyncio.Task[Any]") -> None:
    """The register answers every borrow with what it has left, until somebody has what he wants."""
    given = 0
    while not done.done():
        heard = asyncio.create_task(till.heard(wire.Borrow))
        await asyncio.wait({heard, done}, return_when=asyncio.FIRST_COMPLETED)
        if not heard.done():
            heard.cancel()
            await asyncio.wait({heard})
            break
        asked = heard.result()
        units = min(asked.wants[0][1], part - given)
        given += units
        cell = till.cell(sku, "granted", f"{till.shop.location}.1", given)
        if units:
            till.write(cell, kind="grant")
        await till.say(wire.Grant(asked.request, [cell] if units else [], []))


async def test_a_gateway_that_is_short_asks_its_registers_back_and_sells(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    till = await enrolled(shop)
    async with till.linked():
        part = await grant_of(till, sku)
        rest = (await shop.stock(sku))["quota"]
        body = sale_of(sku, rest + part)
        selling = asyncio.create_task(shop.cashier.granted("/v1/sales", body))
        await handing_back(till, sku, part, selling)
        await selling
        await till.send(*till.entries)
        assert (await till.heard(wire.Ack)).seq == till.head.seq

    assert (await shop.stock(sku))["quota"] == 0
    assert (await listed(shop, till))["quota_units"] >= 0


async def test_a_checkout_online_gets_units_back_from_a_register(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    till = await enrolled(shop)
    async with till.linked():
        part = await grant_of(till, sku)
        placing = asyncio.create_task(shop.storefront.granted("/v1/orders", order_of(sku, 8)))
        await handing_back(till, sku, part, placing)
        await placing
        await till.send(*till.entries)
        assert (await till.heard(wire.Ack)).seq == till.head.seq

    async def heard() -> bool:
        stock = await shop.stock(sku)
        return (stock["quota"], stock["available"], stock["committed"]) == (0, 0, 8)

    await until(heard)  # the gateway hears of the order by its feed


async def test_a_refusal_says_what_a_register_holds_and_when_it_was_heard(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    till = await enrolled(shop)
    async with till.linked():
        part = await grant_of(till, sku)
    await until(partial(away, shop, till))

    refused = await shop.cashier.post("/v1/sales", sale_of(sku, 8))

    assert refused.refusal == (409, "quota-short")
    holdings = {one["holder"]: one for one in refused.json["elsewhere"]}
    assert holdings[till.writer]["quantity"] == part
    assert holdings[till.writer]["last_heard"] is not None


async def test_a_registers_need_is_asked_of_the_hub_within_its_customers_patience(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=8)
    till = await enrolled(shop)
    async with till.linked():
        part = await grant_of(till, sku)
        stock = await shop.stock(sku)
        online = stock["available"] - stock["quota"] - part
        assert online > 0

        async def lent() -> Any:  # noqa: ANN401
            await till.say(wire.Borrow(fresh("borrow"), [(sku, stock["quota"] + online)]))
            grant = await till.heard(wire.Grant)
            return grant if grant.cells else None

        grant = await until(lent)

    assert grant.cells[0].value == part + stock["quota"] + online
    assert (await shop.stock(sku))["quota"] == 0


async def test_a_lost_register_is_written_off_by_a_manager_and_counted_back(shop: Shop) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    path = f"/v1/registers/{till.name}/lost"
    async with till.linked():
        part = await grant_of(till, sku)
        connected = await shop.manager.post(path, {"reason": "stolen"})
    await until(lambda: away(shop, till))
    key = fresh("key")

    refused = await shop.supervisor.post(path, {"reason": "stolen"})
    wordless = await shop.manager.post(path, {"reason": " "})
    lost = await shop.manager.done(path, {"reason": "stolen"}, key=key)
    again = await shop.manager.done(path, {"reason": "stolen"}, key=key)
    frozen = (await shop.stock(sku))["quota"]
    count = await shop.manager.done("/v1/stock/counts", {"skus": [sku]})
    lines = f"/v1/stock/counts/{count['id']}/lines"
    await shop.manager.done(lines, {"lines": [{"sku": sku, "counted": 38}]})
    await shop.manager.done(f"/v1/stock/counts/{count['id']}/close", {})

    assert connected.refusal == (409, "conflict")
    assert refused.refusal == (403, "forbidden")
    assert wordless.status == 422
    assert lost == again
    assert (await listed(shop, till))["state"] == "lost"
    assert (await listed(shop, till))["reason"] == "stolen"
    assert (await shop.stock(sku))["quota"] == frozen + part - 2
    nobody = await shop.manager.post("/v1/registers/till-none/lost", {"reason": "x"})
    assert nobody.refusal == (404, "not-found")


async def test_a_lost_register_that_is_found_hands_over_what_it_did_and_is_told(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    async with till.linked():
        part = await grant_of(till, sku)
    await until(lambda: away(shop, till))
    await shop.manager.done(f"/v1/registers/{till.name}/lost", {"reason": "stolen"})
    till.sale(sku, 1)
    till.write(kind="sealed")

    async with till.linked():
        await till.send(*till.entries)
        await till.has_shown()
        bye = await till.heard(wire.Bye)
    async with till.dialled():
        await till.say(till.hello())
        await till.has_shown()
        at_once = await till.heard(wire.Bye)

    assert (bye.reason, at_once.reason) == ("fenced", "fenced")
    assert "written off" in at_once.detail or "lost" in at_once.detail
    assert (await listed(shop, till))["last_seq"] == 2
    assert await until(lambda: nothing_left(shop, till)), "it comes back in steps"
    assert (await shop.stock(sku))["on_hand"] == 39
    assert part > 0


# Whatever somebody says on the link


Saying = Callable[[HandRegister], Awaitable[None]]


async def parted(till: HandRegister, say: Saying, *, caller: Caller | None = None) -> wire.Bye:
    """The gateway's goodbye to that."""
    async with till.dialled(caller):
        await say(till)
        bye = await till.heard(wire.Bye)
    assert isinstance(bye, wire.Bye)
    return bye


def greeting(**other: object) -> Saying:
    """A greeting that is not its own."""

    async def say(till: HandRegister) -> None:
        await till.say(till.hello(**other))

    return say


async def unknown_kind(till: HandRegister) -> None:
    """An entry that speaks for others."""
    await till.say(till.hello())
    await till.send(till.write(kind="relayed"))


async def broken_chain(till: HandRegister) -> None:
    """A tail that does not hash."""
    await till.say(till.hello())
    first, second = till.write(), till.write()
    await till.send(first, Entry(second.body, first.hash))


async def beyond_rights(till: HandRegister) -> None:
    """More than it was ever given."""
    await till.say(till.hello())
    await till.send(till.sale("SKU-none", 5))


async def no_frame(till: HandRegister) -> None:
    """Bytes that are none."""
    assert till.link is not None
    await till.link.send_bytes(b"\x03rubbish")


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (greeting(writer="elsewhere.till-1.1"), "register of elsewhere"),
        (greeting(writer="riverside.1"), "no register's writer"),
        (greeting(writer="hub.1"), "no register's writer"),
        (greeting(writer="riverside.other.1"), "not for other"),
        (greeting(versions=[200]), "no common protocol version"),
        (unknown_kind, "entry of kind relayed"),
        (broken_chain, "does not follow"),
        (beyond_rights, "more of SKU-none than it had"),
        (no_frame, "does not decode"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_register_that_breaks_a_rule_is_told_why_and_nothing_is_kept(
    shop: Shop, say: Saying, why: str
) -> None:
    till = await enrolled(shop)
    before = {sku["sku"]: sku["on_hand"] for sku in await shop.cashier.all("/v1/stock")}
    sales = await shop.cashier.all("/v1/sales")

    bye = await parted(till, say)

    assert why in bye.detail
    assert (await listed(shop, till))["last_seq"] == 0
    assert await shop.cashier.all("/v1/sales") == sales
    after = {sku["sku"]: sku["on_hand"] for sku in await shop.cashier.all("/v1/stock")}
    assert after == before


async def test_a_token_speaks_for_its_own_register_on_the_link_too(shop: Shop) -> None:
    till, other = await enrolled(shop), await enrolled(shop)

    bye = await parted(till, greeting(), caller=other.caller)

    assert f"speaks for {other.name}" in bye.detail


async def test_a_token_of_all_tills_is_no_register_and_a_managers_may_be_any(shop: Shop) -> None:
    till = await enrolled(shop)
    body = {"register": till.name, "box": "another-box-0123456789"}

    async with shop.nothing_changes():
        refused = await shop.supervisor.post("/v1/registers", body)
        bye = await parted(till, greeting(), caller=shop.cashier)
    taken = await shop.manager.done("/v1/registers", body)

    assert refused.refusal == (403, "forbidden")
    assert "no register of its own" in bye.detail
    assert taken["writer"] == f"{shop.location}.{till.name}.2"


async def test_a_register_that_was_never_enrolled_is_told_to(shop: Shop) -> None:
    till = await enrolled(shop)

    bye = await parted(till, greeting(writer=f"{shop.location}.{till.name}.9"))

    assert "enrol it" in bye.detail


async def test_without_a_token_there_is_no_link(shop: Shop) -> None:
    nobody = Caller(client=shop.client, url=shop.gateway.url)

    assert (await nobody.get("/v1/replicate")).status == 401
    assert (await shop.technician.get("/v1/replicate")).status == 403


async def test_a_gateway_that_is_killed_has_what_it_acknowledged_and_takes_the_rest_again(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    async with till.linked():
        await grant_of(till, sku)
        await till.send(till.sale(sku, 1))
        await till.heard(wire.Ack)
        await till.send(till.sale(sku, 2))
        await shop.gateway.kill()

    await shop.start_gateway()
    async with till.linked() as welcome:
        assert welcome.seq in {1, 2}
        await till.send(*till.entries)
        assert (await till.heard(wire.Ack)).seq == 2
        await till.heard(wire.AtHub)

    assert (await shop.stock(sku))["on_hand"] == 38
    await shop.connected()
