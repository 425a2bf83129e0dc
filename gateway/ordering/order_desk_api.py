"""The endpoints of orders at the till: sold from elsewhere, and paid for when handed over."""

from collections.abc import Sequence

from gateway.ordering.order_desk import OrderDesk
from gateway.ordering.order_papers import PrintedAgain, print_receipt, print_slip
from gateway.ordering.order_payments import pay_here
from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.printing.order_receipts import order_receipt_of
from gateway.printing.receipt_words import Mark
from gateway.roles import TILL
from retail.ordering.order_payments import (
    OrderPaymentRequest,
    PaidOrder,
    TillOrderQuoteRequest,
    TillOrderRequest,
)
from retail.prices.quotes import Quote
from web.body import Empty
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.problems import Problem, Slug


class OrderDeskApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _desk(self) -> OrderDesk:
        parts = self._parts
        return OrderDesk(
            shop=parts.shop, writer=parts.writer, hub=parts.hub, issuer=parts.receipts.issuer,
            ask_elsewhere=parts.ask_elsewhere,
        )  # fmt: skip

    async def quote(self, call: Call[TillOrderQuoteRequest]) -> Answer:
        """What goods from elsewhere would cost."""
        self._parts.speaks_for(call, call.body.register)
        quoted = await self._desk().quote(call.body)
        if isinstance(quoted, Problem):
            raise quoted
        return Answer(200, quoted)

    async def order(self, call: Call[TillOrderRequest]) -> Answer:
        """Goods from elsewhere, paid here."""
        self._parts.speaks_for(call, call.body.register)
        return answer(await self._desk().order(command_of(call, call.body.register), call.body))

    async def pay(self, call: Call[OrderPaymentRequest]) -> Answer:
        """Money for an order that is handed over here."""
        request, shop, issuer = call.body, self._parts.shop, self._parts.receipts.issuer
        self._parts.speaks_for(call, request.register)
        command, order_id = command_of(call, request.register), call.params["id"]
        here: dict[str, str] = {shop.location: shop.identity.name}
        return answer(
            await self._parts.writer.submit(
                lambda: pay_here(
                    shop, command, order_id, request,
                    lambda paid: order_receipt_of(paid, issuer, here),
                ),
                command.key,
            )
        )  # fmt: skip

    async def print_slip(self, call: Call[Empty]) -> Answer:
        """A picking slip that got lost."""
        shop, command, order_id = self._parts.shop, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: print_slip(shop, command, order_id), command.key
            )
        )

    async def print_receipt(self, call: Call[Empty]) -> Answer:
        """The receipt of a payment, marked as a copy."""
        shop, receipts, command = self._parts.shop, self._parts.receipts, command_of(call)
        order_id, here = call.params["id"], {str(shop.location): shop.identity.name}
        return answer(
            await self._parts.writer.submit(
                lambda: print_receipt(
                    shop, command, order_id,
                    lambda paid: receipts.marked(
                        order_receipt_of(paid, receipts.issuer, here), Mark.COPY
                    ),
                ),
                command.key,
            )
        )  # fmt: skip

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/orders/quotes",
                summary="What goods that stand elsewhere would cost as an order", roles=TILL,
                handler=self.quote, body=TillOrderQuoteRequest, answer=Quote,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, Slug.UNAVAILABLE),
            ),
            Endpoint(
                method="POST", path="/v1/orders",
                summary="Sell goods that stand elsewhere, through the hub, as an order that is "
                "paid here",
                roles=TILL, handler=self.order, body=TillOrderRequest, answer=PaidOrder,
                status=201, idempotent=True,
                refusals=(
                    Slug.QUOTA_SHORT, Slug.PRICE_CHANGED, Slug.UNKNOWN_PRODUCT, Slug.CONFLICT,
                    *COMMAND_REFUSALS,
                ),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/payments",
                summary="Take the money for an order that is paid when it is handed over",
                roles=TILL, handler=self.pay, body=OrderPaymentRequest, answer=PaidOrder,
                status=201, idempotent=True,
                refusals=(
                    Slug.NOT_FOUND, Slug.CONFLICT, Slug.PRICE_CHANGED, *COMMAND_REFUSALS,
                ),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/slip/print",
                summary="Print the picking slip of what waits here once more", roles=TILL,
                handler=self.print_slip, answer=PrintedAgain, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/orders/{id}/receipt/print",
                summary="Print the receipts of what was paid here for an order, as copies",
                roles=TILL, handler=self.print_receipt, answer=PrintedAgain, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
