"""A register whose disk is an old copy goes on as another incarnation, on the writer thread (0032).

Its journal leaves the one that is held here: entries after the last one that both have are another
box's, or its own from before the disk went back. It stops by itself (`gateway.client.images`), asks
where the two part (`held_hash`), and becomes the next incarnation of its name. What it had sold on
the old copy are the first entries of that one's journal, as recovered sales.

It is the register from then on, if that one's box is not heard at this moment. Where it is, two
boxes run from one disk: this one only hands over, and stays off.
"""

import msgspec

from gateway.registers.enrolment import came_of, identity_of, make_room, next_writer, tell
from gateway.registers.identity import ImageOf, RegisterRequest
from gateway.registers.rows import HANDS_OVER, RegisterRow
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from replication.errors import PeerViolation
from replication.ids import (
    WriterId,
    entry_id,
    incarnation_of,
    location_of,
    register_of,
)
from replication.journal import EntryBody
from web.lives import HashQuery, HeldHash
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug


class _Recovered(msgspec.Struct, frozen=True):
    """The record of a recovered sale, read as far as it says whose it was."""

    id: str
    writer: WriterId
    seq: int


def go_on(
    shop: Shop, command: Command, request: RegisterRequest, claim: ImageOf, *, is_heard: bool
) -> Outcome:
    """Give a register whose disk is an old copy its next incarnation; safe to repeat.

    `is_heard`: the box that is this register now speaks at this moment.
    """
    if (known := shop.answered(command)) is not None:
        return known
    rows, name = shop.registers.rows, request.register
    same = rows.of_box(name, request.box)
    if same is not None and same.image_of == claim.writer:
        return Done(201, msgspec.json.encode(identity_of(shop, same.writer, name)))
    refused = _why_not(shop, name, claim)
    if refused is None and same is not None:
        refused = Problem(Slug.CONFLICT, f"This box is {same.writer} here, and no copy of it.")
    writer = next_writer(shop, name) if refused is None else refused
    if isinstance(writer, Problem):
        return writer
    earlier, replaces, replaced_by = WriterId(claim.writer), None, None
    living = rows.living(name)
    if living is not None and not is_heard and _comes_of(shop, living, earlier):
        replaces = living.writer
        make_room(shop, writer, replaces)
    else:
        replaced_by = earlier if living is None else living.writer
    rows.add(
        writer, name, incarnation_of(writer), request.box, shop.ledger.now_ms,
        image_of=earlier, stays_off=None if replaced_by is None else HANDS_OVER,
    )  # fmt: skip
    return tell(
        shop, command, request, writer, replaces=replaces, replaced_by=replaced_by, image_of=earlier
    )


def _why_not(shop: Shop, name: str, claim: ImageOf) -> Problem | None:
    """Why a disk is no old copy of what it says; None: it is one."""
    writer, here = claim.writer, shop.ledger.writer
    if location_of(writer) != shop.location or register_of(writer) != name:
        return Problem(
            Slug.CONFLICT,
            f"{writer} is no register {name} of {shop.location}: keep this box's data directory, "
            "and let it find the gateway of its own shop.",
        )
    row = shop.registers.rows.find(writer)
    if row is None:
        return Problem(Slug.CONFLICT, f"{writer} is not enrolled at {here}: enrol it again.")
    held = _hash_at(shop.store, row, claim.seq)
    if held is None or held.hex() != claim.hash:
        return Problem(
            Slug.CONFLICT,
            f"{here} has another entry {claim.seq} of {writer}, or none: it ends at "
            f"{row.head.seq}. Look for the last one that both have (GET /v1/registers/hash).",
        )
    if claim.seq == row.head.seq:
        return Problem(
            Slug.CONFLICT,
            f"{here} has no other entry {claim.seq + 1} of {writer}: this is no old copy, and its "
            "journal goes on by the link.",
        )
    return None


def _comes_of(shop: Shop, living: RegisterRow, writer: str) -> bool:
    """Whether the register of today is that writer, or what came of its disk before."""
    row: RegisterRow | None = living
    while row is not None and row.writer != writer:
        row = None if row.image_of is None else shop.registers.rows.find(row.image_of)
    return row is not None


def held_hash(store: ReplicaStore, row: RegisterRow, query: HashQuery) -> HeldHash:
    """What is held of a register's journal at one place."""
    held = _hash_at(store, row, query.seq)
    return HeldHash(
        writer=row.writer,
        seq=query.seq,
        hash=None if held is None else held.hex(),
        head_seq=row.head.seq,
        head_hash=row.head.hash.hex(),
    )


def _hash_at(store: ReplicaStore, row: RegisterRow, seq: int) -> bytes | None:
    """Also of the last entry where the journal itself was not taken over with the register."""
    return row.head.hash if seq == row.head.seq else store.load_hash(row.writer, seq)


def check_recovered(body: EntryBody) -> None:
    """Check a sale that a register books for what it was before.

    Raises:
        PeerViolation: it was never that, or the record is no sale of it.
    """
    try:
        sold = msgspec.json.decode(body.record, type=_Recovered)
    except msgspec.DecodeError as error:
        raise PeerViolation(f"{body.writer}-{body.seq} recovers no sale: {error}") from None
    is_its_id = sold.id == body.reference == entry_id(sold.writer, sold.seq)
    if not (is_its_id and came_of(sold.writer, body.writer)):
        raise PeerViolation(f"{body.writer} recovers {sold.id[:200]}, which was never its own")
