"""The gateways' links: who is connected, who may be asked, and quota asked of several at once."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from cloud_hub.head_office import HeadOffice
from cloud_hub.prices.allowances import whom_to_ask
from cloud_hub.stores.store_link import StoreLink
from replication.adapters.group_commit import GroupCommit
from replication.adapters.websocket import Socket
from replication.ids import WriterId
from replication.session import (
    Ended,
)
from web.replicating import serve_link

log: Final = logging.getLogger(__name__)

BATCH_ITEMS_MAX: Final = 500


RETURNABLES_MS_MAX: Final = 1_200
"""How long a return waits for a store's rights: longer than a sale, for nobody else can give them.
Two stores asked one after the other fit into what a gateway waits for the hub's answer."""


class LinkView(NamedTuple):
    """What the fleet page shows of a link."""

    state: str
    since_ms: int | None
    heard_ms: int | None


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
        if older is not None:
            older.close("replaced", "the same gateway has opened a newer link")
        log.info("store link open", extra={"action": "link_open", "writer": store.writer})

    def _closed(self, store: StoreLink) -> None:
        store.lose()
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
            store.wake()

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
        if store is None:
            return None
        return await store.borrow(wants, within_ms=RETURNABLES_MS_MAX)

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
