"""Goods that come back to this shop, on the writer thread.

The shop that sold is the one that knows what is left of a sale: its own returns are rows here, and
a return is decided on them in the commit that books it, so that nothing comes back twice, connected
or not. Goods go into quality control and have no rights until an inspection says so.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from devices.paper import Document
from gateway import spool
from gateway.adjustments import apply_effect
from gateway.reads import location_on_receipt
from gateway.sales import SALE, Credit
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.escrow import CellChange, Moved, latest
from replication.ids import HUB, EntryId, entry_id, incarnation_of, parse_entry_id, replica_of
from replication.journal import EntryBody
from retail.catalogue import Product, demand
from retail.returns import (
    DISPOSITIONS,
    Disposition,
    GoodsReturn,
    InspectionRequest,
    ReturnedLine,
    ReturnRequest,
    refunds_of,
    take_back,
)
from retail.sales import Sale
from retail.stock_reasons import Effect, Place, effect_of, standing
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

RETURN: Final = "return"
INSPECTION: Final = "inspection"

NoteOf = Callable[[GoodsReturn], Document]
"""Makes the paper of a return."""

LEAVES_STOCK: Final = frozenset({Disposition.WRITE_OFF, Disposition.RETURN_TO_VENDOR})
"""Dispositions after which the goods are no longer in the shop."""


class ReturnPlan(NamedTuple):
    """A return as it is going to be: its record, the number it has here, and its paper."""

    record: GoodsReturn
    number: int
    paper: Document


def take_return(
    shop: Shop, command: Command, request: ReturnRequest, sale_id: str, note_of: NoteOf
) -> Outcome:
    """Take goods back and pay for them, or refuse and change nothing.

    `sale_id` is what `request.sale` names, which may be a printed number.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    plan = plan_return(shop, command, request, sale_id, note_of)
    if isinstance(plan, Problem):
        return plan
    entry, told = book_return(shop, command, plan)
    shop.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, told)


def plan_return(
    shop: Shop,
    command: Command,
    request: ReturnRequest,
    sale_id: str,
    note_of: NoteOf,
    new_total_minor: int = 0,
) -> ReturnPlan | Problem:
    """Decide a return as a whole; nothing is changed.

    `new_total_minor` is the price of what goes out instead: that much is not paid back.
    """
    sale = _sale(shop, sale_id)
    if isinstance(sale, Problem):
        return sale
    before = returns_of(shop, sale.id)
    lines = take_back(sale, before, request.lines)
    if not isinstance(lines, tuple):
        return Problem(Slug.CONFLICT, f"{lines}.", members={"sku": lines.sku})
    total_minor = sum(line.total_minor for line in lines)
    kept = Credit(total_minor, entries=0).tenders(new_total_minor)
    paid_back = total_minor - sum(tender.amount_minor for tender in kept)
    ledger, writer = shop.ledger, shop.ledger.writer
    number = _next_number(shop)
    record = GoodsReturn(
        id=entry_id(writer, ledger.next_seq),
        number=f"{shop.location.upper()}-{incarnation_of(writer)}-R{number:06d}",
        sale=sale.id,
        sale_number=sale.number,
        location=shop.location,
        register=request.register,
        cashier=command.principal.name,
        business_date=shop.business_date().isoformat(),
        at=rfc3339(ledger.now_ms),
        reason=request.reason,
        currency=sale.currency,
        lines=lines,
        total_minor=total_minor,
        tax_minor=sum(line.tax_minor for line in lines),
        refunds=(*kept, *refunds_of(sale, before, paid_back)),
        goods=_goods(shop, lines),
    )
    return ReturnPlan(record, number, note_of(record))


def book_return(shop: Shop, command: Command, plan: ReturnPlan) -> tuple[EntryId, bytes]:
    """Move, journal and spool what was planned; the caller remembers its key."""
    writer, record = shop.ledger.writer, plan.record
    cells = [
        shop.counter(sku).move(writer, Moved.RETURNED, units) for sku, units in record.goods.items()
    ]
    _keep(shop, plan.number, record)
    told = msgspec.json.encode(record)
    entry = shop.ledger.append(
        RETURN,
        told,
        actor=command.actor,
        reason=record.reason,
        reference=record.sale,
        moves=record.goods.items(),
        cells=cells,
    )
    printer = shop.printers.get(record.register)
    if printer is not None:
        spool.add_document(shop, printer, plan.paper, f"Credit note {record.number}")
    return entry, told


