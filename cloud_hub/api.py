"""The hub's endpoints: decode, call, encode. The rules are in the modules that they call.

This module has the catalogue, the sales and the fleet; orders and stock have modules of their own.
"""

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from cloud_hub.live_api import LiveApi
from cloud_hub.lives.lives_api import LivesApi
from cloud_hub.lives.rows import told_again, told_otherwise
from cloud_hub.ordering.orders_api import OrdersApi
from cloud_hub.ordering.reservations_api import ReservationsApi
from cloud_hub.ordering.shortage_api import ShortageApi
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.prices.price_api import PriceApi
from cloud_hub.prices.priced import OnlinePrices, online_prices
from cloud_hub.prices.tax_api import TaxApi
from cloud_hub.products import catalogue
from cloud_hub.products.import_api import ImportApi
from cloud_hub.reads import LocationView, ProductAtHub, ProductOnline, ProductsQuery
from cloud_hub.returning.credit_api import CreditApi
from cloud_hub.returning.return_api import ReturnApi
from cloud_hub.roles import ADMIN, ANYONE, GATEWAY, OFFICE
from cloud_hub.stock.stock_api import StockApi
from cloud_hub.stock.transfer_api import TransferApi
from cloud_hub.stores import enrolment
from cloud_hub.stores.enrolment import Enrolled, EnrolmentRequest
from cloud_hub.stores.location_api import LocationApi
from replication.ids import WriterId
from retail.products.catalogue import Product, ProductBody, Sku
from retail.selling.sales import Sale
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import SalesQuery, sale_record, sales_page
from web.once import answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug
from web.shape_words import shape_words

SKU_WORDS: Final = shape_words(Sku)


def endpoints(parts: Parts) -> list[Endpoint]:
    """All rows; `docs/api.md` and `/openapi.json` are made from them."""
    return [
        *OrdersApi(parts).endpoints(),
        *ReservationsApi(parts).endpoints(),
        *ReturnApi(parts).endpoints(),
        *StockApi(parts).endpoints(),
        *CreditApi(parts).endpoints(),
        *TransferApi(parts).endpoints(),
        *ShortageApi(parts).endpoints(),
        *ImportApi(parts).endpoints(),
        *PriceApi(parts).endpoints(),
        *TaxApi(parts).endpoints(),
        *LiveApi(parts).endpoints(),
        *LocationApi(parts).endpoints(),
        *LivesApi(parts).endpoints(),
        *FleetApi(parts).endpoints(),
    ]


class FleetApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # Products

    async def put_product(self, call: Call[ProductBody]) -> Answer:
        """Create or change a product."""
        try:
            sku = msgspec.convert(call.params["sku"], Sku)
        except msgspec.ValidationError as refused:
            words = SKU_WORDS(refused)
            raise Problem.invalid(f"The SKU in the address is not one: {words}.") from None
        command = command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: catalogue.put_product(self._parts.office, command, sku, call.body)
            )
        )

    async def products(self, call: Call[None]) -> Answer:
        """Products by time of change."""
        prices = await self._online_prices()
        return await self._parts.lists.answer(lambda reads: reads.products_page(call.query, prices))

    async def product(self, call: Call[None]) -> Answer:
        """One product."""
        prices = await self._online_prices()
        return Answer(200, self._parts.reads.product_online(call.params["sku"], prices))

    async def _online_prices(self) -> OnlinePrices:
        office = self._parts.office
        return await self._parts.writer.look(lambda: online_prices(office))

    # What the stores did

    async def sales(self, call: Call[None]) -> Answer:
        """Sales in the order in which they arrived here."""
        return await self._parts.lists.answer(
            lambda reads: sales_page(
                reads.store,
                call.query,
                told_again(reads.store.connection),
                told_otherwise(reads.store.connection),
            )
        )

    async def sale(self, call: Call[None]) -> Answer:
        """One sale, under the id that the store gave it, or the one that lists have it by."""
        record = sale_record(self._parts.reads.store, call.params["id"])
        if record is None:
            raise Problem(Slug.NOT_FOUND, f"The hub has not heard of a sale {call.params['id']}.")
        return Answer(200, record)

    # The fleet

    async def locations(self, call: Call[None]) -> Answer:
        """Stores and warehouses, their links and journals."""
        return await self._parts.lists.answer(lambda reads: reads.locations_page(call.query))

    async def enrol(self, call: Call[EnrolmentRequest]) -> Answer:
        """A new box uses its one-time code."""
        secret = secrets.token_bytes(32)
        outcome = await self._parts.writer.submit(
            lambda: enrolment.enrol(self._parts.office, call.body, secret)
        )
        if isinstance(outcome, Problem):
            raise outcome
        return Answer(201, outcome)

    async def replicate(self, call: Call[None]) -> web.StreamResponse:
        """The session of `docs/protocol.md`."""
        return await self._parts.links.serve(call.request, WriterId(call.principal.name))

    async def health(self, _call: Call[None]) -> Answer:
        """Ready: open, and the last commit did not fail."""
        if (failed := self._parts.writer.last_error) is not None:
            raise Problem(Slug.STORAGE, f"The last commit failed: {failed}.")
        return Answer(200, {"status": "ready", "writer": self._parts.office.ledger.writer})

    # The table

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="PUT", path="/v1/products/{sku}", summary="Create or change a product",
                roles=ADMIN, handler=self.put_product, body=ProductBody, answer=Product,
                refusals=(Slug.CONFLICT, Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/products", summary="Products by time of change",
                roles=ANYONE, handler=self.products, query=ProductsQuery,
                answer=Paged[ProductAtHub],
            ),
            Endpoint(
                method="GET", path="/v1/products/{sku}", summary="One product", roles=ANYONE,
                handler=self.product, answer=ProductOnline, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/sales", summary="What the stores sold, each sale once",
                roles=OFFICE, handler=self.sales, query=SalesQuery, answer=Paged[Sale],
            ),
            Endpoint(
                method="GET", path="/v1/sales/{id}", summary="One sale", roles=OFFICE,
                handler=self.sale, answer=Sale, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/locations", summary="The fleet", roles=ANYONE,
                handler=self.locations, query=Page, answer=Paged[LocationView],
            ),
            Endpoint(
                method="POST", path="/v1/enrolments", summary="A new box uses its one-time code",
                roles=None, handler=self.enrol, body=EnrolmentRequest, answer=Enrolled, status=201,
                refusals=(Slug.FORBIDDEN, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/replicate", summary="The session with a gateway",
                roles=GATEWAY, handler=self.replicate, websocket=True,
            ),
            Endpoint(
                method="GET", path="/healthz", summary="Whether this hub is ready", roles=None,
                handler=self.health, answer=dict[str, str],
            ),
        ]  # fmt: skip
