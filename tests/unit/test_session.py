"""Goal: the conversation's table is complete, its bounds hold, and no peer makes it raise.

Method: one session is brought to each state and fed each frame, against a table written here by
hand. Time is a number. What the session would send is decoded again.
"""

import itertools
from collections.abc import Callable
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication import session as conversation
from replication import wire
from replication.errors import LocalMisuse
from replication.escrow import CellChange
from replication.feed import FeedItem
from replication.journal import EMPTY, Head
from replication.session import (
    BATCHES_IN_FLIGHT_MAX,
    BEAT_MS,
    DOUBT_MS,
    OUTBOX_BYTES_MAX,
    SILENCE_MS_MAX,
    TRANSITIONS,
    UNANSWERED_MS_MAX,
    Acknowledged,
    BorrowAsked,
    Ended,
    EntriesArrived,
    Event,
    FeedAcknowledged,
    FeedArrived,
    GrantArrived,
    Greeted,
    ReachedHub,
    Session,
    Side,
    State,
    Trigger,
    Welcomed,
)
from replication.wire import decode_frame, encode_frame
from tests.replication_samples import journal

DIGEST: Final = bytes(32)
HELLO: Final = wire.Hello(
    versions=[1],
    writer="riverside.1",
    seq=9,
    hash=DIGEST,
    cursor=5,
    boot="b",
    software="0",
    now_ms=0,
)
WELCOME: Final = wire.Welcome(version=1, writer="hub.1", seq=4, hash=DIGEST, now_ms=0)
ITEM: Final = FeedItem(6, "product", "tea", b"")
CELL: Final = CellChange("riverside", "tea", "granted", "hub.1", "riverside.1", 2)
EXAMPLES: Final[dict[type[wire.Frame], tuple[wire.Frame, Event | None]]] = {
    wire.Hello: (HELLO, Greeted(HELLO, 1)),
    wire.Welcome: (WELCOME, Welcomed("hub.1", Head(4, DIGEST))),
    wire.Entries: (
        wire.Entries([(one.body, one.hash) for one in journal(2)]),
        EntriesArrived(journal(2)),
    ),
    wire.Ack: (wire.Ack(4, DIGEST), Acknowledged(Head(4, DIGEST))),
    wire.AtHub: (wire.AtHub(3, DIGEST), ReachedHub(Head(3, DIGEST))),
    wire.Feed: (wire.Feed([ITEM], 6), FeedArrived([ITEM], 6)),
    wire.FeedFrom: (wire.FeedFrom(5, [ITEM], 6, 3), FeedArrived([ITEM], 6, 3)),
    wire.FeedAck: (wire.FeedAck(5), FeedAcknowledged(5)),
    wire.Borrow: (wire.Borrow("r", [("tea", 1)]), BorrowAsked("r", [("tea", 1)])),
    wire.Grant: (
        wire.Grant("r", [CELL], [("tea", 3)]),
        GrantArrived("r", [CELL], [("tea", 3)]),
    ),
    wire.Beat: (wire.Beat(0), None),
    wire.Bye: (wire.Bye("leaving", "so long"), Ended("leaving", "so long")),
}

DATA: Final = {wire.Borrow, wire.Grant, wire.Beat}
LEGAL: Final[dict[tuple[Side, State], set[type]]] = {
    (Side.CHILD, State.NEW): {wire.Bye},
    (Side.CHILD, State.GREETING): {wire.Welcome, wire.Bye},
    (Side.CHILD, State.OPEN): {
        wire.Ack,
        wire.AtHub,
        wire.Feed,
        wire.FeedFrom,
        wire.Bye,
        *DATA,
    },
    (Side.PARENT, State.NEW): {wire.Hello, wire.Bye},
    (Side.PARENT, State.GREETING): {wire.Bye},
    (Side.PARENT, State.OPEN): {wire.Entries, wire.FeedAck, wire.Bye, *DATA},
}
AFTER: Final = {wire.Hello: State.GREETING, wire.Welcome: State.OPEN, wire.Bye: State.CLOSED}


