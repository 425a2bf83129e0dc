"""Goal: what a scanner typed is what is heard, wherever the operating system cuts the bytes.

Method: Hypothesis makes streams of codes, terminators and garbage, and cuts them. The model of a
stream of good codes is the list of codes; for anything else the model is the same framer fed whole.
Readings at random times are counted by a model that knows all of them.
"""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from devices.scanner import (
    REPEAT_MS,
    SCAN_BYTES_MAX,
    DropReason,
    Repeats,
    Scan,
    ScanDropped,
    ScanEvent,
    ScanFramer,
)

TERMINATORS = (b"\r", b"\n", b"\r\n", b"\t", b"\x03")

codes = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\t\x03\x00\x02"), min_size=1, max_size=60
)
garbage = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"4006381333931", b"\x1d", *TERMINATORS, b"\x00", b"\x02", b"x" * 5000]),
    max_size=12,
).map(b"".join)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """`stream` in pieces, cut at each place that lies inside it."""
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def heard(pieces: list[bytes]) -> list[ScanEvent]:
    framer = ScanFramer()
    events = [event for piece in pieces for event in framer.receive_bytes(piece)]
    return events + framer.on_silence()


@given(st.lists(st.tuples(codes, st.sampled_from(TERMINATORS))), st.lists(st.integers(0)))
@example([("0104006381333931\x1d10AB", b"\r\n")], [3])
def test_every_code_is_heard_as_it_was_typed(
    typed: list[tuple[str, bytes]], places: list[int]
) -> None:
    stream = b"".join(code.encode() + terminator for code, terminator in typed)

    assert heard(cut(stream, places)) == [Scan(code=code) for code, _ in typed]


@given(garbage, st.lists(st.integers(0)))
def test_the_cuts_change_nothing(stream: bytes, places: list[int]) -> None:
    assert heard(cut(stream, places)) == heard([stream])


@given(st.lists(garbage))
def test_no_input_makes_it_grow_or_raise(pieces: list[bytes]) -> None:
    framer = ScanFramer()

    for piece in pieces:
        for event in framer.receive_bytes(piece):
            assert not isinstance(event, Scan) or 1 <= len(event.code) <= SCAN_BYTES_MAX
        assert len(framer._pending) <= SCAN_BYTES_MAX


@given(st.integers(1, 3 * SCAN_BYTES_MAX), st.lists(st.integers(0), max_size=4))
@example(SCAN_BYTES_MAX, [])
@example(SCAN_BYTES_MAX + 1, [])
def test_too_long_is_told_once_and_the_next_code_is_heard(length: int, places: list[int]) -> None:
    events = heard(cut(b"9" * length + b"\r" + b"next\n", places))

    first: ScanEvent = (
        Scan(code="9" * length)
        if length <= SCAN_BYTES_MAX
        else ScanDropped(reason=DropReason.TOO_LONG, dropped_bytes=SCAN_BYTES_MAX + 1)
    )
    assert events == [first, Scan(code="next")]


def test_an_endless_code_is_told_when_it_gets_too_long_and_not_when_it_ends() -> None:
    framer = ScanFramer()

    told = [event for _ in range(1_000) for event in framer.receive_bytes(b"9" * 100)]

    assert told == [ScanDropped(reason=DropReason.TOO_LONG, dropped_bytes=SCAN_BYTES_MAX + 1)]
    assert framer.is_mid_code
    assert framer.on_silence() == []
    assert framer.receive_bytes(b"123\r") == [Scan(code="123")]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 2 * REPEAT_MS)), max_size=30))
@example([("A", 0), ("A", REPEAT_MS - 1), ("A", REPEAT_MS)])
def test_a_label_counts_again_once_it_was_out_of_sight(readings: list[tuple[str, int]]) -> None:
    repeats, now_ms = Repeats(), 10_000
    before: tuple[str, int] | None = None

    for code, later_ms in readings:
        now_ms += later_ms
        expected = before is not None and before[0] == code and now_ms - before[1] < REPEAT_MS
        assert repeats.is_repeat(code, now_ms) == expected
        before = (code, now_ms)


def test_a_scanner_that_goes_on_reading_one_label_is_counted_once() -> None:
    repeats = Repeats()

    counted = [at_ms for at_ms in range(0, 5_000, 100) if not repeats.is_repeat("A", at_ms)]

    assert counted == [0]


def test_a_second_piece_a_second_later_counts() -> None:
    repeats = Repeats()

    assert [repeats.is_repeat("A", at_ms) for at_ms in (0, 120, 1_000, 2_000)] == [
        False, True, False, False,
    ]  # fmt: skip
