"""Ports: the byte pipes to devices, and the one way in which they fail.

A driver sees a `Port` and nothing below it. Everything that goes wrong with a pipe arrives as
`DeviceGone`, with a `GoneReason` that a technician can act on; a port that has raised it is spent:
close it and open another.

    DeviceGone      reopen with backoff (scanner), or report the job's outcome (printer)

Reading is safe to cancel: a cancelled `read` has taken no bytes.
"""

import asyncio
import contextlib
import enum
import errno
import os
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from urllib.parse import urlsplit

import serial
from serial.tools import list_ports

from devices.usb import USB_SCHEME, ListedPort, UsbAddress, matching

READ_BYTES_MAX: Final = 4096
"""One read takes at most this much: several scans, or many times a printer's longest answer."""

CONNECT_S_MAX: Final = 3.0
"""A printer on the shop's own network accepts in milliseconds; 3 s covers one lost SYN."""

SCANNER_BAUD: Final = 9600
"""What RS-232 scanners ship with. USB-CDC scanners ignore it."""


class GoneReason(enum.Enum):
    """Why a device cannot be reached, as far as the operating system says."""

    NOT_FOUND = "not found"
    DENIED = "permission denied"
    BUSY = "in use by another program"
    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    UNUSABLE = "not a device of this kind"
    AMBIGUOUS = "several devices fit"
    LOST = "connection lost"


