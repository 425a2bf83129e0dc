"""A scanner on a pty: types barcodes, with faults on command.

As a program: `python -m devices.sim.scanner --link PATH` makes PATH a symlink to the pty, prints
`listening on PATH`, and types every line of stdin as one scan; `<GS>` in it is the separator 0x1D.
A line that begins with `!` is a command (the same words as `SimScanner.command`):

    !terminator cr|lf|crlf|tab|etx|none     what ends a code from now on
    !prefix none|stx|nul                    what begins it
    !aim on|off                             AIM ids before the codes, by what they look like
    !half CODE                              stops in the middle of it
    !double CODE                            reads the label twice at once
    !slow CODE                              byte by byte
    !endless N                              N digits, and no end
    !garbage N                              N bytes of noise
    !unplug                                 gone
    !plug [PATH]                            back; at PATH, if it got another name
    !flap N                                 gone and back, N times
    !type CODE                              as it is: for a code that begins with `!`
"""

import argparse
import asyncio
import os
import random
import re
import secrets
import tty
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from devices.sim.console import complain, run_until_told, say

TERMINATORS: Final = {
    "cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "tab": b"\t", "etx": b"\x03", "none": b"",
}  # fmt: skip
PREFIXES: Final = {"none": b"", "stx": b"\x02", "nul": b"\x00"}

TERMINATOR: Final = TERMINATORS["cr"]
"""What most scanners ship with."""

SLOW_S: Final = 0.01
"""Between two bytes of a slow line: that of 1200 baud."""

FULL_S: Final = 0.005
"""Between two looks whether a full line takes more."""

FAULT_BYTES_MAX: Final = 10_000_000
FLAPS_MAX: Final = 1_000
GS: Final = b"<GS>"

LINES_MAX: Final = 10_000
"""Commands that wait while a slow one is obeyed; what comes beyond is lost, and said."""

T = TypeVar("T")

_SWITCH: Final = {"on": True, "off": False}
_AIM_IDS: Final = (
    (re.compile(rb"[0-9]{8}"), b"]E4"),
    (re.compile(rb"[0-9]{12,13}"), b"]E0"),
    (re.compile(rb"[0-9]{14}"), b"]I1"),
    (re.compile(rb"01[0-9]{14}.*", re.DOTALL), b"]d2"),
    (re.compile(rb"https?://.*"), b"]Q1"),
)


