"""A box becomes a register that sells alone, and stops being one, on the writer thread.

A box has an id of its own, so a lost answer can be asked for again. Another box under the same name
is the next incarnation: the one before is fenced, for two boxes never continue one journal.

A gateway may have died with the only word of an enrolment. Such a register says which writer it is,
and the gateway that stands there now adopts it: its journal is taken from its beginning.
"""

from typing import Final

import msgspec

from gateway.lives.tokens import end_tokens, tell_tokens
from gateway.registers import told
from gateway.registers.adopting import make_good
from gateway.registers.identity import (
    LostRequest,
    RegisterEnrolled,
    RegisterIdentity,
    RegisterLost,
    RegisterRequest,
)
from gateway.registers.numbers import (
    BOXES_PER_NAME_MAX,
    incarnation_that_made,
    numbers_before,
    was_made_before,
)
from gateway.registers.rows import HANDS_OVER, LIVING, LOST, REPLACED, RegisterRow
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.ids import (
    WriterId,
    incarnation_of,
    is_writer_id,
    location_of,
    register_of,
    register_writer,
    replica_of,
)
from replication.journal import EMPTY
from web.lives import REGISTER_ENROLLED, REGISTER_LOST
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

REGISTERS_MAX: Final = 64
"""Registers that sell alone in one store: each holds a part of the stock and a link."""


def enrol(shop: Shop, command: Command, request: RegisterRequest) -> Outcome:
    """Make a box the register of that name, or repeat what it is already."""
    known = shop.answered(command)
    if known is not None:
        return known
    if request.writer is not None:
        refused = _why_not_adopted(shop, request, request.writer)
        return refused or _adopted(shop, command, request, WriterId(request.writer))
    return _enrolled(shop, command, request)


def _enrolled(shop: Shop, command: Command, request: RegisterRequest) -> Outcome:
    rows, name = shop.registers.rows, request.register
    same = rows.of_box(name, request.box)
    if same is not None and same.is_living:
        return Done(201, msgspec.json.encode(identity_of(shop, same.writer, name)))
    if same is not None:
        return Problem(
            Slug.CONFLICT,
            f"{same.writer} is {same.state}. Let it hand over what it has, then enrol with a new "
            "data directory.",
        )
    living = rows.living(name)
    replaces = None if living is None else living.writer
    if replaces is None and len(shop.registers.living()) >= REGISTERS_MAX:
        return Problem(
            Slug.CONFLICT, f"{REGISTERS_MAX} registers sell alone here: write one off first."
        )
    writer = next_writer(shop, name)
    if isinstance(writer, Problem):
        return writer
    make_room(shop, writer, replaces)
    rows.add(writer, name, incarnation_of(writer), request.box, shop.ledger.now_ms)
    return tell(shop, command, request, writer, replaces=replaces)


def _why_not_adopted(shop: Shop, request: RegisterRequest, writer: str) -> Problem | None:
    """Why a box is not the register here that it says it is; None: it is, or it may become it."""
    rows, name = shop.registers.rows, request.register
    row, same = rows.find(writer), rows.of_box(name, request.box)
    if row is not None and row == same:
        return None
    if row is not None:
        return Problem(
            Slug.CONFLICT,
            f"{writer} is the journal of another box here. Two boxes never continue one journal: "
            "keep this one's data directory, and enrol with a new one.",
        )
    if same is not None:
        return Problem(Slug.CONFLICT, f"This box is {same.writer} here, not {writer}.")
    claim = request.image_of
    was_never = claim is not None and not came_of(claim.writer, writer)
    if was_never or not _is_of_an_earlier_gateway(shop, name, writer):
        return Problem(
            Slug.CONFLICT,
            f"{writer[:100]} is no register {name} of a gateway before {shop.ledger.writer}.",
        )
    if (stopped := shop.why_stopped()) is not None:
        return Problem.unavailable(stopped, retry_after_s=5)
    return None


def came_of(earlier: str, writer: str) -> bool:
    """Whether a register may have been `earlier` before it became `writer`."""
    return (
        is_writer_id(earlier)
        and is_writer_id(writer)
        and replica_of(earlier) == replica_of(writer)
        and incarnation_of(WriterId(earlier)) < incarnation_of(WriterId(writer))
    )


