"""Which entries are about a SKU at a location: the index `entry_by_sku`, and who reads it.

A sale does not pay for it: it is written with each checkpoint of the counters, for all entries
since the one before (`replication.ledger`). So it holds exactly the entries up to
`meta.counters_saved`, and whoever reads also looks through the few that came after. Both happen in
one transaction or snapshot of the caller.
"""

from collections.abc import Iterable, Iterator

import apsw
import msgspec

from replication.escrow import CellChange
from replication.ids import location_of


class Touched(msgspec.Struct, frozen=True):
    """What an entry touches; the rest of its body is skipped, which takes half the time."""

    writer: str
    moves: list[tuple[str, int]]
    cells: list[CellChange]

    def places(self) -> set[tuple[str, str]]:
        """Each (SKU, location) once; goods move where their writer is."""
        at = location_of(self.writer)
        return {(cell.sku, cell.location) for cell in self.cells} | {
            (sku, at) for sku, _ in self.moves
        }


touched_by = msgspec.json.Decoder(Touched).decode
"""Reads `Touched` from the bytes of an entry that was checked when it was stored."""


def index_entries(connection: apsw.Connection, after: int) -> None:
    """Index all entries that arrived after `after`, with a new checkpoint of the counters.

    Bodies are read by the program's own reader and not by SQLite's: the two differ in how deeply
    JSON may be nested, and an entry that one of them refused would fail every later checkpoint.
    """
    index_bodies(
        connection,
        connection.execute("SELECT arrival, body FROM entry WHERE arrival > ?", (after,)),
    )


def index_bodies(connection: apsw.Connection, entries: Iterable[tuple[int, bytes]]) -> None:
    """Index entries, each (arrival, body)."""
    rows = sorted(
        (sku, location, arrival)
        for arrival, body in entries
        for sku, location in touched_by(body).places()
    )
    # One statement for all rows: each one waits for the interpreter's lock once.
    connection.execute(
        "INSERT OR IGNORE INTO entry_by_sku "
        "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
        (msgspec.json.encode(rows).decode(),),
    )


def entries_about(
    connection: apsw.Connection, location: str, sku: str, *, indexed_to: int
) -> Iterator[tuple[int, bytes]]:
    """(arrival, body) of the entries about a SKU at a location, in the order of arrival.

    `indexed_to` is the arrival of the last entry that is indexed.
    """
    yield from connection.execute(
        "SELECT found.arrival, body FROM entry_by_sku AS found JOIN entry USING (arrival) "
        "WHERE found.sku = ? AND found.location = ? AND found.arrival <= ? ORDER BY found.arrival",
        (sku, location, indexed_to),
    )
    for arrival, body in connection.execute(
        "SELECT arrival, body FROM entry WHERE arrival > ? ORDER BY arrival", (indexed_to,)
    ):
        if (sku, location) in touched_by(body).places():
            yield arrival, body
