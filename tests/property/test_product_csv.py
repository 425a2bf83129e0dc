"""Goal: what is exported comes back as it was, and no spreadsheet runs any of it (C1, C2).

Method: products with any text that their fields take, with bars, backslashes, quotes, line ends and
formulas as likely as letters; written, read again, compared. The file is also read with the plain
csv module, as a spreadsheet would.
"""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from retail.money import EXPONENTS
from retail.product_files.catalogue_import import plan_import
from retail.product_files.product_csv import (
    MARK,
    export_cells,
    export_header,
    export_lines,
    read_products,
)
from retail.product_files.product_csv_columns import guarded, unguarded
from retail.product_files.product_sheet import SheetRules
from retail.product_files.row_problems import RowProblems
from retail.products.catalogue import BundleLine, Product, Translation

AWKWARD = "=+-@'|\\\"*, ;aä1شي"
printable = st.text(st.sampled_from(AWKWARD) | st.characters(categories=["L", "N", "P", "S"]))
lines = st.text(
    st.sampled_from(AWKWARD + "\t\r\n") | st.characters(exclude_characters="\0", codec="utf-8"),
    max_size=30,
)
names = lines.filter(lambda text: not text.isspace() and text != "").map(lambda text: f"{text}n")
words = printable.filter(bool).map(lambda text: text[:30])
skus = st.text(st.sampled_from("=+-@'|\\*, aA1"), min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)
minor = st.integers(min_value=0, max_value=10**12)


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[str, list[Product]]:
    """A chain's currency and its products: SKUs and barcodes of their own, bundles of others."""
    currency = draw(st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
    chosen = draw(st.lists(skus, max_size=4, unique_by=lambda sku: "".join(sku.split()).lower()))
    products = [draw(products_of(sku, currency, place)) for place, sku in enumerate(chosen)]
    if len(products) > 1 and draw(st.booleans()):
        parts = tuple(
            BundleLine(sku=one.sku, quantity=draw(st.integers(1, 99)))
            for one in products[1:]
            if not one.archived
        )
        products[0] = replace(products[0], bundle=parts)
    return currency, products


def products_of(sku: str, currency: str, place: int) -> st.SearchStrategy[Product]:
    """Products of a SKU; `place` keeps their barcodes apart."""
    barcodes = st.lists(words, max_size=3, unique=True)
    return st.builds(
        Product,
        sku=st.just(sku),
        name=names,
        price_minor=minor,
        currency=st.just(currency),
        barcodes=barcodes.map(
            lambda many: tuple(f"x{place}{n}{one}x" for n, one in enumerate(many))
        ),
        safety_stock=st.integers(0, 10**9),
        stock_policy=st.sampled_from(["strict", "tolerant", "untracked"]),
        price_per_quantity=st.integers(1, 10**9),
        description=lines,
        variant=st.none() | st.dictionaries(words, words, min_size=1, max_size=3),
        translations=st.dictionaries(
            st.sampled_from(["ar", "fr", "pt-BR"]),
            st.builds(Translation, name=names, description=lines),
        ),
        categories=st.lists(words, max_size=3).map(tuple),
        images=st.lists(words.map(lambda text: text.replace(" ", "") + "/"), max_size=3).map(tuple),
        unit=st.sampled_from(["piece", "g", "ml", "cm"]),
        cost_minor=st.none() | minor,
        archived=st.booleans(),
    )


def exported(products: list[Product]) -> str:
    languages = sorted({language for one in products for language in one.translations})
    rows = (export_cells(one, languages) for one in products)
    return MARK + export_lines([export_header(languages)]) + export_lines(rows)


@given(catalogues())
def test_an_export_that_is_imported_is_what_was_exported(
    chain: tuple[str, list[Product]],
) -> None:
    currency, products = chain
    rules = SheetRules(currency=currency, tax_classes=frozenset({"standard"}))
    problems = RowProblems()

    sheet = read_products(io.BytesIO(exported(products).encode()), rules, problems)

    assert sheet is not None
    assert problems.errors == 0, problems.listed()
    assert [entry.product for entry in sheet.products.values()] == products
    plan = plan_import(sheet, products, {one.sku: one for one in products}, problems)
    assert problems.errors == 0, problems.listed()
    assert (plan.unchanged, plan.writes) == (len(products), ())
    assert currency in EXPONENTS


@given(catalogues())
def test_no_cell_of_an_export_begins_like_a_formula(chain: tuple[str, list[Product]]) -> None:
    text = exported(chain[1]).removeprefix(MARK)

    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]

    assert len(cells) >= 18
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(st.text(st.sampled_from("'=+-@\t\ra"), max_size=6))
def test_the_guard_of_a_formula_is_taken_off_as_it_was_put_on(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
