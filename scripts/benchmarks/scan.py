"""Benchmark ``scan``: from the last byte that a scanner types to the register that hears it.

A simulated scanner's pty, the gateway as a program, and one register's WebSocket, on loopback; a
scan is typed when the one before was heard. Once with the EAN-13s of products that are on sale, and
once with GS1 DataMatrix codes, each with a batch, a date and a serial number of its own. Against

    a WebSocket ping to the same gateway and back, on the same connection
    bytes through a pty of this process

in rounds that alternate, so that the machine's noise hits all of them. The goal is in
milliseconds: a cashier who waits for a beep notices nothing below 20.
"""

import asyncio
import itertools
import json
import os
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from devices.sim.scanner import SimScanner
from retail.products.barcodes import has_valid_check_digit
from scripts.benchmarks.figures import Better, Goal, Row, quantile
from scripts.benchmarks.premises import (
    WAIT_S_MAX,
    WATCH_S,
    BenchmarkBroken,
    Say,
    Store,
    open_hub,
    stock,
)
from scripts.demo_day.api import Api
from scripts.processes import Programs

ROUNDS: Final = 4
SCANS: Final = 500
"""Of each kind in a round: the slowest hundredth of all is then 20 scans."""

PRODUCTS: Final = 50
WARM_UP: Final = 50
GOAL_MS: Final = 20.0
HEARD_S_MAX: Final = 5.0
LOCATION: Final = "bench-store"
REGISTER: Final = "till-1"
MS_PER_S: Final = 1_000.0

Once = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Measured:
    """Milliseconds of everything that one run measured."""

    ean_ms: list[float] = field(default_factory=list)
    gs1_ms: list[float] = field(default_factory=list)
    ping_ms: list[float] = field(default_factory=list)
    pty_ms: list[float] = field(default_factory=list)


async def run(root: Path, *, say: Say, scans: int = SCANS) -> list[Row]:
    """Start hub and gateway under `root`, measure, end them; about 15 s.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    link = root / "scanner"
    async with aiohttp.ClientSession() as session, Programs(root) as programs:
        with SimScanner(link=link) as scanner:
            numbers = [_gtin(number) for number in range(PRODUCTS)]
            store, token = await _open_store(programs, session, link, numbers)
            headers = {"Authorization": f"Bearer {token}"}
            live = f"{store.program.url}/v1/live"
            async with session.ws_connect(live, headers=headers, autoping=False) as register:
                ear = Ear(scanner, register)
                return rows_from(await _measure(ear, numbers, scans, say))


class Ear:
    """A register that listens, and the scanner beside it."""

    def __init__(self, scanner: SimScanner, register: aiohttp.ClientWebSocketResponse) -> None:
        self._scanner = scanner
        self._register = register

    async def scan(self, code: str) -> None:
        """Type a code and hear it.

        Raises:
            BenchmarkBroken: it is not heard, or not as a product that is on sale.
        """
        if not self._scanner.scan(code.encode()):
            raise BenchmarkBroken("nobody reads the scanner's port")
        while True:
            message = await self._next()
            if message.type is aiohttp.WSMsgType.TEXT:
                heard = json.loads(message.data)
                if heard["type"] == "scan" and heard["code"] == code:
                    break
        if heard["sku"] is None or heard["duplicate"]:
            raise BenchmarkBroken(f"{code} is heard as {heard}")

    async def ping(self) -> None:
        """Ask the gateway whether it is there."""
        await self._register.ping()
        while (await self._next()).type is not aiohttp.WSMsgType.PONG:
            pass

    async def _next(self) -> aiohttp.WSMessage:
        message = await self._register.receive(timeout=HEARD_S_MAX)
        if message.type is aiohttp.WSMsgType.PING:
            await self._register.pong(message.data)
        if message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}:
            raise BenchmarkBroken("the gateway closed the register's line")
        return message


async def _measure(ear: Ear, numbers: Sequence[str], scans: int, say: Say) -> Measured:
    measured = Measured()
    ean, gs1 = itertools.cycle(numbers), gs1_codes(numbers)
    async with _pty() as through_pty:
        kinds: list[tuple[list[float], Once]] = [
            (measured.ping_ms, ear.ping),
            (measured.pty_ms, through_pty),
            (measured.ean_ms, lambda: ear.scan(next(ean))),
            (measured.gs1_ms, lambda: ear.scan(next(gs1))),
        ]
        for _, once in kinds:
            await _timed(once, WARM_UP)
        for turn in range(ROUNDS):
            say(f"scan: round {turn + 1} of {ROUNDS}")
            for taken_ms, once in kinds:
                taken_ms.extend(await _timed(once, scans))
    return measured


async def _timed(once: Once, times: int) -> list[float]:
    taken_ms = []
    for _ in range(times):
        before_s = time.perf_counter()
        await once()
        taken_ms.append((time.perf_counter() - before_s) * MS_PER_S)
    return taken_ms


@asynccontextmanager
async def _pty() -> AsyncIterator[Once]:
    """A way for bytes through a pty, within this process and its loop."""
    master, slave = os.openpty()
    tty.setraw(slave)
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        os.read(slave, 100)
        arrived.set()

    async def once() -> None:
        arrived.clear()
        os.write(master, b"4006381333931\r")
        await arrived.wait()

    loop.add_reader(slave, read)
    try:
        yield once
    finally:
        loop.remove_reader(slave)
        os.close(slave)
        os.close(master)


async def _open_store(
    programs: Programs, session: aiohttp.ClientSession, link: Path, numbers: Sequence[str]
) -> tuple[Store, str]:
    """A store whose scanner is at `link`, with a product per number; and its register's token."""
    premises = await open_hub(programs, session)
    config = link.with_name("gateway.toml")
    config.write_text(f'scanners = [{{device = "{link}", register = "{REGISTER}"}}]\n')
    code = await programs.enrolment_code(LOCATION)
    program = await programs.gateway(
        LOCATION,
        hub_url=premises.hub.url,
        code=code,
        options=["--no-mdns", "--config", str(config)],
    )
    token = await programs.gateway_token(LOCATION, "manager")
    manager = Api(session=session, url=program.url, token=token)
    store = Store(location=LOCATION, program=program, manager=manager)
    for number in numbers:
        body = {"name": number, "price_minor": 100, "currency": "USD", "barcodes": [number]}
        (await premises.admin.put(f"/v1/products/{number}", body)).success(number)
    await stock(store, numbers, 1)
    await _until_ready(store)
    return store, await programs.gateway_token(LOCATION, "cashier", register=REGISTER)


