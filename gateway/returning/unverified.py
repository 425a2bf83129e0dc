"""Goods that came back while nobody could say what is left of their sale, on the writer thread.

The customer leaves them, or has them taken in and goes. They stand in quality control at once and
are inspected like any others; nothing is paid, but for an advance that a supervisor answers for.
When the line is back the return is settled: the rights are claimed, and a credit note pays what is
due less the advance. Where there are no rights, it is rejected: somebody had brought them before.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.printing import spool
from gateway.returning.return_rows import RETURN, find_return, keep_return, new_return
from gateway.returning.returnables import Elsewhere, Known, known_here
from gateway.returning.returns import NoteOf, ReturnPlan, book_return, goods_of, plan_return
from gateway.selling.credits import code_paid_with
from gateway.selling.sales import OVERRIDES
from gateway.shop import Shop
from replication.escrow import Moved
from retail.money import divide_half_up
from retail.products.catalogue import QUANTITY_MAX, Product
from retail.returning.return_requests import ReturnRequest, SettleRequest
from retail.returning.returns import GoodsReturn, Unverified, after_advance
from retail.selling.sales import CHANGE_FROM, Tender
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

REJECTED: Final = "return_rejected"
"""The kind of an entry that says that an unverified return was none."""


class _Waiting(NamedTuple):
    """A return that waits to be settled, as its row says now."""

    number: int
    record: GoodsReturn
    unverified: Unverified


def take_in(
    shop: Shop, command: Command, request: ReturnRequest, sale: str, note_of: NoteOf
) -> Outcome:
    """Take goods in that nobody can verify now; the caller has asked whoever could."""
    known = shop.answered(command)
    if known is not None:
        return known
    if isinstance(known_here(shop, sale), Known):
        return Problem(Slug.CONFLICT, f"What is left of {sale} is known now: take it back.")
    products = [shop.catalogue.get(line.sku) for line in request.lines]
    goods = goods_of(shop, ((line.sku, line.quantity) for line in request.lines))
    if (refused := _why_not(command, request, products, goods)) is not None:
        return refused
    ledger, advance_minor = shop.ledger, request.advance_minor or 0
    number, record = new_return(
        shop, command, sale=sale, sale_number=sale, reason=request.reason,
        currency=next(one.currency for one in products if one is not None), goods=goods,
        told=request.sale,
    )  # fmt: skip
    record = msgspec.structs.replace(
        record,
        total_minor=advance_minor,
        refunds=(Tender(type=CHANGE_FROM, amount_minor=advance_minor),) if advance_minor else (),
        unverified=Unverified(lines=request.lines, advance_minor=advance_minor),
    )
    paper = note_of(record)
    cells = [
        shop.counter(sku).move(ledger.writer, Moved.RETURNED, units) for sku, units in goods.items()
    ]
    keep_return(shop, number, record)
    told = msgspec.json.encode(record)
    ledger.append(
        RETURN, told, actor=command.actor, reason=f"unverified: {record.reason}",
        reference=record.sale, moves=goods.items(), cells=cells, request=command.mark(),
    )  # fmt: skip
    printer = shop.printers.get(record.register)
    if printer is not None:
        spool.add_document(shop, printer, paper, f"Unverified return {record.number}")
    return Done(201, told)


def _why_not(
    command: Command,
    request: ReturnRequest,
    products: Sequence[Product | None],
    goods: Mapping[str, int],
) -> Problem | None:
    """Why these goods are not taken in, or not for that advance."""
    if None in products:
        return unknown_product(request.lines[products.index(None)].sku, field="$.lines")
    for sku, units in goods.items():
        if units > QUANTITY_MAX:
            return Problem.invalid(f"{units} of {sku} are too many to come back.", field="$.lines")
    if request.advance_minor is None:
        return None
    if command.principal.role not in OVERRIDES:
        return Problem(Slug.FORBIDDEN, "Only a supervisor may pay for what nobody could verify.")
    worth_minor = sum(
        divide_half_up(one.price_minor * line.quantity, one.price_per_quantity)
        for one, line in zip(products, request.lines, strict=True)
        if one is not None
    )
    if request.advance_minor > worth_minor:
        return Problem.invalid(
            f"The goods cost {worth_minor} today: an advance cannot be more.",
            field="$.advance_minor",
        )
    return None


def settle(
    shop: Shop,
    command: Command,
    return_id: str,
    request: SettleRequest,
    sale: str,
    note_of: NoteOf,
    secret: str,
    *,
    has_asked: bool = False,
) -> Outcome | Elsewhere:
    """Pay for what came in unverified, now that somebody can say what is left of the sale."""
    found = _to_settle(shop, command, return_id)
    if not isinstance(found, _Waiting):
        return found
    asked = ReturnRequest(
        register=request.register,
        sale=request.sale or found.record.announced or sale,
        lines=found.unverified.lines,
        reason=found.record.reason,
        refund_to=request.refund_to,
    )
    plan = plan_return(shop, command, asked, sale, note_of, secret, has_asked=has_asked)
    if not isinstance(plan, ReturnPlan):
        return plan
    refunds = after_advance(plan.record.refunds, found.unverified.advance_minor)
    record = msgspec.structs.replace(
        plan.record,
        goods={},
        refunds=refunds,
        credit=code_paid_with(refunds),
        settles=return_id,
    )
    plan = plan._replace(record=record, paper=note_of(record))
    told = book_return(shop, command, plan, request=command.mark())
    _close(shop, found, record.id)
    return Done(201, told)


def reject(shop: Shop, command: Command, return_id: str) -> Outcome:
    """Somebody had brought these units before, or they were never sold: nothing is paid."""
    found = _to_settle(shop, command, return_id)
    if not isinstance(found, _Waiting):
        return found
    told = _close(shop, found, return_id)
    shop.ledger.append(
        REJECTED, told, actor=command.actor, reference=return_id, request=command.mark()
    )
    return Done(201, told)


def _to_settle(shop: Shop, command: Command, return_id: str) -> _Waiting | Outcome:
    known = shop.answered(command)
    if known is not None:
        return known
    found = find_return(shop, return_id)
    if found is None:
        return Problem(Slug.NOT_FOUND, f"There is no return {return_id} here.")
    number, record = found
    if record.unverified is None:
        return Problem(Slug.CONFLICT, f"Return {record.number} was verified when it came in.")
    if record.unverified.settled_by is not None:
        return Problem(Slug.CONFLICT, f"Return {record.number} is settled already.")
    return _Waiting(number, record, record.unverified)


def _close(shop: Shop, waiting: _Waiting, settled_by: str) -> bytes:
    """Note by what a waiting return is settled; its record as it is then."""
    record = msgspec.structs.replace(
        waiting.record,
        unverified=msgspec.structs.replace(waiting.unverified, settled_by=settled_by),
    )
    keep_return(shop, waiting.number, record)
    return msgspec.json.encode(record)
