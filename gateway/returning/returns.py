"""Goods that come back to this shop, on the writer thread.

A return is decided in the commit that books it, by whoever has the right to what is left of the
sale (`gateway.returning.returnables`), so that nothing comes back twice, connected or not. Goods go
into quality control and cannot be sold until an inspection says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from devices.paper import Document
from gateway.ordering import orders
from gateway.printing import spool
from gateway.returning.return_rows import RETURN, find_return, keep_return, new_return
from gateway.returning.returnables import Elsewhere, Known, known_here, spend_rights
from gateway.selling.credits import code_paid_with, issue_credits, refunded
from gateway.selling.sales import Credit
from gateway.shop import Shop
from gateway.stockroom.adjustments import apply_effect
from replication.escrow import CellChange, EscrowCounter, Moved, latest
from replication.ids import EntryId
from replication.journal import RequestMark
from retail.products.catalogue import Product, demand
from retail.returning.return_requests import InspectionRequest, ReturnRequest
from retail.returning.returns import (
    DISPOSITIONS,
    Disposition,
    GoodsReturn,
    Inspected,
    inspected_so_far,
    refunds_of,
    take_back,
)
from retail.stock.stock_reasons import LOST, Effect, Place, effect_of, standing
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

INSPECTION: Final = "inspection"

NoteOf = Callable[[GoodsReturn], Document]
"""Makes the paper of a return."""

IN_ORDER: Final = tuple(Disposition)
"""In which order the lines of one look are booked, whatever theirs is: what is there comes before
what is gone."""


class ReturnPlan(NamedTuple):
    """A return as it is going to be: its record, the number it has here, its paper, and of what."""

    record: GoodsReturn
    number: int
    paper: Document
    known: Known


def take_return(
    shop: Shop,
    command: Command,
    request: ReturnRequest,
    sale_id: str,
    note_of: NoteOf,
    secret: str,
    *,
    has_asked: bool = False,
) -> Outcome | Elsewhere:
    """Take goods back and pay for them, or refuse and change nothing.

    `sale_id` is what `request.sale` names, which may be a printed number; `secret` is for the code
    of a store credit, random letters that were never used before. `has_asked`: the hub was asked
    what is left, just now.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    plan = plan_return(shop, command, request, sale_id, note_of, secret, has_asked=has_asked)
    if not isinstance(plan, ReturnPlan):
        return plan
    return Done(201, book_return(shop, command, plan, request=command.mark()))


def plan_return(
    shop: Shop,
    command: Command,
    request: ReturnRequest,
    sale_id: str,
    note_of: NoteOf,
    secret: str,
    new_total_minor: int = 0,
    *,
    has_asked: bool = False,
) -> ReturnPlan | Elsewhere | Problem:
    """Decide a return as a whole; nothing is changed.

    `new_total_minor` is the price of what goes out instead: that much is not paid back.
    """
    known = known_here(shop, sale_id, has_asked=has_asked)
    if not isinstance(known, Known):
        return known
    sold = known.sold
    lines = take_back(sold, known.came, known.left, request.lines)
    if not isinstance(lines, tuple):
        return Problem(Slug.CONFLICT, f"{lines}.", members={"sku": lines.sku})
    total_minor = sum(line.total_minor for line in lines)
    kept = Credit(total_minor, entries=0).tenders(new_total_minor)
    paid_back = total_minor - sum(tender.amount_minor for tender in kept)
    due = refunds_of(sold, known.came, paid_back)
    number, record = new_return(
        shop, command, sale=sold.id, sale_number=sold.number, reason=request.reason,
        currency=sold.currency,
        goods=goods_of(shop, ((line.sku, line.quantity) for line in lines)), told=request.sale,
    )  # fmt: skip
    refunds = refunded(due, request.refund_to, EntryId(record.id), sold.currency, secret)
    record = msgspec.structs.replace(
        record,
        lines=lines,
        total_minor=total_minor,
        tax_minor=sum(line.tax_minor for line in lines),
        refunds=(*kept, *refunds),
        credit=code_paid_with(refunds),
    )
    return ReturnPlan(record, number, note_of(record), known)


def book_return(
    shop: Shop,
    command: Command,
    plan: ReturnPlan,
    *,
    request: RequestMark | None = None,
    more: int = 0,
) -> bytes:
    """Move, journal and spool what was planned; `request` where the return answers it.

    So many `more` entries belong to it.
    """
    writer, record = shop.ledger.writer, plan.record
    cells = [
        shop.counter(sku).move(writer, Moved.RETURNED, units) for sku, units in record.goods.items()
    ]
    cells += spend_rights(shop, plan.known, record.lines)
    cells += issue_credits(shop, record.refunds)
    keep_return(shop, plan.number, record)
    orders.hear_returned(shop, record)
    told = msgspec.json.encode(record)
    shop.ledger.append(
        RETURN,
        told,
        actor=command.actor,
        reason=record.reason,
        reference=record.sale,
        moves=record.goods.items(),
        cells=cells,
        request=request,
        more=more,
    )
    printer = shop.printers.get(record.register)
    if printer is not None:
        spool.add_document(shop, printer, plan.paper, f"Credit note {record.number}")
    return told


