"""Benchmark ``checkout``: many buyers at once want the last units of one SKU.

The units stand in one store; a part of the rights to them is at the hub, the rest is borrowed from
the store while customers wait. Every buyer orders one unit, again and again, until told that there
is none. Exactly as many orders as units must come of it, or there is no figure. Against

    raw group commit: the same number of askers, each committing one row through the same writer
        thread and nothing else: the lower limit of anything that is durable before it says yes
    one row locked in SQLite: as many threads, each with a connection of its own, that take the
        write lock, read the stock, lower it, insert an order and commit with fsync

Both in the same run and the same directory's file system.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import aiohttp
import apsw

from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import connect
from replication.ledger import RequestKey
from scripts.benchmarks.disk import ROW
from scripts.benchmarks.figures import Better, Goal, Row, quantile
from scripts.benchmarks.load import Generator, Plan, Round, Sample
from scripts.benchmarks.premises import (
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

BUYERS: Final = 64
UNITS: Final = 2_000
SKU: Final = "last-ones"
LOCATION: Final = "bench-store"
ORDERS: Final = "/v1/orders"
ROUND_S_MAX: Final = 120.0
LIMIT_S: Final = 2.0
"""How long each of the two limits is measured."""

US_PER_MS: Final = 1_000
LOCK_WAIT_MS: Final = 10_000

Say = Callable[[str], None]


async def run(root: Path, *, say: Say) -> list[Row]:
    """Start hub and gateway under `root`, sell out, check, measure the limits; about 20 s.

    Raises:
        ProgramBroken, BenchmarkBroken, LoadBroken: there is no figure.
    """
    async with aiohttp.ClientSession() as session, Programs(root) as programs:
        premises = await open_hub(programs, session)
        (store,) = await open_stores(premises, [LOCATION])
        await put_products(premises, [SKU])
        await stock(store, [SKU], UNITS)
        await _until_at_hub(premises, UNITS)
        say(f"checkout: {BUYERS} buyers of the last {UNITS:,} units")
        sold = await _sell_out(premises, await programs.hub_token("storefront"))
        await _check(premises, store, sold)
    say("checkout: raw group commit")
    raw_per_second = await group_commits_per_second(root, askers=BUYERS, seconds=LIMIT_S)
    say("checkout: one row locked in SQLite")
    locked_us = await asyncio.to_thread(locked_row_us, root, buyers=BUYERS, seconds=LIMIT_S)
    return rows_from(sold, raw_per_second, locked_us)


async def _until_at_hub(premises: Premises, units: int) -> None:
    """Wait until the hub has heard of all units."""
    ends_s = time.monotonic() + WAIT_S_MAX
    while (await premises.admin.get(f"/v1/availability/{SKU}"))["available_online"] < units:
        if time.monotonic() > ends_s:
            raise BenchmarkBroken("the hub does not hear of the stock")
        await asyncio.sleep(WATCH_S)


async def _sell_out(premises: Premises, token: str) -> Sample:
    body = (
        f'{{"lines": [{{"sku": "{SKU}", "quantity": 1}}], '
        f'"fulfilment": {{"type": "pickup", "location": "{LOCATION}"}}, "payment": "paid"}}'
    )
    plan = Plan(
        host="127.0.0.1",
        port=premises.hub.port,
        tokens=[token],
        connections=BUYERS,
        bodies={ORDERS: [body]},
        statuses={ORDERS: 201},
        refusals={ORDERS: 409},
    )
    async with Generator(plan) as generator:
        return await generator.run(Round(path=ORDERS, connections=BUYERS, seconds=ROUND_S_MAX))


async def _check(premises: Premises, store: Store, sold: Sample) -> None:
    """Exactly as many orders as units, and nothing left at either end.

    Raises:
        BenchmarkBroken: the figures are not worth reading.
    """
    orders = len(sold.latencies_us)
    if orders != UNITS or sold.refused != BUYERS:
        raise BenchmarkBroken(f"{orders} orders of {UNITS} units, {sold.refused} refused buyers")
    at_hub = await premises.admin.get(f"/v1/stock/{SKU}")
    in_store = await store.manager.get(f"/v1/stock/{SKU}")
    left = (at_hub["available"], at_hub["committed"], in_store["quota"])
    if left != (0, UNITS, 0):
        raise BenchmarkBroken(f"available, committed, quota in the store are {left}")


class _RowState:
    """A deciding state that decides nothing: what `GroupCommit` costs by itself."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def begin(self, _requests: Sequence[RequestKey]) -> None:
        """A batch begins."""

    def flush(self) -> None:
        """Everything was written when it was asked for."""

    def committed(self) -> None:
        """Nobody waits for news."""

    def forget(self) -> None:
        """There is nothing to rebuild."""


