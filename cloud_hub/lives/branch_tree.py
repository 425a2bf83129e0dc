"""A journal with its branches as one tree: who has an entry, and what had been at it.

Entries are chained by their hashes, so whatever two boxes have in common they have from the
beginning on: an entry is in the journal of its writer or in one branch of it, and all that comes
before it is known with it. A branch leaves the journal, or another branch: an image may be of a box
that already stood on one.
"""

from typing import Final, NamedTuple

import apsw
import msgspec

from cloud_hub.head_office import HeadOffice
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellChange, EscrowCounter
from replication.ids import WriterId, entry_id
from replication.journal import Head, decode_body

_BRANCH: Final = "name, writer, leaves, common_seq, box, became, exposed, taken_ms"


class Branch(msgspec.Struct, frozen=True, array_like=True):
    """A branch as it is held: `taken_ms` is None as long as more of it may come."""

    name: WriterId
    writer: WriterId
    leaves: WriterId | None
    common_seq: int
    box: str
    became: WriterId | None
    exposed: int
    taken_ms: int | None


class Place(NamedTuple):
    """An entry of a writer, in a branch or (None) in its journal."""

    branch: WriterId | None
    head: Head


class _Stretch(NamedTuple):
    """A part of the way to a place: the journal that it is folded in, and how far.

    `seq` is that of the writer's own numbers, `end` that of the journal.
    """

    journal: WriterId
    seq: int
    end: int


def place_of_entry(store: ReplicaStore, writer: str, head: Head) -> Place | None:
    """Where the tree has this entry; None where it has not."""
    if store.load_hash(writer, head.seq) == head.hash:
        return Place(None, head)
    row = store.connection.execute(
        "SELECT branch FROM branch_entry WHERE writer = ? AND seq = ? AND hash = ?",
        (writer, head.seq, head.hash),
    ).fetchone()
    return None if row is None else Place(WriterId(str(row[0])), head)


def branch_named(connection: apsw.Connection, name: WriterId) -> Branch:
    """A branch that is held."""
    row = connection.execute(f"SELECT {_BRANCH} FROM branch WHERE name = ?", (name,)).fetchone()  # noqa: S608
    assert row is not None, f"{name} was found or made just now"
    return msgspec.convert(row, Branch)


def last_seq(connection: apsw.Connection, name: WriterId) -> int:
    """The last entry of a branch, by its writer's own number."""
    row = connection.execute(
        "SELECT max(seq) FROM branch_entry WHERE branch = ?", (name,)
    ).fetchone()
    return int(str(row[0])) if row else 0


class Way:
    """From the beginning of a journal to a place in its tree."""

    def __init__(self, office: HeadOffice, writer: WriterId, place: Place) -> None:
        """Read which journals lead there; what they say is read when it is asked for."""
        self._office = office
        self._writer = writer
        self._stretches: list[_Stretch] = []
        self._counters: dict[tuple[str, str], EscrowCounter] = {}
        name, seq = place.branch, place.head.seq
        while name is not None:
            self._stretches.append(_Stretch(name, seq, self._place(name, seq)))
            branch = branch_named(office.connection, name)
            name, seq = branch.leaves, branch.common_seq
        self._stretches.append(_Stretch(writer, seq, seq))

    def entry(self, seq: int) -> str | None:
        """What an entry on the way was written down again as; None where it is in the journal."""
        found: _Stretch | None = None
        for stretch in self._stretches:
            if stretch.seq < seq:
                break
            found = stretch
        if found is None or found.journal == self._writer:
            return None
        return entry_id(found.journal, self._place(found.journal, seq))

    def value(self, cell: CellChange) -> int:
        """What a cell of the writer had come to at the place.

        A branch is folded as what it added, in cells of its own: the sum of all stretches.
        """
        counter = self._counter(cell.location, cell.sku)
        return sum(counter.value(cell.table, one.journal, cell.detail) for one in self._stretches)

    def _counter(self, location: str, sku: str) -> EscrowCounter:
        if (known := self._counters.get((location, sku))) is not None:
            return known
        ends = {one.journal: one.end for one in self._stretches}
        counter = self._counters[location, sku] = EscrowCounter(location, sku)
        for _, data in self._office.store.entries_about(location, sku):
            body = decode_body(data)
            if body.seq <= ends.get(WriterId(body.writer), 0):
                for cell in body.cells:
                    if (cell.location, cell.sku) == (location, sku):
                        counter.merge_cell(cell.key, cell.value)
        return counter

    def _place(self, name: WriterId, seq: int) -> int:
        row = self._office.connection.execute(
            "SELECT place FROM branch_entry WHERE branch = ? AND seq = ?", (name, seq)
        ).fetchone()
        assert row is not None, f"{name} has no entry {seq}"
        return int(str(row[0]))
