"""Registers that gateways before this one had enrolled, as the hub tells of them: writer thread.

A new box takes them over with what its location had. The hub may hear of one later, in the last
entries of a gateway that was thought dead: that one is taken over then. One that has come here by
itself meanwhile is known already, and stays as it is.
"""

from collections.abc import Sequence

import msgspec

from gateway.registers import reclaiming, told
from gateway.registers.lending import work_off
from gateway.registers.rows import LIVING, REPLACED
from gateway.shop import Shop
from replication.errors import PeerViolation
from replication.escrow import Table
from replication.ids import EVERYWHERE, WriterId, incarnation_of
from replication.journal import Head
from web.lives import RegisterAtHub


def head_of(register: RegisterAtHub) -> Head:
    """How far the hub has its journal.

    Raises:
        PeerViolation: what the hub says is no hash.
    """
    try:
        return Head(register.head_seq, bytes.fromhex(register.head_hash))
    except ValueError:
        raise PeerViolation(f"the hub's head of {register.writer} is no hash") from None


def adopt(shop: Shop, registers: Sequence[RegisterAtHub]) -> None:
    """Take over those which this gateway does not know.

    Of two that live under one name, by the words of two gateways that did not hear of each other,
    the newer one is the register, as everywhere; the other one hands over what it has. So it is
    where both made the same box a register, which heard one of them: that number is nobody's.
    """
    rows = shop.registers.rows
    news = [one for one in registers if rows.find(one.writer) is None]
    if news and not rows.any():
        told.tell_all(shop.connection)
    for one in sorted(news, key=lambda one: incarnation_of(one.writer), reverse=True):
        state, before = one.state, rows.living(one.register)
        is_nobody = rows.of_box(one.register, one.box) is not None
        if state == LIVING and (one.sealed or is_nobody):
            state = REPLACED
        elif state == LIVING and before is not None:
            if before.incarnation > incarnation_of(one.writer):
                state = REPLACED
            else:
                rows.replace(before.writer, f"{one.writer} has taken its place")
        rows.adopt(
            WriterId(one.writer), one.register, incarnation_of(one.writer),
            one.writer if is_nobody else one.box,  # each box has one row
            state=state, head=head_of(one), sealed=one.sealed, now_ms=shop.ledger.next_ms,
        )  # fmt: skip
        if (image_of := _image_of(one)) is not None:
            rows.note_image(WriterId(one.writer), image_of)
    make_good(shop, [WriterId(one.writer) for one in news])
    shop.registers.changed()


def make_good(shop: Shop, writers: Sequence[WriterId]) -> None:
    """Registers came here that boxes before may have given up: what those took is made good."""
    if not writers:
        return
    taken: dict[str, set[str]] = {}
    for writer, sku in shop.connection.execute(
        "SELECT cell.value ->> 2, sku FROM counter, json_each(counter.cells) AS cell "
        "WHERE location IN (?, ?) AND instr(cells, ?) AND cell.value ->> 0 = ?",
        (shop.location, EVERYWHERE, f'"{Table.RECLAIMED}"', Table.RECLAIMED),
    ):
        taken.setdefault(str(writer), set()).add(str(sku))
    for _, sku in shop.ledger.pending.counters:  # their rows are older than they are
        for writer in writers:
            taken.setdefault(writer, set()).add(sku)
    for writer in writers:
        keys = sorted(taken.get(writer, ()))
        reclaiming.make_good(shop, writer, keys)
        work_off(shop, keys)


class _Enrolled(msgspec.Struct, frozen=True):
    """The record of an enrolment, read as far as it says what became of an old copy of a disk."""

    image_of: WriterId | None = None


def _image_of(register: RegisterAtHub) -> WriterId | None:
    try:
        return msgspec.json.decode(register.enrolled, type=_Enrolled).image_of
    except msgspec.DecodeError:
        return None
