"""The hub's endpoints: decode, call, encode. The rules are in the modules that they call."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from cloud_hub import catalogue, enrolment, order_events, orders
from cloud_hub.enrolment import Enrolled, EnrolmentRequest
from cloud_hub.head_office import HeadOffice
from cloud_hub.holds import Holds
from cloud_hub.links import Links
from cloud_hub.orders import ShortOnline
from cloud_hub.reads import (
    Availability,
    AvailabilityQuery,
    HubReads,
    LocationView,
    OrdersQuery,
    ProductAtHub,
    ProductsQuery,
    Stock,
    availability,
    stock,
)
from replication.adapters.group_commit import GroupCommit
from replication.ids import WriterId
from replication.journal import Movement
from retail.catalogue import Product, ProductBody, Sku
from retail.orders import Order, OrderEventRequest, OrderRequest, OrderStatus
from retail.sales import Sale
from web.catalogue_rows import unknown_product
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import (
    MovementsQuery,
    SalesQuery,
    movements_page,
    sale_record,
    sales_page,
)
from web.once import answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug

ADMIN: Final = frozenset({"admin"})
SHOPFRONT: Final = frozenset({"admin", "storefront"})
OFFICE: Final = frozenset({"admin", "auditor"})
ANYONE: Final = frozenset({"admin", "storefront", "auditor"})
GATEWAY: Final = frozenset({"gateway"})
ROLES: Final = ("admin", "storefront", "auditor")

PICKUP_CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No 0 and O, no 1 and I: a code is read out at a counter."""
PICKUP_CODE_CHARS: Final = 6


def new_pickup_code() -> str:
    """A code that a customer shows: 30 bits, of use only together with the order."""
    return "".join(secrets.choice(PICKUP_CODE_LETTERS) for _ in range(PICKUP_CODE_CHARS))


