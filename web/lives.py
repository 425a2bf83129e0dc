"""What the hub and a location's boxes tell each other about the lives of a box.

A box that is replaced, restored or copied comes back as a new incarnation. It takes its state from
the hub (`EarlierLives`, `CounterState`, `HeldEntry`), and hands over what it did that the hub has
not (`BranchPiece`). What two lives have both told is booked back once (`ToldTwice`).
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from replication.ids import SEQ_MAX, WRITER_PATTERN
from replication.journal import ENTRY_BYTES_MAX, HASH_BYTES, EntryBody
from web.paging import Page

SEALED: Final = "sealed"
"""The kind of a journal's last entry: its writer was fenced. The record is a `Sealed`."""

RECOVERED_SALE: Final = "recovered_sale"
"""The kind of a sale that its own writer could not tell any more: the record is the sale as it was
answered, its id in the reference; moves and cells are those of whoever booked it."""

SOLD_AT: Final = "/v1/sales"
"""Where a register asks for a sale; what it hands in later comes with the same key."""

TOLD_TWICE: Final = "told_twice"
"""The kind of an entry that books back what was told or counted already; the key in the reference.
The hub asks for it by a feed item of the same name (`replication.feed`)."""

EARLIER_HEARD: Final = "earlier_heard"
"""The kind of an entry of a gateway: it has heard what boxes before it did. An `EarlierHeard`."""

REGISTER_ENROLLED: Final = "register_enrolled"
"""The kind of an entry of a gateway: a box became a register, and the one before it is none."""

REGISTER_LOST: Final = "register_lost"
"""The kind of an entry of a gateway: a register was written off."""

REGISTER_REPORTED: Final = "register_reported"
"""The kind of an entry of a gateway: a register of an earlier one has handed in all it had."""

TOKENS: Final = "tokens"
"""The kind of an entry with the digests of a gateway's tokens, for whoever takes its place."""

PIECE_ENTRIES_MAX: Final = 500
PIECE_BYTES_MAX: Final = ENTRY_BYTES_MAX
"""Of the bodies in a piece of a branch: the largest entry is one; in base 64 it fits into a
request, with as many hashes as a piece may have."""

WriterName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{WRITER_PATTERN})\Z",
        max_length=110,
        description="a writer of a journal, such as riverside.1",
    ),
]
Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
HexHash = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="a hash: 64 hexadecimal digits")
]

BoxId = Annotated[
    str,
    Meta(
        min_length=16,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+\Z",
        description="a box's id: 16 to 64 letters, digits, dashes and underscores",
    ),
]
"""A random id that a box keeps: asked again with it, whoever is asked answers the same."""

LifeState = Literal["open", "sealed", "attested"]
"""Of a life that is over: its last entries may still come; they came; or somebody has said that
they never will."""


RegisterFate = Literal["living", "replaced", "lost"]
"""Of a register's box, as its gateway told the hub: in use, followed by another, or written off."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a journal's last entry says: nothing is missing, where `behind` is left out.

    Else it is what a register had seen of it (writer;seq;hash) that the box's disk does not hold.
    """

    behind: str | None = None


def vouches(last: EntryBody) -> bool:
    """Whether a journal's last entry says that nothing is missing.

    What was seen of another journal says nothing of this one: that of a newer box; or this one is
    a branch, which is all here.
    """
    try:
        behind = msgspec.json.decode(last.record, type=Sealed).behind
    except msgspec.DecodeError:
        return False
    return behind is None or behind.partition(";")[0] != last.writer


class EarlierLife(msgspec.Struct, frozen=True, kw_only=True):
    """A life of a location's gateway that is over: how far the hub has its journal.

    What it did after `last_seq`, last heard at `last_heard`, nobody here knows. With `branch_of` it
    was no box, but what one did that had gone on from an old image of that writer.
    """

    writer: str
    state: LifeState
    last_seq: int
    last_hash: str
    last_heard: str | None
    branch_of: str | None


