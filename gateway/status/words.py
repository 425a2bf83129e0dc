"""How the page speaks: one table of words per language, and the one way to say something.

    words_en.py, words_ar.py   the tables; both have the same keys, a test compares them
    Speaker                    a key and its values -> text of one language
    Reading                    a speaker, and when and where the page is read

A value (a name, a number, a time, an error from elsewhere) is isolated in the text around it
(U+2068 ... U+2069), so that neither an English name in an Arabic sentence nor an Arabic one in an
English sentence reorders what stands beside it. `PLAIN` does not: it speaks for the JSON, whose
sentences are one printable line.

Numbers are said in the digits 0 to 9 in both languages, as on the gateway's log and papers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from gateway.status.words_ar import ARABIC
from gateway.status.words_en import ENGLISH

Forms = Mapping[str, str]
"""Plural forms: `one` and `other`."""

DAY_MS: Final = 24 * 60 * 60 * 1000
"""Within this a time of day is unambiguous; before it, or after now, the date is said."""

ISOLATE, END_ISOLATE = "\u2068", "\u2069"

CLIENT: Final = ("live.", "service.", "told.", "role.", "lost.")
"""Beginnings of the keys that the page's own script speaks with."""

_VALUE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language of the page; `name` is its own name for itself."""

    tag: str
    name: str
    direction: str
    words: Mapping[str, str | Forms]


LANGUAGES: Final[Mapping[str, Language]] = {
    "en": Language(tag="en", name="English", direction="ltr", words=ENGLISH),
    "ar": Language(tag="ar", name="العربية", direction="rtl", words=ARABIC),
}

FIRST: Final = "en"
"""Spoken to whoever asks for none of them."""


class Speaker:
    """Says things in one language; immutable."""

    def __init__(self, language: Language, *, isolating: bool = True) -> None:
        self.language: Final = language
        self._isolating = isolating

    def knows(self, key: str) -> bool:
        """Whether the table has words for `key`."""
        return key in self.language.words

    def say(self, key: str, count: int | None = None, /, **values: str) -> str:
        """The words of `key` with `values` put in; `count` chooses the form and is a value too.

        Raises:
            KeyError: there are no such words, or they want another value: our own bug.
        """
        words = self.language.words[key]
        if count is not None:
            values["count"] = self.number(count)
        if not isinstance(words, str):
            words = words["one" if count == 1 else "other"]
        return _VALUE.sub(lambda found: self.isolated(values[found[1]]), words)

    def number(self, quantity: int) -> str:
        """Return "1,204"."""
        return f"{quantity:,}"

    def isolated(self, value: str) -> str:
        """A value fit to stand in a text of this language, or beside other values."""
        foreign = self.language.direction == "rtl" or not value.isascii()
        return f"{ISOLATE}{value}{END_ISOLATE}" if self._isolating and foreign else value

    def client_words(self) -> dict[str, str]:
        """What the page's script says; it puts values in by itself."""
        return {
            key: words
            for key, words in self.language.words.items()
            if isinstance(words, str) and key.startswith(CLIENT)
        }


PLAIN: Final = Speaker(LANGUAGES[FIRST], isolating=False)
"""English without marks: for the JSON, for logs, for refusals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When, where and in which language something is read: times are said in the store's zone."""

    now_ms: int
    timezone: tzinfo
    speaker: Speaker = PLAIN

    def time(self, at_ms: int) -> str:
        """Say when that was."""
        months = self.speaker.say("months").split()
        return spoken_time(at_ms, self.now_ms, self.timezone, months=months)


def spoken_time(
    at_ms: int,
    now_ms: int,
    timezone: tzinfo,
    *,
    months: list[str] | None = None,
) -> str:
    """Say when `at_ms` was: "14:02", "20 Nov 14:02" beyond a day, with the year in another year.

    The months are ours and not `strftime`'s, which follow whatever locale the process was given.
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(timezone)
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(timezone)
    clock = f"{at:%H:%M}"
    if 0 <= now_ms - at_ms < DAY_MS:
        return clock
    date = f"{at.day} {(months or PLAIN.say('months').split())[at.month - 1]}"
    return f"{date} {clock}" if at.year == now.year else f"{date} {at.year} {clock}"


def chosen_language(asked: str | None, accepted: str) -> Language:
    """The language that is asked for, else the first of an Accept-Language header that we speak.

    Weights are left aside: browsers list their languages in order.
    """
    for tag in (asked or "", *accepted.split(",")[:16]):
        language = LANGUAGES.get(tag.strip().split(";")[0].split("-")[0].lower())
        if language is not None:
            return language
    return LANGUAGES[FIRST]