def session_in(side: Side, state: State) -> Session:
    """A session brought to `state` at time 0, with nothing left to send."""
    session = Session(side, 0)
    if state is not State.NEW:
        if side is Side.CHILD:
            session.greet(HELLO)
        else:
            session.receive_bytes(encode_frame(HELLO), 0)
    if state in {State.OPEN, State.CLOSED}:
        if side is Side.CHILD:
            session.receive_bytes(encode_frame(WELCOME), 0)
        else:
            session.welcome(1, "hub.1", EMPTY, 0)
    if state is State.CLOSED:
        session.close("leaving", "")
    session.frames_to_send()
    assert session.state is state
    return session


def sent_by(session: Session) -> list[wire.Frame]:
    return [decode_frame(data) for data in session.frames_to_send()]


@pytest.mark.parametrize(
    ("side", "state", "kind"),
    [
        pytest.param(side, state, kind, id=f"{side.value}-{state.value}-{kind.__name__.lower()}")
        for side, state, kind in itertools.product(
            Side, (State.NEW, State.GREETING, State.OPEN), get_args(wire.Frame)
        )
    ],
)
def test_each_frame_in_each_state_is_legal_or_a_violation(
    side: Side, state: State, kind: type[wire.Frame]
) -> None:
    session = session_in(side, state)
    frame, event = EXAMPLES[kind]

    events = session.receive_bytes(encode_frame(frame), 1)

    if kind in LEGAL[side, state]:
        assert events == ([] if event is None else [event])
        assert session.state is AFTER.get(kind, state)
        assert session.heard_ms == 1
        assert sent_by(session) == []
    else:
        [ended] = events
        assert isinstance(ended, Ended)
        assert ended.reason == "violation"
        assert ended.detail == f"{kind.__name__.lower()} is not allowed while {state.value}"
        assert session.state is State.CLOSED
        assert sent_by(session) == [wire.Bye("violation", ended.detail)]


@pytest.mark.parametrize("side", Side)
def test_a_closed_session_hears_and_says_nothing_more(side: Side) -> None:
    session = session_in(side, State.CLOSED)

    for frame, _ in EXAMPLES.values():
        assert session.receive_bytes(encode_frame(frame), 1) == []
    assert session.receive_bytes(b"garbage", 1) == []
    assert session.on_time(10**9) == []
    session.borrow("r", [("tea", 1)])
    session.acknowledge(EMPTY)
    session.grant("r", [], [])
    assert session.close("again", "") == Ended("again", "")
    assert session.backlog_after() is None
    assert session.frames_to_send() == []


def test_every_state_is_reached_and_every_trigger_used() -> None:
    reached, frontier = {State.NEW}, [State.NEW]
    while frontier:
        for after in TRANSITIONS[frontier.pop()].values():
            if after not in reached:
                reached.add(after)
                frontier.append(after)

    assert reached == set(State) == set(TRANSITIONS)
    assert {trigger for row in TRANSITIONS.values() for trigger in row} == set(Trigger)
    assert all(State.CLOSED in row.values() for row in TRANSITIONS.values())
    frames = set().union(*conversation._TRIGGER_OF.values())
    assert frames == set(get_args(wire.Frame)), "every frame is for somebody"


@pytest.mark.parametrize(
    ("state", "misuse"),
    [
        (State.GREETING, lambda session: session.greet(HELLO)),
        (State.OPEN, lambda session: session.greet(HELLO)),
        (State.CLOSED, lambda session: session.greet(HELLO)),
        (State.NEW, lambda session: session.welcome(1, "hub.1", EMPTY, 0)),
        (State.OPEN, lambda session: session.welcome(1, "hub.1", EMPTY, 0)),
        (State.CLOSED, lambda session: session.welcome(1, "hub.1", EMPTY, 0)),
        (State.OPEN, lambda session: session.offer_feed([ITEM], 5)),
        (State.OPEN, lambda session: session.offer_entries(journal(1), 4)),
    ],
)
def test_our_own_word_out_of_turn_is_misuse(
    state: State, misuse: Callable[[Session], None]
) -> None:
    session = session_in(Side.PARENT, state)

    with pytest.raises(LocalMisuse):
        misuse(session)

    assert session.state is state
    assert session.frames_to_send() == []


# Lanes and window