class DeviceGone(Exception):
    """The pipe cannot be opened, or broke. Nothing is known of bytes written before.

    Attributes:
        reason: what a person can act on.
        detail: what the operating system said, for the log.
    """

    def __init__(self, reason: GoneReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class Port(Protocol):
    """An open byte pipe to one device. One reader and one writer at a time."""

    async def read(self) -> bytes:
        """Wait for bytes and return at least one of them.

        Raises:
            DeviceGone: the other end is gone.
        """

    async def write(self, data: bytes) -> None:
        """Hand over `data`. Returning proves nothing about the device.

        Raises:
            DeviceGone: the pipe is broken; any part of `data` may have arrived.
        """

    async def close(self) -> None:
        """Give the pipe back. Safe to repeat; never raises."""


class SerialPort:
    """A serial line: RS-232, USB-CDC, or a pty. POSIX only, read through the loop's reader.

    pyserial opens and configures the line (raw, exclusive) and is not used to read: its `read`
    goes through `select`, which refuses file descriptors above 1023.
    """

    def __init__(self, line: serial.Serial) -> None:
        self._line = line
        self._waiting: set[asyncio.Future[None]] = set()

    @classmethod
    async def open(
        cls, path: str, *, baud: int = SCANNER_BAUD, has_flow_control: bool = False
    ) -> "SerialPort":
        """Open the device file `path`, in a thread: a USB line may take a while to configure.

        What the device had typed before anyone listened is thrown away.

        Raises:
            DeviceGone: there is no such file, it is no serial line, or someone else has it.
        """

        def open_line() -> serial.Serial:
            return serial.Serial(
                path, baudrate=baud, timeout=0, exclusive=True, xonxoff=has_flow_control
            )

        opening = asyncio.ensure_future(asyncio.to_thread(open_line))
        try:
            return cls(await asyncio.shield(opening))
        except asyncio.CancelledError:
            # The thread cannot be stopped: whatever line it opens yet is closed at once.
            opening.add_done_callback(_close_unwanted)
            raise
        except OSError as failed:
            raise DeviceGone(_serial_reason(failed), _said(failed, "no serial line")) from failed

    async def read(self) -> bytes:
        """See `Port`."""
        loop = asyncio.get_running_loop()
        # Wait first: pyserial sets VMIN to 0, so that a read with nothing there returns nothing,
        # which after the loop's word can only mean that the device is gone.
        await self._ready(loop.add_reader, loop.remove_reader)
        try:
            data = os.read(self._descriptor(), READ_BYTES_MAX)
        except OSError as failed:
            raise DeviceGone(GoneReason.LOST, _said(failed)) from failed
        if not data:
            raise DeviceGone(GoneReason.LOST, "end of file")
        return data

    async def write(self, data: bytes) -> None:
        """See `Port`."""
        loop = asyncio.get_running_loop()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor(), rest) :]
            except BlockingIOError:
                await self._ready(loop.add_writer, loop.remove_writer)
            except OSError as failed:
                raise DeviceGone(GoneReason.LOST, _said(failed)) from failed

    async def close(self) -> None:
        """See `Port`. A read or write that waits meanwhile ends with `DeviceGone`."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(DeviceGone(GoneReason.LOST, "closed here"))
        if self._line.is_open:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._line.fileno())
            loop.remove_writer(self._line.fileno())
            with contextlib.suppress(OSError):  # an unplugged line may refuse its last ioctl
                self._line.close()

    def _descriptor(self) -> int:
        if not self._line.is_open:
            raise DeviceGone(GoneReason.LOST, "closed here")
        descriptor: int = self._line.fileno()
        return descriptor

    async def _ready(
        self,
        watch: Callable[[int, Callable[[], None]], None],
        unwatch: Callable[[int], bool],
    ) -> None:
        """Wait until the loop says that the line can be read (or written)."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        descriptor = self._descriptor()
        self._waiting.add(ready)
        watch(descriptor, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if self._line.is_open:  # else close() has unwatched, and the number may be reused
                unwatch(descriptor)


class TcpPort:
    """A raw TCP connection, as network printers take it on port 9100. IPv4 and IPv6."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> "TcpPort":
        """Connect, for at most `CONNECT_S_MAX`.

        Raises:
            DeviceGone: nobody is there, or nobody listens.
        """
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                return cls(*await asyncio.open_connection(host, port))
        except ConnectionRefusedError as failed:
            raise DeviceGone(GoneReason.REFUSED, f"{host}, port {port}") from failed
        except TimeoutError as failed:
            detail = f"no answer within {CONNECT_S_MAX:g} s"
            raise DeviceGone(GoneReason.UNREACHABLE, detail) from failed
        except UnicodeError as failed:
            raise DeviceGone(GoneReason.UNREACHABLE, f"{host} is no name") from failed
        except OSError as failed:
            detail = _said(failed, "none of its addresses answers")
            raise DeviceGone(GoneReason.UNREACHABLE, detail) from failed

    async def read(self) -> bytes:
        """See `Port`."""
        try:
            data = await self._reader.read(READ_BYTES_MAX)
        except OSError as failed:
            raise DeviceGone(GoneReason.LOST, _said(failed)) from failed
        if not data:
            raise DeviceGone(GoneReason.LOST, "closed by the device")
        return data

    async def write(self, data: bytes) -> None:
        """See `Port`. Waits while the device takes nothing: set a deadline around it."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as failed:
            raise DeviceGone(GoneReason.LOST, _said(failed)) from failed

    async def close(self) -> None:
        """See `Port`. What the device has not taken yet is abandoned, not waited for."""
        if self._writer.transport.get_write_buffer_size() > 0:
            self._writer.transport.abort()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def plugged_in() -> list[ListedPort]:
    """The serial devices of this moment. Reads files of the system: call it in a thread."""
    return list(list_ports.comports())


async def open_port(
    address: str,
    *,
    baud: int = SCANNER_BAUD,
    has_flow_control: bool = False,
    listed: Callable[[], Iterable[ListedPort]] = plugged_in,
) -> Port:
    """Open what a configuration names: `tcp://HOST:PORT`, a device file, or a `usb:` address.

    Args:
        address: see `check_address`.
        baud: of an RS-232 line; a USB device ignores it.
        has_flow_control: whether a serial device stops us with XOFF, as printers do whose buffer is
            full, and lets us go on with XON.
        listed: the serial devices that are plugged in, for `usb:` (`devices.usb`).

    Raises:
        DeviceGone: it cannot be opened.
        ValueError: `address` is none of them.
    """
    check_address(address)
    if address.startswith(USB_SCHEME):
        address = _only_one(
            address, matching(UsbAddress.parse(address), await asyncio.to_thread(listed))
        )
    if address.startswith("/"):
        return await SerialPort.open(address, baud=baud, has_flow_control=has_flow_control)
    parts = urlsplit(address)
    return await TcpPort.open(parts.hostname or "", parts.port or 0)


def check_address(address: str) -> None:
    """Refuse, when a configuration is read, what `open_port` could never open.

    Raises:
        ValueError: with a sentence for whoever wrote it.
    """
    if address.startswith("/"):
        return
    if address.startswith(USB_SCHEME):
        UsbAddress.parse(address)
        return
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port)
    except ValueError:  # a port above 65535, an unclosed bracket
        usable = False
    if not usable or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError(
            f"{address!r} is neither tcp://HOST:PORT nor the path of a device file, nor usb:..."
        )


def _only_one(address: str, paths: list[str]) -> str:
    """The one device file that fits; which of several is meant is never guessed."""
    if not paths:
        raise DeviceGone(GoneReason.NOT_FOUND, f"nothing that is plugged in is {address}")
    if len(paths) > 1:
        fitting = " and ".join(paths)
        raise DeviceGone(
            GoneReason.AMBIGUOUS, f"{fitting} are {address}: add the serial number of the one meant"
        )
    return paths[0]


def _said(failed: OSError, unsaid: str = "") -> str:
    """What the system said, for a person: without numbers and what libraries put around it.

    `unsaid` is told where a library put an error of its own in the system's place.
    """
    if failed.errno is None:
        return unsaid or str(failed)
    return os.strerror(failed.errno) if failed.errno > 0 else str(failed.strerror)


def _serial_reason(failed: OSError) -> GoneReason:
    match failed.errno:
        case errno.ENOENT | errno.ENXIO | errno.ENODEV | errno.ENOTDIR | errno.EIO:
            return GoneReason.NOT_FOUND
        case errno.EACCES | errno.EPERM:
            return GoneReason.DENIED
        case errno.EAGAIN | errno.EBUSY:
            return GoneReason.BUSY
        case _:
            return GoneReason.UNUSABLE


def _close_unwanted(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
