"""What the feed takes away again, on the writer thread: items in which this location has no part.

A removal is only believed where nothing of ours would be lost: units that this gateway has custody
of, or goods that it sent or took in, are never forgotten on somebody's word (E9). The rows of
allocations stay in any case: each of them ends once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from gateway.lives import earlier_returns
from gateway.shop import News, Shop
from replication import feed
from replication.feed import FeedItem
from retail.documents import DocumentUnfit
from retail.stock.transfers import TransferStatus


def read(shop: Shop, item: FeedItem) -> Callable[[], None]:
    """What a removal does, ready to be done.

    Raises:
        DocumentUnfit: nothing of this kind is taken away, or this one may not be.
    """
    check_and_remove = _BY_KIND.get(item.kind)
    if check_and_remove is None:
        raise DocumentUnfit(f"nothing of the kind {item.kind} is taken away")
    check, remove = check_and_remove
    check(shop, item.key)
    return partial(remove, shop, item.key)


def _check_order(shop: Shop, order: str) -> None:
    """Units that wait here, or left from here, are this location's part in an order."""
    kept = shop.connection.execute(
        "SELECT id FROM allocation WHERE order_id = ? AND state <> 'released' LIMIT 1", (order,)
    ).fetchone()
    if kept is not None:
        raise DocumentUnfit(f"order {order} has the units of {kept[0]} here")


def _remove_order(shop: Shop, order: str) -> None:
    shop.store.remove_document(feed.ORDER, order)
    shop.connection.execute("DELETE FROM shop_order WHERE id = ?", (order,))
    shop.tell(News(type="order.changed", order=order))


def _check_transfer(shop: Shop, transfer: str) -> None:
    """What has left or come is history."""
    row = shop.connection.execute(
        "SELECT status FROM transfer WHERE id = ?", (transfer,)
    ).fetchone()
    if row is not None and row[0] != TransferStatus.NEW:
        raise DocumentUnfit(f"transfer {transfer} is {row[0]} already")


def _remove_transfer(shop: Shop, transfer: str) -> None:
    shop.store.remove_document(feed.TRANSFER, transfer)
    shop.connection.execute("DELETE FROM transfer WHERE id = ?", (transfer,))


def _check_product(_shop: Shop, _sku: str) -> None:
    """Which products a location sells is head office's to say; stock and sales stay as they are."""


def _remove_product(shop: Shop, sku: str) -> None:
    shop.store.remove_document(feed.PRODUCT, sku)
    shop.catalogue.remove(sku)


def _check_rule(_shop: Shop, _rule: str) -> None:
    """What is offered is head office's to say; sales keep the prices that they were made at."""


def _remove_price_list(shop: Shop, price_list: str) -> None:
    shop.rules.remove(feed.PRICE_LIST, price_list)


def _remove_promotion(shop: Shop, promotion: str) -> None:
    shop.rules.remove(feed.PROMOTION, promotion)


_Work = Callable[[Shop, str], None]


def _nothing(_shop: Shop, _key: str) -> None:
    """Whatever is here may be taken away; what was booked back stays booked."""


_BY_KIND: Final[Mapping[str, tuple[_Work, _Work]]] = {
    feed.PRODUCT: (_check_product, _remove_product),
    feed.ORDER: (_check_order, _remove_order),
    feed.TRANSFER: (_check_transfer, _remove_transfer),
    feed.PRICE_LIST: (_check_rule, _remove_price_list),
    feed.PROMOTION: (_check_rule, _remove_promotion),
    feed.LIMITED_PROMOTION: (_check_rule, _remove_promotion),
    feed.TOLD_TWICE: (_nothing, _nothing),
    feed.EARLIER_RETURN: (_nothing, earlier_returns.take_away),
}
"""What is checked before a removal is believed, and what it does."""
