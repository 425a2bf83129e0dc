"""Can a box before this one have answered this sale? On the writer thread; nothing is changed.

A sale that a register hands in is told by nobody else, so it is held against all that this box
knows. There are two kinds of no:

    unsound   no box ever answers so: shape, sums, names, times. Nobody can hand it in.
    doubtful  it is at odds with what is known of the old box's journal, or of the goods: its place
              is held as something else, its number is not of the writer's series, the journal has
              ended, the money is not what that many cost, its time has not come: some clock was
              wrong. A till's word is not enough for it.

What is doubtful may still be true, and then money and goods have changed hands: a supervisor who
has looked at the receipt hands it in, and the entry says what was odd. Where this box knows that a
journal parted (`_is_parted`), its places and numbers were given twice, and are no reason to doubt;
also where the same request was answered otherwise by that box, as the hub has it.
"""

import datetime
from collections.abc import Iterator
from typing import Final

import msgspec

from gateway.lives.earlier import earlier_of
from gateway.lives.next_life import came_of
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.ids import (
    incarnation_of,
    is_register,
    is_writer_id,
    location_of,
    parse_entry_id,
)
from replication.journal import EntryBody, decode_body
from retail.money import EXPONENTS, divide_half_up
from retail.products.catalogue import Product
from retail.selling.sales import LINES_MAX, Sale, SaleLine, Settlement, check_credits, settle
from retail.stock.counts import instant_ms
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE, SEALED, SOLD_AT, EarlierLife, vouches
from web.once import Command
from web.problems import Problem, Slug
from web.sale_numbers import location_on_receipt, printed_number

AHEAD_MS_MAX: Final = 300_000
"""A sale is not from the future, as far as clocks of a shop may differ."""

DAYS_APART_MAX: Final = 1
"""Of a sale's instant, in UTC, and the shop's own day."""

UNHEARD_ENTRIES_MAX: Final = 100_000
"""Entries that a box may have written which nobody heard: weeks of a busy shop that is cut off."""


_SALE_BEFORE: Final = (
    "SELECT seq, json_extract(CAST(body AS TEXT), '$.record.number') FROM entry "
    "WHERE writer = ? AND kind = 'sale' AND seq < ? ORDER BY seq DESC LIMIT 1"
)
_SALE_AFTER: Final = (
    "SELECT seq, json_extract(CAST(body AS TEXT), '$.record.number') FROM entry "
    "WHERE writer = ? AND kind = 'sale' AND seq > ? ORDER BY seq LIMIT 1"
)


class _Numbered(msgspec.Struct, frozen=True):
    number: str


def why_unsound(shop: Shop, sale: Sale) -> Problem | None:
    """Why no box of this shop can have answered this; None: one may have."""
    here, own = shop.location, shop.ledger.writer
    writer = sale.writer
    if not is_writer_id(writer) or parse_entry_id(sale.id) != (writer, sale.seq):
        return Problem.invalid(f"{sale.id[:100]!r} is no sale's id.", field="$.sale.id")
    for field, told in (
        ("location", sale.location),
        ("writer", location_of(writer)),
        ("number", location_on_receipt(sale.number)),
    ):
        if told != here:
            return Problem.invalid(
                f"The {field} of this sale says {told or 'nothing'}, and this is {here}: "
                "a sale is handed in at its own store.",
                field=f"$.sale.{field}",
            )
    if is_register(writer):
        return Problem.invalid(
            f"{writer} sells alone: its sales come with its own journal.", field="$.sale.writer"
        )
    if incarnation_of(writer) > incarnation_of(own):
        return Problem(Slug.CONFLICT, f"{writer} came after this box, {own}: ask that one.")
    if _number_of(sale) is None:
        return Problem.invalid(
            f"{sale.number} is no number that {writer} gives its entry {sale.seq}.",
            field="$.sale.number",
        )
    return _why_not_paid(sale) or _why_no_time(sale)


def _number_of(sale: Sale) -> int | None:
    """The sale's number in its writer's series; None: it is of another, or beyond its place."""
    number = int(sale.number.rpartition("-")[2])
    is_own = sale.number == printed_number(sale.writer, number)
    return number if is_own and 1 <= number <= sale.seq else None


