"""Texts as their medium can hold them: a printer's code page, a font, a screen. Pure.

What a medium cannot hold is transliterated (Ł as L, another script's digits as 0-9) or shown as
`?`. Nothing in a name can raise, widen a line or reach a printer as a command: control characters
become spaces, and marks that print nothing go.

A printer's page is Windows-1252, which covers the languages of western Europe.
"""

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

def printable(text: str) -> str:
    """`text` as the printer can hold it: one column per character, no control characters.

    Control characters become spaces, marks that print nothing (directions, joiners) go, and a
    character without any likeness becomes `?`.
    """
    return "".join(_likeness(char) for char in unicodedata.normalize("NFC", text))


def legible(text: str) -> str:
    """`text` for a screen: all of its letters, without controls, directions and lone surrogates.

    The joiners stay: they decide how letters of Arabic script are joined.
    """
    return "".join(_seen(char) for char in unicodedata.normalize("NFC", text))


_SPACES: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_UNSEEN: Final = frozenset({"Cf", "Cn", "Co", "Cs"})
_JOINERS: Final = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})


def _seen(char: str) -> str:
    if (category := unicodedata.category(char)) in _SPACES:
        return " "
    return "" if category in _UNSEEN and char not in _JOINERS else char


def _likeness(char: str) -> str:
    category = unicodedata.category(char)
    if category in _SPACES:
        return " "
    if category == "Cf":
        return ""
    if _is_held(char):
        return char
    return _transliterated(char, category)


def _transliterated(char: str, category: str) -> str:
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    if (replacement := _REPLACEMENTS.get(char)) is not None:
        return replacement
    if category.startswith("M"):
        return ""  # an accent over a letter that is printed without it
    plain = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
    if 0 < len(plain) <= _LIKENESS_MAX and all(c.isprintable() and _is_held(c) for c in plain):
        return "".join(plain)
    return "?"


def _is_held(char: str) -> bool:
    try:
        char.encode(CODE_PAGE)
    except UnicodeEncodeError:
        return False
    return True


