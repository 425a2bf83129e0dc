"""Receipt printers: one job, one honest outcome.

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

What counts as the printer's word is its `Proof`. `docs/printing.md` has the whole ladder, and what
comes of each fault at each moment.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from devices.ports import DeviceGone, GoneReason, Port
from devices.printer_status import Condition, Trouble, condition_of
from devices.printer_wire import (
    CLEAR_BUFFERS,
    KICK_DRAWER,
    READ_CUT_COUNTER,
    STATUS_OFFLINE,
    STATUS_PAPER,
    STATUS_PRINTER,
    BuffersCleared,
    CutCounter,
    PrinterTalk,
    ProcessDone,
    StatusHeard,
    TurnTaken,
    mark_of,
    request_confirmation,
)

COUNTS_ALIKE: Final = 2
"""So often a counter is read: with an automatic status in its middle it can say another number."""


HEARD_BYTES_MAX: Final = 16 * 1024
"""Between two questions; what says more, by a hundred times, is no printer and not listened to."""


class Proof(enum.Enum):
    """What a kind of printer can say of a job. Asked for what it does not know, it prints rubbish.

    FINISHED asks for the confirmation of printing (GS ( H) and, behind it, the cut counter. TAKEN
    is for printers that know neither: their word is that everything before the question was worked
    off (GS r), which is the paper too unless their power fails in that moment.
    """

    FINISHED = "finished"
    TAKEN = "taken"


class Doubt(enum.Enum):
    """Why nobody knows what became of a job."""

    LINK_LOST = "the connection broke"
    SILENT = "the printer stopped answering"
    UNCONFIRMED = "the printer is well, but did not confirm"
    SOMEBODY_CUT = "something was cut meanwhile, perhaps for another program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """The whole job is on paper; of a kick: the pulse was sent to a printer that is well."""


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


async def ask_condition(port: Port, *, pace: Pace = PACE) -> Condition:
    """How the printer is. Sends nothing that could print."""
    try:
        return await _Dialogue(port, pace).condition()
    except DeviceGone:
        return Condition(trouble=Trouble.GONE)


async def print_job(
    port: Port,
    *,
    job_id: str,
    data: bytes,
    before_first_byte: Callable[[int | None], Awaitable[None]],
    on_condition: Callable[[Condition], None],
    proof: Proof = Proof.FINISHED,
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
        on_condition: told how the printer is, before the job and as often as that changes.
        proof: what this kind of printer can say.
        pace: how long to wait.
    """
    dialogue = _Dialogue(port, pace)
    cuts_before = None
    try:
        condition = await dialogue.condition()
        if condition.trouble is None and proof is Proof.FINISHED:
            cuts_before = await dialogue.cuts()
    except DeviceGone:
        condition = Condition(trouble=Trouble.GONE)
    on_condition(condition)
    if condition.trouble is not None:
        return NotStarted(reason=condition.trouble)
    await before_first_byte(cuts_before)
    try:
        await dialogue.send(data + dialogue.question(job_id, proof, cuts_before))
        return await dialogue.outcome(cuts_before, condition, on_condition)
    except DeviceGone:
        return Unknown(reason=Doubt.LINK_LOST)


async def settle_job(
    port: Port, *, cuts_before: int | None, is_exclusive: bool = True, pace: Pace = PACE
) -> Settlement:
    """Find out what became of a job whose outcome was `Unknown`, on a new connection.

    That nothing was cut since proves that the job was not. That something was proves that it was
    only where nobody else can have cut.

    Args:
        port: an open connection, used by nobody else; the caller closes it afterwards.
        cuts_before: what `before_first_byte` was given.
        is_exclusive: whether nobody else prints on this printer.
        pace: how long to wait.

    Returns:
        `NotStarted` when the printer could not be asked yet (ask again once it is well, since what
        it holds may print after the refill), `Unknown` when it has no answer.
    """
    dialogue = _Dialogue(port, pace)
    try:
        if (trouble := (await dialogue.condition()).trouble) is not None:
            return NotStarted(reason=trouble)
        if not await dialogue.clear() or cuts_before is None:
            return Unknown(reason=Doubt.UNCONFIRMED)
        cuts = await dialogue.cuts()
    except DeviceGone:
        return NotStarted(reason=Trouble.GONE)
    if cuts is None or cuts < cuts_before:  # fewer: another printer
        return Unknown(reason=Doubt.UNCONFIRMED)
    if cuts == cuts_before:
        return NotPrinted()
    is_ours = is_exclusive and cuts == cuts_before + 1
    return Printed() if is_ours else Unknown(reason=Doubt.SOMEBODY_CUT)


async def kick_drawer(
    port: Port, *, before_first_byte: Callable[[], Awaitable[None]], pace: Pace = PACE
) -> PrintOutcome:
    """Open the drawer, at most once: what is `Unknown` here is never tried again.

    Only a printer that is well is asked: another one would keep the pulse and open the drawer at
    some later time, with nobody in front of it.
    """
    dialogue = _Dialogue(port, pace)
    try:
        trouble = (await dialogue.condition()).trouble
    except DeviceGone:
        trouble = Trouble.GONE
    if trouble is not None:
        return NotStarted(reason=trouble)
    await before_first_byte()
    try:
        await dialogue.send(KICK_DRAWER)
        trouble = (await dialogue.condition()).trouble
    except DeviceGone:
        return Unknown(reason=Doubt.LINK_LOST)
    return Unknown(reason=Doubt.SILENT) if trouble is Trouble.SILENT else Printed()


class _Dialogue:
    """Questions and answers on one connection. Every method raises `DeviceGone`."""

    def __init__(self, port: Port, pace: Pace) -> None:
        self._port = port
        self._pace = pace
        self._talk = PrinterTalk()
        self._status: dict[int, int] = {}
        self._counts: list[int] = []
        self._mark = b""
        self._is_confirmed = False
        self._is_taken = False
        self._is_cleared = False
        self._heard_bytes = 0

    async def send(self, data: bytes) -> None:
        """Write; a printer that takes nothing within the deadline is gone."""
        self._heard_bytes = 0
        try:
            async with asyncio.timeout(self._pace.write_s_max):
                await self._port.write(data)
        except TimeoutError as stuck:
            raise DeviceGone(GoneReason.LOST, "the printer takes no more bytes") from stuck

    async def condition(self) -> Condition:
        """How the printer is now; silent when it does not say."""
        kinds = (STATUS_PRINTER, STATUS_OFFLINE, STATUS_PAPER)
        self._status.clear()
        await self.send(b"".join(self._talk.ask_status(kind) for kind in kinds))
        if not await self._until(lambda: len(self._status) == len(kinds), self._pace.answer_s_max):
            return Condition(trouble=Trouble.SILENT)
        return condition_of(self._status)

    async def cuts(self) -> int | None:
        """The cut counter, when it is heard twice alike."""
        self._counts.clear()
        await self.send(READ_CUT_COUNTER * COUNTS_ALIKE)
        heard = await self._until(lambda: self._count() is not None, self._pace.answer_s_max)
        return self._count() if heard else None

    async def clear(self) -> bool:
        """Throw away what the printer holds; whether it said that it did."""
        self._is_cleared = False
        await self.send(CLEAR_BUFFERS)
        return await self._until(lambda: self._is_cleared, self._pace.answer_s_max)

    def question(self, job_id: str, proof: Proof, cuts_before: int | None) -> bytes:
        """What is sent behind the job and answered once the printer is there."""
        if proof is Proof.TAKEN:
            return self._talk.ask_turn()
        self._mark = mark_of(job_id)
        self._counts.clear()
        counter = b"" if cuts_before is None else READ_CUT_COUNTER * COUNTS_ALIKE
        return request_confirmation(self._mark) + counter

    async def outcome(
        self,
        cuts_before: int | None,
        told: Condition,
        on_condition: Callable[[Condition], None],
    ) -> PrintOutcome:
        """Wait for the answer; only a printer that has no excuse runs out of time."""
        quiet_polls = 0
        while quiet_polls < self._pace.quiet_polls_max:
            if await self._until(self._is_answered, self._pace.poll_s):
                return self._verdict(cuts_before)
            condition = await self.condition()
            if condition != told:
                on_condition(condition)
                told = condition
            quiet_polls = quiet_polls + 1 if told.trouble in {None, Trouble.SILENT} else 0
        is_silent = told.trouble is Trouble.SILENT
        return Unknown(reason=Doubt.SILENT if is_silent else Doubt.UNCONFIRMED)

    def _is_answered(self) -> bool:
        return self._is_confirmed or self._is_taken or self._count() is not None

    def _verdict(self, cuts_before: int | None) -> PrintOutcome:
        """The counter speaks only where its turn came and the confirmation before it did not.

        Then the printer knows no confirmation. Our connection is open: nobody else cut.
        """
        if self._is_confirmed or self._is_taken:
            return Printed()
        count = self._count()
        assert count is not None, "that is what was waited for"
        if cuts_before is not None and count == cuts_before + 1:
            return Printed()
        return Unknown(reason=Doubt.UNCONFIRMED)

    def _count(self) -> int | None:
        """The counter, once two readings in a row agree."""
        alike = len(self._counts) >= COUNTS_ALIKE and len(set(self._counts[-COUNTS_ALIKE:])) == 1
        return self._counts[-1] if alike else None

    async def _until(self, is_heard: Callable[[], bool], seconds: float) -> bool:
        """Listen until something was heard, or for so many seconds; whether it was."""
        try:
            async with asyncio.timeout(seconds):
                while not is_heard():
                    if self._heard_bytes > HEARD_BYTES_MAX:
                        return False
                    await self._listen()
        except TimeoutError:
            return False
        return True

    async def _listen(self) -> None:
        data = await self._port.read()
        self._heard_bytes += len(data)
        for answer in self._talk.receive_bytes(data):
            match answer:
                case StatusHeard():
                    self._status[answer.asked] = answer.bits
                case CutCounter():
                    self._counts = [*self._counts[-1:], answer.cuts]
                case ProcessDone():
                    self._is_confirmed |= answer.mark == self._mark
                case TurnTaken():
                    self._is_taken = True
                case BuffersCleared():
                    self._is_cleared = True
