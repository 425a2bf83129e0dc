"""A document as pictures: strips in black and white, from its first line to its last.

Each is exactly as wide as the paper. A strip is a line, a code or the logo, and becomes one or more
commands (`devices.raster`), so no more than one is in memory. Lines of a document that runs from
right to left are mirrored as a whole: labels on the right, amounts on the left.
"""

from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from PIL import Image, ImageDraw

from devices.lines import LINES_MAX
from devices.logo import WHITE, logo_picture
from devices.paper import (
    Align,
    Barcode,
    Block,
    Direction,
    Document,
    Dots,
    Gap,
    Logo,
    Pair,
    Qr,
    Rule,
    Table,
    Text,
)
from devices.shaping import Anchor, Face, face
from devices.symbols import BARS_HEIGHT_DOTS, QR_QUIET, bars_of, matrix_of, square_of

BODY_DOTS: Final = {384: 22, 512: 24, 576: 24}
"""The em of plain text per width of paper: capitals as high as those of the printer's own font."""

BIG: Final = 1.5
SMALL: Final = 0.85
BLACK: Final = 0
MARGIN_DOTS: Final = 4
GAP_DOTS: Final = 14
"""Between a label and its amount, and between columns."""

INDENT_DOTS: Final = 20
RULE_DOTS: Final = 14
RULE_THICK_DOTS: Final = 2

_GREY_MIN: Final = 140
"""What is lighter than this is white paper; letters come out a little stronger than drawn."""


def pictures_of(
    document: Document, dots: Dots, *, logo: Image.Image | None = None
) -> Iterator[Image.Image]:
    """The strips of the document, mode 1, `dots` wide. At most `LINES_MAX` of them."""
    sheet = _Sheet(document.direction, dots, logo)
    number = 0
    for block in document.marked_blocks():
        for strip in sheet.strips(block):
            number += 1
            if number > LINES_MAX:
                yield from sheet.strips(Text("...", align="center"))
                return
            yield strip


