"""The endpoints of returns: what customers bring back, and what becomes of it."""

from collections.abc import Sequence

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.printing.credit_notes import credit_note_of
from gateway.reads import ReturnsQuery
from gateway.returning import returns, unverified
from gateway.returning.claiming import Unverifiable
from gateway.returning.return_rows import find_return
from gateway.returning.returnables import Elsewhere
from gateway.roles import STOCKROOM, TILL
from retail.returning.return_requests import InspectionRequest, ReturnRequest, SettleRequest
from retail.returning.returns import GoodsReturn
from retail.selling.store_credit import SECRET_CHARS
from web.endpoint import Answer, Call, Endpoint
from web.once import Outcome, answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug
from web.spoken_code import spoken_code


class ReturnApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take_return(self, call: Call[ReturnRequest]) -> Answer:
        """Goods that came back; the sale may be named by the number that its receipt shows.

        What was sold elsewhere is asked of the hub first, while the customer waits.
        """
        self._parts.speaks_for(call, call.body.register)
        shop, command = self._parts.shop, command_of(call, register=call.body.register)
        named = await self._parts.lists.read(lambda reads: reads.sale_id(call.body.sale))
        issuer, secret = self._parts.receipts.issuer, spoken_code(SECRET_CHARS)

        async def decide(sale: str, *, has_asked: bool) -> Outcome | Elsewhere:
            return await self._parts.writer.submit(
                lambda: returns.take_return(
                    shop, command, call.body, sale,
                    lambda record: credit_note_of(record, issuer), secret, has_asked=has_asked,
                ),
                command.key,
            )  # fmt: skip

        try:
            return answer(await self._parts.claiming.decided(decide, named))
        except Unverifiable:
            if not call.body.unverified:
                raise
        return answer(
            await self._parts.writer.submit(
                lambda: unverified.take_in(
                    shop, command, call.body, named, lambda record: credit_note_of(record, issuer)
                ),
                command.key,
            )
        )

    async def settle(self, call: Call[SettleRequest]) -> Answer:
        """An unverified return is paid for now, or found to be none."""
        self._parts.speaks_for(call, call.body.register)
        shop, command = self._parts.shop, command_of(call, register=call.body.register)
        number, submit = call.params["id"], self._parts.writer.submit
        if call.body.reject:
            return answer(
                await submit(lambda: unverified.reject(shop, command, number), command.key)
            )
        found = await self._parts.writer.look(lambda: find_return(shop, number))
        told = call.body.sale or ("" if found is None else found[1].sale)
        named = await self._parts.lists.read(lambda reads: reads.sale_id(told))
        issuer, secret = self._parts.receipts.issuer, spoken_code(SECRET_CHARS)

        async def decide(sale: str, *, has_asked: bool) -> Outcome | Elsewhere:
            return await submit(
                lambda: unverified.settle(
                    shop, command, number, call.body, sale,
                    lambda record: credit_note_of(record, issuer), secret, has_asked=has_asked,
                ),
                command.key,
            )  # fmt: skip

        return answer(await self._parts.claiming.decided(decide, named))

    async def inspect(self, call: Call[InspectionRequest]) -> Answer:
        """What became of them."""
        shop, command, number = self._parts.shop, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: returns.inspect(shop, command, number, call.body), command.key
            )
        )

    async def returns(self, call: Call[None]) -> Answer:
        """Returns to this shop."""
        return await self._parts.lists.answer(lambda reads: reads.returns_page(call.query))

    async def one(self, call: Call[None]) -> Answer:
        """One return."""
        found = self._parts.reads.goods_return(call.params["id"])
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"There is no return {call.params['id']} here.")
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/returns", summary="Take goods back and pay for them",
                roles=TILL, handler=self.take_return, body=ReturnRequest, answer=GoodsReturn,
                status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/returns/{id}/inspect",
                summary="Say what became of goods that came back", roles=STOCKROOM,
                handler=self.inspect, body=InspectionRequest, answer=GoodsReturn, status=201,
                idempotent=True, refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/returns/{id}/settle",
                summary="Pay for goods that came in unverified, or reject them", roles=STOCKROOM,
                handler=self.settle, body=SettleRequest, answer=GoodsReturn, status=201,
                idempotent=True, refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/returns", summary="Returns to this shop", roles=TILL,
                handler=self.returns, query=ReturnsQuery, answer=Paged[GoodsReturn],
            ),
            Endpoint(
                method="GET", path="/v1/returns/{id}", summary="One return", roles=TILL,
                handler=self.one, answer=GoodsReturn, refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip
