"""What the gateway answers without deciding anything: products, sales, transfers, stock.

Readers have connections of their own and see whole commits (WAL). Stock is told by the writer
thread, whose counters are newer than their rows (`replication.ledger`).
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, Literal

import msgspec

from gateway.prices.price_changes import shelf_price
from gateway.returning.return_rows import BEFORE_ALL
from gateway.selling.picked import Scanned, scanned, unknown_code
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from retail.business_day import date_at, zone_of
from retail.products.catalogue import Product, Translation
from retail.products.embedded import portion_of
from retail.products.scans import Reading, read_scan
from retail.stock.transfers import TransferStatus
from web.catalogue_rows import Catalogue, unknown_product
from web.paging import Cursor, Page, Paged
from web.sale_numbers import sale_named

_SKU: Final = Cursor(tuple[str])
_NUMBER: Final = Cursor(tuple[int])

Direction = Literal["in", "out"]
"""Of a transfer: to this location, or from it."""


class StockView(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU at this location, in base units; `quota` is what this gateway can sell unasked."""

    sku: str
    location: str
    on_hand: int
    available: int
    held: int
    committed: int
    damaged: int
    quality_control: int
    deficit: int
    incoming: int
    safety_stock: int
    quota: int


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product with its price here and now; `translations` has its name in other languages."""

    sku: str
    name: str
    translations: dict[str, Translation]
    unit: str
    price_minor: int
    price_per_quantity: int
    currency: str
    tax_class: str
    barcodes: tuple[str, ...]
    stock_policy: str
    description: str
    variant: dict[str, str] | None
    archived: bool
    draft: bool
    quota: int


class LookupView(ProductView, frozen=True, kw_only=True):
    """What a code means. `quantity` and `line_total_minor` are on the label of a scale, else null.

    A label has a weight, which is the quantity, or a price; what that buys is the quantity then.
    The rest is what a GS1 code says, else null. `is_expired`: the use-by date `expires_on` is past
    on this business day. That is told and refuses nothing: whoever sells sees what is printed.
    """

    quantity: int | None = None
    line_total_minor: int | None = None
    expires_on: datetime.date | None = None
    is_expired: bool | None = None
    best_before: datetime.date | None = None
    batch: str | None = None
    serial: str | None = None


class ProductsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`q` is a part of a name or SKU, or a barcode; with `archived` also what is sold no more."""

    q: str = ""
    archived: bool = False


class LookupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`code` as scanned or typed."""

    code: str


class TransfersQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Transfers in one status or one direction, or all."""

    status: TransferStatus | None = None
    direction: Direction | None = None


class ReturnsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Returns whose goods wait for an inspection (`open`), or that are done, or all.

    `unsettled` are those that came in unverified and wait to be paid for.
    """

    open: bool | None = None
    unsettled: bool = False


class ShopReads:
    """Reads over one connection, which belongs to one thread at a time."""

    def __init__(self, store: ReplicaStore) -> None:
        self.store = store
        self.catalogue = Catalogue(store.connection)

    def product(self, sku: str) -> Product:
        """The product, read anew: a price may have changed a moment ago.

        Raises:
            Problem: unknown-product.
        """
        self.catalogue.forget()
        product = self.catalogue.get(sku)
        if product is None:
            raise unknown_product(sku)
        return product

    def products_page(
        self, text: str, query: Page, *, archived: bool
    ) -> tuple[Sequence[Product], str | None]:
        """Products that match, by SKU, and where the next page begins."""
        place = _SKU.decode(query.cursor)
        self.catalogue.forget()
        found = self.catalogue.search(
            text, place[0] if place else "", query.limit + 1, archived=archived
        )
        page = found[: query.limit]
        return page, _SKU.encode((page[-1].sku,)) if len(found) > query.limit else None

    def transfers_page(self, query: TransfersQuery) -> Paged[msgspec.Raw]:
        """Transfers from and to this location, in the order in which they were heard here."""
        place = _NUMBER.decode(query.cursor)
        rows = self.store.connection.execute(
            "SELECT number, data FROM transfer WHERE number > ?1 AND (?2 IS NULL OR status = ?2) "
            "AND (?3 IS NULL OR direction = ?3) ORDER BY number LIMIT ?4",
            (place[0] if place else 0, query.status, query.direction, query.limit + 1),
        ).fetchall()
        return _numbered(rows, query.limit)

    def sale_id(self, told: str) -> str:
        """The id of the sale that somebody names (`web.sale_numbers`)."""
        return sale_named(self.store, told)

    def returns_page(self, query: ReturnsQuery) -> Paged[msgspec.Raw]:
        """Returns to this shop, oldest first."""
        place = _NUMBER.decode(query.cursor)
        rows = self.store.connection.execute(
            "SELECT number, data FROM goods_return WHERE number > ?1 "
            "AND (?2 IS NULL OR is_open = ?2) AND (NOT ?4 OR json_type(data, '$.unverified') "
            "= 'object' AND data ->> '$.unverified.settled_by' IS NULL) ORDER BY number LIMIT ?3",
            (place[0] if place else BEFORE_ALL, query.open, query.limit + 1, query.unsettled),
        ).fetchall()
        return _numbered(rows, query.limit)

    def goods_return(self, return_id: str) -> bytes | None:
        """One return's JSON, or None when there is none of that id."""
        row = self.store.connection.execute(
            "SELECT data FROM goods_return WHERE id = ?", (return_id,)
        ).fetchone()
        return None if row is None else str(row[0]).encode()

    def transfer(self, number: str) -> bytes | None:
        """One transfer's JSON, or None when it is neither from nor to this location."""
        row = self.store.connection.execute(
            "SELECT data FROM transfer WHERE id = ?", (number,)
        ).fetchone()
        return None if row is None else str(row[0]).encode()


