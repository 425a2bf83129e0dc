"""Goal: a frame is its bytes and nothing else, and no bytes do worse than end a link.

Method: one example of each frame is pinned as hex in a golden file; Hypothesis cuts, flips and
invents bytes. `PeerViolation` is the only exception that input may cause.
"""

import json
from pathlib import Path
from typing import Final, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from replication.wire import (
    FRAME_BYTES_MAX,
    VERSIONS,
    WANTS_MAX,
    Ack,
    AtHub,
    Beat,
    Borrow,
    Bye,
    Entries,
    Feed,
    FeedAck,
    FeedFrom,
    Frame,
    Grant,
    Hello,
    Welcome,
    choose_version,
    decode_frame,
    encode_frame,
)

GOLDEN: Final = Path(__file__).parents[1] / "golden"
DIGEST: Final = bytes(range(32))

FRAMES: Final[tuple[Frame, ...]] = (
    Hello(
        versions=[1],
        writer="riverside.1",
        seq=42,
        hash=DIGEST,
        cursor=7,
        boot="3f9a",
        software="0.1.0",
        now_ms=1_795_348_800_000,
    ),
    Welcome(version=1, writer="hub.1", seq=40, hash=DIGEST, now_ms=1_795_348_800_001),
    Entries(entries=[(b'{"seq":41}', DIGEST), (b'{"seq":42}', DIGEST[::-1])]),
    Ack(seq=42, hash=DIGEST),
    AtHub(seq=41, hash=DIGEST),
    Feed(
        items=[FeedItem(8, "product", "tea", b"\x85oJ\x83"), FeedItem(9, "order", "o", b"")],
        cursor=9,
    ),
    FeedFrom(
        after=7,
        items=[FeedItem(8, "product", "tea", b"\x85oJ\x83"), FeedItem(9, "order", "o", b"")],
        cursor=9,
        ahead=87_600,
    ),
    FeedAck(cursor=9),
    Borrow(request="riverside.1/3f9a/1", wants=[("tea", 2), ("شاي", 2**53 - 1)]),
    Grant(
        request="riverside.1/3f9a/1",
        cells=[CellChange("riverside", "tea", "granted", "hub.1", "riverside.1", 2)],
        sellable=[("tea", 0)],
    ),
    Beat(now_ms=1_795_348_802_000),
    Bye(reason="leaving", detail="this end is going away"),
)  # fmt: skip


NOT_IN: Final = {
    1: frozenset({FeedFrom, AtHub}),
    2: frozenset({Feed, AtHub}),
    3: frozenset({Feed}),
    4: frozenset({Feed}),
}
"""What a version does not say."""


def name_of(frame: Frame) -> str:
    return type(frame).__name__.lower()


frames = pytest.mark.parametrize("frame", FRAMES, ids=name_of)


def crafted(*fields: object) -> bytes:
    """Bytes in the outer form of a frame, with anything in it."""
    return b"\x01" + msgspec.msgpack.encode(fields)


def test_there_is_an_example_of_every_frame() -> None:
    assert [type(frame) for frame in FRAMES] == list(get_args(Frame))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_bytes_of_a_version_never_change(version: int) -> None:
    pinned = json.loads((GOLDEN / f"frames_v{version}.json").read_text(encoding="utf-8"))

    known = [one for one in FRAMES if type(one) not in NOT_IN[version]]
    assert list(pinned) == [name_of(one) for one in known]
    for frame in known:
        assert encode_frame(frame, version).hex() == pinned[name_of(frame)]
        assert decode_frame(bytes.fromhex(pinned[name_of(frame)])) == frame


@frames
def test_every_truncation_is_a_violation(frame: Frame) -> None:
    data = encode_frame(frame)

    for length in range(len(data)):
        with pytest.raises(PeerViolation):
            decode_frame(data[:length])


@frames
def test_trailing_bytes_are_a_violation(frame: Frame) -> None:
    for tail in (b"\x00", b"\xc0", encode_frame(frame)):
        with pytest.raises(PeerViolation):
            decode_frame(encode_frame(frame) + tail)


@frames
def test_a_field_too_many_or_too_few_is_a_violation(frame: Frame) -> None:
    fields = msgspec.msgpack.decode(encode_frame(frame)[1:])

    for wrong in ([*fields, None], [*fields, 1], fields[:-1]):
        with pytest.raises(PeerViolation):
            decode_frame(crafted(*wrong))


@frames
def test_a_field_of_another_type_is_a_violation(frame: Frame) -> None:
    fields = msgspec.msgpack.decode(encode_frame(frame)[1:])

    for place in range(len(fields)):
        for wrong in (None, 1.5, True, {"a": 1}, -(2**63), msgspec.msgpack.Ext(1, b"x")):
            with pytest.raises(PeerViolation):
                decode_frame(crafted(*fields[:place], wrong, *fields[place + 1 :]))


