"""Shopify's product CSV, as it is exported there: products in groups of rows, variants in each.

Rows with the same handle are one of their products and several of ours: each row with a SKU is one
sellable unit. The first row of a handle has what all share (title, description, tags, the names of
the options); a row that has nothing but an image adds it to all.

    theirs                      ours
    --------------------------  -------------------------------------------------------------
    Title                       name, of each variant
    Option1..3 Name, Value      variant; their "Title: Default Title" means that there is none
    Body (HTML)                 description, as plain text
    Type, Tags                  categories
    Image Src, Variant Image    images; the variant's own first
    Variant SKU, Barcode        sku, barcodes; an apostrophe before digits is left out
    Variant Price               price_minor, in the chain's currency
    Cost per item               cost_minor
    Status                      archived; so is a draft, which is not for sale there either

Both generations of column names are known, in any case. Everything else is ignored, and a warning
says so once per column: stock above all, because units come from receipts and never from a file.
What is too long for us (a description, tags, images) is cut with a warning at its row: the file is
accepted as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

from retail.money import EXPONENTS
from retail.product_files.csv_table import Row
from retail.product_files.product_csv_columns import Misread, amount_minor
from retail.product_files.product_sheet import Given, ProductSheet, SheetBuilder, SheetRules
from retail.product_files.row_problems import RowProblems, shown
from retail.products.catalogue import CATEGORIES_MAX, IMAGES_MAX

OPTIONS: Final = (1, 2, 3)
DESCRIPTION_CHARS_MAX: Final = 4_000
CATEGORY_CHARS_MAX: Final = 100

_NAMES: Final[Mapping[str, str]] = {
    "handle": "handle",
    "url handle": "handle",
    "title": "title",
    "body (html)": "body",
    "description": "body",
    "type": "type",
    "tags": "tags",
    "variant sku": "sku",
    "sku": "sku",
    "variant price": "price",
    "price": "price",
    "variant barcode": "barcode",
    "barcode": "barcode",
    "variant taxable": "taxable",
    "charge tax": "taxable",
    "image src": "image",
    "product image url": "image",
    "image position": "image_position",
    "variant image": "variant_image",
    "variant image url": "variant_image",
    "cost per item": "cost",
    "status": "status",
    **{f"option{n} name": f"option{n}_name" for n in OPTIONS},
    **{f"option{n} value": f"option{n}_value" for n in OPTIONS},
}
"""Their column, in small letters, to what we call it here."""

_REQUIRED: Final = {"sku": "Variant SKU", "price": "Variant Price"}
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sku": ("sku",),
    "title": ("name",),
    "price": ("price_minor", "currency"),
    "body": ("description",),
    "type": ("categories",),
    "tags": ("categories",),
    "barcode": ("barcodes",),
    "image": ("images",),
    "variant_image": ("images",),
    "cost": ("cost_minor",),
    "status": ("archived",),
    "option1_value": ("variant",),
}
_STATUSES: Final = frozenset({"active", "archived", "draft"})
_VARIANT_CELLS: Final = ("sku", "price", "barcode", *(f"option{n}_value" for n in OPTIONS))
_ENDS_LINE: Final = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "tr"})
_UNSHOWN: Final = frozenset({"script", "style"})


def is_shopify(header: Sequence[str]) -> bool:
    """Whether the header is one of theirs: ours has no handle."""
    names = {_NAMES.get(name.lower()) for name in header}
    return {"handle", "title"} <= names


@dataclass(slots=True)
class _Group:
    """The rows of one handle: what they share, and the rows that are variants."""

    row: int
    shared: Mapping[str, str]
    images: list[tuple[int, str]] = field(default_factory=list)
    variants: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)


def read_shopify(
    header: Row, rows: Iterable[Row], rules: SheetRules, problems: RowProblems
) -> ProductSheet | None:
    """All variants of a file as products; None where the header lacks a column."""
    names = {name: place for place, name in enumerate(header.cells)}
    roles = {role: name for name in names if (role := _NAMES.get(name.lower())) is not None}
    before = problems.errors
    for name in header.cells:
        if name.lower() not in _NAMES:
            problems.warning(header.number, name, "The column is ignored.")
    for role, name in _REQUIRED.items():
        if role not in roles:
            problems.error(header.number, name, f"Column {name} is missing.")
    if problems.errors > before:
        return None
    places = {role: names[name] for role, name in roles.items()}
    groups, count = _grouped(rows, places, roles, problems)
    reader = _GroupReader(roles, rules, problems)
    for group in groups:
        reader.read(group)
    return reader.builder.sheet(count)


def _grouped(
    rows: Iterable[Row],
    places: Mapping[str, int],
    roles: Mapping[str, str],
    problems: RowProblems,
) -> tuple[Iterable[_Group], int]:
    """The rows by handle, in the order of the first of each; and how many rows there are."""
    groups: dict[str, _Group] = {}
    count = 0
    for row in rows:
        count += 1
        cells = {
            role: cell
            for role, place in places.items()
            if place < len(row.cells) and (cell := row.cells[place].strip())
        }
        handle = cells.get("handle")
        if handle is None:
            problems.error(row.number, roles["handle"], "The cell is empty.")
            continue
        group = groups.get(handle)
        if group is None:
            group = groups[handle] = _Group(row.number, cells)
        if "image" in cells:
            position = cells.get("image_position", "")
            at = int(position) if position.isascii() and position.isdecimal() else 0
            group.images.append((at, cells["image"]))
        if group.row == row.number or any(role in cells for role in _VARIANT_CELLS):
            group.variants.append((row.number, cells))
        elif "image" not in cells:
            problems.error(
                row.number, roles["sku"], "The variant is missing: the row has no SKU and no image."
            )
    return groups.values(), count


class _GroupReader:
    """One handle after another into a `SheetBuilder`."""

    def __init__(self, roles: Mapping[str, str], rules: SheetRules, problems: RowProblems) -> None:
        self._roles = roles
        self._rules = rules
        self._problems = problems
        fields = {
            name: roles[role] for role, names in _FIELDS.items() if role in roles for name in names
        }
        self.builder = SheetBuilder(
            problems, rules, given=Given(fields=frozenset(fields)), columns=fields
        )

    def read(self, group: _Group) -> None:
        """The variants of one handle, each a product."""
        shared = self._shared(group)
        images = [address for _, address in sorted(group.images, key=lambda one: one[0])]
        for row, cells in group.variants:
            if "sku" not in cells:
                self._tell(row, "sku", "The variant has no SKU.")
                continue
            values = {**shared, "sku": _without_apostrophe(cells["sku"])}
            own = [cells["variant_image"]] if "variant_image" in cells else []
            values["images"] = self._first(
                row, "image", list(dict.fromkeys([*own, *images])), IMAGES_MAX
            )
            values["variant"] = self._variant(row, group, cells) or None
            if "barcode" in cells:
                values["barcodes"] = (_without_apostrophe(cells["barcode"]),)
            if cells.get("taxable", "").lower() == "false":
                self._warn(row, "taxable", "The product is taxed here as class standard.")
            values["price_minor"] = self._amount(row, "price", cells) or 0
            values["cost_minor"] = self._amount(row, "cost", cells)
            self.builder.add(row, values)

    def _shared(self, group: _Group) -> dict[str, Any]:
        """What all variants of a handle have in common."""
        cells = group.shared
        if "title" not in cells:
            self._tell(group.row, "title", "The first row of a handle has no title.")
        description = _plain_text(cells.get("body", ""))
        if len(description) > DESCRIPTION_CHARS_MAX:
            self._warn(group.row, "body", f"Cut after {DESCRIPTION_CHARS_MAX} characters.")
            description = description[:DESCRIPTION_CHARS_MAX]
        status = cells.get("status", "active").lower()
        if status not in _STATUSES:
            self._warn(group.row, "status", f"{shown(status)} is taken for active.")
        if status == "draft":
            self._warn(group.row, "status", "A draft there is not for sale: it is archived here.")
        return {
            "name": cells.get("title", "-"),
            "description": description,
            "categories": self._categories(group),
            "currency": self._rules.currency,
            "archived": status in {"archived", "draft"},
        }

    def _categories(self, group: _Group) -> tuple[str, ...]:
        cells = group.shared
        words = [cells.get("type", ""), *cells.get("tags", "").split(",")]
        plain = [word for word in dict.fromkeys(word.strip() for word in words) if word]
        fitting = [word for word in plain if len(word) <= CATEGORY_CHARS_MAX]
        if len(fitting) < len(plain):
            self._warn(
                group.row,
                "tags",
                f"Those of more than {CATEGORY_CHARS_MAX} characters are left out.",
            )
        return self._first(group.row, "tags", fitting, CATEGORIES_MAX)

    def _variant(self, row: int, group: _Group, cells: Mapping[str, str]) -> dict[str, str]:
        """The options of one variant; their names stand in the first row of the handle."""
        options: dict[str, str] = {}
        for number in OPTIONS:
            name = group.shared.get(f"option{number}_name")
            value = cells.get(f"option{number}_value")
            if name is not None and value is not None:
                options[name] = value
            elif value is not None:
                self._tell(row, f"option{number}_value", "The option has no name.")
            elif name is not None and len(group.variants) > 1:
                self._tell(row, f"option{number}_name", f"The variant is missing: no {name}.")
                options[name] = "?"  # stands in for it: one problem is enough
        return {} if options == {"Title": "Default Title"} else options

    def _amount(self, row: int, role: str, cells: Mapping[str, str]) -> int | None:
        if role not in cells:
            if role in _REQUIRED:
                self._tell(row, role, "The cell is empty.")
            return None
        cell, currency = cells[role], self._rules.currency
        if EXPONENTS[currency] == 0 and cell.endswith(".00"):
            cell = cell.removesuffix(".00")  # they write two decimals for every currency
        amount = amount_minor(cell, currency)
        if isinstance(amount, Misread):
            self._tell(row, role, amount.detail)
            return None
        return amount

    def _first(self, row: int, role: str, values: Sequence[str], most: int) -> tuple[str, ...]:
        """The first of the values, as many as fit."""
        if len(values) > most:
            self._warn(row, role, f"There are {len(values)}: the first {most} are taken.")
        return tuple(values[:most])

    def _tell(self, row: int, role: str, detail: str) -> None:
        self._say(self._problems.error, row, role, detail)

    def _warn(self, row: int, role: str, detail: str) -> None:
        self._say(self._problems.warning, row, role, detail)

    def _say(self, tell: Callable[[int, str, str], None], row: int, role: str, detail: str) -> None:
        tell(row, self._roles.get(role, ""), detail)


def _without_apostrophe(cell: str) -> str:
    """Digits that were kept from being taken for a number: an export has `'0123`."""
    return cell[1:] if cell[0] == "'" and cell[1:].isdecimal() else cell


def _plain_text(body: str) -> str:
    """HTML as the text that it shows, a line per paragraph; plain text as it is."""
    if "<" not in body and "&" not in body:
        return body
    shower = _Shower()
    shower.feed(body)
    shower.close()
    lines = (" ".join(line.split()) for line in "".join(shower.texts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Shower(HTMLParser):
    """Keeps the text of a piece of HTML, with the ends of its lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._unshown = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNSHOWN:
            self._unshown += 1
        elif tag in _ENDS_LINE:
            self.texts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSHOWN:
            self._unshown = max(0, self._unshown - 1)
        elif tag in _ENDS_LINE:
            self.texts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unshown:
            self.texts.append(data.replace("\n", " "))