class _Sheet:
    """Paper of one width, for a document of one direction."""

    def __init__(self, direction: Direction, dots: Dots, logo: Image.Image | None) -> None:
        self._direction = direction
        self._dots = dots
        self._logo = logo
        self._body = BODY_DOTS[dots]
        self._room = dots - 2 * MARGIN_DOTS

    def strips(self, block: Block) -> Iterator[Image.Image]:
        """One block."""
        match block:
            case Text():
                yield from self._text(block)
            case Pair():
                yield from self._pair(block.left, block.right, self._face(block))
            case Rule():
                yield self._rule()
            case Gap():
                yield self._white(self._body)
            case Table():
                yield from self._table(block)
            case Logo():
                if self._logo is not None:
                    yield logo_picture(self._logo, self._dots)
            case Barcode() | Qr():
                yield from self._code(block)
            case _:
                assert_never(block)

    def _face(self, block: Text | Pair) -> Face:
        return face(round(self._body * BIG) if block.big else self._body, strong=block.strong)

    def _white(self, height: int) -> Image.Image:
        return Image.new("1", (self._dots, height), WHITE)

    def _text(self, block: Text) -> Iterator[Image.Image]:
        letters = self._face(block)
        indent = INDENT_DOTS if block.indented else 0
        for line in letters.wrap(letters.write(block.text), self._direction, self._room - indent):
            yield self._line(letters, [(line, *self._place(block.align, indent))])

    def _pair(self, left: str, right: str, letters: Face) -> Iterator[Image.Image]:
        """`left` wrapped as needed, `right` beside its last line, or below it."""
        left, right = letters.write(left), letters.write(right).strip()
        room = self._room - letters.width(right, self._direction) - GAP_DOTS
        start, end = self._place("start"), self._place("end")
        if room < self._room // 3:  # an absurdly long amount gets lines of its own
            for line in letters.wrap(left, self._direction, self._room):
                yield self._line(letters, [(line, *start)])
            for line in letters.wrap(right, self._direction, self._room):
                yield self._line(letters, [(line, *end)])
            return
        *lines, last = letters.wrap(left, self._direction, room)
        for line in lines:
            yield self._line(letters, [(line, *start)])
        yield self._line(letters, [(last, *start), (right, *end)])

    def _table(self, table: Table) -> Iterator[Image.Image]:
        """In columns as wide as their widest cell; one too wide for the paper, cell by cell."""
        letters = face(self._body)
        rows = [[letters.write(cell) for cell in row] for row in (table.columns, *table.rows)]
        widths = [
            max(letters.width(cell, self._direction) for cell in column)
            for column in zip(*rows, strict=True)
        ]
        gaps = len(widths) - 1
        spare = self._room - sum(widths) - gaps * GAP_DOTS
        if gaps > 0 and spare < 0:
            heads, *rows = rows
            for row in rows:
                for head, cell in zip(heads, row, strict=True):
                    yield from self._pair(head, cell, letters)
            return
        ends = _column_ends(widths, spare)
        for row in rows:
            places = [self._place("start"), *(self._at(end, "right") for end in ends)]
            yield self._line(
                letters, [(cell, *place) for cell, place in zip(row, places, strict=False)]
            )

    def _line(self, letters: Face, texts: Sequence[tuple[str, int, Anchor]]) -> Image.Image:
        """One line with texts at their places."""
        grey = Image.new("L", (self._dots, letters.line_dots), "white")
        canvas = ImageDraw.Draw(grey)
        for text, x, anchor in texts:
            letters.draw(canvas, text, self._direction, x=x, anchor=anchor)
        return grey.point(_BLACK_OR_WHITE, "1")

    def _place(self, align: Align, indent: int = 0) -> tuple[int, Anchor]:
        if align == "center":
            return self._dots // 2, "middle"
        if align == "start":
            return self._at(indent, "left")
        return self._at(self._room, "right")

    def _at(self, offset: int, anchor: Anchor) -> tuple[int, Anchor]:
        """A place counted from where lines start, mirrored where they start on the right."""
        if self._direction == "ltr":
            return MARGIN_DOTS + offset, anchor
        return self._dots - MARGIN_DOTS - offset, "right" if anchor == "left" else "left"

    def _rule(self) -> Image.Image:
        strip = self._white(RULE_DOTS)
        top = (RULE_DOTS - RULE_THICK_DOTS) // 2
        right = self._dots - MARGIN_DOTS
        strip.paste(BLACK, (MARGIN_DOTS, top, right, top + RULE_THICK_DOTS))
        return strip

    def _code(self, code: Barcode | Qr) -> Iterator[Image.Image]:
        """Bars with their text below, or a QR code where bars cannot be; nothing of no data."""
        if not code.data:
            return
        bars = bars_of(code, self._dots) if isinstance(code, Barcode) else None
        if bars is None:
            dots = square_of(code, self._dots).module_dots
            quiet = dots * QR_QUIET
            yield self._centred(_drawn(matrix_of(code), dots, dots), quiet, quiet)
        else:
            black = [[module == "1" for module in bars.modules]]
            yield self._centred(_drawn(black, bars.module_dots, BARS_HEIGHT_DOTS), GAP_DOTS, 4)
        if isinstance(code, Barcode):
            letters = face(round(self._body * SMALL))
            for line in letters.wrap(letters.write(code.data), self._direction, self._room):
                yield self._line(letters, [(line, *self._place("center"))])

    def _centred(self, picture: Image.Image, above: int, below: int) -> Image.Image:
        strip = self._white(above + picture.height + below)
        strip.paste(picture, ((self._dots - picture.width) // 2, above))
        return strip


_BLACK_OR_WHITE: Final = [WHITE if grey >= _GREY_MIN else BLACK for grey in range(256)]


def _column_ends(widths: Sequence[int], spare: int) -> list[int]:
    """Where the columns after the first end, with the spare dots shared by the gaps."""
    ends = []
    gaps = len(widths) - 1
    at = widths[0] if widths else 0
    for place, width in enumerate(widths[1:], 1):
        at += GAP_DOTS + width
        ends.append(at + spare * place // gaps)
    return ends


def _drawn(modules: Sequence[Sequence[bool]], wide: int, high: int) -> Image.Image:
    """Modules as a picture, each so many dots wide and high."""
    picture = Image.new("1", (len(modules[0]), len(modules)))
    picture.putdata([BLACK if black else WHITE for row in modules for black in row])
    size = (picture.width * wide, picture.height * high)
    return picture.resize(size, Image.Resampling.NEAREST)
