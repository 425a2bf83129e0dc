"""Products, written at the hub, on the writer thread: one owner where there is one truth."""

from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lending import keep_floors
from replication import feed
from replication.document import EntityDocument
from retail.catalogue import ProductBody, check_bundle, check_product, with_sku
from retail.documents import product_fields
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

PRODUCT: Final = "product"


def put_product(office: HeadOffice, command: Command, sku: str, body: ProductBody) -> Outcome:
    """Create or change a product; the stores hear of it by the feed."""
    refused = _refused(office, sku, body)
    if refused is not None:
        return refused
    product = with_sku(body, sku)
    document = office.store.load_document(feed.PRODUCT, sku, office.actor)
    is_new = document is None
    if document is None:
        document = EntityDocument.new(office.actor)
    change = document.put(product_fields(product))
    record = msgspec.json.encode(product)
    if change:
        office.store.store_document(feed.PRODUCT, sku, document, change)
        office.catalogue.store(product, office.ledger.now_ms)
        office.tell_document(feed.PRODUCT, sku, feed.EVERYONE, document)
        office.ledger.append(PRODUCT, record, actor=command.actor, reference=sku)
        for counter in office.counters_of(sku):  # a floor that rose hands back what is above it
            keep_floors(office, office.living_writer(counter.location), [sku])
    return Done(201 if is_new else 200, record)


def _refused(office: HeadOffice, sku: str, body: ProductBody) -> Problem | None:
    found = [
        *check_product(body),
        *check_bundle(sku, body, office.catalogue),
    ]
    for one in found:
        if one.severity == "error":
            return Problem.invalid(f"{one.detail}.", field=f"$.{one.field}")
    if body.currency != office.settings.currency:
        return Problem.invalid(
            f"This chain sells in {office.settings.currency}, not in {body.currency}.",
            field="$.currency",
        )
    if not any(
        row.tax_class == body.tax_class and row.jurisdiction == office.settings.jurisdiction
        for row in office.tax_rows
    ):
        return Problem.invalid(f"There is no tax class {body.tax_class}.", field="$.tax_class")
    for barcode in body.barcodes:
        owner = office.catalogue.owner_of(barcode)
        if owner is not None and owner != sku:
            return Problem(Slug.CONFLICT, f"Barcode {barcode} belongs to {owner} already.")
    return None
