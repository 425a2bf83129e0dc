"""A box hands over its own branch of a journal, and becomes a new incarnation; on the writer thread.

A box that was restored from an old image, or copied, goes on where the hub knows another journal
already. Nothing is guessed and nothing is thrown away: what it did since the two parted is kept
verbatim, and folded under an incarnation of its own (`deltas`), each sale once. What goes beyond
the rights of that branch, which has none, is conceded: it is the exposure of the image, and it
stands in the shortage queue.

The box then becomes the next incarnation, as if it had been enrolled with a new code, if it is the
one that speaks for its location. Where another box speaks at this moment, both run from one image:
this one stops, and people decide which of them stays.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows, tails
from cloud_hub.lives.deltas import Rewriting
from cloud_hub.stores import enrolment, fold
from cloud_hub.stores.enrolment import Enrolled
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.ids import LocationId, WriterId, incarnation_of, location_of
from replication.journal import Entry, EntryBody, Head, decode_body, verify
from web.lives import PIECE_BYTES_MAX, BranchPiece
from web.problems import Problem, Slug

BRANCH: Final = "branch"
"""The kind of the hub's entry about a branch that it took in."""

BRANCH_ENTRIES_MAX: Final = 1_000_000
"""Entries of a branch: years of a shop. A longer one is no branch of an image."""

FOLDED_AT_ONCE: Final = 500


class BranchTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a branch, or of a piece of it.

    `held_seq` is how far the hub has it. Once all of it is folded, `branch` is the incarnation that
    it was given and `exposed_units` what it used beyond any right. `identity` is who the box is from
    now on; null where it is nobody, and `detail` says why and what to do.
    """

    held_seq: int
    branch: str | None
    exposed_units: int
    identity: Enrolled | None
    detail: str


class _BranchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A branch that was taken in, as journalled."""

    branch: str
    branch_of: str
    common_seq: int
    entries: int
    exposed_units: int


class _Kept(msgspec.Struct, frozen=True):
    """A branch as far as it was handed over."""

    start: bytes
    writer: WriterId
    common_seq: int
    box: str
    taken_as: str | None
    became: str | None
    exposed: int


def take_piece(
    office: HeadOffice, writer: WriterId, piece: BranchPiece, secret_bytes: bytes
) -> BranchTaken | Problem:
    """Keep a piece of a branch; with the last one fold all of it."""
    if (refused := _check(office, writer, piece)) is not None:
        return refused
    entries = [Entry(body, digest) for body, digest in piece.entries]
    kept = _find(office, writer, piece)
    if isinstance(kept, Problem):
        return kept
    try:
        held = _keep(office, kept, piece, entries)
    except PeerViolation as broken:
        return Problem.invalid(f"This is no branch of {writer}: {broken}.", field="$.entries")
    if not piece.is_last:
        return BranchTaken(
            held_seq=held.seq, branch=None, exposed_units=0, identity=None, detail="Go on."
        )
    if kept.taken_as is None:
        kept = _fold(office, kept)
    return _answer(office, kept, held, secret_bytes)


def _check(office: HeadOffice, writer: WriterId, piece: BranchPiece) -> Problem | None:
    """Why a piece is none: it is too large, or does not leave this writer's journal anywhere."""
    if sum(len(body) for body, _ in piece.entries) > PIECE_BYTES_MAX:
        return Problem.too_large(PIECE_BYTES_MAX, what="A piece of a branch")
    common = office.store.load_hash(writer, piece.common_seq)
    if common is None or common.hex() != piece.common_hash:
        return Problem(
            Slug.CONFLICT,
            f"The hub has another entry {piece.common_seq} of {writer}, or none: look for the last "
            "one that both have (GET /v1/replicate/hash), and begin there.",
            members={"head_seq": office.head_of(writer).seq},
        )
    if piece.after_seq - piece.common_seq + len(piece.entries) > BRANCH_ENTRIES_MAX:
        return Problem.too_large(BRANCH_ENTRIES_MAX, what="A branch, in entries,")
    return None


def _find(office: HeadOffice, writer: WriterId, piece: BranchPiece) -> _Kept | Problem:
    """The branch that a piece belongs to; its first piece makes it."""
    if piece.after_seq == piece.common_seq:
        body, start = piece.entries[0]
        if office.store.load_hash(writer, piece.common_seq + 1) == start:
            return Problem(
                Slug.CONFLICT,
                f"The hub has entry {piece.common_seq + 1} of {writer} just so: the branch begins "
                "later, or there is none.",
                members={"head_seq": office.head_of(writer).seq},
            )
        office.connection.execute(
            "INSERT OR IGNORE INTO branch (start, writer, common_seq, box) VALUES (?, ?, ?, ?)",
            (start, writer, piece.common_seq, piece.box),
        )
        del body
        return _read(office, "start = ?", start)
    found = office.connection.execute(
        "SELECT start FROM branch WHERE writer = ? AND common_seq = ? AND box = ? "
        "ORDER BY taken_as IS NULL DESC, rowid DESC LIMIT 1",
        (writer, piece.common_seq, piece.box),
    ).fetchone()
    if found is None:
        return Problem(
            Slug.CONFLICT,
            f"A branch begins with the entry after {piece.common_seq}, and not after "
            f"{piece.after_seq}.",
        )
    return _read(office, "start = ?", bytes(found[0]))  # type: ignore[arg-type] # a BLOB


def _read(office: HeadOffice, where: str, value: bytes) -> _Kept:
    row = office.connection.execute(
        "SELECT start, writer, common_seq, box, taken_as, became, exposed FROM branch "  # noqa: S608
        f"WHERE {where}",
        (value,),
    ).fetchone()
    assert row is not None, "it was found or made just now"
    return msgspec.convert(row, _Kept)


def _keep(
    office: HeadOffice, kept: _Kept, piece: BranchPiece, entries: Sequence[Entry]
) -> Head:
    """Keep the entries of a piece that are not kept yet; how far the branch is held.

    Raises:
        PeerViolation: they do not continue it, or another box begins the same branch otherwise.
    """
    if kept.box != piece.box:
        raise PeerViolation("another box has handed over the same entries")
    stored = _entry_hash(office, kept, piece.after_seq)
    if stored is None:
        raise PeerViolation(f"entry {piece.after_seq} of it has not come yet")
    bodies, head = verify(Head(piece.after_seq, stored), kept.writer, entries)
    if kept.taken_as is None:
        office.connection.executemany(
            "INSERT OR IGNORE INTO branch_entry VALUES (?, ?, ?, ?)",
            [
                (kept.start, body.seq, entry.hash, entry.body)
                for body, entry in zip(bodies, entries, strict=True)
            ],
        )
    if _entry_hash(office, kept, head.seq) != head.hash:
        raise PeerViolation(f"entry {head.seq} of it has come before, and was another one")
    return head


def _entry_hash(office: HeadOffice, kept: _Kept, seq: int) -> bytes | None:
    if seq == kept.common_seq:
        return office.store.load_hash(kept.writer, seq)
    row = office.connection.execute(
        "SELECT hash FROM branch_entry WHERE start = ? AND seq = ?", (kept.start, seq)
    ).fetchone()
    return None if row is None else bytes(row[0])  # type: ignore[arg-type] # a BLOB


def _fold(office: HeadOffice, kept: _Kept) -> _Kept:
    """Fold a whole branch as the journal of an incarnation of its own, and end that."""
    location = location_of(kept.writer)
    branch = rows.next_writer(office.connection, location)
    rows.add_branch(office.connection, branch, kept.writer, office.ledger.now_ms)
    office.fenced_changed()
    rewriting = Rewriting(kept.writer, branch, lambda cell: _at_parting(office, kept, cell))
    before = office.conceded_to(branch)
    bodies = _bodies(office, kept)
    for at in range(0, len(bodies), FOLDED_AT_ONCE):
        some = bodies[at : at + FOLDED_AT_ONCE]
        is_last = at + FOLDED_AT_ONCE >= len(bodies)
        fold.fold(office, branch, rewriting.rewrite(some, is_last=is_last))
    exposed = office.conceded_to(branch) - before
    record = _BranchRecord(
        branch=branch,
        branch_of=kept.writer,
        common_seq=kept.common_seq,
        entries=len(bodies),
        exposed_units=exposed,
    )
    office.ledger.append(BRANCH, msgspec.json.encode(record), reference=branch)
    office.connection.execute(
        "UPDATE branch SET taken_as = ?, exposed = ? WHERE start = ?",
        (branch, exposed, kept.start),
    )
    return _read(office, "start = ?", kept.start)


def _bodies(office: HeadOffice, kept: _Kept) -> list[EntryBody]:
    return [
        decode_body(bytes(body))  # type: ignore[arg-type] # a BLOB
        for (body,) in office.connection.execute(
            "SELECT body FROM branch_entry WHERE start = ? ORDER BY seq", (kept.start,)
        )
    ]


def _at_parting(office: HeadOffice, kept: _Kept, cell: CellChange) -> int:
    """The value of a cell where the branch leaves the journal that the hub has."""
    value = 0
    for _, data in office.store.entries_about(cell.location, cell.sku):
        body = decode_body(data)
        if body.writer == kept.writer and body.seq <= kept.common_seq:
            own = [one.value for one in body.cells if one[:5] == cell[:5]]
            value = max([value, *own])
    return value


def _answer(
    office: HeadOffice, kept: _Kept, held: Head, secret_bytes: bytes
) -> BranchTaken:
    """Who the box is from now on."""
    location = location_of(kept.writer)
    identity: Enrolled | None = None
    if kept.became is not None and office.is_living(kept.became):
        identity = _become(office, location, incarnation_of(WriterId(kept.became)), secret_bytes)
        detail = f"This box goes on as {identity.writer}."
    elif not office.is_living(kept.writer):
        detail = (
            f"What this box did is taken in. {kept.writer} was replaced: "
            f"{office.living_writer(location)} is the gateway of {location} now. This box stays off."
        )
    elif location in office.reachable:
        detail = (
            f"What this box did is taken in. Another box speaks as {kept.writer} at this moment: two "
            "boxes run from one image. This one stops. If it is the one that is to stay, switch the "
            "other one off and enrol this one anew (cloud-hub enrol --replace)."
        )
    else:
        number = incarnation_of(rows.next_writer(office.connection, location))
        identity = _become(office, location, number, secret_bytes)
        office.connection.execute(
            "UPDATE branch SET became = ? WHERE start = ?", (identity.writer, kept.start)
        )
        detail = (
            f"What this box did is taken in as {kept.taken_as}, {kept.exposed} units of it beyond any "
            f"right. It goes on as {identity.writer}."
        )
    return BranchTaken(
        held_seq=held.seq,
        branch=kept.taken_as,
        exposed_units=kept.exposed,
        identity=identity,
        detail=detail,
    )


def _become(
    office: HeadOffice, location: LocationId, number: int, secret_bytes: bytes
) -> Enrolled:
    row = office.location(location)
    assert row is not None, f"{location} has a gateway and is no location"
    return enrolment.become(office, row, number, secret_bytes, software=row.software)
