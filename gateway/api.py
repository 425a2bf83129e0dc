"""The gateway's endpoints: decode, call, encode. The rules are in the modules that they call.

This module has what every register asks for; selling and the stockroom have modules of their own.
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from gateway.box.device_api import DeviceApi
from gateway.lives.recovered_api import RecoveredApi
from gateway.ordering import orders
from gateway.ordering.order_desk_api import OrderDeskApi
from gateway.ordering.order_views import OrdersQuery, ShopOrder, orders_page, shop_order
from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.prices.label_api import LabelApi
from gateway.reads import (
    LookupQuery,
    LookupView,
    ProductsQuery,
    ProductView,
    lookup_view,
    product_view,
)
from gateway.registers.api import RegistersApi
from gateway.returning.return_api import ReturnApi
from gateway.roles import ANYONE, STOCKROOM, TILL
from gateway.selling import drafts
from gateway.selling.basket_api import BasketApi
from gateway.selling.credit_api import CreditApi
from gateway.selling.selling_api import SellingApi
from gateway.status.report import StatusReport
from gateway.stockroom.count_api import CountApi
from gateway.stockroom.stock_api import StockApi
from gateway.stockroom.transfer_api import TransferApi
from retail.business_day import zone_of
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Order, OrderEventRequest
from retail.products.catalogue import Product
from retail.products.drafts import DraftRequest
from web.body import Empty
from web.endpoint import Answer, Call, Endpoint
from web.live_socket import LIVE_PROTOCOL, serve_live
from web.once import answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token stands for at this gateway. Idempotency keys belong to (`writer`, `id`).

    `register` is the only one that it may speak for, None: any. `printing` are the registers whose
    receipts go to paper.
    """

    id: str
    role: str
    name: str
    register: str | None
    writer: str
    printing: tuple[str, ...]


def endpoints(parts: Parts) -> list[Endpoint]:
    """All rows; `docs/api.md` and `/openapi.json` are made from them."""
    return [
        *SellingApi(parts).endpoints(),
        *BasketApi(parts).endpoints(),
        *StockApi(parts).endpoints(),
        *CountApi(parts).endpoints(),
        *LabelApi(parts).endpoints(),
        *TransferApi(parts).endpoints(),
        *ReturnApi(parts).endpoints(),
        *CreditApi(parts).endpoints(),
        *OrderDeskApi(parts).endpoints(),
        *DeviceApi(parts).endpoints(),
        *RegistersApi(parts).endpoints(),
        *RecoveredApi(parts).endpoints(),
        *ShopApi(parts).endpoints(),
    ]


class ShopApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # Products

    async def products(self, call: Call[None]) -> Answer:
        """Products that match."""
        query = call.query
        return await self._parts.products_page(
            query.q, query, product_view, archived=query.archived
        )

    async def add_draft(self, call: Call[DraftRequest]) -> Answer:
        """A product for a barcode that nobody knows."""
        command = command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: drafts.add(self._parts.shop, command, call.body), command.key
            )
        )

    async def product(self, call: Call[None]) -> Answer:
        """One product."""
        product = self._parts.reads.product(call.params["sku"])
        return Answer(
            200, await self._parts.writer.look(lambda: product_view(self._parts.shop, product))
        )

    async def lookup(self, call: Call[None]) -> Answer:
        """The product that a code means."""
        shop, scans = self._parts.shop, self._parts.scans
        today, found = scans.today(), scans.found(call.query.code)
        return Answer(200, await self._parts.writer.look(lambda: lookup_view(shop, found, today)))

    # Orders

    async def orders(self, call: Call[None]) -> Answer:
        """The orders that this location fulfils."""
        if call.query.status is not None and call.query.status not in set(OrderStatus):
            raise Problem.malformed(f"No order has the status {call.query.status!r}.")
        identity, today = self._parts.shop.identity, self._parts.scans.today()
        zone = zone_of(identity.timezone)
        return await self._parts.lists.answer(
            lambda reads: orders_page(
                reads, call.query, writer=identity.writer_id, today=today, zone=zone
            )
        )

    async def order(self, call: Call[None]) -> Answer:
        """One order."""
        location, order_id = self._parts.shop.identity.location, call.params["id"]
        found = await self._parts.lists.read(lambda reads: shop_order(reads, location, order_id))
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"No order {order_id} is fulfilled here.")
        return Answer(200, found)

    async def order_event(self, call: Call[OrderEventRequest]) -> Answer:
        """What happened to an order."""
        command, order_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: orders.tell_event(self._parts.shop, command, order_id, call.body)
            )
        )

    # Programs and people

    async def ping(self, call: Call[Empty]) -> Answer:
        """A register says that it is there."""
        if call.principal.register is not None:
            self._parts.seen[call.principal.register] = self._parts.wall_ms()
        return Answer(200, b"{}")

    async def token(self, call: Call[None]) -> Answer:
        """Who the caller is."""
        principal, shop = call.principal, self._parts.shop
        return Answer(
            200,
            TokenView(
                id=principal.id,
                role=principal.role,
                name=principal.name,
                register=principal.register,
                writer=shop.identity.writer,
                printing=tuple(sorted(shop.printers)),
            ),
        )

    async def status(self, _call: Call[None]) -> Answer:
        """The figures of the status page."""
        return Answer(200, await self._parts.status.fresh_report())

    async def health(self, _call: Call[None]) -> Answer:
        """Ready: enrolled, open, and the last commit did not fail."""
        if (stopped := self._parts.shop.why_stopped()) is not None:
            raise Problem.unavailable(stopped, retry_after_s=5)
        if (failed := self._parts.writer.last_error) is not None:
            raise Problem(Slug.STORAGE, f"The last commit failed: {failed}.")
        identity = self._parts.shop.identity
        return Answer(200, {"status": "ready", "writer": identity.writer, "chain": identity.chain})

    async def live(self, call: Call[None]) -> web.StreamResponse:
        """Scans, new orders, price changes, device and link state, as they happen."""
        mailbox = self._parts.live.join(call.principal.register)
        if mailbox is None:
            raise Problem.unavailable("Too many registers listen already.", retry_after_s=5)
        try:
            return await serve_live(call.request, mailbox.take)
        finally:
            self._parts.live.leave(mailbox)

    # The table

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
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
                roles=ANYONE, handler=self.lookup, query=LookupQuery, answer=LookupView,
                refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="POST", path="/v1/products",
                summary="Add a draft of a product whose barcode nobody knows", roles=STOCKROOM,
                handler=self.add_draft, body=DraftRequest, answer=Product, status=201,
                idempotent=True, refusals=(Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/orders", summary="Orders that this location fulfils",
                roles=TILL, handler=self.orders, query=OrdersQuery, answer=Paged[ShopOrder],
            ),
            Endpoint(
                method="GET", path="/v1/orders/{id}", summary="One order", roles=TILL,
                handler=self.order, answer=ShopOrder, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/events",
                summary="Say what happened to an order", roles=TILL, handler=self.order_event,
                body=OrderEventRequest, answer=Order, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/ping", summary="A register says that it is there",
                roles=ANYONE, handler=self.ping, body=Empty, answer=Empty,
            ),
            Endpoint(
                method="GET", path="/v1/token", summary="Who the caller's token stands for",
                roles=ANYONE, handler=self.token, answer=TokenView,
            ),
            Endpoint(
                method="GET", path="/v1/status", summary="The figures of the status page",
                roles=ANYONE, handler=self.status, answer=StatusReport,
            ),
            Endpoint(
                method="GET", path="/v1/live", summary="What registers hear without asking",
                roles=ANYONE, handler=self.live, websocket=True, subprotocol=LIVE_PROTOCOL,
            ),
            Endpoint(
                method="GET", path="/healthz", summary="Whether this gateway is ready", roles=None,
                handler=self.health, answer=dict[str, str], refusals=(Slug.UNAVAILABLE,),
            ),
        ]  # fmt: skip
