"""The feed's way into the shop, on the writer thread: documents merged, rows rebuilt, cursor kept.

A product comes as a record, for head office alone writes it; whatever a store writes too comes as a
document (`docs/decisions/0019`).

Items and cursor are one commit, so that a cut in between repeats items (harmless) and never skips
one. An item that does not load is set aside with its reason in the log and on the status page;
everything else of the batch goes on.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from gateway.link import removals
from gateway.link.cursor import CURSOR
from gateway.link.lending import check_grant, take_grant
from gateway.lives import earlier_returns, earlier_stock, restoring, told_twice
from gateway.ordering import orders
from gateway.prices.price_changes import PriceChanges
from gateway.shop import SETTINGS, TAXES, Shop
from gateway.stockroom import transfers
from replication import feed
from replication.adapters.sqlite import ReplicaStore
from replication.document import EntityDocument, actor_for, is_document
from replication.errors import DocumentCorrupt, PeerViolation
from replication.escrow import CellChange
from replication.feed import FeedItem
from retail.chain_settings import ChainSettings
from retail.documents import DocumentUnfit, order_of, product_of, product_told
from retail.prices.price_rises import KeptPriceList, taken_in
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.products.embedded import LabelTable, PatternUnfit
from retail.rule_records import price_list_told, promotion_told

log: Final = logging.getLogger(__name__)

CATCH_UP: Final = "catch_up"
"""The meta row with how far this gateway is behind, while it is; it outlives cuts and starts."""


class CatchUp(NamedTuple):
    """Items taken in since this gateway fell behind, and those still to come; both 0 when even."""

    taken: int
    ahead: int


EVEN: Final = CatchUp(0, 0)


def catch_up(store: ReplicaStore) -> CatchUp:
    """How far this gateway is behind, as it last heard."""
    known = store.meta(CATCH_UP)
    return EVEN if known is None else msgspec.json.decode(known, type=CatchUp)


def apply(
    shop: Shop, items: Sequence[FeedItem], position: int, ahead: int | None = None
) -> CatchUp:
    """Take in a batch of the feed; the caller acknowledges `position` after the commit.

    `ahead` is how many items the hub has besides, if it says so. An item is read as a whole before
    anything of it is done: what cannot be read is set aside, and what breaks while it is done takes
    the whole batch back.
    """
    changes = PriceChanges(shop)
    told: list[Product] = []
    earlier: list[str] = []
    for item in items:
        try:
            take_in = _read(shop, item, changes) if item.data else removals.read(shop, item)
        except (DocumentCorrupt, DocumentUnfit, PeerViolation, msgspec.DecodeError) as error:
            log.warning(
                "feed item set aside: %s", error,
                extra={"action": "item_set_aside", "kind": item.kind, "key": item.key},
            )  # fmt: skip
            shop.set_aside(item.kind, item.key, str(error))
        else:
            if isinstance(take_in, Product):
                told.append(take_in)
                continue
            _keep_products(shop, told, changes)
            told = []
            _note_rule(shop, item, changes)
            take_in()
            if item.kind == feed.EARLIER_STOCK and item.data:
                earlier.append(item.key)
    _keep_products(shop, told, changes)
    earlier_stock.say_heard(shop, earlier, position)
    changes.tell()
    shop.store.set_meta(CURSOR, str(position))
    if not ahead:
        restoring.begin_selling(shop)
    return _keep_catch_up(shop, len(items), ahead or 0)


def _keep_catch_up(shop: Shop, taken: int, ahead: int) -> CatchUp:
    before = catch_up(shop.store)
    now = CatchUp(before.taken + taken, ahead) if ahead else EVEN
    if now != before:
        shop.store.set_meta(CATCH_UP, msgspec.json.encode(now).decode())
    return now


def _read(  # noqa: PLR0911, PLR0912 - one return per kind
    shop: Shop, item: FeedItem, changes: PriceChanges
) -> Callable[[], None] | Product:
    """What an item does, ready to be done; or the product that it tells, taken in with others."""
    match item.kind:
        case feed.PRODUCT:
            return _read_product(shop, item, changes)
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
        case feed.EARLIER_STOCK:
            return partial(earlier_stock.take_in, shop, earlier_stock.read(shop, item.data))
        case feed.EARLIER_RETURN:
            record = earlier_returns.read(item.key, item.data)
            return partial(earlier_returns.take_in, shop, record)
        case feed.TOLD_TWICE:
            return partial(told_twice.book_back, shop, told_twice.read(item.key, item.data))
        case feed.TAXES:
            rows, taxes = _taxes_told(item.data)
            return partial(_take_taxes, shop, rows, taxes, changes)
        case feed.SETTINGS:
            settings = msgspec.json.decode(item.data, type=ChainSettings)
            try:
                LabelTable(settings.embedded_barcodes)
            except PatternUnfit as unfit:
                raise DocumentUnfit(f"the chain's settings: {unfit}") from None
            return partial(_take_settings, shop, settings, changes)
        case feed.PRICE_LIST:
            return partial(_take_price_list, shop, price_list_told(item.data, item.key), changes)
        case feed.PROMOTION | feed.LIMITED_PROMOTION:
            return partial(shop.rules.keep, promotion_told(item.data, item.key))
        case unknown:
            raise DocumentUnfit(f"a newer hub sends {unknown!r}, which this program does not know")


def _read_product(
    shop: Shop, item: FeedItem, changes: PriceChanges
) -> Callable[[], None] | Product:
    """A product's record, or its document where a store has a hand in it."""
    if is_document(item.data):
        document, change = merged(shop, item)
        product = product_of(document.fields())
    else:
        document, change = None, b""
        product = product_told(item.data)
    if product.sku != item.key:
        raise DocumentUnfit(f"the item of {item.key} says that it is {product.sku}")
    if document is None:
        return product
    return partial(_take_product, shop, item, document, change, product, changes)


