"""A document as lines of text: what a printer's own letters say, and what an e-receipt says.

Pure. Every line is at most N columns wide, a `big` one half of that. How a character is written is
an argument: `printable` for a printer's code page, `legible` for a screen.

Arabic is printed as a picture (`devices.picture`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, assert_never

import msgspec

from devices.paper import (
    COLUMNS_MAX,
    COLUMNS_MIN,
    Align,
    Barcode,
    Block,
    Document,
    Gap,
    Logo,
    Pair,
    Qr,
    Rule,
    Table,
    Text,
)

INDENT: Final = 2

LINES_MAX: Final = 10_000
"""Of one document: 40 m of paper. A sale of 1,000 lines with a discount each has some 3,000. What
is beyond is left out, and three dots say so. As pictures they take some ten seconds to draw."""

Writing = Callable[[str], str]
"""What a text becomes on its medium, one column per character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. Its text has no trailing spaces; a `big` letter is two columns wide."""

    text: str
    strong: bool = False
    big: bool = False


Symbol = Barcode | Qr | Logo
"""What is a picture also among letters."""


def lines_of(document: Document, columns: int, write: Writing) -> Iterator[Line | Symbol]:
    """Lay the document out in lines of at most `columns` characters.

    The caller keeps `columns` within `COLUMNS_MIN` and `COLUMNS_MAX`.
    """
    assert COLUMNS_MIN <= columns <= COLUMNS_MAX
    number = 0
    for block in document.marked_blocks():
        for line in _lines(block, columns, write):
            number += 1
            if number > LINES_MAX:
                yield Line(text="...")
                return
            yield line


def text_of(document: Document, columns: int, write: Writing) -> tuple[str, ...]:
    """The document as plain text, all letters of one size; of pictures only a barcode's number."""
    blocks = tuple(
        msgspec.structs.replace(block, big=False) if isinstance(block, Text | Pair) else block
        for block in document.blocks
    )
    plain = msgspec.structs.replace(document, blocks=blocks)
    return tuple(
        line.text if isinstance(line, Line) else write(line.data).center(columns).rstrip()
        for line in lines_of(plain, columns, write)
        if isinstance(line, Line | Barcode)
    )


def _lines(block: Block, columns: int, write: Writing) -> Iterator[Line | Symbol]:
    match block:
        case Text():
            width = columns // 2 if block.big else columns
            indent = INDENT if block.indented else 0
            for part in wrapped(write(block.text), width - indent):
                text = " " * indent + _aligned(part, width - indent, block.align)
                yield Line(text=text.rstrip(), strong=block.strong, big=block.big)
        case Pair():
            width = columns // 2 if block.big else columns
            for text in _pair(write(block.left), write(block.right), width):
                yield Line(text=text, strong=block.strong, big=block.big)
        case Rule():
            yield Line(text="-" * columns)
        case Gap():
            yield Line(text="")
        case Table():
            yield from _table(block, columns, write)
        case Barcode() | Qr() | Logo():
            yield block
        case _:
            assert_never(block)


def _aligned(text: str, columns: int, align: Align) -> str:
    if align == "start":
        return text
    return (text.center(columns) if align == "center" else text.rjust(columns)).rstrip()


def _pair(left: str, right: str, columns: int) -> list[str]:
    """`left` wrapped as needed, `right` flush right beside its last line, or below it."""
    right = right.strip()
    room = columns - len(right) - 1
    if room < columns // 3:  # an absurdly long amount gets lines of its own
        texts = wrapped(left, columns)
        texts += [part.rjust(columns) for part in wrapped(right, columns)]
    else:
        *texts, last = wrapped(left, room)
        texts.append(f"{last.ljust(room)} {right}")
    return [text.rstrip() for text in texts]


def _table(table: Table, columns: int, write: Writing) -> Iterator[Line]:
    """In columns as wide as their widest cell; a table too wide for the paper, cell by cell."""
    rows = [[write(cell).strip() for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    gaps = len(widths) - 1
    spare = columns - sum(widths) - gaps
    if spare >= 0:
        for row in rows:
            yield Line(text=_spread(row, widths, spare))
        return
    heads, *rows = rows
    for row in rows:
        for head, cell in zip(heads, row, strict=True):
            for text in _pair(head, cell, columns):
                yield Line(text=text)


def _spread(cells: list[str], widths: list[int], spare: int) -> str:
    """The cells as one line, the spare columns shared by the gaps between them."""
    text = ""
    gaps = len(cells) - 1
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if place == 0:
            text = cell.ljust(width)
        else:
            gap = 1 + spare * place // gaps - spare * (place - 1) // gaps
            text += " " * gap + cell.rjust(width)
    return text.rstrip()


def wrapped(text: str, columns: int) -> list[str]:
    """Break between words where there are some, inside a word that is too long. At least one."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if len(joined) <= columns:
            lines[-1] = joined
            continue
        chunks = [word[at : at + columns] for at in range(0, len(word), columns)]
        lines = chunks if lines == [""] else lines + chunks
    return lines
