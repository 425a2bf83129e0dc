"""Goal: on a copy of a running program's files none starts, but on what is of one moment.

One that does not start says what to do, has changed nothing, and is not started again and again.

Method: a real hub, a real gateway and a real register that sell while their files are copied byte
by byte, the file and its write-ahead log at different moments, with a checkpoint between or not.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio

from gateway.identity import Identity, load_identity
from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import WriterId
from replication.journal import EMPTY, verify
from scripts.processes import PROJECT
from tests.power.contents import broken_in
from tests.programs import Shop, fresh, open_shop, run, sale_of, until
from tests.register_program import RegisterProgram, enrolled, register_command, running
from web.file_check import EXIT_DAMAGED

NOBODY = "http://127.0.0.1:9"
"""A hub that is not there."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop of its own: its files are copied."""
    async with open_shop(tmp_path) as running:
        yield running


@asynccontextmanager
async def busy(shop: Shop, sku: str) -> AsyncIterator[list[str]]:
    """People who sell for as long as the block lasts; the sales that were answered."""
    sold: list[str] = []
    is_over = asyncio.Event()

    async def sell() -> None:
        while not is_over.is_set():
            sold.append((await shop.cashier.done("/v1/sales", sale_of(sku)))["id"])

    people = [asyncio.create_task(sell()) for _ in range(4)]
    try:
        yield sold
    finally:
        is_over.set()
        await asyncio.gather(*people)


async def more(sold: list[str], sales: int) -> None:
    """Wait until so much more is sold."""
    enough = len(sold) + sales

    async def is_enough() -> bool:
        return len(sold) >= enough

    await until(is_enough)


async def heard(shop: Shop, entries: int) -> None:
    """Wait until the hub has so many more of the gateway's entries."""
    enough = (await shop.fleet())["journal"]["seq"] + entries

    async def is_enough() -> bool:
        return bool((await shop.fleet())["journal"]["seq"] >= enough)

    await until(is_enough)


def log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def checkpoint(file: Path) -> None:
    """The log goes to the file and begins anew, as it does by itself every 4,000 pages."""
    connection = connect(file)
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.close()


def put(what: Path, folder: Path) -> Path:
    """Copy one file into a directory of its own; the directory."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(what, folder / what.name)
    return folder


def picture(data: Path) -> dict[str, bytes]:
    """A directory's files, but for what a program that starts makes for itself."""
    made = {"lock"}
    return {
        one.name: one.read_bytes()
        for one in data.iterdir()
        if one.name not in made and not one.name.endswith("-shm")
    }


async def is_refused(data: Path, *arguments: str) -> None:
    """A program does not start, says what to do, and has changed nothing."""
    before = picture(data)

    status, said = await run(*arguments)

    assert status == EXIT_DAMAGED, said
    sentence = said.strip().splitlines()[-1]
    for words in ("was copied while its program ran", "do not delete it", "If there is no other"):
        assert words in sentence
    assert '"file_damaged"' in said
    assert picture(data) == before


async def starts_whole(shop: Shop, data: Path) -> int:
    """A gateway starts; its journal is whole, and what SQLite says of it. How far it goes."""
    program = await shop.programs.gateway(data.name, hub_url=NOBODY, options=("--no-mdns",))
    await program.stop()
    store = ReplicaStore(connect(data / "gateway.db"))
    assert broken_in(store.connection) == []
    identity = load_identity(store)
    assert isinstance(identity, Identity)
    entries, last = store.entries_after(identity.writer, 0, count_max=10**9, bytes_max=2**40)
    verify(EMPTY, WriterId(identity.writer), entries)
    store.connection.close()
    return last


async def test_a_gateway_starts_on_the_copy_of_one_moment_or_says_what_to_do(shop: Shop) -> None:
    sku = await shop.product(stock=100_000)
    file, root = shop.gateway_data / "gateway.db", shop.programs.root
    async with busy(shop, sku) as sold:
        await more(sold, 40)
        file_first = put(file, root / "file-first")
        await more(sold, 20)
        put(log_of(file), file_first)
        log_first = put(log_of(file), root / "log-first")
        await more(sold, 20)
        put(file, log_first)
        later_log = put(file, root / "later-log")
        await more(sold, 60)
        checkpoint(file)
        await more(sold, 20)
        put(log_of(file), later_log)
        checkpoint(file)
        alone = put(file, root / "alone")

    assert await starts_whole(shop, file_first) > 60
    assert await starts_whole(shop, log_first) > 60
    assert await starts_whole(shop, alone) > 160
    gateway = ("gateway", "serve", "--hub", NOBODY, "--listen", "127.0.0.1:0", "--no-mdns")
    await is_refused(later_log, *gateway, "--data", str(later_log))


async def test_a_hub_says_what_to_do_on_a_copy_of_two_moments(shop: Shop) -> None:
    sku = await shop.product(stock=100_000)
    file = shop.programs.root / "hub" / "hub.db"
    async with busy(shop, sku) as sold:
        await more(sold, 40)
        copy = put(file, shop.programs.root / "copy")
        await heard(shop, 80)
        checkpoint(file)
        await heard(shop, 20)
        put(log_of(file), copy)

    await is_refused(copy, "cloud_hub", "serve", "--listen", "127.0.0.1:0", "--data", str(copy))


async def test_a_register_says_what_to_do_on_a_copy_of_two_moments(shop: Shop) -> None:
    sku = await shop.product(stock=100_000)
    data = await enrolled(shop, "till-8")
    file = data / "register.db"

    async def sell(register: RegisterProgram, sales: int) -> None:
        for _ in range(sales):
            await register.sold(sku)

    async with running(data) as register:
        await sell(register, 10)
        copy = put(file, shop.programs.root / fresh("copy"))
        await sell(register, 60)
        checkpoint(file)
        await sell(register, 10)
        put(log_of(file), copy)
        before = picture(copy)

        status, _, said = await register_command("sell", sku, "--data", str(copy), "--cash", "10")

    assert status == EXIT_DAMAGED, said
    assert "set the register up anew" in said
    assert picture(copy) == before


def test_the_units_do_not_start_such_a_program_again() -> None:
    for name in ("store-gateway", "cloud-hub"):
        unit = (PROJECT / "scripts" / "box" / f"{name}.service").read_text()
        assert f"\nRestartPreventExitStatus={EXIT_DAMAGED}\n" in unit
