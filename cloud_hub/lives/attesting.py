"""Somebody answers for it that nothing more will be heard of a box, on the writer thread.

A box whose disk is destroyed never seals its journal. An admin says so, and its rights come back,
if nothing that is known speaks against it: each of its registers has told the living box all that
it had, or was written off; and all goods that it held were counted by the living box. Should its
entries come after all, they are taken, and what goes beyond is conceded.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import counted, frozen, rows, tails, unheard
from cloud_hub.lives.frozen import Residual
from cloud_hub.reads import LocationView
from replication.clock import rfc3339
from replication.ids import WriterId, incarnation_of, is_allowance
from web.lives import AttestRequest, EarlierLife
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

ATTESTED: Final = "life_attested"

NAMED_MAX: Final = 5
"""Registers or SKUs that a refusal names; the others are counted."""

RESIDUAL_MAX: Final = 2_000
"""SKUs that a location's view lists of each life; the others are summed."""


class LifeView(EarlierLife, frozen=True, kw_only=True):
    """A life that is over, with what it still holds: units that nobody may promise.

    `waits_for` says what an attestation would be refused for; empty where it would be taken.
    """

    fenced_at: str | None
    ended_by: str | None
    reason: str | None
    frozen_units: int
    frozen: list[Residual]
    waits_for: list[str]


class LocationDetail(LocationView, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A location with the lives of its gateway that are over, the newest first."""

    lives: list[LifeView]


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a box, and the units that came back by it."""

    location: str
    writer: str
    reason: str
    by: str
    at: str
    reclaimed_units: int
    keys: int


def lives_view(office: HeadOffice, location: str) -> list[LifeView]:
    """The lives of a location that are over, with what they hold."""
    found: list[LifeView] = []
    living = office.living_writer(location)
    counted_skus = counted.counted_by(office, location, living)
    for life in rows.lives_of(office.connection, location):
        head = office.head_of(life.writer)
        held = frozen.residual(office, life.writer, counted_skus)
        found.append(
            LifeView(
                writer=life.writer,
                state=life.state,
                last_seq=head.seq,
                last_hash=head.hash.hex(),
                last_heard=None if life.heard_ms is None else rfc3339(life.heard_ms),
                branch_of=life.branch_of,
                fenced_at=None if life.fenced_ms is None else rfc3339(life.fenced_ms),
                ended_by=life.ended_by,
                reason=life.reason,
                frozen_units=sum(one.units + one.held for one in held),
                frozen=held[:RESIDUAL_MAX],
                waits_for=[] if life.state != "open" else _waits_for(office, life, held),
            )
        )
    return found


def _waits_for(office: HeadOffice, life: rows.LifeRow, held: list[Residual]) -> list[str]:
    """What has to be done before somebody can answer for this box, as sentences."""
    living = office.living_writer(life.location)
    waits: list[str] = []
    registers = [
        one.writer
        for one in rows.registers_of(office.connection, life.location)
        if not _has_reported(one, life.writer, living)
    ]
    if registers:
        waits.append(
            f"{_named(registers)} had not told {living} all that happened there: connect them to "
            "it, or write them off."
        )
    uncounted = [one.sku for one in held if not one.is_counted and not is_allowance(one.sku)]
    # It may have counted, and sold, what had come without its having heard so.
    came = unheard.came_for(office, life.writer) - counted.counted_by(office, life.location, living)
    uncounted += sorted(came.difference(uncounted))
    if uncounted:
        waits.append(
            f"{_named(uncounted)} had not been counted since {living} is the gateway: count what "
            "stands there."
        )
    return waits


def _has_reported(register: rows.RegisterRow, fenced: WriterId, living: WriterId) -> bool:
    """Whether nothing of what a register knew of the fenced box can be missing any more."""
    if register.sealed or register.state == "lost":
        return True
    began = incarnation_of(register.enrolled_by)
    return began > incarnation_of(fenced) or register.reported_to == living


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def attest(office: HeadOffice, command: Command, location: str, request: AttestRequest) -> Outcome:
    """Take back what a box held that is gone for good, or say what has to be done before."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    life = rows.life_of(office.connection, request.writer)
    if life is None or life.location != location:
        return _no_such_life(office, location, request.writer)
    if life.state != "open":
        told = "its journal has ended here" if life.state == "sealed" else "somebody has done so"
        return Problem(Slug.CONFLICT, f"Nobody needs to answer for {life.writer}: {told}.")
    living = office.living_writer(location)
    held = frozen.residual(office, life.writer, counted.counted_by(office, location, living))
    waits = _waits_for(office, life, held)
    if waits:
        return Problem(Slug.CONFLICT, f"What {life.writer} held stays frozen. {' '.join(waits)}")
    rows.end(
        office.connection, life.writer, "attested",
        by=command.principal.name, reason=request.reason,
    )  # fmt: skip
    taken = frozen.take_back(office, life.writer)
    back = [one for one in held if one.sku in set(taken)]
    record = msgspec.json.encode(
        Attested(
            location=location,
            writer=life.writer,
            reason=request.reason,
            by=command.principal.name,
            at=rfc3339(office.ledger.now_ms),
            reclaimed_units=sum(one.units + one.held for one in back),
            keys=len(back),
        )
    )
    entry = office.ledger.append(
        ATTESTED, record, actor=command.actor, reason=request.reason, reference=life.writer
    )
    back_besides = tails.heal(office, location, unheard.came_for(office, life.writer))
    tails.after(office, location, {*taken, *back_besides}, entry)
    office.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def _no_such_life(office: HeadOffice, location: str, writer: str) -> Problem:
    if office.location(location) is None:
        return Problem(Slug.NOT_FOUND, f"There is no location {location}.")
    if office.is_living(writer):
        return Problem(
            Slug.CONFLICT,
            f"{writer} is the gateway of its location. If it is gone, enrol another box in its "
            "place first (cloud-hub enrol --replace).",
        )
    return Problem(Slug.NOT_FOUND, f"{location} never had a gateway {writer}.")
