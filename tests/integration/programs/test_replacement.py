"""Goal: a new box takes a destroyed one's place, and nothing that anybody was told is lost.

Method: hub, gateway, a thin register's requests and a register that sells alone, all as programs.
The gateway's data directory is destroyed while the line is cut; another box is enrolled in its
place on another directory. Then the books are compared, audited, and the old box's rights taken
back by counting and attesting. A new box is also killed again and again while it takes over.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import msgspec
import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from gateway.app import DATABASE, open_database
from gateway.identity import store_identity
from gateway.lives.restoring import Progress, Step, progress_of
from replication.adapters.sqlite import ReplicaStore, connect, transaction
from scripts.processes import Programs
from tests.enrolled import identity_of
from tests.programs import Caller, Reply, Shop, fresh, open_shop, sale_of, told, until
from tests.register_program import enrolled, ids_of, running
from tests.replacement import destroyed, replaced, sells, told_tokens


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop whose gateway may be destroyed."""
    async with open_shop(tmp_path_factory.mktemp("replaced")) as shop:
        yield shop


async def counted(shop: Shop, units: dict[str, int]) -> None:
    """All of these are counted."""
    count = await shop.manager.done("/v1/stock/counts", {"skus": list(units)})
    path = f"/v1/stock/counts/{count['id']}"
    lines = [{"sku": sku, "counted": many} for sku, many in units.items()]
    await shop.manager.done(f"{path}/lines", {"lines": lines})
    await shop.manager.done(f"{path}/close", {})


async def audit(shop: Shop) -> list[Any]:
    """What the audit finds."""
    reply: Reply = await shop.auditor.ask("POST", "/v1/audit", body={})
    return list(reply.json["differences"])


async def test_a_register_that_only_the_destroyed_box_knew_brings_up_what_it_sold(
    shop: Shop,
) -> None:
    sku = await shop.product(price=100, stock=40)
    token = shop.at_gateway("cashier", register="till-7").token
    await told_tokens(shop)
    await shop.wan.set_mode(WanMode.CUT)
    register = await enrolled(shop, "till-7", token=token)
    async with running(register) as alone:
        await alone.holds(4)
        sales = [await alone.sold(sku)]
        await alone.is_handed_over()
        await destroyed(shop)
        sales.append(await alone.sold(sku))

        await shop.wan.set_mode(WanMode.PASS)
        await replaced(shop, name="unheard")
        await sells(shop)
        await alone.is_linked("connected")
        sales.append(await alone.sold(sku))
        await alone.is_handed_over()
        await shop.settled()

        at_hub = [sale["id"] for sale in await shop.auditor.all("/v1/sales")]
        assert [sale_id for sale_id in sorted(at_hub) if ".till-7." in sale_id] == ids_of(sales)
        assert all(".till-7.1-" in sale["id"] for sale in sales)
        assert await audit(shop) == []


async def test_a_destroyed_box_is_replaced_and_the_books_end_equal(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=40)
    register = await enrolled(shop, "till-9")
    async with running(register) as alone:
        await alone.holds(4)
        first = await alone.sold(sku)
        key = fresh("lost-answer")
        lost = await shop.cashier.done("/v1/sales", sale_of(sku, cash=100), key=key)
        await told_tokens(shop)

        await shop.wan.set_mode(WanMode.CUT)
        told_alone = [first, *[await alone.sold(sku) for _ in range(3)]]
        await alone.is_handed_over()
        forgotten = await shop.cashier.done("/v1/sales", sale_of(sku, cash=100))
        await destroyed(shop)
        told_alone.append(await alone.sold(sku))
        await shop.wan.set_mode(WanMode.PASS)
        await replaced(shop)
        await sells(shop)

        again = await shop.cashier.post("/v1/sales", sale_of(sku, cash=100), key=key)
        assert (again.status, again.json) == (201, lost)
        await alone.is_linked("connected")
        await alone.is_handed_over()
        await shop.settled()

    at_hub = [one["id"] for one in await shop.auditor.all("/v1/sales")]
    assert sorted(at_hub) == sorted([lost["id"], *ids_of(told_alone)])
    assert forgotten["id"] not in at_hub
    box = (await shop.status())["new_box"]
    assert [(one["writer"], one["is_open"]) for one in box["earlier"]] == [("riverside.1", True)]
    assert box["silent"] == []

    path = f"/v1/locations/{shop.location}/attest"
    gone = {"writer": "riverside.1", "reason": "burnt"}
    assert (await shop.admin.post(path, gone)).refusal == (409, "conflict")
    left = 40 - len(told_alone) - 2
    paper = {"lines": [{"sku": sku, "quantity": 9}], "reference": "PO 7", "came_before": True}
    refused = await shop.manager.post("/v1/stock/receipts", paper)
    assert (refused.refusal, refused.json["field"]) == ((409, "conflict"), "$.came_before")
    await counted(shop, {sku: left})
    await shop.manager.done("/v1/stock/receipts", paper)
    await shop.settled()
    attested = await shop.admin.done(path, gone)
    await shop.settled()

    assert attested["reclaimed_units"] > 0
    assert (await shop.stock(sku))["on_hand"] == left
    assert (await shop.hub_stock(sku))["on_hand"] == left
    assert await audit(shop) == []


