"""A box hands over its own branch of a journal and becomes a new incarnation, on the writer thread.

A box that was restored from an old image, or copied, goes on where the hub knows another journal
already. Nothing is guessed and nothing is thrown away: what it did since the two parted is kept
verbatim, and folded under an incarnation of its own (`deltas`), each sale once. What goes beyond
the rights of that branch, which has none, is conceded: it is the exposure of the image, and it
stands in the shortage queue.

The image may be of a box that stood on a branch itself. So a piece leaves or continues whatever the
hub has of that writer, its journal or any branch (`branch_tree`): only what is new in it is folded.
Each piece is one commit, kept and folded whole or refused whole, so a long branch keeps nobody
waiting, and may be handed over from where it was left. The last one ends the branch.

The box becomes the next incarnation, as if it had been enrolled with a new code, if it is the one
that speaks for its location. Where another box speaks at this moment, both run from one image: this
one stops, and people decide which of them stays. That is decided before the first piece is folded:
what the branch leaves is for whoever speaks for the location then.

A line that is dead looks alive for a moment, and it may have been this box's own. So a box beside
which another one spoke is told that it stays off only once that other one has said anything since;
that is written down, for what it was told holds, whatever becomes of lines and of the hub.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import asked, branch_tree, frozen, rows
from cloud_hub.lives.branch_tree import Branch, Place, Way
from cloud_hub.lives.deltas import Rewriting
from cloud_hub.lives.restoring import has_begun
from cloud_hub.stores import enrolment, fold
from cloud_hub.stores.enrolment import Enrolled
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import WriterId, incarnation_of, location_of
from replication.journal import Entry, EntryBody, Head, verify
from web.lives import PIECE_BYTES_MAX, SEALED, BranchPiece
from web.problems import Problem, Slug

BRANCH: Final = "branch"
"""The kind of the hub's entry about a branch that it took in."""

BRANCHES_MAX: Final = 500
"""Branches of one writer: each is a box that went on from an old image."""


class BranchTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a branch, or of a piece of it.

    `held_seq` is how far the hub has it. Once it has all of it and who the box is is decided,
    `branch` is the incarnation that it was given and `exposed_units` what it used beyond any right.
    `identity` is who the box is from now on; null where it is nobody, and `detail` says why and
    what to do.
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


def take_piece(
    office: HeadOffice,
    writer: WriterId,
    piece: BranchPiece,
    secret_bytes: bytes,
    *,
    heard_ms: int | None,
) -> BranchTaken | Problem:
    """Keep and fold what is new in a piece of a branch; with the last one end it.

    `heard_ms` is when the last frame came on a link of that location, as far as this start of the
    hub knows.

    Raises:
        PeerViolation: the entries do not continue what is held, or break a rule (`refused`).
    """
    if sum(len(body) for body, _ in piece.entries) > PIECE_BYTES_MAX:
        return Problem.too_large(PIECE_BYTES_MAX, what="A piece of a branch")
    after = Head(piece.after_seq, bytes.fromhex(piece.after_hash))
    begin = branch_tree.place_of_entry(office.store, writer, after)
    if begin is None:
        return Problem(
            Slug.CONFLICT,
            f"The hub has another entry {after.seq} of {writer}, or none: look for the last one "
            "that both have (GET /v1/replicate/hash), and begin there.",
            members={"head_seq": office.head_of(writer).seq},
        )
    entries = [Entry(body, digest) for body, digest in piece.entries]
    bodies, end = verify(after, writer, entries)
    at, known = _held(office, writer, begin, bodies, entries)
    news = entries[known:]
    if (refusal := _check(office, writer, piece, at, is_new=bool(news))) is not None:
        return refusal
    branch = _branch(office, writer, piece.box, at, secret_bytes, is_new=bool(news))
    _fold(office, branch, at, bodies, news, is_last=piece.is_last)
    if not piece.is_last:
        return BranchTaken(
            held_seq=end.seq, branch=None, exposed_units=0, identity=None, detail="Go on."
        )
    if not _is_decided(office, branch.name, secret_bytes, heard_ms or 0):
        return BranchTaken(
            held_seq=end.seq, branch=None, exposed_units=0, identity=None,
            detail=f"The hub has all that this box did. It waits to see whether another box speaks "
            f"as {writer}, or only seems to.",
        )  # fmt: skip
    return _answer(office, branch.name, end, secret_bytes)


def refused(writer: str, broken: PeerViolation) -> Problem:
    """What a box is told whose branch breaks a rule; its page shows it."""
    return Problem.invalid(
        f"This branch of {writer} cannot be taken in: {broken}. What it sold is on its disk alone: "
        "keep that, and ask head office.",
        field="$.entries",
    )


