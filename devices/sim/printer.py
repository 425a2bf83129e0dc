"""A network receipt printer on a TCP port, with faults on command.

Like common Ethernet boards it serves one connection at a time: others are accepted and wait. The
bytes are understood by `devices.sim.mechanism`.

As a program: `python -m devices.sim.printer --listen HOST:PORT [--paper DIR]` prints
`listening on tcp://HOST:PORT`, writes each receipt to DIR as a text file, and takes these faults
by lines on stdin (the same words as `SimPrinter.command`):

    paper out [after N lines]      paper in
    cover open                     cover closed
    silent                         speaking          (it prints, and answers nothing)
    drop [after N bytes]                             (the connection, not the buffer)
    power cycle                                      (buffer and connection are lost)
    no confirmation                confirmation      (GS ( H unknown)
    no counter                     counter           (GS g 2 unknown)
"""

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, Self

from devices.sim.console import complain, host_and_port, run_until_told, say, shown
from devices.sim.mechanism import Mechanism

_AFTER: Final = re.compile(r"(paper out|drop) after (\d{1,9})(?: lines| bytes)?")

_SETTINGS: Final[dict[str, tuple[str, bool]]] = {
    "paper out": ("has_paper", False),
    "paper in": ("has_paper", True),
    "cover open": ("is_cover_open", True),
    "cover closed": ("is_cover_open", False),
    "silent": ("is_silent", True),
    "speaking": ("is_silent", False),
    "no confirmation": ("confirms", False),
    "confirmation": ("confirms", True),
    "no counter": ("counts_cuts", False),
    "counter": ("counts_cuts", True),
}


class SimPrinter:
    """The printer. Make it with `SimPrinter.listening`."""

    def __init__(self, *, paper: Path | None = None) -> None:
        self.mechanism = Mechanism()
        self.host = ""
        self.port = 0
        self._paper = paper
        self._written = 0
        self._turn = asyncio.Lock()
        self._served: asyncio.StreamWriter | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._drop_after_bytes: int | None = None
        self._changed = asyncio.Event()

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
        server = await asyncio.start_server(printer._accepted, host, port)
        printer.host, printer.port = server.sockets[0].getsockname()[:2]
        try:
            yield printer
        finally:
            server.close()
            for connection in printer._connections:
                connection.cancel()
            await asyncio.gather(*printer._connections, return_exceptions=True)

    @property
    def address(self) -> str:
        """As a configuration names it."""
        return f"tcp://{shown(self.host, self.port)}"

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
        if (after := _AFTER.fullmatch(text)) is not None:
            if after[1] == "drop":
                self._drop_after_bytes = int(after[2])
            else:
                self.mechanism.lines_left = int(after[2])
        elif text in _SETTINGS:
            name, value = _SETTINGS[text]
            setattr(self.mechanism, name, value)
        elif text in {"drop", "power cycle"}:
            if text == "power cycle":
                self.mechanism.power_cycle()
            self._drop()
        else:
            raise ValueError(f"no such command: {text!r}")
        self._answer(self.mechanism.work())

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            async with self._turn:
                self._served = writer
                await self._serve(reader)
        except (OSError, asyncio.CancelledError):
            pass  # the connection broke, or the printer ends
        finally:
            self._connections.discard(connection)
            if self._served is writer:
                self._served = None
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(4096):
            if self._drop_after_bytes is not None:
                data, left = data[: self._drop_after_bytes], self._drop_after_bytes - len(data)
                self._drop_after_bytes = left if left > 0 else None
                if left <= 0:
                    self._answer(self.mechanism.receive_bytes(data))
                    self._drop()
                    return
            self._answer(self.mechanism.receive_bytes(data))

    def _drop(self) -> None:
        if self._served is not None:
            self._served.transport.abort()

    def _answer(self, answers: bytes) -> None:
        """Send to whoever is connected now; nobody hears what is said without a listener."""
        if answers and self._served is not None and not self._served.is_closing():
            self._served.write(answers)
        for receipt in self.receipts[self._written :]:
            self._written += 1
            if self._paper is not None:
                _write_receipt(self._paper, receipt)
        self._changed.set()


def _write_receipt(paper: Path, receipt: str) -> None:
    """The next free number; whole or not there at all, for whoever watches the folder."""
    paper.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem.removeprefix("receipt-")) for path in paper.glob("receipt-*.txt")]
    target = paper / f"receipt-{max(numbers, default=0) + 1:06}.txt"
    draft = target.with_suffix(".draft")
    draft.write_text(receipt, encoding="utf-8")
    draft.replace(target)


async def _serve(arguments: argparse.Namespace) -> None:
    host, port = arguments.listen

    async with SimPrinter.listening(host=host, port=port, paper=arguments.paper) as printer:

        def on_line(line: bytes) -> None:
            try:
                printer.command(line.decode("utf-8", "replace").strip())
            except ValueError as wrong:
                complain(str(wrong))

        say(f"listening on {printer.address}")
        await run_until_told(on_line)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A network receipt printer with faults.")
    parser.add_argument("--listen", type=host_and_port, required=True, metavar="HOST:PORT")
    parser.add_argument("--paper", type=Path, metavar="DIR", help="write receipts there as text")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