async def progress_after(data: Path, before: Progress | None) -> Progress:
    """Wait until a box has got on with taking over, as its file says."""

    async def look() -> Progress | None:
        if not (data / DATABASE).exists():
            return None
        connection = connect(data / DATABASE, read_only=True)
        try:
            found = progress_of(ReplicaStore(connection))
        except apsw.SQLError:
            return None  # its schema is not there yet
        finally:
            connection.close()
        return None if found == before else found

    return await until(look)


async def test_a_new_box_that_is_killed_again_and_again_takes_over_all_the_same(
    shop: Shop,
) -> None:
    skus = [await shop.product(stock=0) for _ in range(3)]
    lines = [{"sku": sku, "quantity": 400} for sku in skus]
    await shop.manager.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
    sold = [await shop.cashier.done("/v1/sales", sale_of(sku)) for sku in skus * 200]
    await told_tokens(shop)
    before = {sku: await shop.stock(sku) for sku in skus}
    await destroyed(shop)

    data, known, kills = shop.programs.root / "another-box", None, 0
    await replaced(shop)
    while (known := await progress_after(data, known)).step is not Step.DONE:
        await shop.gateway.kill()
        kills += 1
        shop.gateway = await shop.programs.gateway(
            "another-box",
            hub_url=f"http://{shop.wan.host}:{shop.wan.port}",
            listen=f"127.0.0.1:{shop.gateway.port}",
            options=shop.options,
        )
    await sells(shop)

    here = {one["id"] for one in await shop.cashier.all("/v1/sales")}
    assert {sale["id"] for sale in sold} <= here
    for sku, stock in before.items():
        assert (await shop.stock(sku))["on_hand"] == stock["on_hand"] == 200
    assert (await shop.cashier.get(f"/v1/sales/{sold[0]['id']}/receipt")).status == 200
    assert await audit(shop) == []
    assert kills


async def test_a_new_box_sells_nothing_before_the_hub_was_heard_and_says_so(
    tmp_path: Path,
) -> None:
    data = tmp_path / "riverside"
    data.mkdir()
    connection = open_database(data)
    with transaction(connection):
        identity = msgspec.structs.replace(identity_of("riverside"), writer="riverside.2")
        store_identity(ReplicaStore(connection), identity)
    connection.close()
    token = told("gateway", "token", "--data", str(data), "--role", "cashier")

    async with Programs(tmp_path) as programs, aiohttp.ClientSession() as client:
        for _ in "ab":  # and after it was switched off and on again
            box = await programs.gateway(
                "riverside", hub_url="http://127.0.0.1:9", options=("--no-mdns",)
            )
            cashier = Caller(client=client, url=box.url, token=token)

            async def tries(cashier: Caller = cashier) -> Any:  # noqa: ANN401 - as JSON
                report = (await cashier.read("/v1/status"))["new_box"]
                return report if report["error"] else None

            report = await until(tries)
            refused = await cashier.post("/v1/sales", sale_of("tea"))
            status = await cashier.read("/v1/status")
            await box.kill()

            assert report["step"] == "state"
            assert report["error"].startswith("the hub is not heard")
            assert refused.refusal == (503, "unavailable")
            assert refused.json["detail"].startswith("Not selling yet: this box is new")
            assert status["headline"].startswith("Not selling yet: this box is new")
            assert status["journal"]["last_seq"] == 0
            assert [alert["kind"] for alert in status["alerts"]][:1] == ["restoring"]
