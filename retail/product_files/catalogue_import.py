"""A file of products held against the catalogue: what would be created, changed, left alone.

What counts is the catalogue as it would be afterwards. So the order of rows does not matter, a
bundle may stand above its components, and a barcode may move from one product of the file to
another. Nothing is to be written while any problem is an error.

Products are written in an order in which each step leaves a sound catalogue wherever one exists:
those that give a barcode up come first, and bundles after all that they may contain.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from retail.product_files.product_sheet import ProductSheet, SheetProduct, folded, merged
from retail.product_files.row_problems import RowProblems
from retail.products.barcodes import index_key
from retail.products.catalogue import Product, check_bundle
from retail.products.drafts import DRAFT_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import comes to.

    Attributes:
        writes: the products that are new or differ, as the file has them, in the order of writing.
        plain: how many of `writes` come before the first bundle.
    """

    created: int
    changed: int
    unchanged: int
    writes: tuple[SheetProduct, ...]
    plain: int


def plan_import(
    sheet: ProductSheet,
    catalogue: Iterable[Product],
    by_sku: Mapping[str, Product],
    problems: RowProblems,
) -> ImportPlan:
    """Hold the sheet against the catalogue.

    It is read once from end to end, and `by_sku` is asked for components of bundles only.
    """
    known = _Known(sheet, problems)
    for product in catalogue:
        known.take(product)
    known.tell_look_alikes()
    known.tell_new_drafts()
    after = {sku: known.after.get(sku, entry.product) for sku, entry in sheet.products.items()}
    _check_bundles(sheet, after, by_sku, known.containing, problems)
    writes = [
        entry
        for sku, entry in sheet.products.items()
        if sku not in known.after or sku in known.differing
    ]
    writes.sort(
        key=lambda one: (bool(after[one.product.sku].bundle), one.product.sku not in known.giving)
    )
    created = len(sheet.products) - len(known.after)
    return ImportPlan(
        created=created,
        changed=len(known.differing),
        unchanged=len(known.after) - len(known.differing),
        writes=tuple(writes),
        plain=sum(not after[one.product.sku].bundle for one in writes),
    )


class _Afterwards(Mapping[str, Product]):
    """The catalogue as it would be: the sheet's products before those that are there."""

    def __init__(self, after: Mapping[str, Product], by_sku: Mapping[str, Product]) -> None:
        self._after = after
        self._by_sku = by_sku

    def __getitem__(self, sku: str) -> Product:
        return self._after[sku] if sku in self._after else self._by_sku[sku]

    def __iter__(self) -> Iterator[str]:
        return iter(self._after.keys() | self._by_sku.keys())

    def __len__(self) -> int:
        return len(self._after.keys() | self._by_sku.keys())


class _Known:
    """What the catalogue says about the sheet's products, gathered in one pass.

    Attributes:
        after: products of both, as they would be; `differing` are the SKUs that would change.
        giving: SKUs that give up a barcode.
        containing: component in the sheet to a bundle outside of it.
    """

    def __init__(self, sheet: ProductSheet, problems: RowProblems) -> None:
        self.after: dict[str, Product] = {}
        self.differing: set[str] = set()
        self.giving: set[str] = set()
        self.containing: dict[str, str] = {}
        self._sheet = sheet
        self._problems = problems
        self._folded = {folded(sku): sku for sku in sheet.products}
        self._look_alikes = list(sheet.look_alikes)
        self._has_barcodes = "barcodes" in sheet.given.fields

    def take(self, current: Product) -> None:
        """One product of the catalogue."""
        entry = self._sheet.products.get(current.sku)
        if entry is None:
            self._take_outsider(current)
            return
        after = self.after[current.sku] = merged(current, entry.product, self._sheet.given)
        if after.draft and not current.draft:
            self._tell(current.sku, "draft", "A draft is made by a store.")
        if after != current:
            self.differing.add(current.sku)
            if self._has_barcodes and not set(current.barcodes) <= set(after.barcodes):
                self.giving.add(current.sku)

    def _take_outsider(self, current: Product) -> None:
        """A product that the sheet does not have: it keeps its SKU, barcodes and components."""
        if (alike := self._folded.get(folded(current.sku))) is not None:
            self._look_alikes.append((alike, current.sku))
        for line in current.bundle:
            if line.sku in self._sheet.products:
                self.containing[line.sku] = current.sku
        for barcode in current.barcodes if self._sheet.barcodes else ():
            if (sku := self._sheet.barcodes.get(index_key(barcode))) is not None:
                self._tell(sku, "barcodes", f"Barcode {barcode} belongs to {current.sku} already.")

    def tell_new_drafts(self) -> None:
        """What the catalogue does not know is complete: only stores make drafts."""
        for sku, entry in self._sheet.products.items():
            if sku in self.after:
                continue
            if sku.startswith(DRAFT_PREFIX):
                self._tell(sku, "sku", f"There is no draft {sku}: stores give these SKUs.")
            elif entry.product.draft:
                self._tell(sku, "draft", "A draft is made by a store.")

    def tell_look_alikes(self) -> None:
        """Two SKUs that look alike are refused, unless both are in the catalogue already."""
        for sku, alike in self._look_alikes:
            detail = f"SKU {sku} differs from {alike} by case or spaces only."
            is_old = sku in self.after and (
                alike in self.after or alike not in self._sheet.products
            )
            row = self._sheet.products[sku].row
            tell = self._problems.warning if is_old else self._problems.error
            tell(row, self._sheet.columns["sku"], detail)

    def _tell(self, sku: str, field: str, detail: str) -> None:
        row = self._sheet.products[sku].row
        self._problems.error(row, self._sheet.columns.get(field, ""), detail)


def _check_bundles(
    sheet: ProductSheet,
    after: dict[str, Product],
    by_sku: Mapping[str, Product],
    containing: Mapping[str, str],
    problems: RowProblems,
) -> None:
    """Bundles as they would be, and what other bundles of the catalogue rely on."""
    column = sheet.columns.get("bundle", "")
    everything = _Afterwards(after, by_sku)
    for sku, product in after.items():
        if not product.bundle:
            continue
        contained_in = [containing[sku]] if sku in containing else []
        for problem in check_bundle(sku, product, everything, contained_in):
            tell = problems.error if problem.severity == "error" else problems.warning
            tell(sheet.products[sku].row, column, f"{problem.detail}.")
