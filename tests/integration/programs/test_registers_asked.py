"""Goal: who is a register, what its gateway asks it for unasked, and how much it may ask itself.

Method: a real gateway and hub; registers speak frames by hand over real WebSockets.
"""

import asyncio
from dataclasses import replace

from gateway.registers.register_link import LOANS_UNDER_WAY_MAX
from replication import wire
from tests.hand_register import enrolled
from tests.integration.programs.test_registers_contract import grant_of, nobody_else
from tests.programs import Shop, fresh

__all__ = ["nobody_else"]  # around each test here as well


async def test_a_deficit_is_asked_back_of_a_register_though_nobody_waits(shop: Shop) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    async with till.linked():
        await grant_of(till, sku)
        lost = {"sku": sku, "delta": -36, "reason": "damaged"}
        losing = asyncio.create_task(shop.manager.done("/v1/stock/adjustments", lost))
        first = await till.heard(wire.Borrow)  # for the manager who waits
        await till.say(wire.Grant(first.request, [], []))
        await losing
        asked = await till.heard(wire.Borrow)
        units = asked.wants[0][1]
        cell = till.cell(sku, "granted", f"{shop.location}.1", 1)
        till.write(cell, kind="grant")
        await till.say(wire.Grant(asked.request, [cell], []))
        again = await till.heard(wire.Borrow)

    assert asked.wants == [(sku, units)]
    assert again.wants[0][1] < units, "what it gave has covered"


async def test_a_copy_of_a_register_gets_nothing_and_the_living_one_stays_linked(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=40)
    till = await enrolled(shop)
    async with till.linked():
        await grant_of(till, sku)
        await till.send(till.sale(sku, 1))
        await till.heard(wire.Ack)
        copy = replace(till, entries=[], link=None)
        async with copy.dialled():
            await copy.say(copy.hello(seq=till.head.seq + 3))
            assert await copy.heard(wire.Welcome)
            await copy.say(wire.Borrow(fresh("borrow"), [(sku, 1)]))
            refused = await copy.heard(wire.Grant)

            request = fresh("borrow")
            await till.say(wire.Borrow(request, [(sku, 1)]))
            granted = await till.heard(wire.Grant)

    assert refused.cells == []
    assert (granted.request, bool(granted.cells)) == (request, True)


async def test_a_register_that_asks_for_more_loans_than_a_till_needs_is_answered_at_once(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=40)
    silent, till = await enrolled(shop), await enrolled(shop)
    async with silent.linked(), till.linked():
        await grant_of(silent, sku)
        everything = [(sku, 10_000)]
        requests = [fresh("borrow") for _ in range(LOANS_UNDER_WAY_MAX + 1)]
        for request in requests:
            await till.say(wire.Borrow(request, everything))
        first = await till.heard(wire.Grant)

    assert (first.request, first.cells) == (requests[-1], [])


async def test_the_list_of_registers_comes_in_pages(shop: Shop) -> None:
    made = {(await enrolled(shop)).writer for _ in range(3)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = await shop.manager.read(f"/v1/registers?limit=2{cursor}")
        assert len(page["items"]) <= 2
        seen += [row["writer"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    everything = (await shop.manager.read("/v1/registers?limit=500"))["items"]
    assert seen == [row["writer"] for row in everything]
    assert made <= set(seen)
    assert (await shop.manager.get("/v1/registers?cursor=nonsense")).status == 400
    assert (await shop.manager.get("/v1/registers?limit=501")).status == 400
