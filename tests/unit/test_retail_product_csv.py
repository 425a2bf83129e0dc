"""Goal: every way in which a file of products can be wrong is told once, at its row and column.

Method: small files, each with one fault, and what is told about it; files of Shopify beside them.
The catalogue is a dict. What comes back from an export is in tests/property/test_product_csv.py.
"""

import io

import pytest
from msgspec.structs import replace

from retail.product_files.catalogue_import import ImportPlan, plan_import
from retail.product_files.csv_table import ROWS_MAX
from retail.product_files.product_csv import read_products
from retail.product_files.product_csv_columns import guarded, unguarded
from retail.product_files.product_sheet import ProductSheet, SheetRules
from retail.product_files.row_problems import PROBLEMS_MAX, RowProblems
from retail.products.catalogue import BundleLine, Product, Translation

RULES = SheetRules(currency="USD", tax_classes=frozenset({"standard", "food"}))
HEAD = "sku,name,price"
KNOWN = Product(sku="known", name="Known", price_minor=100, currency="USD", barcodes=("96385074",))

Told = list[tuple[int, str, str]]


def read(text: str | bytes, rules: SheetRules = RULES) -> tuple[ProductSheet | None, RowProblems]:
    problems = RowProblems()
    data = text.encode() if isinstance(text, str) else text
    return read_products(io.BytesIO(data), rules, problems), problems


def products(text: str | bytes, rules: SheetRules = RULES) -> dict[str, Product]:
    """The products of a file that nothing is wrong with."""
    sheet, problems = read(text, rules)
    assert sheet is not None
    assert problems.listed() == ()
    return {sku: entry.product for sku, entry in sheet.products.items()}


def plan(text: str, *catalogue: Product) -> tuple[ImportPlan, RowProblems]:
    sheet, problems = read(text)
    assert sheet is not None, problems.listed()
    by_sku = {one.sku: one for one in catalogue}
    return plan_import(sheet, catalogue, by_sku, problems), problems


def told(problems: RowProblems) -> Told:
    return [(one.row, one.column, one.severity) for one in problems.listed()]


def test_a_file_with_every_column_says_all_that_a_product_has() -> None:
    text = (
        "sku,name,currency,price,tax_class,barcodes,safety_stock,stock_policy,price_per_quantity,"
        "unit,cost,description,categories,images,variant,bundle,archived,draft,"
        "name_ar,description_ar\r\n"
        'T-1,"Tea, green",USD,3.45,food,5901234123457|96385074,2,tolerant,100,g,1.20,"One\r\ntwo",'
        "Food | Tea,https://x.example/1.jpg,size=1 l|milk=whole,,TRUE,no,شاي,أخضر\r\n"
        "B-1,Box,,10,,,,,,,,,,,,T-1*2|cup*1,,,,\r\n"
    )

    found = products(text)

    assert found["T-1"] == Product(
        sku="T-1", name="Tea, green", currency="USD", price_minor=345, tax_class="food",
        barcodes=("5901234123457", "96385074"), safety_stock=2, stock_policy="tolerant",
        price_per_quantity=100, unit="g", cost_minor=120, description="One\r\ntwo",
        categories=("Food", "Tea"), images=("https://x.example/1.jpg",),
        variant={"size": "1 l", "milk": "whole"}, archived=True,
        translations={"ar": Translation(name="شاي", description="أخضر")},
    )  # fmt: skip
    assert found["B-1"] == Product(
        sku="B-1", name="Box", currency="USD", price_minor=1000,
        bundle=(BundleLine(sku="T-1", quantity=2), BundleLine(sku="cup", quantity=1)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "cell", "minor"),
    [("USD", "12", 1200), ("USD", "0.5", 50), ("JPY", "1200", 1200), ("KWD", " 1.234 ", 1234)],
)
def test_an_amount_is_read_by_the_decimals_of_its_currency(
    currency: str, cell: str, minor: int
) -> None:
    rules = SheetRules(currency=currency, tax_classes=RULES.tax_classes)

    assert products(f"{HEAD}\na,A,{cell}\n", rules)["a"].price_minor == minor


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,A,-1", [(2, "price", "error")]),
        ("a,A,1.234", [(2, "price", "error")]),
        ("a,A,1.500", [(2, "price", "error")]),
        ('a,A,"1,50"', [(2, "price", "error")]),
        ("a,A,$1", [(2, "price", "error")]),
        ("a,A,1e2", [(2, "price", "error")]),
        ("a,A,\u0661", [(2, "price", "error")]),
        ("a,A,99999999999999999", [(2, "price", "error")]),
        ("a,A,", [(2, "price", "error")]),
        ("a,,1", [(2, "name", "error")]),
        (",A,1", [(2, "sku", "error")]),
        (f"a,{'x' * 201},1", [(2, "name", "error")]),
        (f"{'x' * 65},A,1", [(2, "sku", "error")]),
        (" a,A,1", [(2, "sku", "error")]),
        ("a/b,A,1", [(2, "sku", "error")]),
        ("a,A\0,1", [(2, "name", "error")]),
        ("a,A,1,more", [(2, "", "error")]),
        ('a,"A,1', [(2, "", "error")]),
        ('a,"A"x,1', [(2, "", "error")]),
        ("a,A,1\n\na,B,2", [(4, "sku", "error")]),
        ('"a","A\nB",1\na,B,2', [(3, "sku", "error")]),
        ("a,,-1", [(2, "name", "error"), (2, "price", "error")]),
    ],
)
def test_what_is_wrong_in_a_row_is_told_at_its_row_and_column(row: str, expected: Told) -> None:
    _, problems = read(f"{HEAD}\n{row}\n")

    assert told(problems) == expected
    assert problems.errors == len(expected)


