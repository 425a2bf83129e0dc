"""Goal: whoever stole a register can do nothing with its token once the register is written off.

A register that is found after all brings what it sold with that token, is told that it is over, and
gets a new one by the command.

Method: real hub, gateway and registers; the thief asks over HTTP with the register's own token.
"""

import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest_asyncio

from tests.hand_register import enrolled as enrolled_by_hand
from tests.programs import Caller, Shop, fresh, open_shop, sale_of, told, until
from tests.register_program import RegisterProgram, copied, enrolled, register_command, running

NAME = "till-3"
WRITER = "riverside.till-3.1"
FORBIDDEN = (403, "forbidden")


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its gateway is restarted and replaced."""
    async with open_shop(tmp_path) as running:
        yield running


def new_token(shop: Shop, name: str = NAME) -> str:
    """A token made by the command that the docs name."""
    return told(
        "gateway", "token", "--data", str(shop.gateway_data), "--role", "cashier",
        "--register", name,
    )  # fmt: skip


def thief_of(shop: Shop, token: str) -> Caller:
    """Somebody who has nothing but a register's token."""
    return Caller(client=shop.client, url=shop.gateway.url, token=token)


async def written_off(shop: Shop, name: str = NAME) -> None:
    """A manager says that it is gone, as soon as the gateway knows that its link has ended."""
    path = f"/v1/registers/{name}/lost"

    async def is_gone() -> bool:
        return (await shop.manager.post(path, {"reason": "stolen"})).status == 201

    await until(is_gone)


async def has_sold_alone(shop: Shop, token: str, sku: str) -> Path:
    """The directory of a register that is off, with a sale that nobody has heard of."""
    data = await enrolled(shop, NAME, token=token)
    async with running(data) as register:
        await register.holds(2)
        await shop.gateway.kill()
        await register.sold(sku)
        assert await register.stop() == 0
    await shop.start_gateway()
    await shop.connected()
    return data


async def is_refused(shop: Shop, thief: Caller, sku: str) -> None:
    """The token sells, shows and enrols nothing."""
    before = await shop.stock(sku)
    box = fresh("box") + "-0123456789abcdef"
    sold = await thief.post("/v1/sales", sale_of(sku, register=NAME))
    enrols = await thief.post("/v1/registers", {"register": NAME, "box": box})

    assert sold.refusal == FORBIDDEN
    assert (await thief.get("/v1/token")).refusal == FORBIDDEN
    assert (await thief.get("/v1/products")).refusal == FORBIDDEN
    assert enrols.refusal == FORBIDDEN
    assert f"--role cashier --register {NAME}" in enrols.json["detail"]
    assert await shop.stock(sku) == before


async def is_over(register: RegisterProgram) -> bool:
    """Whether it was told that it is that register no more."""
    return "written off" in ((await register.status())["stopped"] or "")


async def is_told_and_has_handed_over(shop: Shop, data: Path, sku: str, on_hand: int) -> None:
    """It is found: what it sold is booked, and it sells no more."""
    async with running(data) as register:
        await until(partial(is_over, register))
        await register.is_handed_over()
        assert (await register.sell(sku))["refused"]["status"] == 503

    async def is_booked() -> bool:
        return bool((await shop.stock(sku))["on_hand"] == on_hand)

    await until(is_booked)


async def test_the_token_of_a_register_that_is_written_off_ends_at_once_and_it_hands_over_if_found(
    shop: Shop,
) -> None:
    sku, token = await shop.product(price=100, stock=40), new_token(shop)
    data = await has_sold_alone(shop, token, sku)
    thief = thief_of(shop, token)
    assert (await thief.get("/v1/token")).status == 200

    await written_off(shop)
    await is_refused(shop, thief, sku)
    await is_told_and_has_handed_over(shop, data, sku, 39)
    status, _, noted = await register_command(
        "enrol", "--data", str(shop.programs.root / "by-the-thief"),
        "--gateway", shop.gateway.url, "--register", NAME, "--token", token,
    )  # fmt: skip
    assert status == 2
    assert f"--role cashier --register {NAME}" in noted

    again = await enrolled(shop, NAME, token=new_token(shop), directory="till-3-again")
    async with running(again) as register:
        await register.holds(1)
        assert (await register.sold(sku))["number"] == "RIVERSIDE.TILL-3-2-000001"
        await register.is_handed_over()


async def test_its_token_is_ended_at_the_box_that_takes_the_gateways_place(shop: Shop) -> None:
    sku, token = await shop.product(price=100, stock=40), new_token(shop)
    data = await has_sold_alone(shop, token, sku)
    await written_off(shop)
    await shop.settled()
    await shop.gateway.kill()
    shutil.rmtree(shop.gateway_data)

    async def is_gone() -> bool:
        return bool((await shop.fleet())["link"]["state"] != "connected")

    await until(is_gone)
    shop.gateway = await shop.programs.gateway(
        "another-box",
        hub_url=f"http://{shop.wan.host}:{shop.wan.port}",
        code=shop.code(shop.location, "--replace"),
        listen=f"127.0.0.1:{shop.gateway.port}",
        options=shop.options,
    )

    async def is_selling() -> bool:
        reply = await shop.technician.get("/v1/status")
        return bool(reply.status == 200 and reply.json["selling"]["state"] == "normal")

    await until(is_selling)
    await is_refused(shop, thief := thief_of(shop, token), sku)
    made_up = {"register": NAME, "box": fresh("box") + "-0123456789", "writer": f"{WRITER[:-1]}7"}
    await thief.post("/v1/registers", made_up)
    rows = (await shop.manager.read("/v1/registers?limit=500"))["items"]
    assert {row["state"] for row in rows if row["register"] == NAME} <= {"lost", "replaced"}
    await is_told_and_has_handed_over(shop, data, sku, 39)


async def test_an_old_copy_of_its_disk_hands_over_with_that_token_and_stays_off(
    shop: Shop,
) -> None:
    sku, token = await shop.product(price=100, stock=40), new_token(shop)
    _, copy = await copied(shop, sku, NAME, units=4, token=token)
    await written_off(shop)
    await shop.gateway.stop()
    async with running(copy) as register:
        await register.sold(sku)
        await shop.start_gateway()

        async def is_handed_over() -> bool:
            status = await register.status()
            return bool(status["writer"] != WRITER and status["sales_waiting"] == 0)

        await until(is_handed_over)
        await until(partial(is_not_selling, register))

    async def is_booked() -> bool:
        return bool((await shop.stock(sku))["on_hand"] == 38)

    await until(is_booked)


async def is_not_selling(register: RegisterProgram) -> bool:
    """Whether it says that it does not sell."""
    return (await register.status())["stopped"] is not None


async def test_where_another_box_has_the_name_by_now_its_token_counts_on(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=40)
    first = await enrolled_by_hand(shop, NAME)
    second = await enrolled_by_hand(shop, NAME)
    lost = {"reason": "stolen", "writer": first.writer}

    assert (await shop.manager.post(f"/v1/registers/{NAME}/lost", lost)).status == 201

    sold = await second.caller.post("/v1/sales", sale_of(sku, register=NAME))
    assert sold.status == 201
