"""The feed's way into the shop, on the writer thread: documents merged, rows rebuilt, cursor kept.

Items and cursor are one commit, so that a cut in between repeats items (harmless) and never skips
one. An item that does not load is set aside with its reason in the log; everything else of the
batch goes on.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from gateway import orders, transfers
from gateway.lending import check_grant, take_grant
from gateway.shop import TAXES, News, Shop
from replication import feed
from replication.document import EntityDocument, actor_for
from replication.errors import DocumentCorrupt, PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from retail.catalogue import Product
from retail.documents import DocumentUnfit, order_of, product_of
from retail.tax import TaxRate, TaxTable

log: Final = logging.getLogger(__name__)

CURSOR: Final = "feed_cursor"
"""The meta row with the position of the last item that is committed here."""


def cursor(shop: Shop) -> int:
    """How far this gateway has the hub's feed."""
    return int(shop.store.meta(CURSOR) or "0")


def apply(shop: Shop, items: Sequence[FeedItem], position: int) -> None:
    """Take in a batch of the feed; the caller acknowledges `position` after the commit.

    An item is read as a whole before anything of it is done: what cannot be read is set aside, and
    what breaks while it is done takes the whole batch back.
    """
    for item in items:
        try:
            take_in = _read(shop, item)
        except (DocumentCorrupt, DocumentUnfit, PeerViolation, msgspec.DecodeError) as error:
            log.warning(
                "feed item set aside: %s", error,
                extra={"action": "item_set_aside", "kind": item.kind, "key": item.key},
            )  # fmt: skip
        else:
            take_in()
    shop.store.set_meta(CURSOR, str(position))


def _read(shop: Shop, item: FeedItem) -> Callable[[], None]:
    """What an item does, ready to be done."""
    match item.kind:
        case feed.PRODUCT:
            document, change = merged(shop, item)
            product = product_of(document.fields())
            return partial(_take_product, shop, item, document, change, product)
        case feed.ORDER:
            document, change = merged(shop, item)
            order = order_of(document.fields(), document.events())
            return partial(orders.hear, shop, order, document, change)
        case feed.TRANSFER:
            document, change = merged(shop, item)
            transfer = transfers.read(shop, item.key, document)
            return partial(transfers.hear, shop, transfer, document, change)
        case feed.STOCK:
            cells = msgspec.json.decode(item.data, type=list[CellChange])
            check_grant(shop, cells)
            return partial(take_grant, shop, cells)
        case feed.TAXES:
            return partial(_take_taxes, shop, msgspec.json.decode(item.data, type=list[TaxRate]))
        case unknown:
            raise DocumentUnfit(f"a newer hub sends {unknown!r}, which this program does not know")


def _take_product(
    shop: Shop, item: FeedItem, document: EntityDocument, change: bytes, product: Product
) -> None:
    shop.store.store_document(item.kind, item.key, document, change)
    before = shop.catalogue.get(product.sku)
    shop.catalogue.store(product, shop.ledger.now_ms)
    if before is None or before.price_minor != product.price_minor:
        shop.tell(News(type="price", sku=product.sku, price_minor=product.price_minor))


def _take_taxes(shop: Shop, rows: list[TaxRate]) -> None:
    shop.taxes = TaxTable(rows)
    shop.store.set_meta(TAXES, msgspec.json.encode(rows).decode())


def merged(shop: Shop, item: FeedItem) -> tuple[EntityDocument, bytes]:
    """The item's document merged into ours, in memory, and the change that this is."""
    heard = EntityDocument.load(item.data)
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    ours = shop.store.load_document(item.kind, item.key, actor)
    if ours is None:
        heard.set_actor(actor)
        return heard, item.data
    return ours, ours.merge(heard)
