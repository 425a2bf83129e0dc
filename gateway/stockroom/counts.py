"""Counting the shop while it sells, on the writer thread; the rules are `retail.stock.counts`.

A line is compared with what stood there at the instant of its scan, by the journals of this gateway
and of the registers that sell alone here; what those sold before and told after puts it right again
(`late_moves`). Until then the line is provisional. Closing books each difference in an entry of its
own, so that each has its reason, and ends with the entry that says what the whole count came to.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain, islice, takewhile
from typing import Final, NamedTuple

import msgspec

from gateway.registers.reclaiming import reclaim_counted
from gateway.registers.unreported import why_count_waits
from gateway.shop import Shop
from gateway.stockroom import told_before
from gateway.stockroom.adjustments import lose
from gateway.stockroom.count_rows import CountRows, KeptCount
from gateway.stockroom.stock import arrive, why_unstocked
from replication.clock import rfc3339
from replication.escrow import CellChange, Minted, Moved, Spent, latest
from replication.ids import entry_id
from retail.stock.counts import (
    COUNT_LINES_MAX,
    COUNTS_OPEN_MAX,
    TRANSITIONS,
    CountClosed,
    CountCloseRequest,
    CountDifference,
    CountEnd,
    CountHead,
    CountLine,
    CountLinesKept,
    CountLinesRequest,
    CountRequest,
    CountStarted,
    CountStatus,
    ScannedLine,
    booked_units,
    by_reason,
    differing,
    instant_ms,
    is_provisional,
    moved_after,
    told,
)
from retail.stock.stock_reasons import COUNT, check_count_reason
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

COUNT_STARTED: Final = "count_started"
COUNT_LINE: Final = "count_line"
COUNT_DIFFERENCE: Final = "count_difference"
COUNT_CLOSED: Final = "count_closed"
COUNT_CANCELLED: Final = "count_cancelled"

ENTRIES_LOOKED_AT_MAX: Final = 10_000
"""Entries since a late scan: an hour of a very busy shop, read in some 50 ms while tills wait."""


class _Moves(msgspec.Struct, frozen=True):
    """What of an entry a late scan needs to know."""

    at_ms: int
    moves: list[tuple[str, int]]


_moves_of = msgspec.json.Decoder(_Moves).decode


class _Scan(NamedTuple):
    """A line that may be kept, and when it was scanned by this gateway's clock."""

    line: ScannedLine
    at_ms: int


def start(shop: Shop, command: Command, request: CountRequest) -> Outcome:
    """Start a count, or refuse where a SKU is being counted already."""
    known = shop.answered(command)
    if known is not None:
        return known
    rows, skus = CountRows(shop.connection), request.skus or ()
    if rows.open_counts() >= COUNTS_OPEN_MAX:
        return Problem(Slug.CONFLICT, f"{COUNTS_OPEN_MAX} counts are open: close or cancel some.")
    if len(set(skus)) < len(skus):
        return Problem.invalid("A count names each of its SKUs once.", field="$.skus")
    for number, sku in enumerate(skus):
        field = f"$.skus[{number}]"
        refused = why_unstocked(shop, sku, field) or _counted_elsewhere(rows, sku, field)
        if refused is not None:
            return refused
    ledger = shop.ledger
    head = CountHead(
        id=entry_id(ledger.writer, ledger.next_seq),
        location=shop.location,
        status=CountStatus.OPEN,
        blind=request.blind,
        names_skus=request.skus is not None,
        reference=request.reference,
        started_at=rfc3339(shop.ledger.next_ms),
        started_by=command.principal.name,
        ended_at=None,
        ended_by=None,
        counted=0,
    )
    rows.add(KeptCount(head, shop.ledger.next_ms), skus)
    started = CountStarted(**msgspec.structs.asdict(head), skus=request.skus)
    return _journal(shop, command, COUNT_STARTED, head.id, started)


