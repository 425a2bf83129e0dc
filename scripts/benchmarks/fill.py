"""Benchmark ``catalogue``, its part *fill*: a new store hears of the whole catalogue.

A hub with many products, and stores that have none: the clock runs from the instant at which the
hub is let loose until it knows that the store has everything durably. Against it stands the raw
copy: the same rows (products and barcodes) selected from the filled store's file and inserted into
an empty one, with the pragmas, the schema and the batch size of a gateway. Fills and copies take
turns.
"""

import asyncio
import time
from pathlib import Path
from typing import Final

import aiohttp
import apsw

from cloud_hub.stores.told import BATCH_ITEMS_MAX
from gateway import app
from replication.adapters.sqlite import transaction
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.benchmarks.loaded_hub import load_products
from scripts.benchmarks.premises import BenchmarkBroken, Premises, Say, open_hub, open_stores
from scripts.processes import Programs

PRODUCTS: Final = 100_000
ROUNDS: Final = 3
FILL_S_MAX: Final = 120.0
LOOK_S: Final = 0.05
GOAL_RATIO: Final = 3.0


async def run(root: Path, *, say: Say, products: int = PRODUCTS) -> list[Row]:
    """Load a hub, fill stores, copy files; loading takes most of the time.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    stores = [f"new-{number}" for number in range(1, ROUNDS + 1)]
    fills_s: list[float] = []
    copies_s: list[float] = []
    async with aiohttp.ClientSession() as session, Programs(root) as programs:
        await _enrol(programs, session, stores)
        await load_products(root / "hub", products, say=lambda line: say(f"fill: {line}"))
        premises = await open_hub(programs, session)
        for number, store in enumerate(stores, 1):
            fills_s.append(await _fill(premises, store))
            copies_s.append(copy(root / store / app.DATABASE, root / f"copy-{number}", products))
            say(f"fill: {fills_s[-1]:.2f} s, raw copy {copies_s[-1]:.2f} s")
    return rows_from(fills_s, copies_s, products)


def rows_from(fills_s: list[float], copies_s: list[float], products: int) -> list[Row]:
    """Seconds against the raw copy, and products per second; of each side the quickest round.

    A fill keeps two cores busy and a copy one, so that noise does not hit both alike.
    """
    fill_s, copy_s = min(fills_s), min(copies_s)
    return [
        Row(
            name=f"fill of a new store, {products:,} products",
            ours=fill_s,
            baseline=copy_s,
            baseline_is="raw copy of the same rows, same pragmas and batches",
            unit="s",
            goal=Goal(better=Better.LOWER, ratio=GOAL_RATIO),
        ),
        Row(
            name="products per second into a new store",
            ours=products / fill_s,
            baseline=products / copy_s,
            baseline_is="raw copy",
            unit="1/s",
        ),
    ]


async def _enrol(programs: Programs, session: aiohttp.ClientSession, stores: list[str]) -> None:
    """The stores' boxes are made while the hub has no products; then all of it ends."""
    premises = await open_hub(programs, session)
    opened = await open_stores(premises, stores)
    await asyncio.gather(*(store.program.stop() for store in opened))
    await premises.hub.stop()


async def _fill(premises: Premises, store: str) -> float:
    """Seconds until the hub knows that the store has the whole feed."""
    hub = premises.hub
    hub.suspend()
    try:
        gateway = await premises.programs.gateway(store, hub_url=hub.url, options=["--no-mdns"])
    finally:
        hub.resume()
    began_s = time.perf_counter()
    try:
        async with asyncio.timeout(FILL_S_MAX):
            while not await _has_all(premises, store):  # noqa: ASYNC110 - in another process
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise BenchmarkBroken(f"{store} is not filled within {FILL_S_MAX:.0f} s") from None
    took_s = time.perf_counter() - began_s
    await gateway.stop()  # a store that is filled takes no time from the next
    return took_s


async def _has_all(premises: Premises, store: str) -> bool:
    page = await premises.admin.get("/v1/locations")
    feed = next(row["feed"] for row in page["items"] if row["id"] == store)
    return bool(feed["cursor"] == feed["newest"])


def copy(source: Path, directory: Path, products: int) -> float:
    """Seconds to copy the products and their barcodes into an empty gateway's file."""
    read = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    write = app.open_database(directory)
    copied, after = 0, ""
    began_s = time.perf_counter()
    while batch := read.execute(
        "SELECT sku, name, data, updated_at_ms FROM product WHERE sku > ? ORDER BY sku LIMIT ?",
        (after, BATCH_ITEMS_MAX),
    ).fetchall():
        first, after = str(batch[0][0]), str(batch[-1][0])
        barcodes = read.execute(
            "SELECT number, code, sku FROM barcode WHERE sku BETWEEN ? AND ?", (first, after)
        ).fetchall()
        with transaction(write):
            write.executemany("INSERT INTO product VALUES (?, ?, ?, ?)", batch)
            write.executemany("INSERT INTO barcode VALUES (?, ?, ?)", barcodes)
        copied += len(batch)
    took_s = time.perf_counter() - began_s
    read.close()
    write.close()
    if copied != products:
        raise BenchmarkBroken(f"the store has {copied} products, not {products}")
    return took_s