@pytest.mark.parametrize("version", [0, 5, 6, 0x93, 255])
def test_an_unknown_version_is_a_violation_whatever_follows(version: int) -> None:
    data = bytes((version,)) + encode_frame(FRAMES[0])[1:]

    with pytest.raises(PeerViolation, match=f"unknown version {version}"):
        decode_frame(data)


def test_nothing_at_all_is_a_violation() -> None:
    with pytest.raises(PeerViolation, match="empty"):
        decode_frame(b"")


def test_a_frame_may_be_full_and_not_a_byte_fuller() -> None:
    empty = len(encode_frame(Entries(entries=[(b"x" * 70_000, DIGEST)]))) - 70_000
    full = Entries(entries=[(b"x" * (FRAME_BYTES_MAX - empty), DIGEST)])

    data = encode_frame(full)

    assert len(data) == FRAME_BYTES_MAX
    assert decode_frame(data) == full
    with pytest.raises(PeerViolation, match="above"):
        decode_frame(data + b"\x00")
    with pytest.raises(AssertionError):
        encode_frame(Entries(entries=[(b"x" * FRAME_BYTES_MAX, DIGEST)]))


@pytest.mark.parametrize(
    "data",
    [
        crafted("steal", 1),
        crafted(),
        crafted("ack"),
        crafted("ack", -1, DIGEST),
        crafted("ack", 2**63, DIGEST),
        crafted("ack", 1, DIGEST[:-1]),
        crafted("ack", 1, DIGEST + b"\x00"),
        crafted("ack", 1, "0" * 32),
        crafted("athub", -1, DIGEST),
        crafted("athub", 1, DIGEST[:-1]),
        crafted("entries", []),
        crafted("entries", [[b"{}"]]),
        crafted("entries", [[b"{}", DIGEST, 1]]),
        crafted("feed", [], 1),
        crafted("feed", [[0, "product", "tea", b""]], 1),
        crafted("feed", [[2**63, "product", "tea", b""]], 1),
        crafted("feed", [[1, "", "tea", b""]], 1),
        crafted("feed", [[1, "product", "k" * 201, b""]], 1),
        crafted("feed", [[1, "product", "tea", b"x" * (512 * 1024 + 1)]], 1),
        crafted("borrow", "r", []),
        crafted("borrow", "r", [["tea", 0]]),
        crafted("borrow", "r", [["tea", -1]]),
        crafted("borrow", "r", [["tea", 2**53]]),
        crafted("borrow", "r", [["tea", 1]] * (WANTS_MAX + 1)),
        crafted("borrow", "", [["tea", 1]]),
        crafted("borrow", "r" * 201, [["tea", 1]]),
        crafted("grant", "r", [["riverside", "tea", "granted", "hub.1"]], []),
        crafted("grant", "r", [["riverside", "tea", "granted", "hub.1", "x.1", 1.5]], []),
        crafted("bye", "", "x"),
        crafted("bye", "x", "x" * 501),
        crafted("hello", [], "x.1", 0, DIGEST, 0, "b", "0", 0),
        crafted("hello", list(range(17)), "x.1", 0, DIGEST, 0, "b", "0", 0),
        b"\x01" + b"\x91" * 100_000,
        b"\x01\xdf\xff\xff\xff\xff",
        b"\x01\xdd\xff\xff\xff\xff",
        b"\x01\xc6\xff\xff\xff\xff",
        b"\x01\x92\xa4beat\xd6\xff\x00\x00\x00\x00",
        b"\x01\x93\xa3bye\xa2\xff\xfe\xa1x",
    ],
    ids=lambda data: data[:24].hex(),
)
def test_what_breaks_a_limit_is_a_violation(data: bytes) -> None:
    with pytest.raises(PeerViolation):
        decode_frame(data)


@given(st.binary(max_size=400))
def test_invented_bytes_never_do_worse_than_a_violation(tail: bytes) -> None:
    for data in (tail, b"\x01" + tail):
        try:
            frame = decode_frame(data)
        except PeerViolation:
            continue
        assert decode_frame(encode_frame(frame)) == frame


@given(
    st.sampled_from(FRAMES), st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=6)
)
def test_flipped_bytes_never_do_worse_than_a_violation(
    frame: Frame, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(encode_frame(frame))
    for place, mask in flips:
        data[place % len(data)] ^= mask

    try:
        decoded = decode_frame(bytes(data))
    except PeerViolation:
        return
    assert decode_frame(encode_frame(decoded)) == decoded


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [
        ([1], 1),
        ([1, 2], 2),
        ([2, 1], 2),
        ([2, 3, 1], 3),
        ([99, 1, 7], 1),
        ([5, 4, 3], 4),
        ([5], None),
        ([0, 5, 6], None),
        ([], None),
    ],
)
def test_the_best_common_version_is_spoken(offered: list[int], spoken: int | None) -> None:
    assert VERSIONS == (4, 3, 2, 1)
    assert choose_version(offered) == spoken
