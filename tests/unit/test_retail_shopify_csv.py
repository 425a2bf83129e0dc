"""Goal: Shopify's product CSV is taken as it is, and what is not taken is said.

Method: a file as their export has it, with variants, rows of images and HTML, and small ones with
one fault each.
"""

import io

import pytest

from retail.product_files.product_csv import read_products
from retail.product_files.product_sheet import ProductSheet, SheetRules
from retail.product_files.row_problems import RowProblems
from retail.products.catalogue import Product

RULES = SheetRules(currency="USD", tax_classes=frozenset({"standard"}))

EXPORTED = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Taxable,\
Variant Barcode,Image Src,Image Position,Variant Image,Cost per item,Status
tee,T-Shirt,"<p>Soft &amp; <b>warm</b></p>
<ul><li>one</li><li>two</li></ul><script>x()</script>",Acme,Clothing,"cotton, summer",true,Size,M,\
Color,Red,TEE-M,200,5,19.90,true,'5901234123457,https://x.example/2.jpg,2,https://x.example/m.jpg,\
8.5,active
mug,Mug,Plain,Acme,,,true,Title,Default Title,,,'0123,300,2,7.00,true,,,,,,archived
tee,,,,,,,,L,,Blue,TEE-L,200,1,21.90,true,,https://x.example/1.jpg,1,,,
tee,,,,,,,,,,,,,,,,,https://x.example/3.jpg,3,,,
"""
HEAD = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src"


def read(
    text: str, rules: SheetRules = RULES
) -> tuple[ProductSheet | None, list[tuple[int, str, str]]]:
    problems = RowProblems()
    sheet = read_products(io.BytesIO(text.encode()), rules, problems)
    return sheet, [(one.row, one.column, one.severity) for one in problems.listed()]


def products(sheet: ProductSheet | None) -> dict[str, Product]:
    assert sheet is not None
    return {sku: entry.product for sku, entry in sheet.products.items()}


def test_rows_of_one_handle_are_variants_that_share_what_the_first_row_says() -> None:
    sheet, _ = read(EXPORTED)

    found = products(sheet)
    assert list(found) == ["TEE-M", "TEE-L", "0123"]
    assert found["TEE-M"] == Product(
        sku="TEE-M", name="T-Shirt", price_minor=1990, currency="USD", cost_minor=850,
        barcodes=("5901234123457",), description="Soft & warm\none\ntwo",
        categories=("Clothing", "cotton", "summer"), variant={"Size": "M", "Color": "Red"},
        images=("https://x.example/m.jpg", "https://x.example/1.jpg", "https://x.example/2.jpg",
                "https://x.example/3.jpg"),
    )  # fmt: skip
    assert found["TEE-L"].variant == {"Size": "L", "Color": "Blue"}
    assert found["TEE-L"].images[0] == "https://x.example/1.jpg"
    assert (found["0123"].variant, found["0123"].archived) == (None, True)
    assert sheet is not None
    assert sheet.rows == 4


def test_a_column_that_is_ignored_is_said_once() -> None:
    _, told = read(EXPORTED)

    ignored = ["Published", "Variant Grams", "Variant Inventory Qty", "Vendor"]
    assert told == [(1, column, "warning") for column in ignored]


def test_their_newer_names_are_known() -> None:
    sheet, told = read("Title,URL handle,SKU,Price,Product image URL\nMug,mug,M-1,7.00,x.jpg\n")

    assert told == []
    assert products(sheet)["M-1"].images == ("x.jpg",)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["a,A,,,,1.00,"], [(2, "Variant SKU", "error")]),
        (["a,A,Size,M,S-1,1.00,", "a,,,L,,1.00,"], [(3, "Variant SKU", "error")]),
        (["a,A,Size,M,S-1,1.00,", "a,,,,,,"], [(3, "Variant SKU", "error")]),
        (["a,A,Size,M,S-1,1.00,", "a,,,,S-2,1.00,"], [(3, "Option1 Name", "error")]),
        (["a,A,,M,S-1,1.00,"], [(2, "Option1 Value", "error")]),
        ([",A,,,S-1,1.00,"], [(2, "Handle", "error")]),
        (["a,,,,S-1,1.00,"], [(2, "Title", "error")]),
        (["a,A,,,S-1,,"], [(2, "Variant Price", "error")]),
        (["a,A,,,S-1,-1.00,"], [(2, "Variant Price", "error")]),
        (["a,A,,,S-1,1.00,", "b,B,,,S-1,1.00,"], [(3, "Variant SKU", "error")]),
        (["a,A,,,S-1,1.00,", *[f"a,,,,,,{n}.jpg" for n in range(21)]],
         [(2, "Image Src", "warning")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_row_under_their_name(
    rows: list[str], told: list[tuple[int, str, str]]
) -> None:
    assert read("\n".join([HEAD, *rows]))[1] == told


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Status", "draft"),
        ("Status", "unlisted"),
        ("Variant Taxable", "false"),
        ("Body (HTML)", "x" * 4001),
        ("Tags", "y" * 101),
        ("Tags", " ".join(f"{n}," for n in range(21))),
    ],
)
def test_what_cannot_be_kept_as_it_is_is_warned_of_and_taken(column: str, cell: str) -> None:
    sheet, told = read(f'Handle,Title,Variant SKU,Variant Price,{column}\na,A,S-1,1.00,"{cell}"\n')

    assert told == [(2, column, "warning")]
    assert "S-1" in products(sheet)


def test_a_draft_of_theirs_is_not_sold_here() -> None:
    sheet, _ = read("Handle,Title,Variant SKU,Variant Price,Status\na,A,S-1,1.00,draft\n")

    product = products(sheet)["S-1"]
    assert (product.archived, product.draft) == (True, False)


def test_a_currency_without_decimals_is_written_with_two_there() -> None:
    yen = SheetRules(currency="JPY", tax_classes=RULES.tax_classes)

    sheet, told = read("Handle,Title,Variant SKU,Variant Price\na,A,S-1,1200.00\n", yen)

    assert told == []
    assert products(sheet)["S-1"].price_minor == 1200


def test_a_column_that_is_needed_is_missed() -> None:
    sheet, told = read("Handle,Title,Variant SKU\na,A,S-1\n")

    assert sheet is None
    assert told == [(1, "Variant Price", "error")]
