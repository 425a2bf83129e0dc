"""A box hands over its own branch of a journal and becomes a new incarnation, on the writer thread.

A box that was restored from an old image, or copied, goes on where the hub knows another journal
already. Nothing is guessed and nothing is thrown away: what it did since the two parted is kept
verbatim, and folded under an incarnation of its own (`deltas`), each sale once. What goes beyond
the rights of that branch, which has none, is conceded: it is the exposure of the image, and it
stands in the shortage queue.

The box then becomes the next incarnation, as if it had been enrolled with a new code, if it is the
one that speaks for its location. Where another box speaks at this moment, both run from one image:
this one stops, and people decide which of them stays.
"""

from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows
from cloud_hub.lives.deltas import Rewriting
from cloud_hub.stores import enrolment, fold
from cloud_hub.stores.enrolment import Enrolled
from replication.errors import PeerViolation
from replication.escrow import CellChange, EscrowCounter, Table
from replication.ids import WriterId, incarnation_of, location_of
from replication.journal import Entry, Head, decode_body, verify
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
    it was given and `exposed_units` what it used beyond any right. `identity` is who the box is
    from now on; null where it is nobody, and `detail` says why and what to do.
    """

    held_seq: int
    branch: str | None
    exposed_units: int
    identity: Enrolled | None
    detail: str


class BranchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A branch that was taken in, as journalled."""

    branch: str
    branch_of: str
    common_seq: int
    entries: int
    exposed_units: int


class _Branch(msgspec.Struct, frozen=True, array_like=True):
    """A branch as far as it was handed over."""

    start: bytes
    writer: WriterId
    common_seq: int
    taken_as: str | None
    became: str | None
    exposed: int
    taken_ms: int | None


def take_piece(
    office: HeadOffice,
    writer: WriterId,
    piece: BranchPiece,
    secret_bytes: bytes,
    *,
    heard_ms: int | None,
) -> BranchTaken | Problem:
    """Keep a piece of a branch; with the last one fold all of it.

    `heard_ms` is when the last frame came on a link of that location: a line that is dead may look
    alive for a moment, so a box that was told that another one speaks may ask again. It is told the
    same once that other one has said anything since.
    """
    if (refused := _check(office, writer, piece)) is not None:
        return refused
    try:
        kept = _kept(office, writer, piece)
        held = _keep(office, kept, piece)
    except PeerViolation as broken:
        return Problem.invalid(f"This is no branch of {writer}: {broken}.", field="$.entries")
    if not piece.is_last:
        return BranchTaken(
            held_seq=held.seq, branch=None, exposed_units=0, identity=None, detail="Go on."
        )
    if kept.taken_as is None:
        _take(office, kept, secret_bytes)
        kept = _read(office, kept.start)
    elif kept.became is None and (heard_ms or 0) <= (kept.taken_ms or 0):
        _settle_identity(office, kept, secret_bytes)
        kept = _read(office, kept.start)
    return _answer(office, kept, held, secret_bytes)


def _check(office: HeadOffice, writer: WriterId, piece: BranchPiece) -> Problem | None:
    """Why a piece is none: too large, or it does not leave this writer's journal where it says."""
    if sum(len(body) for body, _ in piece.entries) > PIECE_BYTES_MAX:
        return Problem.too_large(PIECE_BYTES_MAX, what="A piece of a branch")
    head_seq = office.head_of(writer).seq
    common = office.store.load_hash(writer, piece.common_seq)
    if common is None or common.hex() != piece.common_hash:
        return Problem(
            Slug.CONFLICT,
            f"The hub has another entry {piece.common_seq} of {writer}, or none: look for the last "
            "one that both have (GET /v1/replicate/hash), and begin there.",
            members={"head_seq": head_seq},
        )
    next_one = office.store.load_hash(writer, piece.common_seq + 1)
    if next_one is None or next_one.hex() == piece.start:
        return Problem(
            Slug.CONFLICT,
            f"The hub has no other entry {piece.common_seq + 1} of {writer}: there is no branch, "
            "and the journal goes on by the link.",
            members={"head_seq": head_seq},
        )
    if piece.after_seq - piece.common_seq + len(piece.entries) > BRANCH_ENTRIES_MAX:
        return Problem.invalid(f"A branch may have {BRANCH_ENTRIES_MAX} entries.")
    return None