@pytest.mark.parametrize(
    ("column", "cell", "severity"),
    [
        ("currency", "EUR", "error"),
        ("currency", "usd", "error"),
        ("currency", "XXX", "error"),
        ("tax_class", "luxury", "error"),
        ("tax_class", "Food", "error"),
        ("barcodes", "5901234123458", "warning"),
        ("barcodes", "96385074|96385074", "error"),
        ("barcodes", "1||2", "error"),
        ("safety_stock", "-1", "error"),
        ("safety_stock", "1.5", "error"),
        ("stock_policy", "lax", "error"),
        ("price_per_quantity", "0", "error"),
        ("unit", "kg", "error"),
        ("cost", "-0.01", "error"),
        ("cost", "0.001", "error"),
        ("description", "x" * 4001, "error"),
        ("categories", "x" * 101, "error"),
        ("images", "not an address", "error"),
        ("variant", "size", "error"),
        ("variant", "size=", "error"),
        ("variant", "=1 l", "error"),
        ("variant", "size=1|size=2", "error"),
        ("bundle", "b", "error"),
        ("bundle", "b*0", "error"),
        ("bundle", "b*x", "error"),
        ("archived", "maybe", "error"),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_told_there(
    column: str, cell: str, severity: str
) -> None:
    _, problems = read(f"{HEAD},{column}\na,A,1,{cell}\n")

    assert told(problems) == [(2, column, severity)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("sku,name", [(1, "price", "error")]),
        ("sku,name,price,colour", [(1, "colour", "error")]),
        ("sku,name,price,Tax_class", [(1, "Tax_class", "error")]),
        ("sku,name,price,sku", [(1, "sku", "error")]),
        ("sku,,name,price", [(1, "", "error")]),
        ("sku,name,price,name_english", [(1, "name_english", "error")]),
        ("sku,name,price,description_ar", [(1, "description_ar", "error")]),
        ("sku;name;price", [(1, "", "error")]),
        ("sku\tname\tprice", [(1, "", "error")]),
        ("", [(1, "", "error")]),
    ],
)
def test_a_header_that_is_wrong_is_all_that_is_told(header: str, expected: Told) -> None:
    sheet, problems = read(f"{header}\na,A,-1\n" if header else "")

    assert sheet is None
    assert told(problems) == expected


def test_a_misspelt_column_is_told_with_the_one_that_is_meant() -> None:
    _, problems = read("sku,name,price,tax_clas\n")

    assert "tax_class" in problems.listed()[0].detail


@pytest.mark.parametrize(
    ("data", "row", "column", "word"),
    [
        (f"{HEAD}\na,Caf\xe9,1\n".encode("utf-16"), 1, "", "UTF-16"),
        (f"{HEAD}\na,Caf\xe9,1\n".encode("utf-16-le"), 1, "", "UTF-16"),
        (f"{HEAD}\na,Caf\xe9,1\n".encode("utf-16-be"), 1, "", "UTF-16"),
        (f"{HEAD}\na,A,1\n".encode("utf-32"), 1, "", "UTF-32"),
        (f"{HEAD}\na,A,1\nb,Caf\xe9,1\n".encode("latin-1"), 3, "name", "Latin-1"),
        (f"{HEAD}\na,شاي,1\n".encode("cp1256"), 2, "name", "not UTF-8"),
        (f"{HEAD}\na,A,1\n".encode() + b"b,\xe2\x82", 3, "name", "not UTF-8"),
    ],
)
def test_another_encoding_is_named_where_it_is_recognised_and_never_guessed(
    data: bytes, row: int, column: str, word: str
) -> None:
    sheet, problems = read(data)

    assert sheet is None or not sheet.products
    assert told(problems) == [(row, column, "error")]
    assert word in problems.listed()[0].detail
    assert ("Latin-1" in problems.listed()[0].detail) == (word == "Latin-1" or row == 3)


def test_an_arabic_code_page_is_not_called_latin_1() -> None:
    _, problems = read(f"{HEAD}\na,شاي أخضر,1\n".encode("cp1256"))

    assert "Latin-1" not in problems.listed()[0].detail


def test_utf_8_is_read_with_its_mark_and_without() -> None:
    text = f"{HEAD}\na,Café شاي,1\n"

    assert products(text) == products(b"\xef\xbb\xbf" + text.encode())


def test_rows_may_end_early_and_in_any_way_and_blank_ones_are_nothing() -> None:
    head = f"{HEAD},description,barcodes"
    expected = products(f"{head}\na,A,1,,\nb,B,2,,\n")

    assert products(f"{head}\r\na,A,1\r\n\r\n,,,,\r\nb,B,2,,") == expected
    assert products(f"{head},,\ra,A,1,,,,\rb,B,2\r") == expected


def test_more_rows_than_fit_are_refused_where_they_begin() -> None:
    rows = ["a,A,1", *[","] * (ROWS_MAX - 2)]

    fitting, none = read("\n".join([HEAD, *rows]))
    _, problems = read("\n".join([HEAD, *rows, "b,B,1", "c,C,-1"]))

    assert fitting is not None
    assert (fitting.rows, none.errors) == (1, 0)
    assert told(problems) == [(ROWS_MAX + 1, "", "error")]


def test_no_more_problems_are_listed_than_fit_and_errors_come_before_warnings() -> None:
    warned = [f"w{n},W,1,{n:07d}{(n + 1) % 10}" for n in range(3 * PROBLEMS_MAX)]
    text = "\n".join([f"{HEAD},barcodes", *warned, "last,L,-1,"])

    _, problems = read(text)

    listed = problems.listed()
    assert len(listed) == PROBLEMS_MAX < problems.warnings
    assert [one.severity for one in listed].count("error") == problems.errors == 1
    assert (listed[-1].row, listed[-1].column) == (len(warned) + 2, "price")


def test_a_barcode_of_two_rows_is_told_in_any_of_its_forms() -> None:
    _, problems = read(f"{HEAD},barcodes\na,A,1,012345678905\nb,B,1,0012345678905\n")

    assert told(problems) == [(3, "barcodes", "error")]
    assert "row 2" in problems.listed()[0].detail


def test_a_variant_is_missed_where_others_of_the_name_have_one() -> None:
    _, problems = read(f"{HEAD},variant\na,Shirt,1,size=M\nb,Shirt,1,\nc,Socks,1,\n")

    assert told(problems) == [(3, "variant", "warning")]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_formula_gets_one_apostrophe_and_loses_exactly_one(cell: str) -> None:
    for text in (cell, f"'{cell}", f"''{cell}"):
        assert guarded(text) == f"'{text}"
        assert unguarded(guarded(text)) == text
    assert products(f'{HEAD}\na,"{guarded(cell)}",1\n')["a"].name == cell


@pytest.mark.parametrize("cell", ["'tis", "it's", "''", "a=b", ""])
def test_an_apostrophe_that_guards_nothing_stays(cell: str) -> None:
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


# Held against the catalogue


def test_what_would_be_created_changed_and_left_alone_is_counted() -> None:
    found, problems = plan(
        f"{HEAD}\nknown,Known,1\nsame,Same,2\nnew,New,3\n",
        replace(KNOWN, price_minor=99),
        replace(KNOWN, sku="same", name="Same", price_minor=200, barcodes=()),
        replace(KNOWN, sku="else", barcodes=()),
    )

    assert (found.created, found.changed, found.unchanged) == (1, 1, 1)
    assert {one.product.sku for one in found.writes} == {"known", "new"}
    assert problems.listed() == ()


def test_a_column_that_is_not_there_changes_nothing() -> None:
    rich = replace(
        KNOWN, variant={}, safety_stock=5, cost_minor=7,
        translations={
            "ar": Translation(name="شاي", description="أخضر"), "fr": Translation(name="Thé"),
        },
    )  # fmt: skip

    same, _ = plan(f"{HEAD},name_ar\nknown,Known,1,شاي\n", rich)
    without, _ = plan(f"{HEAD},name_ar\nknown,Known,1,\n", rich)
    emptied, _ = plan(f"{HEAD},barcodes,cost\nknown,Known,1,,\n", rich)

    assert (same.changed, same.unchanged) == (0, 1)
    assert without.changed == 1
    assert emptied.changed == 1


def test_a_barcode_of_a_product_that_is_not_in_the_file_is_refused() -> None:
    _, problems = plan(f"{HEAD},barcodes\nnew,New,1,96385074\n", KNOWN)

    assert told(problems) == [(2, "barcodes", "error")]


def test_a_barcode_may_move_between_products_of_the_file_and_its_giver_goes_first() -> None:
    found, problems = plan(f"{HEAD},barcodes\nnew,New,1,96385074\nknown,Known,1,\n", KNOWN)

    assert problems.listed() == ()
    assert [one.product.sku for one in found.writes] == ["known", "new"]


@pytest.mark.parametrize("sku", ["KNOWN", "kn own"])
def test_a_new_sku_that_differs_by_case_or_space_only_is_refused(sku: str) -> None:
    _, against_catalogue = plan(f"{HEAD}\n{sku},New,1\n", KNOWN)
    _, in_the_file = plan(f"{HEAD}\nknown,Known,1\n{sku},New,1\n")

    assert told(against_catalogue) == [(2, "sku", "error")]
    assert told(in_the_file) == [(3, "sku", "error")]


def test_skus_that_look_alike_and_are_both_there_already_are_only_warned_of() -> None:
    twin = replace(KNOWN, sku="KNOWN", barcodes=())

    _, both = plan(f"{HEAD}\nknown,Known,1\nKNOWN,Known,1\n", KNOWN, twin)
    _, one = plan(f"{HEAD}\nknown,Known,1\n", KNOWN, twin)

    assert told(both) == [(3, "sku", "warning")]
    assert told(one) == [(2, "sku", "warning")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["box,Box,1,box*1"], [2]),
        (["box,Box,1,none*1"], [2]),
        (["box,Box,1,bag*1", "bag,Bag,1,box*1"], [2, 3]),
        (["box,Box,1,bag*1", "bag,Bag,1,known*1"], [2]),
        (["known,Known,1,new*1", "new,New,1,"], [2]),
    ],
)
def test_a_bundle_of_itself_of_nothing_or_of_bundles_is_refused(
    rows: list[str], expected: list[int]
) -> None:
    outside = replace(
        KNOWN, sku="outside", barcodes=(), bundle=(BundleLine(sku="known", quantity=1),)
    )

    _, problems = plan("\n".join([f"{HEAD},bundle", *rows]), KNOWN, outside)

    assert told(problems) == [(row, "bundle", "error") for row in expected]


def test_a_bundle_may_stand_above_its_components_and_is_written_after_them() -> None:
    found, problems = plan(f"{HEAD},bundle\nbox,Box,1,new*2|known*1\nnew,New,1,\n", KNOWN)

    assert problems.listed() == ()
    assert [one.product.sku for one in found.writes] == ["new", "box"]
    assert found.plain == 1


def test_only_stores_make_drafts() -> None:
    _, problems = plan(f"{HEAD},draft\nnew,New,1,true\ndraft-x,New,1,\nknown,Known,1,yes\n", KNOWN)
    completed, none = plan(f"{HEAD},draft\nknown,Known,1,no\n", replace(KNOWN, draft=True))

    assert told(problems) == [(2, "draft", "error"), (3, "sku", "error"), (4, "draft", "error")]
    assert (completed.changed, none.listed()) == (1, ())
