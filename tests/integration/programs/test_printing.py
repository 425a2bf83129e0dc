"""Goal: a committed sale prints once, a reprint says that it is a copy, no sale waits for paper.

Method: the running gateway with a simulated printer whose faults are caused on command; what counts
is the paper.
"""

import asyncio
from typing import Any

from tests.integration.programs.conftest import PRINTING_REGISTER, Devices
from tests.programs import Shop, fresh, sale_of, until


async def printer_row(shop: Shop) -> Any:  # noqa: ANN401
    rows = (await shop.status())["devices"]
    return next(row for row in rows if row["kind"] == "printer")


async def nothing_waits(shop: Shop) -> None:
    async def empty() -> bool:
        return bool((await printer_row(shop))["waiting_jobs"] == 0)

    await until(empty)


def papers_of(devices: Devices, sale: Any) -> list[str]:  # noqa: ANN401
    """The receipts of a sale."""
    return [text for text in devices.printer.receipts if sale["number"] in text]


async def sell(shop: Shop, sku: str) -> Any:  # noqa: ANN401
    return await shop.cashier.done("/v1/sales", sale_of(sku, register=PRINTING_REGISTER))


async def test_a_sale_prints_once_and_a_reprint_is_marked_as_copy(
    shop: Shop, devices: Devices
) -> None:
    sku = await shop.product(price=250, stock=8)
    sale = await sell(shop, sku)
    await nothing_waits(shop)
    path, key = f"/v1/sales/{sale['id']}/print", fresh("key")

    spooled = await shop.cashier.post(path, {}, key=key)
    again = await shop.cashier.post(path, {}, key=key)
    await nothing_waits(shop)

    first, copy = papers_of(devices, sale)
    assert spooled.status == 201
    assert spooled.json == {"sale": sale["id"], "printer": "counter", "copy": True}
    assert again.body == spooled.body
    assert "COPY" not in first
    assert "COPY" in copy
    assert "2.50" in first


async def test_only_sales_of_a_register_with_a_printer_print(shop: Shop, devices: Devices) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, register="till-1"))

    async with shop.nothing_changes():
        no_printer = await shop.cashier.post(f"/v1/sales/{sale['id']}/print", {})
        no_sale = await shop.cashier.post("/v1/sales/riverside.1-999999/print", {})

    assert no_printer.refusal == (409, "conflict")
    assert no_sale.refusal == (404, "not-found")
    assert papers_of(devices, sale) == []


async def test_a_refused_sale_prints_nothing(shop: Shop, devices: Devices) -> None:
    sku = await shop.product()
    before = len(devices.printer.receipts)

    refused = await shop.cashier.post("/v1/sales", sale_of(sku, register=PRINTING_REGISTER))
    await nothing_waits(shop)

    assert refused.refusal == (409, "quota-short")
    assert len(devices.printer.receipts) == before


async def test_out_of_paper_each_sale_prints_exactly_once_after_the_refill(
    shop: Shop, devices: Devices
) -> None:
    sku = await shop.product(stock=8)
    devices.printer.command("paper out after 3 lines")
    sales = [await sell(shop, sku) for _ in range(3)]

    async def asked_for_paper() -> bool:
        row = await printer_row(shop)
        return (row["state"], row["detail"]) == ("attention", "paper out")

    await until(asked_for_paper)
    headline = (await shop.status())["headline"]
    devices.printer.command("paper in")
    await nothing_waits(shop)

    assert "paper" in headline
    assert [len(papers_of(devices, sale)) for sale in sales] == [1, 1, 1]
    assert not any("DUPLICATE" in paper for sale in sales for paper in papers_of(devices, sale))
    assert (await printer_row(shop))["state"] == "ready"


async def test_a_sale_does_not_wait_for_a_printer_that_does_not_answer(
    shop: Shop, devices: Devices
) -> None:
    sku = await shop.product(stock=8)
    devices.printer.command("silent")
    devices.printer.command("cover open")

    sales = await asyncio.gather(*(sell(shop, sku) for _ in range(3)))
    waiting = (await printer_row(shop))["waiting_jobs"]
    devices.printer.command("speaking")
    devices.printer.command("cover closed")
    await nothing_waits(shop)

    assert waiting == 3
    assert [len(papers_of(devices, sale)) for sale in sales] == [1, 1, 1]


async def test_a_connection_that_drops_in_the_middle_is_settled_and_marked(
    shop: Shop, devices: Devices
) -> None:
    sku = await shop.product(stock=8)
    devices.printer.command("drop after 60 bytes")

    sale = await sell(shop, sku)
    await nothing_waits(shop)

    papers = papers_of(devices, sale)
    assert len(papers) == 1
    assert "POSSIBLE DUPLICATE" in papers[0]
