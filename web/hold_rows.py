"""Holds as rows of a replica's file: baskets at a gateway, reservations at the hub.

Each program has a table of its own with the columns `id`, `status`, `data`. Rows are written on the
writer thread, in the commit of the journal entry that they follow from.
"""

from collections.abc import Iterator
from typing import Final, Generic, Literal, TypeVar

import apsw
import msgspec

from retail.ordering.holds import ENDS, Basket, HoldStatus, Reservation

HoldT = TypeVar("HoldT", Basket, Reservation)


class HoldRows(Generic[HoldT]):
    """The holds of one kind, over one connection, which belongs to one thread."""

    def __init__(
        self,
        connection: apsw.Connection,
        table: Literal["basket", "reservation"],
        kind: type[HoldT],
    ) -> None:
        self._connection = connection
        self._table: Final = table
        self._kind: type[HoldT] = kind

    def find(self, hold_id: str) -> HoldT | None:
        """One hold, or None."""
        row = self._connection.execute(
            f"SELECT data FROM {self._table} WHERE id = ?",  # noqa: S608 - one of two names
            (hold_id,),
        ).fetchone()
        return None if row is None else msgspec.json.decode(str(row[0]), type=self._kind)

    def open_ids(self) -> Iterator[str]:
        """The ids of all open holds."""
        for (hold_id,) in self._connection.execute(
            f"SELECT id FROM {self._table} WHERE status = 'open'"  # noqa: S608 - one of two names
        ):
            yield str(hold_id)

    def open_count(self) -> int:
        """How many are open."""
        row = self._connection.execute(
            f"SELECT count(*) FROM {self._table} WHERE status = 'open'"  # noqa: S608 - as above
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(row[0])

    def add(self, hold: HoldT) -> None:
        """Keep a new hold, in the caller's transaction."""
        self._connection.execute(
            f"INSERT INTO {self._table} (id, status, data) VALUES (?, ?, ?)",  # noqa: S608 - as above
            (hold.id, hold.status, msgspec.json.encode(hold).decode()),
        )

    def end(self, hold: HoldT, status: HoldStatus, used_by: str | None = None) -> HoldT:
        """Write how a hold ended, in the caller's transaction, and return it as it is then."""
        assert status in ENDS[hold.status], f"{hold.id} is {hold.status}, and cannot be {status}"
        ended = msgspec.structs.replace(hold, status=status, used_by=used_by)
        self._connection.execute(
            f"UPDATE {self._table} SET status = ?, data = ? WHERE id = ?",  # noqa: S608 - as above
            (status, msgspec.json.encode(ended).decode(), hold.id),
        )
        return ended
