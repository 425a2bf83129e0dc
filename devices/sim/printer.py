"""A receipt printer on a TCP port or a serial line, with faults on command.

Like common Ethernet boards it serves one connection at a time: others are accepted and wait. The
bytes are understood by `devices.sim.mechanism`.

As a program: `python -m devices.sim.printer --listen HOST:PORT [--paper DIR]` prints
`listening on tcp://HOST:PORT` (with `--link PATH`: `listening on PATH`, a symlink to its pty),
writes each receipt to DIR as a text file and what was drawn on it as a bitmap, and takes these
faults by lines on stdin (the same words as `SimPrinter.command`), now or later
(`devices.sim.printer_faults`):

    paper out            paper in
    paper low            paper new         (nearly out; it goes on printing)
    cover open           cover closed
    jam                  jam cleared       (the cutter's error)
    hold                 go on             (it takes bytes and prints none: a slow mechanism)
    silent               speaking          (it prints, and answers nothing)
    full                 room              (it takes no bytes; on a serial line: XOFF, XON)
    slow                 fast              (it takes a few bytes at a time)
    drop                                   (the connection, not the buffer)
    half open                              (switched off and on; the old connection hears nothing)
    power cycle                            (buffer and connection are lost)
    unplug               plug              (nobody can reach it; the buffer stays)
    reset                                  (ESC @ by another program)
    another                                (another program prints, when its turn comes)
    garbage                                (it sends what nobody can understand)
    automatic status                       (four bytes that nobody asked for)
    interrupting         polite            (such bytes in the middle of its answers)
    drawer closed
    no confirmation      confirmation      (GS ( H unknown)
    no counter           counter           (GS g 2 unknown)
"""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, Self

from devices.sim.console import complain, host_and_port, run_until_told, say
from devices.sim.mechanism import Mechanism, Moment
from devices.sim.printer_ends import End, PtyEnd, TcpEnds
from devices.sim.printer_faults import MOODS, Order, order_of

GARBAGE: Final = b"\xff\xfe\x7f7\x22ab_9\x00HTTP/1.1 400 Bad Request\r\n\r\n\x1b@\x00"


