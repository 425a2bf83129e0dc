"""What goes on paper, as a value: a `Document` of blocks, and the `Paper` that it is set on.

Words and amounts in a document are already formatted: what a total is, and how a currency is
written, is decided where documents are made. How wide a column is, whether letters are the
printer's own or a picture, is decided where they are set (`devices.encode`).

    Text      a line of words, or several lines where they are many
    Pair      a label and, at the other end of the line, its amount
    Rule      a line across the paper
    Gap       an empty line
    Table     rows under headings; the first column at the start of the line, the others at its end
    Barcode   CODE 128 with its text below; a QR code instead where the paper is too narrow for it
    Qr        a QR code
    Logo      the store's picture, where the encoder is given one

A document can be kept as JSON and printed later. It is made of words that other people chose, so
none of them can make it invalid: what is longer than its limit is cut where the block is made.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

COLUMNS_MIN: Final = 24
"""Narrower paper is not made for tills: 58 mm holds 32 columns, 80 mm 42 or 48."""

COLUMNS_MAX: Final = 96
"""Wider than any till printer (80 mm in the small font holds 64)."""

TEXT_CHARS_MAX: Final = 500
"""Of one text; a product's name has 200. The rest is cut off and an ellipsis says so."""

CODE_BYTES_MAX: Final = 1_000
"""Of a code, in UTF-8: at level M a QR symbol of 121 x 121 modules, of 2 dots each on the narrowest
paper. A Saudi invoice has about 150."""

TABLE_COLUMNS_MAX: Final = 6
TABLE_ROWS_MAX: Final = 100

BLOCKS_MAX: Final = 25_000
"""Of one document. A sale of 1,000 lines has some 5,000; its record, which is bounded in bytes,
could hold 20,000 discounts."""

LANGUAGES: Final = ("en", "ar")
Language = Literal["en", "ar"]
Direction = Literal["ltr", "rtl"]
Align = Literal["start", "center", "end"]
Mode = Literal["text", "raster"]
Dots = Literal[384, 512, 576]
"""Dots across the paper at 8 dots per mm: 58 mm, older 80 mm, 80 mm."""

ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="block"):
    """What all blocks have in common: their name in JSON, and texts that fit."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str):
                msgspec.structs.force_setattr(self, name, _kept(value))


class Text(_Block, frozen=True, tag="text"):
    """Words on lines of their own. `big` is twice the size, `strong` bold, `indented` set in."""

    text: str
    align: Align = "start"
    strong: bool = False
    big: bool = False
    indented: bool = False


class Pair(_Block, frozen=True, tag="pair"):
    """`left` at the start of the line, `right` at its end; mirrored where writing is."""

    left: str
    right: str
    strong: bool = False
    big: bool = False


class Rule(_Block, frozen=True, tag="rule"):
    """A line across the paper."""


class Gap(_Block, frozen=True, tag="gap"):
    """An empty line."""


class Table(_Block, frozen=True, tag="table"):
    """Rows of cells under headings. A row that is short is filled up, one that is long is cut."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        columns = tuple(_kept(cell) for cell in self.columns[:TABLE_COLUMNS_MAX])
        empty = ("",) * len(columns)
        msgspec.structs.force_setattr(self, "columns", columns)
        msgspec.structs.force_setattr(
            self,
            "rows",
            tuple(
                tuple(_kept(cell) for cell in (row + empty)[: len(columns)])
                for row in self.rows[:TABLE_ROWS_MAX]
            ),
        )


class _Code(_Block, frozen=True):
    """Half a code is worth nothing: what is too long is not printed at all."""

    data: str

    def __post_init__(self) -> None:
        data = self.data.encode(errors="replace")
        kept = data.decode() if len(data) <= CODE_BYTES_MAX else ""
        msgspec.structs.force_setattr(self, "data", kept)


class Barcode(_Code, frozen=True, tag="barcode"):
    """`data` as bars: the number of a sale or an order. What bars cannot hold is a QR code."""


class Qr(_Code, frozen=True, tag="qr"):
    """`data` as a QR code."""


class Logo(_Block, frozen=True, tag="logo"):
    """The store's picture."""


Block = Text | Pair | Rule | Gap | Table | Barcode | Qr | Logo


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One piece of paper, from the first line to the cut.

    `copy_mark` says in words that this is not the first paper of its kind ("COPY", "POSSIBLE
    DUPLICATE"); None on the first. It is printed bold at both ends, so that neither half of a torn
    receipt passes for an original.
    """

    language: Language
    blocks: Annotated[tuple[Block, ...], Meta(max_length=BLOCKS_MAX)]
    copy_mark: str | None = None

    def __post_init__(self) -> None:
        if self.copy_mark is not None:
            msgspec.structs.force_setattr(self, "copy_mark", _kept(self.copy_mark))

    @property
    def direction(self) -> Direction:
        """Which way its lines run."""
        return "rtl" if self.language == "ar" else "ltr"

    def marked_blocks(self) -> tuple[Block, ...]:
        """The blocks with the copy mark around them."""
        if not self.copy_mark:
            return self.blocks
        mark = Text(self.copy_mark, align="center", strong=True)
        return (mark, *self.blocks, mark)


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a printer prints on, and how.

    `columns` count in text, `dots` in pictures. In mode `text` the printer's own letters are used,
    which is fast and Latin only; in mode `raster` all is one picture. A document that runs from
    right to left is a picture in either mode: no code page joins Arabic letters.
    """

    columns: Annotated[int, Meta(ge=COLUMNS_MIN, le=COLUMNS_MAX)] = 42
    dots: Dots = 576
    mode: Mode = "text"


def _kept(text: str) -> str:
    """As much of the text as a document keeps; half a letter, which no JSON can hold, as `?`."""
    if len(text) > TEXT_CHARS_MAX:
        text = text[: TEXT_CHARS_MAX - 1] + ELLIPSIS
    return text if text.isascii() else text.encode(errors="replace").decode()
