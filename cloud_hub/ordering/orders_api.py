"""The endpoints of the storefront's orders."""

from collections.abc import Sequence
from typing import Final

from cloud_hub.ordering import order_events, orders, resolving
from cloud_hub.ordering.order_list import OrdersQuery, orders_page
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.roles import ADMIN, ANYONE, GATEWAY, SHOPFRONT
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import (
    Order,
    OrderEventRequest,
    OrderRequest,
    ReallocateRequest,
)
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug
from web.spoken_code import spoken_code

PICKUP_CODE_CHARS: Final = 6


def new_pickup_code() -> str:
    """A code that a customer shows: 30 bits, of use only together with the order."""
    return spoken_code(PICKUP_CODE_CHARS)


class OrdersApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def place(self, call: Call[OrderRequest]) -> Answer:
        """An order; when the hub's quota is short the stores are asked while the customer waits."""
        command, office, code = command_of(call), self._parts.office, new_pickup_code()
        if (refused := orders.strange_seller(call.principal, call.body)) is not None:
            raise refused
        done = await self._parts.promise(
            lambda asked, may_wait: orders.place(
                office, command, call.body, code, asked, may_wait=may_wait
            )
        )
        self._parts.holds.watch_order(done.body)
        return done

    async def order_event(self, call: Call[OrderEventRequest]) -> Answer:
        """What happened to an order; for money that comes late the stores are asked for units."""
        office, command, order_id = self._parts.office, command_of(call), call.params["id"]
        if call.body.type is EventType.PAID:
            loans = await self._parts.writer.look(lambda: order_events.loans_for(office, order_id))
            if loans:
                await self._parts.links.borrow(loans)
            uses = await self._parts.writer.look(lambda: order_events.uses_for(office, order_id))
            for key in uses:
                await self._parts.links.recall(key, 1)
        return answer(
            await self._parts.writer.submit(
                lambda: order_events.tell_event(office, command, order_id, call.body)
            )
        )

    async def reallocate(self, call: Call[ReallocateRequest]) -> Answer:
        """Units of an order are to come from elsewhere."""
        office, command, order_id = self._parts.office, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: resolving.reallocate(office, command, order_id, call.body)
            )
        )

    async def orders(self, call: Call[None]) -> Answer:
        """The queue, oldest first unless asked otherwise."""
        if call.query.status is not None and call.query.status not in set(OrderStatus):
            raise Problem.malformed(f"No order has the status {call.query.status!r}.")
        return await self._parts.lists.answer(lambda reads: orders_page(reads.store, call.query))

    async def order(self, call: Call[None]) -> Answer:
        """One order."""
        found = self._parts.reads.order(call.params["id"])
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"There is no order {call.params['id']}.")
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/orders", summary="Place an order",
                roles=SHOPFRONT | GATEWAY, handler=self.place, body=OrderRequest, answer=Order,
                status=201, idempotent=True,
                refusals=(
                    Slug.QUOTA_SHORT, Slug.PRICE_CHANGED, Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS,
                ),
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
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, Slug.QUOTA_SHORT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/reallocate",
                summary="Ask for an allocation's units to be sent from elsewhere", roles=ADMIN,
                handler=self.reallocate, body=ReallocateRequest, answer=Order, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, Slug.QUOTA_SHORT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
