"""Products out of a CSV file and into one: our own dialect, and the choice of the other.

`read_products` takes a file as it comes, ours or Shopify's (`retail.product_files.shopify_csv`),
and gives all of its products with everything that is wrong, row by row. An export is `MARK`, then
`export_lines` of `export_header` and of `export_cells` of each product:

    C1  reading an export gives the products that were exported, but for two things that a cell
        cannot say: `variant` {} comes back as none, and NUL characters are gone
    C2  no cell of an export begins with what a spreadsheet runs

Columns, cells and the guard against formulas: `retail.product_files.product_csv_columns`.
"""

import csv
import difflib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple

import msgspec

from retail.money import EXPONENTS
from retail.product_files.csv_table import Row, read_rows
from retail.product_files.product_csv_columns import (
    COLUMNS,
    DESCRIPTION_IN,
    NAME_IN,
    REQUIRED,
    Column,
    Misread,
    guarded,
    unguarded,
)
from retail.product_files.product_sheet import Given, ProductSheet, SheetBuilder, SheetRules
from retail.product_files.row_problems import RowProblems, shown
from retail.product_files.shopify_csv import is_shopify, read_shopify
from retail.products.catalogue import Language, Product

MARK: Final = "\ufeff"
"""An export begins with the mark of UTF-8: without it spreadsheets show Arabic as rubbish."""

_COLUMNS: Final = {column.name: column for column in COLUMNS}


def _tick_nothing(_row: int) -> None:
    """Nobody wants to know how far it is."""


def read_products(
    file: IO[bytes],
    rules: SheetRules,
    problems: RowProblems,
    tick: Callable[[int], None] = _tick_nothing,
) -> ProductSheet | None:
    """All products of a file that can be sought; None where its header says that it has none.

    `tick` is told the row number now and then; what it raises ends the reading.
    """
    rows = read_rows(file, problems, tick)
    header = next(rows, None)
    if header is None:
        return None
    if is_shopify(header.cells):
        return read_shopify(header, rows, rules, problems)
    return _read_own(header, rows, rules, problems)


def _read_own(
    header: Row, rows: Iterable[Row], rules: SheetRules, problems: RowProblems
) -> ProductSheet | None:
    before = problems.errors
    languages = _languages(header, problems)
    _check_columns(header, languages, problems)
    if problems.errors > before:
        return None
    reader = _RowReader(header.cells, languages, rules, problems)
    count = 0
    for row in rows:
        count += 1
        reader.read(row)
    return reader.builder.sheet(count)


def _languages(header: Row, problems: RowProblems) -> dict[str, bool]:
    """The languages that the header has names in, and whether there are descriptions too."""
    languages: dict[str, bool] = {}
    for name in header.cells:
        if name in _COLUMNS or not name.startswith((NAME_IN, DESCRIPTION_IN)):
            continue
        language = name.partition("_")[2]
        try:
            msgspec.convert(language, Language)
        except msgspec.ValidationError:
            problems.error(
                header.number, name, f"{shown(language)} is no language such as ar or pt-BR."
            )
            continue
        languages[language] = DESCRIPTION_IN + language in header.cells
        if NAME_IN + language not in header.cells:
            problems.error(
                header.number, name, f"Without {NAME_IN}{language} nothing can be described."
            )
    return languages


def _check_columns(header: Row, languages: Iterable[str], problems: RowProblems) -> None:
    """Tell the columns that are not known, and those that are missing."""
    known = {*_COLUMNS, *_language_columns(languages)}
    for name in header.cells:
        if name not in known and not name.startswith((NAME_IN, DESCRIPTION_IN)):
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f" Is {near[0]} meant?" if near else ""
            problems.error(header.number, name, f"There is no column {shown(name)}.{hint}")
    for name in REQUIRED:
        if name not in header.cells:
            problems.error(header.number, name, f"Column {name} is missing.")


def _language_columns(languages: Iterable[str]) -> list[str]:
    return [prefix + language for language in languages for prefix in (NAME_IN, DESCRIPTION_IN)]


