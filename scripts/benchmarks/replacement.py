"""Benchmark ``replacement``: a store's box is dead, its disk with it, and another takes its place.

The store has traded for a while (`trading_store`), and the hub has heard all of it. Then

    the hub is away    the registers sell on; the box has these sales, and the hub has not
    the box is killed  its data directory is deleted; the registers sell on, alone
    the hub is back    ``cloud-hub enrol --replace``: from here the clock runs. A new box starts
                       on an empty directory, at the address of the old one

until the new box has sold a basket, until its status page says that all is taken over, and until
the registers have handed over what they have. The limit is the five minutes that are promised
(docs/lives-of-a-box.md). What the take-over alone takes stands beside its bare rows, sent and
inserted (`raw_transfer`).

Each sale that anybody made has to be at the hub once in the end, or there is no figure.
"""

import asyncio
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from gateway import app
from gateway.client import SaleDone, SaleLine, Tender
from gateway.client.replica import ReplicaRegister
from scripts.benchmarks import new_box_page
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.benchmarks.loaded_store import THIN_REGISTER
from scripts.benchmarks.new_box_page import Page
from scripts.benchmarks.premises import CASH_MINOR, WATCH_S, BenchmarkBroken, Say
from scripts.benchmarks.raw_transfer import transfer_s
from scripts.benchmarks.trading_store import (
    LOCATION,
    USUAL,
    Chain,
    Size,
    is_heard,
    is_linked,
    of_registers,
    open_chain,
    register_of,
    stock_registers,
    until,
)
from scripts.processes import Programs

BASKETS: Final = 50
"""What each register sells while the hub is away, and again when the box is dead as well."""

REPLACED_S_MAX: Final = 300.0
"""The promise: five minutes."""

STILL_S_MAX: Final = 10.0
"""So long a page may say the same before whoever looks at it asks whether the box gets on."""

CREATED: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Seconds from ``cloud-hub enrol --replace`` on; `took_s` is the take-over's part of them."""

    basket_s: float
    done_s: float
    handed_over_s: float
    took_s: float
    still_s: float


