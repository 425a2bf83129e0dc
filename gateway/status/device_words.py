"""What drivers report, in the reader's words: the tables know it by ``detail.<slug>``. Pure.

A driver says "paper out", or a reason and what the system said: "connection lost: end of file". A
detail that no table knows is told as it stands.
"""

import re

from gateway.status.words import Speaker


def slug_of(detail: str) -> str:
    """What a driver reports, as the end of a key."""
    return "_".join(re.findall(r"\w+", detail.lower()))


def said_detail(detail: str, speaker: Speaker) -> str:
    """The detail in the speaker's language, as far as its words are known; it begins upper case."""
    if speaker.knows(key := f"detail.{slug_of(detail)}"):
        return speaker.say(key)
    reason, _, rest = detail.partition(": ")
    if rest and speaker.knows(key := f"detail.{slug_of(reason)}"):
        return f"{speaker.say(key)}: {speaker.isolated(rest)}"
    return detail[:1].upper() + detail[1:]
