"""The registers that sell alone, as people see them."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import apsw
import msgspec

from gateway.registers.identity import RegisterImage, RegisterState, RegisterView
from gateway.registers.rows import HANDS_OVER, LIVING, LOST, RegisterRow, RegisterRows
from gateway.status.report import moment
from replication.clock import rfc3339
from replication.escrow import EscrowCounter
from replication.journal import EntryBody
from web.paging import Cursor, Page

IMAGES_MAX: Final = 20
"""Registers whose disks were old copies that are told of at once, the last first."""


class Recovered(NamedTuple):
    """What a register had sold on an old copy of its disk, and has booked since."""

    sales: int
    units: int


class RegisterNow(NamedTuple):
    """A register's row with what is known at this instant."""

    row: RegisterRow
    state: RegisterState
    heard_ms: int | None
    to_hub: int


_PLACE: Final = Cursor(tuple[str, int])


class Place(NamedTuple):
    """Where a page of the list begins: after this box."""

    name: str = ""
    incarnation: int = 0


def place_of(query: Page) -> Place:
    """The box after which the page that is asked for begins.

    Raises:
        Problem: nobody gave out this cursor.
    """
    return Place(*(_PLACE.decode(query.cursor) or Place()))


def cursor_after(now: RegisterNow) -> str:
    """The cursor of the page after this box."""
    return _PLACE.encode((now.row.name, now.row.incarnation))


def registers_now(
    rows: RegisterRows,
    shown: Sequence[RegisterRow],
    acknowledged: int,
    heard_ms: Callable[[str], int | None],
) -> list[RegisterNow]:
    """Some boxes at this instant; `heard_ms` tells of those that are connected.

    `acknowledged` is how far the hub has this gateway's journal.
    """
    now: list[RegisterNow] = []
    for row in shown:
        heard = heard_ms(row.writer)
        to_hub = row.head.seq - rows.at_hub(row.writer, acknowledged).seq
        now.append(RegisterNow(row, _state(row, heard), heard or row.heard_ms, to_hub))
    return now


def _state(row: RegisterRow, heard_ms: int | None) -> RegisterState:
    if row.state == LOST:
        return RegisterState.LOST
    if row.state != LIVING:
        return RegisterState.REPLACED
    return RegisterState.AWAY if heard_ms is None else RegisterState.CONNECTED


def quota_held(
    connection: apsw.Connection, location: str, writers: Sequence[str]
) -> dict[str, int]:
    """Units of all goods that each of these writers holds, by the counters' rows.

    Every row is decoded, some 10 us each: for a thread beside the loop.
    """
    held = dict.fromkeys(writers, 0)
    for sku, cells in connection.execute(
        "SELECT sku, cells FROM counter WHERE location = ?", (location,)
    ):
        counter = EscrowCounter(location, str(sku), msgspec.json.decode(str(cells)))
        for writer in held:
            held[writer] += counter.quota(writer)
    return held


def recovered(connection: apsw.Connection, row: RegisterRow) -> Recovered:
    """What one that was an old copy has booked of that; of any other nothing."""
    if row.image_of is None:
        return Recovered(0, 0)
    moves = [
        msgspec.json.decode(body, type=EntryBody).moves
        for (body,) in connection.execute(
            "SELECT body FROM entry WHERE kind = 'recovered_sale' AND writer = ?", (row.writer,)
        )
    ]
    return Recovered(len(moves), -sum(units for one in moves for _, units in one if units < 0))


def images_since(connection: apsw.Connection, since_ms: int) -> list[RegisterImage]:
    """The registers whose disks were found to be old copies since then."""
    rows = [one for one in RegisterRows(connection).all() if one.image_of is not None]
    late = [one for one in rows if one.enrolled_ms >= since_ms]
    late.sort(key=lambda one: -one.enrolled_ms)
    return [
        RegisterImage(
            register=row.name,
            writer=row.writer,
            image_of=row.image_of or "",
            stays_off=row.reason == HANDS_OVER,
            sales=booked.sales,
            units=booked.units,
            since=moment(row.enrolled_ms),
        )
        for row in late[:IMAGES_MAX]
        for booked in [recovered(connection, row)]
    ]


def register_view(now: RegisterNow, quota_units: int, booked: Recovered) -> RegisterView:
    """One register for people; `booked` is what it had sold on an old copy of its disk."""
    row = now.row
    return RegisterView(
        register=row.name,
        writer=row.writer,
        state=now.state,
        last_heard=None if now.heard_ms is None else rfc3339(now.heard_ms),
        last_seq=row.head.seq,
        to_hub=now.to_hub,
        quota_units=quota_units,
        software=row.software,
        reason=row.reason or None,
        image_of=row.image_of,
        recovered_sales=booked.sales,
        recovered_units=booked.units,
    )
