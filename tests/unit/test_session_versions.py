"""Goal: two ends speak the best version that both know, and each version says what it can.

Method: one side of a session with frames of the other side written by hand.
"""

import msgspec
import pytest

from replication import wire
from replication.feed import FeedItem
from replication.journal import Head
from replication.session import Ended, FeedArrived, Greeted, ReachedHub, Session, Side, State
from replication.wire import encode_frame

DIGEST = bytes(32)
HELLO = wire.Hello(
    versions=[1], writer="riverside.1", seq=7, hash=DIGEST, cursor=5, boot="b", software="0",
    now_ms=0,
)  # fmt: skip


def greeting() -> Session:
    """A child that has said hello."""
    session = Session(Side.CHILD, 0)
    session.greet(HELLO)
    session.frames_to_send()
    return session


def child_in(version: int) -> Session:
    """A child whose parent speaks that version."""
    session = greeting()
    session.receive_bytes(encode_frame(wire.Welcome(version, "hub.1", 4, DIGEST, 0)), 0)
    return session


def test_a_newer_peer_that_also_speaks_ours_is_greeted() -> None:
    session = Session(Side.PARENT, 0)
    newer = msgspec.structs.replace(HELLO, versions=[5, 4, 3, 2, 1])

    assert session.receive_bytes(encode_frame(newer), 0) == [Greeted(newer, 4)]


def test_an_older_peer_is_spoken_to_in_its_own_version() -> None:
    session = Session(Side.PARENT, 0)
    older = msgspec.structs.replace(HELLO, versions=[1])
    assert session.receive_bytes(encode_frame(older), 0) == [Greeted(older, 1)]

    session.welcome(1, "hub.1", Head(4, DIGEST), 0)
    session.offer_feed([FeedItem(9, "product", "tea", b"x")], 9)

    frames = session.frames_to_send()
    assert {frame[0] for frame in frames} == {1}
    assert isinstance(wire.decode_frame(frames[-1]), wire.Feed)


def test_a_lost_part_of_the_feed_ends_the_session() -> None:
    session = child_in(2)
    heard = HELLO.cursor
    item = FeedItem(heard + 5, "product", "tea", b"x")
    later = FeedItem(heard + 9, "product", "jam", b"x")
    first = encode_frame(wire.FeedFrom(heard, [item], item.position, 1), 2)
    third = encode_frame(wire.FeedFrom(item.position + 2, [later], later.position, 0), 2)

    assert session.receive_bytes(first, 0) == [FeedArrived([item], item.position, 1)]
    [ended] = session.receive_bytes(third, 0)

    assert ended == Ended(
        "violation", f"feed goes on after {item.position + 2}, heard up to {item.position}"
    )


def test_a_peer_that_speaks_only_another_version_is_told_which_we_speak() -> None:
    session = Session(Side.PARENT, 0)
    newer = msgspec.structs.replace(HELLO, versions=[5])

    [ended] = session.receive_bytes(encode_frame(newer), 0)

    assert ended == Ended("version", "no common protocol version; spoken here: 4, 3, 2, 1")
    [frame] = session.frames_to_send()
    assert wire.decode_frame(frame) == wire.Bye("version", ended.detail)
    assert session.state is State.CLOSED


def test_a_welcome_in_a_version_that_was_not_offered_is_a_violation() -> None:
    session = greeting()
    welcome = wire.Welcome(5, "hub.1", 4, DIGEST, 0)

    [ended] = session.receive_bytes(encode_frame(welcome), 0)

    assert ended == Ended("violation", "welcome in unknown version 5")


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_child_is_not_told_how_far_the_hub_is(version: int) -> None:
    session = Session(Side.PARENT, 0)
    session.receive_bytes(encode_frame(msgspec.structs.replace(HELLO, versions=[version])), 0)
    session.welcome(version, "riverside.1", Head(4, DIGEST), 0)
    session.frames_to_send()

    session.at_hub(Head(4, DIGEST))

    assert not session.has_frames()


def test_a_child_hears_how_far_the_hub_is_ahead_of_any_backlog() -> None:
    session = Session(Side.PARENT, 0)
    session.receive_bytes(encode_frame(msgspec.structs.replace(HELLO, versions=[3])), 0)
    session.welcome(3, "riverside.1", Head(4, DIGEST), 0)
    session.offer_feed([FeedItem(9, "product", "tea", b"x")], 9)

    session.at_hub(Head(3, DIGEST))

    kinds = [type(wire.decode_frame(frame)) for frame in session.frames_to_send()]
    assert kinds == [wire.Welcome, wire.AtHub, wire.FeedFrom]


def test_the_hub_has_no_more_than_was_acknowledged() -> None:
    session = child_in(3)

    told = session.receive_bytes(encode_frame(wire.AtHub(4, DIGEST), 3), 0)
    [ended] = session.receive_bytes(encode_frame(wire.AtHub(5, DIGEST), 3), 0)

    assert told == [ReachedHub(Head(4, DIGEST))]
    assert ended == Ended("violation", "at the hub: 5, here only 4")
