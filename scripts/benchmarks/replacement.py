"""Benchmark ``replacement``: a store's box is dead, its disk with it, and another takes its place.

The store has traded for a while: its shelves, its journal and its registers that sell alone are
those of `Size`, and the hub has heard all of it. Then

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
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from gateway import app
from gateway.client import Place, SaleDone, SaleLine, Tender, World
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from gateway.status.report import LinkState
from scripts.benchmarks import new_box_page
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.benchmarks.loaded_hub import load_products
from scripts.benchmarks.loaded_store import LINES_PER_SALE, THIN_REGISTER, load_store
from scripts.benchmarks.new_box_page import Page
from scripts.benchmarks.premises import (
    CASH_MINOR,
    WATCH_S,
    BenchmarkBroken,
    Say,
    open_hub,
    open_stores,
)
from scripts.benchmarks.raw_transfer import transfer_s
from scripts.demo_day.api import Api
from scripts.processes import Program, Programs

LOCATION: Final = "bench-store"
QUANTITY: Final = 100
"""Units of each SKU that are delivered: some ten times what is sold of it."""

REPLACED_S_MAX: Final = 300.0
"""The promise: five minutes."""

STILL_S_MAX: Final = 10.0
"""So long a page may say the same before whoever looks at it asks whether the box gets on."""

READY_S_MAX: Final = 180.0
"""Bound of each thing that is waited for before the clock runs, and after."""

STOCK_LOOK_S: Final = 0.5
"""A register takes a tenth of a second to count what it holds of all goods."""

CREATED: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the store is; the usual one is a supermarket with a month in its journal."""

    skus: int = 20_000
    sales: int = 50_000
    registers: int = 3
    behind: int = 50
    """Baskets that each register sells while the hub is away."""
    alone: int = 50
    """Baskets that each sells when the box is dead as well."""

    def __str__(self) -> str:
        return f"{self.skus:,} SKUs, {self.sales:,} sales"


USUAL: Final = Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Seconds from ``cloud-hub enrol --replace`` on; `took_s` is the take-over's part of them."""

    basket_s: float
    done_s: float
    handed_over_s: float
    took_s: float
    still_s: float


@dataclass(slots=True, kw_only=True)
class Chain:
    """The programs of this run, and the sales that were answered beside the store's journal."""

    programs: Programs
    hub: Program
    admin: Api
    box: Program
    manager: Api
    tokens: Mapping[str, str]
    """Of the registers that sell alone. They are made first: those of a box's last seconds die
    with it."""
    skus: Sequence[str]
    registers: list[ReplicaRegister] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(2))  # noqa: S311 - no secret

    async def start_hub(self) -> None:
        """Start the hub again, where it was."""
        self.hub = await self.programs.hub(listen=f"127.0.0.1:{self.hub.port}")

    async def start_box(self, code: str | None = None) -> None:
        """Start the store's box again, or another one with a `code`, where it was."""
        self.box = await self.programs.gateway(
            LOCATION, hub_url=self.hub.url, code=code,
            listen=f"127.0.0.1:{self.box.port}", options=["--no-mdns"],
        )  # fmt: skip

    def basket(self) -> list[str]:
        """Some SKUs, each once."""
        return self.dice.sample(self.skus, LINES_PER_SALE)


async def run(root: Path, *, say: Say, size: Size = USUAL) -> list[Row]:
    """Build the chain, destroy the box, replace it, look for each sale.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    async with (
        aiohttp.ClientSession() as session,
        Programs(root) as programs,
        AsyncExitStack() as switched_on,
    ):
        chain = await _open(programs, session, size, say)
        for name, token in chain.tokens.items():
            register = await switched_on.enter_async_context(_register(chain, name, token))
            chain.registers.append(register)
        await _stock_registers(chain)
        await _destroy(chain, size, say)
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


# Before the clock runs


async def _open(programs: Programs, session: aiohttp.ClientSession, size: Size, say: Say) -> Chain:
    """A hub and a store that has traded, and of which the hub has heard everything."""
    premises = await open_hub(programs, session)
    (store,) = await open_stores(premises, [LOCATION])
    names = [f"till-{number}" for number in range(1, size.registers + 1)]
    chain = Chain(
        programs=programs,
        hub=premises.hub,
        admin=premises.admin,
        box=store.program,
        manager=store.manager,
        tokens={
            one: await programs.gateway_token(LOCATION, "cashier", register=one) for one in names
        },
        skus=[f"sku-{number:06d}" for number in range(size.skus)],
    )
    await chain.box.stop()
    await chain.hub.stop()
    await _trade(chain, size, say=lambda line: say(f"replacement: {line}"))
    return chain


async def _trade(chain: Chain, size: Size, say: Say) -> None:
    """Head office puts its products, the store sells; each while its program does not run."""
    root = chain.programs.root
    await load_products(root / "hub", size.skus, say=say)
    await chain.start_hub()
    await chain.start_box()
    await _until("the store knows the products", lambda: _knows_products(chain))
    await chain.box.stop()
    await load_store(root / LOCATION, chain.skus, quantity=QUANTITY, sales=size.sales, say=say)
    await chain.start_box()
    say("the hub hears of all that")
    await _until("the hub hears of the store's journal", lambda: _is_heard(chain))


def _register(chain: Chain, name: str, token: str) -> ReplicaRegister:
    """A register that sells alone, to be switched on."""
    return ReplicaRegister(
        chain.programs.root / name,
        Place(address=chain.box.url),
        token=token,
        register=name,
        world=World(find=_nobody),
    )


async def _nobody(_location: str) -> Sequence[Found]:
    """Who announces a location: it is known where the box is."""
    return []


async def _stock_registers(chain: Chain) -> None:
    """Wait until each register has its part of all goods, and the hub has heard of it."""

    async def is_stocked() -> bool:
        told = [await one.status() for one in chain.registers]
        return all(one.goods == len(chain.skus) for one in told)

    await _until("the registers have their part of the goods", is_stocked, look_s=STOCK_LOOK_S)
    await _until("the hub hears of the registers", lambda: _is_heard(chain))


async def _destroy(chain: Chain, size: Size, say: Say) -> None:
    """The hub goes away, then the box and its disk; the registers sell on. Then the hub is back."""
    say(f"replacement: {size}; the hub is away, the registers sell on")
    await chain.hub.stop()
    await _sell_at_registers(chain, size.behind)
    await _of_registers(chain, "hand over to the old box", ReplicaRegister.is_handed_over)
    await chain.box.kill()
    await asyncio.to_thread(shutil.rmtree, chain.programs.root / LOCATION)
    await _of_registers(chain, "hear the old box no more", lambda one: not _is_linked(one))
    say("replacement: the box is dead and its disk is gone, the registers sell on")
    await _sell_at_registers(chain, size.alone)
    await chain.start_hub()


async def _sell_at_registers(chain: Chain, baskets: int) -> None:
    for _ in range(baskets):
        for one in chain.registers:
            lines = [SaleLine(sku=sku) for sku in chain.basket()]
            done = await one.sell(lines, [Tender(type="cash", amount_minor=CASH_MINOR)])
            if not isinstance(done, SaleDone):
                raise BenchmarkBroken(f"{one.register} does not sell: {done}")
            chain.sold.append(done.sale_id)


# The clock runs


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
    await _of_registers(
        chain, "hand over to the new box", lambda one: _is_linked(one) and one.is_handed_over(),
        within_s=REPLACED_S_MAX,
    )  # fmt: skip
    return time.perf_counter()


# Afterwards


async def _check(chain: Chain, size: Size) -> None:
    """Every sale is at the hub, and there once.

    Raises:
        BenchmarkBroken: the figures are not worth reading.
    """
    await _of_registers(chain, "know that the hub has all", ReplicaRegister.is_at_hub)
    await _until("the hub hears of the new box's journal", lambda: _is_heard(chain))
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


# Waiting


def _is_linked(register: ReplicaRegister) -> bool:
    return register.link is LinkState.CONNECTED


async def _is_heard(chain: Chain) -> bool:
    """Whether the hub has acknowledged all that the store has journalled."""
    journal = (await chain.manager.get("/v1/status"))["journal"]
    return bool(journal["acknowledged_seq"] == journal["last_seq"])


async def _knows_products(chain: Chain) -> bool:
    caught = (await chain.manager.get("/v1/status"))["catch_up"]
    return bool(caught["products"] == len(chain.skus) and not caught["ahead"])


async def _until(
    what: str, is_so: Callable[[], Awaitable[bool]], *, look_s: float = WATCH_S
) -> None:
    try:
        async with asyncio.timeout(READY_S_MAX):
            while not await is_so():  # noqa: ASYNC110 - in another process
                await asyncio.sleep(look_s)
    except TimeoutError:
        raise BenchmarkBroken(f"in vain: {what}, within {READY_S_MAX:.0f} s") from None


async def _of_registers(
    chain: Chain,
    what: str,
    is_so: Callable[[ReplicaRegister], bool],
    *,
    within_s: float = READY_S_MAX,
) -> None:
    """Wait until it is so of each register."""
    for one in chain.registers:
        if not await one.until(is_so, within_s):
            raise BenchmarkBroken(f"in vain: {one.register} should {what}, within {within_s:.0f} s")
