"""Network receipt printers: one job, one honest outcome.

That bytes were taken says nothing about paper. So a job is sent only to a printer that says it is
well, ends in a question that the printer answers once everything before it is printed, and its
outcome is one of three:

    Printed      the printer said so
    NotStarted   nothing of the job was sent; send it again whenever you like
    Unknown      bytes were sent and nobody said what became of them

After `Unknown` the job is never simply sent again: `settle_job` clears what the printer still
holds and compares the cutter's life counter with the one from before the first byte. What stays
unknown is for a person to decide, and a reprint is marked as a possible duplicate. Settle an
unknown job before the next one is sent to the same printer.

While the printer explains itself (no paper, cover open) a job waits and nothing is sent twice:
what it holds, it prints after the refill.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from devices.ports import DeviceGone, GoneReason, Port
from devices.printer_wire import (
    CLEAR_BUFFERS,
    READ_CUT_COUNTER,
    STATUS_OFFLINE,
    STATUS_PAPER,
    STATUS_PRINTER,
    Answer,
    BuffersCleared,
    CutCounter,
    PrinterTalk,
    ProcessDone,
    StatusHeard,
    is_cover_open,
    is_offline,
    is_paper_out,
    mark_of,
    request_confirmation,
)


class Trouble(enum.Enum):
    """Why a printer does not print now, as far as it says."""

    PAPER_OUT = "paper out"
    COVER_OPEN = "cover open"
    OFFLINE = "offline"
    SILENT = "connected, but does not answer"
    GONE = "not reachable"


class Doubt(enum.Enum):
    """Why nobody knows what became of a job."""

    LINK_LOST = "the connection broke"
    SILENT = "the printer stopped answering"
    UNCONFIRMED = "the printer is well, but did not confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """The whole job is on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """No byte of the job was sent."""

    reason: Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPrinted:
    """The job was not cut and will not be: print it again, marked as a possible duplicate.

    Marked, because a piece of it may hang from the printer.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Any part of the job may be on paper or come yet. Settle it, else ask a person."""

    reason: Doubt


