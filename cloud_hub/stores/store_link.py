"""One store's link: its journal comes in, the feed goes down, quota goes both ways."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from cloud_hub.head_office import HUB_WRITER
from cloud_hub.lives import tails
from cloud_hub.prices import allowances
from cloud_hub.stores import fold, lending
from cloud_hub.stores.arrival import arrive, let_in
from cloud_hub.stores.told import keep_cursor, next_batch
from replication import wire
from replication.adapters.child_link import ChildLink
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.ids import WriterId, is_allowance, location_of
from replication.quota import BORROW_MS_MAX, Lent
from replication.session import (
    BorrowAsked,
    EntriesArrived,
    Event,
    FeedAcknowledged,
    GrantArrived,
    Greeted,
)

if TYPE_CHECKING:
    from cloud_hub.stores.links import Links


class StoreLink(ChildLink):
    """One store's live link."""

    def __init__(self, links: "Links", writer: WriterId) -> None:
        asker = f"{HUB_WRITER}/{links.office.ledger.boot}/{next(links.numbers)}"
        super().__init__(asker, links.wall_ms)
        self.writer = writer
        self.location = location_of(writer)
        self._links = links
        self._version = wire.GREETING_VERSION
        self._unproven: wire.Hello | None = None
        """What a box said whose journal goes on beyond what is held, until that is heard."""
        self._tail_seq: int | None = None
        """Of a box that was replaced: how far its journal goes. It hands that over, and no more."""
        self._ahead = 0
        """Items that the store does not have yet, as of the last batch."""

    async def _more(self, after: int) -> bool:
        if self._tail_seq is not None:
            return False
        office = self._links.office
        items, self._ahead = await self._links.writer.submit(
            lambda: next_batch(office, self.writer, after, self._version, self._ahead)
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
                    lambda: arrive(office, self.writer, event.hello)
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
                await links.writer.submit(lambda: keep_cursor(office, self.writer, event.cursor))
            case BorrowAsked():
                lent = await self._lend(event)
                is_tail = self._tail_seq is not None
                if not (lent.cells or is_tail) and any(is_allowance(key) for key, _ in event.wants):
                    # Beside the frames: two links may wait for each other's store.
                    self._asides.start(self._recall_and_lend(event))
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
                let_in(office, self.writer, unproven)
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
            self.wake()

    async def borrow(
        self, wants: Sequence[tuple[str, int]], *, within_ms: int = BORROW_MS_MAX
    ) -> bool | None:
        """Ask the store for the whole of `wants`; True when granted and durable here.

        False is the store's refusal, None that it was not heard in time.
        """
        return await self.borrows.ask(self.link, wants, within_ms=within_ms)
