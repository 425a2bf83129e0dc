"""What the lines of a register name: goods by their SKU, their barcode, or the label of a scale."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.shop import Shop
from retail.catalogue import Product, archived_part
from retail.embedded import Label, LabelTable, portion_of
from retail.sales import SaleRequestLine
from web.catalogue_rows import Catalogue, unknown_product
from web.problems import Problem, Slug


class Picked(NamedTuple):
    """Goods with their quantities, in the order in which they were rung up.

    `amounts_minor` has what is printed on them, per line, None where nothing is; it is empty where
    no line has any.
    """

    lines: list[tuple[Product, int]]
    amounts_minor: tuple[int | None, ...]


class Scanned(NamedTuple):
    """What a code means: a product and, where a scale printed the code, what its label says."""

    product: Product
    label: Label | None


def scanned(catalogue: Catalogue, labels: LabelTable, code: str) -> Scanned | None:
    """What a code means, or None. Labels come last: a barcode that is a product's own is that."""
    if (product := catalogue.by_code(code)) is not None:
        return Scanned(product, None)
    label = labels.match(code)
    if label is None or (product := catalogue.by_code(label.key)) is None:
        return None
    return Scanned(product, label)


def pick(shop: Shop, asked: Sequence[SaleRequestLine]) -> Picked | Problem:
    """What the lines name, or why the first that cannot be sold cannot.

    A line that names a label counts packs: the label says how much each of them is.
    """
    lines: list[tuple[Product, int]] = []
    amounts: list[int | None] = []
    for number, line in enumerate(asked):
        field = f"$.lines[{number}]"
        found = _found(shop, line)
        if found is None:
            return unknown_product(line.sku or line.barcode or "", field=field)
        product, label = found
        if (archived := archived_part(product, shop.catalogue)) is not None:
            return why_archived(archived, field)
        if label is None:
            lines.append((product, line.quantity))
            amounts.append(None)
            continue
        portion = portion_of(label, product, line.quantity)
        if portion is None:
            return Problem.invalid(
                f"The label {line.barcode} says no quantity of {product.sku}: key it in.",
                field=field,
            )
        lines.append((product, portion.quantity))
        amounts.append(portion.total_minor)
    return Picked(lines, () if amounts.count(None) == len(amounts) else tuple(amounts))


def _found(shop: Shop, line: SaleRequestLine) -> Scanned | None:
    if line.sku is None:
        return scanned(shop.catalogue, shop.labels, line.barcode or "")
    product = shop.catalogue.get(line.sku)
    return None if product is None else Scanned(product, None)


def why_archived(sku: str, field: str) -> Problem:
    """The answer to goods that are sold and ordered no more."""
    return Problem(
        Slug.CONFLICT,
        f"{sku} is archived: it is sold no more. It can still be counted and adjusted.",
        members={"sku": sku, "field": field},
    )
