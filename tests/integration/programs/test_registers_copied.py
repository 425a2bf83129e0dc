"""Goal: a register whose disk is an old copy, or a copy of another's, loses no sale and says so.

Method: real programs. A register's directory is copied while it is off, and put back later or run
beside the first one; what it sold alone meanwhile is looked for at the hub, each sale once.
"""

import asyncio
import contextlib
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest_asyncio

from devices.sim.wan import WanMode
from gateway.client.register_file import FILE
from replication.adapters.sqlite import ReplicaStore, connect
from scripts.processes import PROJECT
from tests.programs import PATIENCE_S, Caller, Shop, open_shop, told, until
from tests.register_program import (
    RegisterProgram,
    Said,
    copied,
    enrolled,
    register_command,
    running,
)

NAME = "till-8"
WRITER = "riverside.till-8.1"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its registers become others."""
    async with open_shop(tmp_path) as running:
        yield running


class Sold:
    """What was sold, and what is left on the shelf."""

    def __init__(self, sku: str, units: int) -> None:
        self.sku = sku
        self.on_shelf = units
        self.numbers: list[str] = []

    async def sell(self, register: RegisterProgram, units: int = 1) -> Said:
        """A customer takes units; the sale."""
        sale = await register.sold(self.sku, units)
        self.on_shelf -= units
        self.numbers.append(sale["number"])
        return sale


async def is_back(shop: Shop) -> None:
    """The gateway is switched on again."""
    await shop.start_gateway()
    await shop.connected()


async def is_called(register: RegisterProgram, writer: str) -> Said:
    """Wait until a register goes by that name, and sells or not; its status."""

    async def look() -> Said | None:
        status = await register.status()
        return status if status["writer"] == writer else None

    return await until(look)


async def is_booked(shop: Shop, sold: Sold) -> list[Any]:
    """Each sale is at the hub once, and the shelf is as the books say; the hub's list."""
    await shop.settled()

    async def is_even() -> bool:
        here, there = await shop.stock(sold.sku), await shop.hub_stock(sold.sku)
        return bool(here["on_hand"] == there["on_hand"] == sold.on_shelf)

    await until(is_even)
    at_hub = await shop.auditor.all("/v1/sales")
    assert sorted(one["number"] for one in at_hub) == sorted(sold.numbers)
    assert len({one["id"] for one in at_hub}) == len(at_hub)
    here = await shop.manager.all("/v1/sales")
    assert len({one["id"] for one in here}) == len(here) == len(at_hub)
    audit = await shop.auditor.ask("POST", "/v1/audit", body={})
    assert audit.json["differences"] == [], audit.json
    return at_hub


async def started(shop: Shop, units: int = 40) -> Sold:
    """Goods that are sold below, of which the register has sold one when its disk was copied."""
    sold = Sold(await shop.product(price=100, stock=units), units)
    sold.on_shelf -= 1
    sold.numbers.append("RIVERSIDE.TILL-8-1-000001")
    return sold


async def test_an_old_disk_goes_on_under_a_new_name_with_all_that_it_sold(shop: Shop) -> None:
    sold = await started(shop)
    _, copy = await copied(shop, sold.sku, NAME, units=5)

    await shop.gateway.stop()
    async with running(copy) as register:
        first = await sold.sell(register, 2)
        await sold.sell(register)
        await is_back(shop)
        status = await is_called(register, "riverside.till-8.2")
        assert status["old_copy"]["earlier"] == WRITER
        assert (status["old_copy"]["sales"], status["old_copy"]["units"]) == (2, 3)
        assert "Its disk was an old copy of riverside.till-8.1" in status["headline"]
        await register.holds(1)
        await sold.sell(register)
        await register.is_handed_over()
        shown = await register.ask(f"receipt {first['number']}")

    assert shown["number"] == first["number"] == sold.numbers[0]
    assert shown["lines"][0]["quantity"] == 2
    at_hub = await is_booked(shop, sold)
    twice = {one["id"]: one["lines"][0]["quantity"] for one in at_hub
             if one["number"] == first["number"]}  # fmt: skip
    assert sorted(twice.values()) == [1, 2]
    assert [one for one in twice if one.startswith("riverside.till-8.2-")]
    status = await shop.status()
    [alert] = [one for one in status["alerts"] if one["kind"] == "register-image"]
    assert "goes on as riverside.till-8.2" in alert["sentence"]
    assert "2 sales, 3 units" in alert["action"]
    rows = {one["writer"]: one for one in (await shop.manager.read("/v1/registers"))["items"]}
    assert rows["riverside.till-8.2"]["image_of"] == WRITER
    assert rows["riverside.till-8.2"]["recovered_units"] == 3
    assert rows[WRITER]["state"] == "replaced"
    assert (copy / f"register-{WRITER}.db").exists()