def _take_product(
    shop: Shop,
    item: FeedItem,
    document: EntityDocument,
    change: bytes,
    product: Product,
    changes: PriceChanges,
) -> None:
    shop.store.store_document(item.kind, item.key, document, change)
    _keep_products(shop, [product], changes)


def _keep_products(shop: Shop, products: Sequence[Product], changes: PriceChanges) -> None:
    """Rebuild the rows of products, with few statements for many."""
    before = shop.catalogue.store_many(products, shop.ledger.now_ms)
    for product in products:
        if product.sku in before:
            changes.change_product(before[product.sku], product)


def _note_rule(shop: Shop, item: FeedItem, changes: PriceChanges) -> None:
    """A price list or promotion, or its removal, is about to be taken in."""
    if item.kind in {feed.PROMOTION, feed.LIMITED_PROMOTION}:
        changes.change_offers()
    known = shop.rules.price_lists.get(item.key) if item.kind == feed.PRICE_LIST else None
    if known is not None:
        changes.change_list(known.prices)


def _take_price_list(shop: Shop, told: KeptPriceList, changes: PriceChanges) -> None:
    """Prices that go up here wait for the next business day here (`retail.prices.price_rises`)."""
    known = shop.rules.price_lists.get(told.id)
    changes.change_list(told.prices)
    if known is not None:
        told = taken_in(told, known, shop.catalogue, shop.local_time())
    shop.rules.keep(told)


def _taxes_told(data: bytes) -> tuple[list[TaxRate], TaxTable]:
    rows = msgspec.json.decode(data, type=list[TaxRate])
    try:
        return rows, TaxTable(rows)
    except ValueError as twice:
        raise DocumentUnfit(str(twice)) from None


def _take_taxes(shop: Shop, rows: list[TaxRate], taxes: TaxTable, changes: PriceChanges) -> None:
    changes.change_offers()  # where prices are without it, a basket costs something else
    shop.taxes = taxes
    shop.store.set_meta(TAXES, msgspec.json.encode(rows).decode())


def _take_settings(shop: Shop, settings: ChainSettings, changes: PriceChanges) -> None:
    if settings.tax_rounding != shop.tax_rounding:
        changes.change_offers()
    shop.take_settings(settings)
    shop.store.set_meta(SETTINGS, msgspec.json.encode(settings).decode())


def merged(shop: Shop, item: FeedItem) -> tuple[EntityDocument, bytes]:
    """The item's document merged into ours, in memory, and the change that this is."""
    heard = EntityDocument.load(item.data)
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    ours = shop.store.load_document(item.kind, item.key, actor)
    if ours is None:
        heard.set_actor(actor)
        return heard, item.data
    return ours, ours.merge(heard)
