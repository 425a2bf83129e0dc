"""From "something changed" to every open stream of the status page: bounded, latest wins.

Two halves, both for one event loop and neither keeping a history:

    StatusFeed   the gateway says that its status changed; the page's one painter waits for that
    Streams      the painter hands each open stream the newest frames; a slow reader skips some

So the cost of a busy shop is one painting per interval, however many pages are open and however
often the status changes, and a reader that never reads holds at most one set of frames.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

STREAMS_MAX: Final = 16
"""Pages watching at once: every person of a shop with two devices; each costs one connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """One state of the status, painted for both kinds of stream; server-sent events as bytes.

    `pages` are the page by language, for the languages that are being watched.
    """

    status: bytes
    pages: Mapping[str, bytes]


class StatusFeed:
    """The word that the status changed.

    `publish` belongs to the event loop's thread; another thread goes through
    ``loop.call_soon_threadsafe(feed.publish)``. It only sets a flag, so call it as often as wanted.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def publish(self) -> None:
        """Say that the next report will differ from the last."""
        self._changed.set()

    async def changed(self, silence_s: float) -> bool:
        """Wait for a change, at most `silence_s` seconds, and take it; False if none came.

        For one waiter only: a change is taken by whoever hears of it first.
        """
        try:
            async with asyncio.timeout(silence_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Silence(enum.Enum):
    """Why a stream was given no frames."""

    TIMEOUT = "nothing new for as long as was asked"
    END = "nothing will ever come again"


class Stream:
    """One open stream's place in `Streams`; `alive` says whether its reader is still connected.

    `language` is that of the page it wants; None: it wants the status as JSON.
    """

    def __init__(self, alive: Callable[[], bool], language: str | None = None) -> None:
        self.alive: Final = alive
        self.language: Final = language
        self._newest: Frames | None = None
        self._woken = asyncio.Event()
        self._ended = False

    def offer(self, frames: Frames) -> None:
        """Put `frames` in place of whatever has not been taken yet."""
        self._newest = frames
        self._woken.set()

    def end(self) -> None:
        """Tell the stream to say goodbye."""
        self._ended = True
        self._woken.set()

    async def take(self, silence_s: float) -> Frames | Silence:
        """Wait, at most `silence_s` seconds, for the newest frames, and take them."""
        try:
            async with asyncio.timeout(silence_s):
                await self._woken.wait()
        except TimeoutError:
            return Silence.TIMEOUT
        if self._ended:
            return Silence.END
        self._woken.clear()
        newest, self._newest = self._newest, None
        assert newest is not None, "woken for frames or for the end"
        return newest


class Streams:
    """The open streams, at most `streams_max` with a connected reader."""

    def __init__(self, streams_max: int = STREAMS_MAX) -> None:
        self._streams_max = streams_max
        self._open: set[Stream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def languages(self) -> set[str]:
        """The languages that pages are being watched in."""
        return {stream.language for stream in self._open if stream.language is not None}

    def join(self, alive: Callable[[], bool], language: str | None = None) -> Stream | None:
        """Return a new stream's place, or None when all are taken by readers still connected.

        A reader that vanished is noticed at its next heartbeat, so a page that is reloaded quickly
        would fill the places with ghosts; they are looked for here, when a place is wanted.
        The caller gives a place back with `leave`.
        """
        self._open = {stream for stream in self._open if stream.alive()}
        if len(self._open) >= self._streams_max:
            return None
        stream = Stream(alive, language)
        self._open.add(stream)
        return stream

    def leave(self, stream: Stream) -> None:
        """Give a place back; safe to repeat."""
        self._open.discard(stream)

    def offer(self, frames: Frames) -> None:
        """Hand `frames` to every open stream."""
        for stream in self._open:
            stream.offer(frames)

    def end_all(self) -> None:
        """Tell every open stream to end; their pages come back by themselves."""
        for stream in self._open:
            stream.end()