async def test_a_copy_beside_the_register_hands_over_and_stays_off(shop: Shop) -> None:
    sold = await started(shop)
    data, copy = await copied(shop, sold.sku, NAME, units=5)

    await shop.gateway.stop()
    async with running(data) as register, running(copy) as other:
        await sold.sell(other, 2)
        await sold.sell(register)
        await other.kill()
        await is_back(shop)
        await register.is_linked("connected")
        async with running(copy) as again:
            await is_called(again, "riverside.till-8.2")

            async def is_off() -> Said | None:
                status = await again.status()
                is_there = status["at_hub_seq"] == status["last_seq"]
                return status if status["stopped"] and is_there else None

            status = await until(is_off)
            assert "another box sells as riverside.till-8.1" in status["headline"]
            assert "refused" in await again.sell(sold.sku)
        await sold.sell(register)
        await register.is_handed_over()
        await is_booked(shop, sold)

    [alert] = [one for one in (await shop.status())["alerts"] if one["kind"] == "register-copied"]
    assert alert["subject"] == "riverside.till-8.2"
    rows = {one["writer"]: one for one in (await shop.manager.read("/v1/registers"))["items"]}
    assert rows[WRITER]["state"] in {"away", "connected"}
    assert rows["riverside.till-8.2"]["reason"].startswith("it runs from a copy")


async def test_the_same_disk_put_back_twice_and_once_more_while_it_ran_loses_nothing(
    shop: Shop,
) -> None:
    sold = await started(shop, 400)  # what each incarnation held is frozen
    _, first = await copied(shop, sold.sku, NAME, units=5)
    again, later = first.with_name("again"), first.with_name("later")
    shutil.copytree(first, again)
    await shop.gateway.stop()
    async with running(first) as register:
        await sold.sell(register, 2)
        assert await register.stop() == 0
    shutil.copytree(first, later)  # of the box while it ran on the old disk
    await is_back(shop)

    async with running(first) as register:
        await is_called(register, "riverside.till-8.2")
        await register.is_handed_over()
    for name, disk, units in (("till-8.3", again, 1), ("till-8.4", later, 3)):
        await shop.gateway.stop()
        async with running(disk) as register:
            await sold.sell(register, units)
            await is_back(shop)
            await is_called(register, f"riverside.{name}")
            await register.holds(1)
            await sold.sell(register)
            await register.is_handed_over()
            await shop.settled()

    await is_booked(shop, sold)
    rows = {one["writer"]: one for one in (await shop.manager.read("/v1/registers"))["items"]}
    assert rows["riverside.till-8.4"]["recovered_units"] == 5  # two of them were told before
    assert [one for one in rows if rows[one]["state"] != "replaced"] == ["riverside.till-8.4"]


def has_meta(data: Path, name: str) -> bool:
    """Whether a register's file says something."""
    with contextlib.closing(connect(data / FILE, read_only=True)) as connection:
        return ReplicaStore(connection).meta(name) is not None


async def test_it_is_killed_at_every_step_and_goes_on(shop: Shop) -> None:
    sold = await started(shop)
    _, copy = await copied(shop, sold.sku, NAME, units=5)
    await shop.gateway.stop()
    async with running(copy) as register:
        for _ in range(3):
            await sold.sell(register)
        await register.kill()
    await is_back(shop)

    aside = copy / f"register-{WRITER}.db"
    moments: list[Callable[[], bool]] = [
        partial(has_meta, copy, "parting"),
        partial(has_meta, copy, "next_life"),
        (copy / "register.next.db").exists,
        aside.exists,
    ]
    for is_there in moments:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.client", "run", "--data", str(copy), "--json",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, cwd=PROJECT,
        )  # fmt: skip
        await asyncio.to_thread(wait_for, is_there, aside.exists)
        process.kill()
        await process.wait()

    async with running(copy) as register:
        await is_called(register, "riverside.till-8.2")
        await register.holds(1)
        await sold.sell(register)
        await register.is_handed_over()
        await is_booked(shop, sold)
    rows = (await shop.manager.read("/v1/registers"))["items"]
    assert [one["recovered_sales"] for one in rows if one["state"] != "replaced"] == [3]


def is_seen(is_there: Callable[[], bool]) -> bool:
    """Whether it is so; of a file that is made or renamed at this moment nobody can say."""
    try:
        return is_there()
    except (OSError, apsw.Error):
        return False


def wait_for(*moments: Callable[[], bool]) -> None:
    """Look without a pause: what is waited for lasts some milliseconds."""
    end_s = time.monotonic() + PATIENCE_S
    while not any(map(is_seen, moments)):
        assert time.monotonic() < end_s, "it never came"


