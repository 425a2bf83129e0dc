"""A store's journal made fast, for benchmarks: the gateway's own verbs, in large commits.

The gateway has run before, for its identity and its products, and does not run meanwhile. What is
in its file afterwards is what as many deliveries and sales at thin registers would have left there,
but for the times. The hub hears of it when the gateway runs again.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gateway import app
from gateway.identity import load_identity
from gateway.selling.sales import sell
from gateway.shop import Shop
from gateway.stockroom.stock import ReceiptLine, ReceiptRequest, receive
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import ReplicaStore
from replication.journal import Actor
from replication.ledger import RequestKey
from retail.prices.sale_request import SaleRequest
from retail.selling.sales import SaleRequestLine, Tender
from scripts.benchmarks.premises import CASH_MINOR, BenchmarkBroken, Say
from web.once import Command, Done
from web.tokens import Principal

LINES_PER_SALE: Final = 3
LINES_PER_RECEIPT: Final = 200
COMMIT_SALES: Final = 1_000
SAID_SALES: Final = 10_000
BOOT: Final = "bench-loader"
THIN_REGISTER: Final = "till-thin"


async def load_store(
    data: Path, skus: Sequence[str], *, quantity: int, sales: int, say: Say
) -> None:
    """Put `quantity` of each SKU on the store's shelves, and sell so often, three lines each.

    Raises:
        BenchmarkBroken: one was refused.
    """
    connection = app.open_database(data)
    identity = load_identity(ReplicaStore(connection))
    assert identity is not None, "the gateway has run before"
    shop = Shop(
        connection, identity,
        boot=BOOT, now_ms=wall_ms, synchronised=lambda: True, printers=(),
    )  # fmt: skip
    writer = GroupCommit(shop, asyncio.get_running_loop())
    writer.start()
    try:
        await writer.submit(lambda: shop.ledger.start(BOOT))
        for start in range(0, len(skus), LINES_PER_RECEIPT):
            delivered = skus[start : start + LINES_PER_RECEIPT]
            await writer.submit(lambda delivered=delivered: _receive(shop, delivered, quantity))  # type: ignore[misc] # a default binds it
        dice = random.Random(1)  # noqa: S311  a benchmark wants the same baskets every time
        for start in range(0, sales, COMMIT_SALES):
            numbers = range(start, min(start + COMMIT_SALES, sales))
            await writer.submit(lambda numbers=numbers: _sell(shop, skus, numbers, dice))  # type: ignore[misc] # a default binds it
            if numbers.stop == sales or numbers.stop % SAID_SALES == 0:
                say(f"the store has sold {numbers.stop:,} of {sales:,} times")
        await writer.submit_save(shop.ledger)
    finally:
        await writer.stop()
        connection.close()


def _receive(shop: Shop, skus: Sequence[str], quantity: int) -> None:
    lines = tuple(ReceiptLine(sku=sku, quantity=quantity) for sku in skus)
    request = ReceiptRequest(lines=lines, reference="opening")
    _do(f"receipt-{skus[0]}", lambda command: receive(shop, command, request))


def _sell(shop: Shop, skus: Sequence[str], numbers: Sequence[int], dice: random.Random) -> None:
    for number in numbers:
        request = SaleRequest(
            register=THIN_REGISTER,
            lines=tuple(
                SaleRequestLine(sku=sku, quantity=1) for sku in dice.sample(skus, LINES_PER_SALE)
            ),
            tenders=(Tender(type="cash", amount_minor=CASH_MINOR),),
        )
        _do(f"sale-{number}", lambda command, request=request: sell(shop, command, request))  # type: ignore[misc] # a default binds it


def _do(key: str, verb: Callable[[Command], object]) -> None:
    principal = Principal(id="bench", role="manager", register=None, name="bench")
    actor = Actor(register=THIN_REGISTER, person="bench")
    digest = hashlib.sha256(key.encode()).digest()
    done = verb(Command(principal, RequestKey("bench", "/", key), digest, actor))
    if not isinstance(done, Done):
        raise BenchmarkBroken(f"the store refuses {key}: {done}")