def _held(
    office: HeadOffice,
    writer: WriterId,
    begin: Place,
    bodies: Sequence[EntryBody],
    entries: Sequence[Entry],
) -> tuple[Place, int]:
    """The last entry of these that is held, or the one before them; how many of them are."""
    place = begin
    for number, (body, entry) in enumerate(zip(bodies, entries, strict=True)):
        found = branch_tree.place_of_entry(office.store, writer, Head(body.seq, entry.hash))
        if found is None:
            return place, number
        place = found
    return place, len(entries)


def _check(
    office: HeadOffice, writer: WriterId, piece: BranchPiece, at: Place, *, is_new: bool
) -> Problem | None:
    """Why entries after a place, or none that is new, are no piece of this box's branch."""
    if at.branch is None:
        head_seq = office.head_of(writer).seq
        if not is_new or at.head.seq == head_seq:
            return Problem(
                Slug.CONFLICT,
                f"The hub has no other entry {at.head.seq + 1} of {writer}: there is no branch, "
                "and the journal goes on by the link.",
                members={"head_seq": head_seq},
            )
    elif branch_tree.branch_named(office.connection, at.branch).box != piece.box:
        return Problem(Slug.CONFLICT, f"This branch of {writer} is another box's.")
    elif not is_new and piece.is_last and not _is_end(office, at):
        return Problem(
            Slug.CONFLICT,
            f"Another copy of this box has gone on from entry {at.head.seq} of {writer}: there is "
            "nothing here that the hub does not have.",
        )
    if is_new and not _goes_on(office, at):
        row = office.connection.execute(
            "SELECT count(*) FROM branch WHERE writer = ?", (writer,)
        ).fetchone()
        if row is not None and int(str(row[0])) >= BRANCHES_MAX:
            return Problem(
                Slug.CONFLICT,
                f"{writer} has {BRANCHES_MAX} branches, and no more are taken: keep this box's "
                "disk, and ask head office.",
            )
    return None


def _is_end(office: HeadOffice, at: Place) -> bool:
    """Whether a place is the last one of its branch."""
    return (
        at.branch is not None and branch_tree.last_seq(office.connection, at.branch) == at.head.seq
    )


def _goes_on(office: HeadOffice, at: Place) -> bool:
    """Whether what comes after a place continues its branch, of which more may come."""
    if at.branch is None or not _is_end(office, at):
        return False
    return branch_tree.branch_named(office.connection, at.branch).taken_ms is None


def _branch(
    office: HeadOffice, writer: WriterId, box: str, at: Place, secret_bytes: bytes, *, is_new: bool
) -> Branch:
    """The branch that a piece belongs to; the first one that leaves a place makes it."""
    if at.branch is not None and (not is_new or _goes_on(office, at)):
        return branch_tree.branch_named(office.connection, at.branch)
    name = rows.next_writer(office.connection, location_of(writer))
    rows.add_branch(office.connection, name, writer, office.ledger.now_ms)
    office.connection.execute(
        "INSERT INTO branch (name, writer, leaves, common_seq, box) VALUES (?, ?, ?, ?, ?)",
        (name, writer, at.branch, at.head.seq, box),
    )
    office.fenced_changed()
    if at.branch is None:
        asked.part(office, writer, at.head.seq)
    _settle_identity(office, branch_tree.branch_named(office.connection, name), secret_bytes)
    return branch_tree.branch_named(office.connection, name)


def _settle_identity(office: HeadOffice, branch: Branch, secret_bytes: bytes) -> None:
    """The box becomes the next incarnation, if nobody else speaks as the one that it was."""
    location = location_of(branch.writer)
    if not office.is_living(branch.writer) or location in office.reachable:
        return
    became = _become(office, rows.next_writer(office.connection, location), secret_bytes)
    office.connection.execute(
        "UPDATE branch SET became = ? WHERE name = ?", (became.writer, branch.name)
    )


def _is_decided(office: HeadOffice, name: WriterId, secret_bytes: bytes, heard_ms: int) -> bool:
    """Whether the box of a branch that is here to its end is somebody or nobody, for good.

    Somebody else spoke when it came: was anything heard of them since?
    """
    branch = branch_tree.branch_named(office.connection, name)
    if branch.became is not None or not office.is_living(branch.writer):
        return True
    location = location_of(branch.writer)
    stored = office.connection.execute(
        "SELECT coalesce(last_heard_ms, 0) FROM location WHERE id = ?", (location,)
    ).fetchone()
    assert stored is not None, f"{branch.writer} is of no location"
    since_ms = branch.taken_ms or 0
    if int(str(stored[0])) > since_ms:
        return True
    if heard_ms > since_ms:
        fold.heard(office, location, heard_ms)
        return True
    _settle_identity(office, branch, secret_bytes)
    return branch_tree.branch_named(office.connection, name).became is not None


