"""The catalogue as it is read: products by SKU and by code, from a replica's own file.

A mapping from SKU to `Product`, filled as products are asked for. It belongs to one thread, like
the connection that it reads from; whoever changes rows calls `forget`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import apsw
import msgspec

from replication.adapters.many_rows import insert_rows, rows_of
from retail.products.barcodes import index_key, lookup_keys
from retail.products.catalogue import Product
from web.problems import Problem, Slug

PRODUCTS_CACHED_MAX: Final = 100_000
"""Some 600 bytes each: 60 MB when a very large shop has sold one of everything."""

_decode = msgspec.json.Decoder(Product).decode


class Catalogue(Mapping[str, Product]):
    """Products, read through; `KeyError` for an unknown SKU."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._products: dict[str, Product] = {}
        self._codes: dict[str, str] = {}
        self._count: int | None = None

    def __getitem__(self, sku: str) -> Product:
        product = self._products.get(sku)
        if product is not None:
            return product
        row = self._connection.execute("SELECT data FROM product WHERE sku = ?", (sku,)).fetchone()
        if row is None:
            raise KeyError(sku)
        if len(self._products) >= PRODUCTS_CACHED_MAX:
            self._products.clear()
        product = self._products[sku] = _decode(row[0])
        return product

    def __iter__(self) -> Iterator[str]:
        return (sku for (sku,) in self._connection.execute("SELECT sku FROM product ORDER BY sku"))

    def __len__(self) -> int:
        if self._count is None:  # 40 ms for 100,000 products
            row = self._connection.execute("SELECT count(*) FROM product").fetchone()
            assert row is not None, "an aggregate always answers"
            self._count = int(str(row[0]))
        return self._count

    def by_code(self, code: str) -> Product | None:
        """The product that a code means: a barcode in any of its forms, or a SKU."""
        if (known := self._codes.get(code)) is not None:
            return self.get(known)
        for key in lookup_keys(code):
            if (owner := self._owner(key)) is not None:
                if len(self._codes) >= PRODUCTS_CACHED_MAX:
                    self._codes.clear()
                self._codes[code] = owner
                return self.get(owner)
        return self.get(code)

    def search(self, text: str, after: str, limit: int, *, archived: bool = True) -> list[Product]:
        """Products with `text` in SKU or name, or as barcode, by SKU after `after`.

        Those that are archived are left out where they are not asked for.
        """
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._connection.execute(
            "SELECT data FROM product WHERE sku > ?1 AND (name LIKE ?2 ESCAPE '\\' "
            "OR sku LIKE ?2 ESCAPE '\\' OR sku IN (SELECT sku FROM barcode WHERE code = ?3)) "
            "AND (?5 OR json_extract(data, '$.archived') IS NOT 1) ORDER BY sku LIMIT ?4",
            (after, pattern, index_key(text) if text else "", limit, archived),
        )
        return [_decode(data) for (data,) in rows]

    def owner_of(self, barcode: str) -> str | None:
        """The SKU that a scan of this barcode means, or None."""
        return self._owner(index_key(barcode))

    def _owner(self, key: str) -> str | None:
        """The SKU that an index key means. Where several have it, it is the one that is sold.

        Two stores may have added drafts of one thing, and a feed brings products one by one. What
        is complete goes before drafts, and who had the barcode first keeps it.
        """
        rows = self._connection.execute(
            "SELECT sku FROM barcode WHERE code = ? ORDER BY number", (key,)
        ).fetchall()
        skus = [str(sku) for (sku,) in rows]
        if len(skus) > 1:
            return min(skus, key=lambda sku: (self[sku].archived, self[sku].draft))
        return skus[0] if skus else None

    def bundles_with(self, sku: str) -> list[str]:
        """The bundles that contain a SKU."""
        rows = self._connection.execute(
            "SELECT DISTINCT product.sku FROM product, json_each(product.data, '$.bundle') AS line "
            "WHERE json_array_length(product.data, '$.bundle') > 0 "
            "AND json_extract(line.value, '$.sku') = ? ORDER BY product.sku",
            (sku,),
        )
        return [str(bundle) for (bundle,) in rows]

    def store(self, product: Product, now_ms: int) -> None:
        """Write one product and its barcodes, in the caller's transaction."""
        self.store_many((product,), now_ms)

    def store_many(self, products: Iterable[Product], now_ms: int) -> dict[str, Product]:
        """Write products and their barcodes with few statements, in the caller's transaction.

        Of a SKU that is named twice the last stands. Returns what stood there before, by SKU.
        """
        latest = {product.sku: product for product in products}
        before = self.among(list(latest))
        keys = {sku: [index_key(code) for code in one.barcodes] for sku, one in latest.items()}
        for sku in before:  # what stays keeps its number, and with it its place (`_owner`)
            self._connection.execute(
                "DELETE FROM barcode "
                "WHERE sku = ? AND code NOT IN (SELECT value FROM json_each(?))",
                (sku, msgspec.json.encode(keys[sku]).decode()),
            )
        insert_rows(
            self._connection,
            "INSERT OR REPLACE INTO product VALUES",
            [
                (sku, one.name, msgspec.json.encode(one).decode(), now_ms)
                for sku, one in latest.items()
            ],
        )
        insert_rows(
            self._connection,
            "INSERT OR IGNORE INTO barcode (code, sku) VALUES",
            [(key, sku) for sku, codes in keys.items() for key in codes],
        )
        if self._count is not None:
            self._count += len(latest) - len(before)
        self._stale(latest)
        return before

    def touch(self, skus: Iterable[str], now_ms: int) -> None:
        """Products changed now, though their rows say the same; in the caller's transaction."""
        self._connection.execute(
            "UPDATE product SET updated_at_ms = ? WHERE sku IN (SELECT value FROM json_each(?))",
            (now_ms, msgspec.json.encode(list(skus)).decode()),
        )

    def remove(self, sku: str) -> None:
        """Forget a product and its barcodes, in the caller's transaction; its stock stays."""
        self._connection.execute("DELETE FROM barcode WHERE sku = ?", (sku,))
        self._connection.execute("DELETE FROM product WHERE sku = ?", (sku,))
        if self._count is not None:
            self._count -= self._connection.changes()
        self._stale((sku,))

    def among(self, skus: Sequence[str]) -> dict[str, Product]:
        """Those of the SKUs that have a product, read with few statements."""
        rows = rows_of(self._connection, "SELECT sku, data FROM product WHERE sku IN", skus)
        return {str(sku): _decode(str(data)) for sku, data in rows}

    def _stale(self, skus: Iterable[str]) -> None:
        """Rows have changed: what is asked for next is read anew."""
        for sku in skus:
            self._products.pop(sku, None)
        self._codes.clear()

    def forget(self) -> None:
        """Read everything anew: rows were rolled back, or changed on another connection."""
        self._products.clear()
        self._codes.clear()
        self._count = None


def unknown_product(code: str, *, field: str | None = None) -> Problem:
    """The answer to a code that nothing in the catalogue has; `field` says where it stood."""
    return Problem(
        Slug.UNKNOWN_PRODUCT,
        f"Nothing in the catalogue has the code {code}.",
        members={} if field is None else {"field": field},
    )
