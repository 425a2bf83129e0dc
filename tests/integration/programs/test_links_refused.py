"""Goal: a journal that is refused is called so, by who sends it and by who refuses it.

Method: real programs. An entry that was not sent yet gets another hash while its program is off, as
a bad disk would have it: what comes after it follows from nothing.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from devices.sim.wan import WanMode
from replication.adapters.sqlite import connect, transaction
from tests.programs import Shop, open_shop, sale_of, until
from tests.register_program import enrolled, running


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: a journal of it is damaged."""
    async with open_shop(tmp_path) as running:
        yield running


def damage(file: Path, writer: str) -> None:
    """Change the hash of a writer's last entry."""
    connection = connect(file)
    with transaction(connection):
        connection.execute(
            "UPDATE entry SET hash = randomblob(32) WHERE writer = ?1 "
            "AND seq = (SELECT max(seq) FROM entry WHERE writer = ?1)",
            (writer,),
        )
    connection.close()


async def alert(shop: Shop, kind: str) -> Any:  # noqa: ANN401 - whatever the program says
    """Wait for an alert of a kind; the status that has it, and the alert."""

    async def look() -> Any:  # noqa: ANN401
        status = await shop.status()
        found = [one for one in status["alerts"] if one["kind"] == kind]
        return (status, found[0]) if found else None

    return await until(look)


async def test_a_register_whose_journal_is_refused_and_its_gateway_say_why(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=60)
    data = await enrolled(shop, "till-8")
    async with running(data) as register:
        await register.holds(6)
        await register.is_handed_over()
        await shop.gateway.stop()
        await register.sold(sku)
        await register.stop()
    damage(data / "register.db", "riverside.till-8.1")
    await shop.start_gateway()

    async with running(data) as register:

        async def is_refused() -> Any:  # noqa: ANN401
            status = await register.status()
            return status if status["refused"] else None

        said = await until(is_refused)
        status, told = await alert(shop, "register-refused")
        assert "sale" in await register.sell(sku)

    assert "does not follow" in said["headline"]
    assert "1 sale is only here, until it does." in said["headline"]
    assert (told["subject"], told["severity"]) == ("till-8", "bad")
    assert "does not follow" in told["sentence"]
    assert status["selling"]["state"] == "normal"


async def test_a_gateway_whose_journal_is_refused_does_not_blame_the_internet(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=60)
    await shop.settled()
    await shop.wan.set_mode(WanMode.CUT)
    await shop.cashier.done("/v1/sales", sale_of(sku, cash=100))
    await shop.gateway.stop()
    damage(shop.gateway_data / "gateway.db", "riverside.1")
    await shop.wan.set_mode(WanMode.PASS)
    await shop.start_gateway()

    status, told = await alert(shop, "hub-refused")

    assert "does not follow" in told["sentence"]
    assert "does not follow" in status["link"]["refused"]
    assert "The hub is heard, and refuses what this gateway sends." in status["headline"]
    assert "hub-down" not in {one["kind"] for one in status["alerts"]}
    assert (await shop.cashier.post("/v1/sales", sale_of(sku, cash=100))).status == 201
