"""The endpoints of a till: baskets sold, sales shown and printed again."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
from aiohttp import hdrs, web

from gateway.e_receipt.page import ReceiptQuery, e_receipt
from gateway.lives.recovered import told_more
from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.prices.priced import quote
from gateway.printing import spool
from gateway.printing.credit_notes import credit_note_of
from gateway.returning import exchanges
from gateway.returning.exchanges import Exchange
from gateway.returning.returnables import Elsewhere
from gateway.roles import TILL
from gateway.selling import sales
from gateway.selling.asking import Asking, Work
from gateway.selling.credit_api import credit_short
from gateway.selling.credits import CreditShort
from gateway.selling.sales import Short
from gateway.shop import Shop
from replication.ids import parse_entry_id
from retail.prices.quotes import Quote
from retail.prices.sale_request import QuoteRequest, SaleRequest
from retail.returning.return_requests import ExchangeRequest
from retail.selling.sales import Sale
from retail.selling.store_credit import SECRET_CHARS
from web.body import Empty
from web.endpoint import Answer, Call, Endpoint
from web.journal_pages import SalesQuery, sale_record, sales_page
from web.once import Command, Done, Outcome, answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug
from web.spoken_code import spoken_code


class Printing(msgspec.Struct, frozen=True, kw_only=True):
    """A reprint that was spooled."""

    sale: str
    printer: str
    copy: bool


class SellingApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @cached_property
    def _asking(self) -> Asking:
        return Asking(self._parts.writer, self._parts.registers.borrow)

    async def sell(self, call: Call[SaleRequest]) -> Answer:
        """A sale; when the quota is short the hub is asked while the customer waits."""
        request, shop = call.body, self._parts.shop
        self._parts.speaks_for(call, request.register)
        command = command_of(call, request.register)
        sold = await self._sold(
            command,
            lambda asked_hub, asked: sales.sell(
                shop, command, request, asked_hub=asked_hub, asked=asked
            ),
            has_override=request.override is not None,
        )
        assert isinstance(sold, Answer), "nothing comes back with a sale"
        return sold

    async def exchange(self, call: Call[ExchangeRequest]) -> Answer:
        """Goods for goods; what goes out is sold as in a sale."""
        request, shop = call.body, self._parts.shop
        self._parts.speaks_for(call, request.register)
        command = command_of(call, request.register)
        named = await self._parts.lists.read(lambda reads: reads.sale_id(request.sale))
        issuer, secret = self._parts.receipts.issuer, spoken_code(SECRET_CHARS)

        async def decide(sale: str, *, has_asked: bool) -> Answer | Elsewhere:
            return await self._sold(
                command,
                lambda asked_hub, asked: exchanges.exchange(
                    shop, command, request, sale,
                    lambda record: credit_note_of(record, issuer), secret, has_asked=has_asked,
                    asked_hub=asked_hub, asked=asked,
                ),
            )  # fmt: skip

        return await self._parts.claiming.decided(decide, named)

    async def _sold(
        self,
        command: Command,
        work: Work,
        *,
        has_override: bool = False,
    ) -> Answer | Elsewhere:
        """Decide on units and rights; the hub is asked for what is short, and it is decided again.

        `Elsewhere` is of goods that come back, and passed on.
        """
        outcome = await self._asking.decided(command, work, has_override=has_override)
        if isinstance(outcome, Short):
            raise await self._parts.quota_short(outcome)
        if isinstance(outcome, CreditShort):
            raise await credit_short(self._parts, outcome)
        return outcome if isinstance(outcome, Elsewhere) else answer(outcome)

    async def quote(self, call: Call[QuoteRequest]) -> Answer:
        """What a basket would cost now."""
        shop, role, look = self._parts.shop, call.principal.role, self._parts.writer.look
        quoted = await self._asking.with_uses(
            lambda asked: look(lambda: quote(shop, call.body, role, asked))
        )
        if isinstance(quoted, Problem):
            raise quoted
        return Answer(200, quoted)

    async def sales(self, call: Call[None]) -> Answer:
        """Sales in the order of the journal."""
        return await self._parts.lists.answer(
            lambda reads: sales_page(reads.store, call.query, *told_more(reads.store))
        )

    async def sale(self, call: Call[None]) -> Answer:
        """One sale."""
        return Answer(200, await self._sale(call))

    async def receipt(self, call: Call[None]) -> web.Response:
        """The e-receipt, as text or as a page."""
        sale = msgspec.json.decode(await self._sale(call), type=Sale)
        document = self._parts.receipts.of(sale, language=call.query.language)
        return e_receipt(document, call.request.headers.get(hdrs.ACCEPT, ""))

    async def print(self, call: Call[Empty]) -> Answer:
        """A reprint, marked as a copy."""
        sale = msgspec.json.decode(await self._sale(call), type=Sale)
        command = command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: print_copy(self._parts.shop, command, sale), command.key
            )
        )

    async def _sale(self, call: Call[Any]) -> bytes:
        """The sale that the address names: by its id, or by the number that its receipt shows."""
        told = call.params["id"]
        record = sale_record(self._parts.reads.store, told)
        if record is None:
            sale = await self._parts.lists.read(lambda reads: reads.sale_id(told))
            record = sale_record(self._parts.reads.store, sale)
        if record is None:
            raise Problem(Slug.NOT_FOUND, f"No sale {call.params['id']} was made here.")
        return record

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/sales", summary="Sell a basket", roles=TILL,
                handler=self.sell, body=SaleRequest, answer=Sale, status=201, idempotent=True,
                refusals=(
                    Slug.QUOTA_SHORT, Slug.CREDIT_SHORT, Slug.PRICE_CHANGED, Slug.UNKNOWN_PRODUCT,
                    Slug.CONFLICT, *COMMAND_REFUSALS,
                ),
            ),
            Endpoint(
                method="POST", path="/v1/exchanges",
                summary="Take goods back and sell others, together or not at all", roles=TILL,
                handler=self.exchange, body=ExchangeRequest, answer=Exchange, status=201,
                idempotent=True,
                refusals=(
                    Slug.NOT_FOUND, Slug.QUOTA_SHORT, Slug.CREDIT_SHORT, Slug.PRICE_CHANGED,
                    Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, *COMMAND_REFUSALS,
                ),
            ),
            Endpoint(
                method="POST", path="/v1/quotes", summary="What a basket would cost now",
                roles=TILL, handler=self.quote, body=QuoteRequest, answer=Quote,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, Slug.FORBIDDEN),
            ),
            Endpoint(
                method="GET", path="/v1/sales", summary="Sales in the order of the journal",
                roles=TILL, handler=self.sales, query=SalesQuery, answer=Paged[Sale],
            ),
            Endpoint(
                method="GET", path="/v1/sales/{id}", summary="One sale", roles=TILL,
                handler=self.sale, answer=Sale, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/sales/{id}/receipt", roles=TILL,
                summary="The e-receipt as text; as a page where Accept names text/html",
                handler=self.receipt, query=ReceiptQuery, media_type="text/plain",
                refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/sales/{id}/print", summary="Reprint, marked as a copy",
                roles=TILL, handler=self.print, answer=Printing, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip


def print_copy(shop: Shop, command: Command, sale: Sale) -> Outcome:
    """Spool a reprint; journalled, because each paper of a sale is part of its trail."""
    known = shop.answered(command)
    if known is not None:
        return known
    place = parse_entry_id(sale.id)
    assert place is not None, "the sale was found by its place"
    if sale.register not in shop.printers:
        return Problem(Slug.CONFLICT, f"Register {sale.register} has no printer.")
    printer = shop.printers[sale.register]
    if spool.is_full(shop, printer):
        return Problem(Slug.CONFLICT, f"Too many jobs wait for {printer} already.")
    record = msgspec.json.encode(Printing(sale=sale.id, printer=printer, copy=True))
    shop.ledger.append(
        spool.REPRINT, record, actor=command.actor, reference=sale.id, request=command.mark()
    )
    spool.add(shop, sale.register, sale.id, copy=True)  # type: ignore[arg-type] # it is an entry id
    return Done(201, record)
