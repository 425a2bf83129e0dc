"""The endpoints of the stockroom: goods in and out, and what stands where."""

from collections.abc import Sequence

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.reads import StockView, stock_view
from gateway.roles import ANYONE, STOCKROOM, TILL
from gateway.selling.sales import Short
from gateway.stockroom import adjustments, came_before, stock, transfers
from gateway.stockroom.adjustments import Adjustment, AdjustmentRequest
from gateway.stockroom.stock import ReceiptRequest, StockReceipt
from replication.journal import Movement
from retail.stock.story import Story
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import MovementsQuery, movements_page
from web.once import answer, command_of
from web.paging import Page, Paged
from web.problems import Slug
from web.story_pages import told_story


class StockApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def receive(self, call: Call[ReceiptRequest]) -> Answer:
        """Goods that arrived, from a supplier or, where the paper names a transfer, from there."""
        command, body = command_of(call), call.body
        book = came_before.receive_counted if body.came_before else stock.receive
        if body.transfer is not None:
            book = transfers.receive_by_receipt
        return answer(
            await self._parts.writer.submit(lambda: book(self._parts.shop, command, body))
        )

    async def adjust(self, call: Call[AdjustmentRequest]) -> Answer:
        """Goods found or lost; for a loss, quota is borrowed before there is a deficit."""
        shop, writer = self._parts.shop, self._parts.writer
        command, body = command_of(call), call.body
        if wants := await writer.look(lambda: adjustments.wants(shop, body)):
            await self._parts.registers.borrow(wants)
        outcome = await writer.submit(lambda: adjustments.adjust(shop, command, body))
        if isinstance(outcome, Short):
            raise await self._parts.quota_short(outcome)
        return answer(outcome)

    async def stock(self, call: Call[None]) -> Answer:
        """One SKU's stock."""
        shop, product = self._parts.shop, self._parts.reads.product(call.params["sku"])
        return Answer(200, await self._parts.writer.look(lambda: stock_view(shop, product)))

    async def stocks(self, call: Call[None]) -> Answer:
        """All SKUs' stock."""
        return await self._parts.products_page("", call.query, stock_view)

    async def explain(self, call: Call[None]) -> Answer:
        """One SKU's stock as the story of its entries."""
        product, location = self._parts.reads.product(call.params["sku"]), self._parts.shop.location
        return await self._parts.lists.answer(
            lambda reads: told_story(reads.store, location, product, call.query)
        )

    async def movements(self, call: Call[None]) -> Answer:
        """The journal's stock movements."""
        return await self._parts.lists.answer(lambda reads: movements_page(reads.store, call.query))

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/stock/receipts", summary="Book goods that arrived",
                roles=STOCKROOM, handler=self.receive, body=ReceiptRequest, answer=StockReceipt,
                status=201, idempotent=True,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/stock/adjustments",
                summary="Book goods found, lost, damaged or sent back", roles=STOCKROOM,
                handler=self.adjust, body=AdjustmentRequest, answer=Adjustment, status=201,
                idempotent=True,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.QUOTA_SHORT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/stock", summary="Stock of all SKUs", roles=ANYONE,
                handler=self.stocks, query=Page, answer=Paged[StockView],
            ),
            Endpoint(
                method="GET", path="/v1/stock/{sku}", summary="Stock of one SKU", roles=ANYONE,
                handler=self.stock, answer=StockView, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/stock/{sku}/explain",
                summary="Stock of one SKU as the story of its entries", roles=ANYONE,
                handler=self.explain, query=Page, answer=Story,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.NOT_FOUND),
            ),
            Endpoint(
                method="GET", path="/v1/movements", summary="Stock movements of the journal",
                roles=TILL, handler=self.movements, query=MovementsQuery, answer=Paged[Movement],
            ),
        ]  # fmt: skip
