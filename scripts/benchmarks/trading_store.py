"""A chain whose store has traded for a while, for benchmarks: real programs, a realistic journal.

A hub and a store's gateway as processes, and in this one the registers that sell alone. Products,
deliveries and sales are written while the programs do not run (`loaded_hub`, `loaded_store`); what
the hub knows of the store it has heard over the link.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from gateway.client import Place, World
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from gateway.status.report import LinkState
from scripts.benchmarks.loaded_hub import load_products
from scripts.benchmarks.loaded_store import LINES_PER_SALE, load_store
from scripts.benchmarks.premises import WATCH_S, BenchmarkBroken, Say, open_hub, open_stores
from scripts.demo_day.api import Api
from scripts.processes import Program, Programs

LOCATION: Final = "bench-store"
QUANTITY: Final = 100
"""Units of each SKU that are delivered: some ten times what is sold of it."""

READY_S_MAX: Final = 180.0
"""Bound of each thing that is waited for and is not measured."""

STOCK_LOOK_S: Final = 0.5
"""A register takes a tenth of a second to count what it holds of all goods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the store is; the usual one is a supermarket with a month in its journal."""

    skus: int = 20_000
    sales: int = 50_000
    registers: int = 3

    def __str__(self) -> str:
        return f"{self.skus:,} SKUs, {self.sales:,} sales"


USUAL: Final = Size()


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


async def open_chain(
    programs: Programs, session: aiohttp.ClientSession, size: Size, say: Say
) -> Chain:
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
    await _trade(chain, size, say)
    return chain


async def _trade(chain: Chain, size: Size, say: Say) -> None:
    """Head office puts its products, the store sells; each while its program does not run."""
    root = chain.programs.root
    await load_products(root / "hub", size.skus, say=say)
    await chain.start_hub()
    await chain.start_box()
    await until("the store knows the products", lambda: _knows_products(chain))
    await chain.box.stop()
    await load_store(root / LOCATION, chain.skus, quantity=QUANTITY, sales=size.sales, say=say)
    await chain.start_box()
    say("the hub hears of all that")
    await until("the hub hears of the store's journal", lambda: is_heard(chain))


def register_of(chain: Chain, name: str, token: str) -> ReplicaRegister:
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


async def stock_registers(chain: Chain) -> None:
    """Wait until each register has its part of all goods, and the hub has heard of it."""

    async def is_stocked() -> bool:
        told = [await one.status() for one in chain.registers]
        return all(one.goods == len(chain.skus) for one in told)

    await until("the registers have their part of the goods", is_stocked, look_s=STOCK_LOOK_S)
    await until("the hub hears of the registers", lambda: is_heard(chain))


def is_linked(register: ReplicaRegister) -> bool:
    """Whether it has a gateway at this moment."""
    return register.link is LinkState.CONNECTED


async def is_heard(chain: Chain) -> bool:
    """Whether the hub has acknowledged all that the store has journalled."""
    journal = (await chain.manager.get("/v1/status"))["journal"]
    return bool(journal["acknowledged_seq"] == journal["last_seq"])


async def _knows_products(chain: Chain) -> bool:
    caught = (await chain.manager.get("/v1/status"))["catch_up"]
    return bool(caught["products"] == len(chain.skus) and not caught["ahead"])


async def until(
    what: str, is_so: Callable[[], Awaitable[bool]], *, look_s: float = WATCH_S
) -> None:
    """Wait until it is so.

    Raises:
        BenchmarkBroken: it is not within `READY_S_MAX`; the message says `what`.
    """
    try:
        async with asyncio.timeout(READY_S_MAX):
            while not await is_so():  # noqa: ASYNC110 - in another process
                await asyncio.sleep(look_s)
    except TimeoutError:
        raise BenchmarkBroken(f"in vain: {what}, within {READY_S_MAX:.0f} s") from None


async def of_registers(
    chain: Chain,
    what: str,
    is_so: Callable[[ReplicaRegister], bool],
    *,
    within_s: float = READY_S_MAX,
) -> None:
    """Wait until it is so of each register.

    Raises:
        BenchmarkBroken: one does not, within the time; `what` says what it should do.
    """
    for one in chain.registers:
        if not await one.until(is_so, within_s):
            raise BenchmarkBroken(f"in vain: {one.register} should {what}, within {within_s:.0f} s")
