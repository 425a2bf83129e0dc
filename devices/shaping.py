"""Letters for pictures: one font for Latin and Arabic, shaped, joined and ordered.

IBM Plex Sans Arabic (OFL) comes with the program. Pillow's raqm joins Arabic letters and puts mixed
lines in order, through the *system's* libfribidi; without that library it draws letters apart, in
the wrong order, and says nothing. So it is asked for (`check_shaping`), and where it is missing
arabic-reshaper and python-bidi do the same, less finely.

A line's direction is that of its first strong letter, so that a name in another language reads
right. In a line that runs from right to left, dates, phone numbers and negative amounts would flip
(`-5` as `5-`): each number is wrapped in an isolate that runs from left to right.
"""

import functools
import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypedDict

import fontpkg_ibm_plex_sans_arabic as plex
from arabic_reshaper import reshape
from bidi.algorithm import get_display
from PIL import ImageDraw, ImageFont, features

from devices.letters import LEFT_TO_RIGHT_ISOLATE, POP_ISOLATE, isolated, likened
from devices.paper import Direction

MISSING_FRIBIDI: Final = (
    "Receipts in Arabic are joined by a substitute, because the system has no libfribidi:"
    " install it with `sudo apt install libfribidi0`."
)

FACES_MAX: Final = 32
"""Sizes and weights that are kept open: two weights of four sizes on three widths of paper."""

LINE: Final = 1.46
BASELINE: Final = 1.02
"""Of the em: how high a line is, and where its letters stand. There is room for the two dots below
a final yeh, and for a vowel above an alef; what stacks higher is cut off."""

GLYPHS_MAX: Final = 8_192
"""Characters of which is remembered whether the font has them."""

_RIGHT_TO_LEFT_MARK: Final = "\N{RIGHT-TO-LEFT MARK}"
_EMBEDDED: Final = str.maketrans(
    {
        LEFT_TO_RIGHT_ISOLATE: _RIGHT_TO_LEFT_MARK + "\N{LEFT-TO-RIGHT EMBEDDING}",
        POP_ISOLATE: "\N{POP DIRECTIONAL FORMATTING}" + _RIGHT_TO_LEFT_MARK,
    }
)
"""What does the work of an isolate within a line from right to left, for an order of text that is
older than isolates. (The other one in python-bidi knows them and forgets to mirror brackets.)"""
_ABSENT: Final = "\U000f0000"
"""A private character: the box that the font shows for what it does not have."""

_WEIGHTS: Final = {False: "Medium", True: "Bold"}
"""A thermal printer's dots are round: Regular comes out thin."""

Anchor = Literal["left", "right", "middle"]
_ANCHORS: Final = {"left": "ls", "right": "rs", "middle": "ms"}
_LANGUAGES: Final[Mapping[Direction, str]] = {"ltr": "en", "rtl": "ar"}
_BASES: Final[Mapping[Direction, Literal["L", "R"]]] = {"ltr": "L", "rtl": "R"}


class _How(TypedDict, total=False):
    """What Pillow is told where it shapes the text itself."""

    direction: Direction
    language: str


def has_fribidi() -> bool:
    """Whether Pillow can shape and order text by itself."""
    return bool(features.check("raqm")) and bool(features.check("fribidi"))


def check_shaping() -> str | None:
    """A sentence for the technician about what is to be installed; None where nothing is."""
    return None if has_fribidi() else MISSING_FRIBIDI


def direction_of(text: str, default: Direction) -> Direction:
    """Which way the text runs: as its first strong letter, else as the document."""
    for char in text:
        match unicodedata.bidirectional(char):
            case "L":
                return "ltr"
            case "R" | "AL":
                return "rtl"
    return default


class Face:
    """The font in one size and weight. `size_dots` is its em; get one from `face`."""

    def __init__(self, size_dots: int, *, strong: bool) -> None:
        path = plex.ROOT / "files" / f"IBMPlexSansArabic-{_WEIGHTS[strong]}.ttf"
        self._is_shaped = has_fribidi()
        layout = ImageFont.Layout.RAQM if self._is_shaped else ImageFont.Layout.BASIC
        self._font = ImageFont.truetype(str(path), size_dots, layout_engine=layout)
        # Letters that the font puts together from parts look absent here: see `holds`.
        self._plain = ImageFont.truetype(str(path), size_dots, layout_engine=ImageFont.Layout.BASIC)
        self._absent = bytes(self._plain.getmask(_ABSENT))
        self._held: dict[str, bool] = {}
        self._space_dots = math.ceil(self._plain.getlength(" "))
        self.line_dots = round(size_dots * LINE)
        self.baseline_dots = round(size_dots * BASELINE)

    def write(self, text: str) -> str:
        """`text` in the characters that this font has."""
        return likened(text, self.holds, joiners=True)

    def holds(self, char: str) -> bool:
        """Whether the font has the character, or all the parts that it is shaped from."""
        known = self._held.get(char)
        if known is None:
            if len(self._held) >= GLYPHS_MAX:
                self._held.clear()
            parts = unicodedata.normalize("NFD", char) if self._is_shaped else char
            known = self._held[char] = self._has(char) or all(self._has(part) for part in parts)
        return known

    def _has(self, char: str) -> bool:
        return bytes(self._plain.getmask(char)) != self._absent

    def width(self, text: str, default: Direction) -> int:
        """Dots that the text takes in a line."""
        laid, how = self._laid(text, default)
        return math.ceil(self._font.getlength(laid, **how))

    def wrap(self, text: str, default: Direction, dots: int) -> list[str]:
        """Break between words where there are some, inside a word that is too long. At least one.

        Words are measured one by one, so a line may come out a dot or two wider.
        """
        lines, at, space = [""], 0, self._space_dots
        for word in text.split():
            for part, wide in self._parts(word, default, dots):
                if lines[-1] and at + space + wide > dots:
                    lines.append(part)
                    at = wide
                else:
                    at += wide + (space if lines[-1] else 0)
                    lines[-1] = f"{lines[-1]} {part}".lstrip()
        return lines

    def _parts(self, word: str, default: Direction, dots: int) -> Iterator[tuple[str, int]]:
        """The word, or pieces of it that fit, with their widths."""
        while (wide := self.width(word, default)) > dots and len(word) > 1:
            end = max(1, len(word) * dots // wide)
            while end > 1 and self.width(word[:end], default) > dots:
                end -= 1
            yield word[:end], self.width(word[:end], default)
            word = word[end:]
        yield word, wide

    def draw(
        self, canvas: ImageDraw.ImageDraw, text: str, default: Direction, *, x: int, anchor: Anchor
    ) -> None:
        """Set one line on a canvas of grey, `x` at the anchor, its top at the canvas's top."""
        laid, how = self._laid(text, default)
        canvas.text(
            (x, self.baseline_dots), laid, fill=0, font=self._font, anchor=_ANCHORS[anchor], **how
        )

    def _laid(self, text: str, default: Direction) -> tuple[str, _How]:
        """The text as Pillow is to be given it, and what to tell Pillow about it."""
        direction = direction_of(text, default)
        if direction == "rtl":
            text = isolated(text)
        if self._is_shaped:
            return text, {"direction": direction, "language": _LANGUAGES[direction]}
        ordered = get_display(reshape(text.translate(_EMBEDDED)), base_dir=_BASES[direction])
        return ordered.replace(_RIGHT_TO_LEFT_MARK, ""), {}


@functools.lru_cache(FACES_MAX)
def face(size_dots: int, *, strong: bool = False) -> Face:
    """The font in that size and weight, opened once."""
    return Face(size_dots, strong=strong)
