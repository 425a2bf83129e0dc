"""What a benchmark measures in: a hub and gateways with a catalogue and full shelves."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from scripts.demo_day.api import Api
from scripts.processes import Program, Programs

CURRENCY: Final = "USD"
PRICE_MINOR_MAX: Final = 999
CASH_MINOR: Final = 10_000
"""Covers three lines of anything here; the rest is change."""

STARTS_AT_ONCE: Final = os.cpu_count() or 1
"""A start is a second of CPU time; more at once would only run into their time limits."""

REQUESTS_AT_ONCE: Final = 16
WAIT_S_MAX: Final = 60.0
WATCH_S: Final = 0.05

Say = Callable[[str], None]
"""Takes a line about how far it has come."""


class BenchmarkBroken(RuntimeError):
    """Something that a figure needs did not come about; there is no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Running programs and their administrators."""

    programs: Programs
    session: aiohttp.ClientSession
    hub: Program
    admin: Api


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One running gateway; `manager` may do everything there and speak for any register."""

    location: str
    program: Program
    manager: Api


async def open_hub(programs: Programs, session: aiohttp.ClientSession) -> Premises:
    """Start the hub; `programs` ends it."""
    hub = await programs.hub()
    token = await programs.hub_token("admin")
    admin = Api(session=session, url=hub.url, token=token)
    return Premises(programs=programs, session=session, hub=hub, admin=admin)


async def open_stores(premises: Premises, locations: Sequence[str]) -> list[Store]:
    """Enrol and start a gateway per location, as many at once as there are cores."""
    turns = asyncio.Semaphore(STARTS_AT_ONCE)

    async def open_store(location: str) -> Store:
        async with turns:
            programs = premises.programs
            code = await programs.enrolment_code(location)
            program = await programs.gateway(
                location, hub_url=premises.hub.url, code=code, options=["--no-mdns"]
            )
            token = await programs.gateway_token(location, "manager")
        manager = Api(session=premises.session, url=program.url, token=token)
        return Store(location=location, program=program, manager=manager)

    async with asyncio.TaskGroup() as group:
        opening = [group.create_task(open_store(location)) for location in locations]
    return [task.result() for task in opening]


async def put_products(premises: Premises, skus: Sequence[str]) -> None:
    """Put products at the hub, with prices between 1 and `PRICE_MINOR_MAX`."""
    turns = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def put_product(number: int, sku: str) -> None:
        product = {
            "name": f"Product {sku}",
            "price_minor": 1 + number * 37 % PRICE_MINOR_MAX,
            "currency": CURRENCY,
            "tax_class": "standard",
            "barcodes": [],
        }
        async with turns:
            (await premises.admin.put(f"/v1/products/{sku}", product)).success(f"product {sku}")

    async with asyncio.TaskGroup() as group:
        for number, sku in enumerate(skus):
            group.create_task(put_product(number, sku))


async def stock(store: Store, skus: Sequence[str], quantity: int) -> None:
    """Wait until the store knows the products, then put `quantity` of each on its shelves.

    Raises:
        BenchmarkBroken: it does not hear of them within `WAIT_S_MAX`.
    """
    ends_s = time.monotonic() + WAIT_S_MAX
    while (await store.manager.get("/v1/status"))["catch_up"]["products"] < len(skus):
        if time.monotonic() > ends_s:
            raise BenchmarkBroken(f"{store.location} does not hear of the products")
        await asyncio.sleep(WATCH_S)
    lines = [{"sku": sku, "quantity": quantity} for sku in skus]
    receipt = {"lines": lines, "reference": "opening"}
    answer = await store.manager.post("/v1/stock/receipts", receipt, key="opening")
    answer.success(f"stock of {store.location}")
