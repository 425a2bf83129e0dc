"""What a printer driver says and hears, as bytes. Pure.

Commands (Epson's names), and what a printer answers:

    DLE EOT n       real-time status n: 1 printer, 2 why offline, 4 paper    one byte  0xx1xx10
    GS ( H fn 48    "tell me when you have printed as far as this"           37 22 d d d d 00
    GS g 2 m=0 178  how often the cutter has cut in its life                 5F digits 00
    GS r 1          paper, but in its turn: all before it was worked off     one byte  0xx0xxxx
    DLE DC4 8       clear the buffers, real-time                             37 25 00
    ESC p           a pulse that opens the drawer                            nothing

Real-time commands are answered at once, also when the printer is out of paper; the others when
their turn in the buffer comes. A status byte does not say which n it answers, so `PrinterTalk`
remembers what it asked and labels the answers in that order.

A printer that another program has told to (GS a) says by itself how it is, in four bytes at any
time, also in the middle of an answer: 0xx1xx00, then three of 0xx0xxxx. They are taken out where
they can be told from an answer; inside a counter they cannot (30, 34 and 38 are digits too), so a
counter is believed when it was heard twice.
"""

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Final

MARK_BYTES: Final = 4
"""A process id of GS ( H: four characters, each 0x20 to 0x7E."""

BLOCK_BYTES_MAX: Final = 16
"""The longest answer asked for, a counter, has up to 12 bytes; what is longer is noise."""

ASKED_MAX: Final = 64
"""Unanswered status requests that are remembered: a printer this far behind is silent."""

STATUS_PRINTER: Final = 1
STATUS_OFFLINE: Final = 2
STATUS_PAPER: Final = 4

READ_TURN: Final = b"\x1dr\x01"
KICK_DRAWER: Final = b"\x1bp\x00\x19\xfa"
"""ESC p, connector pin 2: 50 ms on, 500 ms off, which opens what tills are sold with."""

COUNTER_CUTS: Final = 178
"""Maintenance counter 50 (autocutter), cumulative: nobody can set it back."""

READ_CUT_COUNTER: Final = b"\x1dg2\x00" + bytes([COUNTER_CUTS, 0])
CLEAR_BUFFERS: Final = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"

_FIXED_BITS: Final = 0b1001_0011
_STATUS: Final = 0b0001_0010
_AUTOMATIC: Final = 0b0001_0000
_IN_TURN_BITS: Final = 0b1001_0000
_AUTOMATIC_REST_BYTES: Final = 3
_FLOW_CONTROL: Final = (0x11, 0x13)
_HEADER_REPLY: Final = 0x37
_HEADER_COUNTER: Final = 0x5F
_PROCESS_DONE: Final = 0x22
_BUFFERS_CLEARED: Final = b"\x37\x25"
_END: Final = 0x00


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHeard:
    """The answer to one DLE EOT n."""

    asked: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDone:
    """Everything before the GS ( H with this mark is on paper."""

    mark: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CutCounter:
    """The cutter's count of cuts."""

    cuts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTaken:
    """Everything before the GS r was worked off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuffersCleared:
    """Nothing that was sent before will be printed any more."""


Answer = StatusHeard | ProcessDone | CutCounter | TurnTaken | BuffersCleared


class PrinterTalk:
    """One connection's conversation: builds requests, labels answers. Never raises on input."""

    def __init__(self) -> None:
        self._asked: deque[int] = deque(maxlen=ASKED_MAX)
        self._turns = 0
        self._block = bytearray()
        self._automatic_left = 0

    def ask_status(self, kind: int) -> bytes:
        """The bytes of DLE EOT `kind`. Send each exactly once, in the order built."""
        self._asked.append(kind)
        return bytes([0x10, 0x04, kind])

    def ask_turn(self) -> bytes:
        """The bytes of GS r 1, to be sent exactly once."""
        self._turns += 1
        return READ_TURN

    def receive_bytes(self, data: bytes) -> list[Answer]:
        """Take in bytes, cut anywhere, and return the answers that they complete.

        Automatic status, flow control and noise are skipped.
        """
        answers: list[Answer] = []
        for byte in data:
            if byte in _FLOW_CONTROL or self._is_automatic(byte):
                continue
            answer = self._in_block(byte) if self._block else self._begin(byte)
            if answer is not None:
                answers.append(answer)
        return answers

    def _is_automatic(self, byte: int) -> bool:
        """Whether `byte` belongs to the four that nobody asked for."""
        if self._automatic_left and byte & _IN_TURN_BITS == 0:
            self._automatic_left -= 1
            return True
        self._automatic_left = 0
        is_counting = self._block[:1] == bytes([_HEADER_COUNTER])
        if byte & _FIXED_BITS == _AUTOMATIC and not is_counting:
            self._automatic_left = _AUTOMATIC_REST_BYTES
            return True
        return False

    def _begin(self, byte: int) -> Answer | None:
        if byte in {_HEADER_REPLY, _HEADER_COUNTER}:
            self._block.append(byte)
        elif byte & _FIXED_BITS == _STATUS and self._asked:
            return StatusHeard(asked=self._asked.popleft(), bits=byte)
        elif byte & _IN_TURN_BITS == 0 and self._turns:
            self._turns -= 1
            return TurnTaken()
        return None

    def _in_block(self, byte: int) -> Answer | None:
        block = bytes(self._block)
        if byte == _END:
            self._block.clear()
            return _read_block(block)
        self._block.append(byte)
        if _is_block_begun(bytes(self._block)):
            return None
        self._block.clear()  # it only looked like one: the byte may begin something itself
        return self._begin(byte)


def _is_block_begun(block: bytes) -> bool:
    """Whether `block`, without its end, can still become an answer."""
    if len(block) > BLOCK_BYTES_MAX:
        return False
    if block[0] == _HEADER_COUNTER:
        return block[1:].isdigit()
    if block == _BUFFERS_CLEARED:
        return True
    is_mark = all(0x20 <= byte <= 0x7E for byte in block[2:])  # noqa: PLR2004 - printable ASCII
    return block[1] == _PROCESS_DONE and len(block) <= 2 + MARK_BYTES and is_mark


def _read_block(block: bytes) -> Answer | None:
    if block == _BUFFERS_CLEARED:
        return BuffersCleared()
    if block[0] == _HEADER_REPLY and len(block) == 2 + MARK_BYTES:
        return ProcessDone(mark=block[2:])
    if block[0] == _HEADER_COUNTER and block[1:].isdigit():
        return CutCounter(cuts=int(block[1:]))
    return None


def request_confirmation(mark: bytes) -> bytes:
    """GS ( H fn 48: answered with `mark` when everything before it is printed."""
    assert len(mark) == MARK_BYTES
    return b"\x1d(H\x06\x00\x30\x30" + mark


_MARK_CHARACTERS: Final = bytes(
    byte for byte in range(0x21, 0x7F) if byte & _FIXED_BITS != _AUTOMATIC
)
"""Not those that an automatic status can begin with."""


def mark_of(job_id: str) -> bytes:
    """The job's mark: the same job has the same one, two jobs share one in 45 million."""
    number = int.from_bytes(hashlib.blake2b(job_id.encode(), digest_size=8).digest())
    mark = bytearray()
    for _ in range(MARK_BYTES):
        number, digit = divmod(number, len(_MARK_CHARACTERS))
        mark.append(_MARK_CHARACTERS[digit])
    return bytes(mark)
