"""One register's link: its journal goes up, what it has to hear comes down, quota goes both ways.

What flows down is read beside the writer thread, so that news for one register never waits for
another's sales.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.registers import journals, lending, told
from gateway.registers.rows import LIVING, RegisterRows
from replication import wire
from replication.adapters.child_link import ChildLink
from replication.adapters.machine_clock import loop_ms
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.ids import WriterId, is_writer_id, location_of, register_of
from replication.journal import EMPTY, Head
from replication.quota import Lent
from replication.session import (
    BorrowAsked,
    EntriesArrived,
    Event,
    FeedAcknowledged,
    GrantArrived,
    Greeted,
)

if TYPE_CHECKING:
    from gateway.registers.links import RegisterLinks

AT_HUB_AGAIN_S: Final = 30.0
"""How often a register hears how far the hub has its journal, also where that is no news: nobody
answers to it, so one that is lost on the way would be missed until the next sale."""

LOANS_UNDER_WAY_MAX: Final = 8
"""Of one register, for which others are asked: a till has one customer, and asks twice at most for
him. The next one is answered with what is here."""


class RegisterLink(ChildLink):
    """One register's live link; `register` is the only one that its token speaks for, None: any."""

    def __init__(self, links: "RegisterLinks", register: str | None) -> None:
        ledger = links.shop.ledger
        super().__init__(f"{ledger.writer}/{ledger.boot}/{next(links.numbers)}", links.wall_ms)
        self.writer: WriterId | None = None
        self.says: str | None = None
        """Who it says that it is, believed or not."""
        self._links = links
        self._register = register
        self._continues = self._is_proven = False
        self._state = LIVING
        self._has_reported = True
        self._has_shown = False
        self._last_seq = self._ahead = 0
        self._acknowledged = self._told_at_hub = EMPTY
        self._told_at_hub_ms = 0

    async def _more(self, after: int) -> bool:
        if not self._is_proven or self.writer is None:
            return False
        batch = told.next_batch(self._links.connection, self.writer, after, self._ahead)
        self._ahead = batch.ahead
        if not batch.items:
            return False
        self.session.offer_feed(batch.items, batch.cursor, batch.ahead)
        return True

    async def _handle(self, event: Event) -> None:
        if isinstance(event, Greeted):
            await self._greeted(event)
            return
        links, session, shop = self._links, self.session, self._links.shop
        writer = self.writer
        assert writer is not None, "a session without a greeting has no events"
        match event:
            case EntriesArrived():
                acknowledged = links.acknowledged()
                head = await links.writer.submit(
                    lambda: journals.fold(shop, writer, event.entries, acknowledged=acknowledged)
                )
                self._acknowledged = head
                row = RegisterRows(links.connection).find(writer)
                assert row is not None, "its entries were taken in"
                self._state = row.state
                session.acknowledge(head)
                self.tell_at_hub()  # the hub may have heard of them before this answer
                self._prove()
                await self._told_all(writer)
            case FeedAcknowledged():
                await links.writer.submit(
                    lambda: shop.registers.rows.keep_cursor(
                        writer, event.cursor, shop.ledger.now_ms
                    )
                )
            case BorrowAsked() if not self._is_proven:
                session.grant(event.request, [], [])
            case BorrowAsked():
                lent = await self._lend(writer, event)
                if lent.cells or len(self._asides) >= LOANS_UNDER_WAY_MAX:
                    session.grant(event.request, lent.cells, lent.sellable)
                else:
                    self._asides.start(self._gather(writer, event))
            case GrantArrived():
                if event.cells:
                    await links.writer.submit(lambda: lending.take_grant(shop, writer, event.cells))
                    links.changed()  # it may have shown what this gateway lacks
                self.borrows.answer(event.request, granted=bool(event.cells))
                await self._shown(writer, event.request)
            case _:
                raise PeerViolation(f"{type(event).__name__} is not for a gateway")

    async def _greeted(self, event: Greeted) -> None:
        links, hello, shop = self._links, event.hello, self._links.shop
        self.says = hello.writer
        writer = self._check_greeting(hello)
        arrival = await links.writer.submit(lambda: journals.arrive(shop, writer, hello))
        self.writer, self._state = writer, arrival.state
        self._continues, self._has_reported = arrival.continues, arrival.has_reported
        self._last_seq, self._acknowledged = hello.seq, arrival.head
        self._has_shown = event.version < wire.SHOWN_VERSION
        parent = shop.ledger.writer
        self.session.welcome(event.version, parent, arrival.head, links.wall_ms())
        # Whether more entries continue the journal is seen when they come: a copy of a register's
        # disk gets nothing, and the living one stays linked.
        if arrival.head == Head(hello.seq, hello.hash):
            self._prove()
        if arrival.continues:
            self.tell_at_hub()
            await self._told_all(writer)

    def _prove(self) -> None:
        """Its entries are all here, or continue those that are: it is the register, if that lives.

        From now on it has its feed, and may borrow and be asked.
        """
        if self._state == LIVING and self._continues and not self._is_proven:
            self._is_proven = True
            self._links.opened(self)
            self.wake()

    def _check_greeting(self, hello: wire.Hello) -> WriterId:
        """The register that greets, if it is one of this shop's that the token may speak for.

        Raises:
            PeerViolation: it is not.
        """
        here = self._links.shop.location
        name = register_of(hello.writer) if is_writer_id(hello.writer) else None
        if name is None:
            raise PeerViolation(f"{hello.writer[:100]!r} is no register's writer")
        if location_of(hello.writer) != here:
            raise PeerViolation(
                f"{hello.writer} is a register of {location_of(hello.writer)}, and this is {here}"
            )
        if self._register is not None and self._register != name:
            own = self._register or "no register of its own"
            raise PeerViolation(f"this token speaks for {own}, not for {name}")
        return WriterId(hello.writer)

    async def _shown(self, writer: WriterId, request: str) -> None:
        """Answer what is no loan but grants of earlier boxes; they are durable here."""
        is_all = request == wire.SHOWN
        if is_all and not self._has_shown:
            self._has_shown = True
            if self._continues:
                await self._told_all(writer)
        if is_all or request.startswith(f"{wire.WITNESSED}/"):
            self.session.grant(request, [], [])

    async def _told_all(self, writer: WriterId) -> None:
        """See whether what the register had when it greeted is here; one that is gone may go.

        That is its journal and, ahead of that, what boxes that are gone had granted to it.
        """
        links, head = self._links, self._acknowledged
        if head.seq < self._last_seq or not self._has_shown:
            return
        if not self._has_reported:
            await links.writer.submit(lambda: journals.note_reported(links.shop, writer))
            self._has_reported = True
        if self._state != LIVING:
            self.close(
                PeerFenced.reason,
                f"{writer} is {self._state}: it sells no more, and what it did is here up to "
                f"{head.seq}",
            )

    async def _lend(self, writer: WriterId, event: BorrowAsked) -> Lent:
        links = self._links
        return await links.writer.submit(
            lambda: lending.lend(links.shop, writer, event.request, event.wants)
        )

    async def _gather(self, writer: WriterId, event: BorrowAsked) -> None:
        """What this gateway lacks of a register's need is asked of the others and of the hub.

        Where that breaks, the answer is silence, as on a bad line.
        """
        links = self._links
        with suppress(StorageFailed, PeerViolation):
            lacks = await links.writer.look(lambda: lending.lacking(links.shop, event.wants))
            if lacks:
                await links.borrow(lacks, but=writer)
            lent = await self._lend(writer, event)
            self.session.grant(event.request, lent.cells, lent.sellable)
            self.wake()

    def tell_at_hub(self) -> None:
        """Tell how far the hub has its journal, if that is news or was told long ago."""
        if self.writer is None or self.session.ended is not None:
            return
        rows = RegisterRows(self._links.connection)
        head = rows.at_hub(self.writer, self._links.acknowledged())
        is_news = head.seq > self._told_at_hub.seq
        is_due = head.seq > 0 and loop_ms() - self._told_at_hub_ms >= AT_HUB_AGAIN_S * 1000
        if (is_news or is_due) and head.seq <= self._acknowledged.seq:
            self._told_at_hub, self._told_at_hub_ms = head, loop_ms()
            self.session.at_hub(head)
            self.wake()