class _Place(NamedTuple):
    """A column at its place in the file."""

    place: int
    name: str
    field: str
    read: Callable[[str, str], Any]


def _place(places: Mapping[str, int], column: Column) -> _Place:
    return _Place(places[column.name], column.name, column.field, column.read)


class _RowReader:
    """Rows of our own dialect, one after another, into a `SheetBuilder`."""

    def __init__(
        self,
        header: Sequence[str],
        languages: dict[str, bool],
        rules: SheetRules,
        problems: RowProblems,
    ) -> None:
        places = {name: place for place, name in enumerate(header)}
        self._problems = problems
        self._rules = rules
        self._width = len(header)
        self._currency = places.get("currency")
        columns = [column for column in COLUMNS if column.name in places]
        # Taken apart here and not per cell: a large file has millions of cells.
        self._amounts = [_place(places, one) for one in columns if one.field.endswith("_minor")]
        self._others = [_place(places, one) for one in columns if not one.field.endswith("_minor")]
        self._translations = [
            (language, places[NAME_IN + language], places.get(DESCRIPTION_IN + language))
            for language in languages
        ]
        fields = {column.field: column.name for column in columns}
        self.builder = SheetBuilder(
            problems,
            rules,
            given=Given(fields=frozenset(fields), languages=languages),
            columns=fields | {"translations": NAME_IN + next(iter(languages), "")},
        )

    def read(self, row: Row) -> None:
        """One row; whatever is wrong in any of its cells is told."""
        cells = row.cells
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        currency = self._currency_of(cells)
        values: dict[str, Any] = {"currency": currency}
        self._read_cells(row, cells, self._others, values)
        if currency in EXPONENTS:  # else the currency is the problem, and the builder tells it
            self._read_cells(row, cells, self._amounts, values)
        if self._translations:
            self._read_translations(row.number, cells, values)
        if "sku" in values:
            # What was told is stood in for, so that the rest of the row is looked at too.
            values.setdefault("name", "-")
            values.setdefault("price_minor", 0)
            self.builder.add(row.number, values)

    def _read_cells(
        self,
        row: Row,
        cells: Sequence[str],
        columns: Iterable[_Place],
        values: dict[str, Any],
    ) -> None:
        """The cells of some columns, into `values`; those that are empty have no value."""
        currency = values["currency"]
        for place, name, field, read in columns:
            if not (cell := cells[place]):
                if name in REQUIRED:
                    self._problems.error(row.number, name, "The cell is empty.")
                continue
            value = read(cell, currency)
            if type(value) is Misread:
                self._problems.error(row.number, name, value.detail)
            else:
                values[field] = value

    def _currency_of(self, cells: Sequence[str]) -> str:
        given = "" if self._currency is None else cells[self._currency].strip(" ")
        return given or self._rules.currency

    def _read_translations(self, row: int, cells: Sequence[str], values: dict[str, Any]) -> None:
        """Names and descriptions in other languages, into `values`."""
        translations = {}
        for language, name_place, place in self._translations:
            name = unguarded(cells[name_place])
            description = "" if place is None else unguarded(cells[place])
            if name:
                translations[language] = {"name": name, "description": description}
            elif description:
                self._problems.error(row, NAME_IN + language, "The name to a description is empty.")
        if translations:
            values["translations"] = translations


def export_header(languages: Iterable[str]) -> list[str]:
    """The names of the columns of an export with these languages in it."""
    return [column.name for column in COLUMNS] + _language_columns(languages)


def export_cells(product: Product, languages: Iterable[str]) -> list[str]:
    """One product as the cells of its row."""
    cells = [guarded(column.write(product)) for column in COLUMNS]
    for language in languages:
        said = product.translations.get(language)
        cells += ("", "") if said is None else (guarded(said.name), guarded(said.description))
    return cells


def export_lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as CSV text: commas, CRLF, quotes where they are needed."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
