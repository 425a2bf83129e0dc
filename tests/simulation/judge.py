"""The judge of every step: each commit is read back from its disk and held against all before.

The judge keeps the union of all durable states in cells of its own, with arithmetic of its own, so
that a defect of the counter cannot hide itself. After each commit it reads the entries that are
new in the committer's own journal and says what is wrong with them:

    chain   no gap, and each hash follows from the one before
    E4, E8  a writer writes its own cells, grants to others, and cells only grow
    E1      no holder's quota is below zero, on the union and in the committer's own eyes
    W1, W2  what comes back, and exchanges: `sales_judge`
    image   what is used on an old image is no more than it had rights to: `strands`

What a register that is lost had sold and nobody has heard of did happen, so it stays in the union,
where nobody may take the rights that it used. When people have counted the goods the count has
said the same in another way: from then on only what others know of it is in the union.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from replication.escrow import EscrowCounter
from tests.simulation.programs import Box
from tests.simulation.sales_judge import SELLING, SalesJudge
from tests.simulation.shelf import Place
from tests.simulation.strands import (
    UNDECIDED,
    Cell,
    PlaceAtHub,
    Strand,
    Strands,
    Written,
    is_given_down,
)

SIGNS: Final = {"minted": 1, "spent": -1, "granted": -1, "reclaimed": 1}
"""What a cell means for the quota of its holder."""

DETAIL_SIGNS: Final = {"granted": 1, "reclaimed": -1, "conceded": 1}
"""What it means for the quota of the writer that is its detail; a level is no writer."""


class _Body(msgspec.Struct):
    """What the judge reads of an entry."""

    writer: str
    seq: int
    kind: str
    cells: list[tuple[str, str, str, str, str, int]]
    record: msgspec.Raw


_decode: Final = msgspec.json.Decoder(_Body).decode


def _rows(box: Box, writer: str, after: int) -> list[tuple[int, bytes, bytes]]:
    found = box.disk.connection.execute(
        "SELECT seq, hash, body FROM entry WHERE writer = ? AND seq > ? ORDER BY seq",
        (writer, after),
    )
    return [(int(str(seq)), bytes(digest), bytes(data)) for seq, digest, data in found]


def sales_at(box: Box, writers: Sequence[str], accuse: Callable[[str], None]) -> SalesJudge:
    """What a replica has heard of the sales and returns in journals, judged as it stands there.

    What was sold comes first: it may have come back in another store, whose journal is another.
    """
    sales = SalesJudge(accuse)
    told = [_decode(data) for writer in writers for _, _, data in _rows(box, writer, 0)]
    for body in sorted(told, key=lambda one: one.kind not in SELLING):
        sales.take(body.kind, body.record)
    sales.committed()
    return sales


class Union:
    """The cells of all counters as they are durable somewhere, and the quota that follows."""

    def __init__(self) -> None:
        self.cells: dict[Place, dict[Cell, int]] = {}
        self.quota: dict[Place, dict[str, int]] = {}

    def take(self, place: Place, cell: Cell, value: int) -> int:
        """A cell was written; returns by how much it grew."""
        cells = self.cells.setdefault(place, {})
        growth = value - cells.get(cell, 0)
        if growth > 0:
            cells[cell] = value
            table, holder, detail = cell
            quota = self.quota.setdefault(place, {})
            quota[holder] = quota.get(holder, 0) + SIGNS.get(table, 0) * growth
            if table in DETAIL_SIGNS and "." in detail:
                quota[detail] = quota.get(detail, 0) + DETAIL_SIGNS[table] * growth
        return growth

    def add(self, place: Place, cell: Cell, units: int) -> None:
        """A cell grew by so much."""
        self.take(place, cell, self.cells.get(place, {}).get(cell, 0) + units)

    def total(self, place: Place, table: str, *details: str) -> int:
        """The sum over all holders of some reasons, or of all."""
        return sum(
            value
            for cell, value in self.cells.get(place, {}).items()
            if cell[0] == table and (not details or cell[2] in details)
        )

    def counter(self, place: Place) -> EscrowCounter:
        """The counter with these cells."""
        cells = self.cells.get(place, {})
        return EscrowCounter(*place, [(*cell, value) for cell, value in cells.items()])


def overridden(union: Union, place: Place) -> int:
    """Units that were overdrawn on a supervisor's word, as far as it is journalled."""
    return union.total(place, "overdrawn", "sold")


def overdrawn_by_losses(union: Union, place: Place) -> int:
    """Units that losses overdrew, as far as it is journalled."""
    return union.total(place, "overdrawn", "written_off", "counted_down", "damaged")


