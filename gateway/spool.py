"""The spool: receipts of committed sales on their way to paper.

A job is a row that is written in the sale's own commit: only a committed sale prints, and none is
forgotten. One worker per printer takes its jobs in order. Before the first byte leaves, the job is
marked as sent with the printer's cut counter; a job found in that state (after a crash, a broken
link) is settled by asking the printer, never simply sent again. What the printer cannot say is left
for a person, who may print a copy.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from devices.ports import DeviceGone, Port, open_port
from devices.printer import (
    NotPrinted,
    NotStarted,
    Printed,
    Trouble,
    Unknown,
    ask_trouble,
    print_job,
    settle_job,
)
from devices.receipt import Receipt, encode_receipt, load_encoder
from gateway.config import PrinterSetting
from gateway.receipts import receipt_of
from gateway.shop import News, Shop
from gateway.status.report import DeviceState
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed
from replication.ids import EntryId
from retail.sales import Sale
from web.once import record_of

log: Final = logging.getLogger(__name__)

PAUSE_S: Final = 2.0
"""Between attempts at a printer that is not ready: as often as a cashier looks at it."""

IDLE_S: Final = 30.0
"""Between questions to an idle printer, which takes one connection at a time."""

PRINT: Final = "print"
"""News that a job waits; for the spool's workers, not for registers."""


class Job(NamedTuple):
    """One row of the spool that is not on paper yet."""

    id: int
    sale: EntryId
    copy: bool
    state: str
    cut_counter: int | None


def add(shop: Shop, register: str, sale: EntryId, *, copy: bool = False) -> bool:
    """Spool a receipt in the open transaction; False where the register has no printer."""
    printer = shop.printers.get(register)
    if printer is None:
        return False
    if copy:  # whoever asks for a copy has looked at what the printer left in doubt
        shop.connection.execute(
            "UPDATE print_job SET state = 'printed' WHERE sale = ? AND state = 'doubt'", (sale,)
        )
    shop.connection.execute(
        "INSERT INTO print_job (printer, sale, copy, state) VALUES (?, ?, ?, 'waiting')",
        (printer, sale, int(copy)),
    )
    shop.tell(News(type=PRINT))
    return True


class PrinterWorker:
    """Prints one printer's jobs in order, for as long as `run` runs."""

    def __init__(
        self,
        setting: PrinterSetting,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        changed: Callable[[], None],
    ) -> None:
        self.setting = setting
        self.state = DeviceState.GONE
        self.detail = "not heard yet"
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._changed = changed
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be a job."""
        self._wake.set()

    def waiting_jobs(self) -> int:
        """Receipts that will be tried by themselves; those in doubt wait for a person."""
        row = self._reader.connection.execute(
            "SELECT count(*) FROM print_job WHERE printer = ? AND state IN ('waiting', 'sent')",
            (self.setting.name,),
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(row[0])

    def _in_doubt(self) -> str | None:
        """A sale whose receipt may or may not be on paper; a reprint answers for it."""
        row = self._reader.connection.execute(
            "SELECT sale FROM print_job WHERE printer = ? AND state = 'doubt' ORDER BY id LIMIT 1",
            (self.setting.name,),
        ).fetchone()
        return None if row is None else str(row[0])

    async def run(self) -> None:
        """Print until cancelled. A printer's trouble is shown and waited out, never raised."""
        with suppress(OSError):  # it writes a temporary file; tried again with the first receipt
            await asyncio.to_thread(load_encoder)
        while True:
            job = self._next()
            if job is None:
                self._wake.clear()
                await self._idle()
            elif not await self._attempt(job):
                await asyncio.sleep(PAUSE_S)

    async def _attempt(self, job: Job) -> bool:
        """One attempt; a disk that does not take its mark is one more thing to wait out."""
        try:
            return await self._print(job)
        except (StorageFailed, OSError) as failed:
            self._show(DeviceState.ATTENTION, f"the spool cannot be written: {failed}")
            return False

    async def _idle(self) -> None:
        """Ask the printer how it is, until there is a job: trouble is seen before a customer."""
        while not self._wake.is_set():
            try:
                port = await open_port(self.setting.address)
            except DeviceGone as gone:
                self._show(DeviceState.GONE, gone.detail)
            else:
                try:
                    self._trouble(await ask_trouble(port))
                finally:
                    await port.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()

    def _next(self) -> Job | None:
        row = self._reader.connection.execute(
            "SELECT id, sale, copy, state, cut_counter FROM print_job "
            "WHERE printer = ? AND state IN ('waiting', 'sent') ORDER BY id LIMIT 1",
            (self.setting.name,),
        ).fetchone()
        return None if row is None else Job(row[0], row[1], bool(row[2]), row[3], row[4])

    async def _print(self, job: Job) -> bool:
        """One attempt; False when the printer was not ready for it."""
        try:
            port = await open_port(self.setting.address)
        except DeviceGone as gone:
            self._show(DeviceState.GONE, gone.detail)
            return False
        try:
            if job.state == "sent":
                return await self._settle(port, job)
            return await self._send(port, job, mark="COPY" if job.copy else None)
        finally:
            await port.close()

    async def _send(self, port: Port, job: Job, *, mark: str | None) -> bool:
        receipt = self._receipt(job.sale, mark)
        data = await asyncio.to_thread(encode_receipt, receipt, columns=self.setting.columns)

        async def before_first_byte(cut_counter: int | None) -> None:
            await self._mark(job, "sent", cut_counter)

        outcome = await print_job(
            port,
            job_id=str(job.id),
            data=data,
            before_first_byte=before_first_byte,
            on_trouble=self._trouble,
        )
        match outcome:
            case Printed():
                await self._mark(job, "printed", None)
                self._show(DeviceState.READY, "")
                return True
            case NotStarted():
                self._trouble(outcome.reason)
                return False
            case Unknown():
                self._show(DeviceState.ATTENTION, outcome.reason.value)
                return False

    async def _settle(self, port: Port, job: Job) -> bool:
        """Find out what became of a job that was sent and never confirmed."""
        settled = await settle_job(port, cuts_before=job.cut_counter)
        match settled:
            case Printed():
                await self._mark(job, "printed", None)
                return True
            case NotPrinted():
                return await self._send(port, job, mark="POSSIBLE DUPLICATE")
            case NotStarted():
                self._trouble(settled.reason)
                return False
            case Unknown():
                await self._mark(job, "doubt", None)
                self._trouble(None)
                log.warning(
                    "printed or not is unknown",
                    extra={"action": "print_doubt", "printer": self.setting.name, "sale": job.sale},
                )
                return True

    def _receipt(self, sale: EntryId, mark: str | None) -> Receipt:
        record = msgspec.json.decode(record_of(self._reader, sale), type=Sale)
        return receipt_of(record, self._shop.identity.name, copy_mark=mark)

    async def _mark(self, job: Job, state: str, cut_counter: int | None) -> None:
        connection = self._shop.connection
        await self._writer.submit(
            lambda: connection.execute(
                "UPDATE print_job SET state = ?, cut_counter = ? WHERE id = ?",
                (state, cut_counter, job.id),
            ).fetchone()
        )
        self._changed()

    def _trouble(self, trouble: Trouble | None) -> None:
        match trouble:
            case None if (sale := self._in_doubt()) is not None:
                self._show(DeviceState.ATTENTION, f"look whether receipt of {sale} was printed")
            case None:
                self._show(DeviceState.READY, "")
            case Trouble.GONE | Trouble.SILENT:
                self._show(DeviceState.GONE, trouble.value)
            case _:
                self._show(DeviceState.ATTENTION, trouble.value)

    def _show(self, state: DeviceState, detail: str) -> None:
        if (state, detail) != (self.state, self.detail):
            self.state, self.detail = state, detail
            self._changed()


def printers_by_register(settings: tuple[PrinterSetting, ...]) -> Mapping[str, str]:
    """Which printer each register prints on; the first that names it."""
    return {
        register: setting.name for setting in reversed(settings) for register in setting.registers
    }
