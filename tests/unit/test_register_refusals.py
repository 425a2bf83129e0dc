"""Goal: who is refused is told for as long as he asks, and is forgotten when he is taken in.

Method: links that end, at times that the test says.
"""

from gateway.registers.refusals import SHOWN_MAX, SHOWN_MS, Refusals
from replication.session import Ended
from tests.status_samples import NOON_MS

NO = Ended("violation", "entry 7 does not follow")


class Told:
    """The refusals of riverside, at a time that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.refusals = Refusals("riverside", lambda: self.now_ms)

    @property
    def names(self) -> list[str]:
        return [one.register for one in self.refusals.now()]


def test_one_that_is_refused_again_and_again_is_news_once_and_keeps_its_time() -> None:
    told = Told()

    assert told.refusals.ended("riverside.till-8.1", NO)
    told.now_ms += 10_000
    assert not told.refusals.ended(
        "riverside.till-8.1", Ended(NO.reason, "entry 8 does not follow")
    )

    [one] = told.refusals.now()
    assert (one.register, one.why) == ("till-8", "entry 8 does not follow")
    assert one.since.timestamp() * 1000 == NOON_MS


def test_one_that_is_taken_in_is_forgotten_also_as_its_next_incarnation() -> None:
    told = Told()
    told.refusals.ended("riverside.till-8.1", NO)

    told.refusals.taken_in("riverside.till-8.2")

    assert told.names == []


def test_a_line_that_breaks_is_no_refusal() -> None:
    told = Told()
    told.refusals.ended("riverside.till-8.1", NO)

    assert not told.refusals.ended("riverside.till-8.1", Ended("gone", "the line broke"))

    assert told.names == []


def test_one_of_another_shop_is_called_as_it_says() -> None:
    told = Told()
    told.refusals.ended("harbour.till-8.1", NO)
    told.refusals.ended("a text that is no name", NO)
    told.refusals.ended("riverside.till-8.1", Ended("version", "no common protocol version"))

    assert told.names == ["a text that is no name", "harbour.till-8.1", "till-8"]


def test_one_that_asks_no_more_is_forgotten() -> None:
    told = Told()
    told.refusals.ended("riverside.till-8.1", NO)

    told.now_ms += SHOWN_MS
    assert told.names == ["till-8"]
    told.now_ms += 1
    assert told.names == []


def test_a_crowd_is_not_kept() -> None:
    told = Told()
    for number in range(SHOWN_MAX + 5):
        told.refusals.ended(f"harbour.till-{number}.1", NO)

    assert len(told.names) == SHOWN_MAX
