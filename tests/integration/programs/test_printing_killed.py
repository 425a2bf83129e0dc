"""Goal: a gateway that is killed while a receipt prints forgets nothing and doubles nothing.

Method: the gateway as a program, killed with SIGKILL while the simulated printer holds half of the
receipt, and started again. What counts is the paper. Every other moment is in the fault matrix.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from devices.sim.printer import SimPrinter
from tests.integration.programs.conftest import PRINTING_REGISTER
from tests.programs import Shop, open_shop, sale_of, until


@pytest_asyncio.fixture(loop_scope="session")
async def printer() -> AsyncIterator[SimPrinter]:
    async with SimPrinter.listening() as opened:
        yield opened


async def state_of(shop: Shop, sale: Any) -> str | None:  # noqa: ANN401
    """Where the only job of this sale stands."""
    jobs = (await shop.technician.read("/v1/print-jobs"))["items"]
    return next((job["state"] for job in jobs if sale["id"] in job["title"]), None)


@pytest.mark.parametrize("exclusive", ["true", "false"])
async def test_killed_in_the_middle_of_a_receipt_there_is_one(
    tmp_path_factory: pytest.TempPathFactory, printer: SimPrinter, exclusive: str
) -> None:
    root = tmp_path_factory.mktemp("killed")
    config = root / "gateway.toml"
    config.write_text(
        f'[[printers]]\nname = "counter"\naddress = "{printer.address}"\n'
        f'registers = ["{PRINTING_REGISTER}"]\nexclusive = {exclusive}\n'
    )
    async with open_shop(root, options=("--config", str(config))) as shop:
        sku = await shop.product(stock=8)
        printer.command("hold after 3 lines")
        sale = await shop.cashier.done("/v1/sales", sale_of(sku, register=PRINTING_REGISTER))
        await printer.until(lambda inside: inside.held_bytes > 0)
        await shop.gateway.kill()
        printer.command("go on")
        await shop.start_gateway()
        expected = "printed" if exclusive == "true" else "doubt"

        async def settled() -> bool:
            return await state_of(shop, sale) == expected

        await until(settled)
        jobs = (await shop.technician.read("/v1/print-jobs"))["items"]
        job = next(job for job in jobs if sale["id"] in job["title"])
        if expected == "doubt":
            await shop.technician.done(f"/v1/print-jobs/{job['id']}/resolve", {"printed": True})

    assert [sale["number"] in text for text in printer.receipts] == [True]
    assert "DUPLICATE" not in printer.receipts[0]