def _numbered(rows: Sequence[tuple[object, ...]], limit: int) -> Paged[msgspec.Raw]:
    """A page of (number, JSON) rows, of which one more than `limit` was asked for."""
    items = [msgspec.Raw(str(data).encode()) for _, data in rows[:limit]]
    last = int(str(rows[limit - 1][0])) if len(rows) > limit else None
    return Paged(items=items, next_cursor=None if last is None else _NUMBER.encode((last,)))


class ScanReader:
    """What codes mean here and now, as committed. For the event loop, like the `reads` it asks."""

    def __init__(self, reads: ShopReads, shop: Shop, wall_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._shop = shop
        self._zone = zone_of(shop.identity.timezone)
        self._wall_ms = wall_ms

    def today(self) -> datetime.date:
        """The business date of this moment."""
        return date_at(self._wall_ms(), self._zone)

    def read(self, code: str) -> Scanned | Reading:
        """What a code means; only what it says by itself where nothing here has it."""
        catalogue, today = self._reads.catalogue, self.today()
        catalogue.forget()
        found = scanned(catalogue, self._shop.labels, code, today)
        return read_scan(code, today) if found is None else found

    def found(self, code: str) -> Scanned:
        """What a code means.

        Raises:
            Problem: unknown-product, with the `fault` of the code where it has one.
        """
        found = self.read(code)
        if isinstance(found, Reading):
            raise unknown_code(code, found)
        return found


def stock_view(shop: Shop, product: Product) -> StockView:
    """One SKU's stock, on the writer thread: all that is decided is in it."""
    counter = shop.counter(product.sku)
    return StockView(
        sku=product.sku,
        location=shop.location,
        incoming=incoming(shop, product.sku),
        safety_stock=product.safety_stock,
        quota=counter.quota(shop.ledger.writer),
        **asdict(counter.levels()),
    )


def incoming(shop: Shop, sku: str) -> int:
    """Units on their way to this location, as far as their senders were heard."""
    row = shop.connection.execute(
        "SELECT coalesce(sum(in_transit), 0) FROM transfer_line WHERE sku = ?", (sku,)
    ).fetchone()
    assert row is not None, "a sum is always one row"
    return int(str(row[0]))


def product_view(shop: Shop, product: Product) -> ProductView:
    """A product as a register shows it, on the writer thread."""
    here = shelf_price(shop, product)
    return ProductView(
        sku=product.sku,
        name=product.name,
        translations=product.translations,
        unit=product.unit,
        price_minor=here.price_minor,
        price_per_quantity=product.price_per_quantity,
        currency=here.currency,
        tax_class=product.tax_class,
        barcodes=product.barcodes,
        stock_policy=product.stock_policy,
        description=product.description,
        variant=product.variant,
        archived=product.archived,
        draft=product.draft,
        quota=shop.quota(product.sku),
    )


def lookup_view(shop: Shop, found: Scanned, today: datetime.date) -> LookupView:
    """What a scanned code means, as a register shows it, on the writer thread."""
    product, label, reading = found
    portion = None if label is None else portion_of(label, product)
    return LookupView(
        **msgspec.structs.asdict(product_view(shop, product)),
        quantity=None if portion is None else portion.quantity,
        line_total_minor=None if portion is None else portion.total_minor,
        expires_on=reading.expires_on,
        is_expired=reading.is_expired(today),
        best_before=reading.best_before,
        batch=reading.batch,
        serial=reading.serial,
    )
