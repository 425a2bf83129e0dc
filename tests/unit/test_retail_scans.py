"""Goal: a scan says what is printed on the goods, and a fault says why nothing was found.

Method: codes as scanners send them, with AIM ids and without; element strings by hand from the
General Specifications.
"""

import datetime
import subprocess
import sys
from decimal import Decimal

import pytest

from retail.products.barcodes import CODE_CHARS_MAX, lookup_keys
from retail.products.catalogue import Product
from retail.products.embedded import Label, Portion, portion_of
from retail.products.gs1 import Gs1Data, date_of, read_gs1
from retail.products.scans import Fault, Reading, measure_of, read_scan

TODAY = datetime.date(2026, 11, 22)
GTIN = "04006381333931"
CHEESE = Product(
    sku="cheese", name="Cheese", price_minor=1_299, currency="USD", unit="g",
    price_per_quantity=1_000, barcodes=(GTIN,),
)  # fmt: skip


@pytest.mark.parametrize(
    ("scan", "symbology"),
    [
        ("]E04006381333931", "EAN-13"), ("]E496385074", "EAN-8"), ("]C0ABC", "Code 128"),
        (f"]C101{GTIN}", "GS1-128"), (f"]d201{GTIN}", "GS1 DataMatrix"), ("]d1ABC", "Data Matrix"),
        (f"]Q301{GTIN}", "GS1 QR Code"), ("]Q1https://example.com", "QR Code"),
        (f"]e001{GTIN}", "GS1 DataBar"), ("]A0ABC", "Code 39"), ("]F0ABC", "Codabar"),
        ("]L2ABC", "PDF417"), ("4006381333931", None), ("]y0ABC", None), ("]", None), ("", None),
    ],
)  # fmt: skip
def test_the_symbology_is_what_the_scanner_says(scan: str, symbology: str | None) -> None:
    assert read_scan(scan, TODAY).symbology == symbology


def test_a_gs1_code_says_batch_serial_dates_weight_and_price() -> None:
    scan = f"]d201{GTIN}1727013115261200310300125039220999\x1d10AB-1\x1d21S7"

    assert read_scan(scan, TODAY) == Reading(
        symbology="GS1 DataMatrix",
        gtin=GTIN,
        batch="AB-1",
        serial="S7",
        expires_on=datetime.date(2027, 1, 31),
        best_before=datetime.date(2026, 12, 31),
        weight_grams=1_250,
        price=Decimal("9.99"),
    )


@pytest.mark.parametrize(
    "scan",
    [
        f"]d201{GTIN}1727013110AB-1\x1d21S7",
        f"]C101{GTIN}1727013110AB-1\x1d21S7\x1d",
        f"01{GTIN}1727013110AB-1\x1d21S7",
        f"\x1d01{GTIN}1727013110AB-1\x1d21S7\r\n",
        f"(01){GTIN}(17)270131(10)AB-1(21)S7",
        f"https://id.gs1.org/01/{GTIN}/10/AB-1/21/S7?17=270131",
        f"]Q1HTTPS://EXAMPLE.COM/SHOP/01/{GTIN}/10/AB-1/21/S7?17=270131&utm=x",
        "https://example.com/01/4006381333931/10/AB-1/21/S7?17=270131",
    ],
)
def test_one_thing_is_said_in_many_ways(scan: str) -> None:
    reading = read_scan(scan, TODAY)

    assert (reading.gtin, reading.batch, reading.serial) == (GTIN, "AB-1", "S7")
    assert reading.expires_on == datetime.date(2027, 1, 31)
    assert reading.fault is None
    assert GTIN in lookup_keys(scan)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("261231", datetime.date(2026, 12, 31)), ("280200", datetime.date(2028, 2, 29)),
        ("760101", datetime.date(2076, 1, 1)), ("770101", datetime.date(1977, 1, 1)),
        ("000000", None), ("260230", None), ("261301", None), ("26123", None), (None, None),
    ],
)  # fmt: skip
def test_a_date_of_two_digits_is_the_nearest_of_its_centuries(
    text: str | None, date: datetime.date | None
) -> None:
    assert date_of(text, TODAY) == date


def test_after_the_middle_of_a_century_small_years_are_of_the_next() -> None:
    assert date_of("010101", datetime.date(2060, 1, 1)) == datetime.date(2101, 1, 1)


