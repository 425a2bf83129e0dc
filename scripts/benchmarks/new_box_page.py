"""What a new box's status page says while it takes over, from its stream of events."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

import aiohttp
import msgspec

from scripts.benchmarks.premises import BenchmarkBroken, Say

FOR_EVER: Final = aiohttp.ClientTimeout(total=None)
DATA: Final = b"data: "


class NewBox(msgspec.Struct, frozen=True, kw_only=True):
    """How far the box is, as far as it is looked at here."""

    step: str
    began: datetime
    ended: datetime | None
    tokens: int
    counters: int
    entries: int
    error: str | None

    @property
    def came(self) -> tuple[str, int]:
        """What people see grow."""
        return self.step, self.tokens + self.counters + self.entries

    def __str__(self) -> str:
        trouble = "" if self.error is None else f": {self.error}"
        return f"{self.step}, {self.counters:,} counters, {self.entries:,} entries{trouble}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report of the page, as far as it is looked at here."""

    new_box: NewBox | None


@dataclass(slots=True)
class Page:
    """What was seen of the take-over, with instants of `time.perf_counter`."""

    looked_at_s: float
    seen: list[tuple[float, NewBox]] = field(default_factory=list)

    def look(self, box: NewBox, at_s: float) -> bool:
        """Take a report; whether it is over."""
        if not self.seen or box.came != self.seen[-1][1].came:
            self.seen.append((at_s, box))
        return box.ended is not None

    @property
    def done_at_s(self) -> float:
        """When the page first said that all is here."""
        return self.seen[-1][0]

    @property
    def took_s(self) -> float:
        """From the box's first request to its last, by its own clock."""
        last = self.seen[-1][1]
        assert last.ended is not None, "it is over"
        return (last.ended - last.began).total_seconds()

    @property
    def still_s(self) -> float:
        """The longest time in which nothing new was to be seen."""
        ats_s = [self.looked_at_s, *(at_s for at_s, _ in self.seen)]
        return max(later - earlier for earlier, later in pairwise(ats_s))


async def follow(session: aiohttp.ClientSession, url: str, *, say: Say) -> Page:
    """Watch the page of the box at `url` until it says that everything is taken over.

    Raises:
        BenchmarkBroken: it is no new box, or its stream ends before.
    """
    page, step = Page(time.perf_counter()), ""
    async with session.get(f"{url}/status/events", timeout=FOR_EVER) as stream:
        async for line in stream.content:
            if not line.startswith(DATA):
                continue
            box = msgspec.json.decode(line.removeprefix(DATA), type=Report).new_box
            if box is None:
                raise BenchmarkBroken(f"{url} is no new box")
            if box.step != step:
                step = box.step
                say(f"replacement: {box}")
            if page.look(box, time.perf_counter()):
                return page
    raise BenchmarkBroken(f"the page of {url} ends before the box has taken over")
