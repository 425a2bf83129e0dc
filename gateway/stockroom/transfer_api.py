"""The endpoints of transfers: what is sent to other locations, and what comes from them."""

from collections.abc import Sequence

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.reads import TransfersQuery
from gateway.roles import STOCKROOM, TILL
from gateway.selling.sales import Short
from gateway.stockroom import transfers
from gateway.stockroom.transfers import ArrivalRequest, ShipRequest, TransferRequest
from retail.stock.transfers import Transfer
from web.endpoint import Answer, Call, Endpoint
from web.once import Outcome, answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug


class TransferApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, call: Call[TransferRequest]) -> Answer:
        """What is to go."""
        shop, command = self._parts.shop, command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: transfers.create(shop, command, call.body), command.key
            )
        )

    async def ship(self, call: Call[ShipRequest]) -> Answer:
        """What left; when the quota is short the hub is asked before it is refused."""
        shop, writer = self._parts.shop, self._parts.writer
        command, number = command_of(call), call.params["id"]

        def work() -> Outcome | Short:
            return transfers.ship(shop, command, number, call.body)

        outcome = await writer.submit(work, command.key)
        if isinstance(outcome, Short) and await self._parts.registers.borrow(outcome.wants()):
            outcome = await writer.submit(work, command.key)
        if isinstance(outcome, Short):
            raise await self._parts.quota_short(outcome)
        return answer(outcome)

    async def receive(self, call: Call[ArrivalRequest]) -> Answer:
        """What came."""
        shop, command, number = self._parts.shop, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: transfers.receive(shop, command, number, call.body), command.key
            )
        )

    async def transfers(self, call: Call[None]) -> Answer:
        """From and to this location."""
        return await self._parts.lists.answer(lambda reads: reads.transfers_page(call.query))

    async def transfer(self, call: Call[None]) -> Answer:
        """One transfer."""
        found = self._parts.reads.transfer(call.params["id"])
        if found is None:
            raise Problem(
                Slug.NOT_FOUND, f"No transfer {call.params['id']} is sent from here or to here."
            )
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/transfers", summary="Plan a transfer to another location",
                roles=STOCKROOM, handler=self.create, body=TransferRequest, answer=Transfer,
                status=201, idempotent=True, refusals=(Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/transfers/{id}/ship", summary="Send its truck",
                roles=STOCKROOM, handler=self.ship, body=ShipRequest, answer=Transfer, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, Slug.QUOTA_SHORT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/transfers/{id}/receive",
                summary="Count in what its truck brought", roles=STOCKROOM, handler=self.receive,
                body=ArrivalRequest, answer=Transfer, status=201, idempotent=True,
                refusals=(
                    Slug.NOT_FOUND, Slug.CONFLICT, Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS
                ),
            ),
            Endpoint(
                method="GET", path="/v1/transfers", summary="Transfers from and to this location",
                roles=TILL, handler=self.transfers, query=TransfersQuery, answer=Paged[Transfer],
            ),
            Endpoint(
                method="GET", path="/v1/transfers/{id}", summary="One transfer", roles=TILL,
                handler=self.transfer, answer=Transfer, refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip
