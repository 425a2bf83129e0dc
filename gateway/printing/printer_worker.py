"""One printer's worker: takes its jobs from the spool in order, and watches the printer meanwhile.

The sale path never waits for it. A printer's trouble is shown and waited out; what became of a job
whose outcome is unknown is asked of the printer (`devices.printer`), and what the printer cannot
say is left for a person.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from devices.encode import load_encoder
from devices.paper import Paper
from devices.ports import DeviceGone, Port, open_port
from devices.printer import (
    PACE,
    NotPrinted,
    NotStarted,
    Pace,
    Printed,
    Proof,
    Unknown,
    ask_condition,
    kick_drawer,
    print_job,
    settle_job,
)
from devices.printer_status import Condition, Trouble
from devices.printer_wire import KICK_DRAWER
from gateway.config import PrinterSetting
from gateway.printing import spool
from gateway.printing.print_content import Content, Unprintable, content_of, document_of
from gateway.printing.receipts import Receipts
from gateway.printing.spool import Job
from gateway.shop import Shop
from gateway.status.report import DeviceState
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed

log: Final = logging.getLogger(__name__)

PAUSE_S: Final = 2.0
"""Between attempts at a printer that is not ready: as often as a cashier looks at it."""

IDLE_S: Final = 5.0
"""Between questions to an idle printer: paper that ran out is on the page before the next sale.
Each question is a connection of some milliseconds, since printers serve one at a time."""

KICK_MS_MAX: Final = 15_000
"""A drawer opens for whoever asked, or not at all: later nobody may be standing there."""

SHARED_MS: Final = 24 * 60 * 60 * 1_000
"""Somebody's test page today is no reason to ask people for ever."""

ASIDE_SHOWN_MS: Final = 24 * 60 * 60 * 1_000
"""A job that was set aside is on the page until a copy is printed, or a day has passed."""

ONCE: Final = "a kick is sent once"
ASIDE: Final = "could not be printed"
LOOK: Final = "look whether it was printed"
SHARED: Final = "something else prints on it too, though its settings say that nothing does"


class PrinterWorker:
    """Prints one printer's jobs in order, for as long as `run` runs.

    `paper_near_end` and `drawer_open` are None while the printer (or its setting) does not say.
    """

    def __init__(  # noqa: PLR0913 - what it works with, and how fast
        self,
        setting: PrinterSetting,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
        receipts: Receipts,
        pace: Pace = PACE,
        pause_s: float = PAUSE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.setting = setting
        self.state = DeviceState.GONE
        self.detail = "not heard yet"
        self.paper_near_end: bool | None = None
        self.drawer_open: bool | None = None
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._wall_ms = wall_ms
        self._changed = changed
        self._receipts = receipts
        self._pace = pace
        self._pause_s = pause_s
        self._idle_s = idle_s
        self._paper = Paper(columns=setting.columns, dots=setting.dots, mode=setting.mode)
        self._proof = Proof(setting.proof)
        self._wake = asyncio.Event()
        self._count: int | None = None
        self._stranger_ms: int | None = None

    def wake(self) -> None:
        """There may be a job."""
        self._wake.set()

    def waiting_jobs(self) -> int:
        """Jobs that will be tried by themselves; those in doubt wait for a person."""
        return spool.waiting_count(self._reader, self.setting.name)

    @property
    def is_shared(self) -> bool:
        """Whether somebody else cut paper on this printer lately."""
        seen_ms = self._stranger_ms
        return seen_ms is not None and abs(self._wall_ms() - seen_ms) < SHARED_MS

    def in_doubt(self) -> list[Job]:
        """Jobs of which nobody knows whether they are on paper, oldest first."""
        return spool.in_doubt(self._reader, self.setting.name)

    async def run(self) -> None:
        """Print until cancelled. A printer's trouble is shown and waited out, never raised."""
        with suppress(OSError):  # it writes a temporary file; tried again with the first job
            await asyncio.to_thread(load_encoder)
        self._count = spool.last_count(self._reader, self.setting.name)
        while True:
            job = spool.next_job(self._reader, self.setting.name)
            if job is None:
                self._wake.clear()
                await self._idle()
            elif not await self._attempt(job):
                await asyncio.sleep(self._pause_s)

    async def _idle(self) -> None:
        """Ask the printer how it is, until there is a job: trouble is seen before a customer."""
        while not self._wake.is_set():
            port = await self._open()
            if port is not None:
                try:
                    self._show_condition(await ask_condition(port, pace=self._pace))
                finally:
                    await port.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s):
                    await self._wake.wait()

    async def _attempt(self, job: Job) -> bool:
        """One attempt; False when the next one has to wait.

        A disk that does not take a mark is one more thing to wait out.
        """
        try:
            return await self._work_on(job)
        except (StorageFailed, OSError) as failed:
            self._show(DeviceState.ATTENTION, f"the spool cannot be written: {failed}")
            return False

    async def _work_on(self, job: Job) -> bool:
        if job.kind == "kick" and (refused := self._too_late(job)):
            await self._mark(job, "aside", reason=refused)
            return True
        port = await self._open()
        if port is None:
            return False
        try:
            if job.kind == "kick":
                return await self._kick(port, job)
            if job.state == "sent":
                return await self._settle(port, job)
            return await self._print(port, job)
        finally:
            await port.close()

    async def _open(self) -> Port | None:
        try:
            return await open_port(
                self.setting.address, baud=self.setting.baud, has_flow_control=True
            )
        except DeviceGone as gone:
            self.paper_near_end = self.drawer_open = None
            self._show(DeviceState.GONE, f"{gone.reason.value}: {gone.detail}")
            return None

    async def _print(self, port: Port, job: Job) -> bool:
        content = await self._content(job)
        if isinstance(content, Unprintable):
            await self._mark(job, "aside", reason=content.reason)
            self._told_aside(job, content.reason)
            return True
        is_fresh = abs(self._wall_ms() - job.created_ms) <= KICK_MS_MAX
        kick = KICK_DRAWER if job.kicks and is_fresh and self.setting.drawer != "none" else b""
        counted: int | None = None

        async def before_first_byte(count: int | None) -> None:
            nonlocal counted
            counted = count
            self._notice_strangers(count)
            await self._mark(job, "sent", cut_counter=count)

        outcome = await print_job(
            port,
            job_id=str(job.id),
            data=kick + content.data,
            before_first_byte=before_first_byte,
            on_condition=self._show_condition,
            proof=self._proof,
            pace=self._pace,
        )
        match outcome:
            case Printed():
                await self._printed(job, counted, content.note)
                if kick:  # the drawer is open now, and the page says so
                    self._show_condition(await ask_condition(port, pace=self._pace))
                return True
            case NotStarted():
                return False
            case Unknown():
                self._show(DeviceState.ATTENTION, outcome.reason.value)
                return False

    async def _content(self, job: Job) -> Content | Unprintable:
        document = document_of(job, self._reader, self._receipts, self._shop.location)
        if isinstance(document, Unprintable):
            return document
        return await asyncio.to_thread(content_of, document, self._paper, self._receipts.logo)

    async def _settle(self, port: Port, job: Job) -> bool:
        """Find out what became of a job that was sent and never confirmed."""
        is_exclusive = self.setting.exclusive and not self.is_shared
        settled = await settle_job(
            port, cuts_before=job.cut_counter, is_exclusive=is_exclusive, pace=self._pace
        )
        match settled:
            case Printed():
                await self._printed(job, job.cut_counter, "the cut counter says so")
            case NotPrinted():
                await self._submit(lambda: spool.mark_unprinted(self._shop, job.id))
            case NotStarted():
                self._show_condition(Condition(trouble=settled.reason))
                return False
            case Unknown():
                self._count = None  # it was cut or not: the next count says nothing of strangers
                await self._mark(job, "doubt", reason=settled.reason.value)
                self._show_condition(Condition(trouble=None))
                log.warning(
                    "printed or not is unknown",
                    extra={
                        "action": "print_doubt",
                        "printer": self.setting.name,
                        "title": job.title,
                        "why": settled.reason.value,
                    },
                )
        return True

    async def _kick(self, port: Port, job: Job) -> bool:
        outcome = await kick_drawer(
            port, before_first_byte=lambda: self._mark(job, "sent"), pace=self._pace
        )
        match outcome:
            case Printed():
                await self._mark(job, "printed")
                self._show_condition(await ask_condition(port, pace=self._pace))
                return True
            case NotStarted():
                self._show_condition(Condition(trouble=outcome.reason))
                return False
            case Unknown():
                await self._mark(job, "aside", reason=f"{ONCE}: {outcome.reason.value}")
                return False

    def _too_late(self, job: Job) -> str:
        """Why this kick is not sent any more, or nothing."""
        if job.state == "sent":
            return f"{ONCE}: the program ended before the printer answered"
        if abs(self._wall_ms() - job.created_ms) > KICK_MS_MAX:
            return f"the printer was not ready within {KICK_MS_MAX // 1000} s"
        return ""

    def _notice_strangers(self, count: int | None) -> None:
        """A count that grew between two of our jobs: somebody else cuts paper here."""
        if count is None or self._count is None or count <= self._count:
            return
        self._stranger_ms = self._wall_ms()
        log.warning(
            "the printer cuts for others too",
            extra={"action": "printer_shared", "printer": self.setting.name},
        )

    async def _printed(self, job: Job, counted: int | None, reason: str) -> None:
        self._count = None if counted is None else counted + 1
        await self._mark(job, "printed", cut_counter=self._count, reason=reason)

    async def _mark(
        self, job: Job, state: str, *, cut_counter: int | None = None, reason: str = ""
    ) -> None:
        await self._submit(
            lambda: spool.mark(self._shop, job.id, state, cut_counter=cut_counter, reason=reason)
        )

    async def _submit(self, change: Callable[[], None]) -> None:
        await self._writer.submit(change)
        self._changed()

    def _told_aside(self, job: Job, reason: str) -> None:
        log.warning(
            "a print job was set aside: %s",
            reason,
            extra={"action": "print_aside", "printer": self.setting.name, "title": job.title},
        )

    def _show_condition(self, condition: Condition) -> None:
        """Show how the printer is; a settlement tells of trouble only."""
        if condition.is_pin_high is not None:
            self._show_switches(condition)
        match condition.trouble:
            case None if doubtful := self.in_doubt():
                self._show(DeviceState.ATTENTION, f"{LOOK}: {doubtful[0].title}")
            case None if (aside := self._lately_aside()) is not None:
                self._show(DeviceState.ATTENTION, f"{ASIDE}: {aside.title}")
            case None if self.is_shared and self.setting.exclusive:
                self._show(DeviceState.ATTENTION, SHARED)
            case None:
                self._show(DeviceState.READY, "")
            case Trouble.GONE | Trouble.SILENT as trouble:
                self.paper_near_end = self.drawer_open = None
                self._show(DeviceState.GONE, trouble.value)
            case trouble:
                self._show(DeviceState.ATTENTION, trouble.value)

    def _lately_aside(self) -> Job | None:
        after_ms = self._wall_ms() - ASIDE_SHOWN_MS
        return spool.lately_aside(self._reader, self.setting.name, after_ms)

    def _show_switches(self, condition: Condition) -> None:
        is_open: bool | None = None
        if self.setting.drawer != "none":
            is_open = condition.is_pin_high == (self.setting.drawer == "open_is_high")
        if (condition.is_paper_low, is_open) != (self.paper_near_end, self.drawer_open):
            self.paper_near_end, self.drawer_open = condition.is_paper_low, is_open
            self._changed()

    def _show(self, state: DeviceState, detail: str) -> None:
        if (state, detail) != (self.state, self.detail):
            self.state, self.detail = state, detail
            self._changed()
