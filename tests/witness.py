"""An ESC/POS printer that this project did not write: `emupos`, in an environment of its own.

`scripts/witness-setup` makes the environment. Where it is missing the tests are skipped, and say
so.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

ROOT: Final = Path(__file__).parents[1]
PROGRAM: Final = ROOT / ".tools/witness/bin/emupos"
ABSENT: Final = "the independent printer is not installed: scripts/witness-setup says why"
READ_BYTES: Final = 4_096

CONFIG: Final = """\
schema: 1
api: {{port: {api}}}
devices:
  - id: front
    type: printer
    profile: epson-tm-t20iii
    connections: [{{tcp: {{port: {printer}}}}}]
    receipts_dir: ./receipts
"""


class Witness:
    """A running emupos: its printer's address, and its control API."""

    def __init__(self, session: aiohttp.ClientSession, api: int, printer: int) -> None:
        self.port = printer
        self.address = f"tcp://127.0.0.1:{printer}"
        self._session = session
        self._url = f"http://127.0.0.1:{api}/api/v1/devices/front"
        self._forgotten = 0

    async def fault(self, name: str, *, active: bool) -> None:
        """Cause or mend: paper-near-end, paper-out, cover-open, offline."""
        method = "PUT" if active else "DELETE"
        async with self._session.request(method, f"{self._url}/faults/{name}") as answer:
            answer.raise_for_status()

    async def state(self) -> Any:  # noqa: ANN401 - JSON
        """Its faults and whether the drawer is open."""
        async with self._session.get(self._url) as answer:
            return (await answer.json())["state"]

    async def close_drawer(self) -> None:
        """Somebody pushes the drawer shut."""
        async with self._session.post(f"{self._url}/drawer/close") as answer:
            answer.raise_for_status()

    async def forget(self) -> None:
        """New paper: what was printed so far is told no more. Faults are mended."""
        self._forgotten += len(await self._ids())
        for name in (await self.state())["faults"]:
            await self.fault(name, active=False)
        await self.close_drawer()

    async def texts(self) -> list[str]:
        """What was printed, as text, oldest first."""
        return [await self._get(f"receipts/{one}/text", "text") for one in await self._ids()]

    async def pictures(self) -> list[bytes]:
        """What was printed, as PNG, oldest first."""
        return [await self._get(f"receipts/{one}/image", "read") for one in await self._ids()]

    async def _ids(self) -> list[str]:
        async with self._session.get(f"{self._url}/receipts") as answer:
            ids = [one["id"] for one in reversed(await answer.json())]
        return ids[self._forgotten :]

    async def _get(self, path: str, how: str) -> Any:  # noqa: ANN401 - text or bytes
        async with self._session.get(f"{self._url}/{path}") as answer:
            answer.raise_for_status()
            return await getattr(answer, how)()


@asynccontextmanager
async def witness_running(folder: Path) -> AsyncIterator[Witness]:
    """A running emupos with one printer, until the block ends."""
    api, printer = _free_ports(2)
    config = folder / "emupos.yaml"
    config.write_text(CONFIG.format(api=api, printer=printer))
    program = await asyncio.create_subprocess_exec(
        str(PROGRAM), "run", "--config", str(config),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert program.stdout is not None
    reading = asyncio.create_task(_drained(program.stdout, started := asyncio.Event()))
    try:
        async with asyncio.timeout(30):
            await started.wait()
        async with aiohttp.ClientSession() as session:
            yield Witness(session, api, printer)
    finally:
        with suppress(ProcessLookupError):
            program.terminate()
        await program.wait()
        await reading


async def _drained(output: asyncio.StreamReader, started: asyncio.Event) -> None:
    """Read what it says to the end; its first line comes when all its ports are open."""
    while await output.readline():
        started.set()
    started.set()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody had a moment ago: emupos takes none by itself."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Relay:
    """A cable to a printer, in which something is done at an exact byte."""

    def __init__(self, target: int) -> None:
        self.address = ""
        self._target = target
        self._left: int | None = None
        self._act: Callable[[], Awaitable[None]] | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def at(self, count: int, act: Callable[[], Awaitable[None]]) -> None:
        """Do something once so many bytes have gone to the printer, before the next one."""
        self._left, self._act = count, act

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Relay"]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, forth = await asyncio.open_connection("127.0.0.1", self._target)
        ends = {writer, forth}
        self._writers |= ends
        back = asyncio.create_task(_pumped(there, writer))
        try:
            while data := await reader.read(READ_BYTES):
                await self._forward(data, forth)
        except OSError:
            pass  # the cable was cut
        finally:
            self._writers -= ends
            forth.close()
            writer.close()
            await back

    async def _forward(self, data: bytes, forth: asyncio.StreamWriter) -> None:
        if self._left is not None and len(data) > self._left:
            first, data = data[: self._left], data[self._left :]
            forth.write(first)
            await forth.drain()
            self._left = None
            assert self._act is not None
            await self._act()
        elif self._left is not None:
            self._left -= len(data)
        if data and not forth.is_closing():
            forth.write(data)
            await forth.drain()


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
