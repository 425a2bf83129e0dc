"""The gateway's endpoints: decode, call, encode. The rules are in the modules that they call."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import WSMsgType, web

from devices.receipt import render_text
from gateway import orders, sales, spool, stock
from gateway.live import LiveBoard
from gateway.reads import (
    LookupQuery,
    OrdersQuery,
    ProductsQuery,
    ProductView,
    ShopReads,
    StockView,
    product_view,
    stock_view,
)
from gateway.receipts import receipt_of
from gateway.sales import Lack, Short
from gateway.shop import Shop
from gateway.status.report import StatusReport
from gateway.status_source import StatusSource
from gateway.stock import Adjustment, AdjustmentRequest, ReceiptRequest, StockReceipt
from gateway.uplink import Uplink
from replication.adapters.group_commit import GroupCommit
from replication.clock import rfc3339
from replication.ids import parse_entry_id
from replication.journal import Movement
from retail.catalogue import Product
from retail.orders import Order, OrderEventRequest, OrderStatus
from retail.sales import Sale, SaleRequest
from web.body import Empty
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import (
    MovementsQuery,
    SalesQuery,
    movements_page,
    sale_record,
    sales_page,
)
from web.once import Command, Done, Outcome, answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug
from web.stopping import closed_on_stop

TILL: Final = frozenset({"cashier", "supervisor", "manager"})
STOCKROOM: Final = frozenset({"supervisor", "manager"})
ANYONE: Final = TILL | {"technician"}
ROLES: Final = ("cashier", "supervisor", "manager", "technician")

RECEIPT_COLUMNS: Final = 42
LIVE_HEARTBEAT_S: Final = 20.0

T = TypeVar("T")


class Printing(msgspec.Struct, frozen=True, kw_only=True):
    """A reprint that was spooled."""

    sale: str
    printer: str
    copy: bool


class GatewayApi:
    """The handlers, over the parts of the program."""

    def __init__(  # noqa: PLR0913 - the wiring of a program
        self,
        *,
        shop: Shop,
        writer: GroupCommit,
        uplink: Uplink,
        reads: ShopReads,
        lists: ShopReads,
        live: LiveBoard,
        status: StatusSource,
        seen: dict[str, int],
        wall_ms: Callable[[], int],
    ) -> None:
        """`reads` belongs to the event loop, `lists` to the thread that `_listed` borrows."""
        self._shop = shop
        self._writer = writer
        self._uplink = uplink
        self._reads = reads
        self._lists = lists
        self._listing = asyncio.Lock()
        self._live = live
        self._status = status
        self._seen = seen
        self._wall_ms = wall_ms

    # Selling

    async def sell(self, call: Call[SaleRequest]) -> Answer:
        """A sale; when the quota is short the hub is asked while the customer waits."""
        request = call.body
        self._speaks_for(call, request.register)
        command = command_of(call, request.register)
        shop = self._shop
        outcome = await self._writer.submit(lambda: sales.sell(shop, command, request), command.key)
        if isinstance(outcome, Short):
            wants = [(lack.sku, lack.wanted - lack.sellable) for lack in outcome.lacks]
            if await self._uplink.borrow(wants) or request.override is not None:
                outcome = await self._writer.submit(
                    lambda: sales.sell(shop, command, request, may_overdraw=True), command.key
                )
        if isinstance(outcome, Short):
            raise self._quota_short(outcome.worst())
        return answer(outcome)

    def _speaks_for(self, call: Call[Any], register: str) -> None:
        own = call.principal.register
        if own is not None and own != register:
            raise Problem(Slug.FORBIDDEN, f"This token speaks for {own}, not for {register}.")
        self._seen[register] = self._wall_ms()

    def _quota_short(self, lack: Lack) -> Problem:
        own, heard = self._shop.identity.writer, self._uplink.heard_wall_ms
        elsewhere = [
            {
                "holder": holder,
                "location": self._shop.location,
                "quantity": units,
                "last_heard": None if heard is None else rfc3339(heard),
            }
            for holder, units in sorted(lack.holders.items())
            if holder != own and units > 0
        ]
        return Problem.quota_short(
            sku=lack.sku, wanted=lack.wanted, sellable=lack.sellable, elsewhere=elsewhere
        )

    async def sales(self, call: Call[None]) -> Answer:
        """Sales in the order of the journal."""
        return await self._listed(lambda reads: sales_page(reads.store, call.query))

    async def sale(self, call: Call[None]) -> Answer:
        """One sale."""
        return Answer(200, self._sale(call))

    async def receipt(self, call: Call[None]) -> web.Response:
        """The e-receipt, as text."""
        sale = msgspec.json.decode(self._sale(call), type=Sale)
        lines = render_text(receipt_of(sale, self._shop.identity.name), columns=RECEIPT_COLUMNS)
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")

    async def print(self, call: Call[Empty]) -> Answer:
        """A reprint, marked as a copy."""
        sale = msgspec.json.decode(self._sale(call), type=Sale)
        command = command_of(call)
        return answer(
            await self._writer.submit(lambda: _print(self._shop, command, sale), command.key)
        )

    def _sale(self, call: Call[Any]) -> bytes:
        record = sale_record(self._reads.store, call.params["id"])
        if record is None:
            raise Problem(Slug.NOT_FOUND, f"No sale {call.params['id']} was made here.")
        return record

    # Stock and products

    async def receive(self, call: Call[ReceiptRequest]) -> Answer:
        """Goods that arrived."""
        command = command_of(call)
        return answer(
            await self._writer.submit(lambda: stock.receive(self._shop, command, call.body))
        )

    async def adjust(self, call: Call[AdjustmentRequest]) -> Answer:
        """Goods found or lost; for a loss, quota is borrowed before there is a deficit."""
        command, body = command_of(call), call.body
        if body.delta < 0:
            lacks = -body.delta - await self._writer.look(lambda: self._shop.quota(body.sku))
            if lacks > 0:
                await self._uplink.borrow([(body.sku, lacks)])
        return answer(await self._writer.submit(lambda: stock.adjust(self._shop, command, body)))

    async def stock(self, call: Call[None]) -> Answer:
        """One SKU's stock."""
        product = self._reads.product(call.params["sku"])
        return Answer(200, await self._writer.look(lambda: stock_view(self._shop, product)))

    async def stocks(self, call: Call[None]) -> Answer:
        """All SKUs' stock."""
        return await self._products("", call.query, stock_view)

    async def products(self, call: Call[None]) -> Answer:
        """Products that match."""
        return await self._products(call.query.q, call.query, product_view)

    async def product(self, call: Call[None]) -> Answer:
        """One product."""
        product = self._reads.product(call.params["sku"])
        return Answer(200, await self._writer.look(lambda: product_view(self._shop, product)))

    async def lookup(self, call: Call[None]) -> Answer:
        """The product that a code means."""
        product = self._reads.by_code(call.query.code)
        return Answer(200, await self._writer.look(lambda: product_view(self._shop, product)))

    async def _products(
        self, text: str, query: Page, view: Callable[[Shop, Product], object]
    ) -> Answer:
        """A page of products: found in a thread, their stock told by the writer."""
        async with self._listing:
            page, next_cursor = await asyncio.to_thread(self._lists.products_page, text, query)
        items = await self._writer.look(lambda: [view(self._shop, one) for one in page])
        return Answer(200, Paged(items=items, next_cursor=next_cursor))

    async def movements(self, call: Call[None]) -> Answer:
        """The journal's stock movements."""
        return await self._listed(lambda reads: movements_page(reads.store, call.query))

    # Orders

    async def orders(self, call: Call[None]) -> Answer:
        """The orders that this location fulfils."""
        if call.query.status is not None and call.query.status not in set(OrderStatus):
            raise Problem.malformed(f"No order has the status {call.query.status!r}.")
        return await self._listed(lambda reads: reads.orders_page(call.query))

    async def order(self, call: Call[None]) -> Answer:
        """One order."""
        found = self._reads.order(call.params["id"])
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"No order {call.params['id']} is fulfilled here.")
        return Answer(200, found)

    async def order_event(self, call: Call[OrderEventRequest]) -> Answer:
        """What happened to an order."""
        command, order_id = command_of(call), call.params["id"]
        return answer(
            await self._writer.submit(
                lambda: orders.tell_event(self._shop, command, order_id, call.body)
            )
        )

    # Programs and people

    async def ping(self, call: Call[Empty]) -> Answer:
        """A register says that it is there."""
        if call.principal.register is not None:
            self._seen[call.principal.register] = self._wall_ms()
        return Answer(200, b"{}")

    async def status(self, _call: Call[None]) -> Answer:
        """The figures of the status page."""
        return Answer(200, await self._status.fresh_report())

    async def health(self, _call: Call[None]) -> Answer:
        """Ready: enrolled, open, and the last commit did not fail."""
        if (stopped := self._shop.why_stopped()) is not None:
            raise Problem.unavailable(stopped, retry_after_s=5)
        if (failed := self._writer.last_error) is not None:
            raise Problem(Slug.STORAGE, f"The last commit failed: {failed}.")
        return Answer(200, {"status": "ready", "writer": self._shop.identity.writer})

    async def live(self, call: Call[None]) -> web.StreamResponse:
        """Scans, new orders, price changes, device and link state, as they happen."""
        mailbox = self._live.join(call.principal.register)
        if mailbox is None:
            raise Problem.unavailable("Too many registers listen already.", retry_after_s=5)
        socket = web.WebSocketResponse(heartbeat=LIVE_HEARTBEAT_S, max_msg_size=4096)
        try:
            await socket.prepare(call.request)
            async with closed_on_stop(call.request, socket):
                sending = asyncio.create_task(self._send_mail(socket, mailbox.take))
                try:
                    async for message in socket:
                        if message.type is WSMsgType.ERROR:
                            break
                finally:
                    sending.cancel()
        finally:
            self._live.leave(mailbox)
        return socket

    async def _send_mail(self, socket: web.WebSocketResponse, take: Callable[[], Any]) -> None:
        try:
            while True:
                await socket.send_str(await take())
        except ConnectionError:
            pass  # the register is gone; its reading half ends the call

    async def _listed(self, read: Callable[[ShopReads], Paged[Any]]) -> Answer:
        """A list, read in a thread: it may take many rows, and the loop has customers waiting."""
        async with self._listing:
            return Answer(200, await asyncio.to_thread(read, self._lists))

    # The table

    def endpoints(self) -> Sequence[Endpoint]:
        """All rows; `docs/api.md` and `/openapi.json` are made from them."""
        command_refusals = (Slug.UNAVAILABLE, Slug.STORAGE)
        return [
            Endpoint(
                method="POST", path="/v1/sales", summary="Sell a basket", roles=TILL,
                handler=self.sell, body=SaleRequest, answer=Sale, status=201, idempotent=True,
                refusals=(
                    Slug.QUOTA_SHORT, Slug.PRICE_CHANGED, Slug.UNKNOWN_PRODUCT, *command_refusals
                ),
            ),
            Endpoint(
                method="GET", path="/v1/sales", summary="Sales in the order of the journal",
                roles=TILL, handler=self.sales, query=SalesQuery, answer=Paged[Sale],
            ),
            Endpoint(
                method="GET", path="/v1/sales/{id}", summary="One sale", roles=TILL,
                handler=self.sale, answer=Sale, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/sales/{id}/receipt", summary="The e-receipt as text",
                roles=TILL, handler=self.receipt, media_type="text/plain",
                refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/sales/{id}/print", summary="Reprint, marked as a copy",
                roles=TILL, handler=self.print, answer=Printing, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *command_refusals),
            ),
            Endpoint(
                method="POST", path="/v1/stock/receipts", summary="Book goods that arrived",
                roles=STOCKROOM, handler=self.receive, body=ReceiptRequest, answer=StockReceipt,
                status=201, idempotent=True, refusals=(Slug.UNKNOWN_PRODUCT, *command_refusals),
            ),
            Endpoint(
                method="POST", path="/v1/stock/adjustments",
                summary="Book goods that were found or lost", roles=STOCKROOM, handler=self.adjust,
                body=AdjustmentRequest, answer=Adjustment, status=201, idempotent=True,
                refusals=(Slug.UNKNOWN_PRODUCT, *command_refusals),
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
                method="GET", path="/v1/products", summary="Products that match", roles=ANYONE,
                handler=self.products, query=ProductsQuery, answer=Paged[ProductView],
            ),
            Endpoint(
                method="GET", path="/v1/products/{sku}", summary="One product", roles=ANYONE,
                handler=self.product, answer=ProductView, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/lookup", summary="The product that a code means",
                roles=ANYONE, handler=self.lookup, query=LookupQuery, answer=ProductView,
                refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/movements", summary="Stock movements of the journal",
                roles=TILL, handler=self.movements, query=MovementsQuery, answer=Paged[Movement],
            ),
            Endpoint(
                method="GET", path="/v1/orders", summary="Orders that this location fulfils",
                roles=TILL, handler=self.orders, query=OrdersQuery, answer=Paged[Order],
            ),
            Endpoint(
                method="GET", path="/v1/orders/{id}", summary="One order", roles=TILL,
                handler=self.order, answer=Order, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/events",
                summary="Say what happened to an order", roles=TILL, handler=self.order_event,
                body=OrderEventRequest, answer=Order, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *command_refusals),
            ),
            Endpoint(
                method="POST", path="/v1/ping", summary="A register says that it is there",
                roles=ANYONE, handler=self.ping, body=Empty, answer=Empty,
            ),
            Endpoint(
                method="GET", path="/v1/status", summary="The figures of the status page",
                roles=ANYONE, handler=self.status, answer=StatusReport,
            ),
            Endpoint(
                method="GET", path="/v1/live", summary="What registers hear without asking",
                roles=ANYONE, handler=self.live, websocket=True,
            ),
            Endpoint(
                method="GET", path="/healthz", summary="Whether this gateway is ready", roles=None,
                handler=self.health, answer=dict[str, str], refusals=(Slug.UNAVAILABLE,),
            ),
        ]  # fmt: skip


def _print(shop: Shop, command: Command, sale: Sale) -> Outcome:
    """Spool a reprint; journalled, because each paper of a sale is part of its trail."""
    known = shop.answered(command)
    if known is not None:
        return known
    place = parse_entry_id(sale.id)
    assert place is not None, "the sale was found by its place"
    if sale.register not in shop.printers:
        return Problem(Slug.CONFLICT, f"Register {sale.register} has no printer.")
    record = msgspec.json.encode(
        Printing(sale=sale.id, printer=shop.printers[sale.register], copy=True)
    )
    entry = shop.ledger.append("reprint", record, actor=command.actor, reference=sale.id)
    shop.ledger.remember(command.key, command.digest, 201, entry)
    spool.add(shop, sale.register, sale.id, copy=True)  # type: ignore[arg-type] # it is an entry id
    return Done(201, record)