async def _until_ready(store: Store) -> None:
    """Wait until the gateway listens to the scanner."""
    ends_s = time.monotonic() + WAIT_S_MAX
    while (await store.manager.get("/v1/status"))["devices"][0]["state"] != "ready":
        if time.monotonic() > ends_s:
            raise BenchmarkBroken("the gateway does not find the scanner")
        await asyncio.sleep(WATCH_S)


def gs1_codes(numbers: Sequence[str]) -> Iterator[str]:
    """GS1 DataMatrix codes of the products, no two alike."""
    for piece, number in enumerate(itertools.cycle(numbers)):
        yield f"]d201{number:0>14}1727013110LOT-7\x1d21{piece:08}"


def _gtin(number: int) -> str:
    """An EAN-13 per number."""
    body = f"400638{number:06}"
    return next(code for d in "0123456789" if has_valid_check_digit(code := body + d))


def rows_from(measured: Measured) -> list[Row]:
    """The rows of a run."""
    rows = [
        Row(
            name=f"scan to register p{percent}, {kind}",
            ours=quantile(taken_ms, percent),
            baseline=quantile(measured.ping_ms, percent) + quantile(measured.pty_ms, percent),
            baseline_is=f"WebSocket ping and back p{percent} + bytes through a pty p{percent}",
            unit="ms",
        )
        for kind, taken_ms in (("EAN-13", measured.ean_ms), ("GS1 DataMatrix", measured.gs1_ms))
        for percent in (50, 99)
    ]
    return [
        *rows,
        Row(
            name="scan to register p99, all",
            ours=quantile(measured.ean_ms + measured.gs1_ms, 99),
            baseline=GOAL_MS,
            baseline_is=f"{GOAL_MS:g} ms, which nobody notices",
            unit="ms",
            goal=Goal(better=Better.LOWER, ratio=1.0),
        ),
    ]
