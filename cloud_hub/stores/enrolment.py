"""Locations, and the one-time codes that make a box the gateway of one.

A code is shown once and kept as a digest. It makes exactly one box: the next incarnation of the
location as it was when the code was made. A location that has a gateway needs `--replace`, so that
a second box is never made beside a living one by mistake.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import apsw
import msgspec
from msgspec import Meta

from cloud_hub.head_office import HUB_WRITER, HeadOffice, LocationRow
from cloud_hub.lives import asked, frozen, rows
from replication.ids import LocationId, incarnation_of, is_location_id, writer_id
from retail.business_day import zone_of
from web.command_line import CommandRefused
from web.problems import Problem, Slug
from web.token_rows import add_token

ENROLMENT: Final = "enrolment"
CHAIN: Final = "chain"
"""The meta row with the chain's id: 16 hexadecimal digits, the nonce of the hub's first start."""

CODE_MS: Final = 7 * 86_400_000
"""A code lives for a week: long enough for a box in the post, too short for a forgotten ticket."""


class EnrolmentImpossible(CommandRefused):
    """The location cannot be enrolled as asked; the sentence says why and what to do."""


class EnrolmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a new box says: its code, a random id of its own, and the version of its program.

    A box whose answer was lost asks again with the same `box`; without one it cannot. `location` is
    said by a box that is of one already, and only asks whether the code is for another one: it is
    always refused, and no code is used up.
    """

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    box: Annotated[str, Meta(min_length=16, max_length=64)] | None = None
    software: Annotated[str, Meta(max_length=64)] = ""
    location: Annotated[str, Meta(max_length=63)] | None = None


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a new box becomes. `token` speaks for it at the hub and is told only here.

    `chain` is an id that all gateways of this hub have in common. It is no secret: they announce it
    in their shops, so that a register does not mistake another chain's gateway for its own.
    """

    writer: str
    name: str
    kind: str
    hub_writer: str
    jurisdiction: str
    timezone: str
    token: str
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A location as it is enrolled the first time; later codes leave it as it is.

    `name` may be None where the location is there already.
    """

    location: str
    name: str | None
    kind: str
    jurisdiction: str
    timezone: str


def digest_of(code: str) -> bytes:
    """What of a code is kept. Case, spaces and dashes do not matter to whoever types it."""
    return hashlib.sha256("".join(code.upper().replace("-", "").split()).encode()).digest()


def add_code(
    connection: apsw.Connection,
    place: Place,
    *,
    replace: bool,
    code: str,
    now_ms: int,
    although_connected: bool = False,
) -> None:
    """Keep a new code for a location, made when it is new; the caller's transaction is open.

    A code that replaces a box may be made days before. Whether the old box is switched off is asked
    when it is used, unless `although_connected`.

    Raises:
        EnrolmentImpossible: the id is not one, the location has a gateway already, or there is
            none whose box could be replaced.
    """
    if not is_location_id(place.location):
        raise EnrolmentImpossible(
            f"{place.location!r} is no location id: use lower case letters, digits and dashes, "
            "and not 'hub'"
        )
    try:
        zone_of(place.timezone)
    except ValueError as unknown:
        raise EnrolmentImpossible(str(unknown)) from None
    row = connection.execute(
        "SELECT incarnation FROM location WHERE id = ?", (place.location,)
    ).fetchone()
    if row is None:
        _add_location(connection, place, replace=replace)
    incarnation = int(str(row[0])) if row else 0
    writer = writer_id(LocationId(place.location), incarnation)
    if incarnation and not replace:
        raise EnrolmentImpossible(
            f"{place.location} has a gateway already ({writer}). "
            "If that box is gone, use --replace: it then only hands over what it has."
        )
    connection.execute(
        "INSERT INTO enrolment_code VALUES (?, ?, ?, ?, NULL, NULL, ?)",
        (
            digest_of(code), place.location, incarnation + 1, now_ms + CODE_MS,
            int(although_connected),
        ),
    )  # fmt: skip


def _add_location(connection: apsw.Connection, place: Place, *, replace: bool) -> None:
    if replace:
        raise EnrolmentImpossible(
            f"there is no location {place.location} whose box could be replaced. Look at how it is "
            "written; a new one is enrolled without --replace."
        )
    if place.name is None:
        raise EnrolmentImpossible(
            f"{place.location} is a new location: say with --name what people call it"
        )
    connection.execute(
        "INSERT INTO location (id, name, kind, jurisdiction, timezone) VALUES (?, ?, ?, ?, ?)",
        (place.location, place.name, place.kind, place.jurisdiction, place.timezone),
    )


def enrol(office: HeadOffice, request: EnrolmentRequest, secret_bytes: bytes) -> Enrolled | Problem:
    """Use a code, on the writer thread: the box becomes the location's next incarnation."""
    row = office.connection.execute(
        "SELECT location, incarnation, expires_at_ms, used_at_ms, used_by, although_connected "
        "FROM enrolment_code WHERE digest = ?",
        (digest_of(request.code),),
    ).fetchone()
    location = office.location(str(row[0])) if row else None
    if row is None or location is None:
        return Problem(Slug.FORBIDDEN, "Nobody made this enrolment code.")
    if request.location is not None:
        return _is_enrolled(request.location, location.id)
    return _used(office, request, location, row, secret_bytes)


def _is_enrolled(own: str, code_is_for: str) -> Problem:
    """What a box hears that is of a location already: `location` says what the code is for."""
    said = (
        f"This box is of {own} already: the code was not used."
        if own == code_is_for
        else f"This enrolment code is for {code_is_for}, and this box is of {own}: use an empty "
        f"data directory for {code_is_for}, or make a code for {own}."
    )
    return Problem(Slug.FORBIDDEN, said, members={"location": code_is_for})


def _used(
    office: HeadOffice,
    request: EnrolmentRequest,
    location: LocationRow,
    row: Sequence[object],
    secret_bytes: bytes,
) -> Enrolled | Problem:
    """Use a code that is for this box, if it is still good."""
    connection, now_ms = office.connection, office.ledger.now_ms
    incarnation = int(str(row[1]))
    is_repeat = row[3] is not None and row[4] is not None and row[4] == request.box
    if row[3] is not None and not is_repeat:
        return Problem(Slug.FORBIDDEN, "This enrolment code was used already; make a new one.")
    if int(str(row[2])) <= now_ms:
        return Problem(Slug.FORBIDDEN, "This enrolment code has expired; make a new one.")
    if incarnation != location.incarnation + (0 if is_repeat else 1):
        return Problem(Slug.FORBIDDEN, "Another box was enrolled since; make a new code.")
    if not is_repeat and location.id in office.reachable and not row[5]:
        return Problem(
            Slug.CONFLICT,
            f"{office.living_writer(location.id)} is connected at this moment: it is alive. Switch "
            "that box off and try again with the same code in half a minute. If it cannot be "
            "reached to be switched off, make a code with --replace --although-connected; then it "
            "stops selling at once.",
        )
    if not is_repeat:  # a branch that was handed in may have taken the code's number since
        incarnation = incarnation_of(rows.next_writer(connection, LocationId(location.id)))
    connection.execute(
        "UPDATE enrolment_code SET used_at_ms = ?, used_by = ?, incarnation = ? WHERE digest = ?",
        (now_ms, request.box, incarnation, digest_of(request.code)),
    )
    if not is_repeat:
        asked.replace(office, office.living_writer(location.id))
    return become(office, location, incarnation, secret_bytes, software=request.software)


def become(
    office: HeadOffice, location: LocationRow, incarnation: int, secret_bytes: bytes, *,
    software: str | None,
) -> Enrolled:  # fmt: skip
    """Make a box the gateway of a location: its incarnation of that number, all others are fenced.

    Asked for once more, it gets another token and is otherwise the same.
    """
    connection, now_ms = office.connection, office.ledger.now_ms
    writer = writer_id(LocationId(location.id), incarnation)
    connection.execute(
        "UPDATE location SET incarnation = ?, software = coalesce(?, software) WHERE id = ?",
        (incarnation, software, location.id),
    )
    rows.fence(connection, LocationId(location.id), incarnation, now_ms)
    office.fenced_changed()
    frozen.concede_ahead(office, LocationId(location.id))
    connection.execute(
        "DELETE FROM token WHERE role = 'gateway' AND id = ?", (f"gateway:{writer}",)
    )
    token = add_token(
        connection,
        secret_bytes=secret_bytes,
        token_id=f"gateway:{writer}",
        role="gateway",
        register=None,
        name=writer,
        now_ms=now_ms,
    )
    record = msgspec.json.encode({"location": location.id, "writer": writer})
    office.ledger.append(ENROLMENT, record, reference=location.id)
    return Enrolled(
        writer=writer,
        name=location.name,
        kind=location.kind,
        hub_writer=HUB_WRITER,
        jurisdiction=location.jurisdiction,
        timezone=location.timezone,
        token=token,
        chain=office.store.meta(CHAIN) or "",
    )