def _adopted(shop: Shop, command: Command, request: RegisterRequest, writer: WriterId) -> Outcome:
    """Repeat what a register is here already, or take it over from a gateway that is gone.

    Where another box has its name meanwhile it hands over what it has, and is no register any more.
    """
    rows, name = shop.registers.rows, request.register
    if rows.find(writer) is not None:
        return Done(201, msgspec.json.encode(identity_of(shop, writer, name)))
    living, before, incarnation = rows.living(name), rows.latest(name), incarnation_of(writer)
    replaces = replaced_by = None
    if living is not None and living.incarnation < incarnation:
        replaces = living.writer
    elif living is not None:
        replaced_by = living.writer
    elif before is not None and before.incarnation > incarnation and before.image_of is None:
        replaced_by = before.writer
    earlier = None if request.image_of is None else WriterId(request.image_of.writer)
    if request.hands_over:
        replaces, replaced_by = None, replaced_by or replaces or earlier or writer
    make_room(shop, writer, replaces)
    rows.adopt(
        writer, name, incarnation, request.box, state=LIVING if replaced_by is None else REPLACED,
        head=EMPTY, sealed=False, now_ms=shop.ledger.now_ms,
    )  # fmt: skip
    if replaced_by is not None:
        is_copy = request.hands_over and earlier is not None
        rows.replace(writer, HANDS_OVER if is_copy else f"{replaced_by} has taken its place")
    if earlier is not None:
        rows.note_image(writer, earlier)
    make_good(shop, [writer])
    return tell(
        shop, command, request, writer, replaces=replaces, replaced_by=replaced_by,
        enrolled_by=f"{shop.location}.{incarnation_that_made(writer)}",
        image_of=earlier,
    )  # fmt: skip


def _is_of_an_earlier_gateway(shop: Shop, name: str, writer: str) -> bool:
    """Whether a gateway before this one may have given that writer to a box."""
    if not is_writer_id(writer) or register_of(writer) != name:
        return False
    return location_of(writer) == shop.location and was_made_before(writer, shop.ledger.writer)


def make_room(shop: Shop, writer: WriterId, replaces: WriterId | None) -> None:
    """Fence the box whose place is taken; for the first register begin to note what it hears."""
    rows = shop.registers.rows
    if replaces is not None:
        rows.replace(replaces, f"{writer} has taken its place")
    if not rows.any():
        told.tell_all(shop.connection)


def tell(
    shop: Shop,
    command: Command,
    request: RegisterRequest,
    writer: WriterId,
    *,
    replaces: WriterId | None = None,
    replaced_by: WriterId | None = None,
    enrolled_by: str | None = None,
    image_of: WriterId | None = None,
) -> Done:
    """A row was made: journal it."""
    name = request.register
    shop.registers.changed()
    record = RegisterEnrolled(
        **msgspec.structs.asdict(identity_of(shop, writer, name)),
        box=request.box,
        replaces=replaces,
        enrolled_by=enrolled_by,
        replaced_by=replaced_by,
        image_of=image_of,
    )
    data = msgspec.json.encode(record)
    tell_tokens(shop)  # whoever knows of this register lets it in
    shop.ledger.append(
        REGISTER_ENROLLED, data, actor=command.actor, reference=name, request=command.mark()
    )
    return Done(201, data)


def next_writer(shop: Shop, name: str) -> WriterId | Problem:
    """A number that no other gateway of this store gives, also one that nobody has heard of yet.

    Each incarnation of the gateway has numbers of its own, which may be used up.
    """
    before = shop.registers.rows.latest(name)
    first = numbers_before(shop.ledger.writer) + 1
    number = first if before is None else max(first, before.incarnation + 1)
    if number < first + BOXES_PER_NAME_MAX:
        return register_writer(shop.location, name, number)
    return Problem(
        Slug.CONFLICT,
        f"{BOXES_PER_NAME_MAX} boxes have been {name} at this gateway. Choose another name.",
    )


def identity_of(shop: Shop, writer: WriterId, name: str) -> RegisterIdentity:
    """What a box is told that is a register of this gateway."""
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
    """A register is gone for good; the goods that it held come back by counting.

    Whoever has it may have its token, which so ends with it. Where another box has the name by now
    nobody knows whose the token is, and it counts on.
    """
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
    shop.registers.rows.lose(row.writer, request.reason, ledger.next_ms)
    shop.registers.changed()
    if shop.registers.rows.living(name) is None:
        end_tokens(shop, name)
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
    named = rows.find(request.writer) if request.writer is not None else None
    row = rows.living(name) or rows.latest(name) if request.writer is None else named
    if row is None or row.name != name:
        told_as = name if request.writer is None else request.writer
        return Problem(Slug.NOT_FOUND, f"No register {told_as} sells alone here.")
    return row