class _Taken(NamedTuple):
    """A cell, and the entry that wrote it, or whoever shows it."""

    writer: str
    seq: int
    place: Place
    cell: Cell
    value: int


NEVER_HEARD: Final = 10**9
"""The entry of what only a register can show: should it be lost, nobody else may know of it."""


class Judge:
    """See the module's theory. `accuse` is told each sentence that is broken.

    `is_counted` says whether people stand at a shelf and count it. Of a writer whose name was on
    more disks than one, `place_at_hub` says in whose journal the hub has an entry, and `grants`
    which of its grants others know.
    """

    def __init__(
        self,
        accuse: Callable[[str], None],
        is_counted: Callable[[Place], bool],
        place_at_hub: PlaceAtHub,
        grants: Callable[[], Iterable[tuple[Place, Cell, int]]],
    ) -> None:
        self.union = Union()
        self.strands = Strands(place_at_hub)
        self.seen: set[Place] = set()
        """Places that any entry was about."""

        self.buried: dict[str, int] = {}
        """Writers whose boxes are gone, and how far the hub has their journals: what goes beyond
        their rights is conceded when it is heard."""

        self.lost: dict[str, int] = {}
        """Registers that are gone, and how far others are known to have their journals."""

        self.found: set[str] = set()
        """Registers that were gone: their gateway may not have heard yet that they are back."""

        self._shown: dict[str, list[tuple[Place, Cell, int]]] = {}
        """What others know of a lost register's cells: some were told ahead of its journal."""

        self._counted: dict[tuple[str, Place], tuple[str, int]] = {}
        """By which entry the goods were counted after a register was gone."""

        self._counted_unheard: dict[tuple[str, Place], tuple[str, int]] = {}
        """The same by entries of boxes that are gone, which nobody has heard of."""

        self._taken: list[_Taken] = []
        self._sales = SalesJudge(accuse)
        self._accuse = accuse
        self._is_counted = is_counted
        self._grants = grants

    def committed(self, box: Box) -> set[Place]:
        """A commit is durable; returns the places that it touched."""
        touched: set[Place] = set()
        ledger = box.ledger
        writer = str(ledger.writer)
        if box.strand is None or box.strand.writer != writer:
            box.strand = self.strands.begin(writer)
        for body, digest in self._news(box, box.strand):
            self._sales.take(body.kind, body.record)
            touched |= self._take(box.strand, body, digest)
        self._sales.committed()
        for place in touched:
            if self._owing(place) and self.strands.are_parted:
                self.add_up()
            for holder, units in self._owing(place):
                self._accuse(f"E1: {holder} owes {units} of {place[1]} at {place[0]}")
            self._check_image(box, box.strand, place)
        for (location, sku), counter in ledger._counters.items():
            units = counter.quota(ledger.writer)
            if units < 0:
                self._accuse(f"E1: {writer} has {units} of {sku} at {location} in its own eyes")
        return touched

    def _take(self, strand: Strand, body: _Body, digest: bytes) -> set[Place]:
        cells = tuple(
            ((location, sku), (table, holder, detail), value)
            for location, sku, table, holder, detail, value in body.cells
        )
        sale = bytes(body.record) if body.kind == "sale" else b""
        growths = strand.take(Written(body.seq, digest, cells, sale))
        name = self.strands.pending(strand)
        for (place, cell, value), growth in zip(cells, growths, strict=True):
            self.seen.add(place)
            self._check_cell(body, place, cell, value, growth)
            if name == strand.writer or is_given_down(cell):
                if name != strand.writer or self._is_heard(name, body.seq):
                    self.union.take(place, cell, value)
            elif cell[0] != "granted":
                self.union.add(place, (cell[0], name, cell[2]), growth)
            self._taken.append(_Taken(strand.writer, body.seq, place, cell, value))
            was_gone = cell[2] in self.lost or cell[2] in self.found
            if cell[0] == "reclaimed" and was_gone and self._is_counted(place):
                self.counted(cell[2], place, (strand.writer, body.seq))
        return {place for place, _, _ in cells}

    def _owing(self, place: Place) -> list[tuple[str, int]]:
        return [
            (holder, -units)
            for holder, units in self.union.quota.get(place, {}).items()
            if units < 0 and UNDECIDED not in holder and not self.strands.is_parted(holder)
            if holder not in self.buried and (holder, place) not in self._counted
        ]

    def _check_image(self, box: Box, strand: Strand, place: Place) -> None:
        """What is used on an image is no more than it had rights to."""
        if strand.leaves is None:
            return
        used, may_use = strand.used.get(place, 0), strand.may_use(box.ledger.counter(*place))
        if used > may_use:
            self._accuse(
                f"exposure: {used} of {place[1]} at {place[0]} are used on an image that may use "
                f"{may_use}"
            )

    def bury(self, writer: str, heard: int, shown: Sequence[tuple[str, Place, Cell, int]]) -> None:
        """A box is gone: of its journal only what others have ever was.

        Others have it up to `heard`, and the cells that are `shown`, each by the register named.
        """
        self._taken += [
            _Taken(by, NEVER_HEARD, place, cell, value) for by, place, cell, value in shown
        ]
        self._counted_unheard |= {
            key: by for key, by in self._counted.items() if by[0] == writer and by[1] > heard
        }
        for key in self._counted_unheard:
            self._counted.pop(key, None)
        self.hear_buried(writer, heard)

    def hear_buried(self, writer: str, heard: int) -> None:
        """Others have the journal of a box that is gone up to there: it may have been found."""
        self.buried[writer] = heard
        for key, by in list(self._counted_unheard.items()):
            if self._is_heard(*by):
                del self._counted_unheard[key]
                self._counted.setdefault(key, by)
        self.add_up()

    def _is_heard(self, writer: str, seq: int) -> bool:
        """Whether anybody has an entry, or shows it: of a box that is gone not all may be known."""
        return seq == NEVER_HEARD or seq <= self.buried.get(writer, seq)

    def counted(self, register: str, place: Place, by: tuple[str, int]) -> None:
        """The goods of a place were counted, by an entry, since a register was gone."""
        if (register, place) not in self._counted:
            self._counted[register, place] = by
            self.add_up()

    def has_none(self, register: str, place: Place) -> bool:
        """Whether the rights that a register had there were others' after a count."""
        return (register, place) in self._counted

    def used_after(self, register: str, seq: int, place: Place) -> int:
        """Uses of an allowance that a register made after an entry, as far as they are known."""
        used, released = ("spent", register, "used"), ("minted", register, "use_released")
        before = Union()
        for one in self._taken:
            if one.writer == register and one.seq <= seq and one.place == place:
                before.take(place, one.cell, one.value)
        now, then = self.union.cells.get(place, {}), before.cells.get(place, {})
        more = [now.get(cell, 0) - then.get(cell, 0) for cell in (used, released)]
        return max(0, more[0] - more[1])

    def hear_lost(self, register: str, heard: int, shown: list[tuple[Place, Cell, int]]) -> None:
        """A register is gone; others have its journal up to `heard`, and these cells of it."""
        if (self.lost.get(register), self._shown.get(register)) != (heard, shown):
            self.lost[register], self._shown[register] = heard, shown
            self.add_up()

    def find(self, register: str) -> None:
        """A register is back, with all that it has."""
        self.lost.pop(register, None)
        self.found.add(register)
        self.add_up()

    def add_up(self) -> None:
        """Whose the entries are, and who knows what, may have become another by now."""
        self.union = Union()
        for one in self._taken:
            if self.strands.is_parted(one.writer):
                continue
            if not self._is_heard(one.writer, one.seq):
                continue
            is_told = one.writer not in self.lost or one.seq <= self.lost[one.writer]
            if is_told or (one.writer, one.place) not in self._counted:
                self.union.take(one.place, one.cell, one.value)
        for register in self.lost:
            for place, cell, value in self._shown[register]:
                self.union.take(place, cell, value)
        if self.strands.are_parted:
            for place, cell, value in (*self.strands.cells(), *self._grants()):
                self.union.take(place, cell, value)

    def _news(self, box: Box, strand: Strand) -> Iterator[tuple[_Body, bytes]]:
        seq, head = strand.head
        for found, digest, data in _rows(box, strand.writer, seq):
            if found != seq + 1 or hashlib.sha256(head + data).digest() != digest:
                self._accuse(f"journal: entry {found} of {strand.writer} does not follow {seq}")
            seq, head = seq + 1, digest
            yield _decode(data), digest

    def _check_cell(self, body: _Body, place: Place, cell: Cell, value: int, growth: int) -> None:
        table, holder, detail = cell
        what = f"{table}[{detail}] of {place[1]} at {place[0]} in {body.kind} {body.seq}"
        if holder != body.writer:
            self._accuse(f"E8: {body.writer} wrote a cell of {holder}: {what}")
        if table == "granted" and detail == holder:
            self._accuse(f"E4: {holder} granted to itself: {what}")
        if growth <= 0:
            self._accuse(f"E4: a cell does not grow: {what} is {value}")
