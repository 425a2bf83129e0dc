"""What goods cost on the shelf, and what follows when that changes, on the writer thread.

The shelf's price is what anybody pays in this shop now: the product's own, or that of the most
specific list for it; a customer group's list is not on any label. When it goes up, the lower one is
kept for the baskets that were open, so that a register may show a price and keep its word without
anybody having to trust a register with prices. Where it goes up because a day came, the lists
themselves say what it was. The change is news for those who show prices.
"""

import datetime
from collections.abc import Iterable
from typing import Final

from gateway.shop import News, Shop
from retail.prices.price_lists import Price
from retail.prices.price_rises import stood_lately
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion

OPEN_BASKET_MS: Final = 12 * 3_600_000
"""A basket is not open for longer than a long business day."""

NAMED_MAX: Final = 100
"""Changed prices that are told one by one; a whole list is told as one piece of news."""

PRICE: Final = "price"
PRICES: Final = "prices"
"""News without a SKU: what baskets cost may be another, so ask for a quote again."""


def shelf_price(shop: Shop, product: Product) -> Price:
    """What the product costs anybody in this shop now."""
    return shop.current_rules().prices.price_of(product, _occasion(shop))


def _occasion(shop: Shop) -> Occasion:
    return Occasion(channel="store", location=shop.location, local_time=shop.local_time())


def offers_changed(shop: Shop) -> None:
    """Tell that a basket may cost something else, whatever is in it."""
    shop.tell(News(type=PRICES))


class PriceChanges:
    """What a batch of the feed does to the prices of the shelf: noted before, told after.

    Lists are arranged anew once for the whole batch, since a new store hears of all of them.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._occasion = _occasion(shop)
        self._rules = shop.current_rules()
        self._before: dict[str, Price] = {}
        self._products: dict[str, Product] = {}
        self._offers = False

    def change_product(self, before: Product, now: Product) -> None:
        """A product that is known becomes another."""
        self._note(before)
        self._products[now.sku] = now

    def change_list(self, skus: Iterable[str]) -> None:
        """What a list says of these SKUs is about to be another."""
        for sku in skus:
            if sku not in self._before and (product := self._shop.catalogue.get(sku)) is not None:
                self._note(product)
                self._products[sku] = product

    def change_offers(self) -> None:
        """A promotion is about to be another."""
        self._offers = True

    def _note(self, product: Product) -> None:
        if product.sku not in self._before:
            price = self._rules.prices.price_of(product, self._occasion)
            self._before[product.sku] = price

    def tell(self) -> None:
        """All is taken in: keep prices that were lower, and tell those that are others now."""
        shop = self._shop
        prices = shop.current_rules().prices
        changed: list[News] = []
        for sku, was in self._before.items():
            now = prices.price_of(self._products[sku], self._occasion)
            if was[:2] == now[:2]:
                continue
            if was.price_minor < now.price_minor and was.currency == now.currency:
                _keep(shop, sku, was.price_minor)
            changed.append(News(type=PRICE, sku=sku, price_minor=now.price_minor))
        if len(changed) > NAMED_MAX:
            changed, self._offers = [], True
        for news in changed:
            shop.tell(news)
        if self._offers:
            offers_changed(shop)


def price_to_keep(shop: Shop, product: Product, shown_minor: int) -> int | None:
    """The price that a register showed, if it stood on the shelf lately and is lower; else None."""
    if shown_minor >= shelf_price(shop, product).price_minor:
        return None
    row = shop.connection.execute(
        "SELECT 1 FROM former_price WHERE sku = ? AND price_minor = ? AND until_ms >= ?",
        (product.sku, shown_minor, shop.ledger.now_ms - OPEN_BASKET_MS),
    ).fetchone()
    return shown_minor if row is not None or _stood(shop, product, shown_minor) else None


def _stood(shop: Shop, product: Product, shown_minor: int) -> bool:
    """Whether the price ended by the clock alone: a list's day or hour came."""
    occasion = _occasion(shop)
    since = occasion.local_time - datetime.timedelta(milliseconds=OPEN_BASKET_MS)
    lists = shop.rules.price_lists.values()
    return shown_minor in stood_lately(lists, product, occasion, since)


def _keep(shop: Shop, sku: str, price_minor: int) -> None:
    now_ms = shop.ledger.now_ms
    shop.connection.execute(
        "DELETE FROM former_price WHERE sku = ? AND until_ms < ?", (sku, now_ms - OPEN_BASKET_MS)
    )
    shop.connection.execute(
        "INSERT OR REPLACE INTO former_price VALUES (?, ?, ?)", (sku, price_minor, now_ms)
    )
