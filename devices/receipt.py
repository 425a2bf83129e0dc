"""Receipts as values, as lines of text, and as ESC/POS bytes.

A `Receipt` carries words and amounts that are already formatted: what a total is, and how a
currency is written, is decided where sales are made, never here. Rendering is pure:

    Receipt --render_text--> lines of at most N columns --encode_receipt--> bytes for a printer

Every character on a line is one column wide and exists in the printer's code page; what the code
page cannot hold is transliterated (Ł as L, an en dash in another script's digits as 0-9) or shown
as `?`. Nothing in a name can raise, widen a line or reach the printer as a command.

Today's page is Windows-1252, which covers the languages of western Europe. Arabic is printed as a
picture; that is a later step.
"""

import functools
import importlib
import logging
import os
import shutil
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

COLUMNS_MIN: Final = 24
"""Narrower paper is not made for tills: 58 mm holds 32 columns, 80 mm 42 or 48."""

COLUMNS_MAX: Final = 96
"""Wider than any till printer (80 mm in the small font holds 64)."""

CODE_PAGE: Final = "CP1252"
"""ESC t 16. Held by Epson's and by the common compatible printers."""

_PROLOGUE: Final = b"\x1b@\x1c."
"""ESC @ forgets what the job before left switched on; FS . stops printers made for China from
reading two Latin-1 letters as one Chinese one."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """One sold line. `quantity` is "1" for a single piece, which then needs no second row.

    `discounts` say in a row each what was taken off, and are in the total already.
    """

    name: str
    quantity: str
    unit_price: str
    total: str
    discounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptAmount:
    """A labelled amount: a total, a tax, a tender, the change."""

    label: str
    amount: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a customer takes home.

    `copy_mark` says in words that this is not the first paper of its sale ("COPY", "POSSIBLE
    DUPLICATE"); None on the first. It is printed bold at both ends, so that neither half of a
    torn receipt passes for an original.
    """

    header: tuple[str, ...]
    number: str
    lines: tuple[ReceiptLine, ...]
    totals: tuple[ReceiptAmount, ...]
    tenders: tuple[ReceiptAmount, ...]
    footer: tuple[str, ...] = ()
    copy_mark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    text: str
    is_strong: bool = False


def render_text(receipt: Receipt, *, columns: int) -> tuple[str, ...]:
    """Lay the receipt out in lines of at most `columns` characters, without trailing spaces.

    The caller keeps `columns` within `COLUMNS_MIN` and `COLUMNS_MAX`.
    """
    return tuple(row.text for row in _rows(receipt, columns))


def encode_receipt(receipt: Receipt, *, columns: int) -> bytes:
    """The receipt as ESC/POS commands, ending in a cut.

    The first call imports the encoder, which takes most of a second: see `load_encoder`.
    """
    encoder = load_encoder()()
    encoder.magic.force_encoding(CODE_PAGE)
    for row in _rows(receipt, columns):
        if row.is_strong:
            encoder.set(bold=True)
        encoder.textln(row.text)
        if row.is_strong:
            encoder.set(bold=False)
    encoder.cut()
    return _PROLOGUE + bytes(encoder.output)


@functools.cache
def load_encoder() -> Any:  # noqa: ANN401 - python-escpos has no types
    """Import python-escpos, once, and return its `Dummy`: an encoder without a printer.

    Call it in a thread when a program starts. The import parses a large file (0.3 s on a desktop,
    seconds on a small board), adds a handler to the root logger and leaves a temporary directory
    behind; both are taken back here.
    """
    root = logging.getLogger()
    handlers = list(root.handlers)
    dummy = importlib.import_module("escpos.printer").Dummy
    root.handlers[:] = handlers
    if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
        pickle_dir = importlib.import_module("escpos.capabilities").pickle_dir
        shutil.rmtree(pickle_dir, ignore_errors=True)
    return dummy


def printable(text: str) -> str:
    """`text` as the printer can hold it: one column per character, no control characters.

    Control characters become spaces, marks that print nothing (directions, joiners) go, and a
    character without any likeness becomes `?`.
    """
    return "".join(_likeness(char) for char in unicodedata.normalize("NFC", text))


def _likeness(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Cc", "Zl", "Zp", "Zs"}:
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


def _rows(receipt: Receipt, columns: int) -> list[_Row]:
    assert COLUMNS_MIN <= columns <= COLUMNS_MAX
    mark = _centred((receipt.copy_mark,), columns) if receipt.copy_mark else []
    rule = _Row(text="-" * columns)
    rows = [_Row(text=row.text, is_strong=True) for row in mark]
    rows += _centred(receipt.header, columns)
    rows += _centred((receipt.number,), columns)
    rows.append(rule)
    for line in receipt.lines:
        rows += _sold(line, columns)
    rows.append(rule)
    for amount in receipt.totals + receipt.tenders:
        rows += _pair(amount.label, amount.amount, columns, is_strong=amount.is_strong)
    if receipt.footer:
        rows.append(_Row(text=""))
        rows += _centred(receipt.footer, columns)
    rows += [_Row(text=row.text, is_strong=True) for row in mark]
    return rows


def _sold(line: ReceiptLine, columns: int) -> list[_Row]:
    rows = _pair(line.name, line.total, columns)
    # A single piece says its price too where something came off it: the total is another one.
    details = list(line.discounts)
    if line.quantity != "1" or details:
        details.insert(0, f"{line.quantity} x {line.unit_price}")
    for detail in details:
        rows += [_Row(text=f"  {part}") for part in _wrapped(printable(detail), columns - 2)]
    return rows


def _pair(left: str, right: str, columns: int, *, is_strong: bool = False) -> list[_Row]:
    """`left` wrapped as needed, `right` flush right beside its last line, or below it."""
    right = printable(right).strip()
    room = columns - len(right) - 1
    if room < columns // 3:  # an absurdly long amount gets lines of its own
        texts = _wrapped(printable(left), columns)
        texts += [part.rjust(columns) for part in _wrapped(right, columns)]
    else:
        *texts, last = _wrapped(printable(left), room)
        texts.append(f"{last.ljust(room)} {right}")
    return [_Row(text=text.rstrip(), is_strong=is_strong) for text in texts]


def _centred(texts: tuple[str, ...], columns: int) -> list[_Row]:
    parts = [part for text in texts for part in _wrapped(printable(text), columns)]
    return [_Row(text=part.center(columns).rstrip()) for part in parts]


def _wrapped(text: str, columns: int) -> list[str]:
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
