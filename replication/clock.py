"""Hybrid logical clock: wall time that never runs backwards and follows cause and effect.

A stamp is (wall milliseconds, tick). Local events take the wall clock when it has moved on, else
the next tick. A remote stamp pulls the clock forward, but never by more than `AHEAD_MS_MAX`: one
box with a wrong date must not drag the whole chain into the future (Kulkarni et al., OPODIS 2014).

Stamps are for people and for reports. Order is the writer's seq, never anybody's wall clock.
"""

import datetime
import functools
from typing import Final, NamedTuple

AHEAD_MS_MAX: Final = 5 * 60 * 1000
"""A remote stamp further ahead than five minutes is not adopted."""

WALL_MS_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: a later time cannot be written for people."""

TICK_MAX: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""


class Stamp(NamedTuple):
    """One instant of a hybrid clock; compares as (wall_ms, tick)."""

    wall_ms: int
    tick: int


class HybridClock:
    """One replica's clock. Time is handed in; the clock only remembers the last stamp."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = Stamp(0, 0)

    def stamp(self, now_ms: int) -> Stamp:
        """Stamp a local event: later than every stamp before, whatever the wall clock did."""
        last = self.last
        self.last = (
            Stamp(now_ms, 0) if now_ms > last.wall_ms else Stamp(last.wall_ms, last.tick + 1)
        )
        return self.last

    def observe(self, remote: Stamp, now_ms: int) -> None:
        """Hear of a remote stamp; stamps too far ahead of `now_ms` are not adopted."""
        if remote.wall_ms - now_ms <= AHEAD_MS_MAX and remote > self.last:
            self.last = remote


@functools.lru_cache(maxsize=256)  # the sales of a batch happen in one millisecond
def rfc3339(wall_ms: int) -> str:
    """Write milliseconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    seconds, millis = divmod(wall_ms, 1000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"
