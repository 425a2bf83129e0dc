"""Goods for goods, on the writer thread: a return and a sale that happen together or not at all.

Three entries in one commit: what came back, what went out, and the exchange that names both. They
are one deed, which travels whole (`replication.journal.EntryBody.more`). The worth of what came
back pays for what goes out; the customer pays the rest, or gets it.
"""

from typing import Final

import msgspec

from gateway.returning.returnables import Elsewhere
from gateway.returning.returns import NoteOf, ReturnPlan, book_return, plan_return
from gateway.selling.credits import CreditShort
from gateway.selling.sales import Credit, SalePlan, Short, book_sale, plan_sale
from gateway.shop import Shop
from replication.ids import entry_id
from replication.journal import RECORD_BYTES_MAX
from retail.prices.sale_request import SaleRequest
from retail.returning.return_requests import ExchangeRequest, ReturnRequest
from retail.returning.returns import GoodsReturn
from retail.selling.sales import Sale
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug
from web.uses import Asked, UsesShort

EXCHANGE: Final = "exchange"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What came back and what went out, as journalled."""

    id: str
    returned: GoodsReturn
    sale: Sale


def exchange(  # noqa: PLR0913 - what a return takes, and what a sale takes
    shop: Shop,
    command: Command,
    request: ExchangeRequest,
    sale_id: str,
    note_of: NoteOf,
    secret: str,
    *,
    asked_hub: bool,
    asked: Asked,
    has_asked: bool = False,
) -> Outcome | Short | UsesShort | CreditShort | Elsewhere:
    """Exchange goods, or refuse and change nothing. Safe to repeat with the same key.

    `sale_id` is what `request.sale` names, `secret` and `has_asked` as in a return; `asked_hub` and
    `asked` are those of a sale.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    back = ReturnRequest(
        register=request.register,
        sale=request.sale,
        lines=request.returned,
        reason=request.reason,
        refund_to=request.refund_to,
    )
    returned = plan_return(shop, command, back, sale_id, note_of, secret, has_asked=has_asked)
    if not isinstance(returned, ReturnPlan):
        return returned
    credit = Credit(returned.record.total_minor, entries=1)
    sold = plan_sale(
        shop, command, _sale_request(request), asked_hub=asked_hub, asked=asked, credit=credit
    )
    if not isinstance(sold, SalePlan):
        return sold
    if (refused := _why_not(returned.record, sold.sale)) is not None:
        return refused
    returned = plan_return(
        shop, command, back, sale_id, note_of, secret, sold.sale.total_minor, has_asked=has_asked
    )
    assert isinstance(returned, ReturnPlan), "it was possible a moment ago"
    record = Exchange(
        id=entry_id(shop.ledger.writer, sold.sale.seq + 1),
        returned=returned.record,
        sale=sold.sale,
    )
    told = msgspec.json.encode(record)
    if len(told) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="An exchange's record")
    book_return(shop, command, returned, more=2)
    book_sale(shop, command, sold, more=1)
    shop.ledger.append(
        EXCHANGE,
        told,
        actor=command.actor,
        reference=returned.record.sale,
        request=command.mark(),
    )
    return Done(201, told)


def _why_not(back: GoodsReturn, sale: Sale) -> Problem | None:
    """Why goods that came back, and would be paid back whole, do not pay for others; or None."""
    if sale.currency != back.currency:
        return Problem.invalid(
            f"Goods paid in {back.currency} are not exchanged for goods in {sale.currency}.",
            field="$.lines",
        )
    paid_minor = sum(one.amount_minor for one in back.refunds)
    if paid_minor < back.total_minor:
        return Problem(
            Slug.CONFLICT,
            f"Of these goods only {paid_minor} of {back.total_minor} are paid: they pay for no "
            "others.",
        )
    return None


def _sale_request(request: ExchangeRequest) -> SaleRequest:
    return SaleRequest(
        register=request.register,
        lines=request.lines,
        tenders=request.tenders,
        coupons=request.coupons,
        customer_group=request.customer_group,
        discounts=request.discounts,
        customer_id=request.customer_id,
        expected_total_minor=request.expected_total_minor,
    )
