"""What goods cost on the shelf, and what follows when that changes, on the writer thread.

The shelf's price is what anybody pays in this shop now: the product's own, or that of the most
specific list for it; a customer group's list is not on any label. When it goes up, the lower one is
kept for the baskets that were open, so that a register may show a price and keep its word without
anybody having to trust a register with prices. The change is news for those who show prices.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from gateway.shop import News, Shop
from retail.catalogue import Product
from retail.occasion import Occasion
from retail.price_lists import Price

OPEN_BASKET_MS: Final = 12 * 3_600_000
"""A basket is not open for longer than a long business day."""

NAMED_MAX: Final = 100
"""Changed prices that are told one by one; a whole list is told as one piece of news."""

PRICE: Final = "price"
PRICES: Final = "prices"
"""News without a SKU: what baskets cost may be another, so ask for a quote again."""


def shelf_price(shop: Shop, product: Product) -> Price:
    """What the product costs anybody in this shop now."""
    occasion = Occasion(channel="store", location=shop.location, local_time=shop.local_time())
    return shop.current_rules().prices.price_of(product, occasion)


def shelf_prices(shop: Shop, products: Iterable[Product]) -> dict[str, Price]:
    """The same of several, by SKU; what is changed next is told by `prices_changed`."""
    return {product.sku: shelf_price(shop, product) for product in products}


def prices_changed(shop: Shop, before: Mapping[str, Price], products: Iterable[Product]) -> None:
    """Tell which of these have another price than before, and keep those that were lower."""
    changed: list[News] = []
    for product in products:
        was, now = before[product.sku], shelf_price(shop, product)
        if was[:2] == now[:2]:
            continue
        if was.price_minor < now.price_minor and was.currency == now.currency:
            _keep(shop, product.sku, was.price_minor)
        changed.append(News(type=PRICE, sku=product.sku, price_minor=now.price_minor))
    for news in changed if len(changed) <= NAMED_MAX else [News(type=PRICES)]:
        shop.tell(news)


@contextmanager
def watched_prices(shop: Shop, skus: Iterable[str]) -> Iterator[None]:
    """Whatever the block does to price lists, what follows for these SKUs is done after it."""
    found = [shop.catalogue.get(sku) for sku in sorted(skus)]
    products = [product for product in found if product is not None]
    before = shelf_prices(shop, products)
    yield
    prices_changed(shop, before, products)


def offers_changed(shop: Shop) -> None:
    """Tell that a basket may cost something else, whatever is in it."""
    shop.tell(News(type=PRICES))


def price_to_keep(shop: Shop, sku: str, shown_minor: int) -> int | None:
    """The price that a register showed, if it stood on the shelf lately; else None."""
    row = shop.connection.execute(
        "SELECT 1 FROM former_price WHERE sku = ? AND price_minor = ? AND until_ms >= ?",
        (sku, shown_minor, shop.ledger.now_ms - OPEN_BASKET_MS),
    ).fetchone()
    return None if row is None else shown_minor


def _keep(shop: Shop, sku: str, price_minor: int) -> None:
    now_ms = shop.ledger.now_ms
    shop.connection.execute(
        "DELETE FROM former_price WHERE sku = ? AND until_ms < ?", (sku, now_ms - OPEN_BASKET_MS)
    )
    shop.connection.execute(
        "INSERT OR REPLACE INTO former_price VALUES (?, ?, ?)", (sku, price_minor, now_ms)
    )
