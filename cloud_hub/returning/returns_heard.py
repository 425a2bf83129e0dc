"""What comes back: told by shops in their journals, announced online, on the writer thread.

A shop's return is a fact: it is kept, and what follows from it is done here. Goods of an online
order make an event of the order; money that did not go back over the counter waits in the shortage
queue (`overpaid`).
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import all_back, overpaid
from cloud_hub.ordering.custody import tell_locations
from cloud_hub.ordering.order_documents import find, keep_event
from cloud_hub.returning.returnables import returns_of, sale_told, sold_as
from replication import feed
from replication.clock import rfc3339
from replication.errors import DocumentCorrupt
from replication.ids import HUB, entry_id, location_of, location_of_entry
from replication.journal import EntryBody
from retail.ordering.ordered_goods import delivered_units, returned_event
from retail.returning.announced import (
    Arrived,
    Expected,
    announced_number,
    printed_announcement,
    still_expected,
)
from retail.returning.return_requests import AnnounceRequest
from retail.returning.returns import (
    AnnouncedReturn,
    GoodsReturn,
    ReturnedLine,
    came_back,
    take_back,
)
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

RETURN_KINDS: Final = frozenset({"return", "inspection", "return_rejected"})
"""Kinds of entries whose record is a return as it is then."""

ANNOUNCED: Final = "return_announced"

ANNOUNCED_OPEN_MAX: Final = 20
"""Announced returns of one sale that have not come: nobody announces more by intention."""

ANNOUNCED_MS_MAX: Final = 30 * 24 * 3_600_000
"""A month to bring what was announced; later it may be announced again."""

log: Final = logging.getLogger(__name__)


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A shop took goods back, or looked at some that it had taken back."""
    try:
        record = msgspec.json.decode(body.record, type=GoodsReturn)
    except msgspec.DecodeError as error:
        _set_aside(body, str(error))
        return
    known = office.connection.execute(
        "SELECT 1 FROM goods_return WHERE id = ?", (record.id,)
    ).fetchone()
    office.connection.execute(
        "INSERT INTO goods_return (id, sale, location, is_open, data) VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT (id) DO UPDATE SET is_open = ?4, data = ?5",
        (
            record.id,
            record.sale,
            location_of(body.writer),
            int(bool(record.in_quality_control())),
            msgspec.json.encode(record).decode(),
        ),
    )
    if record.settles is not None:
        _note_settled(office, record.settles, record.id)
    if known is not None or not record.lines:
        return
    _note_announced(office, record.sale)
    if location_of_entry(record.sale) == HUB:
        _note_order(office, body, record)


def tell_earlier(office: HeadOffice, location: str, bodies: Iterable[EntryBody]) -> None:
    """Tell the box that lives what a box before it took back, and told so late.

    It decides what is left of its location's sales, and what came back waits there.
    """
    touched: dict[str, None] = {}
    for body in bodies:
        if body.kind in RETURN_KINDS:
            with contextlib.suppress(msgspec.DecodeError):
                record = msgspec.json.decode(body.record, type=GoodsReturn)
                touched |= dict.fromkeys([record.id, *([record.settles] if record.settles else ())])
    for one in touched:
        row = office.connection.execute(
            "SELECT data FROM goods_return WHERE id = ?1 "
            "AND NOT EXISTS (SELECT 1 FROM sale_again WHERE entry = ?1)",
            (one,),
        ).fetchone()
        if row is not None:
            office.tell(feed.EARLIER_RETURN, one, location, str(row[0]).encode())


def _note_settled(office: HeadOffice, waiting: str, settled_by: str) -> None:
    """What came in unverified was paid for."""
    row = office.connection.execute(
        "SELECT data FROM goods_return WHERE id = ?", (waiting,)
    ).fetchone()
    before = None if row is None else msgspec.json.decode(str(row[0]), type=GoodsReturn)
    if before is None or before.unverified is None:
        return
    settled = msgspec.structs.replace(before.unverified, settled_by=settled_by)
    now = msgspec.structs.replace(before, unverified=settled)
    office.connection.execute(
        "UPDATE goods_return SET data = ? WHERE id = ?",
        (msgspec.json.encode(now).decode(), waiting),
    )


def _note_order(office: HeadOffice, body: EntryBody, record: GoodsReturn) -> None:
    """Goods of an online order: an event of the order, and money for the storefront to pay back."""
    try:
        document = find(office, record.sale)
    except DocumentCorrupt as error:
        _set_aside(body, str(error))
        return
    if document is None:
        _set_aside(body, "no such order")
        return
    order = keep_event(office, document, record.sale, returned_event(record), {})
    tell_locations(office, order, document)
    overpaid.settle(office, order)
    all_back.note(office, order.id)


