"""The registers' links: who is connected, who may be asked, and what is owed to those that are."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import apsw

from gateway.registers import lending
from gateway.registers.identity import RegisterImage
from gateway.registers.listing import Place, RegisterNow, images_since, registers_now
from gateway.registers.recalling import Above, Recalling
from gateway.registers.reclaiming import coming_back, reclaim_some
from gateway.registers.refusals import Refusals
from gateway.registers.register_link import RegisterLink
from gateway.registers.rows import RegisterRows
from gateway.shop import Shop
from gateway.status.report import PARTED
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import loop_ms
from replication.adapters.sqlite import ReplicaStore
from replication.adapters.websocket import Socket
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.ids import WriterId, register_of
from replication.session import Ended

log: Final = logging.getLogger(__name__)

STOCK_S: Final = 0.05
"""Between two steps of stocking a register up, so that sales come in between."""

WATCH_S: Final = 1.0
"""How often is looked who may be asked, and what goods are owed that registers hold."""

RECLAIM_S: Final = 0.05
"""Between two steps of taking back what a sealed register held."""

COPIES_MAX: Final = 100
"""Boxes of which it is remembered when they first said that they are a copy."""


class RegisterLinks:
    """All live links; the newest of a register wins, because an older one is a dead line."""

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        connection: apsw.Connection,
        *,
        above: Above,
        acknowledged: Callable[[], int],
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        """Links of the gateway that `writer` commits for; `connection` reads beside it.

        `above` asks the hub for quota, `acknowledged` is how far it has our journal; `changed`
        hears when a register comes or goes.
        """
        self.shop = shop
        self.writer = writer
        self.connection = connection
        self.acknowledged = acknowledged
        self.wall_ms = wall_ms
        self.numbers = itertools.count(1)
        self.changed = changed
        self._open: dict[WriterId, RegisterLink] = {}
        self._recalling = Recalling(shop, writer, self._open, above=above)
        self.borrow = self._recalling.borrow
        self.recall_for_hub = self._recalling.recall_for_hub
        self._stocking: dict[WriterId, asyncio.Task[None]] = {}
        self._asked_ms: dict[str, int] = {}
        self._fed = 0
        self._refusals = Refusals(shop.location, wall_ms)
        self.refused = self._refusals.now

    async def talk(self, socket: Socket, register: str | None) -> Ended:
        """One link over a socket that is open, to its end."""
        link = RegisterLink(self, register)
        try:
            ended = await link.run(socket)
        finally:
            self._closed(link)
        who = link.says or register or ""
        takes_any = self.shop.stopped not in PARTED  # else its own page says why
        is_news = takes_any and self._refusals.ended(who, ended)
        log.log(
            logging.WARNING if is_news else logging.INFO, "register link ended: %s", ended.detail,
            extra={"action": "register_link_ended", "writer": who, "reason": ended.reason},
        )  # fmt: skip
        if is_news:
            self.changed()
        return ended

    def opened(self, link: RegisterLink) -> None:
        """A register was welcomed: an older link of the same box ends."""
        assert link.writer is not None, "it has greeted"
        older = self._open.get(link.writer)
        self._open[link.writer] = link
        self.shop.registers.reachable.add(link.writer)
        if older is not None:
            older.close("replaced", "the same register has opened a newer link")
        if link.writer not in self._stocking:
            task = asyncio.create_task(self._stock(link.writer))
            self._stocking[link.writer] = task
        self._refusals.taken_in(link.writer)
        log.info("register link open", extra={"action": "register_link", "writer": link.writer})
        self.changed()

    def _closed(self, link: RegisterLink) -> None:
        link.lose()
        if link.writer is not None and self._open.get(link.writer) is link:
            del self._open[link.writer]
            self.shop.registers.reachable.discard(link.writer)
            if (task := self._stocking.pop(link.writer, None)) is not None:
                task.cancel()
            self.changed()

    async def _stock(self, writer: WriterId) -> None:
        """Fill up all that a register holds, a few goods at a time."""
        after: str | None = ""
        with suppress(StorageFailed):  # its next loan fills it up as well
            while after is not None:
                stocked = await self.writer.submit(
                    partial(lending.stock_up_after, self.shop, writer, after)
                )
                after = stocked.after
                await asyncio.sleep(STOCK_S)

    def drop_fenced(self) -> None:
        """Registers may have been replaced or written off: their links end, they are told why."""
        rows = RegisterRows(self.connection)
        for writer, link in self._open.items():
            row = rows.find(writer)
            if row is None or not row.is_living:
                link.close(PeerFenced.reason, f"{writer} is this register no more")

    def drop_all(self) -> None:
        """This gateway sells no more: registers hand what they have to another one."""
        for link in self._open.values():
            link.close(PeerViolation.reason, lending.TAKES_NOTHING)

    async def run(self) -> None:
        """Until cancelled: keep who may be asked up to date, take back what is sealed."""
        await asyncio.gather(self._watch(), self._reclaim())

    async def _reclaim(self) -> None:
        rows, store = RegisterRows(self.connection), ReplicaStore(self.connection)
        while True:
            await asyncio.sleep(RECLAIM_S if coming_back(rows, store) else WATCH_S)
            if coming_back(rows, store):
                with suppress(StorageFailed):  # the next round goes on
                    await self.writer.submit(lambda: reclaim_some(self.shop))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for writer, link in self._open.items():
                link.tell_at_hub()
                self.shop.registers.heard_ms[writer] = link.heard_ms
                if link.reachable():
                    self.shop.registers.reachable.add(writer)
                else:
                    self.shop.registers.reachable.discard(writer)
            with suppress(StorageFailed, PeerViolation):  # the next round asks again
                await self._recalling.recall_owed()

    def after_batch(self) -> None:
        """On the loop, after each commit: who has news in the feed hears of it."""
        if not self._open:
            return
        row = self.connection.execute("SELECT max(position) FROM register_feed").fetchone()
        fed = int(str((row and row[0]) or 0))
        if fed != self._fed:
            self._fed = fed
            for link in self._open.values():
                link.wake()

    def hub_has_more(self) -> None:
        """The hub acknowledged more of our journal: registers hear what that means for theirs."""
        for link in self._open.values():
            link.tell_at_hub()

    def now(self) -> list[RegisterNow]:
        """The boxes that may still have something to tell, at this instant."""
        rows = RegisterRows(self.connection)
        return registers_now(rows, rows.open(), self.acknowledged(), self.heard_ms)

    def page(self, after: Place, count_max: int) -> list[RegisterNow]:
        """The next boxes of all that are or were registers, at this instant."""
        rows = RegisterRows(self.connection)
        shown = rows.page(after.name, after.incarnation, count_max)
        return registers_now(rows, shown, self.acknowledged(), self.heard_ms)

    def images(self, since_ms: int) -> tuple[RegisterImage, ...]:
        """The registers whose disks were found to be old copies since then."""
        return tuple(images_since(self.connection, since_ms))

    def heard_ms(self, writer: str) -> int | None:
        """When a connected register was last heard; None: it is not connected."""
        link = self._open.get(WriterId(writer))
        return None if link is None else link.heard_ms

    def is_heard(self, name: str, box: str) -> bool | None:
        """Whether the register of a name speaks while another box, `box`, says that it was it.

        None: there is a link, and nothing came on it since that box asked first. It may be a dead
        line, of that very box before it fell.
        """
        link = next((one for it, one in self._open.items() if register_of(it) == name), None)
        if link is None:
            self._asked_ms.pop(box, None)
            return False
        if len(self._asked_ms) > COPIES_MAX:
            self._asked_ms.clear()
        asked_ms = self._asked_ms.setdefault(box, loop_ms())
        return link.session.heard_ms > asked_ms or None

    def last_heard_ms(self, writer: str) -> int | None:
        """When a register was last heard, connected or not; None: never."""
        row = RegisterRows(self.connection).find(writer)
        return self.heard_ms(writer) or (None if row is None else row.heard_ms)
