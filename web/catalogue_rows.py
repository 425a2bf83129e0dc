"""The catalogue as it is read: products by SKU and by code, from a replica's own file.

A mapping from SKU to `Product`, filled as products are asked for. It belongs to one thread, like
the connection that it reads from; whoever changes rows calls `forget`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import apsw
import msgspec

from retail.barcodes import index_key, lookup_keys
from retail.catalogue import Product
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
        row = self._connection.execute("SELECT count(*) FROM product").fetchone()
        assert row is not None, "an aggregate always answers"
        return int(row[0])

    def by_code(self, code: str) -> Product | None:
        """The product that a code means: a barcode in any of its forms, or a SKU."""
        if (known := self._codes.get(code)) is not None:
            return self.get(known)
        for key in lookup_keys(code):
            row = self._connection.execute(
                "SELECT sku FROM barcode WHERE code = ?", (key,)
            ).fetchone()
            if row is not None:
                if len(self._codes) >= PRODUCTS_CACHED_MAX:
                    self._codes.clear()
                self._codes[code] = str(row[0])
                return self.get(str(row[0]))
        return self.get(code)

    def search(self, text: str, after: str, limit: int) -> list[Product]:
        """Products with `text` in SKU or name, or as barcode, by SKU after `after`."""
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._connection.execute(
            "SELECT data FROM product WHERE sku > ?1 AND (name LIKE ?2 ESCAPE '\\' "
            "OR sku LIKE ?2 ESCAPE '\\' OR sku IN (SELECT sku FROM barcode WHERE code = ?3)) "
            "ORDER BY sku LIMIT ?4",
            (after, pattern, index_key(text) if text else "", limit),
        )
        return [_decode(data) for (data,) in rows]

    def owner_of(self, barcode: str) -> str | None:
        """The SKU that has this barcode, or None."""
        row = self._connection.execute(
            "SELECT sku FROM barcode WHERE code = ?", (index_key(barcode),)
        ).fetchone()
        return None if row is None else str(row[0])

    def store(self, product: Product, now_ms: int) -> None:
        """Write one product and its barcodes, in the caller's transaction."""
        data = msgspec.json.encode(product).decode()
        self._connection.execute(
            "INSERT INTO product VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (sku) DO UPDATE SET name = ?2, data = ?3, updated_at_ms = ?4",
            (product.sku, product.name, data, now_ms),
        )
        self._connection.execute("DELETE FROM barcode WHERE sku = ?", (product.sku,))
        self._connection.executemany(
            "INSERT INTO barcode VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET sku = ?2",
            [(index_key(code), product.sku) for code in product.barcodes],
        )
        self._products[product.sku] = product
        self._codes.clear()

    def forget(self) -> None:
        """Read everything anew: rows were rolled back, or changed on another connection."""
        self._products.clear()
        self._codes.clear()


def unknown_product(code: str, *, field: str | None = None) -> Problem:
    """The answer to a code that nothing in the catalogue has; `field` says where it stood."""
    return Problem(
        Slug.UNKNOWN_PRODUCT,
        f"Nothing in the catalogue has the code {code}.",
        members={} if field is None else {"field": field},
    )