def inspect(shop: Shop, command: Command, return_id: str, request: InspectionRequest) -> Outcome:
    """Say what became of goods that came back; only now can they be sold again."""
    known = shop.answered(command)
    if known is not None:
        return known
    found = find_return(shop, return_id)
    if found is None:
        return Problem(Slug.NOT_FOUND, f"There is no return {return_id} here.")
    number, record = found
    refused = _why_not(shop, record, request)
    if refused is not None:
        return refused
    record = msgspec.structs.replace(
        record, inspected=inspected_so_far((*record.inspected, *request.lines))
    )
    cells: list[CellChange] = []
    moves: dict[str, int] = {}
    for one in sorted(request.lines, key=lambda one: IN_ORDER.index(one.disposition)):
        for units, effect in _steps(shop.counter(one.sku), one):
            apply_effect(shop, cells, one.sku, units, effect)
            if effect.moved is not None:
                moves[one.sku] = moves.get(one.sku, 0) - units
    keep_return(shop, number, record)
    told = msgspec.json.encode(record)
    shop.ledger.append(
        INSPECTION,
        told,
        actor=command.actor,
        reference=record.id,
        moves=moves.items(),
        cells=latest(cells),
        request=command.mark(),
    )
    return Done(201, told)


def goods_of(shop: Shop, lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Units per SKU that stand in the shop again: bundles as what they are of."""
    known: list[tuple[Product, int]] = []
    goods: dict[str, int] = {}
    for sku, units in lines:
        product = shop.catalogue.get(sku)
        if product is None:  # it left the catalogue, and its goods are goods all the same
            goods[sku] = goods.get(sku, 0) + units
        else:
            known.append((product, units))
    for sku, units in demand(known, shop.catalogue).items():
        goods[sku] = goods.get(sku, 0) + units
    return goods


def _why_not(shop: Shop, record: GoodsReturn, request: InspectionRequest) -> Problem | None:
    """Why these goods cannot have been inspected, or None."""
    seen: dict[str, Counter[Disposition]] = {}
    for one in request.lines:
        seen.setdefault(one.sku, Counter())[one.disposition] += one.quantity
    waiting = record.in_quality_control()
    for sku, fates in seen.items():
        counter, left = shop.counter(sku), waiting.get(sku, 0)
        if fates.total() > left or not _are_there(counter, fates):
            there = standing(counter, Place.QUALITY_CONTROL)
            gone = " What is not there any more is lost." if there < left else ""
            return Problem(
                Slug.CONFLICT,
                f"{fates.total()} of {sku} were looked at, and {min(left, there)} of this return "
                f"wait for it.{gone}",
                members={"sku": sku},
            )
        if shop.catalogue.get(sku) is None:
            return Problem(Slug.CONFLICT, f"{sku} is not in the catalogue any more.")
    return None


def _are_there(counter: EscrowCounter, fates: Counter[Disposition]) -> bool:
    """Whether the book has the goods that somebody has in the hand.

    What was put on the shelf may have been sold or sent before that was typed in, beyond what the
    book had there; so it need not stand here any more. It only must have come back: its rights
    cover the deficit which that left.
    """
    put_aside = fates[Disposition.DAMAGED] + fates[Disposition.RETURN_TO_VENDOR]
    return (
        fates[Disposition.RESTOCK] + put_aside <= counter.levels().quality_control
        and put_aside <= standing(counter, Place.QUALITY_CONTROL)
        and fates[Disposition.WRITE_OFF] <= standing(counter, Place.SHOP) - put_aside
    )


def _steps(counter: EscrowCounter, one: Inspected) -> Iterator[tuple[int, Effect]]:
    """What a line does to stock: units and the effect on them, each to be booked before the next.

    The book may have taken a loss from quality control, as it had nothing else. Lost beyond what
    waits there is that same loss, and moves nothing. Thrown away beyond it is one more, so the loss
    was of another unit: this one goes from the shelf. And what the book sold while it had nothing
    else went from quality control too: where that is lost, it had been put back on sale, and its
    rights cover the deficit.
    """
    levels, fate = counter.levels(), one.disposition
    there = {
        Disposition.RESTOCK: levels.quality_control,
        Disposition.LOST: min(
            levels.quality_control, max(0, standing(counter, Place.SHOP) - levels.damaged)
        ),
    }.get(fate, standing(counter, Place.QUALITY_CONTROL))
    units = min(one.quantity, there)
    rest = one.quantity - units
    sold = min(rest, levels.quality_control - units)
    if units:
        yield units, _effect(fate)
    if rest and fate is Disposition.WRITE_OFF:
        yield rest, LOST
    if sold and fate is Disposition.LOST:
        yield sold, _effect(Disposition.RESTOCK)


def _effect(disposition: Disposition) -> Effect:
    code = DISPOSITIONS[disposition]
    effect = effect_of(code, 1 if disposition is Disposition.RESTOCK else -1)
    assert isinstance(effect, Effect), "every disposition is a reason of stock"
    return effect
