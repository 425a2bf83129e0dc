"""A line between gateway and hub that is cut after so many bytes, again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

READ_BYTES_MAX = 16 * 1024


class ShortLine:
    """Relays TCP to the hub. What comes down is cut off, for good, after `bytes_max` of a link.

    While it is not `open`, nobody gets through; each cut closes it. `down_bytes` is what came down
    on each connection.
    """

    def __init__(self, *, to_port: int, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.open = asyncio.Event()
        self.open.set()
        self.cut = asyncio.Event()
        self.port = 0
        self.down_bytes: list[int] = []
        self._to_port = to_port
        self._links: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def listening(cls, *, to_port: int, bytes_max: int) -> AsyncIterator[Self]:
        """Listen on a free port of this machine."""
        line = cls(to_port=to_port, bytes_max=bytes_max)
        server = await asyncio.start_server(line._accepted, "127.0.0.1")
        line.port = server.sockets[0].getsockname()[1]
        try:
            yield line
        finally:
            server.close()
            for task in line._links:
                task.cancel()
            await asyncio.gather(*line._links, return_exceptions=True)

    def let_through(self) -> None:
        """From now on one more connection gets through, up to its cut."""
        self.cut.clear()
        self.open.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open.is_set():
            writer.transport.abort()
            return
        task = asyncio.create_task(self._relay(reader, writer))
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hub_reader, hub_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        number = len(self.down_bytes)
        self.down_bytes.append(0)
        up = asyncio.create_task(_pump(reader, hub_writer))
        try:
            with suppress(ConnectionError):
                while data := await hub_reader.read(READ_BYTES_MAX):
                    self.down_bytes[number] += len(data)
                    if self.down_bytes[number] > self.bytes_max:
                        self.open.clear()
                        self.cut.set()
                        break
                    writer.write(data)
                    await writer.drain()
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            hub_writer.transport.abort()
            await _end(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(READ_BYTES_MAX):
            writer.write(data)
            await writer.drain()


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What was let through arrives: nothing that is sent meanwhile is answered with a reset."""
    with suppress(ConnectionError):
        writer.write_eof()
        while await reader.read(READ_BYTES_MAX):
            pass
    writer.close()
