"""What is wrong in a table, by row and column: listed up to a limit, counted beyond it.

Rows are numbered as a spreadsheet numbers them: the header is row 1, and a blank row counts.
"""

from typing import Final, Literal

import msgspec

PROBLEMS_MAX: Final = 200
"""Problems in one answer: more than anyone works off before trying again, and below 100 KB."""

SHOWN_CHARS_MAX: Final = 40
"""A cell is quoted up to here; the row and the column say where the rest of it is."""


class RowProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem: `column` is "" where it is about the row or the file as a whole."""

    row: int
    column: str
    severity: Literal["error", "warning"]
    detail: str


class RowProblems:
    """Collects problems. Errors are listed before warnings, because they stop the import."""

    def __init__(self) -> None:
        self.errors = 0
        self.warnings = 0
        self._errors: list[RowProblem] = []
        self._warnings: list[RowProblem] = []

    def error(self, row: int, column: str, detail: str) -> None:
        """Something because of which nothing is imported."""
        self.errors += 1
        if len(self._errors) < PROBLEMS_MAX:
            self._errors.append(RowProblem(row=row, column=column, severity="error", detail=detail))

    def warning(self, row: int, column: str, detail: str) -> None:
        """Something that somebody should look at; it stops nothing."""
        self.warnings += 1
        if len(self._warnings) < PROBLEMS_MAX:
            self._warnings.append(
                RowProblem(row=row, column=column, severity="warning", detail=detail)
            )

    def listed(self) -> tuple[RowProblem, ...]:
        """At most `PROBLEMS_MAX`, by row; a warning is left out before an error is."""
        chosen = [*self._errors, *self._warnings][:PROBLEMS_MAX]
        return tuple(sorted(chosen, key=lambda one: (one.row, one.column)))


def shown(cell: str) -> str:
    """A cell in quotes for a sentence: printable, and not longer than anyone reads."""
    text = "".join(char if char.isprintable() else "?" for char in cell[: SHOWN_CHARS_MAX + 1])
    return f'"{text}"' if len(text) <= SHOWN_CHARS_MAX else f'"{text[:SHOWN_CHARS_MAX]}..."'