def _why_not_paid(sale: Sale) -> Problem | None:  # noqa: PLR0911 - one return per way to refuse
    """Line by line, and all in all: every amount comes from the others."""
    if not 1 <= len(sale.lines) <= LINES_MAX:
        return Problem.invalid("A sale has lines, and not that many.", field="$.sale.lines")
    for at, line in enumerate(sale.lines):
        if line.net_minor + line.tax_minor != line.total_minor:
            return Problem.invalid(
                f"Net and tax of {line.sku[:100]} do not come to its total.",
                field=f"$.sale.lines[{at}].total_minor",
            )
    total_minor = sum(line.total_minor for line in sale.lines)
    tax_minor = sum(line.tax_minor for line in sale.lines)
    if (total_minor, tax_minor) != (sale.total_minor, sale.tax_minor):
        return Problem.invalid("The lines do not come to the total.", field="$.sale.total_minor")
    settled = settle(total_minor, sale.tenders)
    if settled != Settlement(change_minor=sale.change_minor):
        return Problem.invalid("The tenders do not pay the total.", field="$.sale.tenders")
    try:
        check_credits(sale.tenders)
    except ValueError as error:
        return Problem.invalid(f"The sale is not paid: {error}.", field="$.sale.tenders")
    if sale.currency not in EXPONENTS:
        return Problem.invalid(f"{sale.currency} is no currency.", field="$.sale.currency")
    return None


def _why_no_time(sale: Sale) -> Problem | None:
    """An instant as boxes write it, on the day that it was."""
    try:
        at = datetime.datetime.fromisoformat(sale.at)
        at_ms = instant_ms(at)
        is_written_so = at_ms >= 0 and rfc3339(at_ms) == sale.at
    except (ValueError, TypeError, OverflowError):
        is_written_so = False
    if not is_written_so:
        return Problem.invalid(f"{sale.at} is no instant of a sale.", field="$.sale.at")
    try:
        apart = abs((datetime.date.fromisoformat(sale.business_date) - at.date()).days)
    except ValueError:
        apart = DAYS_APART_MAX + 1
    if apart > DAYS_APART_MAX:
        return Problem.invalid(
            f"{sale.business_date} was not the day of {sale.at}.", field="$.sale.business_date"
        )
    return None


def doubts(shop: Shop, command: Command, sale: Sale) -> Iterator[str]:
    """What speaks against a sound sale, as sentences; the sale itself is not known here."""
    if not (_is_parted(shop, sale.writer) or _was_asked_twice(shop, command, sale)):
        yield from _of_place(shop, sale)
        yield from _of_number(shop, sale)
    if instant_ms(datetime.datetime.fromisoformat(sale.at)) > shop.ledger.now_ms + AHEAD_MS_MAX:
        yield f"{sale.at} is in the future: a clock was wrong, the old box's or this one's."
    yield from _of_goods(shop, sale)


def _is_parted(shop: Shop, writer: str) -> bool:
    """Whether this box knows that two boxes, or one and its own image, wrote as `writer`."""
    came, lives = came_of(shop.store), earlier_of(shop.store)
    return (
        (came is not None and came.earlier == writer)
        or any(life.branch_of == writer for life in (() if lives is None else lives.earlier))
        or _has_ended_as_image(shop, writer)
    )


def _has_ended_as_image(shop: Shop, writer: str) -> bool:
    """Whether a journal's last entry is known, and says that a register has seen more of it."""
    data = shop.ledger.body_of(writer, shop.store.load_head(writer).seq)
    return data is not None and (last := decode_body(data)).kind == SEALED and not vouches(last)


def _was_asked_twice(shop: Shop, command: Command, sale: Sale) -> bool:
    """Whether its writer has answered the same request otherwise: so one of them was an image.

    Whoever hands in with the key of another sale of his finds the goods or the money at odds.
    """
    asked = shop.store.find_request(command.key._replace(path=SOLD_AT))
    place = None if asked is None else parse_entry_id(asked.entry)
    data = shop.ledger.body_of(*place) if place and place[0] == sale.writer else None
    if data is None or (body := decode_body(data)).kind != SALE_KIND:
        return False
    return _bought(msgspec.json.decode(body.record, type=Sale)) == _bought(sale)


def _bought(sale: Sale) -> tuple[object, ...]:
    """What every answer to a request says alike: the hub goes by the same."""
    lines = tuple((line.sku, line.quantity, line.total_minor) for line in sale.lines)
    return (sale.register, lines, sale.tenders)


