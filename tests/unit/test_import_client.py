"""Goal: what the command line shows of an import can be read at a glance and says the truth.

Method: reports and problems made by hand, as lines.
"""

from msgspec.structs import replace

from cloud_hub.products.import_client import problem_lines, summary
from cloud_hub.products.imports import ImportReport
from retail.product_files.row_problems import RowProblem, RowProblems, shown

REPORT = ImportReport(
    rows=3, products=2, created=1, changed=0, unchanged=1, errors=0, warnings=2, dry_run=False,
    problems=(),
)  # fmt: skip


def test_problems_are_lined_up() -> None:
    problems = (
        RowProblem(row=2, column="price", severity="error", detail="Too much."),
        RowProblem(row=1234, column="sku", severity="warning", detail="Odd."),
    )

    assert problem_lines(problems) == (
        "row    2  price  error    Too much.\n"
        "row 1234  sku    warning  Odd.\n"
    )  # fmt: skip
    assert problem_lines(()) == ""


def test_what_was_not_done_is_told_as_what_would_be() -> None:
    assert summary(REPORT) == (
        "3 rows, 2 products: 1 created, 0 changed, 1 unchanged; 0 errors, 2 warnings\n"
    )
    for undone in (
        replace(REPORT, dry_run=True),
        replace(REPORT, errors=1),
    ):
        assert "1 would be created" in summary(undone)


def test_a_cell_is_shown_printable_and_short() -> None:
    assert shown("a\x1b[2J\nb") == '"a?[2J?b"'
    assert shown("x" * 100) == '"' + "x" * 40 + '..."'


def test_problems_are_counted_beyond_what_is_listed() -> None:
    problems = RowProblems()
    for row in range(500):
        problems.warning(row, "", "Odd.")
    problems.error(999, "", "Wrong.")

    assert (problems.errors, problems.warnings) == (1, 500)
    assert problems.listed()[-1].detail == "Wrong."
