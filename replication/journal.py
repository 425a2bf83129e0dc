"""The journal: what one writer did, numbered by it, hash-chained, relayed verbatim.

It is at once the writer's audit trail, its outbox and its proof. An entry is one JSON object, and
its bytes are what is stored, hashed and sent: nobody re-encodes another's entry.

    hash(1) = sha256(32 zero bytes || body(1))
    hash(n) = sha256(hash(n - 1)   || body(n))

`seq` counts from 1 without gaps. A stock movement carries the absolute cells that it leaves behind,
so applying an entry is a `max` and replaying it changes nothing. Each start of the program appends
a `started` entry with a random id, so that two copies of one disk fork at their first word.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec

from replication.cell_rules import check_cell
from replication.clock import TICK_MAX, WALL_MS_MAX, Stamp, rfc3339
from replication.errors import EntryTooLarge, PeerViolation
from replication.escrow import CELL_VALUE_MAX, CellChange
from replication.ids import SEQ_MAX, WriterId, is_writer_id

HASH_BYTES: Final = 32
GENESIS: Final = bytes(HASH_BYTES)
"""The hash before the first entry."""

ENTRY_BYTES_MAX: Final = 736 * 1024
"""The largest order with its history and cells; it fits into a frame, and in base 64 into a request
(`web.lives`). So do the entries of one deed together."""

DEED_ENTRIES_MAX: Final = 8
"""An exchange has three; nothing that happens at once in a shop has more."""

RECORD_BYTES_MAX: Final = 320 * 1024
"""The largest record of a sale: the cells of 1,000 SKUs still fit into the entry beside it."""

STARTED: Final = "started"
"""The kind of the entry that each start of a program appends."""

PATH_LENGTH_MAX: Final = 8190
"""The longest request line that our web server takes."""

Delta = Annotated[int, msgspec.Meta(ge=-CELL_VALUE_MAX, le=CELL_VALUE_MAX)]


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who did it: a register, a person or token, or a program of ours."""

    register: str = ""
    person: str = ""


class RequestMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request that an entry answers with `status`, so that a repeat of it finds the entry.

    It travels with the journal: whoever takes a dead box's place repeats its answers.
    """

    principal: Annotated[str, msgspec.Meta(max_length=200)]
    path: Annotated[str, msgspec.Meta(max_length=PATH_LENGTH_MAX)]
    key: Annotated[str, msgspec.Meta(max_length=255)]
    digest: Annotated[bytes, msgspec.Meta(max_length=64)]
    status: Annotated[int, msgspec.Meta(ge=100, le=599)]


class EntryBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One journal entry as it is stored and sent; its JSON bytes are the entry.

    `moves` are the goods that physically came (+) or went (-), summed per SKU, in base units;
    `cells` the absolute values that the entry leaves; `record` what the entry is about, in its
    kind's own shape. With the next `more` entries it is one deed: nobody sends, or takes in, a part
    of it, so that whoever goes on for a dead writer finds all of it or nothing.
    """

    writer: str
    seq: Annotated[int, msgspec.Meta(ge=1, le=SEQ_MAX)]
    at_ms: Annotated[int, msgspec.Meta(ge=0, le=WALL_MS_MAX)]
    tick: Annotated[int, msgspec.Meta(ge=0, le=TICK_MAX)]
    boot: str
    synchronised: bool
    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    actor: Actor
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    reference: Annotated[str, msgspec.Meta(max_length=200)]
    moves: list[tuple[str, Delta]]
    cells: list[CellChange]
    record: msgspec.Raw
    request: RequestMark | None = None
    more: Annotated[int, msgspec.Meta(ge=0, lt=DEED_ENTRIES_MAX)] = 0

    @property
    def stamp(self) -> Stamp:
        """The hybrid logical clock of the writer when it wrote this."""
        return Stamp(self.at_ms, self.tick)


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One journalled change of stock: `quantity` base units came (+) or went (-)."""

    writer: str
    seq: int
    at: str
    kind: str
    sku: str
    quantity: int
    reference: str
    actor: Actor
    reason: str


def movements_of(body: EntryBody) -> list[Movement]:
    """The movements in an entry, in its own order; most kinds of entries have none."""
    return [
        Movement(
            writer=body.writer,
            seq=body.seq,
            at=rfc3339(body.at_ms),
            kind=body.kind,
            sku=sku,
            quantity=quantity,
            reference=body.reference,
            actor=body.actor,
            reason=body.reason,
        )
        for sku, quantity in body.moves
    ]


class Head(NamedTuple):
    """The end of a writer's journal: last seq and its hash; (0, GENESIS) when it is empty."""

    seq: int
    hash: bytes


