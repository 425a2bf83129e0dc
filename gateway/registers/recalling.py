"""What is short here is asked back of connected registers, and what they lack of the hub.

Asked for a customer who waits; for a checkout of the website; and, with nobody waiting, for goods
that went beyond any right while registers hold rights to them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from gateway.registers import lending
from gateway.shop import Shop
from replication.adapters.borrowing import Borrows
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import loop_ms
from replication.adapters.websocket import Link
from replication.ids import WriterId
from replication.quota import BORROW_MS_MAX, RECALL_MS_MAX

OWED_AT_ONCE_MAX: Final = 200
"""SKUs in deficit that registers are asked about at once; the others are in the next round."""


class Above(Protocol):
    """Asks the hub for the whole of some wants (`gateway.link.uplink`)."""

    async def __call__(self, wants: Sequence[tuple[str, int]], *, within_ms: int) -> bool | None:
        """True when they are here, durably; False: refused; None: not heard in time."""


class Asked(Protocol):
    """A register's live link."""

    link: Link | None
    borrows: Borrows


class Recalling:
    """See the module's theory. `links` are the registers that can be asked, as it changes."""

    def __init__(
        self, shop: Shop, writer: GroupCommit, links: Mapping[WriterId, Asked], *, above: Above
    ) -> None:
        """Decide on `shop` through `writer`; `above` asks the hub."""
        self._shop = shop
        self._writer = writer
        self._links = links
        self._above = above

    async def borrow(
        self, wants: Sequence[tuple[str, int]], *, but: WriterId | None = None
    ) -> bool | None:
        """Get the whole of `wants` from the registers near by, the rest of it from the hub.

        True when it is here and durable, False when the hub refused, None when nobody answered in
        time. `but` is the register whose need it is: it is not asked itself.
        """
        began_ms = loop_ms()
        with self._shop.waiting(sku for sku, _ in wants):
            rest = await self._recall(wants, but) if self._links else wants
            if not rest:
                return True
            within_ms = BORROW_MS_MAX - (loop_ms() - began_ms)
            return await self._above(rest, within_ms=within_ms) if within_ms > 0 else None

    async def recall_for_hub(self, wants: Sequence[tuple[str, int]]) -> bool:
        """Ask connected registers back for what a checkout wants, where they have what lacks.

        False: none was asked.
        """
        if not self._links:
            return False
        lacks = await self._writer.look(lambda: lending.lacking_online(self._shop, wants))
        if lacks:
            await self._recall(lacks, None)
        return bool(lacks)

    async def recall_owed(self) -> None:
        """Ask connected registers back for deficits; what they give covers as it comes."""
        if not (self._links and self._shop.registers.owed):
            return
        owed = await self._writer.look(lambda: lending.owed(self._shop, OWED_AT_ONCE_MAX))
        if owed:
            await self._recall(owed, None)

    async def _recall(
        self, wants: Sequence[tuple[str, int]], but: WriterId | None
    ) -> Sequence[tuple[str, int]]:
        """Ask connected registers back; what is still wanted then."""
        recalled = await self._writer.look(lambda: lending.whom_to_ask(self._shop, wants, but=but))
        asked = [
            link.borrows.ask(link.link, lines, within_ms=RECALL_MS_MAX)
            for writer, lines in recalled.asked.items()
            if (link := self._links.get(writer)) is not None
        ]
        if not asked:
            return wants
        await asyncio.gather(*asked)
        return await self._writer.look(lambda: lending.still_wanted(self._shop, recalled.targets))
