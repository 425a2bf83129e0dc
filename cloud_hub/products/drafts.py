"""Drafts that stores added, as the hub hears of them, on the writer thread.

A draft's entry is its record; no document comes up from a store. What the store put into its own
document follows from the entry: the same fields, by the actor of the entry's writer and start, are
the same change to the byte. So both ends have one document from its first change on, later edits on
either side merge by field, and nobody writes into it under another's name.
"""

import logging
from typing import Final

from cloud_hub.head_office import HeadOffice
from replication import feed
from replication.document import EntityDocument, actor_for
from replication.ids import WriterId, entry_id
from replication.journal import EntryBody
from retail.documents import DocumentUnfit, product_of, record_fields
from retail.products.catalogue import Product
from retail.products.drafts import why_no_draft

log: Final = logging.getLogger(__name__)

DRAFT_BYTES_MAX: Final = 16 * 1024
"""A draft's record is about 500 bytes; its longest name and barcode make it 1,500."""


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A store added a product: everyone is told of it.

    The entry is kept whatever comes of this: what it says about a product must not decide whether
    the journal goes on.
    """
    try:
        fields, product = _read(office, body)
    except DocumentUnfit as unfit:
        log.warning(
            "a draft was set aside: %s", unfit,
            extra={"action": "draft_set_aside", "entry": f"{body.writer}-{body.seq}"},
        )  # fmt: skip
        return
    document = EntityDocument.new(actor_for(body.writer, body.boot))
    change = document.put(fields)
    office.store.store_document(feed.PRODUCT, product.sku, document, change)
    office.catalogue.store(product, office.ledger.now_ms)
    office.tell_document(feed.PRODUCT, product.sku, feed.EVERYONE, document)


def _read(office: HeadOffice, body: EntryBody) -> tuple[dict[str, str], Product]:
    """The fields of the store's document, and the product that they are.

    Raises:
        DocumentUnfit: the entry may not make this product.
    """
    record = bytes(body.record)
    if len(record) > DRAFT_BYTES_MAX:
        raise DocumentUnfit(f"a draft of {len(record)} bytes is above {DRAFT_BYTES_MAX}")
    fields = record_fields(record)
    product = product_of(fields)
    entry = entry_id(WriterId(body.writer), body.seq)
    if (refused := why_no_draft(product, entry, office.settings.currency)) is not None:
        raise DocumentUnfit(refused)
    if product.sku in office.catalogue:
        raise DocumentUnfit(f"there is a product {product.sku} already")
    return fields, product