def test_a_grant_overtakes_the_backlog() -> None:
    session = session_in(Side.PARENT, State.OPEN)
    session.offer_feed([ITEM], 6)
    session.offer_feed([ITEM], 7)
    session.acknowledge(EMPTY)
    session.grant("r", [CELL], [])

    kinds = [type(frame) for frame in sent_by(session)]

    assert kinds == [wire.Ack, wire.Grant, wire.Feed, wire.Feed]
    assert session.frames_to_send() == [], "each is returned once"


def test_the_backlog_leaves_in_a_window() -> None:
    session = session_in(Side.CHILD, State.OPEN)
    assert session.backlog_after() == 4, "the parent holds entry 4 already"

    for seq in range(5, 5 + BATCHES_IN_FLIGHT_MAX):
        session.offer_entries(journal(1), seq)
        session.frames_to_send()
    assert session.backlog_after() is None

    session.receive_bytes(encode_frame(wire.Ack(4, DIGEST)), 0)
    assert session.backlog_after() is None, "that was nothing new"
    session.receive_bytes(encode_frame(wire.Ack(6, DIGEST)), 0)
    assert session.backlog_after() == 4 + BATCHES_IN_FLIGHT_MAX
    assert len(session._in_flight) == BATCHES_IN_FLIGHT_MAX - 2


@pytest.mark.parametrize(
    ("side", "frame"),
    [(Side.CHILD, wire.Ack(6, DIGEST)), (Side.PARENT, wire.FeedAck(7))],
    ids=["entry", "feed"],
)
def test_acknowledging_what_was_not_sent_is_a_violation(side: Side, frame: wire.Frame) -> None:
    session = session_in(side, State.OPEN)
    if side is Side.CHILD:
        session.offer_entries(journal(1), 5)
    else:
        session.offer_feed([ITEM], 6)

    [ended] = session.receive_bytes(encode_frame(frame), 0)

    assert isinstance(ended, Ended)
    assert ended.reason == "violation"
    assert "was sent" in ended.detail
    assert [type(one) for one in sent_by(session)] == [wire.Bye], "the backlog stays here"


@pytest.mark.parametrize(
    ("side", "frame"),
    [(Side.CHILD, wire.Ack(3, DIGEST)), (Side.PARENT, wire.FeedAck(4))],
    ids=["entry", "feed"],
)
def test_an_acknowledgement_never_goes_back(side: Side, frame: wire.Frame) -> None:
    [ended] = session_in(side, State.OPEN).receive_bytes(encode_frame(frame), 0)

    assert isinstance(ended, Ended)
    assert ended.reason == "violation"


@pytest.mark.parametrize(
    ("positions", "cursor"),
    [([5], 5), ([4], 6), ([6, 6], 6), ([7, 6], 7), ([6, 8], 7), ([6, 9], 8)],
)
def test_a_feed_that_does_not_go_forward_is_a_violation(positions: list[int], cursor: int) -> None:
    session = session_in(Side.CHILD, State.OPEN)
    items = [FeedItem(position, "product", "tea", b"") for position in positions]

    [ended] = session.receive_bytes(encode_frame(wire.Feed(items, cursor)), 0)

    assert isinstance(ended, Ended)
    assert "feed out of sequence" in ended.detail


