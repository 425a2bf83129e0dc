"""When each SKU was counted last, and by which box, on the writer thread.

A count says what stands there, whoever moved it. So it ends what nobody can know of a box that is
gone; and what such a box is heard to have done before the count is in the count already.
"""

import datetime
import logging
from typing import Final, NamedTuple, TypeVar

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows, unheard
from cloud_hub.lives.unheard import Unheard
from replication.ids import WriterId, incarnation_of, location_of
from replication.journal import EntryBody
from retail.stock.counts import instant_ms

COUNT_LINE: Final = "count_line"
COUNT_CLOSED: Final = "count_closed"
COUNT_CANCELLED: Final = "count_cancelled"

log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class _Line(msgspec.Struct, frozen=True):
    sku: str
    at: datetime.datetime


class _Lines(msgspec.Struct, frozen=True):
    count: str
    lines: tuple[_Line, ...]


class _Ended(msgspec.Struct, frozen=True):
    id: str


def hear_lines(office: HeadOffice, body: EntryBody) -> None:
    """A location counts: lines are kept until the count ends, and hold when it is closed."""
    told = _read(body, _Lines)
    if told is None:
        return
    count = _own(body, told.count)
    for line in told.lines:
        office.connection.execute(
            "INSERT OR REPLACE INTO counting VALUES (?, ?, ?, ?, ?)",
            (count, line.sku, instant_ms(line.at), body.synchronised, body.writer),
        )
        unheard.counting(office, body.writer, count, line.sku)


def hear_ended(office: HeadOffice, body: EntryBody) -> dict[Unheard, set[str]]:
    """A count is closed or cancelled: what its lines came without, with the SKUs of these."""
    told = _read(body, _Ended)
    if told is None:
        return {}
    count = _own(body, told.id)
    if body.kind == COUNT_CLOSED:
        _keep(office, WriterId(body.writer), count)
    office.connection.execute("DELETE FROM counting WHERE count = ?", (count,))
    return unheard.ended(office, count)


def _read(body: EntryBody, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body.record, type=kind)
    except msgspec.DecodeError:
        log.exception(
            "a count's entry means nothing here",
            extra={"action": "count_entry_set_aside", "entry": f"{body.writer}-{body.seq}"},
        )  # fmt: skip
        return None


def box_of(office: HeadOffice, writer: str) -> int:
    """Which box of its location has counted: what was done on an image the image's box did."""
    life = rows.life_of(office.connection, writer)
    return incarnation_of(writer if life is None else life.branch_of or writer)


def _keep(office: HeadOffice, writer: WriterId, count: str) -> None:
    """The last count is the last one of the latest box, whatever their clocks say."""
    later = [
        str(one)
        for (one,) in office.connection.execute(
            "SELECT DISTINCT writer FROM counted WHERE location = ?", (location_of(writer),)
        )
        if box_of(office, str(one)) > box_of(office, writer)
    ]
    office.connection.execute(
        "INSERT INTO counted SELECT ?1, sku, ?2, at_ms, is_believed FROM counting WHERE count = ?3 "
        "ON CONFLICT (location, sku) DO UPDATE "
        "SET writer = ?2, at_ms = excluded.at_ms, is_believed = excluded.is_believed "
        "WHERE counted.writer NOT IN (SELECT value FROM json_each(?4))",
        (location_of(writer), writer, count, msgspec.json.encode(later).decode()),
    )


def _own(body: EntryBody, count: str) -> str:
    """A count of the writer's location: nobody ends another's, whatever name he gives."""
    return f"{location_of(body.writer)}/{count}"


class Counted(NamedTuple):
    """When a SKU was counted last, and by which box; whether its clock could be believed then."""

    writer: WriterId
    at_ms: int
    is_believed: bool


def last_count(office: HeadOffice, location: str, sku: str) -> Counted | None:
    """The last count of a SKU at a location, as far as heard."""
    row = office.connection.execute(
        "SELECT writer, at_ms, is_believed FROM counted WHERE location = ? AND sku = ?",
        (location, sku),
    ).fetchone()
    if row is None:
        return None
    writer, at_ms, is_believed = row
    return Counted(WriterId(str(writer)), int(str(at_ms)), bool(is_believed))


def counted_by(office: HeadOffice, location: str, writer: str) -> frozenset[str]:
    """The SKUs that this box has counted."""
    rows = office.connection.execute(
        "SELECT sku FROM counted WHERE location = ? AND writer = ?", (location, writer)
    )
    return frozenset(str(sku) for (sku,) in rows)
