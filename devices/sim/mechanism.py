"""The inside of a simulated receipt printer: bytes in, paper and answers out. Pure.

Like the real thing it has two ears. Real-time commands (DLE EOT n, DLE DC4 8) are answered as
they arrive, also without paper. Everything else goes through the receive buffer, which belongs to
the printer and not to a connection: what stands in it prints after the refill, whoever sent it and
wherever they are by then.

It understands what a text receipt needs and skips the rest by its length; what it does not know is
counted as garbage, never an error.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_REAL_TIME: Final = re.compile(rb"\x10\x04([\x01-\x04])|\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08")
_LONGEST_REAL_TIME: Final = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"

_ARGUMENT_BYTES: Final = {
    **dict.fromkeys((b"\x1b@", b"\x1b2", b"\x1c.", b"\x1c&"), 0),
    **dict.fromkeys((b"\x1bt", b"\x1bE", b"\x1bG", b"\x1ba", b"\x1bM", b"\x1bd", b"\x1b!"), 1),
    **dict.fromkeys((b"\x1b-", b"\x1b3", b"\x1b{", b"\x1bJ", b"\x1bR", b"\x1d!", b"\x1dB"), 1),
    b"\x1bp": 3,
    b"\x1dg": 4,
}
"""Commands of a fixed length; the three others are in `_command_bytes`."""

_CODE_PAGES: Final = {0: "cp437", 2: "cp850", 16: "cp1252", 19: "cp858"}
_CUT_AND_FEED: Final = (65, 66, 97, 98)
_LINE_FEED: Final = 0x0A
_FIRST_PRINTABLE: Final = 0x20


@dataclass(slots=True)
class Mechanism:
    """One printer's paper, buffer and moods.

    The fields without underscore may be set freely; call `work` after making one better.
    """

    has_paper: bool = True
    is_cover_open: bool = False
    is_silent: bool = False
    confirms: bool = True
    counts_cuts: bool = True
    lines_left: int | None = None
    receipts: list[str] = field(default_factory=list)
    garbage_bytes: int = 0

    _uncut: list[str] = field(default_factory=list)
    _line: str = ""
    _code_page: str = "cp437"
    _buffer: bytearray = field(default_factory=bytearray)
    _ear: bytes = b""

    @property
    def cuts(self) -> int:
        """How often the cutter has cut in its life."""
        return len(self.receipts)

    @property
    def uncut_text(self) -> str:
        """What hangs from the printer: printed, not cut."""
        return "\n".join(self._uncut)

    @property
    def held_bytes(self) -> int:
        """What waits in the receive buffer."""
        return len(self._buffer)

    def receive_bytes(self, data: bytes) -> bytes:
        """Take in bytes, cut anywhere, print what can be printed, and return the answers."""
        data = self._ear + data
        answers = b""
        at = 0
        for command in _REAL_TIME.finditer(data):
            self._buffer += data[at : command.start()]
            answers += self.work()
            answers += self._status(command[1][0]) if command[1] else self._clear()
            at = command.end()
        rest = data[at:]
        self._ear = _begun_real_time(rest)
        self._buffer += rest[: len(rest) - len(self._ear)]
        answers += self.work()
        return b"" if self.is_silent else answers

    def work(self) -> bytes:
        """Print from the buffer until it is empty or something is in the way."""
        answers = b""
        while self.has_paper and not self.is_cover_open:
            length = _command_bytes(self._buffer)
            if length is None:
                break
            command = bytes(self._buffer[:length])
            del self._buffer[:length]
            answers += self._obey(command)
        return b"" if self.is_silent else answers

    def power_cycle(self) -> None:
        """Off and on: the buffers are lost, the paper and the cutter's count stay."""
        self._clear()
        self._ear = b""
        self._code_page = "cp437"

    def _status(self, kind: int) -> bytes:
        bits = 0b0001_0010
        if kind == 1 and (self.is_cover_open or not self.has_paper):
            bits |= 0b0000_1000
        if kind == 2:  # noqa: PLR2004 - the n of DLE EOT n
            bits |= self.is_cover_open << 2 | (not self.has_paper) << 5
        if kind == 4 and not self.has_paper:  # noqa: PLR2004
            bits |= 0b0110_0000
        return bytes([bits])

    def _clear(self) -> bytes:
        self._buffer.clear()
        self._line = ""
        return b"\x37\x25\x00"

    def _obey(self, command: bytes) -> bytes:
        match command[:2]:
            case b"\n":
                self._feed(1)
            case b"\x1b@":
                self._line, self._code_page = "", "cp437"
            case b"\x1bt":
                self._code_page = _CODE_PAGES.get(command[2], "ascii")
            case b"\x1bd":
                self._feed(command[2])
            case b"\x1dV":
                self._cut()
            case b"\x1d(" if command[2:3] == b"H" and command[5:7] == b"\x30\x30" and self.confirms:
                return b"\x37\x22" + command[7:] + b"\x00"
            case b"\x1dg" if command[2:] == b"2\x00\xb2\x00" and self.counts_cuts:
                return b"\x5f" + str(self.cuts).encode() + b"\x00"
            case text if text[0] >= _FIRST_PRINTABLE:
                self._line += command.decode(self._code_page, "replace")
            case known if known not in _ARGUMENT_BYTES and known not in {b"\x1d(", b"\x1dv"}:
                self.garbage_bytes += len(command)
        return b""

    def _feed(self, lines: int) -> None:
        for text in [self._line] + [""] * (lines - 1):
            self._uncut.append(text)
            if self.lines_left is not None:
                self.lines_left -= 1
                if self.lines_left <= 0:
                    self.has_paper, self.lines_left = False, None
        self._line = ""

    def _cut(self) -> None:
        if self._line:
            self._feed(1)
        self.receipts.append("\n".join(self._uncut).rstrip("\n") + "\n")
        self._uncut.clear()


def _begun_real_time(data: bytes) -> bytes:
    """The end of `data` that may be the beginning of a real-time command, not yet whole."""
    for length in range(min(len(data), len(_LONGEST_REAL_TIME) - 1), 0, -1):
        tail = data[-length:]
        if tail == b"\x10\x04" or _LONGEST_REAL_TIME.startswith(tail):
            return tail
    return b""


def _command_bytes(buffer: bytearray) -> int | None:
    """The length of the command at the head of the buffer; None while it is not whole."""
    if not buffer:
        return None
    if buffer[0] not in b"\x1b\x1c\x1d":
        return 1
    needed = 2
    head = bytes(buffer[:2])
    if head in _ARGUMENT_BYTES:
        needed += _ARGUMENT_BYTES[head]
    elif head == b"\x1dV":
        needed = 4 if len(buffer) > 2 and buffer[2] in _CUT_AND_FEED else 3  # noqa: PLR2004
    elif head == b"\x1d(":
        needed = 5 + int.from_bytes(buffer[3:5], "little")
    elif head == b"\x1dv":  # a picture: width in bytes, height in dots
        width = int.from_bytes(buffer[4:6], "little")
        needed = 8 + width * int.from_bytes(buffer[6:8], "little")
    return needed if len(buffer) >= needed else None
