"""Benchmark ``printing``: receipts a minute, from the spool to a printer that has confirmed them.

The real writer thread, worker and file against the simulated printer on loopback, in this process.
A job costs two fsyncs (under way, printed), a connection, and three rounds of questions. Against

    the same bytes sent to another such printer on one connection, confirmed once at the end
    the time in which a fast printer moves the same paper: what is slower makes customers wait
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from devices.encode import encode
from devices.paper import Document, Pair, Paper, Text
from devices.ports import open_port
from devices.printer_wire import PrinterTalk, ProcessDone, mark_of, request_confirmation
from devices.sim.printer import SimPrinter
from devices.sim.strip import LINE_DOTS
from gateway import app
from gateway.config import PrinterSetting, ReceiptSetting
from gateway.identity import Identity
from gateway.printing import spool
from gateway.printing.printer_worker import PrinterWorker
from gateway.printing.receipts import Receipts
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import ReplicaStore, connect
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.benchmarks.premises import Say
from scripts.benchmarks.receipt import DOTS_PER_MM, PAPER_MM_PER_S
from web.catalogue_rows import Catalogue
from web.stopping import cancelled

RECEIPTS: Final = 300
LINES: Final = 20
ROUNDS: Final = 3
MINUTE_S: Final = 60.0
PRINTER: Final = "bench"


async def run(root: Path, *, say: Say, receipts: int = RECEIPTS) -> list[Row]:
    """Print and count; a few seconds."""
    document = receipt()
    data = await asyncio.to_thread(encode, document, Paper())
    spooled_s: list[float] = []
    raw_s: list[float] = []
    say(f"printing: {ROUNDS} rounds of {receipts} receipts")
    async with (
        SimPrinter.listening() as bare,
        SimPrinter.listening() as printer,
        printing(root, printer) as shop,
    ):
        for _ in range(ROUNDS):
            raw_s.append(await timed_raw(bare.address, data, receipts))
            spooled_s.append(await shop.timed(document, receipts))
        heights = printer.receipts[-1].count("\n")
    return rows_from(spooled_s, raw_s, receipts, paper_mm=heights * LINE_DOTS / DOTS_PER_MM)


def receipt() -> Document:
    """A receipt of 20 lines."""
    lines = [Pair(f"Product number {number}", f"{number}.95") for number in range(LINES)]
    return Document(language="en", blocks=(Text("Bench", align="center"), *lines))


def rows_from(
    spooled_s: Sequence[float], raw_s: Sequence[float], receipts: int, *, paper_mm: float
) -> list[Row]:
    """The rows of a run: the best round of each side, which was disturbed the least."""
    ours = receipts * MINUTE_S / min(spooled_s)
    raw = receipts * MINUTE_S / min(raw_s)
    paper = MINUTE_S * PAPER_MM_PER_S / paper_mm
    name = f"receipts of {LINES} lines, spooled and confirmed"
    return [
        Row(
            name=name,
            ours=ours,
            baseline=paper,
            baseline_is="a printer that moves 300 mm of paper per second",
            unit="/min",
            goal=Goal(better=Better.HIGHER, ratio=1.0),
        ),
        Row(
            name=f"{name}, relative",
            ours=ours,
            baseline=raw,
            baseline_is="the same bytes on one connection, confirmed once",
            unit="/min",
        ),
    ]


async def timed_raw(address: str, data: bytes, receipts: int) -> float:
    """Seconds for the bare bytes, until the printer says that the last one is printed."""
    talk, mark = PrinterTalk(), mark_of("bench")
    port = await open_port(address)
    try:
        begun = time.perf_counter()
        await port.write(data * receipts + request_confirmation(mark))
        while ProcessDone(mark=mark) not in talk.receive_bytes(await port.read()):
            pass
        return time.perf_counter() - begun
    finally:
        await port.close()


class Printing:
    """A shop's spool with one printer, as `gateway.app` puts it together."""

    def __init__(self, shop: Shop, writer: GroupCommit, reader: ReplicaStore) -> None:
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """A job stands elsewhere than before."""
        self._changed.set()

    async def timed(self, document: Document, receipts: int) -> float:
        """Seconds from spooling so many documents at once to the last confirmation."""

        def spool_all() -> None:
            for _ in range(receipts):
                assert spool.add_document(self._shop, PRINTER, document, "Bench") is not None

        begun = time.perf_counter()
        await self._writer.submit(spool_all)
        while spool.waiting_count(self._reader, PRINTER):
            self._changed.clear()
            await self._changed.wait()
        return time.perf_counter() - begun


@asynccontextmanager
async def printing(root: Path, printer: SimPrinter) -> AsyncIterator[Printing]:
    """A gateway's file under `root` and a worker that prints from it, until the block ends."""
    identity = Identity(
        writer="bench-store.1", name="Bench", kind="store", parent="hub.1",
        jurisdiction="EG", timezone="Africa/Cairo", token="",
    )  # fmt: skip
    setting = PrinterSetting(name=PRINTER, address=printer.address)
    connection = app.open_database(root)
    reader = ReplicaStore(connect(root / app.DATABASE, read_only=True))
    shop = Shop(
        connection, identity,
        boot="bench", now_ms=wall_ms, synchronised=lambda: True, printers=(setting,),
    )  # fmt: skip
    writer = GroupCommit(shop, asyncio.get_running_loop())
    one = Printing(shop, writer, reader)
    worker = PrinterWorker(
        setting, shop, writer, reader,
        wall_ms=wall_ms, changed=one.changed,
        receipts=Receipts(identity, ReceiptSetting(), Catalogue(reader.connection)),
    )  # fmt: skip
    writer.after_batch = worker.wake
    writer.start()
    running = asyncio.get_running_loop().create_task(worker.run())
    try:
        yield one
    finally:
        await cancelled(running)
        await writer.stop()
        reader.connection.close()
        connection.close()
