"""One conversation between a child replica and its parent, without any I/O.

The child (a gateway, or a register of a gateway) opens, tells who it is and how far it has come;
the parent (the hub, or that gateway) welcomes it or says why not. Then, for as long as the link
holds:

    child  -> parent   entries of its journal, in order; borrows; grants; feed acknowledgements
    parent -> child    acknowledgements; how far the hub has come; the feed, in order; borrows;
                       grants

The caller owns clock, socket and store. Its duties:

    * bytes that arrive go to `receive_bytes`; each event that comes out is *committed to the store*
      before the method that answers it (`acknowledge`, `feed_done`, `grant`) is called (E5);
    * `frames_to_send` goes to the socket after every call; a crash in between repeats a frame and
      never loses one;
    * `on_time` is called at least every `BEAT_MS`.

Grants, acknowledgements and borrows leave by the fast lane, ahead of any backlog of entries or
feed; the backlog itself is let out in windows, so that the socket's buffer never holds seconds of
it.

Nothing of a session is saved. A new link gets a new session; what is saved is never "connected".
"""

import enum
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from replication import wire
from replication.errors import LocalMisuse, PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from replication.journal import Entry, Head

BEAT_MS: Final = 2_000
"""A side with nothing to say says so this often."""

DOUBT_MS: Final = 5_000
"""After this silence (two missed beats) no customer is kept waiting for the peer."""

SILENCE_MS_MAX: Final = 10_000
"""A peer that says nothing for this long is gone: five missed beats."""

UNANSWERED_MS_MAX: Final = 60_000
"""A backlog frame without an answer for this long is lost, or the peer is stuck though it beats:
the next link offers it again. Long enough for a hub that folds a long outage on a slow disk."""

BATCHES_IN_FLIGHT_MAX: Final = 4
"""Backlog frames that may be unacknowledged; enough to hide a long line's round trip."""

BATCH_BYTES_MAX: Final = 256 * 1024
"""A backlog frame is cut here, so that a grant never waits behind more than this."""

OUTBOX_BYTES_MAX: Final = 8 * 1024 * 1024
"""More unsent than this means that the peer has stopped reading: the session ends."""


class Side(enum.Enum):
    """Which end of the edge of the tree this session is."""

    CHILD = "child"
    PARENT = "parent"


class State(enum.Enum):
    """Where the conversation stands."""

    NEW = "new"
    GREETING = "greeting"
    OPEN = "open"
    CLOSED = "closed"


class Trigger(enum.Enum):
    """What can happen to a conversation."""

    GREET = "greet"
    ACCEPT = "accept"
    DATA = "data"
    END = "end"


TRANSITIONS: Final[Mapping[State, Mapping[Trigger, State]]] = {
    State.NEW: {Trigger.GREET: State.GREETING, Trigger.END: State.CLOSED},
    State.GREETING: {Trigger.ACCEPT: State.OPEN, Trigger.END: State.CLOSED},
    State.OPEN: {Trigger.DATA: State.OPEN, Trigger.END: State.CLOSED},
    State.CLOSED: {Trigger.END: State.CLOSED},
}
"""The whole state machine; a missing key is a violation. `docs/protocol.md` draws it from here."""

_TRIGGER_OF: Final[Mapping[Side, Mapping[type[wire.Frame], Trigger]]] = {
    Side.CHILD: {
        wire.Welcome: Trigger.ACCEPT,
        wire.Ack: Trigger.DATA,
        wire.AtHub: Trigger.DATA,
        wire.Feed: Trigger.DATA,
        wire.FeedFrom: Trigger.DATA,
        wire.Borrow: Trigger.DATA,
        wire.Grant: Trigger.DATA,
        wire.Beat: Trigger.DATA,
        wire.Bye: Trigger.END,
    },
    Side.PARENT: {
        wire.Hello: Trigger.GREET,
        wire.Entries: Trigger.DATA,
        wire.FeedAck: Trigger.DATA,
        wire.Borrow: Trigger.DATA,
        wire.Grant: Trigger.DATA,
        wire.Beat: Trigger.DATA,
        wire.Bye: Trigger.END,
    },
}
"""Which frames a side may receive, and what they do to its state."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """Parent: a child says who it is. Answer with `welcome` or `close`."""

    hello: wire.Hello
    version: int


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Child: the parent holds our journal up to `acknowledged`."""

    peer: str
    acknowledged: Head


