"""A shop's spool and its printer's worker on a real file, without the rest of a gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from devices.paper import Document, Paper
from devices.printer import Pace
from devices.sim.printer import SimPrinter
from gateway import app as gateway_app
from gateway.config import PrinterSetting, ReceiptSetting
from gateway.identity import load_identity, store_identity
from gateway.printing import spool
from gateway.printing.print_content import Content, content_of, document_of
from gateway.printing.printer_worker import PrinterWorker
from gateway.printing.receipts import Receipts
from gateway.shop import Shop
from gateway.status.report import DeviceState
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import EntryId
from retail.selling.sales import Sale
from tests.chain import Chain
from web.catalogue_rows import Catalogue
from web.once import Done

PACE: Final = Pace(answer_s_max=0.5, poll_s=0.05, quiet_polls_max=3, write_s_max=0.5)
PAUSE_S: Final = 0.02
NEVER_S: Final = 600.0
"""Between questions to an idle printer: a test that counts bytes wants none of them."""

ENDED: Final = frozenset({"printed", "doubt", "aside"})
REGISTER: Final = "till-1"
PLAIN: Final = ReceiptSetting()


def make_shop_file(directory: Path, *, sales: int = 1) -> list[EntryId]:
    """A gateway's file at `directory / "riverside.1"` with some cash sales; their entries."""
    chain = Chain(directory, skus=("tea",), shops=("riverside",))
    shop = chain.shops["riverside"]
    shop.commit(lambda: store_identity(shop.state.store, shop.state.identity))
    shop.receive(tea=100)
    made: list[EntryId] = []
    for _ in range(sales):
        sold = shop.sell("tea", 2)
        assert isinstance(sold, Done), sold
        made.append(EntryId(msgspec.json.decode(sold.record, type=Sale).id))
    chain.close()
    return made


class Spooling:
    """What one printer has to do, and the worker that does it. Made by `spooling`."""

    def __init__(
        self,
        data: Path,
        setting: PrinterSetting,
        *,
        receipt: ReceiptSetting,
        pace: Pace,
        idle_s: float,
    ) -> None:
        self.setting = setting
        connection = gateway_app.open_database(data)
        self.reader = ReplicaStore(connect(data / gateway_app.DATABASE, read_only=True))
        identity = load_identity(self.reader)
        assert identity is not None
        self.shop = Shop(
            connection, identity,
            boot="spooling", now_ms=wall_ms, synchronised=lambda: True, printers=(setting,),
        )  # fmt: skip
        self.receipts = Receipts(identity, receipt, Catalogue(self.reader.connection))
        self.writer = GroupCommit(self.shop, asyncio.get_running_loop(), self._after_batch)
        self._pace, self._idle_s = pace, idle_s
        self.worker = self._new_worker()
        self._running: asyncio.Task[None] | None = None
        self._something = asyncio.Event()

    def _new_worker(self) -> PrinterWorker:
        return PrinterWorker(
            self.setting, self.shop, self.writer, self.reader,
            wall_ms=wall_ms, changed=self._changed, receipts=self.receipts,
            pace=self._pace, pause_s=PAUSE_S, idle_s=self._idle_s,
        )  # fmt: skip

    def _after_batch(self) -> None:
        self.shop.news.clear()
        self.worker.wake()
        self._changed()

    def _changed(self) -> None:
        self._something.set()

    def start(self) -> None:
        """The program starts: nothing is left of an earlier one but its file."""
        self.worker = self._new_worker()
        self._running = asyncio.get_running_loop().create_task(self.worker.run())

    def kill(self) -> None:
        """The program is gone at this very moment, with everything that was not committed."""
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def stop(self) -> None:
        """The program ends."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is true of the spool or its worker."""
        async with asyncio.timeout(60):
            while not is_so():
                self._something.clear()
                await self._something.wait()

    async def until_ready(self) -> None:
        """The printer has been heard, and is well."""
        await self.until(lambda: self.worker.state is DeviceState.READY)

    async def until_ended(self, job: int) -> spool.Job:
        """The job is printed, set aside, or a person's."""
        await self.until(lambda: self.job(job).state in ENDED)
        return self.job(job)

    def job(self, job: int) -> spool.Job:
        """A job as it is committed."""
        found = spool.find(self.reader, job)
        assert found is not None
        return found

    async def add_receipt(self, sale: EntryId, *, copy: bool = False, kicks: bool = True) -> int:
        """Spool a receipt; the job's id."""

        def add() -> int:
            assert spool.add(self.shop, REGISTER, sale, copy=copy, kicks=kicks)
            return self.shop.connection.last_insert_rowid()

        return await self.writer.submit(add)

    async def add_document(self, document: Document, title: str = "Test") -> int | None:
        """Spool a document; the job's id."""
        return await self.writer.submit(
            lambda: spool.add_document(self.shop, self.setting.name, document, title)
        )

    async def add_kick(self) -> int | None:
        """Spool a kick; the job's id."""
        return await self.writer.submit(lambda: spool.add_kick(self.shop, self.setting.name))

    async def resolve(self, job: int, *, printed: bool) -> spool.Job | None:
        """A person has looked."""
        return await self.writer.submit(lambda: spool.resolve(self.shop, job, printed=printed))

    def receipt_job(self, sale: EntryId) -> spool.Job:
        """The job of a receipt that was not spooled yet."""
        return spool.Job(
            id=0, printer=self.setting.name, kind="receipt", title="", sale=sale, order_id=None,
            document=None,
            copy=False, kicks=False, marked=False, state="waiting", cut_counter=None, reason="",
            created_ms=0,
        )  # fmt: skip

    def bytes_of(self, job: spool.Job) -> bytes:
        """What this job puts on paper, without a kick."""
        document = document_of(job, self.reader, self.receipts, self.shop.location)
        assert isinstance(document, Document)
        setting = self.setting
        paper = Paper(columns=setting.columns, dots=setting.dots, mode=setting.mode)
        content = content_of(document, paper, self.receipts.logo)
        assert isinstance(content, Content)
        return content.data


@asynccontextmanager
async def spooling(
    data: Path,
    address: str,
    *,
    receipt: ReceiptSetting = PLAIN,
    pace: Pace = PACE,
    idle_s: float = NEVER_S,
    **setting: object,
) -> AsyncIterator[Spooling]:
    """A spool over the gateway's file in `data`; `setting` is the printer's, beside its address.

    Nothing is printed before `start`.
    """
    told = {"name": "counter", "address": address, "registers": [REGISTER], **setting}
    one = Spooling(
        data, msgspec.convert(told, PrinterSetting), receipt=receipt, pace=pace, idle_s=idle_s
    )
    one.writer.start()
    try:
        yield one
    finally:
        await one.stop()
        await one.writer.stop()
        one.shop.connection.close()
        one.reader.connection.close()


@asynccontextmanager
async def counter(data: Path, **setting: Any) -> AsyncIterator[tuple[SimPrinter, Spooling]]:  # noqa: ANN401
    """A printer on TCP and the spool that prints on it; the worker is not started."""
    async with (
        SimPrinter.listening() as printer,
        spooling(data, printer.address, **setting) as spool,
    ):
        yield printer, spool
