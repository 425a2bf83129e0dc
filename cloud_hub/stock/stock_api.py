"""The endpoints of stock: what may be offered online, what stands where, what moved."""

import threading
from collections.abc import Sequence

from cloud_hub.auditing.audit import AuditReport, AuditRequest, audit
from cloud_hub.ordering import orders
from cloud_hub.parts import Parts
from cloud_hub.reads import Availability, AvailabilityQuery, Stock, availability, stock
from cloud_hub.roles import ANYONE, GATEWAY, OFFICE
from cloud_hub.stock.stories import StoryQuery, story_at
from replication.journal import Movement
from retail.stock.story import Story
from web.catalogue_rows import unknown_product
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import MovementsQuery, movements_page
from web.paging import Paged
from web.problems import Slug


class StockApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def availability(self, call: Call[None]) -> Answer:
        """What may be offered online of one SKU."""
        return Answer(200, await self._available(call.params["sku"]))

    async def availabilities(self, call: Call[None]) -> Answer:
        """The same of several SKUs."""
        items = [await self._available(sku) for sku in call.query.sku]
        return Answer(200, Paged(items=items, next_cursor=None))

    async def _available(self, sku: str) -> Availability:
        office, links = self._parts.office, self._parts.links
        found = await self._parts.writer.look(
            lambda: availability(office, sku, links.is_connected, links.view)
        )
        if found is None:
            raise unknown_product(sku)
        return found

    async def stock(self, call: Call[None]) -> Answer:
        """One SKU over all locations, as last heard."""
        sku = call.params["sku"]
        found = await self._parts.writer.look(
            lambda: stock(
                self._parts.office, sku, lambda one: orders.last_heard(self._parts.office, one)
            )
        )
        if found is None:
            raise unknown_product(sku)
        return Answer(200, found)

    async def explain(self, call: Call[None]) -> Answer:
        """One SKU's stock at one location as the story of its entries, as far as heard."""
        product, query = self._parts.reads.product(call.params["sku"]), call.query
        return await self._parts.lists.answer(lambda reads: story_at(reads.store, product, query))

    async def movements(self, call: Call[None]) -> Answer:
        """Stock movements in the order in which they arrived here."""
        return await self._parts.lists.answer(lambda reads: movements_page(reads.store, call.query))

    async def audit(self, call: Call[AuditRequest]) -> Answer:
        """Check all that was heard; the thread stops soon when the program ends meanwhile."""
        ended = threading.Event()
        try:
            return await self._parts.audits.answer(
                lambda store: audit(store, call.body.location, ended.is_set)
            )
        finally:
            ended.set()

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/availability/{sku}",
                summary="What may be offered online of one SKU", roles=ANYONE | GATEWAY,
                handler=self.availability, answer=Availability, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/availability",
                summary="What may be offered online of several SKUs", roles=ANYONE,
                handler=self.availabilities, query=AvailabilityQuery, answer=Paged[Availability],
                refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/stock/{sku}",
                summary="One SKU over all locations, as last heard", roles=ANYONE,
                handler=self.stock, answer=Stock, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/stock/{sku}/explain",
                summary="One SKU's stock at one location as the story of its entries",
                roles=OFFICE, handler=self.explain, query=StoryQuery, answer=Story,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.NOT_FOUND),
            ),
            Endpoint(
                method="GET", path="/v1/movements",
                summary="What moved in the stores, each movement once", roles=OFFICE,
                handler=self.movements, query=MovementsQuery, answer=Paged[Movement],
            ),
            Endpoint(
                method="POST", path="/v1/audit",
                summary="Check all that was heard against itself; changes nothing", roles=OFFICE,
                handler=self.audit, body=AuditRequest, answer=AuditReport,
                refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip
