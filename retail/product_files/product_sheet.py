"""Products as they stand in a file: each checked by itself and against the rows before it.

What columns a file has is what it says. A product that the catalogue knows keeps everything else:
a file of SKUs, names and prices changes names and prices (`merged`). In a column that is there, an
empty cell is an empty value. Each dialect reads cells into values and hands them to a
`SheetBuilder`, so that a rule about products stands here once, whatever its column is called.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from retail.money import EXPONENTS
from retail.prices.price_floors import NO_FLOORS, PriceFloors
from retail.product_files.row_problems import RowProblems, shown
from retail.products.barcodes import index_key
from retail.products.catalogue import (
    BARCODES_MAX,
    BUNDLE_LINES_MAX,
    CATEGORIES_MAX,
    IMAGES_MAX,
    PRICE_MINOR_MAX,
    QUANTITY_MAX,
    VARIANT_OPTIONS_MAX,
    Product,
    Translation,
    check_product,
)

RULES: Final[Mapping[str, str]] = {
    "sku": "A SKU has 1 to 64 printable characters, no / or ; in it and no space at its ends.",
    "name": "A name has 1 to 200 characters, and not only spaces.",
    "price_minor": f"A price is at most {PRICE_MINOR_MAX} minor units.",
    "currency": "A currency is three capital letters.",
    "tax_class": "A tax class has up to 32 small letters, digits, - and _.",
    "barcodes": f"There are up to {BARCODES_MAX} barcodes of 1 to 64 printable characters.",
    "safety_stock": f"A safety stock is a whole number up to {QUANTITY_MAX}.",
    "stock_policy": "A stock policy is strict, tolerant or untracked.",
    "price_per_quantity": f"A price is for 1 to {QUANTITY_MAX} base units.",
    "unit": "A unit is piece, g, ml or cm.",
    "cost_minor": f"A cost is at most {PRICE_MINOR_MAX} minor units.",
    "description": "A description has up to 4000 characters.",
    "categories": f"There are up to {CATEGORIES_MAX} categories of 1 to 100 printable characters.",
    "images": f"There are up to {IMAGES_MAX} images: addresses of up to 500 characters, no spaces.",
    "variant": f"A variant has up to {VARIANT_OPTIONS_MAX} options: names of up to 64 characters, "
    "values of up to 200.",
    "bundle": f"A bundle has up to {BUNDLE_LINES_MAX} lines, each a SKU and 1 to {QUANTITY_MAX}.",
    "translations": "A translated name has 1 to 200 characters, a description up to 4000.",
}
"""What fits into a field, as a sentence for whoever filled in the cell."""

_ROUNDED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]+")
"""A long number that a spreadsheet shows, and saves, in powers of ten."""

_TYPES: Final = {one.name: one.type for one in msgspec.structs.fields(Product)}
_convert = msgspec.convert


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRules:
    """What the chain allows: its one currency, the tax classes that have a rate, its lowest prices.

    `floors` are those of the promotions that there are.
    """

    currency: str
    tax_classes: frozenset[str]
    floors: PriceFloors = NO_FLOORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a file says about each product: fields of `Product`, and languages.

    Attributes:
        fields: names of fields, without `translations`.
        languages: tag to whether the file has descriptions in it too; it always has names.
    """

    fields: frozenset[str]
    languages: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SheetProduct:
    """A product and the row that it stands in."""

    row: int
    product: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSheet:
    """All products of a file, by SKU, in its order.

    Attributes:
        rows: how many rows the file has, without the header and blank ones.
        columns: what the columns of a product's fields are called in this file.
        barcodes: index key to the SKU that has it in this file.
        look_alikes: pairs of SKUs that differ by case or spaces only, the later one first.
    """

    rows: int
    given: Given
    columns: Mapping[str, str]
    products: Mapping[str, SheetProduct]
    barcodes: Mapping[str, str]
    look_alikes: tuple[tuple[str, str], ...]


def merged(current: Product | None, read: Product, given: Given) -> Product:
    """The catalogue's product with what the file says about it; the file's own when it is new."""
    if current is None:
        return read
    fields = {name: getattr(read, name) for name in given.fields}
    if not fields.get("variant") and not current.variant:
        fields["variant"] = current.variant  # a cell cannot tell no options from none at all
    if given.languages:
        fields["translations"] = _merged_translations(current, read, given.languages)
    return msgspec.structs.replace(current, **fields)


def _merged_translations(
    current: Product, read: Product, languages: Mapping[str, bool]
) -> dict[str, Translation]:
    translations = dict(current.translations)
    for language, has_description in languages.items():
        before = translations.pop(language, None)
        said = read.translations.get(language)
        if said is None:
            continue
        kept = before.description if before is not None and not has_description else ""
        translations[language] = Translation(name=said.name, description=said.description or kept)
    return translations


def folded(sku: str) -> str:
    """What two SKUs share that people cannot tell apart: no case, no spaces."""
    return "".join(sku.split()).casefold()


class SheetBuilder:
    """Takes in products row by row and checks what can be checked without the catalogue."""

    def __init__(
        self,
        problems: RowProblems,
        rules: SheetRules,
        *,
        given: Given,
        columns: Mapping[str, str],
    ) -> None:
        self._problems = problems
        self._rules = rules
        self._given = given
        self._columns = columns
        self._products: dict[str, SheetProduct] = {}
        self._barcodes: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self._look_alikes: list[tuple[str, str]] = []
        self._nameless: dict[str, list[int]] = {}
        self._with_variants: set[str] = set()

    def add(self, row: int, values: Mapping[str, Any]) -> None:
        """One product as field values; every problem that it has is told under its column."""
        try:
            product = _convert(values, Product)
        except msgspec.ValidationError:
            self._tell_misfits(row, values)
            return
        self._check_alone(row, product)
        self._check_among_rows(row, product)

    def sheet(self, rows: int) -> ProductSheet:
        """What was taken in; says which products lack the variant that tells them apart."""
        for name in self._with_variants & self._nameless.keys():
            for row in self._nameless[name]:
                self._problems.warning(
                    row,
                    self._columns.get("variant", ""),
                    f"Other products called {shown(name)} have a variant and this one has none.",
                )
        return ProductSheet(
            rows=rows,
            given=self._given,
            columns=self._columns,
            products=self._products,
            barcodes=self._barcodes,
            look_alikes=tuple(self._look_alikes),
        )

    def _tell_misfits(self, row: int, values: Mapping[str, Any]) -> None:
        """Which of the values do not fit, each told by its rule."""
        for name, value in values.items():
            try:
                _convert(value, _TYPES[name])
            except msgspec.ValidationError:
                what = f"{shown(value)} does not fit. " if isinstance(value, str) else ""
                self._problems.error(row, self._columns.get(name, ""), what + RULES[name])

    def _check_alone(self, row: int, product: Product) -> None:
        for problem in check_product(product):
            column = self._columns.get(problem.field.partition("[")[0], "")
            tell = self._problems.error if problem.severity == "error" else self._problems.warning
            tell(row, column, f"{problem.detail}.")
        if product.currency != self._rules.currency and product.currency in EXPONENTS:
            self._problems.error(
                row,
                self._columns.get("currency", ""),
                f"This chain sells in {self._rules.currency}, not in {product.currency}.",
            )
        if product.tax_class not in self._rules.tax_classes:
            self._problems.error(
                row,
                self._columns.get("tax_class", ""),
                f"There is no tax class {shown(product.tax_class)}.",
            )

        for barcode in product.barcodes:
            if _ROUNDED.fullmatch(barcode):
                self._problems.error(
                    row,
                    self._columns["barcodes"],
                    f"{barcode} is what a spreadsheet makes of a barcode: its digits are lost. "
                    "Have the column as text, and type it anew.",
                )
        if "price_minor" in self._given.fields:
            broken = self._rules.floors.broken_by(product.sku, product.price_minor)
            if broken is not None:
                self._problems.error(row, self._columns.get("price_minor", ""), f"{broken}.")

    def _check_among_rows(self, row: int, product: Product) -> None:
        sku = product.sku
        if (first := self._products.get(sku)) is not None:
            self._problems.error(
                row, self._columns["sku"], f"SKU {sku} stands in row {first.row} already."
            )
            return
        self._products[sku] = SheetProduct(row, product)
        if (alike := self._folded.setdefault(folded(sku), sku)) != sku:
            self._look_alikes.append((sku, alike))
        for barcode in product.barcodes:
            owner = self._barcodes.setdefault(index_key(barcode), sku)
            if owner != sku:
                self._problems.error(
                    row,
                    self._columns["barcodes"],
                    f"Barcode {barcode} belongs to {owner} in row "
                    f"{self._products[owner].row} already.",
                )
        if product.variant:
            self._with_variants.add(product.name)
        else:
            self._nameless.setdefault(product.name, []).append(row)
