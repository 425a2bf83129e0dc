"""News for people who watch a page of the hub: that something changed, never what.

A verb tells a topic on the writer thread. After the commit each listener has it among its topics,
once however often it was told, and the page reads what it shows through the door. So nothing
personal is in the news, a slow page holds a few words at most, and none misses the latest.
"""

import asyncio
from typing import Final, Literal, get_args

import msgspec

Topic = Literal["orders", "shortages"]
TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)

LISTENERS_MAX: Final = 64
"""Pages that watch at once: every desk of a head office with two windows."""

NEWS_INTERVAL_S: Final = 0.5
"""The least time between two messages to a page: it reads its list anew for each."""


class News:
    """Topics on their way from the writer thread to the loop: how often each was committed.

    Only the writer thread counts and only the loop compares, so neither waits for the other.
    """

    def __init__(self) -> None:
        self._told: set[Topic] = set()
        self._committed: dict[Topic, int] = dict.fromkeys(TOPICS, 0)
        self._taken: dict[Topic, int] = dict.fromkeys(TOPICS, 0)

    def tell(self, topic: Topic) -> None:
        """Something about this will have changed; on the writer thread, before its commit."""
        self._told.add(topic)

    def committed(self) -> None:
        """What was told is durable; on the writer thread."""
        for topic in self._told:
            self._committed[topic] += 1
        self._told.clear()

    def forget(self) -> None:
        """Nothing of it happened; on the writer thread."""
        self._told.clear()

    def take(self) -> frozenset[Topic]:
        """What was committed since the last look; on the loop."""
        now = dict(self._committed)
        topics = frozenset(topic for topic in TOPICS if now[topic] != self._taken[topic])
        self._taken = now
        return topics


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a page hears: the topics that changed since the last message."""

    type: Literal["changed"] = "changed"
    topics: tuple[Topic, ...]


class Listener:
    """One page that watches."""

    def __init__(self) -> None:
        self._topics: set[Topic] = set()
        self._woken = asyncio.Event()
        self._is_first = True

    def hear(self, topics: frozenset[Topic]) -> None:
        """Add news to what was not taken yet."""
        self._topics |= topics
        self._woken.set()

    async def take(self) -> str:
        """Wait for news; at least `NEWS_INTERVAL_S` after the last."""
        if not self._is_first:
            await asyncio.sleep(NEWS_INTERVAL_S)
        self._is_first = False
        await self._woken.wait()
        topics, self._topics = self._topics, set()
        self._woken.clear()
        return msgspec.json.encode(Message(topics=tuple(sorted(topics)))).decode()


class NewsBoard:
    """Who watches. Belongs to the loop; `after_batch` is called there after each commit."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._listeners: set[Listener] = set()

    def join(self) -> Listener | None:
        """A place for a page; None when all are taken."""
        if len(self._listeners) >= LISTENERS_MAX:
            return None
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Give a place back."""
        self._listeners.discard(listener)

    def after_batch(self) -> None:
        """Hand out what was committed."""
        topics = self._news.take()
        if not topics:
            return
        for listener in self._listeners:
            listener.hear(topics)