def _of_place(shop: Shop, sale: Sale) -> Iterator[str]:
    """The place in the journal: held as something else, given already, after the end, far off."""
    writer = sale.writer
    held = shop.store.load_head(writer)
    life = next((one for one in _lives(shop) if one.writer == writer), None)
    last_seq = max(held.seq, 0 if life is None else life.last_seq)
    if (data := shop.ledger.body_of(writer, sale.seq)) is not None:
        kind = decode_body(data).kind
        yield f"{sale.id} is known, as {'another sale' if kind == SALE_KIND else f'{kind!r}'}."
    elif sale.seq <= last_seq:
        yield f"The hub has {writer} up to entry {last_seq}, and so what {sale.id} is."
    for told in shop.named.find(RECOVERED_SALE, sale.id):
        yield f"{sale.id} was handed in before, as another sale ({told.writer}-{told.seq})."
    end = shop.ledger.body_of(writer, held.seq)
    if end is not None and decode_body(end).kind == SEALED:
        yield f"{writer} ended with entry {held.seq}: it has told all that it sold."
    elif life is not None and life.state != "open":
        yield f"The life of {writer} is over: {life.state}."
    if sale.seq > last_seq + UNHEARD_ENTRIES_MAX:
        yield f"{writer} cannot have come to entry {sale.seq}: {last_seq} is the last one known."


def _lives(shop: Shop) -> Iterator[EarlierLife]:
    known = earlier_of(shop.store)
    yield from () if known is None else known.earlier


def _of_number(shop: Shop, sale: Sale) -> Iterator[str]:
    """The number: taken by another sale, or out of turn between the sales before and after it."""
    number, writer = int(sale.number.rpartition("-")[2]), sale.writer
    for other in _recovered_as(shop, sale.number):
        if other != sale.id:
            yield f"{sale.number} is the number of {other}."
    before = _numbered(shop, _SALE_BEFORE, writer, sale.seq)
    after = _numbered(shop, _SALE_AFTER, writer, sale.seq)
    if before is not None and not 1 <= number - before[1] <= sale.seq - before[0]:
        yield f"{sale.number} does not come after entry {before[0]}, which is sale {before[1]}."
    if after is not None and not 1 <= after[1] - number <= after[0] - sale.seq:
        yield f"{sale.number} does not come before entry {after[0]}, which is sale {after[1]}."


def _numbered(shop: Shop, sql: str, writer: str, seq: int) -> tuple[int, int] | None:
    """The writer's own sale next to a place, as (seq, number)."""
    row = shop.connection.execute(sql, (writer, seq)).fetchone()
    return None if row is None else (int(str(row[0])), int(str(row[1]).rpartition("-")[2]))


def _recovered_as(shop: Shop, number: str) -> Iterator[str]:
    """The ids of sales with this number that somebody booked in the place of their writer."""
    for one in shop.ledger.pending.entries:
        if one.kind == RECOVERED_SALE:
            body = decode_body(one.entry.body)
            if _number_in(body) == number:
                yield body.reference
    for (reference,) in shop.connection.execute(
        "SELECT json_extract(CAST(body AS TEXT), '$.reference') FROM entry "
        "WHERE kind = 'recovered_sale' "
        "AND json_extract(CAST(body AS TEXT), '$.record.number') = ?",
        (number,),
    ):
        yield str(reference)


def _number_in(body: EntryBody) -> str:
    return msgspec.json.decode(body.record, type=_Numbered).number


def _of_goods(shop: Shop, sale: Sale) -> Iterator[str]:
    """What is known here of the goods: their currency, and what so many of them cost.

    What nobody here knows may be a draft of the box that died: the sale says it all.
    """
    lists = shop.rules.price_lists.values()
    for line in sale.lines:
        product = shop.catalogue.get(line.sku)
        if product is None:
            continue
        prices_in = {product.currency, *(one.currency for one in lists)}
        if sale.currency not in prices_in:
            yield f"{line.sku} is not sold in {sale.currency} here."
        if not _is_priced(shop, product, line):
            yield (
                f"{line.quantity} of {line.sku} at {line.unit_price_minor} less what came off do "
                f"not cost {line.total_minor}."
            )


def _is_priced(shop: Shop, product: Product, line: SaleLine) -> bool:
    """Whether quantity, price and discounts come to what the line costs, with its tax or without.

    A label of the scales names its own price: for goods by weight nothing can be said.
    """
    due = {
        told + sum(discount.amount_minor for discount in line.discounts)
        for told in (line.net_minor, line.total_minor)
    }
    per = product.price_per_quantity
    if divide_half_up(line.unit_price_minor * line.quantity, per) in due:
        return True
    labels = () if shop.settings is None else shop.settings.embedded_barcodes
    if not labels:
        return False
    if product.unit != "piece" or not product.price_minor:
        return True
    return line.quantity in {max(1, divide_half_up(one * per, product.price_minor)) for one in due}
