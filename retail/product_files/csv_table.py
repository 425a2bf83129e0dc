"""A CSV file as rows of cells, strictly: RFC 4180, UTF-8, commas, one header.

Nothing is guessed. A file in another encoding, with another separator or with a quote that nobody
closes is refused with the row where it shows, because a guess that is wrong by one byte is a wrong
name on every receipt. A file that begins with the mark of UTF-8 (BOM) is UTF-8.

    said of the file    how it is recognised
    ----------------    ------------------------------------------------------------------
    UTF-16, UTF-32      by its mark, or by zero bytes at every other place of its beginning
    Latin-1             not UTF-8, and its high bytes stand alone or in pairs, as accented
                        letters do; other code pages (Arabic, Greek) have whole words of them

A row may have fewer cells than the header: spreadsheets leave out empty ones at its end.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Final, NamedTuple

from retail.product_files.row_problems import RowProblems, shown

ROWS_MAX: Final = 250_000
"""Two and a half times the largest catalogue that is measured; 250 MB while it is checked."""

CHUNK_BYTES: Final = 1 << 20
SAMPLE_BYTES: Final = 4_096
TICK_ROWS: Final = 500

_MARKS: Final = (  # the longer ones first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HIGH_WORD: Final = re.compile(rb"[\x80-\xff]{3}")
_LONE_BYTE: Final = re.compile("[\udc80-\udcff]")
_SAVE_AS: Final = 'Save it as "CSV UTF-8".'
_OTHER_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Row(NamedTuple):
    """One row that is not blank, with its number in a spreadsheet."""

    number: int
    cells: list[str]


class _Contents(NamedTuple):
    """What a look through the bytes found."""

    is_utf_8: bool
    has_nul: bool
    has_high_words: bool


def read_rows(file: IO[bytes], problems: RowProblems, tick: Callable[[int], None]) -> Iterator[Row]:
    """The rows of a file that can be sought, header first; ends at what makes the rest a guess.

    Cells with a zero byte and rows with more cells than the header are told, and left out. `tick`
    is told the row number now and then; what it raises ends the reading.
    """
    file.seek(0)
    sample = file.read(SAMPLE_BYTES)
    if (encoding := _wide_encoding(sample)) is not None:
        problems.error(1, "", f"The file is {encoding}, and only UTF-8 is read. {_SAVE_AS}")
        return
    contents = _look_through(file)
    if not contents.is_utf_8:
        _tell_encoding(file, problems, contents)
        return
    header: list[str] = []
    for row in _records(file, problems, errors="strict"):
        if row.number % TICK_ROWS == 0:
            tick(row.number)
        if row.number > ROWS_MAX:
            problems.error(row.number, "", f"The file has more than {ROWS_MAX} rows: split it.")
            return
        if contents.has_nul and any("\0" in cell for cell in row.cells):
            problems.error(row.number, _column_with(row, header, "\0"), "There is a NUL byte.")
        elif not header:
            header = _header(row, problems)
            if not header:
                return
            yield Row(row.number, header)
        elif len(row.cells) > len(header) and any(map(str.strip, row.cells[len(header) :])):
            problems.error(
                row.number,
                "",
                f"The row has {len(row.cells)} cells and the header {len(header)}: is there a "
                "comma in a cell that is not in quotes?",
            )
        else:
            yield row
    if not header and not problems.errors:
        problems.error(1, "", "The file is empty: there is not even a header.")


def _records(file: IO[bytes], problems: RowProblems, *, errors: str) -> Iterator[Row]:
    """All records that are not blank; the first one that is no CSV is told and is the last."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors=errors, newline="")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, strict=True), 1):
            if any(cells):
                yield Row(number, cells)
    except csv.Error as broken:
        problems.error(
            number + 1,
            "",
            f"The quotes of a cell that begins in this row do not fit ({broken}): what is in "
            'quotes ends with one, and a quote inside is written twice ("").',
        )
    finally:
        text.detach()


def _header(row: Row, problems: RowProblems) -> list[str]:
    """The names of the columns, or none when they cannot be told apart."""
    names = [cell.strip() for cell in row.cells]
    while names and not names[-1]:
        names.pop()
    if len(names) == 1:
        for mark, words in _OTHER_SEPARATORS.items():
            if mark in names[0]:
                problems.error(row.number, "", f"The cells are separated by {words}: use commas.")
                return []
    for place, name in enumerate(names):
        if not name:
            problems.error(row.number, "", f"Column {place + 1} has no name.")
            return []
        if name in names[:place]:
            problems.error(row.number, name, f"There are two columns {shown(name)}.")
            return []
    return names


def _look_through(file: IO[bytes]) -> _Contents:
    """Read the whole file once as bytes: validity first, so that rows need no second thought."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    is_utf_8, has_nul, has_high_words = True, False, False
    while chunk := file.read(CHUNK_BYTES):
        has_nul = has_nul or b"\0" in chunk
        has_high_words = has_high_words or _HIGH_WORD.search(chunk) is not None
        is_utf_8 = is_utf_8 and _decodes(decoder, chunk, final=False)
    return _Contents(is_utf_8 and _decodes(decoder, b"", final=True), has_nul, has_high_words)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 by its mark; UTF-16 also by the zero bytes beside the commas of a header."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    for zeros, letters in ((sample[1::2], sample[0::2]), (sample[0::2], sample[1::2])):
        if zeros and zeros.count(0) * 2 > len(zeros) and not letters.count(0):
            return "UTF-16"
    return None


def _tell_encoding(file: IO[bytes], problems: RowProblems, contents: _Contents) -> None:
    """Say where the first byte stands that is not UTF-8, and what the file looks like."""
    what = (
        "The file is not UTF-8."
        if contents.has_high_words
        else "The file is not UTF-8; it looks like Latin-1 (Windows-1252)."
    )
    header: list[str] = []
    for row in _records(file, RowProblems(), errors="surrogateescape"):
        header = header or row.cells
        for cell in row.cells:
            if (found := _LONE_BYTE.search(cell)) is not None:
                byte = ord(found[0]) - 0xDC00
                column = _column_with(row, header, found[0])
                problems.error(row.number, column, f"{what} Byte {byte:#x} is none. {_SAVE_AS}")
                return
    problems.error(1, "", f"{what} {_SAVE_AS}")


def _column_with(row: Row, header: list[str], mark: str) -> str:
    """The name of the first column of the row whose cell has `mark` in it, where it has one."""
    named = zip(row.cells, islice(header, len(row.cells)), strict=False)
    name = next((name for cell, name in named if mark in cell), "")
    return "" if _LONE_BYTE.search(name) or "\0" in name else name
