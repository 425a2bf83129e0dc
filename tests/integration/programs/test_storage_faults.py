"""Goal: a disk that does not take a commit costs an honest 503 and nothing else.

Method: hub and gateway on small file systems of their own which are filled to the last byte (as
root), and with a limit on what the processes may write (as anyone). Files of newer programs are
compared byte by byte.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

import apsw
import pytest
import pytest_asyncio

from devices.sim.printer import SimPrinter
from tests.programs import Caller, Shop, fresh, open_shop, order_of, run, sale_of, told, until

DISK_BYTES: Final = 24 * 1024 * 1024
"""Room for a database and the largest log that SQLite lets grow beside it."""

Fault = Callable[[Shop], "contextlib.AbstractContextManager[None]"]


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A small file system at `folder` where this machine lets us; else just a folder."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    able = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True)
    if able and able.returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def printer() -> AsyncIterator[SimPrinter]:
    """A printer for the fragile shop."""
    async with SimPrinter.listening() as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fragile(
    tmp_path_factory: pytest.TempPathFactory, printer: SimPrinter
) -> AsyncIterator[Shop]:
    """A shop whose programs have a disk each."""
    root = tmp_path_factory.mktemp("fragile")
    config = root / "gateway.toml"
    config.write_text(
        f'printers = [{{name="p", address="{printer.address}", registers=["till-paper"]}}]\n'
    )
    with mounted(root / "hub"), mounted(root / "riverside"):
        async with open_shop(root, options=("--config", str(config))) as shop:
            yield shop


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is free in `folder` while the block runs."""
    if not folder.is_mount():
        pytest.skip("only root can mount a small file system")
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(folder).free == 0
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def muzzled(process: int) -> Iterator[None]:
    """Writes of a process fail while the block runs (EFBIG)."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)


GATEWAY_FAULTS: Final[dict[str, Fault]] = {
    "full disk": lambda shop: filled(shop.gateway_data),
    "failing writes": lambda shop: muzzled(shop.gateway.process.pid),
}
HUB_FAULTS: Final[dict[str, Fault]] = {
    "full disk": lambda shop: filled(shop.programs.root / "hub"),
    "failing writes": lambda shop: muzzled(shop.hub.process.pid),
}


async def use_up(caller: Caller, path: str, body: object) -> None:
    """Change things until the disk does not take one more: pages in the log may be free yet."""

    async def refused() -> bool:
        return (await caller.post(path, body)).status == 503

    await until(refused)


@pytest.mark.parametrize("fault", GATEWAY_FAULTS.values(), ids=GATEWAY_FAULTS.keys())
async def test_a_gateway_that_cannot_write_sells_nothing_and_says_so(
    fragile: Shop, fault: Fault
) -> None:
    await fragile.connected()
    sku = await fragile.product(stock=4_000)
    order = await fragile.storefront.done("/v1/orders", order_of(sku))
    await fragile.settled()
    keys = [fresh("key") for _ in range(20)]
    with fault(fragile):
        await use_up(fragile.cashier, "/v1/sales", sale_of(sku))
        before = await fragile.cashier.all("/v1/sales")
        witness = (await fragile.cashier.get("/v1/status")).witness
        stock = await fragile.stock(sku)
        refused = await asyncio.gather(
            *(fragile.cashier.post("/v1/sales", sale_of(sku), key=key) for key in keys)
        )
        others = [
            await fragile.manager.post(
                "/v1/stock/receipts",
                {"lines": [{"sku": sku, "quantity": 1}], "reference": "r"},
            ),
            await fragile.manager.post(
                "/v1/stock/adjustments", {"sku": sku, "delta": -1, "reason": "lost"}
            ),
            await fragile.cashier.post(f"/v1/orders/{order['id']}/events", {"type": "collected"}),
        ]
        status = await fragile.status()

        assert {reply.refusal for reply in [*refused, *others]} == {(503, "storage")}
        assert {reply.witness for reply in [*refused, *others]} == {witness}
        assert status["selling"]["state"] == "stopped"
        assert status["headline"].startswith("Not selling")
        assert status["storage"]["last_error"]
        assert (await fragile.cashier.get("/healthz")).status == 503
        assert await fragile.cashier.all("/v1/sales") == before
        assert await fragile.stock(sku) == stock

    sold = await asyncio.gather(
        *(fragile.cashier.done("/v1/sales", sale_of(sku), key=key) for key in keys)
    )
    again = await asyncio.gather(
        *(fragile.cashier.done("/v1/sales", sale_of(sku), key=key) for key in keys)
    )
    await fragile.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "collected"})
    await fragile.connected()
    await fragile.settled()

    assert again == sold
    assert (await fragile.status())["selling"]["state"] == "normal"
    assert (await fragile.stock(sku))["on_hand"] == stock["on_hand"] - 21
    ids = [one["id"] for one in await fragile.auditor.all("/v1/sales")]
    assert ids == [one["id"] for one in await fragile.cashier.all("/v1/sales")]


@pytest.mark.parametrize("fault", HUB_FAULTS.values(), ids=HUB_FAULTS.keys())
async def test_a_hub_that_cannot_write_takes_nothing_and_loses_nothing(
    fragile: Shop, fault: Fault
) -> None:
    await fragile.connected()
    sku = await fragile.product(stock=4_000)
    order = await fragile.storefront.done("/v1/orders", order_of(sku))
    await fragile.settled()
    key = fresh("key")
    with fault(fragile):
        await use_up(fragile.storefront, "/v1/orders", order_of(sku, payment="on_collection"))
        before = await fragile.admin.all("/v1/orders")
        ordered = await fragile.storefront.post("/v1/orders", order_of(sku), key=key)
        product = await fragile.admin.ask(
            "PUT", f"/v1/products/{fresh('SKU')}",
            body={"name": "N", "price_minor": 1, "currency": "USD"},
        )  # fmt: skip
        cancelled = await fragile.storefront.post(
            f"/v1/orders/{order['id']}/events", {"type": "cancelled"}
        )
        sold = [await fragile.cashier.done("/v1/sales", sale_of(sku)) for _ in range(20)]
        assert {reply.refusal for reply in (ordered, product, cancelled)} == {(503, "storage")}
        assert await fragile.admin.all("/v1/orders") == before
        assert (await fragile.admin.get("/healthz")).status == 503

    retried = await fragile.storefront.post("/v1/orders", order_of(sku), key=key)
    await fragile.connected()
    await fragile.settled()

    assert retried.status == 201
    assert (await fragile.admin.get("/healthz")).status == 200
    ids = [one["id"] for one in await fragile.auditor.all("/v1/sales")]
    assert ids[-20:] == [one["id"] for one in sold]
    assert len(set(ids)) == len(ids)


async def test_a_receipt_that_was_printed_on_a_failing_disk_is_not_printed_again(
    fragile: Shop, printer: SimPrinter
) -> None:
    await fragile.connected()
    sku = await fragile.product(stock=8)
    printer.command("cover open")
    sale = await fragile.cashier.done("/v1/sales", sale_of(sku, register="till-paper"))

    async def attention() -> bool:
        return bool((await fragile.status())["devices"][0]["state"] == "attention")

    await until(attention)
    printer.command("cover closed")
    sent = asyncio.create_task(printer.until(lambda mechanism: mechanism.held_bytes > 0))
    printer.command("paper out after 1 lines")
    await sent
    with muzzled(fragile.gateway.process.pid):
        printer.command("paper in")
        await printer.until(lambda mechanism: mechanism.cuts > 0)

        async def refused() -> bool:
            return (await fragile.status())["storage"]["last_error"] is not None

        await until(refused)

    async def empty() -> bool:
        return bool((await fragile.status())["devices"][0]["waiting_jobs"] == 0)

    await until(empty)
    assert len([text for text in printer.receipts if sale["number"] in text]) == 1


@pytest.mark.parametrize(
    ("program", "file", "role"),
    [("gateway", "gateway.db", "cashier"), ("cloud_hub", "hub.db", "admin")],
)
async def test_a_file_of_a_newer_program_is_refused_untouched(
    tmp_path: Path, program: str, file: str, role: str
) -> None:
    told(program, "token", "--data", str(tmp_path), "--role", role)
    database = apsw.Connection(str(tmp_path / file))
    database.execute("UPDATE schema_version SET version = 99 WHERE component <> 'replica'")
    database.pragma("wal_checkpoint", "truncate")
    database.close()
    before = (tmp_path / file).read_bytes()
    serve = [program, "serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0"]
    serve += ["--hub", "http://127.0.0.1:9", "--no-mdns"] if program == "gateway" else []

    for arguments in (serve, [program, "token", "--data", str(tmp_path), "--role", role]):
        status, complaint = await run(*arguments)

        assert status == 2
        assert "schema 99" in complaint
        assert "start the newer program" in complaint
        assert len(complaint.splitlines()) == 1
    assert (tmp_path / file).read_bytes() == before


@pytest.mark.parametrize(
    ("program", "file", "role"),
    [("gateway", "gateway.db", "cashier"), ("cloud_hub", "hub.db", "admin")],
)
async def test_a_file_that_is_no_database_is_refused_with_a_sentence(
    tmp_path: Path, program: str, file: str, role: str
) -> None:
    (tmp_path / file).write_bytes(b"no database, but a letter to one" * 512)
    before = (tmp_path / file).read_bytes()

    status, complaint = await run(program, "token", "--data", str(tmp_path), "--role", role)

    assert status == 2
    assert len(complaint.splitlines()) == 1, complaint
    assert (tmp_path / file).read_bytes() == before
