"""The registers that sell alone, as people see them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import apsw
import msgspec

from gateway.registers.identity import RegisterState, RegisterView
from gateway.registers.rows import LIVING, LOST, RegisterRow, RegisterRows
from replication.clock import rfc3339
from replication.escrow import EscrowCounter


class RegisterNow(NamedTuple):
    """A register's row with what is known at this instant."""

    row: RegisterRow
    state: RegisterState
    heard_ms: int | None
    to_hub: int


def registers_now(
    connection: apsw.Connection, acknowledged: int, heard_ms: Callable[[str], int | None]
) -> list[RegisterNow]:
    """All boxes that are or were registers; `heard_ms` tells of those that are connected.

    `acknowledged` is how far the hub has this gateway's journal.
    """
    rows = RegisterRows(connection)
    now: list[RegisterNow] = []
    for row in rows.all():
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


def register_view(now: RegisterNow, quota_units: int) -> RegisterView:
    """One register for people."""
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
    )
