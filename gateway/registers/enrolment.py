"""A box becomes a register that sells alone, and stops being one, on the writer thread.

A box has an id of its own, so a lost answer can be asked for again. Another box under the same name
is the next incarnation: the one before is fenced, for two boxes never continue one journal.
"""

from typing import Final

import msgspec

from gateway.registers import told
from gateway.registers.identity import (
    LostRequest,
    RegisterEnrolled,
    RegisterIdentity,
    RegisterLost,
    RegisterRequest,
)
from gateway.registers.rows import LOST, REPLACED, RegisterRow
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.ids import WriterId, incarnation_of, register_writer
from web.lives import REGISTER_ENROLLED, REGISTER_LOST
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

REGISTERS_MAX: Final = 64
"""Registers that sell alone in one store: each holds a part of the stock and a link."""

BOXES_PER_NAME_MAX: Final = 1_000
"""Boxes that one gateway makes the register of one name, one after the other."""


def enrol(shop: Shop, command: Command, request: RegisterRequest) -> Outcome:
    """Make a box the register of that name, or repeat what it is already."""
    known = shop.answered(command)
    if known is not None:
        return known
    rows, name = shop.registers.rows, request.register
    same = rows.of_box(name, request.box)
    if same is not None and same.is_living:
        return Done(201, msgspec.json.encode(_identity(shop, same.writer, name)))
    if same is not None:
        return Problem(
            Slug.CONFLICT,
            f"{same.writer} is {same.state}. Let it hand over what it has, then enrol with a new "
            "data directory.",
        )
    before = rows.latest(name)
    replaces = before.writer if before is not None and before.is_living else None
    if replaces is None and len(shop.registers.living()) >= REGISTERS_MAX:
        return Problem(
            Slug.CONFLICT, f"{REGISTERS_MAX} registers sell alone here: write one off first."
        )
    incarnation = _next_incarnation(shop, before)
    if incarnation is None:
        return Problem(
            Slug.CONFLICT,
            f"{BOXES_PER_NAME_MAX} boxes have been {name} at this gateway. Choose another name.",
        )
    writer = register_writer(shop.location, name, incarnation)
    if replaces is not None:
        rows.end(replaces, REPLACED, f"{writer} has taken its place")
    is_first = not rows.any()
    rows.add(writer, name, incarnation, request.box, shop.ledger.now_ms)
    if is_first:
        told.tell_all(shop.connection)
    shop.registers.changed()
    identity = _identity(shop, writer, name)
    record = RegisterEnrolled(
        **msgspec.structs.asdict(identity), box=request.box, replaces=replaces
    )
    data = msgspec.json.encode(record)
    shop.ledger.append(
        REGISTER_ENROLLED, data, actor=command.actor, reference=name, request=command.mark()
    )
    return Done(201, data)


def _next_incarnation(shop: Shop, before: RegisterRow | None) -> int | None:
    """A number that no other gateway of this store gives, also one that nobody has heard of yet.

    Each incarnation of the gateway has numbers of its own; None when they are used up.
    """
    first = (incarnation_of(shop.ledger.writer) - 1) * BOXES_PER_NAME_MAX + 1
    number = first if before is None else max(first, before.incarnation + 1)
    return number if number < first + BOXES_PER_NAME_MAX else None


def _identity(shop: Shop, writer: WriterId, name: str) -> RegisterIdentity:
    here = shop.identity
    return RegisterIdentity(
        writer=writer,
        register=name,
        location=here.location,
        name=here.name,
        parent=here.writer,
        jurisdiction=here.jurisdiction,
        timezone=here.timezone,
        chain=here.chain,
        kind=here.kind,
    )


def write_off(shop: Shop, command: Command, name: str, request: LostRequest) -> Outcome:
    """A register is gone for good; what it held comes back by counting."""
    known = shop.answered(command)
    if known is not None:
        return known
    row = _named(shop, name, request)
    if isinstance(row, Problem):
        return row
    if row.writer in shop.registers.reachable:
        return Problem(Slug.CONFLICT, f"{row.writer} is connected at this moment: it is not lost.")
    if row.state == LOST:
        return Problem(Slug.CONFLICT, f"{row.writer} was written off already: {row.reason}.")
    if row.sealed:
        return Problem(
            Slug.CONFLICT, f"{row.writer} has handed over all that it had: nothing of it is lost."
        )
    ledger = shop.ledger
    shop.registers.rows.end(row.writer, LOST, request.reason)
    shop.registers.changed()
    record = RegisterLost(
        register=row.name,
        writer=row.writer,
        at=rfc3339(ledger.now_ms),
        by=command.principal.name,
        reason=request.reason,
        heard_seq=row.head.seq,
        last_heard=None if row.heard_ms is None else rfc3339(row.heard_ms),
    )
    data = msgspec.json.encode(record)
    ledger.append(
        REGISTER_LOST, data, actor=command.actor, reason=request.reason, reference=row.writer,
        request=command.mark(),
    )  # fmt: skip
    return Done(201, data)


def _named(shop: Shop, name: str, request: LostRequest) -> RegisterRow | Problem:
    """The box that is meant: the last of that name, or the one that is named."""
    rows = shop.registers.rows
    row = rows.latest(name) if request.writer is None else rows.find(request.writer)
    if row is None or row.name != name:
        told_as = name if request.writer is None else request.writer
        return Problem(Slug.NOT_FOUND, f"No register {told_as} sells alone here.")
    return row
