"""The endpoint of registers that hand in sales of a box before this one."""

from collections.abc import Sequence

from gateway.lives.recovered import RecoveredSale, RecoveredSaleRequest, recover
from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.roles import TILL
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.problems import Slug


class RecoveredApi:
    """The handler, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def recover(self, call: Call[RecoveredSaleRequest]) -> Answer:
        """A sale that a box before this one acknowledged; asked again it is known."""
        sale, shop = call.body.sale, self._parts.shop
        self._parts.speaks_for(call, sale.register)
        command = command_of(call, sale.register)
        return answer(await self._parts.writer.submit(lambda: recover(shop, command, sale)))

    def endpoints(self) -> Sequence[Endpoint]:
        """The row."""
        return [
            Endpoint(
                method="POST", path="/v1/recovered-sales",
                summary="Hand in a sale that a box before this one acknowledged", roles=TILL,
                handler=self.recover, body=RecoveredSaleRequest, answer=RecoveredSale,
                status=201, idempotent=True,
                refusals=(Slug.CONFLICT, Slug.FORBIDDEN, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