def _kept(office: HeadOffice, writer: WriterId, piece: BranchPiece) -> _Branch:
    """The branch that a piece belongs to; its first piece makes it.

    Raises:
        PeerViolation: it begins otherwise, or is another box's.
    """
    start = bytes.fromhex(piece.start)
    if piece.after_seq == piece.common_seq:
        if piece.entries[0][1] != start:
            raise PeerViolation("its first entry has another hash than the branch")
        office.connection.execute(
            "INSERT OR IGNORE INTO branch (start, writer, common_seq, box) VALUES (?, ?, ?, ?)",
            (start, writer, piece.common_seq, piece.box),
        )
    known = office.connection.execute(
        "SELECT writer, common_seq, box FROM branch WHERE start = ?", (start,)
    ).fetchone()
    if known is None:
        raise PeerViolation(f"it begins after entry {piece.common_seq}, not {piece.after_seq}")
    if known != (writer, piece.common_seq, piece.box):
        raise PeerViolation("another box has handed it over")
    return _read(office, start)


def _read(office: HeadOffice, start: bytes) -> _Branch:
    row = office.connection.execute(
        "SELECT start, writer, common_seq, taken_as, became, exposed, taken_ms FROM branch "
        "WHERE start = ?",
        (start,),
    ).fetchone()
    assert row is not None, "it was found or made just now"
    return msgspec.convert(row, _Branch)


def _keep(office: HeadOffice, kept: _Branch, piece: BranchPiece) -> Head:
    """Keep the entries of a piece that are not kept yet; how far the branch is held.

    Raises:
        PeerViolation: they do not continue it, or came before as others.
    """
    stored = _hash_at(office, kept, piece.after_seq)
    if stored is None:
        raise PeerViolation(f"entry {piece.after_seq} of it has not come yet")
    entries = [Entry(body, digest) for body, digest in piece.entries]
    bodies, head = verify(Head(piece.after_seq, stored), kept.writer, entries)
    if kept.taken_as is None:
        office.connection.executemany(
            "INSERT OR IGNORE INTO branch_entry VALUES (?, ?, ?, ?)",
            [
                (kept.start, body.seq, entry.hash, entry.body)
                for body, entry in zip(bodies, entries, strict=True)
            ],
        )
    if _hash_at(office, kept, head.seq) != head.hash:
        raise PeerViolation(f"entry {head.seq} of it is not what came, or was taken in, before")
    return head


def _hash_at(office: HeadOffice, kept: _Branch, seq: int) -> bytes | None:
    if seq == kept.common_seq:
        return office.store.load_hash(kept.writer, seq)
    row = office.connection.execute(
        "SELECT hash FROM branch_entry WHERE start = ? AND seq = ?", (kept.start, seq)
    ).fetchone()
    return None if row is None else msgspec.convert(row[0], bytes)


def _take(office: HeadOffice, kept: _Branch, secret_bytes: bytes) -> None:
    """Give a whole branch an incarnation of its own, and its box the next, where it is to have one.

    The box comes first: what the branch leaves is for whoever speaks for the location then.
    """
    location = location_of(kept.writer)
    branch = rows.next_writer(office.connection, location)
    rows.add_branch(office.connection, branch, kept.writer, office.ledger.now_ms)
    office.fenced_changed()
    _settle_identity(office, kept, secret_bytes)
    exposed = _fold(office, kept, branch)
    office.connection.execute(
        "UPDATE branch SET taken_as = ?, exposed = ?, taken_ms = ? WHERE start = ?",
        (branch, exposed, office.ledger.now_ms, kept.start),
    )


