"""Who may take goods back, on the writer thread: rights to what is left of a sale, and their way.

A shop asks about a sale that it does not know, or not alone (`gateway.returning.returnables`). The
answer has what was sold, every return so far, and the rights to the rest. They travel as a whole,
so that no two shops ever hold rights of one sale, and whoever gets them has heard of every return
before:

    the hub holds them, or the shop itself     they are given, with all returns that were heard
    another shop holds them, or has sold       it is asked (`AskStore`)
    a return was not heard yet                 its journal is waited for (`Unheard`)

Of an online order the hub is the seller: it allows what went out, whenever it is asked.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.lives.rows import life_of
from cloud_hub.ordering.order_documents import find
from cloud_hub.ordering.orders import last_heard
from cloud_hub.ordering.shortages import of_order
from cloud_hub.stores.lending import give
from replication.allowances import all_returnable, allowed, returnable, set_limit
from replication.escrow import CellChange, EscrowCounter
from replication.ids import (
    EVERYWHERE,
    HUB,
    WriterId,
    is_register,
    location_of,
    parse_entry_id,
)
from retail.documents import order_of
from retail.ordering.order_money import standing_tenders
from retail.ordering.ordered_goods import delivered_units, ordered_goods
from retail.ordering.orders import Order, payments_of
from retail.returning.announced import announced_number
from retail.returning.returns import (
    CameBack,
    GoodsReturn,
    ReturnClaim,
    SoldGoods,
    came_back,
    left_of,
    sold_goods,
)
from retail.selling.sales import Sale
from web.journal_pages import sale_record
from web.lives import SEALED
from web.problems import Problem, Slug
from web.sale_numbers import sale_named, writer_on_receipt

RETURNABLE: Final = "returnable"
"""The kind of an entry that allows what went out of an order to come back."""

_ORDER_NUMBER: Final = re.compile(r"W-0*([0-9]{1,15})")


class AskStore(NamedTuple):
    """The rights are with that location, or come into being there when it is asked.

    `wants` is what is left of each line, for a box that does not hold the sale itself: one before
    it told of it late, or it is from long before.
    """

    location: str
    wants: tuple[tuple[str, int], ...]


class Unheard(NamedTuple):
    """Rights are here, and some return that used up others is not: its journal is on its way."""


def claim(
    office: HeadOffice, writer: WriterId, sale: str, seq: int
) -> ReturnClaim | AskStore | Unheard | Problem:
    """Give a shop the rights to what may still come back, or say what is in the way.

    `seq` is how far its own journal goes.
    """
    if office.head_of(writer).seq < seq:
        return Unheard()
    sold, order = sold_as(office, sale)
    if sold is None:
        return _why_unknown(office, sale)
    counters = counters_of(office, sold)
    came = came_back(returns_of(office, sold.id), len(sold.lines))
    if all(back == line.quantity for back, line in zip(came.units, sold.lines, strict=True)):
        return Problem(Slug.CONFLICT, f"Nothing is left of {sold.number}: all of it came back.")
    left = left_of(sold, came)
    elsewhere = _elsewhere(office, sold, counters, left, writer)
    if elsewhere is not None:
        return elsewhere
    if order is not None:
        _allow(office, order, counters)
    rights = tuple(one.quota(HUB_WRITER) + one.quota(writer) for one in counters)
    due = _due(sold, counters, order)
    if any(units > back + rest for units, back, rest in zip(due, came.units, rights, strict=True)):
        return Unheard()
    lines = [(one.sku, units) for one in counters if (units := one.quota(HUB_WRITER))]
    cells = give(office, writer, "", lines) if lines else []
    if order is None:
        # A box of before may tell what it took back when rights to that were given already.
        left = tuple(max(0, min(pair)) for pair in zip(rights, left, strict=True))
    else:
        left = _with_customers(office, order, came, rights)
    return ReturnClaim(sold=sold, came=came, rights=rights, left=left, cells=tuple(cells))


def _with_customers(
    office: HeadOffice, order: Order, came: CameBack, rights: Sequence[int]
) -> tuple[int, ...]:
    """Units of an order that a customer may have: goods were refused at the door after a claim."""
    delivered = delivered_units(order, office.catalogue)
    return tuple(
        max(0, min(units, out - back))
        for units, out, back in zip(rights, delivered, came.units, strict=True)
    )


def sale_told(office: HeadOffice, told: str) -> str:
    """The id of what somebody names: a sale's or order's id or number, or an announced return's."""
    name = told.strip().upper()
    if (number := announced_number(told)) is not None:
        row = office.connection.execute(
            "SELECT sale FROM announced_return WHERE number = ?", (number,)
        ).fetchone()
    elif (match := _ORDER_NUMBER.fullmatch(name)) is not None:
        row = office.connection.execute(
            "SELECT id FROM online_order WHERE number = ?", (int(match[1]),)
        ).fetchone()
    else:
        return sale_named(office.store, told)
    return told if row is None else str(row[0])


def sold_as(office: HeadOffice, sale: str) -> tuple[SoldGoods | None, Order | None]:
    """A sale or an online order by its id, as a return sees it; None where it is not known."""
    place = parse_entry_id(sale)
    if place is None:
        return None, None
    if location_of(place[0]) == HUB:
        document = find(office, sale)
        if document is None:
            return None, None
        order = order_of(document.fields(), document.events())
        tenders = standing_tenders(order, of_order(office, order.id))
        return ordered_goods(order, tenders, _paid_back(office, order)), order
    record = sale_record(office.store, sale)
    if record is None:
        return None, None
    return sold_goods(msgspec.json.decode(record, type=Sale)), None


