"""The link to the parent: keeps one up, sends the journal, takes the feed, borrows quota.

A gateway's parent is the hub; a register that sells alone has its gateway above it.

The link is never in a sale's way: a sale that its own quota covers does not ask whether there is
one. Only a short sale waits, at most `BORROW_MS_MAX`, and only while the parent has been heard a
moment ago.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from aiohttp import ClientWebSocketResponse

from gateway.box.machine import round_trip_us
from gateway.link import intake, lending
from gateway.link.cursor import cursor_of
from gateway.link.dial import REFUSALS, Dial
from gateway.lives.behind import presented, stop_behind
from gateway.lives.sealing import is_to_end, seal
from gateway.shop import Shop
from gateway.status.report import LinkState, StopReason
from gateway.version import VERSION
from replication import wire
from replication.adapters.asides import Asides
from replication.adapters.borrowing import Borrows
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import loop_ms
from replication.adapters.sqlite import ReplicaStore
from replication.adapters.websocket import Link, Socket
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.journal import Head
from replication.quota import BORROW_MS_MAX, Lent
from replication.session import (
    BATCH_BYTES_MAX,
    Acknowledged,
    BorrowAsked,
    Ended,
    Event,
    FeedArrived,
    GrantArrived,
    ReachedHub,
    Session,
    Side,
    Welcomed,
)

log: Final = logging.getLogger(__name__)

PAUSE_S_MIN: Final = 0.2
PAUSE_S_MAX: Final = 10.0
"""Pauses double up to this, shortened at random so that stores do not march in step."""

BATCH_ENTRIES_MAX: Final = 500


_NOT_SEALED: Final = frozenset({StopReason.BEHIND_WITNESS, StopReason.COPIED})
"""Of a box whose journal is a branch: it is handed over otherwise (`gateway.lives.branching`)."""

Recall = Callable[[Sequence[tuple[str, int]]], Awaitable[bool]]
"""Gets back what somebody asks for and is not here; False: nobody had any of it."""


class Uplink:
    """See the module's theory. `state`, `since_ms` and `catch_up` are for the status page."""

    parent = "hub"
    """What people call whoever is at the other end."""

    def __init__(
        self,
        hub_url: str,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        dial: Dial,
        dice: random.Random,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        """Dial with `dial`, the parent at `hub_url`; `dice` shorten the pauses."""
        self.hub_url = hub_url
        self._dial = dial
        self._dice = dice
        self.state = LinkState.NEVER
        self.since_ms: int | None = None
        self._last_heard_ms: int | None = None
        self.last_error: str | None = None
        self.refusal: str | None = None
        """Why what is here is not taken, though the parent is heard; None: it is, or nobody is."""
        self.acknowledged = Head(int(reader.meta("acknowledged_seq") or "0"), b"")
        self.catch_up = intake.catch_up(reader)
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._wall_ms = wall_ms
        self._changed = changed
        self._link: Link | None = None
        self._socket: Socket | None = None
        self._borrows = Borrows(f"{shop.ledger.writer}/{shop.ledger.boot}")
        self._asides = Asides()
        self.recall: Recall | None = None
        """Gets what the parent asks for and is not here from whoever is below; set by the app."""
        self._pause_s = PAUSE_S_MIN
        self._stored_acknowledged = self.acknowledged.seq

    # For the rest of the program

    @property
    def heard_wall_ms(self) -> int | None:
        """When the parent was last heard, beats included; None when it never was in this start."""
        return (
            self._last_heard_ms if self._link is None else self._link.heard_wall_ms(self._wall_ms())
        )

    @property
    def round_trip_ms(self) -> float | None:
        """How long the kernel takes there and back, or to a proxy before it; None: no link."""
        trip_us = round_trip_us(self.connection)
        return None if trip_us is None else round(trip_us / 1_000, 1)

    @property
    def connection(self) -> socket.socket | None:
        """The TCP connection below the link, to ask the kernel about; None: no link."""
        if self._link is None or not isinstance(self._socket, ClientWebSocketResponse):
            return None
        below: socket.socket | None = self._socket.get_extra_info("socket")
        return below

    def wake(self) -> None:
        """The journal grew: send it."""
        if self._link is not None:
            self._link.wake()

    async def borrow(
        self, wants: Sequence[tuple[str, int]], *, within_ms: int = BORROW_MS_MAX
    ) -> bool | None:
        """Ask the hub for the whole of `wants`; True when it was granted and is durable here.

        False is the hub's refusal, None that it was not heard in time.
        """
        with self._shop.waiting(sku for sku, _ in wants):
            return await self._borrows.ask(self._link, wants, within_ms=within_ms)

    async def run(self) -> None:
        """Keep a link up until cancelled."""
        while True:
            try:
                ended = await self._once()
            except Exception as broken:
                log.exception("link broke", extra={"action": f"{self.parent}_link_broke"})
                ended = Ended("internal", f"this end failed: {broken!r}")
            if ended.reason == PeerFenced.reason:
                await self._fenced()
            self._down(ended)
            await asyncio.sleep(self._pause_s * self._dice.uniform(0.5, 1.0))
            self._pause_s = min(self._pause_s * 2, PAUSE_S_MAX)

    async def _fenced(self) -> None:
        """The parent says that another box has this one's place."""
        shop = self._shop
        is_told = shop.stopped is StopReason.FENCED and self.acknowledged.seq == shop.head.seq
        if is_told and not is_to_end(self._reader, shop.ledger.writer, shop.stopped):
            self._pause_s = PAUSE_S_MAX  # all is told: to hear that the hub has it is no hurry
        elif shop.stopped not in _NOT_SEALED:
            await self._stop(StopReason.FENCED)  # also where the disk did not take the last entry

    # What differs from one level of the tree to the next

    def show(self, session: Session) -> None:
        """Say what the parent has to see before any entry; here that is nothing."""

    async def reached_hub(self, _head: Head) -> None:
        """Hear how far the hub has the journal, where the parent is not the hub itself."""
        raise PeerViolation("the hub says what it has by acknowledging it")

    # One link

    async def _once(self) -> Ended:
        socket = await self._dial()
        if isinstance(socket, Ended):
            return socket
        self._socket = socket
        session = Session(Side.CHILD, loop_ms())
        session.greet(self._hello())
        self._link = Link(socket, session, handle=self._handle, more=self._more)
        try:
            return await self._link.run()
        finally:
            self._last_heard_ms = self._link.heard_wall_ms(self._wall_ms())
            self._link = self._socket = None
            self._borrows.lose()
            self._asides.end()

    def _hello(self) -> wire.Hello:
        shop = self._shop
        return wire.Hello(
            versions=list(wire.VERSIONS),
            writer=shop.ledger.writer,
            seq=shop.head.seq,
            hash=shop.head.hash,
            cursor=cursor_of(self._reader),
            boot=shop.ledger.boot,
            software=VERSION,
            now_ms=self._wall_ms(),
        )

    async def _more(self, after: int) -> bool:
        if self.state is not LinkState.CONNECTED:  # what it welcomed is looked at first
            return False
        entries, last = self._reader.entries_after(
            self._shop.ledger.writer, after, count_max=BATCH_ENTRIES_MAX, bytes_max=BATCH_BYTES_MAX
        )
        if not entries:
            return False
        assert self._link is not None, "only a link asks for its backlog"
        self._link.session.offer_entries(entries, last)
        return True

    async def _handle(self, event: Event) -> None:
        link = self._link
        assert link is not None, "only a link has events"
        shop, session = self._shop, link.session
        match event:
            case Welcomed():
                await self._welcomed(event)
            case Acknowledged():
                await self._acknowledge(event.head)
            case FeedArrived():
                self.catch_up = await self._writer.submit(
                    lambda: intake.apply(shop, event.items, event.cursor, event.ahead)
                )
                session.feed_done(event.cursor)
            case BorrowAsked():
                lent = await self._lend(event)
                if lent.cells or self.recall is None:
                    session.grant(event.request, lent.cells, lent.sellable)
                else:
                    # Beside the frames: registers answer by links of their own.
                    self._asides.start(self._recall_and_lend(event, lent))
            case GrantArrived():
                if event.cells:
                    lending.check_grant(shop, event.cells)
                    await self._writer.submit(lambda: lending.take_grant(shop, event.cells))
                self._borrows.answer(event.request, granted=bool(event.cells))
            case ReachedHub():
                await self.reached_hub(event.head)
            case _:
                raise PeerViolation(f"{type(event).__name__} is not for a child")

    async def _lend(self, event: BorrowAsked) -> Lent:
        shop = self._shop
        return await self._writer.submit(lambda: lending.lend(shop, event.request, event.wants))

    async def _recall_and_lend(self, event: BorrowAsked, lent: Lent) -> None:
        """Ask registers back for what is lacking here, and answer then.

        Where that breaks, the answer is silence, as on a bad line.
        """
        link = self._link
        with suppress(StorageFailed, PeerViolation):
            if self.recall is not None and await self.recall(event.wants):
                lent = await self._lend(event)
            if link is not None:
                link.session.grant(event.request, lent.cells, lent.sellable)
                link.wake()

    async def _welcomed(self, event: Welcomed) -> None:
        acknowledged, shop = event.acknowledged, self._shop
        if event.peer != shop.identity.parent:
            raise PeerViolation(f"this is {event.peer}, enrolled was {shop.identity.parent}")
        known = self._reader.load_hash(shop.ledger.writer, acknowledged.seq)
        if known != acknowledged.hash:
            if shop.stopped in {None, StopReason.STORAGE_FAILED, StopReason.RESTORING}:
                await self._stop(StopReason.BEHIND_WITNESS)
            raise PeerViolation(f"the {self.parent} has another journal of {shop.ledger.writer}")
        is_hub_word = presented(self._reader) is None and shop.stop_unkept is None
        if shop.stopped is StopReason.BEHIND_WITNESS and is_hub_word:
            await self._stop(None)  # this journal is known there: whatever it was is mended
        self.acknowledged = acknowledged
        self.state, self.since_ms = LinkState.CONNECTED, self._wall_ms()
        self.last_error = None
        if self.refusal is None or acknowledged.seq == shop.head.seq:
            self._taken()
        assert self._link is not None, "only a link is welcomed"
        self.show(self._link.session)
        log.info(
            "%s connected", self.parent,
            extra={"action": f"{self.parent}_connected", "peer": event.peer},
        )  # fmt: skip
        self._changed()

    def _taken(self) -> None:
        """The parent takes what is here: a link that breaks now is dialled again at once.

        One that is refused is welcomed each time, and refused again with its first entries.
        """
        self.refusal = None
        self._pause_s = PAUSE_S_MIN

    async def _acknowledge(self, head: Head) -> None:
        """Remember how far the parent has us; on disk it may lag, it is said on each link."""
        self.acknowledged = head
        if self.refusal is not None:
            self._taken()
        if (
            head.seq - self._stored_acknowledged >= BATCH_ENTRIES_MAX
            or head.seq == self._shop.head.seq
        ):
            self._stored_acknowledged = head.seq
            with suppress(StorageFailed):  # a full disk must not keep the journal here
                await self._writer.submit(
                    lambda: self._shop.store.set_meta("acknowledged_seq", str(head.seq))
                )
        self._changed()

    async def _stop(self, reason: StopReason | None) -> None:
        """Stop selling, also after a restart; where the disk fails, at least until then."""
        shop = self._shop

        def stop() -> None:
            if reason is StopReason.FENCED:
                seal(shop)
            elif reason is StopReason.BEHIND_WITNESS:
                stop_behind(shop, None)
            else:
                shop.stop(reason)

        try:
            await self._writer.submit(stop)
        except StorageFailed:
            shop.stopped = reason
        self._changed()

    def _down(self, ended: Ended) -> None:
        was_refused, self.last_error = self.refusal is not None, ended.detail
        self.refusal = ended.detail if ended.reason in REFUSALS else None
        is_news = was_refused is not (self.refusal is not None)
        if self.state is not LinkState.DOWN:
            self.state, self.since_ms, is_news = LinkState.DOWN, self._wall_ms(), True
        if is_news:
            log.warning(
                "%s link down: %s", self.parent, ended.detail,
                extra={"action": f"{self.parent}_link_down", "reason": ended.reason},
            )  # fmt: skip
            self._changed()
