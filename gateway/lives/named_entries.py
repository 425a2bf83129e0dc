"""Entries of some rare kinds, found by what they name in their reference; on the writer thread."""

from collections.abc import Iterator

import apsw

from replication.journal import EntryBody, decode_body
from replication.ledger import Ledger


class NamedEntries:
    """Remembers where entries stand, per kind that was ever asked for.

    The journal has no index of kinds, and a new box holds a hundred thousand entries of others: it
    is looked through once (some 0.1 s), and then from where the last look ended. Only rows that
    are committed are ever seen here, so nothing is to be forgotten after a failed commit.
    """

    def __init__(self, connection: apsw.Connection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger
        self._looked_to: dict[str, int] = {}
        self._places: dict[tuple[str, str], list[tuple[str, int]]] = {}

    def find(self, kind: str, reference: str) -> Iterator[EntryBody]:
        """Those of all journals held here, and of the batch that is open."""
        for one in self._ledger.pending.entries:
            if one.kind == kind and (body := decode_body(one.entry.body)).reference == reference:
                yield body
        self._look(kind)
        for writer, seq in self._places.get((kind, reference), ()):
            data = self._ledger.body_of(writer, seq)
            assert data is not None, "entries stay"
            yield decode_body(data)

    def _look(self, kind: str) -> None:
        last = self._connection.execute("SELECT coalesce(max(arrival), 0) FROM entry").fetchone()
        assert last is not None, "an aggregate always answers"
        for writer, seq, reference in self._connection.execute(
            "SELECT writer, seq, json_extract(CAST(body AS TEXT), '$.reference') FROM entry "
            "WHERE arrival > ? AND kind = ? ORDER BY arrival",
            (self._looked_to.get(kind, -1), kind),
        ):
            self._places.setdefault((kind, str(reference)), []).append((str(writer), int(str(seq))))
        self._looked_to[kind] = int(str(last[0]))