async def group_commits_per_second(root: Path, *, askers: int, seconds: float) -> float:
    """One-row requests per second through a group commit, each asker waiting for its answer."""
    connection = connect(root / "raw.db")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
    writer = GroupCommit(_RowState(connection), asyncio.get_running_loop())
    writer.start()
    ends_s = time.monotonic() + seconds

    async def ask() -> int:
        asked = 0
        while time.monotonic() < ends_s:
            await writer.submit(
                lambda: connection.execute("INSERT INTO row (body) VALUES (?)", (ROW,))
            )
            asked += 1
        return asked

    began_s = time.monotonic()
    try:
        counts = await asyncio.gather(*(ask() for _ in range(askers)))
        return sum(counts) / (time.monotonic() - began_s)
    finally:
        await writer.stop()
        connection.close()


def locked_row_us(root: Path, *, buyers: int, seconds: float) -> list[float]:
    """Times, in microseconds, of purchases that each lock the one row of stock."""
    path = root / "locked.db"
    with connect(path) as connection:
        connection.execute(
            "CREATE TABLE stock (sku TEXT PRIMARY KEY, units INTEGER NOT NULL) STRICT; "
            "CREATE TABLE sold (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT; "
            "INSERT INTO stock VALUES ('sku', 1000000000)"
        )
    start = threading.Barrier(buyers)

    def buy() -> list[float]:
        connection = connect(path)
        connection.set_busy_timeout(LOCK_WAIT_MS)
        times: list[float] = []
        start.wait()
        ends_ns = time.perf_counter_ns() + int(seconds * 1e9)
        while (before_ns := time.perf_counter_ns()) < ends_ns:
            _buy_one(connection)
            times.append((time.perf_counter_ns() - before_ns) / US_PER_MS)
        connection.close()
        return times

    with ThreadPoolExecutor(max_workers=buyers) as pool:
        return [one for times in pool.map(lambda _: buy(), range(buyers)) for one in times]


def _buy_one(connection: apsw.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT units FROM stock WHERE sku = 'sku'").fetchone()
    assert row is not None
    connection.execute("UPDATE stock SET units = ? WHERE sku = 'sku'", (int(str(row[0])) - 1,))
    connection.execute("INSERT INTO sold (body) VALUES (?)", (ROW,))
    connection.execute("COMMIT")


def rows_from(sold: Sample, raw_per_second: float, locked_us: Sequence[float]) -> list[Row]:
    """The rows of a run."""
    who = f"{BUYERS} buyers, last {UNITS:,} units"
    return [
        Row(
            name=f"units sold, {who}",
            ours=len(sold.latencies_us),
            baseline=UNITS,
            baseline_is="units that there were",
            unit="",
            goal=Goal(better=Better.NEITHER, ratio=1.0),
        ),
        Row(
            name=f"checkouts, {who}",
            ours=sold.per_second,
            baseline=raw_per_second,
            baseline_is=f"raw group commit of one row, {BUYERS} askers",
            unit="1/s",
        ),
        Row(
            name=f"checkouts, {who}",
            ours=sold.per_second,
            baseline=len(locked_us) / LIMIT_S,
            baseline_is=f"one row locked in SQLite, {BUYERS} threads",
            unit="1/s",
        ),
        Row(
            name=f"checkout p99, {who}",
            ours=quantile(sold.latencies_us, 99) / US_PER_MS,
            baseline=quantile(locked_us, 99) / US_PER_MS,
            baseline_is=f"one row locked in SQLite p99, {BUYERS} threads",
            unit="ms",
        ),
    ]
