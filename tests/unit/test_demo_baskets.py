"""Goal: the demo's baskets are those of the data set, without what no till would ring up.

Method: a data set of a few rows in the package's own columns, written as Parquet; names and
barcodes by example.
"""

from datetime import date, datetime
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from retail.products.barcodes import has_valid_check_digit
from scripts.demo_day.baskets import Line, Market, barcode_of, load_market, readable_name

PRODUCTS: list[tuple[int, str, str | None, str | None, str | None]] = [
    (1, "GROCERY", "SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL", "2 LTR"),
    (2, "MEAT", "BEEF", "LEAN", None),
    (3, "FUEL", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
    (4, "GROCERY", "COUPON/MISC ITEMS", "MISC SALES TRANS", None),
    (5, "MISCELLANEOUS", None, None, None),
    (8, "GROCERY", "TEA", "TEA BAGS", "20 CT"),
    (9, "GROCERY", "COFFEE", "GROUND COFFEE", "12 OZ"),
    (10, "GROCERY", "COFFEE", "GROUND COFFEE", "12 OZ"),
    (11, "GROCERY", "COFFEE", "COFFEE: INSTANT", "8 OZ"),
    (12, "GROCERY", "TEA", "ICED TEA", "2 CT"),
]

ROWS: list[tuple[int, int, int, int, float, str]] = [
    (7, 70, 1, 2, 3.00, "2017-01-02T09:00"),
    (7, 70, 1, 1, 1.50, "2017-01-02T09:00"),
    (7, 70, 3, 9_000, 25.0, "2017-01-02T09:00"),
    (8, 80, 2, 1, 4.99, "2017-01-02T10:00"),
    (8, 81, 2, 0, 0.0, "2017-01-02T11:00"),
    (7, 71, 1, 1, 1.10, "2017-01-03T09:00"),
    (7, 71, 5, 1, 1.10, "2017-01-03T09:00"),
    (7, 71, 6, 1, 1.10, "2017-01-03T09:00"),
    (7, 72, 4, 1, 5.00, "2017-01-03T12:00"),
    (9, 90, 1, 1, 1.50, "2017-01-03T13:00"),
    (7, 73, 1, 1, 1.50, "2017-01-09T09:00"),
    (9, 91, 9, 2, 5.00, "2017-01-02T09:00"),
    (9, 91, 10, 1, 2.50, "2017-01-02T09:00"),
    (9, 91, 11, 1, 2.50, "2017-01-02T09:00"),
    (9, 91, 12, 1, 99.0, "2017-01-02T09:00"),
    (7, 74, 8, 1, 1.99, "2017-01-09T09:00"),
]


@pytest.fixture
def market(tmp_path: Path) -> Market:
    ids, departments, categories, kinds, sizes = zip(*PRODUCTS, strict=True)
    write(
        tmp_path / "products.parquet",
        {
            "product_id": Array(ids, type=DataType.int64()),
            "department": Array(departments, type=DataType.utf8()),
            "product_category": Array(categories, type=DataType.utf8()),
            "product_type": Array(kinds, type=DataType.utf8()),
            "package_size": Array(sizes, type=DataType.utf8()),
        },
    )
    stores, baskets, products, quantities, values, times = zip(*ROWS, strict=True)
    moments = [datetime.fromisoformat(f"{time}:00+00:00") for time in times]
    microseconds = [int(moment.timestamp()) * 1_000_000 for moment in moments]
    write(
        tmp_path / "transactions.parquet",
        {
            "store_id": Array(stores, type=DataType.int64()),
            "basket_id": Array(baskets, type=DataType.int64()),
            "product_id": Array(products, type=DataType.int64()),
            "quantity": Array(quantities, type=DataType.int64()),
            "sales_value": Array(values, type=DataType.float64()),
            "transaction_timestamp": Array(microseconds, type=DataType.int64()).cast(
                DataType.timestamp("us")
            ),
        },
    )
    return load_market(tmp_path, stores=2, days=2)


def write(file: Path, columns: dict[str, Array]) -> None:
    write_parquet(Table.from_arrays(list(columns.values()), names=list(columns)), file)


def test_the_busiest_stores_and_their_busiest_days_are_taken(market: Market) -> None:
    assert market.locations == ("store-7", "store-8")
    assert (market.first_day, market.days) == (date(2017, 1, 2), 2)
    assert [basket.basket for basket in market.baskets] == [70, 80, 71]


def test_fuel_coupons_zero_quantities_and_unknown_products_are_left_out(market: Market) -> None:
    assert set(market.products) - set(market.others) == {"1", "2"}
    assert {line.sku for basket in market.baskets for line in basket.lines} == {"1", "2"}


def test_other_articles_are_those_that_somebody_bought_elsewhere_or_later(market: Market) -> None:
    """Goods of everyday prices and names, and none that is in a basket."""
    assert market.others == ("8", "9")
    assert market.products["9"].price_minor == 250


def test_an_article_that_was_scanned_twice_is_one_line(market: Market) -> None:
    assert market.baskets[0].lines == (Line(sku="1", quantity=3),)


def test_the_price_is_the_median_of_what_was_paid_for_a_piece(market: Market) -> None:
    assert market.products["1"].price_minor == 150
    assert market.products["2"].price_minor == 499


def test_more_stores_than_there_are_is_refused(tmp_path: Path, market: Market) -> None:
    assert market

    with pytest.raises(ValueError, match="no 9 stores"):
        load_market(tmp_path, stores=9, days=1)


@pytest.mark.parametrize(
    ("category", "kind", "size", "name"),
    [
        ("SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL", "2 LTR",
         "Soft drink 2 liter bottle carbonated incl., 2 ltr"),
        ("BEEF", "LEAN", None, "Beef: lean"),
        ("BREAD", "BREAD:ITALIAN/FRENCH", None, "Bread: italian/french"),
        ("BREAD", None, "1 LB", "Bread, 1 lb"),
    ],
)  # fmt: skip
def test_a_name_can_be_read(category: str, kind: str | None, size: str | None, name: str) -> None:
    assert readable_name(category, kind, size) == name


@pytest.mark.parametrize("product", [1, 25_671, 18_316_298])
def test_a_barcode_is_a_gtin_for_demonstrations(product: int) -> None:
    code = barcode_of(product)

    assert len(code) == 13
    assert code.startswith("952")
    assert has_valid_check_digit(code)
