"""A WAN that can be cut: a TCP relay between a gateway and the hub.

    pass         bytes are relayed
    cut          connections are closed, new ones refused: a router that says so
    black_hole   connections stay open and are accepted, nothing moves and nothing closes: packets
                 vanish somewhere. What was sent meanwhile arrives when the mode ends, as TCP's
                 own retransmissions would make it

As a program: `python -m devices.sim.wan --listen HOST:PORT --to HOST:PORT` prints
`listening on HOST:PORT`, and then takes modes by lines on stdin.
"""

import argparse
import asyncio
import contextlib
import enum
import socket
from collections.abc import AsyncIterator
from typing import Final, Self

from devices.sim.console import complain, host_and_port, run_until_told, say, shown

CHUNK_BYTES: Final = 65_536
"""One read of one direction; at most this much is under way inside the relay."""


class WanMode(enum.Enum):
    """What the line does with bytes."""

    PASS = "pass"  # noqa: S105 - a mode of the line
    CUT = "cut"
    BLACK_HOLE = "black_hole"


class SimWan:
    """The relay. Make it with `SimWan.listening`; change it with `set_mode`."""

    def __init__(self, *, listen: tuple[str, int], to: tuple[str, int]) -> None:
        self._to = to
        self._mode = WanMode.PASS
        self.delay_s = 0.0
        """How long a chunk is on its way, each way; may be set at any time."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._holder = _bound(listen)
        self.host, self.port = self._holder.getsockname()[:2]

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(
        cls, *, to: tuple[str, int], listen: tuple[str, int] = ("127.0.0.1", 0)
    ) -> AsyncIterator[Self]:
        """A relay that passes, until the block ends. Port 0 takes a free one, see `port`.

        The port stays the relay's own also while it refuses connections.
        """
        wan = cls(listen=listen, to=to)
        try:
            await wan._listen()
            yield wan
        finally:
            await wan._close()

    @property
    def mode(self) -> WanMode:
        """What the line does now."""
        return self._mode

    async def set_mode(self, mode: WanMode) -> None:
        """Change what the line does, for connections that there are and that come."""
        self._mode = mode
        if mode is WanMode.PASS:
            self._flowing.set()
        else:
            self._flowing.clear()
        if mode is WanMode.CUT:
            await self._refuse()
        elif self._listener is None:
            await self._listen()

    async def _listen(self) -> None:
        """Listen on a second socket of the same port; the first only keeps the port ours."""
        self._listener = await asyncio.start_server(
            self._accepted, sock=_bound((self.host, self.port))
        )

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._ends:
            writer.transport.abort()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _close(self) -> None:
        await self._refuse()
        self._holder.close()

    async def _accepted(
        self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter
    ) -> None:
        relay = asyncio.current_task()
        assert relay is not None
        self._relays.add(relay)
        self._ends.add(near_writer)
        try:
            await self._relay(near_reader, near_writer)
        except asyncio.CancelledError:
            pass  # cut: the line is gone, and nobody waits for this task
        finally:
            near_writer.transport.abort()
            self._ends.discard(near_writer)
            self._relays.discard(relay)

    async def _relay(
        self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter
    ) -> None:
        await self._flowing.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            return  # the hub is not there: the near end is closed
        self._ends.add(far_writer)
        try:
            await asyncio.gather(
                self._pump(near_reader, far_writer), self._pump(far_reader, near_writer)
            )
        except OSError:
            await self._flowing.wait()  # in a black hole not even a reset gets through
        finally:
            far_writer.transport.abort()
            self._ends.discard(far_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its end, which is passed on as such."""
        while chunk := await reader.read(CHUNK_BYTES):
            await asyncio.sleep(self.delay_s)
            await self._flowing.wait()
            writer.write(chunk)
            await writer.drain()
        await self._flowing.wait()
        writer.write_eof()


def _bound(listen: tuple[str, int]) -> socket.socket:
    """A socket that holds the port without listening; several of ours may share it."""
    family, kind, protocol, _, address = socket.getaddrinfo(*listen, type=socket.SOCK_STREAM)[0]
    holder = socket.socket(family, kind, protocol)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(address)
    except OSError:
        holder.close()
        raise
    return holder


async def _serve(arguments: argparse.Namespace) -> None:
    changes: asyncio.Queue[WanMode] = asyncio.Queue()

    def on_line(line: bytes) -> None:
        try:
            changes.put_nowait(WanMode(line.decode("utf-8", "replace").strip()))
        except ValueError:
            complain("a mode is one of: " + ", ".join(mode.value for mode in WanMode))

    async def follow(wan: SimWan) -> None:
        while True:
            await wan.set_mode(await changes.get())
            say(f"mode {wan.mode.value}")

    async with SimWan.listening(to=arguments.to, listen=arguments.listen) as wan:
        say(f"listening on {shown(wan.host, wan.port)}")
        following = asyncio.create_task(follow(wan))
        await run_until_told(on_line)
        following.cancel()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A TCP relay that can be cut.")
    parser.add_argument("--listen", type=host_and_port, required=True, metavar="HOST:PORT")
    parser.add_argument("--to", type=host_and_port, required=True, metavar="HOST:PORT")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
