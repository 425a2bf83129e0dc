"""Goods that a register sold before they were counted, and that are heard of after: writer thread.

A count compares what stands there with the book. What a register sold alone by then is missing from
the shelf and still in the book, so it was taken for a difference. When it is heard, the line of the
count is put right, as of the instant of its scan: while the count is open, what the book should
have expected; of one that is closed also what was booked, in an entry of its own.

Whether a sale came before a scan is told from the clocks of register and gateway, where both could
be believed when it was sold and when it was scanned, and of a register that sells here only while
the line was provisional: who had been heard up to the scan has nothing to tell of before it. No
line waits for one that was given up. A wrong yes would leave a right to what is not there; a wrong
no is found by the next count.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from gateway.shop import Shop
from gateway.stockroom import told_before
from gateway.stockroom.count_rows import CountRows, LineOfCount
from gateway.stockroom.counts import COUNT_CLOSED, COUNT_LINE, book, scan_ms
from replication.escrow import CellChange, latest
from replication.ids import WriterId, entry_id
from replication.journal import EntryBody
from retail.stock.counts import CountDifference, CountLine, CountLinesKept, CountStatus
from web.lives import RECOVERED_SALE, TOLD_TWICE

COUNT_CORRECTED: Final = "count_corrected"


def hear_late(shop: Shop, bodies: Sequence[EntryBody]) -> None:
    """Put right the counts that came after these entries of a register, which are news."""
    rows, living = CountRows(shop.connection), shop.registers.living()
    for body in bodies:
        if body.kind == RECOVERED_SALE:
            continue  # it says when it was booked; the hub compares when it was sold (`told_twice`)
        for sku, units in _net(body).items():
            if units < 0 and not body.synchronised:
                continue
            lines = rows.lines_about(sku)
            if body.writer in living:
                lines = [one for one in lines if one.line.provisional]
            found = _first_after(lines, body.at_ms)
            if found is None or told_before.had(shop, found.head.id, body, sku):
                continue
            if _is_booked_back(shop, body, sku, found.head.id):
                continue
            if units > 0 or _is_believed(shop, found):
                _put_right(shop, rows, found, units, found.line.reason or "")


def _is_booked_back(shop: Shop, body: EntryBody, sku: str, count_id: str) -> bool:
    """Whether the hub has heard of it by a dead box before, and had the same put right here.

    Its key is the entry, or (`cloud_hub.lives.twice`) that and the end of this count.
    """
    place = entry_id(WriterId(body.writer), body.seq)
    closed = shop.named.find(COUNT_CLOSED, count_id)
    keys = [place, *(f"{place} {entry_id(WriterId(one.writer), one.seq)}" for one in closed)]
    told = chain.from_iterable(shop.named.find(TOLD_TWICE, key) for key in keys)
    return any(sku == moved for one in told for moved, _ in one.moves)


def _is_believed(shop: Shop, found: LineOfCount) -> bool:
    """Whether this gateway's clock could be believed when a line was kept: its entry says so."""
    return any(
        body.synchronised
        for body in shop.named.find(COUNT_LINE, found.head.id)
        if any(
            line.sku == found.line.sku and line.at == found.line.at
            for line in msgspec.json.decode(body.record, type=CountLinesKept).lines
        )
    )


def counted_too_late(shop: Shop, units: Mapping[str, int], why: str) -> None:
    """Put right the counts of goods that came, or (below 0) left, before this box kept any book.

    The first count here took them for a difference. What comes after finds them booked.
    """
    rows = CountRows(shop.connection)
    for sku, many in units.items():
        found = _first_after(rows.lines_about(sku), 0)
        if found is not None and many:
            _put_right(shop, rows, found, many, why)


def _net(body: EntryBody) -> Mapping[str, int]:
    """Units that came or went per SKU, where they do not come to nothing."""
    moved: dict[str, int] = {}
    for sku, units in body.moves:
        moved[sku] = moved.get(sku, 0) + units
    return {sku: units for sku, units in moved.items() if units}


def _first_after(lines: Sequence[LineOfCount], at_ms: int) -> LineOfCount | None:
    """The count that took what happened then for a difference; later ones found it booked."""
    after = [one for one in lines if scan_ms(one.line) >= at_ms]
    return min(after, key=lambda one: scan_ms(one.line), default=None)


def _put_right(shop: Shop, rows: CountRows, found: LineOfCount, units: int, why: str) -> None:
    line, is_open = found.line, found.head.status is CountStatus.OPEN
    assert line.expected is not None, "a kept line has been compared"
    expected = line.expected + units
    line = msgspec.structs.replace(line, expected=expected, difference=line.counted - expected)
    if not is_open:
        line = _correct(shop, found.head.id, line, -units, why)
    rows.keep(found.head, [line])


def _correct(shop: Shop, count_id: str, line: CountLine, units: int, why: str) -> CountLine:
    """Book what the count has booked wrongly; the line with what stood there after."""
    cells: list[CellChange] = []
    book(shop, cells, line.sku, units)
    levels = shop.counter(line.sku).levels()
    line = msgspec.structs.replace(
        line, booked=(line.booked or 0) + units, on_hand=levels.on_hand, deficit=levels.deficit
    )
    place = entry_id(shop.ledger.writer, shop.ledger.next_seq)
    shop.ledger.append(
        COUNT_CORRECTED,
        msgspec.json.encode(CountDifference(id=place, count=count_id, line=line)),
        reason=why,
        reference=count_id,
        moves=[(line.sku, units)],
        cells=latest(cells),
    )
    return line
