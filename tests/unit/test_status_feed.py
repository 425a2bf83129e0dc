"""Goal: a change reaches every stream once it matters, and nothing queues up behind a slow one.

Method: the feed and the streams on their own, with frames that are one letter long. A silence of 0
seconds asks what is there now, so no test waits.
"""

from gateway.status.feed import Frames, Silence, StatusFeed, Streams

NOW_S = 0.0
LONG_S = 60.0


def frames(letter: bytes) -> Frames:
    return Frames(status=letter, pages={"en": letter})


def alive() -> bool:
    return True


async def test_many_changes_are_one() -> None:
    feed = StatusFeed()

    feed.publish()
    feed.publish()

    assert await feed.changed(LONG_S)
    assert not await feed.changed(NOW_S)


async def test_a_slow_stream_is_given_the_newest_frames_only() -> None:
    streams = Streams()
    stream = streams.join(alive)
    assert stream is not None

    streams.offer(frames(b"a"))
    streams.offer(frames(b"b"))

    assert await stream.take(LONG_S) == frames(b"b")
    assert await stream.take(NOW_S) is Silence.TIMEOUT


async def test_every_stream_is_offered_every_change() -> None:
    streams = Streams()
    joined = [streams.join(alive), streams.join(alive)]

    streams.offer(frames(b"a"))

    for stream in joined:
        assert stream is not None
        assert await stream.take(LONG_S) == frames(b"a")


async def test_an_ended_stream_gives_nothing_more_even_with_frames_left() -> None:
    streams = Streams()
    stream = streams.join(alive)
    assert stream is not None

    streams.offer(frames(b"a"))
    streams.end_all()

    assert await stream.take(LONG_S) is Silence.END
    assert await stream.take(LONG_S) is Silence.END


def test_beyond_the_limit_nobody_joins_until_one_leaves() -> None:
    streams = Streams(streams_max=1)
    first = streams.join(alive)
    assert first is not None

    assert streams.join(alive) is None
    streams.leave(first)
    assert streams.join(alive) is not None


def test_a_reader_that_vanished_makes_room() -> None:
    streams = Streams(streams_max=1)

    assert streams.join(lambda: False) is not None
    assert streams.join(alive) is not None
    assert len(streams) == 1