def add_lines(shop: Shop, command: Command, count_id: str, request: CountLinesRequest) -> Outcome:
    """Keep what was counted, or refuse all of it."""
    known = shop.answered(command)
    if known is not None:
        return known
    rows = CountRows(shop.connection)
    count = _open_count(rows, count_id)
    if isinstance(count, Problem):
        return count
    about = rows.lines(count_id)
    scans = _scans(shop, command, rows, count, about, request.lines)
    if isinstance(scans, Problem):
        return scans
    lines = _compared(shop, scans)
    if isinstance(lines, Problem):
        return lines
    counted = {sku for sku, line in about.items() if line is not None} | {
        line.sku for line in lines
    }
    head = msgspec.structs.replace(count.head, counted=len(counted))
    rows.keep(head, lines)
    for line in lines:
        told_before.keep(shop, count_id, line.sku)
    kept = CountLinesKept(
        id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
        count=count_id,
        lines=tuple(told(line, blind=head.blind) for line in lines),
    )
    return _journal(shop, command, COUNT_LINE, count_id, kept)


def close(shop: Shop, command: Command, count_id: str, request: CountCloseRequest) -> Outcome:
    """Book the differences, or say who has to be heard before; what nobody counted stays."""
    known = shop.answered(command)
    if known is not None:
        return known
    rows = CountRows(shop.connection)
    count = _open_count(rows, count_id)
    if isinstance(count, Problem):
        return count
    about = rows.lines(count_id)
    counted = [line for line in about.values() if line is not None]
    scanned = {line.sku: scan_ms(line) for line in counted}
    reasons = _reasons(about, request)
    if isinstance(reasons, Problem):
        return reasons
    waits = why_count_waits(shop, scanned)
    if waits is not None:
        return waits
    decided = [_decided(shop, line, reasons.get(line.sku, COUNT)) for line in counted]
    # Whoever sold what is missing: what stands here was counted, so lost registers hold none of it.
    reclaim_counted(shop, scanned, reference=count_id)
    lines = [_booked(shop, command, count_id, line) for line in decided]
    head = _ended(shop, command, count.head, CountEnd.CLOSE)
    rows.keep(head, lines)
    differences = differing(lines)
    closed = CountClosed(
        **msgspec.structs.asdict(head),
        differences=differences,
        by_reason=by_reason(lines),
        agreed=len(lines) - len(differences),
        uncounted=tuple(sku for sku, line in about.items() if line is None),
    )
    return _journal(shop, command, COUNT_CLOSED, count_id, closed)


def cancel(shop: Shop, command: Command, count_id: str) -> Outcome:
    """End a count and book nothing."""
    known = shop.answered(command)
    if known is not None:
        return known
    rows = CountRows(shop.connection)
    count = _open_count(rows, count_id)
    if isinstance(count, Problem):
        return count
    head = _ended(shop, command, count.head, CountEnd.CANCEL)
    rows.keep(head, [])
    return _journal(shop, command, COUNT_CANCELLED, count_id, head)


def _open_count(rows: CountRows, count_id: str) -> KeptCount | Problem:
    count = rows.find(count_id)
    if count is None:
        return Problem(Slug.NOT_FOUND, f"No count {count_id} was started here.")
    if not TRANSITIONS[count.head.status]:
        return Problem(
            Slug.CONFLICT,
            f"Count {count_id} was {count.head.status} at {count.head.ended_at}.",
            members={"count_status": count.head.status},
        )
    return count


def _counted_elsewhere(rows: CountRows, sku: str, field: str, here: str = "") -> Problem | None:
    other = rows.open_count_of(sku)
    if other is None or other == here:
        return None
    return Problem(
        Slug.CONFLICT,
        f"{sku} is being counted in {other}: close or cancel that first.",
        members={"count": other, "field": field},
    )