EMPTY: Final = Head(0, GENESIS)


class Entry(NamedTuple):
    """An entry with its proof; `body` is the exact bytes that were hashed."""

    body: bytes
    hash: bytes


_encode = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(EntryBody)
_sha256 = hashlib.sha256

_MORE: Final = b'"more":'
"""Hardly any entry has it, and none needs to be decoded to see that."""


class _More(msgspec.Struct, frozen=True):
    more: int = 0


def append(head: Head, body: EntryBody, *, bytes_max: int = ENTRY_BYTES_MAX) -> tuple[Entry, Head]:
    """Encode and chain one entry after `head`; the caller commits both in one transaction (E5).

    Raises:
        LocalMisuse: the entry is larger than any reader takes; written, it would stop the link for
            good.
    """
    assert body.seq == head.seq + 1, "a journal has no gaps"
    data = _encode(body)
    if len(data) > bytes_max:
        raise EntryTooLarge(f"entry of {len(data)} bytes is above {bytes_max}")
    digest = _sha256(head.hash + data).digest()
    return Entry(data, digest), Head(body.seq, digest)


def decode_body(data: bytes) -> EntryBody:
    """Decode an entry's bytes strictly.

    Raises:
        PeerViolation: too large, not JSON, or not an entry.
    """
    if len(data) > ENTRY_BYTES_MAX:
        raise PeerViolation(f"entry of {len(data)} bytes is above {ENTRY_BYTES_MAX}")
    try:
        body = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PeerViolation(f"entry does not decode: {error}") from None
    if not is_writer_id(body.writer):
        raise PeerViolation("entry has no proper writer")
    return body


def whole_deeds(entries: Iterable[Entry], *, count_max: int, bytes_max: int) -> list[Entry]:
    """As many of a journal's next entries as fit, and no deed in part; the first in any case."""
    taken: list[Entry] = []
    size, whole = 0, 0
    for entry in entries:
        size += len(entry.body)
        if whole and (size > bytes_max or len(taken) >= count_max):
            break
        taken.append(entry)
        if _MORE not in entry.body or not msgspec.json.decode(entry.body, type=_More).more:
            whole = len(taken)
    return taken[:whole]


def after_held(
    held: Head, entries: Sequence[Entry], hash_at: Callable[[int], bytes | None]
) -> tuple[Head, Sequence[Entry]]:
    """The last of those at the front that are held already, by their hashes, and the rest (E3).

    A new link may send again what an old one still brought in. `held` is the entry before these or
    the last one that is held; `hash_at` answers the hash at a seq, None where nothing is held.

    Raises:
        PeerViolation: one of them is no entry.
    """
    for number, entry in enumerate(entries):
        seq = decode_body(entry.body).seq
        if hash_at(seq) != entry.hash:
            return held, entries[number:]
        held = Head(seq, entry.hash)
    return held, ()


def verify(head: Head, writer: WriterId, entries: Iterable[Entry]) -> tuple[list[EntryBody], Head]:
    """Check that `entries` continue `writer`'s journal after `head`; returns bodies and new head.

    Raises:
        PeerViolation: another writer's entry, a gap, a broken chain, a part of a deed, or a cell
        the writer may not write.
    """
    bodies: list[EntryBody] = []
    for entry in entries:
        body = decode_body(entry.body)
        if body.writer != writer:
            raise PeerViolation(f"entry of {body.writer} in the journal of {writer}")
        if body.seq != head.seq + 1:
            raise PeerViolation(f"out of sequence: entry {body.seq} after {head.seq}")
        if _sha256(head.hash + entry.body).digest() != entry.hash:
            raise PeerViolation(f"entry {body.seq} of {writer} does not follow from the one before")
        for change in body.cells:
            check_cell(change, writer)
        if bodies and bodies[-1].more and body.more != bodies[-1].more - 1:
            raise PeerViolation(f"entry {body.seq} of {writer} is no part of what it comes after")
        bodies.append(body)
        head = Head(body.seq, entry.hash)
    if bodies and (more := bodies[-1].more):
        raise PeerViolation(f"{more} more belong to entry {head.seq} of {writer}, and are not here")
    return bodies, head
