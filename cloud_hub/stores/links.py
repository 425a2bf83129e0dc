"""The gateways' links: one session per store, what each is owed, and quota asked of them.

A link is handled by one task: frames are folded in the order in which they came. What flows down
(the feed) is marked as offered in the database before it leaves, because custody of an order passes
with it (E9).
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp import web

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.lives import tails
from cloud_hub.prices import allowances
from cloud_hub.prices.allowances import hand_out, whom_to_ask
from cloud_hub.stores import fold, lending
from replication import wire
from replication.adapters.borrowing import Borrows
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import loop_ms
from replication.adapters.websocket import Link, Socket
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.feed import FeedItem
from replication.ids import WriterId, is_allowance, location_of
from replication.journal import Head
from replication.quota import Lent
from replication.session import (
    BATCH_BYTES_MAX,
    BorrowAsked,
    Ended,
    EntriesArrived,
    Event,
    FeedAcknowledged,
    GrantArrived,
    Greeted,
    Session,
    Side,
)
from web.replicating import serve_link

log: Final = logging.getLogger(__name__)

BATCH_ITEMS_MAX: Final = 500


class LinkView(NamedTuple):
    """What the fleet page shows of a link."""

    state: str
    since_ms: int | None
    heard_ms: int | None


class StoreLink:
    """One store's live link."""

    def __init__(self, links: "Links", writer: WriterId) -> None:
        self.writer = writer
        self.location = location_of(writer)
        self.since_ms = links.wall_ms()
        self.link: Link | None = None
        # A number per link: a store remembers what it answered to a request, over all links.
        self.borrows = Borrows(f"{HUB_WRITER}/{links.office.ledger.boot}/{next(links.numbers)}")
        self._links = links
        self._asides: set[asyncio.Task[None]] = set()
        self._version = wire.GREETING_VERSION
        self._unproven: wire.Hello | None = None
        """What a box said whose journal goes on beyond what is held, until that is heard."""
        self._tail_seq: int | None = None
        """Of a box that was replaced: how far its journal goes. It hands that over, and no more."""
        self._ahead = 0
        """Items that the store does not have yet, as of the last batch."""

    async def run(self, socket: Socket) -> Ended:
        """Talk until the link ends."""
        session = Session(Side.PARENT, loop_ms())
        self.link = Link(socket, session, handle=self._handle, more=self._more)
        return await self.link.run()

    @property
    def session(self) -> Session:
        """The conversation; there is one for as long as `run` runs."""
        assert self.link is not None, "a link has a session from its start"
        return self.link.session

    @property
    def heard_ms(self) -> int:
        """When the last frame came, beats included; wall time, for people."""
        if self.link is None:
            return self.since_ms
        return self.link.heard_wall_ms(self._links.wall_ms())

    def reachable(self) -> bool:
        """Whether a customer may be kept waiting for this store."""
        return self.link is not None and self.session.reachable(self.link.now_ms())

    async def _more(self, after: int) -> bool:
        if self._tail_seq is not None:
            return False
        office = self._links.office
        items, self._ahead = await self._links.writer.submit(
            lambda: _next_batch(office, self.writer, after, self._version, self._ahead)
        )
        if not items:
            return False
        self.session.offer_feed(items, items[-1].position, self._ahead)
        return True

    async def _handle(self, event: Event) -> None:
        links, office, session = self._links, self._links.office, self.session
        match event:
            case Greeted():
                if event.hello.writer != self.writer:
                    raise PeerViolation(f"this token is of {self.writer}, not {event.hello.writer}")
                arrival = await links.writer.submit(
                    lambda: _arrive(office, self.writer, event.hello)
                )
                self._version = event.version
                session.welcome(event.version, HUB_WRITER, arrival.head, links.wall_ms())
                self._tail_seq = None if arrival.is_living else event.hello.seq
                if self._tail_seq == arrival.head.seq:
                    raise PeerFenced(f"{self.writer} {tails.FENCED_SENTENCE}")
                self._unproven = event.hello if arrival.is_living and not arrival.is_known else None
                # Whether more entries continue the journal is seen when they come: a copy of a box
                # stops itself instead, and the living one stays linked.
                if arrival.is_living and arrival.is_known:
                    links.opened(self)
            case EntriesArrived():
                await self._fold(event)
            case FeedAcknowledged():
                await links.writer.submit(lambda: _keep_cursor(office, self.writer, event.cursor))
            case BorrowAsked():
                lent = await self._lend(event)
                is_tail = self._tail_seq is not None
                if not (lent.cells or is_tail) and any(is_allowance(key) for key, _ in event.wants):
                    # Beside the frames: two links may wait for each other's store.
                    self._asides.add(aside := asyncio.create_task(self._recall_and_lend(event)))
                    aside.add_done_callback(self._asides.discard)
                else:
                    session.grant(event.request, lent.cells, lent.sellable)
            case GrantArrived():
                if event.cells:
                    await links.writer.submit(
                        lambda: allowances.take_grant(office, self.writer, event.cells)
                    )
                self.borrows.answer(event.request, granted=bool(event.cells))
            case _:
                raise PeerViolation(f"{type(event).__name__} is not for the hub")

    async def _fold(self, event: EntriesArrived) -> None:
        """Take a batch in, acknowledge it, and part from a box that has handed over all it had."""
        links, office, unproven = self._links, self._links.office, self._unproven

        def take_in() -> fold.Folded:
            folded = fold.fold(office, self.writer, event.entries)
            if unproven is not None and not folded.is_tail:
                _opened(office, self.writer, unproven)
            return folded

        folded = await links.writer.submit(take_in)
        self._unproven = None
        self.session.acknowledge(folded.head)
        links.told()
        if folded.is_tail and folded.head.seq >= (self._tail_seq or 0):
            raise PeerFenced(f"{self.writer} {tails.FENCED_SENTENCE}")
        if not folded.is_tail:
            links.opened(self)
        if folded.given:
            self.session.grant("handed-back", folded.given, [])

    async def _lend(self, event: BorrowAsked) -> Lent:
        if self._tail_seq is not None:
            return Lent([], [])
        office = self._links.office
        return await self._links.writer.submit(
            lambda: lending.lend(office, self.writer, event.request, event.wants)
        )

    async def _recall_and_lend(self, event: BorrowAsked) -> None:
        """Uses that the hub has none of: ask another store for some, and answer then.

        Where that breaks, the answer is silence, as on a bad line.
        """
        with suppress(StorageFailed, PeerViolation):
            for key, units in event.wants:
                await self._links.recall(key, units, but=self.location)
            lent = await self._lend(event)
            self.session.grant(event.request, lent.cells, lent.sellable)
            if self.link is not None:
                self.link.wake()

    def end_asides(self) -> None:
        """The link has ended: nobody waits for these answers any more."""
        for aside in self._asides:
            aside.cancel()

    async def borrow(self, wants: Sequence[tuple[str, int]]) -> bool | None:
        """Ask the store for the whole of `wants`; True when granted and durable here.

        False is the store's refusal, None that it was not heard in time.
        """
        return await self.borrows.ask(self.link, wants)


