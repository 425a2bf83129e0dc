"""The inside of a simulated receipt printer: bytes in, paper and answers out. Pure.

Like the real thing it has two ears. Real-time commands (DLE EOT n, DLE DC4 8) are answered as
they arrive, also without paper. Everything else goes through the receive buffer, which belongs to
the printer and not to a connection: what stands in it prints after the refill, whoever sent it and
wherever they are by then.

It understands what receipts need and skips the rest by its length; what it does not know is counted
as garbage, never an error.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from devices.sim.escpos import (
    ARGUMENT_BYTES,
    BARCODE_COUNTED,
    REAL_TIME,
    command_bytes,
    ends_within_a_command,
)
from devices.sim.strip import LINE_DOTS, Picture, Strip

_REAL_TIME: Final = re.compile(rb"\x10\x04([\x01-\x04])|\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08")
_LONGEST_REAL_TIME: Final = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"

_SKIPPED: Final = {*ARGUMENT_BYTES, b"\x1d(", b"\x1dk"}
_CODE_PAGES: Final = {0: "cp437", 2: "cp850", 16: "cp1252", 19: "cp858"}
_FIRST_PRINTABLE: Final = 0x20
_STRANGERS_JOB: Final = b"\x1b@another writer's\n\x1dV\x00"
_BUFFERS_CLEARED: Final = b"\x37\x25\x00"
_QR_STORE: Final = b"\x31\x50\x30"
_LONG_ANSWER_BYTES: Final = 3
LINE_CHARS_MAX: Final = 255
"""A line that is longer goes on in the next one: no paper is as wide."""

Moment = Literal["line", "cut"]


@dataclass(slots=True)
class Mechanism:
    """One printer's paper, buffer and moods.

    The fields without underscore may be set freely; call `work` after making one better. `watch` is
    told of every line printed and every cut, before anything else happens.
    """

    has_paper: bool = True
    is_paper_low: bool = False
    is_cover_open: bool = False
    is_jammed: bool = False
    is_held: bool = False
    is_silent: bool = False
    is_drawer_open: bool = False
    confirms: bool = True
    counts_cuts: bool = True
    interrupts_itself: bool = False
    lines_left: int | None = None
    kicks: int = 0
    garbage_bytes: int = 0
    receipts: list[str] = field(default_factory=list)
    pictures: list[Picture | None] = field(default_factory=list)
    watch: Callable[[Moment], None] = lambda _: None

    _strip: Strip = field(default_factory=Strip)
    _line: str = ""
    _code_page: str = "cp437"
    _buffer: bytearray = field(default_factory=bytearray)
    _ear: bytes = b""
    _is_working: bool = False
    _power_cycles: int = 0
    _automatic: int = 0
    _told: bytes = b""

    @property
    def cuts(self) -> int:
        """How often the cutter has cut in its life."""
        return len(self.receipts)

    @property
    def uncut_text(self) -> str:
        """What hangs from the printer: printed, not cut."""
        return self._strip.text

    @property
    def held_bytes(self) -> int:
        """What waits in the receive buffer."""
        return len(self._buffer)

    @property
    def is_printing(self) -> bool:
        """Whether nothing is in the way of printing."""
        return self.has_paper and not (self.is_cover_open or self.is_jammed or self.is_held)

    def receive_bytes(self, data: bytes) -> bytes:
        """Take in bytes, cut anywhere, print what can be printed, and return the answers."""
        data = self._ear + data
        answers = b""
        at = 0
        cycles = self._power_cycles
        for command in _REAL_TIME.finditer(data):
            self._buffer += data[at : command.start()]
            answers += self.work()
            if cycles != self._power_cycles:
                return answers  # switched off in the middle: the rest never arrived
            if ends_within_a_command(self._buffer):
                self._buffer += command[0]  # a part of a picture, say: answered, and kept
            answers += self._heard(self._status(command[1][0]) if command[1] else self._clear())
            at = command.end()
        rest = data[at:]
        self._ear = _begun_real_time(rest)
        self._buffer += rest[: len(rest) - len(self._ear)]
        return answers + self.work()

    def work(self) -> bytes:
        """Print from the buffer until it is empty or something is in the way."""
        if self._is_working:  # a fault was caused by what is being printed
            return b""
        self._is_working = True
        answers = b""
        while self.is_printing:
            length = command_bytes(self._buffer)
            if length is None:
                break
            command = bytes(self._buffer[:length])
            del self._buffer[:length]
            # In the mood of before: what falls silent with a cut has nothing left to say.
            answers += self._heard(self._obey(command))
        self._is_working = False
        return answers + self._heard(self._news())

    def power_cycle(self) -> None:
        """Off and on: the buffers are lost, the paper and the cutter's count stay."""
        self._clear()
        self._ear = b""
        self._code_page = "cp437"
        self._automatic = 0
        self._power_cycles += 1

    def print_for_another(self) -> None:
        """Another program prints and cuts; its answers go to it."""
        self._buffer += _STRANGERS_JOB
        self.work()

    def reset_by_another(self) -> None:
        """Another program sends ESC @."""
        self._obey(b"\x1b@")

    def automatic_status(self) -> bytes:
        """The four bytes that a printer sends by itself where it was told to (GS a)."""
        first = 0x10 | self.is_drawer_open << 2 | (not self.is_printing) << 3
        return bytes(
            (
                first | self.is_cover_open << 5,
                self.is_jammed << 3,
                self.is_paper_low * 0x03 | (not self.has_paper) * 0x0F,
                0,
            )
        )

    def _heard(self, answer: bytes) -> bytes:
        if self.is_silent:
            return b""
        if self.interrupts_itself and len(answer) >= _LONG_ANSWER_BYTES:
            return answer[:2] + self.automatic_status() + answer[2:]
        return answer

    def _news(self) -> bytes:
        now = self.automatic_status()
        if not self._automatic or now == self._told:
            return b""
        self._told = now
        return now

    def _status(self, kind: int) -> bytes:
        is_stopped = self.is_cover_open or self.is_jammed or not self.has_paper
        bits = {
            1: self.is_drawer_open << 2 | is_stopped << 3,
            2: self.is_cover_open << 2 | (not self.has_paper) << 5 | self.is_jammed << 6,
            3: self.is_jammed << 3,
            4: self.is_paper_low * 0x0C | (not self.has_paper) * 0x60,
        }
        return bytes([0b0001_0010 | bits[kind]])

    def _clear(self) -> bytes:
        self._buffer.clear()
        self._line = ""
        return _BUFFERS_CLEARED

    def _obey(self, command: bytes) -> bytes:  # noqa: PLR0912 - one case per command
        match command[:2]:
            case b"\n":
                self._feed(1)
            case b"\x1b@":
                self._line, self._code_page, self._automatic = "", "cp437", 0
            case b"\x1bt":
                self._code_page = _CODE_PAGES.get(command[2], "ascii")
            case b"\x1bd":
                self._feed(command[2])
            case b"\x1bp":
                self.kicks += 1
                self.is_drawer_open = True
            case b"\x1dV":
                self._cut()
            case b"\x1dv":
                self._draw(command)
            case b"\x1dk":
                self._put(f"[bars {_bars(command)}]")
            case b"\x1d(":
                return self._obey_extended(command)
            case b"\x1da":
                self._automatic, self._told = command[2], b""
            case b"\x1dr":
                return bytes([self.is_paper_low * 0x03])
            case b"\x1dg" if command[2:] == b"2\x00\xb2\x00" and self.counts_cuts:
                return b"\x5f" + str(self.cuts).encode() + b"\x00"
            case text if text[0] >= _FIRST_PRINTABLE:
                self._line += command.decode(self._code_page, "replace")
                if len(self._line) >= LINE_CHARS_MAX:
                    self._feed(1)
            case known if known not in _SKIPPED and known[0] != REAL_TIME:
                self.garbage_bytes += len(command)
        return b""

    def _obey_extended(self, command: bytes) -> bytes:
        """GS ( H confirms, GS ( k stores and prints a QR code; the others are skipped."""
        kind, arguments = command[2:3], command[5:]
        if kind == b"H" and arguments[:2] == b"\x30\x30" and self.confirms:
            return b"\x37\x22" + arguments[2:] + b"\x00"
        if kind == b"k" and arguments[:3] == _QR_STORE:
            self._put(f"[QR {arguments[3:].decode('utf-8', 'replace')}]")
        return b""

    def _put(self, line: str) -> None:
        self._line += line
        self._feed(1)

    def _draw(self, command: bytes) -> None:
        width = int.from_bytes(command[4:6], "little")
        picture = Picture(width_bytes=width, rows=command[8:])
        if self._line:
            self._feed(1)
        self._strip.add_picture(picture)
        self._use_up(-(-picture.height_dots // LINE_DOTS))

    def _feed(self, lines: int) -> None:
        for text in [self._line] + [""] * (lines - 1):
            self._line = ""
            self._strip.add_line(text)
            self._use_up(1)

    def _use_up(self, lines: int) -> None:
        for _ in range(lines):
            if self.lines_left is not None:
                self.lines_left -= 1
                if self.lines_left <= 0:
                    self.has_paper, self.lines_left = False, None
            self.watch("line")

    def _cut(self) -> None:
        if self._line:
            self._feed(1)
        self.receipts.append(self._strip.text.rstrip("\n") + "\n")
        self.pictures.append(self._strip.picture)
        self._strip = Strip()
        self.watch("cut")


def _bars(command: bytes) -> str:
    """What GS k encodes: counted, or up to a NUL."""
    is_counted = command[2] >= BARCODE_COUNTED
    data = command[4:] if is_counted else command[3:-1]
    return data.decode("ascii", "replace")


def _begun_real_time(data: bytes) -> bytes:
    """The end of `data` that may be the beginning of a real-time command, not yet whole."""
    for length in range(min(len(data), len(_LONGEST_REAL_TIME) - 1), 0, -1):
        tail = data[-length:]
        if tail == b"\x10\x04" or _LONGEST_REAL_TIME.startswith(tail):
            return tail
    return b""
