"""Labels on the shelf, on the writer thread: which say another price than the till charges.

Nothing is queued. What a label says is a row, written when somebody says that it was printed; a
label is due where the price of the shelf is another one now, whatever the reason: a product, a
list, the end of a list, the morning of an increase. So nothing is printed twice for two changes,
and nothing for a change that was taken back.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.prices.price_changes import shelf_price
from gateway.shop import Shop
from retail.prices.price_lists import ListPrice
from retail.products.catalogue import Product, Sku
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem

LABELS_PRINTED: Final = "labels_printed"

LABELS_MAX: Final = 1_000
"""Labels of one report: two pages of those that are due."""


class LabelDue(msgspec.Struct, frozen=True, kw_only=True):
    """A label that is to be printed; `printed_minor` is what the present one says, if any."""

    sku: str
    name: str
    barcodes: tuple[str, ...]
    price_minor: int
    price_per_quantity: int
    unit: str
    currency: str
    printed_minor: int | None


class PrintedLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A label that hangs on the shelf now."""

    sku: Sku
    price_minor: ListPrice


class LabelsPrinted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a report, and its record."""

    labels: Annotated[tuple[PrintedLabel, ...], Meta(min_length=1, max_length=LABELS_MAX)]


def due(shop: Shop, products: Sequence[Product]) -> list[LabelDue]:
    """Those of the products whose label is due, in their order."""
    printed = {
        str(sku): int(str(price_minor))
        for sku, price_minor in shop.connection.execute(
            "SELECT sku, price_minor FROM shelf_label "
            "WHERE sku IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode([product.sku for product in products]).decode(),),
        )
    }
    found: list[LabelDue] = []
    for product in products:
        here = shelf_price(shop, product)
        if printed.get(product.sku) == here.price_minor:
            continue
        found.append(
            LabelDue(
                sku=product.sku,
                name=product.name,
                barcodes=product.barcodes,
                price_minor=here.price_minor,
                price_per_quantity=product.price_per_quantity,
                unit=product.unit,
                currency=here.currency,
                printed_minor=printed.get(product.sku),
            )
        )
    return found


def report_printed(shop: Shop, command: Command, report: LabelsPrinted) -> Outcome:
    """Somebody says what labels say now; one that says an old price stays due."""
    known = shop.answered(command)
    if known is not None:
        return known
    if (refused := _unknown(shop, report)) is not None:
        return refused
    for label in report.labels:
        shop.connection.execute(
            "INSERT OR REPLACE INTO shelf_label VALUES (?, ?)", (label.sku, label.price_minor)
        )
    record = msgspec.json.encode(report)
    shop.ledger.append(LABELS_PRINTED, record, actor=command.actor, request=command.mark())
    return Done(201, record)


def _unknown(shop: Shop, report: LabelsPrinted) -> Problem | None:
    for number, label in enumerate(report.labels):
        if label.sku not in shop.catalogue:
            return unknown_product(label.sku, field=f"$.labels[{number}].sku")
    return None
