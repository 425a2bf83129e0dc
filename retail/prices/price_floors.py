"""How low a price may be while promotions take amounts off it: no lower than the largest of them.

`promotions.check_promotion` asks this of a new promotion, of all prices that there are; here it is
asked of a new price, of all promotions that there are. Between the two no price is ever negative.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from retail.prices.promotions import AmountOff, Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMuchOff:
    """Refusal: a promotion takes more off the SKU than it would cost."""

    promotion: str
    off_minor: int
    sku: str
    price_minor: int

    def __str__(self) -> str:
        return (
            f"Promotion {self.promotion} takes {self.off_minor} off {self.sku},"
            f" which would cost {self.price_minor}: change the promotion first"
        )


class PriceFloors:
    """The amounts of promotions, arranged per SKU. Immutable: a change of promotions is new ones.

    A promotion counts at whatever time and for whomever it is: its day may come.
    """

    __slots__ = ("_by_sku", "_everywhere")

    def __init__(self, promotions: Iterable[Promotion]) -> None:
        self._by_sku: dict[str, tuple[int, str]] = {}
        self._everywhere: tuple[int, str] = (0, "")
        for promotion in promotions:
            effect = promotion.effect
            if not isinstance(effect, AmountOff):
                continue
            off = (effect.off_minor, promotion.id)
            if effect.skus == "all":
                self._everywhere = max(self._everywhere, off)
                continue
            for sku in effect.skus:
                self._by_sku[sku] = max(self._by_sku.get(sku, off), off)

    def broken_by(self, sku: str, price_minor: int) -> TooMuchOff | None:
        """The promotion that would take more off than the price, or None."""
        off_minor, promotion = max(self._everywhere, self._by_sku.get(sku, self._everywhere))
        if off_minor <= price_minor:
            return None
        return TooMuchOff(
            promotion=promotion, off_minor=off_minor, sku=sku, price_minor=price_minor
        )


NO_FLOORS: Final = PriceFloors(())