class SimScanner:
    """A scanner that is plugged in for as long as the block runs.

    Args:
        link: where the device file appears; a link that is there already is replaced.
        terminator: typed after each code.
    """

    def __init__(self, *, link: Path, terminator: bytes = TERMINATOR) -> None:
        self.terminator = terminator
        self.prefix = b""
        self.names_symbology = False
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None
        self._dice = random.Random(4006381333931)  # noqa: S311 - noise wants no secrecy

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def plug(self, link: Path | None = None) -> None:
        """Appear, as a new device, under another name if one is given. A no-op when plugged in."""
        if self._master is not None:
            return
        self._link = link or self._link
        # Our own hold on the slave keeps the line up while no driver has it open.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self._link.with_name(f"{self._link.name}.{secrets.token_hex(4)}")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)

    def unplug(self) -> None:
        """Vanish: whoever reads gets an error. A no-op when unplugged."""
        if self._master is None or self._slave is None:
            return
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None

    def scan(self, code: bytes) -> bool:
        """Type `code` as the scanner is set up, with its terminator.

        Returns:
            Whether it could be typed whole. A scanner does not wait: unplugged, or with a reader
            that does not read, what does not fit is lost.
        """
        return self.type_bytes(self.framed(code))

    def framed(self, code: bytes) -> bytes:
        """What goes over the line for a code."""
        return self.prefix + (aim_form(code) if self.names_symbology else code) + self.terminator

    def type_bytes(self, data: bytes) -> bool:
        """Type exactly these bytes: half a scan, garbage. Answers as `scan` does."""
        return self._write(data) == len(data)

    async def command(self, line: bytes) -> None:
        """Obey a line of the program's stdin (the module's docstring has the words).

        Raises:
            ValueError: it is no command, with a sentence; nothing was done.
        """
        if not line.startswith(b"!"):
            self._type(self.framed(_typed(line)))
            return
        word, _, rest = line[1:].decode("utf-8", "surrogateescape").partition(" ")
        if not self._set_up(word, rest) and not await self._misbehave(word, rest):
            raise ValueError(f"there is no command !{word}")

    def _set_up(self, word: str, text: str) -> bool:
        """Obey what changes the scanner or its cable; False where it is another word."""
        match word:
            case "terminator":
                self.terminator = _of(TERMINATORS, text)
            case "prefix":
                self.prefix = _of(PREFIXES, text)
            case "aim":
                self.names_symbology = _of(_SWITCH, text)
            case "unplug":
                self.unplug()
            case "plug":
                self.plug(Path(text) if text else None)
            case "flap":
                self._flap(_count(text, FLAPS_MAX))
            case _:
                return False
        return True

    async def _misbehave(self, word: str, text: str) -> bool:
        """Type as the word says; False where it is another word."""
        framed = self.framed(_typed(text.encode("utf-8", "surrogateescape")))
        match word:
            case "type":
                self._type(framed)
            case "half":
                self._type(framed.removesuffix(self.terminator))
            case "double":
                self._type(framed * 2)
            case "slow":
                await self._type_slowly(framed)
            case "endless":
                await self._pour(b"9" * _count(text, FAULT_BYTES_MAX))
            case "garbage":
                await self._pour(self._dice.randbytes(_count(text, FAULT_BYTES_MAX)))
            case _:
                return False
        return True

    def _type(self, data: bytes) -> None:
        if not self.type_bytes(data):
            complain("lost: nobody reads the port")

    def _flap(self, times: int) -> None:
        for _ in range(times):
            self.unplug()
            self.plug()

    async def _type_slowly(self, data: bytes) -> None:
        for byte in data:
            self.type_bytes(bytes([byte]))
            await asyncio.sleep(SLOW_S)

    async def _pour(self, data: bytes) -> None:
        """Type all of it, as fast as it is read; what is left when unplugged is lost."""
        rest = memoryview(data)
        while rest and self._master is not None:
            rest = rest[self._write(rest) :]
            await asyncio.sleep(FULL_S if rest else 0)

    def _write(self, data: bytes | memoryview) -> int:
        if self._master is None:
            return 0
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0


def aim_form(code: bytes) -> bytes:
    """A code with the AIM id of what it looks like; a UPC-A goes as an EAN-13, as AIM has it."""
    for looks, aim_id in _AIM_IDS:
        if looks.fullmatch(code):
            return aim_id + (code.zfill(13) if aim_id == b"]E0" else code)
    return b"]C0" + code


def _typed(line: bytes) -> bytes:
    """A code as somebody wrote it on a line."""
    return line.replace(GS, b"\x1d")


def _of(words: Mapping[str, T], word: str) -> T:
    if word not in words:
        raise ValueError(f"{word!r} is not one of {', '.join(words)}")
    return words[word]


def _count(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        raise ValueError(f"{text!r} is no number up to {most}")
    return min(int(text), most)


async def _serve(arguments: argparse.Namespace) -> None:
    lines: asyncio.Queue[bytes] = asyncio.Queue(LINES_MAX)

    def hear(line: bytes) -> None:
        if lines.full():
            complain("lost: too many commands wait")
        elif line:
            lines.put_nowait(line)

    async def obey() -> None:
        while True:
            try:
                await scanner.command(await lines.get())
            except (ValueError, OSError) as refused:
                complain(str(refused))

    with SimScanner(link=arguments.link, terminator=TERMINATORS[arguments.terminator]) as scanner:
        obeying = asyncio.create_task(obey())
        say(f"listening on {arguments.link}")
        await run_until_told(hear)
        obeying.cancel()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A barcode scanner on a pty.")
    parser.add_argument("--link", type=Path, required=True, metavar="PATH")
    parser.add_argument("--terminator", choices=TERMINATORS, default="cr")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
