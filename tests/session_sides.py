"""The disks of two replicas in memory, and what their programs do about a session's events."""

from dataclasses import dataclass, field

from replication import wire
from replication.escrow import CellChange
from replication.feed import FeedItem
from replication.journal import EMPTY, Entry, Head, append, verify
from replication.session import (
    Acknowledged,
    BorrowAsked,
    EntriesArrived,
    Event,
    FeedAcknowledged,
    FeedArrived,
    GrantArrived,
    Greeted,
    ReachedHub,
    Session,
    Welcomed,
)
from tests.replication_samples import HUB, STORE, body_of


@dataclass(slots=True)
class Child:
    """A gateway's or a register's disk: its journal, and what it has of the feed."""

    journal: list[Entry] = field(default_factory=list)
    head: Head = EMPTY
    acknowledged: Head = EMPTY
    at_hub: Head = EMPTY
    items: list[FeedItem] = field(default_factory=list)
    cursor: int = 0
    granted: set[str] = field(default_factory=set)

    def write(self, count: int) -> None:
        """Append entries."""
        for _ in range(count):
            entry, self.head = append(self.head, body_of(self.head.seq + 1))
            self.journal.append(entry)

    def head_at(self, seq: int) -> Head:
        """How the journal ended when it had so many entries."""
        return Head(seq, self.journal[seq - 1].hash) if seq else EMPTY

    def hello(self) -> wire.Hello:
        """The greeting that opens a link."""
        return wire.Hello(
            versions=list(wire.VERSIONS),
            writer=STORE,
            seq=self.head.seq,
            hash=self.head.hash,
            cursor=self.cursor,
            boot="3f9a",
            software="0",
            now_ms=0,
        )

    def offer(self, session: Session, after: int, batch: int) -> bool:
        """Offer the next entries; False when there are none."""
        entries = self.journal[after : after + batch]
        if entries:
            session.offer_entries(entries, after + len(entries))
        return bool(entries)

    def handle(self, event: Event, session: Session) -> None:
        """Commit what an event asks for, then answer it."""
        match event:
            case Welcomed() | Acknowledged():
                head = event.acknowledged if isinstance(event, Welcomed) else event.head
                assert head.seq <= self.head.seq
                assert head == self.head_at(head.seq)
                assert head.seq >= self.acknowledged.seq, "what is acknowledged stays so"
                self.acknowledged = head
            case ReachedHub():
                assert event.head.seq <= self.acknowledged.seq
                assert event.head == self.head_at(event.head.seq)
                self.at_hub = max(self.at_hub, event.head)
            case FeedArrived():
                assert event.cursor > self.cursor, "the cursor only goes forward"
                self.items += event.items
                self.cursor = event.cursor
                session.feed_done(event.cursor)
            case GrantArrived():
                self.granted.add(event.request)
            case other:
                raise AssertionError(f"{other} is not for a child")


@dataclass(slots=True)
class Parent:
    """The disk of a hub or a gateway: the journal that it holds, the feed that it owes.

    `at_hub` is how much of that journal has gone on to the hub.
    """

    entries: list[Entry] = field(default_factory=list)
    head: Head = EMPTY
    at_hub: Head = EMPTY
    feed: list[FeedItem] = field(default_factory=list)
    cursor: int = 0
    lent: set[str] = field(default_factory=set)

    def pass_on(self, count: int) -> None:
        """The hub has more of the journal."""
        seq = min(self.at_hub.seq + count, self.head.seq)
        self.at_hub = Head(seq, self.entries[seq - 1].hash) if seq else EMPTY

    def publish(self, count: int, skipped: int = 0) -> None:
        """Append items; `skipped` positions before each are those of items replaced since."""
        for _ in range(count):
            position = (self.feed[-1].position if self.feed else 0) + 1 + skipped
            self.feed.append(FeedItem(position, "product", f"sku-{position}", b"\x01"))

    def offer(self, session: Session, after: int, batch: int) -> bool:
        """Offer the next items; False when there are none."""
        items = [item for item in self.feed if item.position > after][:batch]
        if items:
            session.offer_feed(items, items[-1].position)
        return bool(items)

    def handle(self, event: Event, session: Session) -> None:
        """Commit what an event asks for, then answer it."""
        match event:
            case Greeted():
                self.cursor = max(self.cursor, event.hello.cursor)
                session.welcome(event.version, HUB, self.head, 0)
                if self.at_hub != EMPTY:
                    session.at_hub(self.at_hub)
            case EntriesArrived():
                _, self.head = verify(self.head, STORE, event.entries)
                self.entries += event.entries
                session.acknowledge(self.head)
            case FeedAcknowledged():
                assert event.cursor >= self.cursor
                self.cursor = event.cursor
            case BorrowAsked():
                self.lent.add(event.request)
                cell = CellChange("riverside", "tea", "granted", HUB, STORE, len(self.lent))
                session.grant(event.request, [cell], [])
            case other:
                raise AssertionError(f"{other} is not for a parent")