@pytest.mark.parametrize("side", Side)
def test_a_peer_that_never_reads_ends_the_session_at_a_bound(side: Side) -> None:
    session = session_in(side, State.OPEN)
    cells = [CELL] * wire.WANTS_MAX
    size = len(encode_frame(wire.Grant("r", cells, [])))

    for _ in range(OUTBOX_BYTES_MAX // size + 1):
        assert session.state is State.OPEN
        session.grant("r", cells, [])

    assert session.state is State.CLOSED
    assert session.ended == Ended("not-reading", "the peer does not read what it is sent")
    frames = session.frames_to_send()
    assert sum(map(len, frames)) <= OUTBOX_BYTES_MAX + 100
    assert decode_frame(frames[-1]) == wire.Bye("not-reading", session.ended.detail)


def test_what_was_read_does_not_count_against_the_bound() -> None:
    session = session_in(Side.PARENT, State.OPEN)
    cells = [CELL] * wire.WANTS_MAX

    for _ in range(400):
        session.grant("r", cells, [])
        session.frames_to_send()

    assert session.state is State.OPEN


# Time


def test_a_side_with_nothing_to_say_says_so() -> None:
    session = session_in(Side.CHILD, State.OPEN)

    assert session.on_time(BEAT_MS - 1) == []
    assert sent_by(session) == []
    assert session.on_time(BEAT_MS) == []
    assert sent_by(session) == [wire.Beat(BEAT_MS)]
    session.on_time(2 * BEAT_MS - 1)
    assert sent_by(session) == []


@pytest.mark.parametrize("state", [State.NEW, State.GREETING, State.OPEN])
@pytest.mark.parametrize("side", Side)
def test_a_silent_peer_is_gone(side: Side, state: State) -> None:
    session = session_in(side, state)

    assert session.on_time(SILENCE_MS_MAX - 1) == []
    session.frames_to_send()
    [ended] = session.on_time(SILENCE_MS_MAX)

    assert ended == Ended("silence", "nothing heard for 10 s")
    assert session.state is State.CLOSED
    assert session.on_time(SILENCE_MS_MAX + 1) == [], "told once"


def test_a_beat_is_a_sign_of_life() -> None:
    session = session_in(Side.CHILD, State.OPEN)

    session.receive_bytes(encode_frame(wire.Beat(0)), SILENCE_MS_MAX - 1)

    assert session.on_time(2 * SILENCE_MS_MAX - 2) == []
    assert session.on_time(2 * SILENCE_MS_MAX - 1) != []


def test_a_peer_that_beats_and_never_acknowledges_is_given_up() -> None:
    session = session_in(Side.PARENT, State.OPEN)
    after = session.backlog_after()
    assert after is not None
    session.offer_feed([FeedItem(after + 1, "order", "a", b"")], after + 1)

    ends = [
        ended
        for now_ms in range(0, UNANSWERED_MS_MAX + 1, SILENCE_MS_MAX // 2)
        for ended in (
            session.receive_bytes(encode_frame(wire.Beat(0)), now_ms) or session.on_time(now_ms)
        )
    ]

    assert [ended.reason for ended in ends if isinstance(ended, Ended)] == ["unanswered"]


def test_nobody_waits_for_a_peer_in_doubt() -> None:
    session = session_in(Side.CHILD, State.OPEN)

    assert session.reachable(DOUBT_MS - 1)
    assert not session.reachable(DOUBT_MS)
    assert not session_in(Side.CHILD, State.GREETING).reachable(0)
    assert not session_in(Side.CHILD, State.CLOSED).reachable(0)


# Whatever comes in


@pytest.mark.parametrize("state", [State.NEW, State.GREETING, State.OPEN])
@pytest.mark.parametrize("side", Side)
@given(data=st.binary(max_size=60), prefixed=st.booleans())
def test_garbage_ends_the_session_and_never_raises(
    side: Side, state: State, data: bytes, *, prefixed: bool
) -> None:
    session = session_in(side, state)

    events = session.receive_bytes(b"\x01" + data if prefixed else data, 0)

    if session.state is State.CLOSED:
        assert [type(event) for event in events] == [Ended]
        assert all(len(frame) < 1_000 for frame in session.frames_to_send())


@pytest.mark.parametrize("side", Side)
def test_a_truncated_oversized_or_unknown_frame_ends_the_session(side: Side) -> None:
    good = encode_frame(wire.Beat(0))
    bad = [good[:length] for length in range(len(good))]
    bad += [good + b"\x00", b"\x07" + good[1:], good + bytes(wire.FRAME_BYTES_MAX)]

    for data in bad:
        session = session_in(side, State.OPEN)
        [ended] = session.receive_bytes(data, 0)
        assert isinstance(ended, Ended)
        assert ended.reason == "violation"
        assert session.state is State.CLOSED


def test_the_reason_that_the_peer_is_told_fits_a_frame() -> None:
    session = session_in(Side.PARENT, State.OPEN)

    session.close("violation", "é" * 2_000)

    assert sent_by(session) == [wire.Bye("violation", "é" * 500)]