async def test_a_gateway_that_burns_before_the_hub_has_heard_loses_nothing(shop: Shop) -> None:
    sold = await started(shop)
    _, copy = await copied(shop, sold.sku, NAME, units=5)
    await shop.gateway.stop()
    async with running(copy) as register:
        await sold.sell(register, 2)
        await shop.wan.set_mode(WanMode.CUT)
        await shop.start_gateway()
        await is_called(register, "riverside.till-8.2")
        await register.holds(1)
        await sold.sell(register)
        await register.is_handed_over()
        await shop.gateway.kill()
        shutil.rmtree(shop.gateway_data)
        await shop.wan.set_mode(WanMode.PASS)

        async def is_gone() -> bool:
            return bool((await shop.fleet())["link"]["state"] != "connected")

        await until(is_gone)
        shop.gateway = await shop.programs.gateway(
            shop.location,
            hub_url=shop.hub.url,
            listen=f"127.0.0.1:{shop.gateway.port}",
            code=shop.code(shop.location, "--replace"),
            options=shop.options,
        )
        for role in ("cashier", "supervisor", "manager", "technician"):
            setattr(shop, role, at_new_box(shop, role))
        await register.is_linked("connected")
        await register.is_handed_over()
        await is_booked(shop, sold)


def at_new_box(shop: Shop, role: str) -> Caller:
    """A token of the box that took the place."""
    token = told("gateway", "token", "--data", str(shop.gateway_data), "--role", role)
    return replace(shop.cashier, token=token)


async def test_what_cannot_be_true_is_refused_with_a_sentence(shop: Shop) -> None:
    await shop.product(stock=5)
    data = await enrolled(shop, NAME)
    async with running(data) as register:
        await register.is_linked("connected")
        await register.is_handed_over()
    own = shop.at_gateway("cashier", register=NAME)
    held = await own.read(hash_of(WRITER, 1))
    assert held["hash"] is not None
    future = await own.read(hash_of(WRITER, 999_999_999))
    assert (future["hash"], future["head_seq"]) == (None, held["head_seq"])
    before = (await shop.status())["journal"]["last_seq"]

    for place, status in (
        (hash_of("riverside.till-9.1", 1), 403),
        (hash_of("hillside.till-8.1", 1), 404),
        (hash_of("riverside.1", 1), 404),
        (hash_of("../../etc", 1), 400),
        (hash_of(WRITER, -1), 400),
    ):
        assert (await own.get(place)).status == status, place
    common = {"writer": WRITER, "seq": 1, "hash": held["hash"]}
    for changes, status, said in (
        ({"hash": "0" * 64}, 409, "another entry 1 of"),
        ({"seq": 10**12}, 409, "or none: it ends at"),
        ({"writer": "hillside.till-8.1"}, 409, "is no register till-8 of riverside"),
        ({"writer": "riverside.till-8.7"}, 409, "is not enrolled at riverside.1"),
        ({"seq": held["head_seq"], "hash": held["head_hash"]}, 409, "this is no old copy"),
        ({"hash": "xyz"}, 422, "hash"),
        ({"seq": -1}, 422, "seq"),
        ({"more": 1}, 422, "more"),
    ):
        body = {"register": NAME, "box": "0123456789abcdef", "image_of": common | changes}
        reply = await own.post("/v1/registers", body)
        assert (reply.status, said in str(reply.json["detail"])) == (status, True), reply.json
    other = shop.at_gateway("cashier", register="till-9")
    body = {"register": NAME, "box": "0123456789abcdef", "image_of": common}
    assert (await other.post("/v1/registers", body)).status == 403
    assert (await shop.status())["journal"]["last_seq"] == before
    [row] = (await shop.manager.read("/v1/registers"))["items"]
    assert (row["writer"], row["image_of"]) == (WRITER, None)


def hash_of(writer: str, seq: int) -> str:
    """Where the gateway says what it has of a register's journal."""
    return f"/v1/registers/hash?writer={writer}&seq={seq}"


async def test_a_token_that_was_ended_is_told_at_the_register(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=20)
    own = shop.at_gateway("cashier", register=NAME)
    data = await enrolled(shop, NAME, token=own.token)
    async with running(data) as register:
        await register.holds(3)
        await register.sold(sku)
        await register.is_handed_over()
        await shop.gateway.stop()
        with contextlib.closing(connect(shop.gateway_data / "gateway.db")) as connection:
            connection.execute("DELETE FROM token WHERE register = ?", (NAME,))
        await register.sold(sku)
        await shop.start_gateway()

        async def is_told() -> Said | None:
            status = await register.status()
            return status if "does not know" in status["headline"] else None

        status = await until(is_told)
        assert "--role cashier --register till-8" in status["headline"]
        assert "1 sale is only here" in status["headline"]
        await register.sold(sku)
    anew = shop.at_gateway("cashier", register=NAME).token
    async with running(data, "--token", str(anew)) as register:
        await register.is_linked("connected")
        await register.is_handed_over()
    await shop.settled()
    assert len(await shop.auditor.all("/v1/sales")) == 3
    status_of_file, printed, _ = await register_command("status", "--data", str(data), "--json")
    assert status_of_file == 0
    assert json.loads(printed)["sales_waiting"] == 0
