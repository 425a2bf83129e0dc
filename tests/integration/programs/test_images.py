"""Goal: an old image and a copy of a box mend themselves, and no acknowledged sale is lost.

Method: a real hub and gateways. A data directory is copied while its program is stopped, and put
back later, or started beside the first one. What happened is read from outside: at the hub, on the
status page, in the answers to registers.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from devices.sim.wan import SimWan, WanMode
from gateway.client import GatewayClient, Place, SaleDone, SaleLine, Tender
from tests.box_images import keep_image, keep_image_cut_off, put_back
from tests.programs import Caller, Reply, Shop, open_shop, sale_of, told, until


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own for each test: its box becomes another."""
    async with open_shop(tmp_path) as running:
        yield running


async def overdrawn(shop: Shop, sku: str, units: int) -> Any:  # noqa: ANN401
    """A sale that a supervisor answers for, where what the shop had is frozen."""
    body = sale_of(sku, units) | {"override": {"reason": "the customer has it in the hand"}}

    async def sell() -> Any:  # noqa: ANN401
        reply = await shop.supervisor.post("/v1/sales", body)
        return reply.json if reply.status == 201 else None

    return await until(sell)


async def becomes(shop: Shop, writer: str) -> Any:  # noqa: ANN401 - whatever the program says
    """Wait until the box sells as this writer; its status."""

    async def look() -> Any:  # noqa: ANN401
        try:
            status = await shop.status()
        except (aiohttp.ClientError, OSError, AssertionError):
            return None
        sells = status["selling"]["state"] == "normal"
        return status if status["writer"] == writer and sells else None

    return await until(look)


async def fenced_and_heard(shop: Shop) -> Any:  # noqa: ANN401 - whatever the program says
    """Wait until the box is replaced and the hub has all of it; its status."""

    async def look() -> Any:  # noqa: ANN401
        status = await shop.status()
        is_over = status["selling"]["reason"] == "fenced" and status["safe_to_unplug"]
        return status if is_over else None

    return await until(look)


async def tokens_told(shop: Shop) -> None:
    """Wait until a token that was made just now is known to the hub, for whoever comes next."""
    before = int((await shop.status())["journal"]["last_seq"])

    async def grown() -> bool:
        return bool((await shop.status())["journal"]["last_seq"] > before)

    await until(grown)
    await shop.settled()


def till(shop: Shop, name: str = "till-1") -> Caller:
    """A register with a token of its own."""
    return shop.at_gateway("cashier", register=name)


async def present(caller: Caller, witness: str, path: str = "/v1/products") -> Reply:
    """Ask for something and show a witness."""
    return await caller.ask("GET", path, headers={"Countertop-Witness": witness})


def kinds(status: Any) -> set[str]:  # noqa: ANN401
    """What the page asks a person to do."""
    return {alert["kind"] for alert in status["alerts"]}


async def sales_at_hub(shop: Shop) -> list[Any]:
    """Every sale that the hub shows."""
    return await shop.admin.all("/v1/sales")


async def test_an_old_image_goes_on_as_a_new_incarnation_and_its_sales_are_at_the_hub(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=20)
    image = await keep_image(shop)
    first = await shop.cashier.done("/v1/sales", sale_of(sku))
    await shop.settled()
    await put_back(shop, image)
    await shop.wan.set_mode(WanMode.CUT)
    await shop.start_gateway()
    second = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    await shop.wan.set_mode(WanMode.PASS)

    status = await becomes(shop, "riverside.3")
    await shop.connected()
    await shop.settled()

    assert {"image"} <= kinds(status)
    assert status["image"]["branch"] == "riverside.2"
    assert status["image"]["earlier"] == "riverside.1"
    ids = [one["id"] for one in await sales_at_hub(shop)]
    assert sorted(ids).count(first["id"]) + sorted(ids).count(second["id"]) >= 2
    assert (await shop.hub_stock(sku))["on_hand"] == 17
    assert (await shop.stock(sku))["on_hand"] == 17
    assert (shop.gateway_data / "gateway-riverside.1.db").exists()


