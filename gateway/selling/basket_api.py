"""The endpoints of baskets: units set aside at the till while a customer is still choosing."""

from collections.abc import Sequence

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.roles import TILL
from gateway.selling import baskets
from gateway.selling.held import unknown_basket
from gateway.selling.sales import Short
from retail.ordering.holds import Basket, BasketRequest
from web.endpoint import Answer, Call, Endpoint
from web.hold_rows import HoldRows
from web.once import answer, command_of
from web.problems import Slug


class BasketApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def hold(self, call: Call[BasketRequest]) -> Answer:
        """A basket's hold; when the quota is short the hub is asked as for a sale."""
        parts, request = self._parts, call.body
        parts.speaks_for(call, request.register)
        command, basket_s = command_of(call, request.register), parts.baskets.basket_s
        outcome = await parts.writer.submit(
            lambda: baskets.hold(parts.shop, command, request, basket_s), command.key
        )
        if isinstance(outcome, Short) and await parts.registers.borrow(outcome.wants()):
            outcome = await parts.writer.submit(
                lambda: baskets.hold(parts.shop, command, request, basket_s), command.key
            )
        if isinstance(outcome, Short):
            raise await parts.quota_short(outcome)
        done = answer(outcome)
        parts.baskets.watch(done.body)
        return done

    async def basket(self, call: Call[None]) -> Answer:
        """One basket, as committed."""
        rows = HoldRows(self._parts.reads.store.connection, "basket", Basket)
        found = rows.find(call.params["id"])
        if found is None:
            raise unknown_basket(call.params["id"])
        return Answer(200, found)

    async def release(self, call: Call[None]) -> Answer:
        """A basket given up; to ask again answers the same."""
        command, basket_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: baskets.release(self._parts.shop, command, basket_id)
            )
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/baskets", summary="Set a basket's units aside",
                roles=TILL, handler=self.hold, body=BasketRequest, answer=Basket, status=201,
                idempotent=True,
                refusals=(
                    Slug.QUOTA_SHORT, Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, *COMMAND_REFUSALS
                ),
            ),
            Endpoint(
                method="GET", path="/v1/baskets/{id}", summary="One basket", roles=TILL,
                handler=self.basket, answer=Basket, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="DELETE", path="/v1/baskets/{id}", summary="Give a basket up", roles=TILL,
                handler=self.release, answer=Basket,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
