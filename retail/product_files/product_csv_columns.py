r"""The columns of our product CSV: how each cell is read, and how it is written.

A cell with several values has bars between them; `\` before a character takes it as it is, so that
a barcode, a category or a name may have bars in it. Spaces around a value do not count.

    barcodes        5901234123457|96385074
    variant         size=1 l|milk=whole
    bundle          tea*2|cup*1
    price, cost     major units with a point and no more decimals than the currency has: 12.50

**Formula injection.** A spreadsheet runs a cell that begins with `= + - @`, TAB or CR. Such a cell
is written with an apostrophe before it and loses exactly that one when it is read. A cell that
begins with apostrophes before such a character gets one more and loses one, so every text comes
back as it was. A negative number is no exception, because there is none: no quantity, price or cost
here is below zero.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from retail.money import exponent, format_minor
from retail.product_files.row_problems import shown
from retail.products.catalogue import Product

SEPARATOR: Final = "|"
NAME_IN: Final = "name_"
DESCRIPTION_IN: Final = "description_"
"""Columns of translations: `name_ar`, `description_pt-BR`."""

CELLS_CACHED_MAX: Final = 1_024
"""Words and small numbers stand in a column again and again."""

_DANGEROUS: Final = re.compile(r"'*[=+\-@\t\r]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")
_DECIMAL: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]+))?", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MARKS: Final = "\\|"
_NAME_MARKS: Final = "\\|="
"""The backslash first: it is what the others are marked with."""

_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Misread:
    """A cell that is none of its column's values; the sentence says why. Expected, so returned."""

    detail: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column: which field of `Product` it is, and both ways between cell and value.

    `read` gets a cell that is not empty, and the currency that amounts are in.
    """

    name: str
    field: str
    read: Callable[[str, str], Any]
    write: Callable[[Product], str]


def guarded(cell: str) -> str:
    """The cell as it is written: no spreadsheet takes it for a formula. NUL is left out."""
    if "\0" in cell:  # no CSV reader takes it, ours included
        cell = cell.replace("\0", "")
    return "'" + cell if _DANGEROUS.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell


def amount_minor(cell: str, currency: str) -> int | Misread:
    """An amount in major units as minor ones, exactly; `currency` is one that exists."""
    text = cell.strip(" ")
    decimals = exponent(currency)
    found = _DECIMAL.fullmatch(text)
    if found is None:
        if text.startswith(("-", "\N{MINUS SIGN}")):
            return Misread(f"{shown(text)} is negative.")
        return Misread(f"{shown(text)} is not an amount: digits, and a point before the decimals.")
    whole, fraction = found[1], found[2] or ""
    if len(fraction) > decimals:
        return Misread(f"{shown(text)} has more decimals than {currency}, which has {decimals}.")
    return int(whole + fraction.ljust(decimals, "0"))


def _amount(cell: str, currency: str) -> int | Misread:
    return amount_minor(unguarded(cell), currency)


def _text(cell: str, _currency: str) -> str:
    return unguarded(cell)


@lru_cache(CELLS_CACHED_MAX)
def _word(cell: str, _currency: str) -> str:
    return cell.strip(" ")


@lru_cache(CELLS_CACHED_MAX)
def _whole(cell: str, _currency: str) -> int | Misread:
    text = unguarded(cell).strip(" ")
    if _WHOLE.fullmatch(text) is None:
        what = "is negative" if text.startswith("-") else "is not a whole number"
        return Misread(f"{shown(text)} {what}.")
    return int(text)


@lru_cache(CELLS_CACHED_MAX)
def _truth(cell: str, _currency: str) -> bool | Misread:
    word = cell.strip(" ").lower()
    if word in _YES or word in _NO:
        return word in _YES
    return Misread(f"{shown(cell)} is neither true nor false.")


def _many(cell: str, _currency: str) -> tuple[str, ...]:
    return tuple(map(_plain, _split(unguarded(cell), SEPARATOR)))


def _options(cell: str, _currency: str) -> dict[str, str] | Misread:
    options: dict[str, str] = {}
    for part in _split(unguarded(cell), SEPARATOR):
        name, *value = _split(part, "=", most=1)
        plain = _plain(name)
        if not value or not plain or not value[0].strip(" "):
            return Misread(f"{shown(part)} is no variant: an option, = and its value.")
        if plain in options:
            return Misread(f"Option {shown(plain)} is there twice.")
        options[plain] = _plain(value[0])
    return options


def _lines(cell: str, _currency: str) -> list[dict[str, Any]] | Misread:
    """As plain values: a struct that is made here would not be checked again."""
    lines: list[dict[str, Any]] = []
    for part in map(_plain, _split(unguarded(cell), SEPARATOR)):
        sku, mark, quantity = part.rpartition("*")
        if not mark or _WHOLE.fullmatch(quantity) is None:
            return Misread(f"{shown(part)} is no part of a bundle: a SKU, * and how many of it.")
        lines.append({"sku": sku, "quantity": int(quantity)})
    return lines


def _split(cell: str, mark: str, most: int = -1) -> list[str]:
    """The parts between marks, at most `most` cuts; what a backslash stands before is no mark."""
    if "\\" not in cell:
        return cell.split(mark, most)
    parts = [""]
    chars = iter(cell)
    for char in chars:
        if char == "\\":
            parts[-1] += char + next(chars, "")
        elif char == mark and len(parts) - 1 != most:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _plain(part: str) -> str:
    """A part without the spaces around it and without its backslashes."""
    if "\\" not in part:
        return part.strip(" ")
    text = part.strip(" ")
    backslashes = len(text) - len(text.rstrip("\\"))
    if backslashes % 2 and part.rstrip(" ") != part:
        text += " "  # the space that the last one stood before
    return _ESCAPED.sub(r"\1", text)


def _joined(values: Iterable[str]) -> str:
    return SEPARATOR.join(_escaped(value) for value in values)


def _escaped(value: str, marks: str = _MARKS) -> str:
    for mark in marks:
        if mark in value:
            value = value.replace(mark, "\\" + mark)
    if value[:1] == " ":
        value = "\\" + value
    if value[-1:] == " " and value != "\\ ":
        value = value[:-1] + "\\ "
    return value


def _price(product: Product) -> str:
    return format_minor(product.price_minor, product.currency)


def _cost(product: Product) -> str:
    return "" if product.cost_minor is None else format_minor(product.cost_minor, product.currency)


def _variant(product: Product) -> str:
    return SEPARATOR.join(
        f"{_escaped(name, _NAME_MARKS)}={_escaped(value)}"
        for name, value in (product.variant or {}).items()
    )


def _bundle(product: Product) -> str:
    return _joined(f"{line.sku}*{line.quantity}" for line in product.bundle)


COLUMNS: Final = (
    Column("sku", "sku", _text, lambda one: one.sku),
    Column("name", "name", _text, lambda one: one.name),
    Column("currency", "currency", _word, lambda one: one.currency),
    Column("price", "price_minor", _amount, _price),
    Column("tax_class", "tax_class", _word, lambda one: one.tax_class),
    Column("barcodes", "barcodes", _many, lambda one: _joined(one.barcodes)),
    Column("safety_stock", "safety_stock", _whole, lambda one: str(one.safety_stock)),
    Column("stock_policy", "stock_policy", _word, lambda one: one.stock_policy),
    Column("price_per_quantity", "price_per_quantity", _whole,
           lambda one: str(one.price_per_quantity)),
    Column("unit", "unit", _word, lambda one: one.unit),
    Column("cost", "cost_minor", _amount, _cost),
    Column("description", "description", _text, lambda one: one.description),
    Column("categories", "categories", _many, lambda one: _joined(one.categories)),
    Column("images", "images", _many, lambda one: _joined(one.images)),
    Column("variant", "variant", _options, _variant),
    Column("bundle", "bundle", _lines, _bundle),
    Column("archived", "archived", _truth, lambda one: "true" if one.archived else "false"),
    Column("draft", "draft", _truth, lambda one: "true" if one.draft else "false"),
)  # fmt: skip
"""All columns but those of translations, in the order of an export."""

REQUIRED: Final = ("sku", "name", "price")
"""Columns without which a row is no product; their cells are never empty."""