class HubApi:
    """The handlers, over the parts of the program."""

    def __init__(
        self,
        *,
        office: HeadOffice,
        writer: GroupCommit,
        links: Links,
        holds: Holds,
        reads: HubReads,
        lists: HubReads,
    ) -> None:
        """`reads` belongs to the event loop, `lists` to the thread that `_listed` borrows."""
        self._office = office
        self._writer = writer
        self._links = links
        self._holds = holds
        self._reads = reads
        self._lists = lists
        self._listing = asyncio.Lock()

    # Products and availability

    async def put_product(self, call: Call[ProductBody]) -> Answer:
        """Create or change a product."""
        try:
            sku = msgspec.convert(call.params["sku"], Sku)
        except msgspec.ValidationError as refused:
            raise Problem.invalid(f"The SKU in the address is not one: {refused}.") from None
        command = command_of(call)
        return answer(
            await self._writer.submit(
                lambda: catalogue.put_product(self._office, command, sku, call.body)
            )
        )

    async def products(self, call: Call[None]) -> Answer:
        """Products by time of change."""
        return await self._listed(lambda reads: reads.products_page(call.query))

    async def product(self, call: Call[None]) -> Answer:
        """One product."""
        return Answer(200, self._reads.product(call.params["sku"]))

    async def availability(self, call: Call[None]) -> Answer:
        """What may be offered online of one SKU."""
        return Answer(200, await self._available(call.params["sku"]))

    async def availabilities(self, call: Call[None]) -> Answer:
        """The same of several SKUs."""
        items = [await self._available(sku) for sku in call.query.sku]
        return Answer(200, Paged(items=items, next_cursor=None))

    async def _available(self, sku: str) -> Availability:
        found = await self._writer.look(
            lambda: availability(self._office, sku, self._links.is_connected)
        )
        if found is None:
            raise unknown_product(sku)
        return found

    async def stock(self, call: Call[None]) -> Answer:
        """One SKU over all locations, as last heard."""
        sku = call.params["sku"]
        found = await self._writer.look(
            lambda: stock(self._office, sku, lambda one: orders.last_heard(self._office, one))
        )
        if found is None:
            raise unknown_product(sku)
        return Answer(200, found)

    # Orders

    async def place(self, call: Call[OrderRequest]) -> Answer:
        """An order; when the hub's quota is short the stores are asked while the customer waits."""
        command, body, office = command_of(call), call.body, self._office
        code = new_pickup_code()
        outcome = await self._writer.submit(lambda: orders.place(office, command, body, code))
        if isinstance(outcome, ShortOnline) and await self._links.borrow(outcome.borrow):
            outcome = await self._writer.submit(lambda: orders.place(office, command, body, code))
        if isinstance(outcome, ShortOnline):
            raise outcome.problem
        done = answer(outcome)
        self._holds.watch(done.body)
        return done

    async def order_event(self, call: Call[OrderEventRequest]) -> Answer:
        """What happened to an order."""
        command, order_id = command_of(call), call.params["id"]
        return answer(
            await self._writer.submit(
                lambda: order_events.tell_event(self._office, command, order_id, call.body)
            )
        )

    async def orders(self, call: Call[None]) -> Answer:
        """The queue, oldest first."""
        if call.query.status is not None and call.query.status not in set(OrderStatus):
            raise Problem.malformed(f"No order has the status {call.query.status!r}.")
        return await self._listed(lambda reads: reads.orders_page(call.query))

    async def order(self, call: Call[None]) -> Answer:
        """One order."""
        found = self._reads.order(call.params["id"])
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"There is no order {call.params['id']}.")
        return Answer(200, found)

    # What the stores did

    async def sales(self, call: Call[None]) -> Answer:
        """Sales in the order in which they arrived here."""
        return await self._listed(lambda reads: sales_page(reads.store, call.query))

    async def sale(self, call: Call[None]) -> Answer:
        """One sale, under the id that the store gave it."""
        record = sale_record(self._reads.store, call.params["id"])
        if record is None:
            raise Problem(Slug.NOT_FOUND, f"The hub has not heard of a sale {call.params['id']}.")
        return Answer(200, record)

    async def movements(self, call: Call[None]) -> Answer:
        """Stock movements in the order in which they arrived here."""
        return await self._listed(lambda reads: movements_page(reads.store, call.query))

    # The fleet

    async def locations(self, call: Call[None]) -> Answer:
        """Stores and warehouses, their links and journals."""
        return await self._listed(lambda reads: reads.locations_page(call.query))

    async def enrol(self, call: Call[EnrolmentRequest]) -> Answer:
        """A new box uses its one-time code."""
        secret = secrets.token_bytes(32)
        outcome = await self._writer.submit(
            lambda: enrolment.enrol(self._office, call.body, secret)
        )
        if isinstance(outcome, Problem):
            raise outcome
        return Answer(201, outcome)

    async def replicate(self, call: Call[None]) -> web.StreamResponse:
        """The session of `docs/protocol.md`."""
        return await self._links.serve(call.request, WriterId(call.principal.name))

    async def health(self, _call: Call[None]) -> Answer:
        """Ready: open, and the last commit did not fail."""
        if (failed := self._writer.last_error) is not None:
            raise Problem(Slug.STORAGE, f"The last commit failed: {failed}.")
        return Answer(200, {"status": "ready", "writer": self._office.ledger.writer})

    async def _listed(self, read: Callable[[HubReads], Paged[Any]]) -> Answer:
        """A list, read in a thread: it may take many rows, and the loop has links to serve."""
        async with self._listing:
            return Answer(200, await asyncio.to_thread(read, self._lists))

    # The table

    def endpoints(self) -> Sequence[Endpoint]:
        """All rows; `/openapi.json` is made from them."""
        failures = (Slug.UNAVAILABLE, Slug.STORAGE)
        return [
            Endpoint(
                method="PUT", path="/v1/products/{sku}", summary="Create or change a product",
                roles=ADMIN, handler=self.put_product, body=ProductBody, answer=Product,
                refusals=(Slug.CONFLICT, Slug.UNKNOWN_PRODUCT, *failures),
            ),
            Endpoint(
                method="GET", path="/v1/products", summary="Products by time of change",
                roles=ANYONE, handler=self.products, query=ProductsQuery,
                answer=Paged[ProductAtHub],
            ),
            Endpoint(
                method="GET", path="/v1/products/{sku}", summary="One product", roles=ANYONE,
                handler=self.product, answer=Product, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/availability/{sku}",
                summary="What may be offered online of one SKU", roles=ANYONE,
                handler=self.availability, answer=Availability, refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="GET", path="/v1/availability",
                summary="What may be offered online of several SKUs", roles=ANYONE,
                handler=self.availabilities, query=AvailabilityQuery, answer=Paged[Availability],
                refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
            Endpoint(
                method="POST", path="/v1/orders", summary="Place an order", roles=SHOPFRONT,
                handler=self.place, body=OrderRequest, answer=Order, status=201, idempotent=True,
                refusals=(Slug.QUOTA_SHORT, Slug.UNKNOWN_PRODUCT, *failures),
            ),
            Endpoint(
                method="GET", path="/v1/orders", summary="The queue, oldest first", roles=ANYONE,
                handler=self.orders, query=OrdersQuery, answer=Paged[Order],
            ),
            Endpoint(
                method="GET", path="/v1/orders/{id}", summary="One order", roles=ANYONE,
                handler=self.order, answer=Order, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/events",
                summary="Say what happened to an order", roles=SHOPFRONT,
                handler=self.order_event, body=OrderEventRequest, answer=Order, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, Slug.QUOTA_SHORT, *failures),
            ),
            Endpoint(
                method="GET", path="/v1/stock/{sku}",
                summary="One SKU over all locations, as last heard", roles=ANYONE,
                handler=self.stock, answer=Stock, refusals=(Slug.UNKNOWN_PRODUCT,),
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
                method="GET", path="/v1/movements",
                summary="What moved in the stores, each movement once", roles=OFFICE,
                handler=self.movements, query=MovementsQuery, answer=Paged[Movement],
            ),
            Endpoint(
                method="GET", path="/v1/locations", summary="The fleet", roles=ANYONE,
                handler=self.locations, query=Page, answer=Paged[LocationView],
            ),
            Endpoint(
                method="POST", path="/v1/enrolments", summary="A new box uses its one-time code",
                roles=None, handler=self.enrol, body=EnrolmentRequest, answer=Enrolled, status=201,
                refusals=(Slug.FORBIDDEN, *failures),
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
