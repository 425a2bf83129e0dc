"""Texts as their medium can hold them: a printer's code page, a font, a screen. Pure.

What a medium cannot hold is transliterated (Ł as L, another script's digits as 0-9) or shown as
`?`. Nothing in a name can raise, widen a line or reach a printer as a command: control characters
become spaces, and marks that print nothing go.

A printer's page is Windows-1252, which covers the languages of western Europe.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

CODE_PAGE: Final = "CP1252"
"""ESC t 16. Held by Epson's and by the common compatible printers."""

_LIKENESS_MAX: Final = 4
"""One character never becomes more than this many: some decompose into a whole sentence."""

_REPLACEMENTS: Final = {
    "\N{MINUS SIGN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{HYPHEN}": "-",
    "\N{LATIN SMALL LETTER L WITH STROKE}": "l",
    "\N{LATIN CAPITAL LETTER L WITH STROKE}": "L",
    "\N{LATIN SMALL LETTER D WITH STROKE}": "d",
    "\N{LATIN CAPITAL LETTER D WITH STROKE}": "D",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "\N{RIGHTWARDS ARROW}": "->",
}
"""Characters that Unicode does not decompose into what a person would write instead."""

_SPACES: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_UNSEEN: Final = frozenset({"Cf", "Cn", "Co", "Cs"})
_JOINERS: Final = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})
"""They decide how letters of Arabic script are joined."""

LEFT_TO_RIGHT_ISOLATE: Final = "\N{LEFT-TO-RIGHT ISOLATE}"
POP_ISOLATE: Final = "\N{POP DIRECTIONAL ISOLATE}"
_NUMBER: Final = re.compile(
    r"(?<!\w)(?<!\w[-+./])[-+\u2212]?"
    r"(?:\d++|\(\d++\))(?:[ .,:/+-](?:\d++|\(\d++\)))*+(?: ?[%\u066a])?(?!\w)"
)
"""A number with its sign, or several with what dates, times and phone numbers have in between."""

_PLAIN_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")

Holds = Callable[[str], bool]
"""Whether a medium has this character."""


def printable(text: str) -> str:
    """`text` as a printer can hold it: one column per character."""
    return likened(text, _in_code_page)


def legible(text: str) -> str:
    """`text` for a screen: all of its letters, without what is not seen."""
    return likened(text, _is_seen, joiners=True)


def likened(text: str, holds: Holds, *, joiners: bool = False) -> str:
    """`text` as a medium can hold it; with `joiners` where the medium joins letters."""
    kept = _JOINERS if joiners else frozenset[str]()
    return "".join(
        char if char in kept else _likeness(char, holds)
        for char in unicodedata.normalize("NFC", text)
    )


def isolated(text: str) -> str:
    """`text` with what would flip in a line from right to left held together; no column wider.

    A plain number keeps its place beside Latin words, and needs no help.
    """
    return _NUMBER.sub(_isolate, text)


def _isolate(number: re.Match[str]) -> str:
    if _PLAIN_NUMBER.fullmatch(number[0]) is not None:
        return number[0]
    return f"{LEFT_TO_RIGHT_ISOLATE}{number[0]}{POP_ISOLATE}"


def _likeness(char: str, holds: Holds) -> str:
    category = unicodedata.category(char)
    if category in _SPACES:
        return " "
    if category == "Cf":
        return ""
    if holds(char):
        return char
    return _transliterated(char, category, holds)


def _transliterated(char: str, category: str, holds: Holds) -> str:
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    if (replacement := _REPLACEMENTS.get(char)) is not None:
        return replacement
    if category.startswith("M"):
        return ""  # an accent over a letter that is printed without it
    plain = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
    if 0 < len(plain) <= _LIKENESS_MAX and all(c.isprintable() and holds(c) for c in plain):
        return "".join(plain)
    return "?"


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN


def _in_code_page(char: str) -> bool:
    try:
        char.encode(CODE_PAGE)
    except UnicodeEncodeError:
        return False
    return True
