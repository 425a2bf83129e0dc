"""The endless aisle: a till sells units that stand in another store, through the hub, as an order.

    quote    the hub says what it costs, unless the till says what the customer was shown
    settle   the tenders pay that, or nothing begins
    place    the hub sets the units aside: `pending`, at that price or not at all
    pay      the money, its key and the receipt are one commit of this gateway (`order_payments`)

Whatever breaks in between, the till repeats its request: the order is placed under a key that
follows from the request, so it is the same order, and the payment is journalled once. An order
whose till never came back is not paid and expires at the hub. Money is taken last and told by the
journal, which arrives whatever the line does; it may find its order expired, as any late payment.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

import msgspec

from devices.paper import Document
from gateway.link.elsewhere import AskElsewhere, nobody_elsewhere
from gateway.link.hub_line import HubAnswer, HubLine
from gateway.link.hub_problems import problem_of
from gateway.ordering.order_payments import begin, lines_of, pay_placed, settled
from gateway.printing.order_receipts import order_receipt_of
from gateway.printing.receipts import Issuer
from gateway.shop import Shop
from replication.ledger import RequestKey
from retail.ordering.order_payments import (
    PaidOrder,
    TillBasket,
    TillOrderQuoteRequest,
    TillOrderRequest,
    order_request,
    quote_request,
)
from retail.ordering.orders import Fulfilment, Order, OrderLine, Pickup
from web.once import Command, Done, Outcome
from web.problems import Problem

RETRY_AFTER_S: Final = 5
"""A line that is back is noticed by then; the customer waits meanwhile."""

UNHEARD: Final = (
    "The hub was not heard, and only the hub sells what stands elsewhere. Nothing was changed: try "
    "again when the line is up."
)

PERHAPS_PLACED: Final = (
    "The hub was not heard in time. Nothing is paid: ask again with the same key, or leave it; an "
    "order that nobody pays for is given up by itself."
)

T = TypeVar("T")


class Deciding(Protocol):
    """The writer thread, as the desk uses it (`replication.adapters.group_commit`)."""

    def look(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Only read."""

    def submit(self, work: Callable[[], T], request: RequestKey | None, /) -> Awaitable[T]:
        """Decide and commit."""


class _Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of the hub's quote; a newer hub may say more."""

    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDesk:
    """Orders of this shop's tills, on the event loop."""

    shop: Shop
    writer: Deciding
    hub: HubLine
    issuer: Issuer
    ask_elsewhere: AskElsewhere = nobody_elsewhere

    async def quote(self, request: TillOrderQuoteRequest) -> bytes | Problem:
        """What the order would cost now, as the hub says it."""
        shop = self.shop
        lines = await self.writer.look(lambda: lines_of(shop, request))
        if isinstance(lines, Problem):
            return lines
        return await self._ask_price(request, lines, request.fulfilment)

    async def order(self, command: Command, request: TillOrderRequest) -> Outcome:
        """Sell by an order, or refuse: then nobody has paid. Safe to repeat with the same key."""
        shop = self.shop
        lines = await self.writer.look(lambda: begin(shop, command, request))
        if isinstance(lines, Done | Problem):
            return lines
        total_minor = await self._total_minor(request, lines)
        if isinstance(total_minor, Problem):
            return total_minor
        if isinstance(refused := settled(total_minor, request.tenders), Problem):
            return refused
        places = await self._places(request, lines)
        order = await self._place(command, request, lines, total_minor)
        if isinstance(order, Problem):
            return order

        def paper_of(paid: PaidOrder) -> Document:
            return order_receipt_of(paid, self.issuer, places)

        return await self.writer.submit(
            lambda: pay_placed(shop, command, request, order, paper_of), command.key
        )

    async def _ask_price(
        self, basket: TillBasket, lines: tuple[OrderLine, ...], fulfilment: Fulfilment
    ) -> bytes | Problem:
        body = quote_request(basket, lines, fulfilment)
        answer = await self.hub.post("/v1/quotes", body, key="quote")  # changes nothing: any key
        return _body_of(answer, HTTPStatus.OK, UNHEARD)

    async def _total_minor(
        self, request: TillOrderRequest, lines: tuple[OrderLine, ...]
    ) -> int | Problem:
        """What the customer was shown, which the hub takes or refuses; else what the hub says."""
        if request.expected_total_minor is not None:
            return request.expected_total_minor
        quoted = await self._ask_price(request, lines, request.fulfilment)
        if isinstance(quoted, Problem):
            return quoted
        try:
            return msgspec.json.decode(quoted, type=_Quoted).total_minor
        except msgspec.DecodeError as unknown:
            return _not_understood(unknown)

    async def _place(
        self,
        command: Command,
        request: TillOrderRequest,
        lines: tuple[OrderLine, ...],
        total_minor: int,
    ) -> Order | Problem:
        body = order_request(request, lines, self.shop.location, total_minor)
        key = hub_key(command, total_minor)
        placed = _body_of(
            await self.hub.post("/v1/orders", body, key=key), HTTPStatus.CREATED, PERHAPS_PLACED
        )
        if isinstance(placed, Problem):
            return placed
        try:
            return msgspec.json.decode(placed, type=Order)
        except msgspec.DecodeError as unknown:
            return _not_understood(unknown)

    async def _places(
        self, request: TillOrderRequest, lines: tuple[OrderLine, ...]
    ) -> Mapping[str, str]:
        """What people call the locations that may be on the receipt, as far as can be heard."""
        shop = self.shop
        here: dict[str, str] = {shop.location: shop.identity.name}
        if isinstance(request.fulfilment, Pickup) and request.fulfilment.location in here:
            return here
        told = await self.ask_elsewhere(lines[0].sku)
        return {one.location: one.name for one in told if one.name is not None} | here


def hub_key(command: Command, total_minor: int) -> str:
    """The key under which the hub places this order, whoever repeats the request.

    Another body or another price is another order: the one before, if there was one, is not paid.
    """
    parts = [*command.key, command.digest.hex(), str(total_minor)]
    digest = hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
    return f"till-order-{digest}"


def _body_of(answer: HubAnswer | None, success: int, unheard: str) -> bytes | Problem:
    if answer is None:
        return Problem.unavailable(unheard, retry_after_s=RETRY_AFTER_S)
    return answer.body if answer.status == success else problem_of(answer)


def _not_understood(unknown: Exception) -> Problem:
    return Problem.unavailable(
        f"This gateway does not understand the hub's answer; it may have to be updated: {unknown}.",
        retry_after_s=RETRY_AFTER_S,
    )