PrintOutcome = Printed | NotStarted | Unknown
Settlement = Printed | NotPrinted | NotStarted | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the driver waits for a printer."""

    answer_s_max: float = 1.0  # a status answer takes milliseconds; the counter waits its turn
    poll_s: float = 1.0
    quiet_polls_max: int = 20  # a printer that is well prints a long receipt in 5 s
    write_s_max: float = 30.0  # a printer that takes no bytes for this long is stuck


PACE: Final = Pace()


async def ask_trouble(port: Port, *, pace: Pace = PACE) -> Trouble | None:
    """What keeps the printer from printing, or None. Sends nothing that could print."""
    try:
        return await _Dialogue(port, pace).trouble()
    except DeviceGone:
        return Trouble.GONE


async def print_job(
    port: Port,
    *,
    job_id: str,
    data: bytes,
    before_first_byte: Callable[[int | None], Awaitable[None]],
    on_trouble: Callable[[Trouble | None], None],
    pace: Pace = PACE,
) -> PrintOutcome:
    """Print `data` and wait until the printer confirms it, however long it is without paper.

    Args:
        port: an open connection, used by nobody else; the caller closes it afterwards.
        job_id: the same for every attempt at this job.
        data: ESC/POS commands ending in one cut.
        before_first_byte: stores durably that the job is under way, with the cut counter (None
            when the printer has none). The job is sent only after it has returned: a program that
            finds such a job after a restart, or was cancelled in here, holds an `Unknown`.
        on_trouble: told when what keeps a running job waiting changes; None when it is well again.
        pace: how long to wait.
    """
    dialogue = _Dialogue(port, pace)
    try:
        trouble = await dialogue.trouble()
        cuts_before = None if trouble else await dialogue.cuts()
    except DeviceGone:
        trouble = Trouble.GONE
    if trouble is not None:
        return NotStarted(reason=trouble)
    await before_first_byte(cuts_before)
    mark = mark_of(job_id)
    try:
        await dialogue.send(data + request_confirmation(mark))
        return await dialogue.outcome(mark, on_trouble)
    except DeviceGone:
        return Unknown(reason=Doubt.LINK_LOST)


async def settle_job(port: Port, *, cuts_before: int | None, pace: Pace = PACE) -> Settlement:
    """Find out what became of a job whose outcome was `Unknown`, on a new connection.

    Sound while nobody else prints on this printer: a stranger's cut counts like ours.

    Args:
        port: an open connection, used by nobody else; the caller closes it afterwards.
        cuts_before: what `before_first_byte` was given.
        pace: how long to wait.

    Returns:
        `NotStarted` when the printer could not be asked yet (ask again once it is well, since what
        it holds may print after the refill), `Unknown` when it has no answer.
    """
    dialogue = _Dialogue(port, pace)
    try:
        if (trouble := await dialogue.trouble()) is not None:
            return NotStarted(reason=trouble)
        if not await dialogue.clear():
            return Unknown(reason=Doubt.UNCONFIRMED)
        cuts = await dialogue.cuts()
    except DeviceGone:
        return NotStarted(reason=Trouble.GONE)
    if cuts is None or cuts_before is None or cuts < cuts_before:  # fewer: another printer
        return Unknown(reason=Doubt.UNCONFIRMED)
    return Printed() if cuts > cuts_before else NotPrinted()


_Wanted = TypeVar("_Wanted", StatusHeard, CutCounter, BuffersCleared)


class _Dialogue:
    """Questions and answers on one connection. Every method raises `DeviceGone`."""

    def __init__(self, port: Port, pace: Pace) -> None:
        self._port = port
        self._pace = pace
        self._talk = PrinterTalk()
        self._heard: deque[Answer] = deque()
        self._done_marks: set[bytes] = set()

    async def send(self, data: bytes) -> None:
        """Write; a printer that takes nothing within the deadline is gone."""
        try:
            async with asyncio.timeout(self._pace.write_s_max):
                await self._port.write(data)
        except TimeoutError as stuck:
            raise DeviceGone(GoneReason.LOST, "the printer takes no more bytes") from stuck

    async def trouble(self) -> Trouble | None:
        kinds = (STATUS_PRINTER, STATUS_OFFLINE, STATUS_PAPER)
        await self.send(b"".join(self._talk.ask_status(kind) for kind in kinds))
        bits: dict[int, int] = {}
        while len(bits) < len(kinds):
            answer = await self._expect(StatusHeard)
            if answer is None:
                return Trouble.SILENT
            bits[answer.asked] = answer.bits
        if is_cover_open(bits[STATUS_OFFLINE]):
            return Trouble.COVER_OPEN
        if is_paper_out(bits[STATUS_OFFLINE], bits[STATUS_PAPER]):
            return Trouble.PAPER_OUT
        return Trouble.OFFLINE if is_offline(bits[STATUS_PRINTER], bits[STATUS_OFFLINE]) else None

    async def cuts(self) -> int | None:
        await self.send(READ_CUT_COUNTER)
        answer = await self._expect(CutCounter)
        return None if answer is None else answer.cuts

    async def clear(self) -> bool:
        await self.send(CLEAR_BUFFERS)
        return await self._expect(BuffersCleared) is not None

    async def outcome(
        self, mark: bytes, on_trouble: Callable[[Trouble | None], None]
    ) -> PrintOutcome:
        """Wait for the confirmation; only a printer that has no excuse runs out of time."""
        told: Trouble | None = None
        quiet_polls = 0
        while quiet_polls < self._pace.quiet_polls_max:
            if await self._is_done(mark):
                return Printed()
            trouble = await self.trouble()
            if trouble is not told:
                on_trouble(trouble)
                told = trouble
            quiet_polls = quiet_polls + 1 if trouble in {None, Trouble.SILENT} else 0
        return Unknown(reason=Doubt.SILENT if told is Trouble.SILENT else Doubt.UNCONFIRMED)

    async def _is_done(self, mark: bytes) -> bool:
        """Listen for one poll's time, or until the job with this mark is confirmed."""
        try:
            async with asyncio.timeout(self._pace.poll_s):
                while mark not in self._done_marks:
                    self._heard.clear()  # answers to an earlier round, too late to be of use
                    await self._listen()
        except TimeoutError:
            return False
        return True

    async def _expect(self, wanted: type[_Wanted]) -> _Wanted | None:
        """The next answer of this kind, or None when it does not come in time."""
        try:
            async with asyncio.timeout(self._pace.answer_s_max):
                while True:
                    while self._heard:
                        answer = self._heard.popleft()
                        if isinstance(answer, wanted):
                            return answer
                    await self._listen()
        except TimeoutError:
            return None

    async def _listen(self) -> None:
        for answer in self._talk.receive_bytes(await self._port.read()):
            if isinstance(answer, ProcessDone):
                self._done_marks.add(answer.mark)
            else:
                self._heard.append(answer)