async def run(root: Path, *, say: Say, size: Size = USUAL, baskets: int = BASKETS) -> list[Row]:
    """Build the chain, destroy the box, replace it, look for each sale.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    async with (
        aiohttp.ClientSession() as session,
        Programs(root) as programs,
        AsyncExitStack() as switched_on,
    ):
        chain = await open_chain(programs, session, size, lambda line: say(f"replacement: {line}"))
        for name, token in chain.tokens.items():
            register = await switched_on.enter_async_context(register_of(chain, name, token))
            chain.registers.append(register)
        await stock_registers(chain)
        await _destroy(chain, size, baskets, say)
        replaced = await _replace(chain, session, say)
        sales = size.sales + len(chain.sold)
        say(f"replacement: {replaced.handed_over_s:.1f} s; are all {sales:,} sales at the hub?")
        await _check(chain, size)
        await chain.box.stop()
    say("replacement: the bare rows")
    raw_s = await transfer_s(root / LOCATION / app.DATABASE, root / "raw")
    return rows_from(replaced, raw_s, size)


def rows_from(replaced: Replaced, raw_s: float, size: Size) -> list[Row]:
    """Seconds against the promise, and the take-over against its bare rows."""
    within = Goal(better=Better.LOWER, ratio=1.0)
    promised = [
        Row(
            name=f"replacement, {what}, {size}",
            ours=seconds,
            baseline=REPLACED_S_MAX,
            baseline_is="the promise: five minutes from `enrol --replace`",
            unit="s",
            goal=within,
        )
        for what, seconds in (
            ("first basket sold", replaced.basket_s),
            ("page says that all is taken over", replaced.done_s),
            (f"{size.registers} registers have handed over", replaced.handed_over_s),
        )
    ]
    return [
        *promised,
        Row(
            name="take-over alone",
            ours=replaced.took_s,
            baseline=raw_s,
            baseline_is="the same rows over HTTP into an empty file, same pragmas and pages",
            unit="s",
        ),
        Row(
            name="longest time without news on the new box's page",
            ours=replaced.still_s,
            baseline=STILL_S_MAX,
            baseline_is="so long nobody asks whether it gets on",
            unit="s",
            goal=within,
        ),
    ]


async def _destroy(chain: Chain, size: Size, baskets: int, say: Say) -> None:
    """The hub goes away, then the box and its disk; the registers sell on. Then the hub is back."""
    say(f"replacement: {size}; the hub is away, the registers sell on")
    await chain.hub.stop()
    await _sell_at_registers(chain, baskets)
    await of_registers(chain, "hand over to the old box", ReplicaRegister.is_handed_over)
    await chain.box.kill()
    await asyncio.to_thread(shutil.rmtree, chain.programs.root / LOCATION)
    await of_registers(chain, "hear the old box no more", lambda one: not is_linked(one))
    say("replacement: the box is dead and its disk is gone, the registers sell on")
    await _sell_at_registers(chain, baskets)
    await chain.start_hub()


async def _sell_at_registers(chain: Chain, baskets: int) -> None:
    for _ in range(baskets):
        for one in chain.registers:
            lines = [SaleLine(sku=sku) for sku in chain.basket()]
            done = await one.sell(lines, [Tender(type="cash", amount_minor=CASH_MINOR)])
            if not isinstance(done, SaleDone):
                raise BenchmarkBroken(f"{one.register} does not sell: {done}")
            chain.sold.append(done.sale_id)


async def _replace(chain: Chain, session: aiohttp.ClientSession, say: Say) -> Replaced:
    """Enrol a new box, start it, and wait for the three things that are measured."""
    began_s = time.perf_counter()
    code = await chain.programs.enrolment_code(LOCATION, replace=True)
    await chain.start_box(code)
    try:
        async with asyncio.timeout(REPLACED_S_MAX), asyncio.TaskGroup() as group:
            page = group.create_task(new_box_page.follow(session, chain.box.url, say=say))
            basket = group.create_task(_first_basket(chain))
            handed_over = group.create_task(_handed_over(chain))
    except TimeoutError:
        raise BenchmarkBroken(f"no new box sells within {REPLACED_S_MAX:.0f} s") from None
    seen: Page = page.result()
    return Replaced(
        basket_s=basket.result() - began_s,
        done_s=seen.done_at_s - began_s,
        handed_over_s=handed_over.result() - began_s,
        took_s=seen.took_s,
        still_s=seen.still_s,
    )


async def _first_basket(chain: Chain) -> float:
    """Ask the new box for one sale until it makes it; that instant."""
    body = {
        "register": THIN_REGISTER,
        "lines": [{"sku": sku, "quantity": 1} for sku in chain.basket()],
        "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
    }
    headers = {"Authorization": f"Bearer {chain.manager.token}", "Idempotency-Key": "first-basket"}
    while True:
        async with chain.manager.session.post(
            f"{chain.box.url}/v1/sales", json=body, headers=headers
        ) as answer:
            told = await answer.json(content_type=None)
        if answer.status == CREATED:
            chain.sold.append(told["id"])
            return time.perf_counter()
        await asyncio.sleep(WATCH_S)


async def _handed_over(chain: Chain) -> float:
    """Wait until the new box has all that the registers have sold; that instant."""
    await of_registers(
        chain, "hand over to the new box", lambda one: is_linked(one) and one.is_handed_over(),
        within_s=REPLACED_S_MAX,
    )  # fmt: skip
    return time.perf_counter()


async def _check(chain: Chain, size: Size) -> None:
    """Every sale is at the hub, and there once.

    Raises:
        BenchmarkBroken: the figures are not worth reading.
    """
    await of_registers(chain, "know that the hub has all", ReplicaRegister.is_at_hub)
    await until("the hub hears of the new box's journal", lambda: is_heard(chain))
    at_hub = [str(sale["id"]) async for sale in chain.admin.every("/v1/sales")]
    if (wrong := why_wrong(at_hub, chain.sold, size.sales + len(chain.sold))) is not None:
        raise BenchmarkBroken(wrong)


def why_wrong(at_hub: Sequence[str], answered: Sequence[str], sales: int) -> str | None:
    """Why the hub's list is not each sale once, or None; `answered` are the last of all `sales`."""
    lacking, twice = set(answered).difference(at_hub), len(at_hub) - len(set(at_hub))
    if not lacking and not twice and len(at_hub) == sales:
        return None
    return (
        f"the hub lists {len(at_hub):,} sales of {sales:,}: {twice:,} of them twice, and "
        f"{len(lacking):,} of the last ones not"
    )
