"""A session over a WebSocket: the thin shell that owns the socket, the clock and the pauses.

Three loops share one session: one reads frames and has each event handled (committed) in order, one
sends, filling the backlog window by one batch at a time so that the fast lane is never far behind,
one watches the time. When any of them ends, the link has ended. Nothing here decides anything.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from aiohttp import WebSocketError, WSMessage, WSMsgType

from replication.errors import PeerViolation, StorageFailed
from replication.session import BEAT_MS, Ended, Event, Session, State
from replication.wire import FRAME_BYTES_MAX

SEND_S_MAX: Final = 15.0
"""A frame that the peer does not take for this long means that it has stopped reading."""

PART_S_MAX: Final = 1.0
"""How long a goodbye may take, and then the closing."""

MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX + 2
"""aiohttp lets in less than this: one byte more than a frame, so that our check gives a reason."""


class Socket(Protocol):
    """A connected WebSocket, of either end, as aiohttp has it."""

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        """The messages that come, until it is closed or broken."""

    async def send_bytes(self, data: bytes, /) -> None:
        """Send one binary message; waits while the peer does not take it."""

    async def close(self) -> object:
        """Close it; a peer that does not answer is not waited for."""

    def exception(self) -> BaseException | None:
        """What broke it, or None."""


class Link:
    """One WebSocket with its session, from the greeting to the end."""

    def __init__(
        self,
        socket: Socket,
        session: Session,
        *,
        handle: Callable[[Event], Awaitable[None]],
        more: Callable[[int], Awaitable[bool]],
    ) -> None:
        """Own the socket until `run` returns.

        Args:
            socket: connected; its messages are frames.
            session: fresh, of either side.
            handle: commits what an event asks for, then answers it on the session.
            more: offers the backlog after that position to the session; False when there is none.
        """
        self.session = session
        self._socket = socket
        self._handle = handle
        self._more = more
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ended = Ended("gone", "the connection was lost")

    def now_ms(self) -> int:
        """The clock of the loop that this link lives on; any thread may ask."""
        return int(self._loop.time() * 1000)

    def heard_wall_ms(self, wall_ms: int) -> int:
        """When the last frame came, beats included; wall time, for people, who have it now."""
        return wall_ms - (self.now_ms() - self.session.heard_ms)

    def wake(self) -> None:
        """There may be something to send: the session was spoken to, or the backlog grew."""
        self._wake.set()

    async def run(self) -> Ended:
        """Talk until the link ends; returns why. Another link gets a new session."""
        self.wake()
        loops = [
            asyncio.ensure_future(loop) for loop in (self._receive(), self._send(), self._watch())
        ]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for loop in loops:
                loop.cancel()
            results = await asyncio.gather(*loops, return_exceptions=True)
            await self._part()
        for result in results:
            if isinstance(result, StorageFailed):
                self._ended = Ended("storage", str(result))
            elif isinstance(result, Exception) and not isinstance(result, OSError):
                raise result
        return self._ended

    async def _receive(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.ERROR:
                break
            if message.type is not WSMsgType.BINARY:
                self._ended = self.session.close("violation", "only binary messages are frames")
                return
            events = self.session.receive_bytes(message.data, self.now_ms())
            for event in events:
                if isinstance(event, Ended):
                    self._ended = event
                    return
                try:
                    await self._handle(event)
                except PeerViolation as violation:
                    self._ended = self.session.close(violation.reason, str(violation))
                    return
                except StorageFailed as failed:
                    self._ended = self.session.close("storage", str(failed))
                    return
            if events:
                self.wake()
        error = self._socket.exception()
        if isinstance(error, WebSocketError):  # too large a message, or no WebSocket at all
            self._ended = self.session.close("violation", str(error))
        elif error is not None:
            self._ended = Ended("gone", str(error))

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            more = True
            while more:
                await self._send_frames()
                if self.session.ended is not None:  # from outside: replaced, or its outbox was full
                    self._ended = self.session.ended
                    return
                after = self.session.backlog_after()
                try:
                    more = after is not None and await self._more(after)
                except PeerViolation as violation:  # it was replaced while it was linked
                    self._ended = self.session.close(violation.reason, str(violation))
                    return

    async def _send_frames(self) -> None:
        for frame in self.session.frames_to_send():
            try:
                async with asyncio.timeout(SEND_S_MAX):
                    await self._socket.send_bytes(frame)
            except TimeoutError:
                self._ended = self.session.close("not-reading", "the peer does not read")
                raise ConnectionResetError from None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT_MS / 4_000)
            for event in self.session.on_time(self.now_ms()):
                assert isinstance(event, Ended), "time only ends a session"
                self._ended = event
                return
            if self.session.ended is not None:  # given up while a frame is stuck in the socket
                self._ended = self.session.ended
                return
            if self.session.has_frames():  # a beat; a look for backlog is a job for the writer
                self.wake()

    async def _part(self) -> None:
        """Say goodbye if the socket still takes it, and close; never wait for a dead peer."""
        if self.session.state is not State.CLOSED:
            self.session.close("leaving", "this end is going away")
        task = asyncio.current_task()
        for step in (self._say_goodbye, self._socket.close):
            try:
                async with asyncio.timeout(PART_S_MAX):
                    await step()
            except (TimeoutError, OSError, RuntimeError):
                pass  # the link has ended; why is in `_ended`
            except asyncio.CancelledError:
                # Our sender was cancelled while aiohttp waited for room in the socket: from then
                # on every wait of that socket is cancelled, though nobody cancels this task.
                if task is not None and task.cancelling():
                    raise

    async def _say_goodbye(self) -> None:
        for frame in self.session.frames_to_send():
            await self._socket.send_bytes(frame)
