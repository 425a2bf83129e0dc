"""Running an app as both programs do: bind, say where, serve until SIGTERM, end within 5 s.

aiohttp's own runner is used for the app's life; only the protocol is ours, for two reasons: what
cannot even be parsed as HTTP gets problem details and the stamp of the door like any other answer,
and connections beyond a limit are cut instead of exhausting the process's file descriptors.
"""

import asyncio
import gc
import logging
import signal
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self

from aiohttp import web

from web.door import Door
from web.problems import Problem

log: Final = logging.getLogger(__name__)

GC_OBJECTS: Final = 50_000
"""New container objects between two looks of the collector: a few batches of sales."""

GRACE_S: Final = 1.5
"""aiohttp waits this long for handlers and then as long again for cancelled ones: 3 s of the 5."""

PORT_MAX: Final = 65_535

_no_access_log: Final = logging.getLogger(__name__ + ".access")
_no_access_log.disabled = True  # a line per request costs more than the request


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one process takes on.

    Attributes:
        connections_max: open connections; more are cut at once. The default leaves room for files
            under Debian's soft limit of 1,024 descriptors. Raise both together.
        line_bytes_max: longest request line.
        header_bytes_max: longest header.
        headers_max: most headers.
        keepalive_s: how long an idle connection is kept; tills are idle between baskets.
        linger_s: how long the rest of a refused body is read and thrown away, so that the client
            reads its answer instead of a reset.
        grace_s: see `GRACE_S`.
    """

    connections_max: int = 900
    line_bytes_max: int = 8_190
    header_bytes_max: int = 8_190
    headers_max: int = 64
    keepalive_s: float = 900.0
    linger_s: float = 1.0
    grace_s: float = GRACE_S


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPv6]:PORT` as a pair; port 0 lets the system choose.

    Raises:
        ValueError: with a sentence for whoever wrote the setting.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"listen address {text!r}: an IPv6 address goes into [brackets]")
    if not colon or not host:
        raise ValueError(f"listen address {text!r} is not HOST:PORT")
    if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        raise ValueError(f"listen address {text!r}: the port is a number from 0 to {PORT_MAX}")
    return host, int(port)


class _Connections:
    """How many connections are open; shared by the protocols of one server."""

    def __init__(self, most: int) -> None:
        self.open = 0
        self.most = most
        self.refusing = False


class DoorProtocol(web.RequestHandler):
    """aiohttp's connection, with the door's manners where aiohttp would answer by itself."""

    __slots__ = ("_admitted", "_connections", "_door")

    def __init__(
        self, manager: web.Server, door: Door, connections: _Connections, limits: ServerLimits
    ) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.keepalive_s,
            access_log=_no_access_log,
            max_line_size=limits.line_bytes_max,
            max_field_size=limits.header_bytes_max,
            max_headers=limits.headers_max,
            lingering_time=limits.linger_s,
            auto_decompress=False,  # nobody sends compressed bodies: no need to fear bombs
        )
        self._door = door
        self._connections = connections
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it when there are too many."""
        assert isinstance(transport, asyncio.Transport)
        if self._connections.open >= self._connections.most:
            if not self._connections.refusing:  # once, not for each: a flood must not fill the log
                log.warning(
                    "connections are refused",
                    extra={"action": "connections_refused", "open": self._connections.open},
                )
            self._connections.refusing = True
            transport.abort()
            return
        self._admitted = True
        self._connections.open += 1
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it off."""
        if self._admitted:
            self._admitted = False
            self._connections.open -= 1
            self._connections.refusing = False
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a handler: no HTTP, or headers that are too long."""
        if request.writer.output_size > 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return super().handle_error(request, status, exc, message)
        log.info("request not understood: %s", type(exc).__name__)
        first_line = (message or "it cannot be parsed").strip().partition("\n")[0]
        response = Problem.malformed(f"This is not HTTP: {first_line}").response()
        response.force_close()
        self._door.stamp(response.headers)
        return response


class HttpServer:
    """One app, listening. `start` it, and `stop` it within the same loop."""

    def __init__(
        self,
        runner: web.AppRunner,
        listening: asyncio.Server,
        connections: _Connections,
        url: str,
    ) -> None:
        self._runner = runner
        self._listening = listening
        self._connections = connections
        self.url = url

    @classmethod
    async def start(
        cls,
        app: web.Application,
        door: Door,
        *,
        host: str,
        port: int,
        limits: ServerLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Start the app's resources, then listen; when this returns, connections are answered.

        Raises:
            OSError: the address cannot be had; the app's resources are cleaned up again.
        """
        limits = limits or ServerLimits()
        runner = web.AppRunner(app, shutdown_timeout=limits.grace_s)
        connections = _Connections(limits.connections_max)
        try:
            await runner.setup()
            manager = runner.server
            assert manager is not None
            listening = await asyncio.get_running_loop().create_server(
                lambda: DoorProtocol(manager, door, connections, limits),
                host,
                port,
                ssl=tls,
                backlog=512,  # a shop's registers all come back at once after a power cut
            )
        except BaseException:
            await runner.cleanup()
            raise
        bound_port = listening.sockets[0].getsockname()[1]
        shown_host = f"[{host}]" if ":" in host else host
        scheme = "http" if tls is None else "https"
        return cls(runner, listening, connections, f"{scheme}://{shown_host}:{bound_port}")

    @property
    def port(self) -> int:
        """The port that is listened on, also when it was asked for as 0."""
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many connections are open, idle ones and streams included."""
        return self._connections.open

    async def stop(self) -> None:
        """Take no more, wake the streams, let calls finish in the grace, close the resources."""
        self._listening.close()
        await self._runner.cleanup()


def calm_garbage_collector() -> None:
    """Called once when a program is put together, before it serves.

    Almost nothing here makes reference cycles, but a batch of sales holds some 10,000 objects at
    once: with the usual threshold of 700 the collector would look through them, and at times
    through every module of the program, in the middle of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 100)


def announce_on_stdout(url: str) -> None:
    """The line by which scripts and service managers learn that, and where, we are ready."""
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


async def serve_until_signal(
    app: web.Application,
    door: Door,
    *,
    host: str,
    port: int,
    announce: Callable[[str], None] = announce_on_stdout,
    limits: ServerLimits | None = None,
    tls: ssl.SSLContext | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """The life of a program: start, announce, wait for SIGTERM, SIGINT or `stop`, stop.

    Raises:
        OSError: the address cannot be had.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        server = await HttpServer.start(app, door, host=host, port=port, limits=limits, tls=tls)
        announce(server.url)
        try:
            await stop.wait()
        finally:
            await server.stop()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
