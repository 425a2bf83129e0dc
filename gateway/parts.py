"""The parts of a running gateway that its endpoints stand on; put together by `gateway.app`."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final

from gateway.live import LiveBoard
from gateway.reads import ShopReads
from gateway.shop import Shop
from gateway.status_source import StatusSource
from gateway.uplink import Uplink
from replication.adapters.group_commit import GroupCommit
from retail.catalogue import Product
from web.endpoint import Answer
from web.listing import Listing
from web.paging import Page, Paged
from web.problems import Slug

COMMAND_REFUSALS: Final = (Slug.UNAVAILABLE, Slug.STORAGE)
"""What any request that changes something may be refused with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`reads` belongs to the event loop, `lists` to the thread that it borrows.

    `seen` has when each register was last heard, in wall time; the endpoints write it.
    """

    shop: Shop
    writer: GroupCommit
    uplink: Uplink
    reads: ShopReads
    lists: Listing[ShopReads]
    live: LiveBoard
    status: StatusSource
    seen: MutableMapping[str, int]
    wall_ms: Callable[[], int]

    async def products_page(
        self, text: str, query: Page, view: Callable[[Shop, Product], object]
    ) -> Answer:
        """A page of products, as `view` shows them on the writer thread."""
        page, next_cursor = await self.lists.read(lambda reads: reads.products_page(text, query))
        items = await self.writer.look(lambda: [view(self.shop, one) for one in page])
        return Answer(200, Paged(items=items, next_cursor=next_cursor))
