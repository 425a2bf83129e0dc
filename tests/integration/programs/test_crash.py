"""Goal: what was acknowledged is there after kill -9, once, at gateway, hub and till; also SIGTERM.

Method: registers and a storefront that repeat what they do not know the outcome of, as real ones
do, while the programs are killed under them and started again. While a program is dead its file is
read: it is sound, and holds what anybody was told.
"""

import asyncio
import contextlib
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import WriterId
from replication.journal import EMPTY, verify
from tests.power.contents import broken_in, journals_of
from tests.programs import Caller, Shop, fresh, open_shop, order_of, sale_of, until
from tests.till_program import TillProgram, tills

pytestmark = pytest.mark.timeout(300)  # programs start again and again, on a busy machine

STOP_S_MAX = 5
KILLS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def frail(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of its own, because its programs are killed."""
    async with open_shop(tmp_path_factory.mktemp("frail")) as shop:
        yield shop


async def insist(caller: Caller, path: str, body: object, key: str) -> Any:  # noqa: ANN401
    """Ask until there is an answer, with the same key, as a register does."""

    async def ask() -> Any:  # noqa: ANN401
        try:
            reply = await caller.post(path, body, key=key)
        except (aiohttp.ClientError, OSError):
            return None
        return None if reply.status in {409, 503} else reply

    reply = await until(ask)
    assert reply.status == 201, reply
    return reply.json


def found_in(file: Path, scratch: Path) -> set[str]:
    """The ids of all entries in the file of a program that is dead; the file is sound.

    A copy is read, without the log's index: whoever opens the file itself mends it.
    """
    shutil.copy(file, scratch)
    with contextlib.suppress(FileNotFoundError):
        shutil.copy(f"{file}-wal", scratch)
    store = ReplicaStore(connect(scratch / file.name))
    assert broken_in(store.connection) == []
    journals = journals_of(store.connection)
    for writer, journal in journals.items():
        entries, _ = store.entries_after(writer, 0, count_max=10**9, bytes_max=2**40)
        assert len(verify(EMPTY, WriterId(writer), entries)[0]) == len(journal)
    store.connection.close()
    return {f"{writer}-{seq}" for writer, journal in journals.items() for seq in journal}


class Busy:
    """Callers who change things until they are told to stop."""

    def __init__(self, caller: Caller, path: str, body: object, people: int) -> None:
        self.done: list[Any] = []
        self._over = asyncio.Event()
        self._people = [asyncio.create_task(self._work(caller, path, body)) for _ in range(people)]

    @property
    def ids(self) -> set[str]:
        """What was acknowledged so far."""
        return {one["id"] for one in self.done}

    async def _work(self, caller: Caller, path: str, body: object) -> None:
        while not self._over.is_set():
            self.done.append(await insist(caller, path, body, fresh("key")))

    async def some_more(self) -> None:
        """Wait until some more is done."""
        enough = len(self.done) + 20

        async def so() -> bool:
            return len(self.done) >= enough or any(person.done() for person in self._people)

        await until(so)

    async def finish(self) -> list[Any]:
        """Let everyone finish what they are at; all that was acknowledged."""
        self._over.set()
        await asyncio.gather(*self._people)
        return self.done


async def test_what_was_sold_is_there_once_however_often_the_gateway_is_killed(
    frail: Shop, tmp_path: Path
) -> None:
    sku = await frail.product(stock=100_000)
    line = {"sku": sku, "quantity": 1}
    sellers = Busy(frail.cashier, "/v1/sales", sale_of(sku), 8)
    others = [
        Busy(frail.manager, "/v1/stock/receipts", {"lines": [line], "reference": "paper"}, 2),
        Busy(frail.cashier, "/v1/baskets", {"register": "till-1", "lines": [line]}, 2),
    ]
    for _ in range(KILLS):
        await asyncio.gather(*(busy.some_more() for busy in (sellers, *others)))
        await frail.gateway.kill()
        told = set.union(*(busy.ids for busy in (sellers, *others)))
        assert told <= found_in(frail.gateway_data / "gateway.db", tmp_path)
        await frail.start_gateway()
    sold = await sellers.finish()
    received, held = [await busy.finish() for busy in others]
    await frail.connected()
    await frail.settled()

    here = await frail.cashier.all("/v1/sales")
    there = await frail.auditor.all("/v1/sales")
    assert len({sale["id"] for sale in sold}) == len(sold) >= 20 * KILLS
    assert sorted(here, key=lambda sale: sale["seq"]) == sorted(sold, key=lambda sale: sale["seq"])
    assert there == here
    assert len({sale["number"] for sale in sold}) == len(sold)
    for stock in (await frail.stock(sku), await frail.hub_stock(sku)):
        assert stock["on_hand"] == 100_000 - len(sold) + len(received)
        assert stock["held"] == len(held) == len({basket["id"] for basket in held})


async def test_nothing_is_lost_or_doubled_however_often_the_hub_is_killed(
    frail: Shop, tmp_path: Path
) -> None:
    sku = await frail.product(stock=100_000)
    before = len(await frail.auditor.all("/v1/sales"))
    sellers = Busy(frail.cashier, "/v1/sales", sale_of(sku), 4)
    buyers = Busy(frail.storefront, "/v1/orders", order_of(sku), 4)
    for _ in range(KILLS):
        await asyncio.gather(sellers.some_more(), buyers.some_more())
        await frail.hub.kill()
        assert buyers.ids <= found_in(frail.programs.root / "hub" / "hub.db", tmp_path)
        await sellers.some_more()  # the store does not need the hub to sell
        await frail.start_hub()
    sold, ordered = await sellers.finish(), await buyers.finish()
    await frail.connected()
    await frail.settled()

    there = (await frail.auditor.all("/v1/sales"))[before:]
    orders = await frail.admin.all("/v1/orders")
    assert sorted(sale["id"] for sale in there) == sorted(sale["id"] for sale in sold)
    assert sorted(order["id"] for order in orders) == sorted(order["id"] for order in ordered)
    assert len({order["number"] for order in orders}) == len(orders)
    in_store = await frail.cashier.all("/v1/orders")
    assert {order["id"] for order in in_store} == {order["id"] for order in orders}
    for stock in (await frail.stock(sku), await frail.hub_stock(sku)):
        assert stock["on_hand"] == 100_000 - len(sold)
        assert stock["committed"] == len(ordered)
        assert stock["available"] == 100_000 - len(sold) - len(ordered)
        assert stock["deficit"] == 0


async def test_what_a_till_told_is_at_the_hub_once_whoever_is_killed(
    frail: Shop, tmp_path: Path
) -> None:
    sku = await frail.product(stock=100_000)
    dice = random.Random(7)  # noqa: S311 - no secret
    programs = [
        TillProgram(
            arguments=[kind, str(tmp_path / name), frail.gateway.url, token, name],
            log=tmp_path / f"{name}.log",
        )
        for kind, name in (("thin", "till-7"), ("alone", "till-8"), ("alone", "till-9"))
        if (token := frail.at_gateway("cashier", register=name).token)
    ]
    async with tills(programs):
        await asyncio.gather(*(till.start(sku) for till in programs))
        for _ in range(KILLS):
            await asyncio.gather(*(till.some_more(3) for till in programs))
            victim = dice.choice(programs)
            killed = dice.sample([frail.gateway, frail.hub], k=dice.randrange(3))
            await asyncio.gather(victim.kill(), *(program.kill() for program in killed))
            if victim.file.exists():
                assert victim.ids <= found_in(victim.file, tmp_path)
            await victim.start(sku)
            if frail.hub in killed:
                await frail.start_hub()
            if frail.gateway in killed:
                await frail.start_gateway()
        for till in programs:
            await till.kill()
            await till.start(None)
        await frail.connected()

        async def heard() -> bool:
            at_hub = {sale["id"] for sale in await frail.auditor.all("/v1/sales")}
            return set.union(*(till.ids for till in programs)) <= at_hub

        await until(heard)
        await frail.settled()
    sales = [sale for till in programs for sale in till.told]
    there = [
        sale["id"]
        for sale in await frail.auditor.all("/v1/sales")
        if sale["lines"][0]["sku"] == sku
    ]
    twice = [sale for sale, times in Counter(sale for sale, _ in sales).items() if times > 1]
    assert [one for one in sales if one[0] in twice] == []
    assert len(sales) >= 3 * KILLS * len(programs)
    assert {sale for sale, _ in sales} <= set(there)
    assert len(there) == len(set(there)) <= len(sales) + sum(till.kills for till in programs)
    assert (await frail.hub_stock(sku))["on_hand"] == 100_000 - len(there)


async def test_keys_live_as_long_as_the_journal(frail: Shop) -> None:
    sku = await frail.product(stock=8)
    sale_key, order_key = fresh("key"), fresh("key")
    sold = await frail.cashier.post("/v1/sales", sale_of(sku), key=sale_key)
    ordered = await frail.storefront.post("/v1/orders", order_of(sku), key=order_key)

    assert await frail.gateway.stop() == 0
    await frail.hub.kill()
    await frail.start_hub()
    await frail.start_gateway()

    sold_again = await frail.cashier.post("/v1/sales", sale_of(sku), key=sale_key)
    ordered_again = await frail.storefront.post("/v1/orders", order_of(sku), key=order_key)
    other = await frail.cashier.post("/v1/sales", sale_of(sku, 2), key=sale_key)
    assert (sold.status, sold.body) == (sold_again.status, sold_again.body)
    assert (ordered.status, ordered.body) == (ordered_again.status, ordered_again.body)
    assert other.refusal == (422, "invalid-request")


async def test_every_start_leaves_its_mark_in_the_journal(frail: Shop) -> None:
    before = (await frail.status())["journal"]["last_seq"]
    await frail.gateway.kill()
    await frail.start_gateway()

    assert (await frail.status())["journal"]["last_seq"] == before + 1


async def test_sigterm_ends_both_programs_in_time_with_everyone_still_connected(
    frail: Shop,
) -> None:
    await frail.connected()
    sku = await frail.product(stock=1_000)
    headers = {"Authorization": f"Bearer {frail.cashier.token}"}
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(
                frail.client.ws_connect(f"{frail.gateway.url}/v1/live", headers=headers)
            )
            await stack.enter_async_context(frail.client.get(f"{frail.gateway.url}/status/events"))
        _, slow = await asyncio.open_connection("127.0.0.1", frail.gateway.port)
        slow.write(b"POST /v1/sales HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        sellers = Busy(frail.cashier, "/v1/sales", sale_of(sku), 4)
        await sellers.some_more()

        async with asyncio.timeout(STOP_S_MAX):
            hub_status = await frail.hub.stop()
        async with asyncio.timeout(STOP_S_MAX):
            gateway_status = await frail.gateway.stop()
        slow.close()

    await frail.start_hub()
    await frail.start_gateway()
    sold = await sellers.finish()
    await frail.connected()
    await frail.settled()
    there = {sale["id"] for sale in await frail.auditor.all("/v1/sales")}
    assert (hub_status, gateway_status) == (0, 0)
    assert {sale["id"] for sale in sold} <= there
