"""Sales that a box before this one acknowledged and the hub never heard of, on the writer thread.

A thin register keeps every sale until the hub has it. Where its gateway died before that, it hands
the sale to the box that took the place: goods and money changed hands, so it is booked, once per
sale, in the journal of the box that lives (`recovered_sale`). The record is the sale as it was
answered, with its id and number, for a customer has them on paper. The rights are those of the
living box: its own quota first, and the rest is a deficit, for what the dead box held is frozen.
Uses of promotions and of store credits are not spent again: those rights are frozen with it too.

A sale is told from another by what it says, not by its id alone: two branches of one journal may
have given one id to two sales.
"""

import datetime
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import msgspec

from gateway.selling.sales import take
from gateway.shop import Shop
from replication.escrow import CellChange, Moved, Spent
from replication.ids import (
    WriterId,
    entry_id,
    incarnation_of,
    is_register,
    is_writer_id,
    location_of,
    parse_entry_id,
)
from replication.journal import EntryBody, decode_body
from retail.products.catalogue import QUANTITY_MAX, demand
from retail.selling.sales import LINES_MAX, TENDERS_MAX, Sale
from retail.stock.counts import instant_ms
from web.journal_pages import SALE_KINDS
from web.lives import RECOVERED_SALE
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug
from web.sale_numbers import location_on_receipt

AHEAD_MS_MAX: Final = 300_000
"""A sale is not from the future, as far as clocks of a shop may differ."""


class RecoveredSaleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sale that a box before this one has answered, as it was answered."""

    sale: Sale


class RecoveredSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that is in safe hands: `entry` is where it is journalled, `is_new` whether just now.

    `writer` and `seq` say the same, for whoever waits until the hub has that.
    """

    sale: str
    entry: str
    writer: str
    seq: int
    is_new: bool


def recover(shop: Shop, command: Command, sale: Sale) -> Outcome:
    """Book a sale of a box before this one, unless it is known; safe to repeat."""
    if (stopped := shop.why_stopped()) is not None:
        return Problem.unavailable(stopped, retry_after_s=5)
    if (refused := _why_not(shop, sale)) is not None:
        return refused
    record = msgspec.json.encode(sale)
    known = _known(shop, sale)
    if known is not None:
        return _done(sale, known.writer, known.seq, is_new=False)
    if incarnation_of(sale.writer) == incarnation_of(shop.ledger.writer):
        return Problem(
            Slug.CONFLICT, f"{sale.id} was never a sale of this box, which is {sale.writer} itself."
        )
    wanted = _units_of(shop, sale)
    if isinstance(wanted, Problem):
        return wanted
    cells: list[CellChange] = []
    for sku, units in wanted.items():
        take(shop, cells, sku, units, Spent.SOLD, Moved.SOLD)
    shop.ledger.append(
        RECOVERED_SALE,
        record,
        actor=command.actor,
        reference=sale.id,
        moves=[(sku, -units) for sku, units in wanted.items()],
        cells=cells,
    )
    return _done(sale, shop.ledger.writer, shop.ledger.head.seq, is_new=True)


def _done(sale: Sale, writer: str, seq: int, *, is_new: bool) -> Done:
    told = RecoveredSale(
        sale=sale.id, entry=entry_id(WriterId(writer), seq), writer=writer, seq=seq, is_new=is_new
    )
    return Done(HTTPStatus.CREATED if is_new else HTTPStatus.OK, msgspec.json.encode(told))


def _why_not(shop: Shop, sale: Sale) -> Problem | None:
    """Why this is no sale that a box of this shop can have answered; None: it may be one."""
    here, own = shop.location, shop.ledger.writer
    writer = sale.writer
    if not is_writer_id(writer) or parse_entry_id(sale.id) != (writer, sale.seq):
        return Problem.invalid(f"{sale.id[:100]!r} is no sale's id.", field="$.sale.id")
    if {sale.location, location_of(writer), location_on_receipt(sale.number)} != {here}:
        return Problem.invalid(
            f"{sale.id} is a sale of {location_of(writer)}, and this is {here}: hand it in there.",
            field="$.sale.location",
        )
    if is_register(writer):
        return Problem.invalid(
            f"{writer} sells alone: its sales come with its own journal.", field="$.sale.writer"
        )
    if incarnation_of(writer) > incarnation_of(own):
        return Problem(Slug.CONFLICT, f"{writer} came after this box, {own}: ask that one.")
    return _why_unsound(shop, sale)


def _why_unsound(shop: Shop, sale: Sale) -> Problem | None:
    """Why a sale cannot have been answered like this."""
    if not 1 <= len(sale.lines) <= LINES_MAX or len(sale.tenders) > TENDERS_MAX:
        return Problem.invalid("A sale has lines, and not that many.", field="$.sale.lines")
    total_minor = sum(line.total_minor for line in sale.lines)
    tax_minor = sum(line.tax_minor for line in sale.lines)
    if (total_minor, tax_minor) != (sale.total_minor, sale.tax_minor):
        return Problem.invalid("The lines do not come to the total.", field="$.sale.total_minor")
    paid_minor = sum(tender.amount_minor for tender in sale.tenders) - sale.change_minor
    if paid_minor != sale.total_minor:
        return Problem.invalid("The tenders do not pay the total.", field="$.sale.tenders")
    try:
        at_ms = instant_ms(datetime.datetime.fromisoformat(sale.at))
    except (ValueError, TypeError, OverflowError):
        return Problem.invalid(f"{sale.at} is no instant.", field="$.sale.at")
    if at_ms > shop.ledger.now_ms + AHEAD_MS_MAX:
        return Problem.invalid(f"{sale.at} is in the future.", field="$.sale.at")
    return None


def _units_of(shop: Shop, sale: Sale) -> dict[str, int] | Problem:
    """Units that left the shelf: bundles as what is in them, as the shop knows them now.

    What nobody here knows (a draft of the box that died) has no stock here: the sale says it all.
    """
    picked = [
        (product, line.quantity)
        for line in sale.lines
        if (product := shop.catalogue.get(line.sku)) is not None
    ]
    wanted = demand(picked, shop.catalogue)
    for sku, units in wanted.items():
        if units > QUANTITY_MAX:
            return Problem.invalid(f"{units} of {sku} are too many.", field="$.sale.lines")
    return wanted


def _known(shop: Shop, sale: Sale) -> EntryBody | None:
    """The entry that tells of this very sale, here or of a box before."""
    plain = msgspec.json.encode(sale, order="sorted")
    for body in _told(shop, sale):
        if msgspec.json.encode(msgspec.json.decode(body.record), order="sorted") == plain:
            return body
    return None


def _told(shop: Shop, sale: Sale) -> Iterator[EntryBody]:
    """Entries that tell of a sale of this id, those of the open batch too."""
    own = shop.ledger.body_of(sale.writer, sale.seq)
    if own is not None and (body := decode_body(own)).kind in SALE_KINDS:
        yield body
    yield from shop.named.find(RECOVERED_SALE, sale.id)
