"""The feed's way into the shop, on the writer thread: documents merged, rows rebuilt, cursor kept.

Items and cursor are one commit, so that a cut in between repeats items (harmless) and never skips
one. An item that does not load is set aside with its reason in the log; everything else of the
batch goes on.
"""

import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway import orders
from gateway.lending import take_grant
from gateway.shop import TAXES, News, Shop
from replication import feed
from replication.document import EntityDocument, actor_for
from replication.errors import DocumentCorrupt, PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from retail.documents import DocumentUnfit, product_of
from retail.tax import TaxRate, TaxTable

log: Final = logging.getLogger(__name__)

CURSOR: Final = "feed_cursor"
"""The meta row with the position of the last item that is committed here."""


def cursor(shop: Shop) -> int:
    """How far this gateway has the hub's feed."""
    return int(shop.store.meta(CURSOR) or "0")


def apply(shop: Shop, items: Sequence[FeedItem], position: int) -> None:
    """Take in a batch of the feed; the caller acknowledges `position` after the commit."""
    for item in items:
        try:
            _apply_one(shop, item)
        except (DocumentCorrupt, DocumentUnfit, PeerViolation, msgspec.DecodeError) as error:
            log.warning(
                "feed item set aside: %s", error,
                extra={"action": "item_set_aside", "kind": item.kind, "key": item.key},
            )  # fmt: skip
    shop.store.set_meta(CURSOR, str(position))


def _apply_one(shop: Shop, item: FeedItem) -> None:
    match item.kind:
        case feed.PRODUCT:
            _apply_product(shop, item)
        case feed.ORDER:
            orders.hear(shop, item.key, merged(shop, item))
        case feed.STOCK:
            take_grant(shop, msgspec.json.decode(item.data, type=list[CellChange]))
        case feed.TAXES:
            shop.taxes = TaxTable(msgspec.json.decode(item.data, type=list[TaxRate]))
            shop.store.set_meta(TAXES, item.data.decode())
        case unknown:
            raise DocumentUnfit(f"a newer hub sends {unknown!r}, which this program does not know")


def _apply_product(shop: Shop, item: FeedItem) -> None:
    product = product_of(merged(shop, item).fields())
    before = shop.catalogue.get(product.sku)
    shop.catalogue.store(product, shop.ledger.now_ms)
    if before is None or before.price_minor != product.price_minor:
        shop.tell(News(type="price", sku=product.sku, price_minor=product.price_minor))


def merged(shop: Shop, item: FeedItem) -> EntityDocument:
    """The item's document, merged into ours and kept."""
    heard = EntityDocument.load(item.data)
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    ours = shop.store.load_document(item.kind, item.key, actor)
    if ours is None:
        heard.set_actor(actor)
        shop.store.store_document(item.kind, item.key, heard, item.data)
        return heard
    shop.store.store_document(item.kind, item.key, ours, ours.merge(heard))
    return ours