def _scans(
    shop: Shop,
    command: Command,
    rows: CountRows,
    count: KeptCount,
    about: dict[str, CountLine | None],
    lines: Sequence[ScannedLine],
) -> list[_Scan] | Problem:
    """The lines with the time of their scans, or why one of them cannot be kept."""
    now_ms = shop.ledger.next_ms
    scans: list[_Scan] = []
    seen: set[str] = set()
    for number, line in enumerate(lines):
        field = f"$.lines[{number}]"
        refused = (
            why_unstocked(shop, line.sku, f"{field}.sku")
            or _counted_elsewhere(rows, line.sku, f"{field}.sku", here=count.head.id)
            or _check_register(command, line)
        )
        if refused is not None:
            return refused
        if count.head.names_skus and line.sku not in about:
            return Problem.invalid(
                f"Count {count.head.id} is of other SKUs: start one that names {line.sku}.",
                field=f"{field}.sku",
            )
        is_counted = about.get(line.sku) is not None and not line.recount
        if is_counted or line.sku in seen:
            return Problem(
                Slug.CONFLICT,
                f"{line.sku} was counted already: say recount where this is to replace it.",
                members={"field": f"{field}.sku"},
            )
        at_ms = now_ms if line.at is None else instant_ms(line.at)
        if not count.started_ms <= at_ms <= now_ms:
            return Problem.invalid(
                f"The scan was not between {count.head.started_at}, when the count was started, "
                f"and now, {rfc3339(now_ms)}.",
                field=f"{field}.at",
            )
        seen.add(line.sku)
        scans.append(_Scan(line, at_ms))
    if len(seen | about.keys()) > COUNT_LINES_MAX:
        return Problem.invalid(
            f"A count takes up to {COUNT_LINES_MAX} SKUs: start another.", field="$.lines"
        )
    return scans


def _check_register(command: Command, line: ScannedLine) -> Problem | None:
    own = command.principal.register
    if own is None or line.register in {None, own}:
        return None
    return Problem(Slug.FORBIDDEN, f"This token speaks for {own}, not for {line.register}.")


def _compared(shop: Shop, scans: Sequence[_Scan]) -> list[CountLine] | Problem:
    """The lines with what stood there at their scans."""
    late_ms = {scan.line.sku: scan.at_ms for scan in scans if scan.line.at is not None}
    earliest_ms = min(late_ms.values(), default=shop.ledger.next_ms)
    since = islice(_since(shop, earliest_ms), ENTRIES_LOOKED_AT_MAX + 1)
    entries = list(since) if late_ms else []
    if len(entries) > ENTRIES_LOOKED_AT_MAX:
        return Problem.invalid(
            "Too much was sold since the earliest scan: count it again.", field="$.lines"
        )
    moved = moved_after(late_ms, entries)
    lines: list[CountLine] = []
    for line, at_ms in scans:
        expected = shop.counter(line.sku).physical() - moved.get(line.sku, 0)
        lines.append(
            CountLine(
                sku=line.sku,
                counted=line.counted,
                at=rfc3339(at_ms),
                register=line.register,
                expected=expected,
                difference=line.counted - expected,
                provisional=is_provisional(at_ms, _heard_ms(shop, line.sku)),
            )
        )
    return lines


def scan_ms(line: CountLine) -> int:
    """When the line was scanned, by this gateway's clock."""
    return instant_ms(datetime.fromisoformat(line.at))


def _heard_ms(shop: Shop, sku: str) -> dict[str, int]:
    """Up to when everybody who may sell a SKU here has told what he did."""
    registers, counter = shop.registers, shop.counter(sku)
    heard_ms = {str(shop.ledger.writer): shop.ledger.next_ms} | {
        str(writer): registers.heard_ms.get(writer, 0)
        for writer in registers.living()
        if counter.quota(writer) > 0
    }
    return heard_ms | dict.fromkeys(map(str, registers.silent()), 0)


