"""A hub's catalogue made fast, for benchmarks: the hub's own verbs, in large commits.

The hub has run once, for its tax rates, and does not run meanwhile. What is in its file afterwards
is what as many PUTs would have left there, but for the times.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloud_hub import app
from cloud_hub.config import HubSettings
from cloud_hub.head_office import HeadOffice
from cloud_hub.products.catalogue import put_product
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import wall_ms
from replication.journal import Actor
from replication.ledger import RequestKey
from retail.products.catalogue import ProductBody
from scripts.benchmarks.premises import CURRENCY, PRICE_MINOR_MAX, BenchmarkBroken, Say
from web.once import Command, Done
from web.tokens import Principal

COMMIT_PRODUCTS: Final = 5_000
BOOT: Final = "bench-loader"


async def load_products(data: Path, count: int, *, say: Say) -> None:
    """Put `count` products into the hub's file in `data`, as head office would.

    Raises:
        BenchmarkBroken: one was refused.
    """
    office = HeadOffice(
        app.open_database(data), HubSettings(data=data),
        boot=BOOT, now_ms=wall_ms, synchronised=lambda: True,
    )  # fmt: skip
    writer = GroupCommit(office, asyncio.get_running_loop())
    writer.start()
    try:
        await writer.submit(lambda: office.ledger.start(BOOT))
        for start in range(0, count, COMMIT_PRODUCTS):
            numbers = range(start, min(start + COMMIT_PRODUCTS, count))
            await writer.submit(lambda numbers=numbers: _put(office, numbers))  # type: ignore[misc] # a default binds it
            say(f"the hub has {numbers.stop:,} of {count:,} products")
        await writer.submit_save(office.ledger)
    finally:
        await writer.stop()
        office.connection.close()


def product_body(number: int) -> ProductBody:
    """A product as a grocer would write it: a name, a text, a barcode, two categories."""
    return ProductBody(
        name=f"Product number {number}, 500 g",
        price_minor=1 + number * 37 % PRICE_MINOR_MAX,
        currency=CURRENCY,
        barcodes=(f"B{number:07d}",),
        description="A fine thing to have in the kitchen, and not dear.",
        categories=("Groceries", f"Aisle {number % 40}"),
    )


def _put(office: HeadOffice, numbers: Sequence[int]) -> None:
    principal = Principal(id="bench", role="admin", register=None, name="bench")
    for number in numbers:
        command = Command(principal, RequestKey("bench", "/", str(number)), b"", Actor())
        done = put_product(office, command, f"sku-{number:06d}", product_body(number))
        if not isinstance(done, Done):
            raise BenchmarkBroken(f"the hub refuses a product: {done}")