def _settle_identity(office: HeadOffice, kept: _Branch, secret_bytes: bytes) -> None:
    """The box becomes the next incarnation, if nobody else speaks as the one that it was."""
    location = location_of(kept.writer)
    if not office.is_living(kept.writer) or location in office.reachable:
        return
    became = _become(office, rows.next_writer(office.connection, location), secret_bytes)
    office.connection.execute(
        "UPDATE branch SET became = ? WHERE start = ?", (became.writer, kept.start)
    )


def _fold(office: HeadOffice, kept: _Branch, branch: WriterId) -> int:
    """Fold a branch as the journal of an incarnation, and end that; units beyond its rights."""
    bodies = [
        decode_body(msgspec.convert(body, bytes))
        for (body,) in office.connection.execute(
            "SELECT body FROM branch_entry WHERE start = ? ORDER BY seq", (kept.start,)
        )
    ]
    rewriting = Rewriting(
        kept.writer, branch, _Parting(office, kept),
        grants_count=office.is_fenced(kept.writer),
    )  # fmt: skip
    for at in range(0, len(bodies), FOLDED_AT_ONCE):
        some = bodies[at : at + FOLDED_AT_ONCE]
        is_last = at + FOLDED_AT_ONCE >= len(bodies)
        fold.fold(office, branch, rewriting.rewrite(some, is_last=is_last))
    hub = office.ledger.writer
    places = {(cell.location, cell.sku) for body in bodies for cell in body.cells}
    exposed = sum(
        office.ledger.counter(*place).value(Table.CONCEDED, hub, branch) for place in places
    )
    record = BranchRecord(
        branch=branch,
        branch_of=kept.writer,
        common_seq=kept.common_seq,
        entries=len(bodies),
        exposed_units=exposed,
    )
    office.ledger.append(BRANCH, msgspec.json.encode(record), reference=branch)
    return exposed


class _Parting:
    """The values of cells where a branch leaves the journal that the hub has."""

    def __init__(self, office: HeadOffice, kept: _Branch) -> None:
        self._office = office
        self._kept = kept
        self._known: dict[tuple[str, str], EscrowCounter] = {}

    def __call__(self, cell: CellChange) -> int:
        place = (cell.location, cell.sku)
        if place not in self._known:
            self._known[place] = counter = EscrowCounter(*place)
            for _, data in self._office.store.entries_about(*place):
                body = decode_body(data)
                if body.writer == self._kept.writer and body.seq <= self._kept.common_seq:
                    for one in body.cells:
                        if (one.location, one.sku) == place:
                            counter.merge_cell(one.key, one.value)
        return self._known[place].value(*cell.key)


def _answer(office: HeadOffice, kept: _Branch, held: Head, secret_bytes: bytes) -> BranchTaken:
    """Who the box is from now on."""
    location = location_of(kept.writer)
    identity: Enrolled | None = None
    taken = f"What this box did is taken in as {kept.taken_as}"
    if kept.became is not None and office.is_living(kept.became):
        identity = _become(office, WriterId(kept.became), secret_bytes)
        detail = f"{taken}, {kept.exposed} units of it beyond any right. It is {identity.writer}."
    elif not office.is_living(kept.writer):
        living = office.living_writer(location)
        detail = f"{taken}. The gateway of {location} is {living} now: this box stays off."
    else:
        detail = (
            f"{taken}. Another box speaks as {kept.writer}: two boxes run from one image, and this "
            "one stops. If it is the one that is to stay, switch the other one off and enrol this "
            "one anew, in an empty data directory (cloud-hub enrol --replace)."
        )
    return BranchTaken(
        held_seq=held.seq,
        branch=kept.taken_as,
        exposed_units=kept.exposed,
        identity=identity,
        detail=detail,
    )


def _become(office: HeadOffice, writer: WriterId, secret_bytes: bytes) -> Enrolled:
    row = office.location(location_of(writer))
    assert row is not None, f"{writer} is of no location"
    return enrolment.become(office, row, incarnation_of(writer), secret_bytes, software=None)
