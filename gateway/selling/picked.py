"""What a code means in this store, and what the lines of a register name.

`scanned` is the one answer to "what is this code": a lookup, a sale, a register that hears a scan
and a draft for an unknown barcode all ask it.
"""

import datetime
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.shop import Shop
from retail.products.catalogue import Product, archived_part
from retail.products.embedded import Label, LabelTable, portion_of
from retail.products.scans import Fault, Reading, measure_of, read_scan
from retail.selling.sales import SaleRequestLine
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
    """What a code means: a product, and what the code says besides.

    `label` is the weight or price in it, by the pattern of a scale or as GS1 has it.
    """

    product: Product
    label: Label | None
    reading: Reading


FAULTS: Final = {
    Fault.CHECK_DIGIT: "The check digit is wrong, scan again: ",
    Fault.UNREADABLE: "This GS1 code cannot be read whole, scan again: ",
    Fault.TOO_LONG: "This is longer than any code, scan again: ",
}
"""What to do about a code that nothing has, where its own form shows what is wrong with it."""


def scanned(
    catalogue: Catalogue, labels: LabelTable, code: str, today: datetime.date
) -> Scanned | None:
    """What a code means, or None. Labels come last: a barcode that is a product's own is that.

    `today` is the business date, which dates on the code are read by.
    """
    reading = read_scan(code, today)
    if (product := catalogue.by_code(code)) is not None:
        return Scanned(product, measure_of(reading, product), reading)
    # A scale that prints GS1 codes puts its label's digits where the number goes, a zero before.
    label = labels.match(code if reading.gtin is None else reading.gtin.removeprefix("0"))
    if label is None or (product := catalogue.by_code(label.key)) is None:
        return None
    return Scanned(product, label, reading)


def unknown_code(code: str, reading: Reading, *, field: str | None = None) -> Problem:
    """The answer to a code that means nothing here; it says what is wrong with the code itself."""
    unknown = unknown_product(code, field=field)
    if reading.fault is None:
        return unknown
    return Problem(
        unknown.slug,
        f"{FAULTS[reading.fault]}n{unknown.detail[1:]}",
        members={**unknown.members, "fault": reading.fault.value},
    )


def pick(shop: Shop, asked: Sequence[SaleRequestLine]) -> Picked | Problem:
    """What the lines name, or why the first that cannot be sold cannot.

    A line that names a label counts packs: the label says how much each of them is.
    """
    lines: list[tuple[Product, int]] = []
    amounts: list[int | None] = []
    for number, line in enumerate(asked):
        field = f"$.lines[{number}]"
        found = _found(shop, line, field)
        if isinstance(found, Problem):
            return found
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


def _found(shop: Shop, line: SaleRequestLine, field: str) -> tuple[Product, Label | None] | Problem:
    if line.sku is not None:
        product = shop.catalogue.get(line.sku)
        return unknown_product(line.sku, field=field) if product is None else (product, None)
    code, today = line.barcode or "", shop.business_date()
    found = scanned(shop.catalogue, shop.labels, code, today)
    if found is None:
        return unknown_code(code, read_scan(code, today), field=field)
    return found.product, found.label


def why_archived(sku: str, field: str) -> Problem:
    """The answer to goods that are sold and ordered no more."""
    return Problem(
        Slug.CONFLICT,
        f"{sku} is archived: it is sold no more. It can still be counted and adjusted.",
        members={"sku": sku, "field": field},
    )
