"""Quick-add, on the writer thread: a barcode that nobody knows becomes a product, here and now.

The draft (`retail.products.drafts`) is sold from this moment, also while the store is cut off; its
entry brings it to the hub, and the hub to everyone. Its document begins here, with the change that
the hub makes of the same entry.
"""

from typing import Final

import msgspec

from gateway.selling.picked import scanned
from gateway.shop import Shop
from replication import feed
from replication.document import EntityDocument, actor_for
from replication.ids import entry_id
from retail.documents import record_fields
from retail.prices.tax import ApplicableRate
from retail.products.drafts import DraftRequest, draft_of, why_no_draft
from retail.products.scans import read_scan
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

PRODUCT_DRAFT: Final = "product_draft"


def add(shop: Shop, command: Command, request: DraftRequest) -> Outcome:
    """Add a product for an unknown barcode, or refuse and change nothing.

    Of a GS1 code the draft has the number alone: the next piece has another serial number.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    ledger = shop.ledger
    if (gtin := read_scan(request.barcode, shop.business_date()).gtin) is not None:
        request = msgspec.structs.replace(request, barcode=gtin)
    if shop.settings is None:
        return Problem.unavailable(
            "The hub has not told this store its currency yet.", retry_after_s=5
        )
    if (refused := _why_not(shop, request)) is not None:
        return refused
    entry = entry_id(ledger.writer, ledger.next_seq)
    product = draft_of(request, entry, shop.settings.currency)
    if (unfit := why_no_draft(product, entry, shop.settings.currency)) is not None:
        return Problem.invalid(f"{unfit}.", field="$.barcode")
    record = msgspec.json.encode(product)
    document = EntityDocument.new(actor_for(ledger.writer, ledger.boot))
    change = document.put(record_fields(record))
    shop.store.store_document(feed.PRODUCT, product.sku, document, change)
    shop.catalogue.store(product, ledger.now_ms)
    ledger.append(
        PRODUCT_DRAFT,
        record,
        actor=command.actor,
        reference=product.sku,
        request=command.mark(),
    )
    return Done(201, record)


def _why_not(shop: Shop, request: DraftRequest) -> Problem | None:
    found = scanned(shop.catalogue, shop.labels, request.barcode, shop.business_date())
    if found is not None:
        sku = found.product.sku
        return Problem(
            Slug.CONFLICT, f"Barcode {request.barcode} is {sku} already.", members={"sku": sku}
        )
    if (label := shop.labels.match(request.barcode)) is not None:
        return Problem.invalid(
            f"{request.barcode} is the label of a scale. Head office gives the barcode {label.key} "
            "to the product that was weighed.",
            field="$.barcode",
        )
    rate = shop.taxes.rate_on(request.tax_class, shop.identity.jurisdiction, shop.business_date())
    if not isinstance(rate, ApplicableRate):
        return Problem.invalid(f"There is no tax class {request.tax_class}.", field="$.tax_class")
    return None
