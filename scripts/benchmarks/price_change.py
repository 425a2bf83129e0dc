"""Benchmark ``price``: from head office's new price to the next lookup in every connected store.

Many gateways as real processes, linked to one hub. Head office puts a new price; from the hub's
answer on every store is asked to look the product up by its barcode, and again after `LOOK_S` for
as long as it shows the old price. The clock runs until the answer with the new one. Asking so many
stores at once from one process takes its share of the cores, and is part of the figure.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from scripts.benchmarks.figures import Row, delay_rows
from scripts.benchmarks.premises import (
    CURRENCY,
    WAIT_S_MAX,
    WATCH_S,
    BenchmarkBroken,
    Premises,
    Say,
    Store,
    open_hub,
    open_stores,
)
from scripts.processes import Programs

CHANGES: Final = 40
SKU: Final = "tea"
BARCODE: Final = "4006381333931"
LOOK_S: Final = 0.02
PAUSE_S: Final = 0.2
"""Between two changes, for the stores to be at rest."""

SEEN_S_MAX: Final = 10.0
"""A price that a store does not show by then is a fault, not a figure."""

GOAL_MS: Final = 1_000
CONNECTIONS_PER_HOST: Final = 4


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
        await _put(premises, 1)
        say(f"price: starting {gateways} gateways")
        stores = await open_stores(premises, [f"store-{number:02d}" for number in range(gateways)])
        await asyncio.gather(*(_hears_of_it(store) for store in stores))
        say(f"price: {CHANGES} new prices")
        delays_ms: list[float] = []
        for price_minor in range(2, CHANGES + 2):
            await asyncio.sleep(PAUSE_S)
            await _put(premises, price_minor)
            delays_ms += await _seen_by_all(stores, price_minor)
    return rows_from(delays_ms, gateways)


def rows_from(delays_ms: Sequence[float], gateways: int) -> list[Row]:
    """p50 and p99 against the goal of a second."""
    goal_is = "the goal: one second, hub's answer to the store's next lookup"
    return delay_rows("price change", delays_ms, gateways, goal_ms=GOAL_MS, goal_is=goal_is)


async def _put(premises: Premises, price_minor: int) -> None:
    product = {
        "name": "Tea",
        "price_minor": price_minor,
        "currency": CURRENCY,
        "tax_class": "standard",
        "barcodes": [BARCODE],
    }
    (await premises.admin.put(f"/v1/products/{SKU}", product)).success(f"price {price_minor}")


async def _seen_by_all(stores: Sequence[Store], price_minor: int) -> list[float]:
    """Milliseconds from now until each store's lookup answers with the price."""
    began_s = time.perf_counter()

    async def look(store: Store) -> float:
        try:
            async with asyncio.timeout(SEEN_S_MAX):
                while not await _shows(store, price_minor):  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise BenchmarkBroken(f"{store.location} does not show {price_minor}") from None
        return (time.perf_counter() - began_s) * 1e3

    return await asyncio.gather(*(look(store) for store in stores))


async def _hears_of_it(store: Store) -> None:
    """Until a store knows the product at all, its lookup is a refusal."""
    ends_s = time.monotonic() + WAIT_S_MAX
    while (await store.manager.get("/v1/status"))["catch_up"]["products"] < 1:
        if time.monotonic() > ends_s:
            raise BenchmarkBroken(f"{store.location} does not hear of the product")
        await asyncio.sleep(WATCH_S)


async def _shows(store: Store, price_minor: int) -> bool:
    found = await store.manager.get("/v1/lookup", code=BARCODE)
    return bool(found["price_minor"] == price_minor)