class Links:
    """All live links; the newest of a store wins, because an older one is a dead line."""

    def __init__(
        self, office: HeadOffice, writer: GroupCommit, *, wall_ms: Callable[[], int]
    ) -> None:
        """Links of the hub that `writer` commits for; `wall_ms` is for what people are told."""
        self.office = office
        self.writer = writer
        self.wall_ms = wall_ms
        self.numbers = itertools.count(1)
        self.journals_told = asyncio.Event()
        """Set when entries of any store have been folded, and replaced by a new one."""
        self._open: dict[str, StoreLink] = {}
        self._last: dict[str, LinkView] = {}

    async def serve(self, request: web.Request, writer: WriterId) -> web.WebSocketResponse:
        """One gateway's WebSocket, from the upgrade to the end."""
        return await serve_link(request, lambda socket: self.talk(socket, writer))

    async def talk(self, socket: Socket, writer: WriterId) -> Ended:
        """One link over a socket that is open, to its end."""
        store = StoreLink(self, writer)
        try:
            ended = await store.run(socket)
        finally:
            self._closed(store)
        log.info(
            "store link ended: %s", ended.detail,
            extra={"action": "link_ended", "writer": writer, "reason": ended.reason},
        )  # fmt: skip
        return ended

    def opened(self, store: StoreLink) -> None:
        """A store's journal continues what is held; an older link of the same location ends."""
        older = self._open.get(store.location)
        if older is store:
            return
        self._open[store.location] = store
        self.office.reachable.add(store.location)
        if older is not None and older.link is not None:
            older.session.close("replaced", "the same gateway has opened a newer link")
            older.link.wake()
        log.info("store link open", extra={"action": "link_open", "writer": store.writer})

    def _closed(self, store: StoreLink) -> None:
        store.borrows.lose()
        store.end_asides()
        if self._open.get(store.location) is store:
            del self._open[store.location]
            self.office.reachable.discard(store.location)
            self._last[store.location] = LinkView("down", self.wall_ms(), store.heard_ms)

    def watch(self) -> None:
        """Tell the deciding state who may be asked; called every second."""
        for location, store in self._open.items():
            if store.reachable():
                self.office.reachable.add(location)
            else:
                self.office.reachable.discard(location)

    def after_batch(self) -> None:
        """On the loop, after each commit: those who have news in the feed hear of it."""
        audiences: set[str] = set()
        while self.office.audiences:  # the next batch may be adding to it meanwhile
            audiences.add(self.office.audiences.popleft())
        if not audiences:
            return
        told = self._open.values() if "" in audiences else [
            self._open[name] for name in audiences if name in self._open
        ]  # fmt: skip
        for store in told:
            if store.link is not None:
                store.link.wake()

    def told(self) -> None:
        """Entries were folded: whoever waits for news of a journal looks again."""
        self.journals_told.set()
        self.journals_told = asyncio.Event()

    def view(self, location: str) -> LinkView:
        """A location's link, for people."""
        store = self._open.get(location)
        if store is not None:
            return LinkView("connected", store.since_ms, store.heard_ms)
        return self._last.get(location, LinkView("never", None, None))

    def is_connected(self, location: str) -> bool:
        """Whether a location is heard now."""
        store = self._open.get(location)
        return store is not None and store.reachable()

    async def borrow(self, wants: Mapping[str, list[tuple[str, int]]]) -> bool:
        """Ask several stores at once; True when all of them granted."""
        asked = [
            self._open[location].borrow(lines)
            for location, lines in wants.items()
            if location in self._open
        ]
        answers = await asyncio.gather(*asked)
        return len(answers) == len(wants) and all(answers)

    async def borrow_returnables(
        self, location: str, wants: Sequence[tuple[str, int]]
    ) -> bool | None:
        """Ask a store for every right to what may still come back of the sale that `wants` name.

        False: it has none (any more). None: it was not heard in time.
        """
        store = self._open.get(location)
        return None if store is None else await store.borrow(wants)

    async def recall(self, key: str, units: int, *, but: str | None = None) -> bool | None:
        """Ask a store, other than `but`, for rights that it holds of an allowance: `units` lack.

        True when the hub has got some; False when there are none, as far as was heard or as the
        store says; None when those that there are cannot be asked for at this moment.
        """
        whom = await self.writer.look(lambda: whom_to_ask(self.office, key, units, but=but))
        store = None if whom.location is None else self._open.get(whom.location)
        if store is None:
            return None if whom.are_out else False
        return await store.borrow([(key, whom.units)])


