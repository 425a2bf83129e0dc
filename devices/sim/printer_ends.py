"""The two ways to reach a simulated printer: TCP connections that take turns, and a serial line."""

import asyncio
import os
import secrets
import tty
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from devices.sim.console import shown

READ_BYTES: Final = 4_096
SLOW_BYTES: Final = 32
SLOW_S: Final = 0.001
"""32 bytes per millisecond at most: a serial line of 300,000 baud, or a slow network board."""

XON: Final = b"\x11"
XOFF: Final = b"\x13"


class End(Protocol):
    """The printer's end of a cable."""

    def send(self, data: bytes) -> None:
        """Say something; what cannot be sent is lost."""

    def drop(self) -> None:
        """Break the connection."""

    def forget(self) -> None:
        """Never listen to this connection again, and do not close it."""

    def stop(self) -> None:
        """Take no more bytes."""

    def go_on(self) -> None:
        """Take bytes again."""


class Printer(Protocol):
    """What the ends know of `devices.sim.printer.SimPrinter`."""

    has_room: asyncio.Event
    is_slow: bool

    def serve(self, end: End) -> None:
        """This end is heard now."""

    def left(self, end: End) -> None:
        """This end is gone."""

    def take(self, end: End, data: bytes) -> None:
        """Bytes have arrived."""


class TcpEnds:
    """A listening socket and its connections, of which one is served at a time."""

    def __init__(self, printer: Printer) -> None:
        self.address = ""
        self._printer = printer
        self._server: asyncio.Server | None = None
        self._is_unplugged = False
        self._turn = asyncio.Lock()
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._forgotten: list[_Connection] = []

    async def listen(self, host: str, port: int) -> None:
        """Open the socket; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._accepted, host, port)
        self.address = f"tcp://{shown(*self._server.sockets[0].getsockname()[:2])}"

    def unplug(self) -> None:
        """Whoever is connected is cut off, and whoever connects is, at once.

        The socket stays ours, so that nobody takes its place meanwhile.
        """
        self._is_unplugged = True
        for end in self._connections.values():
            end.drop()

    def plug(self) -> None:
        """Serve again. A no-op while it is plugged in."""
        self._is_unplugged = False

    async def close(self) -> None:
        """The end of everything."""
        assert self._server is not None, "it was opened"
        self._server.close()
        attended = list(self._connections)
        for connection in attended:
            connection.cancel()
        await asyncio.gather(*attended, return_exceptions=True)
        for end in self._forgotten:  # last, since one may have been forgotten just now
            end.drop()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine, whose connection would be nobody's if it were cancelled before it began.
        end = _Connection(reader, writer)
        if self._is_unplugged:
            end.drop()
            return
        attending = asyncio.get_running_loop().create_task(self._attend(end))
        self._connections[attending] = end
        attending.add_done_callback(self._attended)

    async def _attend(self, end: "_Connection") -> None:
        """Serve a connection when its turn has come, until it breaks or the printer ends."""
        async with self._turn:
            self._printer.serve(end)
            try:
                with suppress(OSError):
                    await end.listen(self._printer)
            finally:
                self._printer.left(end)

    def _attended(self, attending: asyncio.Task[None]) -> None:
        end = self._connections.pop(attending)
        if end.is_forgotten:
            self._forgotten.append(end)
        else:
            end.drop()


class _Connection:
    """One accepted connection (`End`)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_forgotten = False
        self._is_dropped = False
        self._reader = reader
        self._writer = writer
        self._reading: asyncio.Task[None] | None = None

    async def listen(self, printer: Printer) -> None:
        """Take bytes until the connection ends or is forgotten."""
        self._reading = asyncio.get_running_loop().create_task(self._read(printer))
        try:
            await self._reading
        except asyncio.CancelledError:
            if not self.is_forgotten:
                raise
        finally:
            self._reading.cancel()

    async def _read(self, printer: Printer) -> None:
        while True:
            await printer.has_room.wait()
            data = await self._reader.read(SLOW_BYTES if printer.is_slow else READ_BYTES)
            await printer.has_room.wait()  # what came while it was full waits in the line
            if not data or self._is_dropped:
                return
            printer.take(self, data)
            if printer.is_slow:
                await asyncio.sleep(SLOW_S)

    def send(self, data: bytes) -> None:
        """See `End`."""
        if not self._writer.is_closing() and not self.is_forgotten:
            self._writer.write(data)

    def drop(self) -> None:
        """See `End`. What has arrived and was not taken yet is lost too."""
        self._is_dropped = True
        self._writer.transport.abort()

    def forget(self) -> None:
        """See `End`."""
        self.is_forgotten = True
        with suppress(RuntimeError):  # it is paused already
            self._writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's
        if self._reading is not None:
            self._reading.cancel()

    def stop(self) -> None:
        """See `End`: `has_room` is waited for."""

    def go_on(self) -> None:
        """See `End`: `has_room` is waited for."""


class PtyEnd:
    """A serial line (`End`): one cable, which is always served."""

    def __init__(self, printer: Printer, link: Path) -> None:
        self._printer = printer
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None

    def plug(self) -> None:
        """Appear, as a new device file. A no-op when plugged in."""
        if self._master is not None:
            return
        # Our own hold on the slave keeps the line up while no driver has it open.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self._link.with_name(f"{self._link.name}.{secrets.token_hex(4)}")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)
        self._printer.serve(self)
        self.go_on()

    def unplug(self) -> None:
        """Vanish: whoever has it open gets an error. A no-op when unplugged."""
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None
        self._printer.left(self)

    def send(self, data: bytes) -> None:
        """See `End`."""
        if self._master is not None:
            with suppress(OSError):  # nobody reads: a line keeps nothing
                os.write(self._master, data)

    def drop(self) -> None:
        """See `End`: the plug was loose for a moment."""
        self.unplug()
        self.plug()

    def forget(self) -> None:
        """See `End`: a serial line cannot tell that the other end was switched off."""

    def stop(self) -> None:
        """See `End`: the printer holds up its hand, and takes what comes all the same."""
        self.send(XOFF)

    def go_on(self) -> None:
        """See `End`."""
        self.send(XON)
        if self._master is not None:
            asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, SLOW_BYTES if self._printer.is_slow else READ_BYTES)
        except OSError:
            return
        self._printer.take(self, data)