def _since(shop: Shop, earliest_ms: int) -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """What moved goods here since then, as (milliseconds, moves), uncommitted entries included.

    By this gateway's journal, and by those of its registers as far as they were heard.
    """
    pending = (new.entry.body for new in reversed(shop.ledger.pending.entries))
    own = chain(pending, _newest_first(shop, shop.ledger.writer))
    for journal in (own, *(_newest_first(shop, one.writer) for one in shop.registers.rows.all())):
        moves = ((entry.at_ms, entry.moves) for entry in map(_moves_of, journal))
        yield from takewhile(lambda entry: entry[0] > earliest_ms, moves)


def _newest_first(shop: Shop, writer: str) -> Iterator[bytes]:
    """The committed entries of one journal."""
    for (body,) in shop.connection.execute(
        "SELECT body FROM entry WHERE writer = ? ORDER BY seq DESC", (writer,)
    ):
        yield body


def _reasons(
    about: dict[str, CountLine | None], request: CountCloseRequest
) -> dict[str, str] | Problem:
    """The reasons that were given, by SKU, or why one of them cannot be."""
    reasons: dict[str, str] = {}
    for number, given in enumerate(request.reasons):
        line, field = about.get(given.sku), f"$.reasons[{number}]"
        if line is None:
            return Problem.invalid(f"{given.sku} was not counted.", field=f"{field}.sku")
        if given.sku in reasons:
            return Problem.invalid(f"{given.sku} has a reason already.", field=f"{field}.sku")
        refused = check_count_reason(given.reason, line.difference or 0)
        if refused is not None:
            return Problem.invalid(f"No such difference: {refused}.", field=f"{field}.reason")
        reasons[given.sku] = given.reason
    return reasons


def _decided(shop: Shop, line: CountLine, reason: str) -> CountLine:
    """The line with what is going to be booked of it."""
    assert line.difference is not None, "a kept line has been compared"
    is_heard = not is_provisional(scan_ms(line), _heard_ms(shop, line.sku))
    booked = booked_units(line.difference, shop.counter(line.sku).physical())
    return msgspec.structs.replace(
        line,
        reason=reason if line.difference else None,
        provisional=line.provisional and not is_heard,
        booked=booked,
        bounded=booked != line.difference,
    )


def book(shop: Shop, cells: list[CellChange], sku: str, units: int) -> None:
    """So many units more were counted than the book has, or (below 0) fewer."""
    if units > 0:
        arrive(shop, cells, sku, units, Minted.COUNTED_UP, Moved.COUNTED_UP)
    elif units < 0:
        lose(shop, cells, sku, -units, Spent.COUNTED_DOWN, Moved.COUNTED_DOWN)


def _booked(shop: Shop, command: Command, count_id: str, line: CountLine) -> CountLine:
    """Book a difference in an entry of its own; the line with the stock that it left."""
    units, cells = line.booked or 0, list[CellChange]()
    book(shop, cells, line.sku, units)
    levels = shop.counter(line.sku).levels()
    line = msgspec.structs.replace(line, on_hand=levels.on_hand, deficit=levels.deficit)
    if units:
        ledger = shop.ledger
        place = entry_id(ledger.writer, ledger.next_seq)
        ledger.append(
            COUNT_DIFFERENCE,
            msgspec.json.encode(CountDifference(id=place, count=count_id, line=line)),
            actor=command.actor,
            reason=line.reason or "",
            reference=count_id,
            moves=[(line.sku, units)],
            cells=latest(cells),
        )
    return line


def _ended(shop: Shop, command: Command, head: CountHead, end: CountEnd) -> CountHead:
    return msgspec.structs.replace(
        head,
        status=TRANSITIONS[head.status][end],
        ended_at=rfc3339(shop.ledger.next_ms),
        ended_by=command.principal.name,
    )


def _journal(
    shop: Shop, command: Command, kind: str, count_id: str, answer: msgspec.Struct
) -> Done:
    """The last entry of a request: its record is the answer."""
    record = msgspec.json.encode(answer)
    shop.ledger.append(
        kind, record, actor=command.actor, reference=count_id, request=command.mark()
    )
    return Done(201, record)