def inspect(shop: Shop, command: Command, return_id: str, request: InspectionRequest) -> Outcome:
    """Say what became of goods that came back; only now can they be sold again.

    Goods that were lost while they waited are booked already: writing those off moves nothing.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    row = shop.connection.execute(
        "SELECT number, data FROM goods_return WHERE id = ?", (return_id,)
    ).fetchone()
    if row is None:
        return Problem(Slug.NOT_FOUND, f"There is no return {return_id} here.")
    record = msgspec.json.decode(str(row[1]), type=GoodsReturn)
    refused = _why_not(shop, record, request)
    if refused is not None:
        return refused
    record = msgspec.structs.replace(record, inspected=(*record.inspected, *request.lines))
    cells: list[CellChange] = []
    moves: dict[str, int] = {}
    # What is written off comes last, so that the goods that are there are those of the others.
    for one in sorted(request.lines, key=lambda one: one.disposition is Disposition.WRITE_OFF):
        there = standing(shop.counter(one.sku), Place.QUALITY_CONTROL)
        units = min(one.quantity, there)
        if units:
            apply_effect(shop, cells, one.sku, units, _effect(one.disposition))
        if units and one.disposition in LEAVES_STOCK:
            moves[one.sku] = moves.get(one.sku, 0) - units
    _keep(shop, int(str(row[0])), record)
    told = msgspec.json.encode(record)
    entry = shop.ledger.append(
        INSPECTION,
        told,
        actor=command.actor,
        reference=record.id,
        moves=moves.items(),
        cells=latest(cells),
    )
    shop.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, told)


def returns_of(shop: Shop, sale: str) -> list[GoodsReturn]:
    """The returns of a sale so far, oldest first."""
    rows = shop.connection.execute(
        "SELECT data FROM goods_return WHERE sale = ? ORDER BY number", (sale,)
    )
    return [msgspec.json.decode(str(data), type=GoodsReturn) for (data,) in rows]


def _sale(shop: Shop, sale_id: str) -> Sale | Problem:
    place = parse_entry_id(sale_id)
    sold_in = location_on_receipt(sale_id) if place is None else replica_of(place[0])
    if sold_in == HUB:
        return Problem(
            Slug.CONFLICT,
            f"{sale_id} is an online order: that its goods came back is an event of the order.",
        )
    if sold_in is not None and sold_in != shop.location:
        return Problem(
            Slug.CONFLICT,
            f"{sale_id} was sold in {sold_in}: only that store knows what is left of it, and takes "
            "it back.",
        )
    body = shop.store.load_body(*place) if place is not None else None
    if body is None:
        return Problem(Slug.NOT_FOUND, f"There is no sale {sale_id} here.")
    entry = msgspec.json.decode(body, type=EntryBody)
    if entry.kind != SALE:
        return Problem(Slug.NOT_FOUND, f"{sale_id} is no sale.")
    return msgspec.json.decode(entry.record, type=Sale)


def _next_number(shop: Shop) -> int:
    row = shop.connection.execute("SELECT max(number) FROM goods_return").fetchone()
    return 1 + int(str((row and row[0]) or 0))


def _goods(shop: Shop, lines: tuple[ReturnedLine, ...]) -> dict[str, int]:
    """Units per SKU that stand in the shop again: bundles as what they are of."""
    known: list[tuple[Product, int]] = []
    goods: dict[str, int] = {}
    for line in lines:
        product = shop.catalogue.get(line.sku)
        if product is None:  # it left the catalogue, and its goods are goods all the same
            goods[line.sku] = goods.get(line.sku, 0) + line.quantity
        else:
            known.append((product, line.quantity))
    for sku, units in demand(known, shop.catalogue).items():
        goods[sku] = goods.get(sku, 0) + units
    return goods


def _keep(shop: Shop, number: int, record: GoodsReturn) -> None:
    shop.connection.execute(
        "INSERT INTO goods_return VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT (number) DO UPDATE SET is_open = ?4, data = ?5",
        (
            number,
            record.id,
            record.sale,
            int(bool(record.in_quality_control())),
            msgspec.json.encode(record).decode(),
        ),
    )


def _why_not(shop: Shop, record: GoodsReturn, request: InspectionRequest) -> Problem | None:
    """Why these goods cannot have been inspected, or None."""
    wanted: dict[str, int] = {}
    kept: dict[str, int] = {}
    for one in request.lines:
        wanted[one.sku] = wanted.get(one.sku, 0) + one.quantity
        is_there = one.disposition is not Disposition.WRITE_OFF
        kept[one.sku] = kept.get(one.sku, 0) + one.quantity * is_there
    waiting = record.in_quality_control()
    for sku, units in wanted.items():
        left, there = waiting.get(sku, 0), standing(shop.counter(sku), Place.QUALITY_CONTROL)
        if units > left or kept[sku] > there:
            lost = " What was lost meanwhile is written off." if there < left else ""
            return Problem(
                Slug.CONFLICT,
                f"{units} of {sku} were looked at, and {min(left, there)} of this return wait for "
                f"it.{lost}",
                members={"sku": sku},
            )
        if shop.catalogue.get(sku) is None:
            return Problem(Slug.CONFLICT, f"{sku} is not in the catalogue any more.")
    return None


def _effect(disposition: Disposition) -> Effect:
    code = DISPOSITIONS[disposition]
    effect = effect_of(code, 1 if disposition is Disposition.RESTOCK else -1)
    assert isinstance(effect, Effect), "every disposition is a reason of stock"
    return effect
