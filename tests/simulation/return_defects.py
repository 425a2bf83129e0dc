"""Defects of returns and exchanges to plant; see `defects`, which lists them with all others."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

import msgspec

from gateway.printing.credit_notes import credit_note_of
from gateway.returning import exchanges, return_rows, returnables, returns
from gateway.returning.returnables import Elsewhere, Known
from gateway.selling import sales
from gateway.selling.credits import CreditShort
from gateway.selling.sales import Credit, SalePlan, Short
from gateway.selling.selling_api import SellingApi
from gateway.shop import Shop
from replication.escrow import Minted
from replication.ids import EntryId, entry_id
from replication.ledger import Ledger
from retail.money import divide_half_up
from retail.returning.return_requests import ExchangeRequest, ReturnRequest
from retail.returning.returns import GoodsReturn
from retail.selling.sales import SaleLine
from tests.uses_asked import SECRET
from web.endpoint import Answer, Call
from web.once import Command, Done, Outcome, command_of
from web.problems import Problem
from web.uses import Asked, UsesShort


def returned_rows_ignored() -> AbstractContextManager[Any]:
    """A return looks at its sale, and not at what came back of it before (W1)."""
    return mock.patch.object(returnables, "returns_of", return_value=[])


def restock_at_return() -> AbstractContextManager[Any]:
    """What comes back can be sold at once, before anybody has looked at it."""
    real = Ledger.append

    def append(self: Ledger, kind: str, record: bytes, **named: Any) -> EntryId:  # noqa: ANN401 - as the real one
        if kind == return_rows.RETURN:
            came = list(named["cells"])
            named["cells"] = came + [
                self.counter(one.location, one.sku).mint(self.writer, Minted.RESTOCKED, units)
                for one, (_, units) in zip(came, named["moves"], strict=True)
            ]
        return real(self, kind, record, **named)

    return mock.patch.object(Ledger, "append", append)


def refund_by_price_of_today() -> AbstractContextManager[Any]:
    """What came back is paid for with what it costs now, not with what was paid (W2)."""
    real = returnables.known_here

    def read(shop: Shop, sale_id: str, **asked: bool) -> Known | Elsewhere | Problem:
        known = real(shop, sale_id, **asked)
        if not isinstance(known, Known):
            return known
        lines = tuple(_priced_today(shop, line) for line in known.sold.lines)
        return known._replace(sold=msgspec.structs.replace(known.sold, lines=lines))

    return mock.patch.object(returns, "known_here", read)


def _priced_today(shop: Shop, line: SaleLine) -> SaleLine:
    def today(minor: int) -> int:
        return divide_half_up(minor * shop.catalogue[line.sku].price_minor, line.unit_price_minor)

    total_minor, tax_minor = today(line.total_minor), today(line.tax_minor)
    return msgspec.structs.replace(
        line, total_minor=total_minor, tax_minor=tax_minor, net_minor=total_minor - tax_minor
    )


def halves_in_two_commits() -> AbstractContextManager[Any]:
    """An exchange is a return, and when that is done a sale."""
    return mock.patch.object(SellingApi, "exchange", _exchange)


async def _exchange(self: SellingApi, call: Call[ExchangeRequest]) -> Answer:
    parts, request = self._parts, call.body
    shop, issuer = parts.shop, parts.receipts.issuer
    command = command_of(call, request.register)
    first = command._replace(key=command.key._replace(key=f"{command.key.key}/returned"))
    sale_id = await parts.lists.read(lambda reads: reads.sale_id(request.sale))
    back = ReturnRequest(
        register=request.register, sale=request.sale, lines=request.returned, reason=request.reason
    )
    done = await parts.writer.submit(
        lambda: returns.take_return(
            shop, first, back, sale_id, lambda record: credit_note_of(record, issuer), SECRET
        ),
        first.key,
    )
    if isinstance(done, Problem):
        raise done
    assert not isinstance(done, Elsewhere), "this defect is planted where a shop sells alone"
    returned = msgspec.json.decode(done.record, type=GoodsReturn)
    sold = await self._sold(
        command, lambda asked_hub, asked: _sell(shop, command, request, returned, asked_hub, asked)
    )
    assert isinstance(sold, Answer), "what goes out comes from here"
    return sold


def _sell(
    shop: Shop,
    command: Command,
    request: ExchangeRequest,
    returned: GoodsReturn,
    asked_hub: bool,  # noqa: FBT001 - as `SellingApi` calls it
    asked: Asked,
) -> Outcome | Short | UsesShort | CreditShort:
    known = shop.answered(command)
    if known is not None:
        return known
    credit = Credit(returned.total_minor, entries=0)
    sold = sales.plan_sale(
        shop, command, exchanges._sale_request(request),
        asked_hub=asked_hub, asked=asked, credit=credit,
    )  # fmt: skip
    if not isinstance(sold, SalePlan):
        return sold
    sales.book_sale(shop, command, sold)
    both = exchanges.Exchange(
        id=entry_id(shop.ledger.writer, shop.ledger.next_seq), returned=returned, sale=sold.sale
    )
    told = msgspec.json.encode(both)
    entry = shop.ledger.append(exchanges.EXCHANGE, told, actor=command.actor)
    shop.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, told)


RETURN_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "returned_rows_ignored": returned_rows_ignored,
    "restock_at_return": restock_at_return,
    "refund_by_price_of_today": refund_by_price_of_today,
    "halves_in_two_commits": halves_in_two_commits,
}
"""By name."""
