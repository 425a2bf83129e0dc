"""Many rows with few statements: written, and read by their keys."""

from collections.abc import Iterator, Sequence
from typing import Final

import apsw

Bindable = int | float | bytes | str | None
"""What SQLite stores."""

ROWS_MAX: Final = 64
"""Rows in one statement. Each statement gives up the interpreter's lock once, and waits for it
again while the event loop is busy: a row per statement made a batch of 64 sales wait 200 times."""


def insert_rows(
    connection: apsw.Connection, insert: str, rows: Sequence[Sequence[Bindable]]
) -> None:
    """Insert many rows with few statements; `insert` is the text up to and with `VALUES`."""
    at = 0
    while at < len(rows):
        size = next(size for size in (ROWS_MAX, 16, 4, 1) if size <= len(rows) - at)
        marks = "(" + ",".join("?" * len(rows[at])) + ")"
        some = rows[at : at + size]
        connection.execute(
            f"{insert} {','.join((marks,) * size)}", [value for row in some for value in row]
        )
        at += size


def rows_of(
    connection: apsw.Connection,
    select: str,
    keys: Sequence[str],
    before: Sequence[Bindable] = (),
) -> Iterator[tuple[object, ...]]:
    """Read the rows of many keys with few statements; `select` is the text up to and with `IN`.

    `before` are the values of the marks in that text.
    """
    for start in range(0, len(keys), ROWS_MAX):
        some = keys[start : start + ROWS_MAX]
        yield from connection.execute(f"{select} ({','.join('?' * len(some))})", [*before, *some])
