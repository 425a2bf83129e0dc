"""The products of a world, as people know them."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product as people know it; `unit` is how many base units one usually buys or unpacks."""

    sku: str
    unit: int = 1
    bundle: tuple[tuple[str, int], ...] = ()
    policy: str = "strict"
    safety_stock: int = 0

    @property
    def is_stocked(self) -> bool:
        """Whether it has stock of its own."""
        return not self.bundle and self.policy != "untracked"

    def body(self, *, safety_stock: int, price_minor: int) -> dict[str, Any]:
        """What head office writes."""
        return {
            "name": self.sku,
            "price_minor": price_minor,
            "currency": "USD",
            "safety_stock": safety_stock,
            "stock_policy": self.policy,
            "bundle": [{"sku": sku, "quantity": many} for sku, many in self.bundle],
        }


ITEMS: Final = (
    Item(sku="tea"),
    Item(sku="jam", safety_stock=2),
    Item(sku="rice", unit=100),
    Item(sku="ham", unit=50, policy="tolerant"),
    Item(sku="bag", policy="untracked"),
    Item(sku="gift", bundle=(("tea", 1), ("jam", 2))),
)
"""Pieces, pieces with a floor, grams, grams off a scale, something untracked, a bundle."""
