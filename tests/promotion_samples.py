"""A small shop in dollars, for tests of prices: its goods, its tax, offers in a few words."""

import datetime
from typing import Any

import msgspec

from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotion_index import PromotionIndex
from retail.prices.promotions import Promotion
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion

TODAY = datetime.date(2026, 11, 22)
NOON = datetime.datetime.fromisoformat("2026-11-22T12:00:00")
PRICES = {
    "tea": 299,
    "mug": 1000,
    "cup": 600,
    "spoon": 25,
    "jam": 450,
    "bread": 350,
    "milk": 150,
    "sweet": 10,
}


def taxes(rate: str = "0.15", *, inclusive: bool = True) -> TaxTable:
    """The standard class at that rate."""
    return TaxTable(
        [
            TaxRate(
                tax_class="standard",
                jurisdiction="EG",
                valid_from=TODAY,
                rate=rate,
                inclusive=inclusive,
            )
        ]
    )


def goods(sku: str) -> Product:
    """A product of the shop; gouda is 19.99 per kg."""
    if sku == "gouda":
        return Product(sku=sku, name=sku, price_minor=1999, currency="USD", price_per_quantity=1000)
    return Product(sku=sku, name=sku, price_minor=PRICES[sku], currency="USD")


def offer(id_: str, effect: dict[str, Any], **fields: Any) -> Promotion:  # noqa: ANN401 - any JSON
    """A promotion out of JSON, in dollars."""
    given = {"id": id_, "name": id_.title(), "currency": "USD", "effect": effect, **fields}
    return msgspec.json.decode(msgspec.json.encode(given), type=Promotion)


def percentage(off_bp: int, *skus: str) -> dict[str, Any]:
    """So much off each of these, or of everything."""
    return {"kind": "percentage", "off_bp": off_bp, "skus": skus or "all"}


def amount(off_minor: int, *skus: str) -> dict[str, Any]:
    """So many cents off each of these."""
    return {"kind": "amount", "off_minor": off_minor, "skus": skus or "all"}


def buy_get(buy_units: int, get_units: int, *skus: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Buy some, get some."""
    sizes = {"buy_units": buy_units, "get_units": get_units}
    return {"kind": "buy_x_get_y", **sizes, "skus": skus or "all", **more}


def bundle(price_minor: int, *parts: tuple[int, tuple[str, ...]]) -> dict[str, Any]:
    """These parts for one price."""
    places = [{"units": units, "skus": skus} for units, skus in parts]
    return {"kind": "bundle_price", "price_minor": price_minor, "parts": places}


def threshold(threshold_minor: int, **off: int) -> dict[str, Any]:
    """Something off the order."""
    return {"kind": "order_threshold", "threshold_minor": threshold_minor, **off}


Basket = list[tuple[str, int]]


def priced(basket: Basket, promotions: list[Promotion], **terms: Any) -> PricedBasket:  # noqa: ANN401
    """The basket's prices, which exist."""
    occasion = Occasion(channel="store", location="riverside", local_time=NOON)
    table = terms.pop("taxes", taxes())
    result = price_basket(
        [(goods(sku), quantity) for sku, quantity in basket],
        table,
        "EG",
        TODAY,
        Terms(**{"occasion": occasion, "promotions": PromotionIndex(promotions), **terms}),
    )
    assert isinstance(result, PricedBasket), result
    return result


def off(result: PricedBasket) -> list[int]:
    """What came off each line."""
    return [sum(one.amount_minor for one in line.discounts) for line in result.lines]
