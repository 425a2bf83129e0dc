"""What gateways tell of their registers, on the writer thread.

A register is a gateway's matter. The hub keeps what whoever takes the gateway's place has to know,
and what decides whether a dead gateway's rights may be taken back: has each of its registers told
the living one what it knew, or was it written off?
"""

import logging
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows
from replication.ids import (
    WriterId,
    incarnation_of,
    is_register,
    is_writer_id,
    location_of,
    register_of,
    replica_of,
)
from replication.journal import EntryBody
from web.lives import REGISTER_ENROLLED, REGISTER_LOST, REGISTER_REPORTED, RegisterReported

log: Final = logging.getLogger(__name__)


class _Enrolled(msgspec.Struct, frozen=True):
    writer: str
    box: str
    replaces: str | None = None
    enrolled_by: WriterId | None = None
    replaced_by: str | None = None


class _Lost(msgspec.Struct, frozen=True):
    writer: str


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A gateway made a box a register, wrote one off, or has all that one had.

    The entry is kept whatever comes of this.
    """
    try:
        if body.kind == REGISTER_ENROLLED:
            _enrolled(office, body, msgspec.json.decode(body.record, type=_Enrolled))
        elif body.kind == REGISTER_LOST:
            _note(
                office, body, msgspec.json.decode(body.record, type=_Lost).writer, "state", "lost"
            )
        else:
            assert body.kind == REGISTER_REPORTED, body.kind
            told = msgspec.json.decode(body.record, type=RegisterReported)
            if office.head_of(WriterId(told.writer)).seq >= told.seq:
                _reported(office, body, told.writer)
    except msgspec.DecodeError:
        log.exception(
            "an entry about a register means nothing here",
            extra={"action": "register_entry_set_aside", "entry": f"{body.writer}-{body.seq}"},
        )  # fmt: skip


def _enrolled(office: HeadOffice, body: EntryBody, told: _Enrolled) -> None:
    if not _is_own(body, told.writer) or not _is_before(body, told.enrolled_by):
        return
    office.connection.execute(
        "INSERT INTO register VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?) ON CONFLICT (writer) DO NOTHING",
        (
            told.writer,
            location_of(told.writer),
            register_of(told.writer),
            told.box,
            "living" if told.replaced_by is None else "replaced",
            body.writer if told.enrolled_by is None else None,
            told.enrolled_by or body.writer,
            bytes(body.record).decode(),
        ),
    )
    if told.replaces is not None and _is_own(body, told.replaces):
        # Who was written off stays so: a dead gateway may tell late that it had replaced it.
        office.connection.execute(
            "UPDATE register SET state = 'replaced' WHERE writer = ? AND state = 'living'",
            (told.replaces,),
        )
    _settle_name(office, told.writer)


def _settle_name(office: HeadOffice, writer: str) -> None:
    """Of boxes that live under one name the newest is the register.

    Two gateways may each have made one without hearing of the other, and the older is heard last.
    """
    living = [
        one.writer
        for one in rows.registers_of(office.connection, location_of(writer))
        if one.state == "living" and register_of(one.writer) == register_of(writer)
    ]
    newest = max(living, key=incarnation_of, default=None)
    office.connection.executemany(
        "UPDATE register SET state = 'replaced' WHERE writer = ?",
        [(one,) for one in living if one != newest],
    )


def _reported(office: HeadOffice, body: EntryBody, writer: str) -> None:
    """The latest gateway that has all of a register counts: an earlier one may tell it late."""
    known = rows.register_of(office.connection, writer)
    last = None if known is None else known.reported_to
    if last is None or incarnation_of(WriterId(last)) < incarnation_of(WriterId(body.writer)):
        _note(office, body, writer, "reported_to", body.writer)


def _note(office: HeadOffice, body: EntryBody, writer: str, column: str, value: str) -> None:
    if _is_own(body, writer):
        office.connection.execute(
            f"UPDATE register SET {column} = ? WHERE writer = ?",  # noqa: S608 - one of two names
            (value, writer),
        )


def _is_own(body: EntryBody, writer: str) -> bool:
    """Whether the writer is a register of whoever tells of it."""
    return (
        is_writer_id(writer)
        and is_register(writer)
        and location_of(writer) == location_of(body.writer)
    )


def _is_before(body: EntryBody, enrolled_by: WriterId | None) -> bool:
    """Whether somebody before whoever tells of it made a box a register, if anybody else did."""
    return enrolled_by is None or (
        is_writer_id(enrolled_by)
        and replica_of(enrolled_by) == replica_of(body.writer)
        and incarnation_of(enrolled_by) < incarnation_of(body.writer)
    )


def sealed(office: HeadOffice, writer: WriterId) -> None:
    """A register's last entry was heard: nothing of it is missing, and it is none any more."""
    office.connection.execute(
        "UPDATE register SET sealed = 1, "
        "state = CASE state WHEN 'living' THEN 'replaced' ELSE state END WHERE writer = ?",
        (writer,),
    )