def announce(office: HeadOffice, command: Command, request: AnnounceRequest) -> Outcome:
    """A customer says online what is going to come back; a shop takes it in by its number."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    sale = sale_told(office, request.sale)
    sold, order = sold_as(office, sale)
    if sold is None:
        return Problem(Slug.NOT_FOUND, f"Nobody has heard of a sale {request.sale}.")
    came = came_back(returns_of(office, sold.id), len(sold.lines))
    waiting = _waited_for(office, sold.id)
    if len(waiting) >= ANNOUNCED_OPEN_MAX:
        return Problem(Slug.CONFLICT, f"Too many returns of {sold.number} are announced already.")
    if order is None:
        most = [line.quantity for line in sold.lines]
    else:
        most = list(delivered_units(order, office.catalogue))
    left = [units - back for units, back in zip(most, came.units, strict=True)]
    for units in waiting:
        for line, many in units.items():
            left[line - 1] -= many
    lines = take_back(sold, came, [max(0, units) for units in left], request.lines)
    if not isinstance(lines, tuple):
        return Problem(Slug.CONFLICT, f"{lines}.", members={"sku": lines.sku})
    ledger = office.ledger
    number = _next_number(office)
    record = AnnouncedReturn(
        id=entry_id(ledger.writer, ledger.next_seq),
        number=printed_announcement(number),
        state="announced",
        sale=sold.id,
        sale_number=sold.number,
        at=rfc3339(ledger.now_ms),
        actor=command.principal.name,
        reason=request.reason,
        currency=sold.currency,
        lines=lines,
        total_minor=sum(line.total_minor for line in lines),
    )
    told = msgspec.json.encode(record)
    office.connection.execute(
        "INSERT INTO announced_return VALUES "
        "(?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) FROM goods_return))",
        (number, record.id, record.sale, record.state, told.decode()),
    )
    entry = ledger.append(
        ANNOUNCED, told, actor=command.actor, reason=record.reason, reference=record.sale
    )
    ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, told)


class _Announced(NamedTuple):
    """An announced return, and the number of the last return that was heard before it."""

    number: int
    after: int
    record: AnnouncedReturn


def _announced(office: HeadOffice, sale: str) -> list[_Announced]:
    """All announced returns of a sale, the oldest first."""
    rows = office.connection.execute(
        "SELECT number, after, data FROM announced_return WHERE sale = ? ORDER BY number", (sale,)
    )
    return [
        _Announced(
            int(str(number)), int(str(after)), msgspec.json.decode(str(data), type=AnnouncedReturn)
        )
        for number, after, data in rows
    ]


def _left_of(office: HeadOffice, announced: Sequence[_Announced]) -> dict[int, Counter[int]]:
    """Units per line of each that have still to come; all are of one sale."""
    if not announced:
        return {}
    rows = office.connection.execute(
        "SELECT number, data FROM goods_return WHERE sale = ? "
        "AND id NOT IN (SELECT entry FROM sale_again) ORDER BY number",
        (announced[0].record.sale,),
    )
    came = [
        (int(str(place)), msgspec.json.decode(str(data), type=GoodsReturn)) for place, data in rows
    ]
    return still_expected(
        [Expected(one.number, one.after, _units(one.record.lines)) for one in announced],
        [
            Arrived(place, announced_number(one.announced or ""), _units(one.lines))
            for place, one in came
        ],
    )


def _units(lines: Iterable[ReturnedLine]) -> Counter[int]:
    units: Counter[int] = Counter()
    for line in lines:
        units[line.line] += line.quantity
    return units


def _waited_for(office: HeadOffice, sale: str) -> list[Counter[int]]:
    """What is announced and still expected, each by its units per line.

    After `ANNOUNCED_MS_MAX` nobody waits for it any more.
    """
    announced = _announced(office, sale)
    since = rfc3339(max(0, office.ledger.now_ms - ANNOUNCED_MS_MAX))
    left = _left_of(office, announced)
    return [left[one.number] for one in announced if one.record.at >= since and left[one.number]]


def _note_announced(office: HeadOffice, sale: str) -> None:
    """What came is counted off what was announced; what is covered has come."""
    announced = _announced(office, sale)
    left = _left_of(office, announced)
    for one in announced:
        if one.record.state == "announced" and not left[one.number]:
            done = msgspec.structs.replace(one.record, state="came")
            office.connection.execute(
                "UPDATE announced_return SET state = 'came', data = ? WHERE number = ?",
                (msgspec.json.encode(done).decode(), one.number),
            )


def _next_number(office: HeadOffice) -> int:
    row = office.connection.execute("SELECT max(number) FROM announced_return").fetchone()
    return 1 + int(str((row and row[0]) or 0))


def _set_aside(body: EntryBody, reason: str) -> None:
    log.error(
        "a return's entry means nothing here: %s",
        reason,
        extra={"action": "return_entry_set_aside", "entry": f"{body.writer}-{body.seq}"},
    )