def _fold(
    office: HeadOffice,
    branch: Branch,
    at: Place,
    bodies: Sequence[EntryBody],
    news: Sequence[Entry],
    *,
    is_last: bool,
) -> None:
    """Fold what is new as the next entries of the branch's journal; after the last one end that."""
    if branch.taken_ms is not None or not (news or is_last):
        return
    way = Way(office, branch.writer, at)
    rewriting = Rewriting(
        branch.writer, branch.name, office.head_of(branch.name),
        before=way.value, written=lambda cell: _written(office, branch.name, cell),
        place=way.entry, grants_count=office.is_fenced(branch.writer),
    )  # fmt: skip
    new = bodies[len(bodies) - len(news) :]
    again = rewriting.rewrite(new)
    if is_last and bodies[-1].kind != SEALED:  # a box that was fenced has written it itself
        again.append(rewriting.seal(bodies[-1]))
    office.connection.executemany(
        "INSERT INTO branch_entry VALUES (?, ?, ?, ?, ?, ?)",
        [
            (branch.writer, body.seq, entry.hash, branch.name, rewriting.places[body.seq],
             entry.body)
            for body, entry in zip(new, news, strict=True)
        ],
    )  # fmt: skip
    fold.fold(office, branch.name, again)
    if is_last:
        _end(office, branch)


def _written(office: HeadOffice, name: WriterId, cell: CellChange) -> int:
    counter = office.ledger.counter(cell.location, cell.sku)
    return counter.value(cell.table, name, cell.detail)


def _end(office: HeadOffice, branch: Branch) -> None:
    """All of a branch is folded: write down what it came to."""
    hub = office.ledger.writer
    exposed = sum(
        max(
            0,
            counter.value(Table.CONCEDED, hub, branch.name)
            - counter.value(Table.RECLAIMED, hub, branch.name)
            - counter.quota(branch.name),  # what is left, and is taken back later
        )
        for counter in frozen.counters_of(office, branch.name)
    )
    row = office.connection.execute(
        "SELECT count(*) FROM branch_entry WHERE branch = ?", (branch.name,)
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    record = BranchRecord(
        branch=branch.name,
        branch_of=branch.leaves or branch.writer,
        common_seq=branch.common_seq,
        entries=int(str(row[0])),
        exposed_units=exposed,
    )
    office.ledger.append(BRANCH, msgspec.json.encode(record), reference=branch.name)
    office.connection.execute(
        "UPDATE branch SET exposed = ?, taken_ms = ? WHERE name = ?",
        (exposed, office.ledger.now_ms, branch.name),
    )


def _answer(office: HeadOffice, name: WriterId, held: Head, secret_bytes: bytes) -> BranchTaken:
    """Who the box is from now on.

    A lost answer is told again; once the next incarnation has begun, whoever asks is a copy.
    """
    branch = branch_tree.branch_named(office.connection, name)
    location = location_of(branch.writer)
    identity: Enrolled | None = None
    taken = f"What this box did is taken in as {branch.name}"
    became = branch.became
    if became is not None and office.is_living(became) and not has_begun(office, became):
        identity = _become(office, became, secret_bytes)
        detail = f"{taken}, {branch.exposed} units of it beyond any right. It is {identity.writer}."
    elif not office.is_living(branch.writer):
        living = office.living_writer(location)
        detail = f"{taken}. The gateway of {location} is {living} now: this box stays off."
    else:
        detail = (
            f"{taken}. Another box speaks as {branch.writer}: two boxes run from one image, and "
            "this one stops. If it is the one that is to stay, switch the other one off and enrol "
            "this one anew, in an empty data directory (cloud-hub enrol --replace)."
        )
    return BranchTaken(
        held_seq=held.seq,
        branch=branch.name,
        exposed_units=branch.exposed,
        identity=identity,
        detail=detail,
    )


def _become(office: HeadOffice, writer: WriterId, secret_bytes: bytes) -> Enrolled:
    row = office.location(location_of(writer))
    assert row is not None, f"{writer} is of no location"
    return enrolment.become(office, row, incarnation_of(writer), secret_bytes, software=None)
