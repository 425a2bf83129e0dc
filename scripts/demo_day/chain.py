"""The chain of stores, built up as real programs on this machine and taken down again.

    website --HTTP--> hub <--WAN relay-- gateway <--HTTP, mDNS-- thin tills
                                            |<--WebSocket, mDNS- tills that sell alone
                                            |------TCP---------- receipt printer (simulated)
                                            |------pty---------- scanner (simulated)

Every store reaches the hub through a relay of its own, which can cut the line or swallow packets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from devices.sim.printer import SimPrinter
from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan
from scripts.demo_day.agenda import HOLD_S
from scripts.demo_day.api import Api, Json, Unexpected
from scripts.demo_day.baskets import Product
from scripts.demo_day.plan import TILLS_PER_STORE
from scripts.demo_day.setting import Discovery, TillSetting
from scripts.processes import Program, Programs

CONNECTIONS_PER_HOST: Final = 32
"""Requests under way at once; both programs take 64 of one token."""

STARTS_AT_ONCE: Final = 2
"""Programs that start at the same time: a start is a second of CPU time."""

WAIT_S_MAX: Final = 60.0
"""For stores to hear of a catalogue, for devices to be ready: longer than any of it takes."""

WATCH_S: Final = 0.1
"""Between two looks at something that is waited for."""


class NeverReady(Exception):
    """Something that takes seconds did not come about within `WAIT_S_MAX`."""


@dataclass(slots=True, kw_only=True)
class Store:
    """One store: its gateway behind its WAN, and what its people need to work with it."""

    location: str
    wan: SimWan
    program: Program
    options: tuple[str, ...]
    manager: Api
    tills: tuple[TillSetting, ...]
    discovery: Discovery
    printer: SimPrinter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The hub, before there is any store. `admin`, `website` and `auditor` speak to it."""

    root: Path
    programs: Programs
    program: Program
    session: aiohttp.ClientSession
    currency: str
    admin: Api
    website: Api
    auditor: Api


@dataclass(slots=True, kw_only=True)
class Chain:
    """Everything that runs. `admin`, `website` and `auditor` speak to the hub."""

    programs: Programs
    hub: Program
    currency: str
    admin: Api
    website: Api
    auditor: Api
    stores: Mapping[str, Store]


@contextlib.asynccontextmanager
async def open_hub(root: Path, *, currency: str, say: Callable[[str], None]) -> AsyncIterator[Hub]:
    """Start a hub and make its tokens; it has ended when the block ends.

    Args:
        root: an empty directory for data, logs and configuration.
        currency: the one that its products are priced in.
        say: takes one line for the person who watches.
    """
    connector = aiohttp.TCPConnector(limit_per_host=CONNECTIONS_PER_HOST)
    async with aiohttp.ClientSession(connector=connector) as session, Programs(root) as programs:
        settings = root / "hub.toml"
        lines = (f"reservation_s = {HOLD_S}", f"currency = {json.dumps(currency)}", "")
        settings.write_text("\n".join(lines), encoding="utf-8")
        program = await programs.hub(config=settings)
        say(f"hub at {program.url}")
        roles = ("admin", "storefront", "auditor")
        tokens = await asyncio.gather(*map(programs.hub_token, roles))
        admin, website, auditor = (
            Api(session=session, url=program.url, token=token) for token in tokens
        )
        yield Hub(
            root=root,
            programs=programs,
            program=program,
            session=session,
            currency=currency,
            admin=admin,
            website=website,
            auditor=auditor,
        )


@contextlib.asynccontextmanager
async def open_chain(
    hub: Hub,
    locations: Sequence[str],
    *,
    equipped: str,
    lone: Collection[tuple[str, str]],
    say: Callable[[str], None],
) -> AsyncIterator[Chain]:
    """Start gateways and enrol them at the hub; what is around them is gone when the block ends.

    Args:
        hub: what all of them belong to; it ends their programs as well.
        locations: the stores, by location id.
        equipped: the store that gets the printer, and the scanner for its first till.
        lone: the registers that sell alone, as (location, register).
        say: takes one line for the person who watches.
    """
    async with AsyncExitStack() as stack:
        builder = _Builder(hub, stack, asyncio.Semaphore(STARTS_AT_ONCE), lone)
        async with asyncio.TaskGroup() as tasks:
            building = [
                tasks.create_task(builder.store(location, say, equipped=location == equipped))
                for location in locations
            ]
        stores = {store.location: store for store in (task.result() for task in building)}
        yield Chain(
            programs=hub.programs,
            hub=hub.program,
            currency=hub.currency,
            admin=hub.admin,
            website=hub.website,
            auditor=hub.auditor,
            stores=stores,
        )


@dataclass(frozen=True, slots=True)
class _Builder:
    """What building a store needs."""

    hub: Hub
    stack: AsyncExitStack
    turns: asyncio.Semaphore
    lone: Collection[tuple[str, str]]

    async def store(self, location: str, say: Callable[[str], None], *, equipped: bool) -> Store:
        wan = await self.stack.enter_async_context(
            SimWan.listening(to=("127.0.0.1", self.hub.program.port))
        )
        printer = scanner = None
        registers = [f"till-{number}" for number in range(1, TILLS_PER_STORE + 1)]
        if equipped:
            printer = await self.stack.enter_async_context(SimPrinter.listening())
            link = self.hub.root / f"{location}-scanner"
            scanner = self.stack.enter_context(SimScanner(link=link))
            settings = _devices(link, printer, registers)
        else:
            settings = ""
        options = self._configure(location, settings)
        async with self.turns:
            code = await self.hub.programs.enrolment_code(location)
            program = await self.hub.programs.gateway(
                location, hub_url=f"http://{wan.host}:{wan.port}", code=code, options=options
            )
        say(f"{location}: gateway at {program.url}, status page {program.url}/status")
        tokens = [await self._token(location, "manager", None)]
        tokens += [await self._token(location, "cashier", register) for register in registers]
        manager, *cashiers = tokens
        return Store(
            location=location,
            wan=wan,
            program=program,
            options=options,
            manager=Api(session=self.hub.session, url=program.url, token=manager),
            tills=tuple(
                TillSetting(
                    location=location,
                    register=register,
                    token=token,
                    outbox=self.hub.root / f"{location}-{register}",
                    scanner=scanner.scan if scanner and register == registers[0] else None,
                    sells_alone=(location, register) in self.lone,
                )
                for register, token in zip(registers, cashiers, strict=True)
            ),
            discovery=Discovery(address=program.url, say=say),
            printer=printer,
        )

    async def _token(self, location: str, role: str, register: str | None) -> str:
        async with self.turns:
            return await self.hub.programs.gateway_token(location, role, register=register)

    def _configure(self, location: str, settings: str) -> tuple[str, ...]:
        """Write the gateway's configuration; its options name the file."""
        file = self.hub.root / f"{location}.toml"
        file.write_text(f"basket_s = {HOLD_S}\n{settings}", encoding="utf-8")
        return ("--config", str(file))


def _devices(link: Path, printer: SimPrinter, registers: list[str]) -> str:
    """A scanner and a printer as settings; JSON's lists and strings are TOML's as well."""
    names = json.dumps(registers)
    return (
        f'scanners = [{{device = "{link}", register = "{registers[0]}"}}]\n'
        f'printers = [{{name = "counter", address = "{printer.address}", registers = {names}}}]\n'
    )


async def put_catalogue(chain: Chain, products: Iterable[Product]) -> None:
    """Put every product at the hub, many at once."""
    waiting = iter(products)

    async def put_some() -> None:
        for product in waiting:
            answer = await chain.admin.put(
                f"/v1/products/{product.sku}",
                {
                    "name": product.name,
                    "price_minor": product.price_minor,
                    "currency": chain.currency,
                    "tax_class": "standard",
                    "barcodes": [product.barcode],
                },
            )
            answer.success(f"product {product.sku}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS_PER_HOST):
            tasks.create_task(put_some())


async def until_heard(store: Store, products: int) -> None:
    """Wait until a gateway has the whole catalogue."""
    await until(
        store, f"{products} products", lambda now: bool(now["catch_up"]["products"] >= products)
    )


async def until_equipped(store: Store) -> None:
    """Wait until printer and scanner are ready and the scanner's register listens."""

    def ready(now: Json) -> bool:
        devices = {device["kind"]: device["state"] for device in now["devices"]}
        live = any(one["live"] for one in now["registers"])
        return live and devices.get("scanner") == "ready" and devices.get("printer") == "ready"

    await until(store, "its devices", ready)


async def until(store: Store, what: str, is_so: Callable[[Json], bool]) -> None:
    """Watch a gateway's status until something is true of it.

    Raises:
        NeverReady: it did not come about within `WAIT_S_MAX`.
    """
    give_up_s = time.monotonic() + WAIT_S_MAX
    while not is_so(await store.manager.get("/v1/status")):
        if time.monotonic() > give_up_s:
            raise NeverReady(f"{store.location} waits for {what} in vain")
        await asyncio.sleep(WATCH_S)


async def until_ended(api: Api, hold: str) -> None:
    """Wait until the hold at this path is over by itself; a restart gives it its full time again.

    Raises:
        NeverReady: it was not within `WAIT_S_MAX`, or it ended otherwise.
    """
    give_up_s = time.monotonic() + WAIT_S_MAX
    while (status := (await api.get(hold))["status"]) == "open":
        if time.monotonic() > give_up_s:
            break
        await asyncio.sleep(WATCH_S)
    if status != "expired":
        raise NeverReady(f"{hold} waits to expire in vain: it is {status}")


async def kill_and_restart(chain: Chain, store: Store) -> None:
    """SIGKILL a gateway and start it again, see `start_again`."""
    await store.program.kill()
    await start_again(chain, store)


async def start_again(chain: Chain, store: Store, code: str | None = None) -> None:
    """Start a gateway that has ended on its data directory and port, with a code where it is new.

    Raises:
        Unexpected: it came back under another address.
    """
    address = store.program.url
    store.program = await chain.programs.gateway(
        store.location,
        hub_url=f"http://{store.wan.host}:{store.wan.port}",
        code=code,
        listen=str(urlsplit(address).netloc),
        options=store.options,
    )
    if store.program.url != address:
        raise Unexpected(f"{store.location} came back at {store.program.url}, not {address}")
