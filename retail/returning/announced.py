"""Returns that customers announced, and what of them came.

An announcement pays for nothing and holds no right: it says what to expect. What comes of the same
sale afterwards is what was announced, or takes its place: a unit that is back cannot come again.

    AN1  a return counts for the announcement that it names, then for the others, the oldest first;
         for no other that was made after it was heard of
    AN2  each unit that came counts for one announcement, and none comes to more than it announced

What is before and after is the order in which the hub heard of it: the clocks of two programs say
nothing of that.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

_NUMBER: Final = re.compile(r"RMA-0*([0-9]{1,15})")


def announced_number(told: str) -> int | None:
    """The announcement that somebody names by the number that its customer was given, or None."""
    match = _NUMBER.fullmatch(told.strip().upper())
    return None if match is None else int(match[1])


def printed_announcement(number: int) -> str:
    """What its customer is told."""
    return f"RMA-{number:06d}"


class Expected(NamedTuple):
    """An announcement: its number, the last return heard of before it, units per line."""

    number: int
    after: int
    units: Mapping[int, int]


class Arrived(NamedTuple):
    """A return: its place among all that were heard, the announcement it names, units per line."""

    place: int
    announced: int | None
    units: Mapping[int, int]


def still_expected(
    announced: Sequence[Expected], came: Iterable[Arrived]
) -> dict[int, Counter[int]]:
    """Units per line that have still to come, by announcement; both are of one sale, in order."""
    left = {one.number: Counter(one.units) for one in announced}
    for arrived in came:
        named = [one for one in announced if one.number == arrived.announced]
        others = [one for one in announced if one not in named and one.after < arrived.place]
        for line, units in arrived.units.items():
            rest = units
            for one in (*named, *others):
                covered = min(rest, left[one.number][line])
                left[one.number][line] -= covered
                rest -= covered
    return {number: +units for number, units in left.items()}
