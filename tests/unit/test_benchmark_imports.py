"""Goal: the benchmark of imports measures a file that is one, and its figures are rates.

Method: a small file of the benchmark's, read back; rows from times that can be checked by hand.
"""

import io

from retail.product_files.product_csv import read_products
from retail.product_files.product_sheet import SheetRules
from retail.product_files.row_problems import RowProblems
from scripts.benchmarks.imports import csv_file, rows_from
from scripts.benchmarks.premises import CURRENCY


def test_the_file_has_as_many_products_as_rows_and_nothing_is_wrong_with_it() -> None:
    problems = RowProblems()
    rules = SheetRules(currency=CURRENCY, tax_classes=frozenset({"standard"}))

    sheet = read_products(io.BytesIO(csv_file(300)), rules, problems)

    assert sheet is not None
    assert (sheet.rows, len(sheet.products), problems.listed()) == (300, 300, ())


def test_the_figures_are_rows_per_second_and_only_the_check_has_a_goal() -> None:
    checked, new, again = rows_from(1_000, read_s=0.1, tried_s=1.0, imported_s=20.0, again_s=2.0)

    assert [row.ours for row in (checked, new, again)] == [1_000, 50, 500]
    assert {row.baseline for row in (checked, new, again)} == {10_000}
    assert (checked.verdict, new.verdict, again.verdict) == ("met", "", "")