def counters_of(office: HeadOffice, sold: SoldGoods) -> list[EscrowCounter]:
    """The rights of each line."""
    return [
        office.ledger.counter(EVERYWHERE, returnable(sold.id, number))
        for number in range(1, len(sold.lines) + 1)
    ]


def returns_of(office: HeadOffice, sale: str) -> list[GoodsReturn]:
    """All returns of a sale that were heard, in the order in which they were, each once."""
    rows = office.connection.execute(
        "SELECT data FROM goods_return WHERE sale = ? "
        "AND id NOT IN (SELECT entry FROM sale_again) ORDER BY number",
        (sale,),
    )
    return [msgspec.json.decode(str(data), type=GoodsReturn) for (data,) in rows]


def _why_unknown(office: HeadOffice, sale: str) -> Problem:
    """The answer about a sale that was not heard; a store that is cut off may have made it.

    So may a box that is gone: it, or the till that sold, may still tell of it.
    """
    place = parse_entry_id(sale)
    writer = writer_on_receipt(sale) if place is None else place[0]
    sold_in = None if writer is None else location_of(writer)
    if writer is None or sold_in is None or office.location(sold_in) is None:
        return Problem(Slug.NOT_FOUND, f"Nobody has heard of a sale {sale}.")
    life = life_of(office.connection, writer)
    if life is not None and life.state != SEALED:
        return _known_to_the_gone(sale, sold_in)
    if sold_in in office.reachable:
        return Problem(Slug.NOT_FOUND, f"Nobody has heard of a sale {sale}.")
    return _unheard(office, sold_in, sale)


def _known_to_the_gone(sale: str, location: str) -> Problem:
    return Problem.unavailable(
        f"What may come back of {sale} was known to a box of {location} that is gone.",
        retry_after_s=3600,
    )


def _unheard(office: HeadOffice, location: str, sale: str) -> Problem:
    heard = last_heard(office, location)
    when = "was never heard" if heard is None else f"was last heard at {heard}"
    return Problem.unavailable(
        f"Only {location} knows what is left of {sale}, and {location} {when}.", retry_after_s=60
    )


def _paid_back(office: HeadOffice, order: Order) -> int:
    """Money that went back, or is going to, by the queue: for units that never came, or refused.

    Not what was paid twice, and not what the credit notes of its returns say themselves.
    """
    apart = {event.id for event in payments_of(order)}
    apart |= {one.id for one in returns_of(office, order.id) if one.lines}
    return sum(
        one.amount_minor or 0
        for one in of_order(office, order.id)
        if one.kind == "refund" and one.payment not in apart
    )


def _allow(office: HeadOffice, order: Order, counters: Sequence[EscrowCounter]) -> None:
    """Bring what may come back of an order to what went out of it."""
    delivered = delivered_units(order, office.catalogue)
    cells: list[CellChange] = []
    for counter, units in zip(counters, delivered, strict=True):
        cells += set_limit(counter, HUB_WRITER, units)
    if cells:
        record = msgspec.json.encode({"order": order.id, "lines": delivered})
        office.ledger.append(RETURNABLE, record, reference=order.id, cells=cells)


def _elsewhere(
    office: HeadOffice,
    sold: SoldGoods,
    counters: Sequence[EscrowCounter],
    left: Sequence[int],
    writer: WriterId,
) -> AskStore | Problem | None:
    """Who else has the rights, or would make them; None where nobody has to be asked.

    It may be the asker's own location: a box before it sold, and it does not hold that sale.
    """
    holders = {
        WriterId(holder) for one in counters for holder, units in one.holders().items() if units > 0
    }
    others = sorted(holders - {HUB_WRITER, writer})
    place = parse_entry_id(sold.id)
    assert place is not None, "a sale is an entry"
    sold_by = place[0]
    if not others and not any(one.cells() for one in counters) and location_of(sold_by) != HUB:
        others = [_answering_for(office, sold_by)]
    if not others:
        return None
    location = location_of(others[0])
    if others[0] != office.living_writer(location):
        return _known_to_the_gone(sold.number, location)
    if location not in office.reachable:
        return _unheard(office, location, sold.number)
    wants = [(one.sku, units) for one, units in zip(counters, left, strict=True) if units > 0]
    return AskStore(location, tuple(wants) or ((all_returnable(sold.id), 1),))


def _answering_for(office: HeadOffice, writer: WriterId) -> WriterId:
    """Whom to ask about a sale of which nobody has claimed anything yet.

    Its writer; for a register its gateway, whichever box that is by now; and the location's living
    box once the last of an earlier one was heard, or somebody has answered for it.
    """
    life = life_of(office.connection, writer)
    is_over = life is not None and life.state != "open"
    return office.living_writer(location_of(writer)) if is_over or is_register(writer) else writer


def _due(
    sold: SoldGoods, counters: Sequence[EscrowCounter], order: Order | None
) -> tuple[int, ...]:
    """Units per line that rights and returns together have to come to."""
    if order is not None:
        return tuple(allowed(one) for one in counters)
    return tuple(line.quantity for line in sold.lines)