@dataclass(frozen=True, slots=True)
class EntriesArrived:
    """Parent: verify, fold and commit these, then `acknowledge`."""

    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Child: the parent has our journal durably up to here."""

    head: Head


@dataclass(frozen=True, slots=True)
class ReachedHub:
    """Child: the hub has our journal durably up to here; nobody else needs to keep it for us.

    The caller compares the hash with its own entry: another one is a second journal of our name.
    """

    head: Head


@dataclass(frozen=True, slots=True)
class FeedArrived:
    """Child: commit these items and the cursor, then `feed_done`.

    `ahead` is how many more items are to come, None where version 1 does not say.
    """

    items: list[FeedItem]
    cursor: int
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class FeedAcknowledged:
    """Parent: the child has the feed durably up to here."""

    cursor: int


@dataclass(frozen=True, slots=True)
class BorrowAsked:
    """Either: grant the whole of it or nothing, commit, then `grant`."""

    request: str
    wants: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class GrantArrived:
    """Either: merge the cells durably before selling on them; empty cells are a refusal."""

    request: str
    cells: list[CellChange]
    sellable: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Ended:
    """Either: the session is over; `reason` is a slug, `detail` a sentence."""

    reason: str
    detail: str


Event = (
    Greeted
    | Welcomed
    | EntriesArrived
    | Acknowledged
    | ReachedHub
    | FeedArrived
    | FeedAcknowledged
    | BorrowAsked
    | GrantArrived
    | Ended
)


class Session:
    """One side of one conversation; see the module's theory for the caller's duties."""

    def __init__(self, side: Side, now_ms: int) -> None:
        self.side = side
        self.state = State.NEW
        self.heard_ms = now_ms
        self.ended: Ended | None = None
        """Why the session ended, whoever ended it; None while it goes on."""
        self._spoke_ms = now_ms
        self._fast: deque[bytes] = deque()
        self._bulk: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._in_flight: deque[int] = deque()
        self._oldest: tuple[int, int] | None = None
        """The position of the oldest unanswered backlog frame, and since when it was seen so."""
        self._sent = 0
        self._acknowledged = 0
        self._feed_heard = 0
        self.version = wire.GREETING_VERSION

    # Receiving

    def receive_bytes(self, data: bytes, now_ms: int) -> list[Event]:
        """Take in one frame. Never raises for what the peer sent: a violation ends the session."""
        if self.state is State.CLOSED:
            return []
        try:
            frame = wire.decode_frame(data)
            self._advance(frame)
            self.heard_ms = now_ms
            return self._events(frame)
        except PeerViolation as violation:
            return [self.close("violation", str(violation))]

    def _advance(self, frame: wire.Frame) -> None:
        trigger = _TRIGGER_OF[self.side].get(type(frame))
        after = None if trigger is None else TRANSITIONS[self.state].get(trigger)
        if after is None:
            name = type(frame).__name__.lower()
            raise PeerViolation(f"{name} is not allowed while {self.state.value}")
        self.state = after

    def _events(self, frame: wire.Frame) -> list[Event]:  # noqa: PLR0911, PLR0912 - one per frame
        match frame:
            case wire.Hello():
                return [self._greeted(frame)]
            case wire.Welcome():
                if frame.version not in wire.VERSIONS:
                    raise PeerViolation(f"welcome in unknown version {frame.version}")
                self.version = frame.version
                self._sent = self._acknowledged = frame.seq
                return [Welcomed(frame.writer, Head(frame.seq, frame.hash))]
            case wire.Entries():
                return [EntriesArrived([Entry(body, digest) for body, digest in frame.entries])]
            case wire.Ack():
                self._delivered(frame.seq)
                return [Acknowledged(Head(frame.seq, frame.hash))]
            case wire.AtHub():
                self._reached(frame.seq)
                return [ReachedHub(Head(frame.seq, frame.hash))]
            case wire.Feed() | wire.FeedFrom():
                self._follows(frame)
                ahead = frame.ahead if isinstance(frame, wire.FeedFrom) else None
                return [FeedArrived(frame.items, frame.cursor, ahead)]
            case wire.FeedAck():
                self._delivered(frame.cursor)
                return [FeedAcknowledged(frame.cursor)]
            case wire.Borrow():
                return [BorrowAsked(frame.request, frame.wants)]
            case wire.Grant():
                return [GrantArrived(frame.request, frame.cells, frame.sellable)]
            case wire.Beat():
                return []
            case wire.Bye():
                self.ended = Ended(frame.reason, frame.detail)
                return [self.ended]
            case unreachable:
                assert_never(unreachable)

    def _greeted(self, hello: wire.Hello) -> Event:
        version = wire.choose_version(hello.versions)
        if version is None:
            spoken = ", ".join(map(str, wire.VERSIONS))
            return self.close("version", f"no common protocol version; spoken here: {spoken}")
        self._sent = self._acknowledged = hello.cursor
        return Greeted(hello, version)

    def _delivered(self, position: int) -> None:
        if position > self._sent:
            raise PeerViolation(f"acknowledged {position}, but only {self._sent} was sent")
        if position < self._acknowledged:
            raise PeerViolation(f"acknowledged {position} after {self._acknowledged}")
        self._acknowledged = position
        while self._in_flight and self._in_flight[0] <= position:
            self._in_flight.popleft()

    def _reached(self, position: int) -> None:
        if position > self._acknowledged:
            raise PeerViolation(f"at the hub: {position}, here only {self._acknowledged}")

    def _follows(self, feed: wire.Feed | wire.FeedFrom) -> None:
        """Positions only go forward, and nothing between two frames is missing."""
        heard = self._feed_heard
        if isinstance(feed, wire.FeedFrom) and feed.after != heard:
            raise PeerViolation(f"feed goes on after {feed.after}, heard up to {heard}")
        for item in feed.items:
            if not heard < item.position <= feed.cursor:
                raise PeerViolation(f"feed out of sequence: {item.position} after {heard}")
            heard = item.position
        self._feed_heard = feed.cursor

    # Speaking

    def greet(self, hello: wire.Hello) -> None:
        """Child: open the conversation."""
        self._step(Trigger.GREET)
        self._feed_heard = hello.cursor
        self._say(hello)

    def welcome(self, version: int, writer: str, acknowledged: Head, now_ms: int) -> None:
        """Parent: accept the child; its journal is held up to `acknowledged`."""
        self._step(Trigger.ACCEPT)
        self.version = version
        self._say(wire.Welcome(version, writer, acknowledged.seq, acknowledged.hash, now_ms))

    def backlog_after(self) -> int | None:
        """Where more backlog may begin, or None while the window is full."""
        if self.state is not State.OPEN or len(self._in_flight) >= BATCHES_IN_FLIGHT_MAX:
            return None
        return self._sent

    def offer_entries(self, entries: Sequence[Entry], last_seq: int) -> None:
        """Child: send consecutive entries that start right after `backlog_after()`."""
        self._offer(wire.Entries([(e.body, e.hash) for e in entries]), last_seq)

    def offer_feed(self, items: Sequence[FeedItem], cursor: int, ahead: int = 0) -> None:
        """Parent: send the items after `backlog_after()`, up to `cursor`; `ahead` more follow."""
        if self.version == 1:
            self._offer(wire.Feed(list(items), cursor), cursor)
        else:
            self._offer(wire.FeedFrom(self._sent, list(items), cursor, ahead), cursor)

    def acknowledge(self, head: Head) -> None:
        """Parent: the child's journal is committed here up to `head`."""
        self._say(wire.Ack(head.seq, head.hash))

    def at_hub(self, head: Head) -> None:
        """Parent: the hub has the child's journal up to `head`; older versions cannot be told."""
        if self.version >= wire.AT_HUB_VERSION:
            self._say(wire.AtHub(head.seq, head.hash))

    def feed_done(self, cursor: int) -> None:
        """Child: the feed is committed here up to `cursor`."""
        self._say(wire.FeedAck(cursor))

    def borrow(self, request: str, wants: Sequence[tuple[str, int]]) -> None:
        """Ask the other side for quota; `GrantArrived` with the same request answers."""
        self._say(wire.Borrow(request, list(wants)))

    def grant(
        self, request: str, cells: Sequence[CellChange], sellable: Sequence[tuple[str, int]]
    ) -> None:
        """Answer a borrow, or give unasked; `cells` are committed here already."""
        self._say(wire.Grant(request, list(cells), list(sellable)))

    def on_time(self, now_ms: int) -> list[Event]:
        """Beat when there was nothing to say; end the session when the peer is silent too long."""
        if self.state is State.CLOSED:
            return []
        if now_ms - self.heard_ms >= SILENCE_MS_MAX:
            return [self.close("silence", f"nothing heard for {SILENCE_MS_MAX // 1000} s")]
        if self._unanswered_ms(now_ms) >= UNANSWERED_MS_MAX:
            return [self.close("unanswered", "what was sent is neither acknowledged nor refused")]
        if self.state is State.OPEN and now_ms - self._spoke_ms >= BEAT_MS:
            self._spoke_ms = now_ms
            self._say(wire.Beat(now_ms))
        return []

    def _unanswered_ms(self, now_ms: int) -> int:
        """How long the oldest backlog frame has been seen without an answer."""
        position = self._in_flight[0] if self._in_flight else None
        if position is None or self._oldest is None or self._oldest[0] != position:
            self._oldest = None if position is None else (position, now_ms)
        return 0 if self._oldest is None else now_ms - self._oldest[1]

    def close(self, reason: str, detail: str) -> Ended:
        """End the session from this side; the peer is told why."""
        if self.state is not State.CLOSED:
            self._step(Trigger.END)
            self.ended = Ended(reason, detail)
            self._fast.append(wire.encode_frame(wire.Bye(reason, detail[:500]), self.version))
            self._bulk.clear()
        return Ended(reason, detail)

    def reachable(self, now_ms: int) -> bool:
        """Whether a customer may be kept waiting for the peer's answer."""
        return self.state is State.OPEN and now_ms - self.heard_ms < DOUBT_MS

    def has_frames(self) -> bool:
        """Whether `frames_to_send` has any."""
        return bool(self._fast or self._bulk)

    def frames_to_send(self) -> list[bytes]:
        """All frames that may leave now, the fast lane first. Each is returned once."""
        frames = [*self._fast, *self._bulk]
        self._fast.clear()
        self._bulk.clear()
        self._outbox_bytes = 0
        return frames

    def _offer(self, frame: wire.Frame, position: int) -> None:
        if position <= self._sent:
            raise LocalMisuse(f"backlog goes forward: {position} after {self._sent}")
        self._sent = position
        self._in_flight.append(position)
        self._say(frame, self._bulk)

    def _step(self, trigger: Trigger) -> None:
        after = TRANSITIONS[self.state].get(trigger)
        if after is None:
            raise LocalMisuse(f"{trigger.value} while {self.state.value}")
        self.state = after

    def _say(self, frame: wire.Frame, lane: deque[bytes] | None = None) -> None:
        if self.state is State.CLOSED:
            return
        data = wire.encode_frame(frame, self.version)
        self._outbox_bytes += len(data)
        if self._outbox_bytes > OUTBOX_BYTES_MAX:
            self.close("not-reading", "the peer does not read what it is sent")
            return
        (self._fast if lane is None else lane).append(data)
