"""What drivers report, in the reader's words: the tables know it by ``detail.<slug>``. Pure.

A driver says "paper out", or a reason and what the system said: "connection lost: end of file". A
detail that no table knows is told as it stands.
"""

import re
from typing import Final

from gateway.status.words import Speaker

PARTS_MAX: Final = 8
"""Reasons within reasons that are looked at."""


def slug_of(detail: str) -> str:
    """What a driver reports, as the end of a key."""
    return "_".join(re.findall(r"\w+", detail.lower()))


def said_detail(detail: str, speaker: Speaker) -> str:
    """The detail in the speaker's language, as far as its words are known; it begins upper case."""
    parts = detail.split(": ", PARTS_MAX)
    for count in range(len(parts), 0, -1):
        key = f"detail.{slug_of(': '.join(parts[:count]))}"
        if speaker.knows(key):
            rest = [speaker.isolated(part) for part in parts[count:]]
            return ": ".join([speaker.say(key), *rest])
    return detail[:1].upper() + detail[1:]
