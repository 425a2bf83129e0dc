"""What two lives of this shop's boxes have both told is booked back, on the writer thread.

The hub sees when goods moved in the journals of two boxes, or were counted before it was told that
they moved. It asks the box that lives to book the units back (`web.lives.ToldTwice`), once per key,
however often it asks.

A register may tell this box itself what the hub has heard by a dead one: then both see that a count
came after it. Whichever is first here puts that right, and the other one nothing.
"""

import msgspec

from gateway.selling.sales import take
from gateway.shop import Shop
from gateway.stockroom.count_rows import CountRows
from gateway.stockroom.counts import scan_ms
from gateway.stockroom.deficit import cover
from replication.errors import PeerViolation
from replication.escrow import CellChange, Disposed, Minted, Moved, Spent, latest
from replication.ids import is_register, parse_entry_id
from replication.journal import decode_body
from retail.products.catalogue import QUANTITY_MAX
from retail.stock.counts import CountStatus
from web.lives import TOLD_TWICE, ToldTwice


def read(key: str, data: bytes) -> ToldTwice:
    """What the hub asks for.

    Raises:
        PeerViolation: it is about another key, or moves more than a shop has.
    """
    told = msgspec.json.decode(data, type=ToldTwice)
    if told.key != key:
        raise PeerViolation(f"the item {key} asks for {told.key}")
    if not all(sku and 0 < abs(units) <= QUANTITY_MAX for sku, units in told.moves):
        raise PeerViolation(f"the item {key} moves what nobody can have moved")
    return told


def book_back(shop: Shop, told: ToldTwice) -> None:
    """Book the units once: what is found mints, what is missing is a loss."""
    if any(shop.named.find(TOLD_TWICE, told.key)):
        return
    cells: list[CellChange] = []
    writer = shop.ledger.writer
    moves = [] if _is_put_right(shop, told) else _without_counted(shop, told)
    for sku, units in moves:
        counter = shop.counter(sku)
        if units > 0 and told.returned:  # they wait for their inspection after all
            cells.append(counter.move(writer, Moved.RETURNED, units))
        elif units > 0:
            cells.append(counter.mint(writer, Minted.COUNTED_UP, units))
            cells.append(counter.move(writer, Moved.COUNTED_UP, units))
            cover(shop, cells, sku)
        elif told.returned:
            _lose_returned(shop, cells, sku, -units)
        else:
            take(shop, cells, sku, -units, Spent.COUNTED_DOWN, Moved.COUNTED_DOWN)
    shop.ledger.append(
        TOLD_TWICE,
        msgspec.json.encode(told),
        reason=told.why,
        reference=told.key,
        moves=moves,
        cells=latest(cells),
    )


def _without_counted(shop: Shop, told: ToldTwice) -> list[tuple[str, int]]:
    """The units but for those that a count here has missed since this box itself booked them.

    The hub asks to take them off because a count before that had found them, and may not have heard
    of the later one.
    """
    place = parse_entry_id(told.key)
    is_own = place is not None and place[0] == shop.ledger.writer and told.entries == [told.key]
    data = shop.ledger.body_of(*place) if place is not None and is_own else None
    if data is None:
        return told.moves
    at_ms, rows = decode_body(data).at_ms, CountRows(shop.connection)
    return [
        (sku, units)
        for sku, units in told.moves
        if units > 0 or not _is_counted_since(rows, sku, at_ms)
    ]


def _is_counted_since(rows: CountRows, sku: str, at_ms: int) -> bool:
    """Whether a count has ended whose scan came later; one that is open may be cancelled."""
    return any(
        one.head.status is CountStatus.CLOSED and scan_ms(one.line) > at_ms
        for one in rows.lines_about(sku)
    )


def _is_put_right(shop: Shop, told: ToldTwice) -> bool:
    """Whether a register has told this box of it: then its own counts were put right by that."""
    place = parse_entry_id(told.entries[0]) if len(told.entries) == 1 else None
    if place is None or not is_register(place[0]):
        return False
    row = shop.connection.execute(
        "SELECT 1 FROM entry WHERE writer = ? AND seq = ? "
        "AND arrival > (SELECT arrival FROM entry WHERE writer = ? AND seq = 1)",
        (*place, shop.ledger.writer),
    ).fetchone()
    return row is not None  # what was taken over from the hub came before this box's first entry


def _lose_returned(shop: Shop, cells: list[CellChange], sku: str, units: int) -> None:
    """Goods that came back once are here once: those of the other telling never waited here.

    What of them was inspected since is on the shelf, by the book.
    """
    counter, writer = shop.counter(sku), shop.ledger.writer
    waiting = min(units, counter.levels().quality_control)
    if waiting:
        cells.append(counter.dispose(writer, Disposed.INSPECTED_WRITTEN_OFF, waiting))
    if units > waiting:
        take(shop, cells, sku, units - waiting, Spent.COUNTED_DOWN, None)
    cells.append(counter.move(writer, Moved.COUNTED_DOWN, units))