class SimPrinter:
    """The printer. Make it with `SimPrinter.listening` or `SimPrinter.on_line`.

    `acts` are words of its owner's own, for what happens elsewhere at a moment of its work.
    """

    def __init__(self, *, paper: Path | None = None) -> None:
        self.mechanism = Mechanism(watch=self._watch)
        self.address = ""
        self.bytes_taken = 0
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.is_slow = False
        self.acts: dict[str, Callable[[], None]] = {}
        self._paper = paper
        self._written = 0
        self._end: End | None = None
        self._strangers = 0
        self._breaks = 0
        self._orders: list[Order] = []
        self._changed = asyncio.Event()
        self._plug: Callable[[], None] = lambda: None
        self._unplug: Callable[[], None] = lambda: None

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(
        cls, *, host: str = "127.0.0.1", port: int = 0, paper: Path | None = None
    ) -> AsyncIterator[Self]:
        """A printer with paper, until the block ends. Port 0 takes a free one, see `address`.

        With `paper`, each receipt becomes a numbered text file in that folder; files that are
        there already are kept.
        """
        printer = cls(paper=paper)
        ends = TcpEnds(printer)
        await ends.listen(host, port)
        printer.address = ends.address
        printer._plug, printer._unplug = ends.plug, ends.unplug
        try:
            yield printer
        finally:
            await ends.close()

    @classmethod
    @contextlib.asynccontextmanager
    async def on_line(cls, *, link: Path, paper: Path | None = None) -> AsyncIterator[Self]:
        """A printer on a serial line whose device file is `link`, until the block ends."""
        printer = cls(paper=paper)
        end = PtyEnd(printer, link)
        printer.address = str(link)
        printer._plug, printer._unplug = end.plug, end.unplug
        end.plug()
        try:
            yield printer
        finally:
            end.unplug()

    @property
    def receipts(self) -> list[str]:
        """What was printed and cut, oldest first."""
        return self.mechanism.receipts

    async def until(self, is_so: Callable[[Mechanism], bool]) -> None:
        """Wait until something is true of the printer. One waiter at a time."""
        while not is_so(self.mechanism):
            self._changed.clear()
            await self._changed.wait()

    def command(self, text: str) -> None:
        """Cause or mend a fault; the words are in this module's docstring.

        Raises:
            ValueError: no such command.
        """
        order = order_of(text)
        if order.words not in MOODS and order.words not in self._acts():
            raise ValueError(f"no such command: {text!r}")
        if order.unit == "now":
            self._do(order.words)
        else:
            self._orders.append(order)

    def forget_orders(self) -> None:
        """Nothing that was ordered for later happens any more."""
        self._orders.clear()

    # What the ends tell

    def serve(self, end: End) -> None:
        """This end is heard now, and answers go to it."""
        self._end = end

    def left(self, end: End) -> None:
        """This end is gone: others have their turn."""
        if self._end is end:
            self._end = None
        while self._strangers:
            self._strangers -= 1
            self.mechanism.print_for_another()
        self._answer(b"")

    def take(self, end: End, data: bytes) -> None:
        """Bytes have arrived at an end."""
        breaks = self._breaks
        while data and self._end is end and breaks == self._breaks:
            nearest = min((one.left for one in self._orders if one.unit == "bytes"), default=0)
            piece = data[:nearest] if nearest else data
            data = data[len(piece) :]
            self.bytes_taken += len(piece)
            self._answer(self.mechanism.receive_bytes(piece))
            self._count("bytes", len(piece))

    # Faults

    def _acts(self) -> dict[str, Callable[[], None]]:
        return {
            "drop": self._drop,
            "half open": self._half_open,
            "power cycle": self._power_cycle,
            "unplug": self._vanish,
            "plug": self._plug,
            "full": self._full,
            "room": self._room,
            "slow": lambda: setattr(self, "is_slow", True),
            "fast": lambda: setattr(self, "is_slow", False),
            "reset": self.mechanism.reset_by_another,
            "another": self._another,
            "garbage": lambda: self._send(GARBAGE),
            "automatic status": lambda: self._send(self.mechanism.automatic_status()),
            **self.acts,
        }

    def _do(self, words: str) -> None:
        if words in MOODS:
            name, value = MOODS[words]
            setattr(self.mechanism, name, value)
        else:
            self._acts()[words]()
        self._answer(self.mechanism.work())

    def _watch(self, moment: Moment) -> None:
        """The mechanism has printed a line, or cut."""
        self._count("lines" if moment == "line" else "cut", 1)

    def _count(self, unit: str, passed: int) -> None:
        due = []
        for order in [one for one in self._orders if one.unit == unit]:
            order.left -= passed
            if order.left <= 0:
                self._orders.remove(order)
                due.append(order.words)
        for words in due:
            self._do(words)

    def _drop(self) -> None:
        self._breaks += 1
        if self._end is not None:
            self._end.drop()

    def _vanish(self) -> None:
        self._breaks += 1
        self._unplug()

    def _half_open(self) -> None:
        self._breaks += 1
        if self._end is not None:
            self._end.forget()
        self.mechanism.power_cycle()

    def _power_cycle(self) -> None:
        self.mechanism.power_cycle()
        self._drop()

    def _full(self) -> None:
        self.has_room.clear()
        if self._end is not None:
            self._end.stop()

    def _room(self) -> None:
        self.has_room.set()
        if self._end is not None:
            self._end.go_on()

    def _another(self) -> None:
        if self._end is None:
            self.mechanism.print_for_another()
        else:
            self._strangers += 1

    def _send(self, data: bytes) -> None:
        if self._end is not None:
            self._end.send(data)

    def _answer(self, answers: bytes) -> None:
        """Send to whoever is connected now; nobody hears what is said without a listener."""
        if answers:
            self._send(answers)
        for number in range(self._written, len(self.receipts)):
            if self._paper is not None:
                picture = self.mechanism.pictures[number]
                bitmap = None if picture is None else picture.pbm()
                _write_receipt(self._paper, self.receipts[number], bitmap)
        self._written = len(self.receipts)
        self._changed.set()


def _write_receipt(paper: Path, receipt: str, bitmap: bytes | None) -> None:
    """The next free number; whole or not there at all, for whoever watches the folder."""
    paper.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem.removeprefix("receipt-")) for path in paper.glob("receipt-*.txt")]
    target = paper / f"receipt-{max(numbers, default=0) + 1:06}.txt"
    if bitmap is not None:
        target.with_suffix(".pbm").write_bytes(bitmap)
    draft = target.with_suffix(".draft")
    draft.write_text(receipt, encoding="utf-8")
    draft.replace(target)


async def _serve(arguments: argparse.Namespace) -> None:
    if arguments.link is not None:
        printing = SimPrinter.on_line(link=arguments.link, paper=arguments.paper)
    else:
        host, port = arguments.listen
        printing = SimPrinter.listening(host=host, port=port, paper=arguments.paper)
    async with printing as printer:

        def on_line(line: bytes) -> None:
            try:
                printer.command(line.decode("utf-8", "replace").strip())
            except ValueError as wrong:
                complain(str(wrong))

        say(f"listening on {printer.address}")
        await run_until_told(on_line)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A receipt printer with faults.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--listen", type=host_and_port, metavar="HOST:PORT")
    where.add_argument("--link", type=Path, metavar="PATH", help="a serial line, at this path")
    parser.add_argument("--paper", type=Path, metavar="DIR", help="write receipts there")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