class RegisterAtHub(msgspec.Struct, frozen=True, kw_only=True):
    """A register that sells alone, and how far the hub has its journal.

    `enrolled` is the record of its enrolment, as its gateway journalled it.
    """

    writer: str
    register: str
    box: str
    state: RegisterFate
    sealed: bool
    reported_to: str | None
    head_seq: int
    head_hash: str
    enrolled: msgspec.Raw


class EarlierLives(msgspec.Struct, frozen=True, kw_only=True):
    """What a new box of a location needs to know first; counters and entries come in pages.

    `tokens` is the record of the last entry of kind `tokens`, of whichever life, or null. `orders`
    are those of which the location keeps units that an earlier box had been told of: what of these
    it did last, nobody here may have heard. `feed_items` are those that the feed has for it, up to
    `fed_to`: in these is what was heard of the lives that are sealed.
    """

    location: str
    writer: str
    at: str
    earlier: list[EarlierLife]
    registers: list[RegisterAtHub]
    tokens: msgspec.Raw
    orders: list[str] = []
    feed_items: int = 1
    fed_to: int = 0


class CounterState(msgspec.Struct, frozen=True, kw_only=True):
    """All cells of a counter, of all holders: (table, holder, detail, value)."""

    location: str
    sku: str
    cells: list[tuple[str, str, str, int]]


class HeldQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose entries; all earlier lives and registers of the location where nobody is named."""

    writer: WriterName | None = None


class HeldEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an earlier life or a register, verbatim; in JSON both are base 64."""

    writer: str
    seq: int
    hash: bytes
    body: bytes


class HashQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which entry's hash; 0 is the beginning. With `hash`, whether a branch has that one there."""

    writer: WriterName
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    hash: HexHash | None = None


class HeldHash(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of an entry as it is held here, null where it is not; and how far the journal is.

    Where a branch of the journal that was handed over has the hash that was asked for, that one.
    """

    writer: str
    seq: int
    hash: str | None
    head_seq: int
    head_hash: str


class BranchPiece(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of a box's own branch: consecutive entries, each (body, hash), verbatim.

    They come after (`after_seq`, `after_hash`), which the hub has already: in its journal, in
    another branch that it was handed, or as the last one of this branch. `box` keeps others from
    asking who this box is from now on. `is_last`: nothing will be added to the branch.
    """

    box: BoxId
    after_seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    after_hash: HexHash
    entries: Annotated[list[tuple[bytes, Hash]], Meta(min_length=1, max_length=PIECE_ENTRIES_MAX)]
    is_last: bool


class RenewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A box whose journal ends at (`seq`, `hash`) wants to go on as a new incarnation: `why`."""

    box: BoxId
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    hash: HexHash
    why: Annotated[str, Meta(max_length=400)]


class EarlierHeard(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway has the cells that the hub's feed told of the boxes before it, up to `position`.

    What it counted before this entry it compared with a book that did not have them. `skus` are
    those that the feed told, in order.
    """

    position: int
    skus: tuple[str, ...]


class ToldTwice(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """Goods that `entries` say moved and that were told, or counted, before: booked once, by `key`.

    `moves` are what is to be booked: + as found, - as missing. `returned`: what is missing is said
    to have come back from a customer, and is among what waits for an inspection. Where `entries` is
    one of the box's own alone, a count had found its goods: what was counted since is left out.
    """

    key: Annotated[str, Meta(min_length=1, max_length=200)]
    why: Annotated[str, Meta(max_length=500)]
    moves: list[tuple[str, int]]
    entries: list[str]
    returned: bool = False


class RegisterReported(msgspec.Struct, frozen=True, kw_only=True):
    """A register has handed in all that it had, up to `seq`."""

    writer: WriterName
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]


class AttestRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody answers for it that nothing more will be heard of a box that was replaced."""

    writer: WriterName
    reason: Annotated[
        str, Meta(min_length=1, max_length=400, pattern=r"\S", description="some words")
    ]
