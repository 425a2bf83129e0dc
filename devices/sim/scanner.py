"""A scanner on a pty: types barcodes, can be unplugged.

As a program: `python -m devices.sim.scanner --link PATH` makes PATH a symlink to the pty, prints
`listening on PATH`, and types every line of stdin as one scan.
"""

import argparse
import asyncio
import os
import secrets
import tty
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devices.sim.console import complain, run_until_told, say

TERMINATOR: Final = b"\r"
"""What most scanners ship with."""


class SimScanner:
    """A scanner that is plugged in for as long as the block runs.

    Args:
        link: where the device file appears; a link that is there already is replaced.
        terminator: typed after each code.
    """

    def __init__(self, *, link: Path, terminator: bytes = TERMINATOR) -> None:
        self._link = link
        self._terminator = terminator
        self._master: int | None = None
        self._slave: int | None = None

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

    def plug(self) -> None:
        """Appear, as a new device. A no-op when plugged in."""
        if self._master is not None:
            return
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
        """Type `code` and the terminator.

        Returns:
            Whether it could be typed whole. A scanner does not wait: unplugged, or with a reader
            that does not read, what does not fit is lost.
        """
        return self.type_bytes(code + self._terminator)

    def type_bytes(self, data: bytes) -> bool:
        """Type exactly these bytes: half a scan, garbage. Answers as `scan` does."""
        if self._master is None:
            return False
        try:
            return os.write(self._master, data) == len(data)
        except BlockingIOError:
            return False


async def _serve(arguments: argparse.Namespace) -> None:
    with SimScanner(link=arguments.link) as scanner:

        def on_line(line: bytes) -> None:
            if line and not scanner.scan(line):
                complain("lost: nobody reads the port")

        say(f"listening on {arguments.link}")
        await run_until_told(on_line)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A barcode scanner on a pty.")
    parser.add_argument("--link", type=Path, required=True, metavar="PATH")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
