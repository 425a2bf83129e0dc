"""Frames: one message of a session as bytes.

    frame = version (1 byte) || MessagePack array [tag, field, field, ...]

Strict both ways: an unknown tag, a missing, extra or badly typed field, a number out of range,
bytes left over or too many bytes are a `PeerViolation`. `tests/golden/frames_v<n>.json` pins the
bytes of every frame of version n; a change of them needs a new version. `docs/protocol.md` explains
the conversation.

    version 1    the first
    version 2    the feed says after which position it goes on (`FeedFrom`), so that a frame lost
                 inside a living connection is noticed: positions have gaps by nature; and how many
                 items are still to come
    version 3    a parent that is not the hub says how far the hub has the child's journal (`AtHub`)
    version 4    the grants that a register shows are answered, each frame with an empty grant of
                 the same request, and when all are it says so (`SHOWN`)
"""

from typing import Annotated, Final

import msgspec

from replication.clock import WALL_MS_MAX
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from replication.journal import HASH_BYTES

VERSIONS: Final = (4, 3, 2, 1)
"""The versions that this program speaks, best first."""

AT_HUB_VERSION: Final = 3
"""The first version in which a child hears how far the hub has its journal."""

SHOWN_VERSION: Final = 4
"""The first version in which a register hears whether the grants that it shows have come."""

WITNESSED: Final = "witnessed"
"""The request of grants that are shown and not given; before version 4 of all frames of them."""

SHOWN: Final = "shown"
"""The request of the frame, without cells, that says that all frames of them were answered."""

GREETING_VERSION: Final = min(VERSIONS)
"""A conversation opens in the oldest of them, which every peer understands."""

FRAME_BYTES_MAX: Final = 1024 * 1024
"""Two of the largest entries, or some 2,000 sales; a frame above it closes the link unread."""

WANTS_MAX: Final = 1000
"""SKUs in one borrow: as many as a sale may have lines."""

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Version = Annotated[int, msgspec.Meta(ge=1, le=255)]
WallMs = Annotated[int, msgspec.Meta(ge=0, le=WALL_MS_MAX)]
Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Sentence = Annotated[str, msgspec.Meta(max_length=500)]
Units = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Wants = Annotated[list[tuple[Name, Units]], msgspec.Meta(min_length=1, max_length=WANTS_MAX)]


class _Frame(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=str.lower
):
    """What all frames share: strict arrays that start with their name."""


class Hello(_Frame, frozen=True):
    """Child to parent, first: who I am, how far my journal goes, how far I have your feed."""

    versions: Annotated[list[int], msgspec.Meta(min_length=1, max_length=16)]
    writer: Name
    seq: Seq
    hash: Hash
    cursor: Seq
    boot: Name
    software: Name
    now_ms: WallMs


class Welcome(_Frame, frozen=True):
    """Parent's answer: the version we speak, and the last entry of yours that I hold."""

    version: Version
    writer: Name
    seq: Seq
    hash: Hash
    now_ms: WallMs


class Entries(_Frame, frozen=True):
    """Child to parent: consecutive journal entries, verbatim, each (body, hash)."""

    entries: Annotated[list[tuple[bytes, Hash]], msgspec.Meta(min_length=1)]


class Ack(_Frame, frozen=True):
    """Parent to child: your journal is durable here up to this entry."""

    seq: Seq
    hash: Hash


class AtHub(_Frame, frozen=True):
    """Parent to child, from version 3: your journal is durable at the hub up to this entry.

    A gateway says it to its registers, which keep every entry until then. The hub does not: what it
    acknowledges is there.
    """

    seq: Seq
    hash: Hash


class Feed(_Frame, frozen=True):
    """Parent to child, in version 1: items in commit order; `cursor` is the last one's position."""

    items: Annotated[list[FeedItem], msgspec.Meta(min_length=1)]
    cursor: Seq


class FeedFrom(_Frame, frozen=True):
    """Parent to child, from version 2: items in commit order, all there are from `after` on.

    `ahead` is how many more there are for this child after `cursor`, for people to see.
    """

    after: Seq
    items: Annotated[list[FeedItem], msgspec.Meta(min_length=1)]
    cursor: Seq
    ahead: Seq


class FeedAck(_Frame, frozen=True):
    """Child to parent: your feed is durable here up to this cursor."""

    cursor: Seq


class Borrow(_Frame, frozen=True):
    """Either way: grant me the whole of this, at my location, or nothing. A customer waits."""

    request: Name
    wants: Wants


class Grant(_Frame, frozen=True):
    """The answer: the cells of a durable grant (empty: refused), ahead of any backlog.

    `sellable` tells, per SKU, what the giver still has to sell now.
    """

    request: Name
    cells: Annotated[list[CellChange], msgspec.Meta(max_length=WANTS_MAX)]
    sellable: Annotated[list[tuple[Name, Seq]], msgspec.Meta(max_length=WANTS_MAX)]


class Beat(_Frame, frozen=True):
    """Either way, when there is nothing else to say: I am here."""

    now_ms: WallMs


class Bye(_Frame, frozen=True):
    """Either way, last: why this session ends. `reason` is a slug, `detail` a sentence."""

    reason: Name
    detail: Sentence


Frame = (
    Hello
    | Welcome
    | Entries
    | Ack
    | AtHub
    | Feed
    | FeedFrom
    | FeedAck
    | Borrow
    | Grant
    | Beat
    | Bye
)

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Frame]] = msgspec.msgpack.Decoder(Frame)


def encode_frame(frame: Frame, version: int = GREETING_VERSION) -> bytes:
    """Write a frame; the caller keeps batches below `FRAME_BYTES_MAX`."""
    data = bytes((version,)) + _encoder.encode(frame)
    assert len(data) <= FRAME_BYTES_MAX, "a batch was cut too large"
    return data


def decode_frame(data: bytes) -> Frame:
    """Read a frame.

    Raises:
        PeerViolation: empty, oversized, of an unknown version, truncated, or not a frame.
    """
    if not data:
        raise PeerViolation("empty frame")
    if len(data) > FRAME_BYTES_MAX:
        raise PeerViolation(f"frame of {len(data)} bytes is above {FRAME_BYTES_MAX}")
    if data[0] not in VERSIONS:
        raise PeerViolation(f"frame of unknown version {data[0]}")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PeerViolation(f"frame does not decode: {error}") from None


def choose_version(offered: list[int]) -> int | None:
    """The best version that both ends speak, or None."""
    return next((version for version in VERSIONS if version in offered), None)
