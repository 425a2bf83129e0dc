"""The parts of a running gateway that its endpoints stand on; put together by `gateway.app`."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from devices.paper import Document, Language
from gateway.box.diagnostics import Diagnostics
from gateway.box.status_source import StatusSource
from gateway.counter.live import LiveBoard
from gateway.counter.scanners import ScannerWorker
from gateway.link.elsewhere import AskElsewhere, Holding, nobody_elsewhere
from gateway.link.hub_line import NO_HUB, HubLine
from gateway.link.uplink import Uplink
from gateway.printing.printer_worker import PrinterWorker
from gateway.printing.receipts import Receipts
from gateway.reads import ScanReader, ShopReads
from gateway.registers.links import RegisterLinks
from gateway.returning.claiming import Claiming
from gateway.selling.basket_holds import BasketHolds
from gateway.selling.sales import Short
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.clock import rfc3339
from replication.ids import is_register
from retail.products.catalogue import Product
from web.endpoint import Answer, Call
from web.listing import Listing
from web.paging import Page, Paged
from web.problems import Problem, Slug

COMMAND_REFUSALS: Final = (Slug.UNAVAILABLE, Slug.STORAGE)
"""What any request that changes something may be refused with."""


def nobody_remembers() -> None:
    """No token is remembered: each is looked up whenever it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`reads` belongs to the event loop, `lists` to the thread that it borrows.

    `seen` has when each register was last heard, in wall time; the endpoints write it.
    `forget_tokens` is called after tokens were ended.
    """

    shop: Shop
    writer: GroupCommit
    uplink: Uplink
    registers: RegisterLinks
    baskets: BasketHolds
    reads: ShopReads
    scans: ScanReader
    lists: Listing[ShopReads]
    live: LiveBoard
    status: StatusSource
    seen: MutableMapping[str, int]
    wall_ms: Callable[[], int]
    printers: Sequence[PrinterWorker] = ()
    scanners: Sequence[ScannerWorker] = ()
    diagnostics: Diagnostics | None = None
    ticket: Callable[[Language], Document] | None = None
    receipts: Receipts
    hub: HubLine = NO_HUB
    ask_elsewhere: AskElsewhere = nobody_elsewhere
    forget_tokens: Callable[[], None] = nobody_remembers

    @property
    def claiming(self) -> Claiming:
        """Decides on goods of sales that other shops know more of."""
        return Claiming(self.shop, self.writer, self.hub)

    def speaks_for(self, call: Call[Any], register: str) -> None:
        """Check that this token may act as the register, which is thereby heard.

        Raises:
            Problem: it is another register's token.
        """
        own = call.principal.register
        if own is not None and own != register:
            raise Problem(Slug.FORBIDDEN, f"This token speaks for {own}, not for {register}.")
        self.seen[register] = self.wall_ms()

    async def products_page(
        self,
        text: str,
        query: Page,
        view: Callable[[Shop, Product], object],
        *,
        archived: bool = True,
    ) -> Answer:
        """A page of products, as `view` shows them on the writer thread."""
        page, next_cursor = await self.lists.read(
            lambda reads: reads.products_page(text, query, archived=archived)
        )
        items = await self.writer.look(lambda: [view(self.shop, one) for one in page])
        return Answer(200, Paged(items=items, next_cursor=next_cursor))

    def _heard(self, holder: str) -> str | None:
        """When somebody who sells this location's goods was last heard: a register, or the hub."""
        if is_register(holder):
            heard_ms = self.registers.last_heard_ms(holder)
        else:
            heard_ms = self.uplink.heard_wall_ms
        return None if heard_ms is None else rfc3339(heard_ms)

    async def quota_short(self, short: Short) -> Problem:
        """The refusal with who holds the rest here, and what other locations have, as heard."""
        lack = short.worst()
        own = self.shop.identity.writer
        elsewhere = [
            Holding(
                holder=holder,
                location=self.shop.location,
                quantity=units,
                last_heard=self._heard(holder),
                name=self.shop.identity.name,
            )
            for holder, units in sorted(lack.holders.items())
            if holder != own and units > 0
        ]
        elsewhere += await self.ask_elsewhere(lack.sku)
        return Problem.quota_short(
            sku=lack.sku,
            wanted=lack.wanted,
            sellable=lack.sellable,
            elsewhere=[msgspec.structs.asdict(one) for one in elsewhere],
        )