@pytest.mark.parametrize(("day", "is_expired"), [("261121", True), ("261122", False)])
def test_goods_may_be_sold_on_their_last_day(day: str, is_expired: bool) -> None:  # noqa: FBT001
    assert read_scan(f"]d201{GTIN}17{day}", TODAY).is_expired(TODAY) is is_expired
    assert read_scan(f"]d201{GTIN}7003{day}1200", TODAY).is_expired(TODAY) is is_expired
    assert read_scan(f"]d201{GTIN}15{day}", TODAY).is_expired(TODAY) is None


def test_a_date_that_no_calendar_has_does_not_hide_the_goods() -> None:
    reading = read_scan(f"]d201{GTIN}17260230", TODAY)

    assert (reading.gtin, reading.expires_on, reading.fault) == (GTIN, None, None)


@pytest.mark.parametrize(
    ("scan", "fault"),
    [
        ("4006381333932", Fault.CHECK_DIGIT),  # which a GS1 parser takes for an order number
        ("]E04006381333932", Fault.CHECK_DIGIT), ("96385075", Fault.CHECK_DIGIT),
        ("]I114006381333937", Fault.CHECK_DIGIT), ("]d20104006381333932", Fault.CHECK_DIGIT),
        ("https://example.com/01/04006381333932", Fault.CHECK_DIGIT),
        ("]d2)(", Fault.UNREADABLE), (f"]C101{GTIN}17ABCDEF", Fault.UNREADABLE),
        ("9" * (CODE_CHARS_MAX + 1), Fault.TOO_LONG),
        ("4006381333931", None), ("]A04006381333932", None), ("]C012345678", None),
        ("12345", None), ("https://example.com/about", None), ("http://[", None), ("]", None),
        ("01234565", None), ("04252614", None),  # a UPC-E and no EAN-8
    ],
)  # fmt: skip
def test_a_fault_is_what_is_wrong_with_the_code_itself(scan: str, fault: Fault | None) -> None:
    assert read_scan(scan, TODAY).fault is fault


def test_a_magazine_is_found_without_its_issue() -> None:
    assert GTIN in lookup_keys("]E3400638133393112")
    assert GTIN in lookup_keys("]E3400638133393112345")
    assert GTIN not in lookup_keys("400638133393112345")


# What is on a label


def test_a_weight_is_the_quantity_of_what_is_sold_by_the_gram() -> None:
    reading = read_scan(f"]e001{GTIN}3103001250", TODAY)

    label = measure_of(reading, CHEESE)

    assert label == Label(GTIN, 1_250, None)
    assert portion_of(label, CHEESE, 2) == Portion(2_500, None)


def test_a_price_on_the_label_stands_beside_its_weight() -> None:
    reading = read_scan(f"]e001{GTIN}31030012503922999", TODAY)

    label = measure_of(reading, CHEESE)

    assert label is not None
    assert portion_of(label, CHEESE) == Portion(1_250, 999)


def test_a_price_alone_is_what_it_buys() -> None:
    label = measure_of(read_scan(f"]e001{GTIN}39222598", TODAY), CHEESE)

    assert label is not None
    assert portion_of(label, CHEESE) == Portion(2_000, 2_598)


def test_pounds_are_grams() -> None:
    assert read_gs1(f"01{GTIN}3202000150") == Gs1Data(gtin=GTIN, weight_grams=680)


@pytest.mark.parametrize(
    ("elements", "product"),
    [
        ("3103001250", Product(sku="x", name="x", price_minor=1, currency="USD")),
        ("3103000000", CHEESE),
        ("39220", CHEESE),
        ("39233999", CHEESE),  # a tenth of a cent
        ("3920999999999999999", CHEESE),
        ("10AB", CHEESE),
    ],
)
def test_what_is_no_measure_of_a_product_is_none(elements: str, product: Product) -> None:
    assert measure_of(read_scan(f"]e001{GTIN}{elements}", TODAY), product) is None


def test_a_plain_scan_does_not_load_the_parser() -> None:
    program = (
        "import sys, datetime; from retail.products.scans import read_scan;"
        "read_scan(']E04006381333931', datetime.date.min); sys.exit('biip' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
