"""Benchmark ``propagate``: from a till's commit to what the hub offers online.

Many gateways as real processes, enrolled at one hub. A store sells one unit; the clock runs from
the register's answer until an answer of the hub's ``GET /v1/availability`` shows that store's units
one fewer. One store's next sale waits until its last one was seen; the sales of all stores together
come at a steady pace. The hub is looked at every `LOOK_S`, which is part of the figure.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from scripts.benchmarks.figures import Row, delay_rows
from scripts.benchmarks.premises import (
    CASH_MINOR,
    WAIT_S_MAX,
    WATCH_S,
    BenchmarkBroken,
    Premises,
    Store,
    open_hub,
    open_stores,
    put_products,
    stock,
)
from scripts.processes import Programs

SALES: Final = 500
SALES_PER_SECOND: Final = 25
SEEN_S_MAX: Final = 10.0
"""A sale that the hub does not show by then is a fault, not a figure."""

LOOK_S: Final = 0.005
SKU: Final = "tea"
STOCK: Final = 1_000
GOAL_MS: Final = 1_000
CONNECTIONS_PER_HOST: Final = 4

Say = Callable[[str], None]


@dataclass(slots=True)
class Watch:
    """What the hub showed last, and what is waited for."""

    shown: dict[str, int] = field(default_factory=dict)
    """Units offered online by location, as the hub's last answer has it."""
    waited_for: dict[str, tuple[int, asyncio.Future[int]]] = field(default_factory=dict)
    """Location to the units at which it has been seen, and who waits: for the instant, in ns."""

    def look(self, answer: Sequence[tuple[str, int]], now_ns: int) -> None:
        """Take in an answer of the hub."""
        self.shown.update(answer)
        for location, (units, seen) in list(self.waited_for.items()):
            if self.shown.get(location, units + 1) <= units:
                del self.waited_for[location]
                if not seen.done():
                    seen.set_result(now_ns)

    def expect_one_fewer(self, location: str) -> asyncio.Future[int]:
        """A future of the instant at which the hub shows one unit fewer than now."""
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waited_for[location] = (self.shown[location] - 1, seen)
        return seen


async def run(root: Path, *, gateways: int, say: Say) -> list[Row]:
    """Start hub and gateways under `root`, measure, end them; starting takes most of the time.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS_PER_HOST)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        Programs(root) as programs,
    ):
        premises = await open_hub(programs, session)
        await put_products(premises, [SKU])
        say(f"propagate: starting {gateways} gateways")
        locations = [f"store-{number:02d}" for number in range(gateways)]
        stores = await open_stores(premises, locations)
        await asyncio.gather(*(stock(store, [SKU], STOCK) for store in stores))
        watch = Watch()
        looking = asyncio.create_task(_look(premises, watch))
        try:
            await _until_all_shown(watch, locations)
            say(f"propagate: {SALES} sales, {SALES_PER_SECOND} a second")
            delays_ms = await _sell(stores, watch, looking)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
    return rows_from(delays_ms, gateways)


def rows_from(delays_ms: Sequence[float], gateways: int) -> list[Row]:
    """p50 and p99 against the goal of a second."""
    goal_is = "the goal: one second, till commit to the hub's availability"
    return delay_rows("propagate", delays_ms, gateways, goal_ms=GOAL_MS, goal_is=goal_is)


async def _look(premises: Premises, watch: Watch) -> None:
    while True:
        answer = await premises.admin.get(f"/v1/availability/{SKU}")
        now_ns = time.perf_counter_ns()
        watch.look(
            [(one["location"], one["available_online"]) for one in answer["locations"]], now_ns
        )
        await asyncio.sleep(LOOK_S)


async def _until_all_shown(watch: Watch, locations: Sequence[str]) -> None:
    """Wait until the hub offers the whole opening stock of every store."""
    ends_s = time.monotonic() + WAIT_S_MAX
    while not all(watch.shown.get(location) == STOCK for location in locations):
        if time.monotonic() > ends_s:
            missing = [one for one in locations if watch.shown.get(one) != STOCK]
            raise BenchmarkBroken(f"the hub does not show the stock of {missing}")
        await asyncio.sleep(WATCH_S)


async def _sell(stores: Sequence[Store], watch: Watch, looking: asyncio.Task[None]) -> list[float]:
    """Sell at a steady pace, store after store, and collect the delays."""
    delays_ms: list[float] = []
    turns = [asyncio.Lock() for _ in stores]
    began_s = time.monotonic()

    async def sell_one(number: int) -> None:
        store, turn = stores[number % len(stores)], turns[number % len(stores)]
        await asyncio.sleep(max(0.0, began_s + number / SALES_PER_SECOND - time.monotonic()))
        async with turn:
            delays_ms.append(await _delay_ms(store, watch, number, looking))

    async with asyncio.TaskGroup() as group:
        for number in range(SALES):
            group.create_task(sell_one(number))
    return delays_ms


async def _delay_ms(store: Store, watch: Watch, number: int, looking: asyncio.Task[None]) -> float:
    """One sale: milliseconds from the register's answer until the hub shows it."""
    seen = watch.expect_one_fewer(store.location)
    sale = {
        "register": "till-1",
        "lines": [{"sku": SKU, "quantity": 1}],
        "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
    }
    answer = await store.manager.post("/v1/sales", sale, key=f"propagate-{number}")
    answer.success(f"sale at {store.location}")
    committed_ns = time.perf_counter_ns()
    waited: list[asyncio.Future[int] | asyncio.Task[None]] = [seen, looking]
    await asyncio.wait(waited, timeout=SEEN_S_MAX, return_when=asyncio.FIRST_COMPLETED)
    if not seen.done():
        raise BenchmarkBroken(f"the hub does not show a sale of {store.location}")
    # The hub may show it before the register has read its answer: that is no time at all.
    return max(0.0, (seen.result() - committed_ns) / 1e6)