class Arrival(NamedTuple):
    """How far a gateway's journal is held, and whether it ends just there by its own word.

    `is_living`: it speaks for its location; else it was replaced, and hands over its last entries.
    """

    head: Head
    is_known: bool
    is_living: bool


def _arrive(office: HeadOffice, writer: WriterId, hello: wire.Hello) -> Arrival:
    """A gateway greets: say how far its journal is held.

    Raises:
        PeerFenced: it was replaced, and has nothing to tell and nothing to hear here.
    """
    head = office.head_of(writer)
    is_known = head == Head(hello.seq, hello.hash)
    if not office.is_living(writer):
        if is_known and tails.is_sealed(office, writer):
            return Arrival(head, is_known=True, is_living=False)  # it may not have heard so
        tails.check_open(office, writer)
        if hello.seq <= head.seq:
            raise PeerFenced(f"{writer} {tails.FENCED_SENTENCE}")
    elif is_known:
        _opened(office, writer, hello)
    return Arrival(head, is_known, office.is_living(writer))


def _opened(office: HeadOffice, writer: WriterId, hello: wire.Hello) -> None:
    """It is the location's gateway that greets, and no copy of it: what it says of itself counts.

    A copy's journal parts from what is held, which is seen when its entries come.
    """
    office.connection.execute(
        "UPDATE location SET software = ?, cursor = ? WHERE id = ?",
        (hello.software, hello.cursor, location_of(writer)),
    )
    hand_out(office, writer)
    fold.heard(office, location_of(writer), office.ledger.now_ms)


def _offer(
    office: HeadOffice, writer: WriterId, after: int, version: int = wire.VERSIONS[0]
) -> list[FeedItem]:
    """The next items for a location, marked as offered before they leave (E9)."""
    office.check_living(writer)
    location = location_of(writer)
    items: list[FeedItem] = []
    size = 0
    for told in office.feed_after(location, after, BATCH_ITEMS_MAX):
        item = office.as_document(told) if version == 1 else told
        size += len(item.data)
        if items and size > BATCH_BYTES_MAX:
            break
        items.append(item)
    if items:
        office.connection.execute(
            "UPDATE location SET offered = max(offered, ?) WHERE id = ?",
            (items[-1].position, location),
        )
    return items


class Batch(NamedTuple):
    """Items to offer, and how many more there are for the location after them."""

    items: list[FeedItem]
    ahead: int


def _next_batch(
    office: HeadOffice, writer: WriterId, after: int, version: int, ahead: int
) -> Batch:
    """The next items for a location, as its version has them.

    `ahead` of the batch before is counted down; they are counted only where it says nothing, for
    counting a whole catalogue takes as long as telling some batches of it.
    """
    items = _offer(office, writer, after, version)
    if not items:
        return Batch(items, 0)
    last, location = items[-1].position, location_of(writer)
    if ahead > len(items):
        ahead -= len(items)
    else:
        ahead = office.feed_count(location, last)
    return Batch(items, ahead)


def _keep_cursor(office: HeadOffice, writer: WriterId, cursor: int) -> None:
    office.check_living(writer)
    location = location_of(writer)
    office.connection.execute("UPDATE location SET cursor = ? WHERE id = ?", (cursor, location))
    fold.heard(office, location, office.ledger.now_ms)