async def test_an_old_image_that_hears_the_hub_at_once_sells_nothing_on_it(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    image = await keep_image(shop)
    await shop.cashier.done("/v1/sales", sale_of(sku))
    await shop.settled()
    await put_back(shop, image)
    await shop.start_gateway()

    status = await becomes(shop, "riverside.3")
    await shop.connected()
    await shop.settled()

    assert status["image"]["exposed_units"] == 0
    assert len(await sales_at_hub(shop)) == 1
    assert (await shop.stock(sku))["on_hand"] == 19


async def test_a_copy_beside_its_box_stays_off_and_the_page_says_so(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    image = await keep_image(shop)
    sold = await shop.cashier.done("/v1/sales", sale_of(sku))
    await shop.settled()
    shutil.copytree(image, shop.programs.root / "copy")
    async with SimWan.listening(to=("127.0.0.1", shop.hub.port)) as wan:
        await wan.set_mode(WanMode.CUT)
        program = await shop.programs.gateway(
            "copy", hub_url=f"http://{wan.host}:{wan.port}", options=shop.options
        )
        copied = replace(shop, location="copy", gateway=program, wan=wan)
        second = await copied.cashier.done("/v1/sales", sale_of(sku, 3))
        await wan.set_mode(WanMode.PASS)

        async def is_off() -> Any:  # noqa: ANN401
            status = await copied.status()
            is_told = status["selling"]["reason"] == "copied" and status["image"]["branch"]
            return status if is_told else None

        status = await until(is_off)
        refused = await copied.cashier.post("/v1/sales", sale_of(sku))
        await program.kill()
        again = await shop.programs.gateway(
            "copy", hub_url=f"http://{wan.host}:{wan.port}", options=shop.options
        )
        restarted = await replace(copied, gateway=again).status()

    assert "copied" in kinds(status)
    assert status["image"]["branch"] == "riverside.2"
    assert refused.refusal == (503, "unavailable")
    assert restarted["selling"]["reason"] == "copied"
    assert sorted(one["id"] for one in await sales_at_hub(shop)).count(second["id"]) >= 1
    assert sold["id"] in {one["id"] for one in await sales_at_hub(shop)}
    assert (await shop.cashier.post("/v1/sales", sale_of(sku))).status == 201
    await shop.settled()
    assert (await shop.hub_stock(sku))["on_hand"] == 15


async def test_a_replaced_box_hands_over_its_tail_and_ends_its_journal(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    await shop.settled()
    await shop.wan.set_mode(WanMode.CUT)
    await shop.cashier.done(
        "/v1/baskets", {"register": "till-1", "lines": [{"sku": sku, "quantity": 4}]}
    )
    sold = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    code = shop.code("riverside", "--replace", "--although-connected")
    other = await shop.programs.gateway(
        "other", hub_url=shop.hub.url, code=code, options=shop.options
    )
    await shop.wan.set_mode(WanMode.PASS)

    async def is_fenced() -> Any:  # noqa: ANN401
        lives = (await shop.admin.read("/v1/locations/riverside"))["lives"]
        status = await shop.status()
        is_over = status["selling"]["reason"] == "fenced" and status["safe_to_unplug"]
        return status if is_over and [one["state"] for one in lives] == ["sealed"] else None

    status = await until(is_fenced)
    await shop.gateway.kill()
    before = status["journal"]["last_seq"]
    await shop.start_gateway()
    restarted = await shop.status()

    assert "fenced" in kinds(status)
    assert restarted["selling"]["reason"] == "fenced"
    assert restarted["journal"]["last_seq"] == before
    assert sold["id"] in {one["id"] for one in await sales_at_hub(shop)}
    lives = (await shop.admin.read("/v1/locations/riverside"))["lives"]
    assert [(one["writer"], one["state"]) for one in lives] == [("riverside.1", "sealed")]
    new = replace(shop, location="other", gateway=other)
    await until(lambda: has_all(new, sku, 18))


async def has_all(shop: Shop, sku: str, units: int) -> bool:
    """Whether the box that lives may sell everything that is there."""
    stock = await shop.stock(sku)
    return bool(stock["on_hand"] == units and stock["quota"] > 0)


async def test_a_witness_that_nobody_can_have_seen_is_refused_and_stops_nothing(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=5)
    await shop.settled()
    head = int((await shop.cashier.get("/v1/status")).witness.split(";")[1])
    made_up = {
        "harbour.1;3;" + "0" * 64: 403,
        f"riverside.1;{head + 2_000_000};" + "0" * 64: 403,
        "riverside.9999;1;" + "0" * 64: 403,
        "riverside.1;x;0": 400,
    }
    caller = till(shop, "till-7")

    answers = {text: (await present(caller, text)).status for text in made_up}
    nobody = await present(replace(caller, token="ct_" + "a" * 43), f"riverside.1;{head + 5};00")
    technician = await present(shop.technician, f"riverside.1;{head + 5};00")
    status = await shop.status()

    assert answers == made_up
    assert (nobody.status, technician.status) == (401, 200)
    assert status["selling"]["state"] == "normal"
    assert [one["register"] for one in status["image"]["refused"]] == ["till-7"]
    assert "witness-refused" in kinds(status)
    assert (await caller.post("/v1/sales", sale_of(sku, register="till-7"))).status == 201


async def test_an_incarnation_that_the_hub_never_made_stops_the_shop_only_until_it_is_asked(
    shop: Shop,
) -> None:
    await shop.settled()
    caller, text = till(shop, "till-7"), "riverside.4;9;" + "0" * 64

    await present(caller, text)
    await becomes(shop, "riverside.1")

    assert (await present(caller, text)).refusal == (403, "forbidden")
    assert "witness-refused" in kinds(await shop.status())


async def test_sales_that_only_registers_know_are_handed_in_to_the_new_incarnation(
    shop: Shop, tmp_path: Path
) -> None:
    sku = await shop.product(stock=20)
    token = told("gateway", "token", "--data", str(shop.gateway_data), "--role", "cashier",
                 "--register", "till-1")  # fmt: skip
    await tokens_told(shop)
    await shop.settled()
    await shop.wan.set_mode(WanMode.CUT)
    image = await keep_image_cut_off(shop)
    place = Place(address=shop.gateway.url)
    async with GatewayClient(
        place, outbox=tmp_path / "outbox", token=token, register="till-1"
    ) as register:
        paid = Tender(type="cash", amount_minor=1_000)
        lost = await register.sell([SaleLine(sku=sku, quantity=3)], [paid])
        assert isinstance(lost, SaleDone)
        await put_back(shop, image)
        await shop.start_gateway()
        waiting = asyncio.create_task(register.sell([SaleLine(sku=sku, quantity=2)], [paid]))

        async def is_behind() -> Any:  # noqa: ANN401
            status = await shop.status()
            return status if status["selling"]["reason"] == "behind-witness" else None

        status = await until(is_behind)
        assert status["image"]["seen_by"] == "till-1"
        assert not waiting.done()
        await shop.wan.set_mode(WanMode.PASS)
        status = await becomes(shop, "riverside.2")
        assert "lost-entries" in kinds(status)
        waited = await waiting  # the new box has what the hub lends it
        assert isinstance(waited, SaleDone)
        assert waited.sale["writer"] == "riverside.2"
        other = await till(shop, "till-2").post("/v1/recovered-sales", {"sale": lost.sale})
        assert other.refusal == (403, "forbidden")
        assert await register.orphans.hand_in() == 0  # it was, after the sale that waited
        assert not register.orphans.not_taken
        await shop.settled()
        assert await register.forget_what_the_hub_has() == 2
        head = int((await shop.cashier.get("/v1/status")).witness.split(";")[1])
        lie = await present(
            replace(till(shop), token=token), f"riverside.2;{head + 50};" + "0" * 64
        )
        assert lie.refusal == (403, "forbidden")
        assert (await shop.status())["selling"]["state"] == "normal"

    ids = [one["id"] for one in await sales_at_hub(shop)]
    assert sorted(ids) == [lost.sale_id, waited.sale_id]
    assert (await shop.hub_stock(sku))["on_hand"] == 15
    again = await shop.cashier.read(f"/v1/sales/{lost.sale['number']}")
    assert again == lost.sale
    back = {
        "sale": str(lost.sale["number"]), "lines": [{"sku": sku, "quantity": 1}],
        "register": "till-1", "reason": "changed_mind",
    }  # fmt: skip
    assert (await shop.supervisor.post("/v1/returns", back)).status == 201
    assert (await shop.supervisor.post("/v1/returns", back)).status == 201
    assert (await shop.supervisor.post("/v1/returns", back)).status == 201
    assert (await shop.supervisor.post("/v1/returns", back)).refusal == (409, "conflict")


async def test_an_image_that_is_put_back_twice_and_killed_on_the_way_loses_no_sale(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=30)
    told_of: list[Any] = []
    for number, (earlier, writer) in enumerate(
        [("riverside.1", "riverside.3"), ("riverside.3", "riverside.5")]
    ):
        image = await keep_image(shop, f"image-{number}")
        told_of.append(await overdrawn(shop, sku, 1))
        await shop.settled()
        await put_back(shop, image)
        await shop.wan.set_mode(WanMode.CUT)
        await shop.start_gateway()
        told_of.append(await overdrawn(shop, sku, 2 + number))
        await shop.wan.set_mode(WanMode.PASS)
        for kill in range(4):
            await asyncio.sleep(0.15 * (kill + number))
            await shop.gateway.kill()
            if kill == 1:
                await shop.hub.kill()
                await shop.start_gateway()
                await asyncio.sleep(0.3)
                await shop.gateway.kill()
                await shop.start_hub()
            await shop.start_gateway()
        shop.admin = replace(shop.admin, url=shop.hub.url)
        status = await becomes(shop, writer)
        await shop.connected()
        await shop.settled()
        assert status["image"]["earlier"] == earlier

    listed = await sales_at_hub(shop)
    assert len({one["id"] for one in listed}) == len(listed)  # of two with one id, one has another
    at_hub = [(one["number"], one["total_minor"]) for one in listed]
    for sale in told_of:
        assert at_hub.count((sale["number"], sale["total_minor"])) == 1
    assert (await shop.hub_stock(sku))["on_hand"] == 30 - 1 - 2 - 1 - 3
    assert (await shop.stock(sku))["on_hand"] == 30 - 1 - 2 - 1 - 3


async def test_an_image_of_a_box_that_stood_on_a_branch_loses_no_sale(shop: Shop) -> None:
    sku = await shop.product(stock=30)
    image = await keep_image(shop)
    sold = [await overdrawn(shop, sku, 1)]
    await shop.settled()
    await put_back(shop, image)
    await shop.wan.set_mode(WanMode.CUT)
    await shop.start_gateway()
    sold.append(await overdrawn(shop, sku, 2))
    await shop.gateway.stop()
    second = shop.gateway_data.with_name("second")
    shutil.copytree(shop.gateway_data, second)  # of a box that is on its own branch already
    await shop.start_gateway()
    sold.append(await overdrawn(shop, sku, 3))
    await shop.wan.set_mode(WanMode.PASS)
    await becomes(shop, "riverside.3")
    await shop.connected()
    await shop.settled()
    await put_back(shop, second)
    await shop.wan.set_mode(WanMode.CUT)
    await shop.start_gateway()
    sold.append(await overdrawn(shop, sku, 4))
    await shop.wan.set_mode(WanMode.PASS)

    status = await fenced_and_heard(shop)

    assert status["image"]["branch"] == "riverside.4"
    at_hub = [(one["number"], one["total_minor"]) for one in await sales_at_hub(shop)]
    assert sorted(at_hub) == sorted((one["number"], one["total_minor"]) for one in sold)
    assert (await shop.hub_stock(sku))["on_hand"] == 30 - 1 - 2 - 3 - 4


async def test_an_old_image_of_a_box_that_was_replaced_hands_over_its_branch_and_stays_off(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=30)
    image = await keep_image(shop)
    await shop.cashier.done("/v1/sales", sale_of(sku))
    await shop.settled()
    await put_back(shop, image)
    code = shop.code("riverside", "--replace")
    await shop.programs.gateway("other", hub_url=shop.hub.url, code=code, options=shop.options)
    await shop.wan.set_mode(WanMode.CUT)
    await shop.start_gateway()
    sold = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    await shop.wan.set_mode(WanMode.PASS)

    status = await fenced_and_heard(shop)

    assert status["image"]["branch"] == "riverside.3"
    at_hub = [(one["number"], one["total_minor"]) for one in await sales_at_hub(shop)]
    assert at_hub.count((sold["number"], sold["total_minor"])) == 1
