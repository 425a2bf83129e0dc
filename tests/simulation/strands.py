"""What one disk wrote in a writer's name, where a writer's name was on more disks than one.

A disk that is put back to an image, or copied, goes on from there: a strand of its own, which
leaves another one at the entry that the image ended with. Whose entries a strand's are in the end
the hub decides, and its rows say so: they stand in the writer's journal, or in a branch that has a
name of its own. What that comes to is reckoned here anew: what each entry added to a cell, since
its strand began.

The rights that an image has are used beside those of the disk that it was made of: nobody can see
that before the two are heard of. So a strand may use as many units as its image had rights to, and
what registers gave it since, and not one more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from replication.escrow import EscrowCounter
from replication.ids import is_register, replica_of
from tests.simulation.shelf import Place

Cell = tuple[str, str, str]
"""Table, holder, detail."""

UNDECIDED: Final = "~"
"""In the name of whoever wrote what nobody but its own disk has."""

USES: Final = {"spent": 1, "minted": -1, "reclaimed": -1}
"""What a cell means for the units that were used."""

PlaceAtHub = Callable[[str, int, bytes], str | None]
"""In whose journal the hub has an entry of a writer (seq, hash); None: nowhere."""


def is_given_down(cell: Cell) -> bool:
    """Whether it is a grant to a register, which merges it whoever gave it.

    Of a branch it counts as far as somebody has it; what was given up the tree there nobody took.
    """
    return cell[0] == "granted" and is_register(cell[2])


class Written(NamedTuple):
    """An entry as a strand has it: the cells with the values that they have from then on."""

    seq: int
    digest: bytes
    cells: tuple[tuple[Place, Cell, int], ...]
    sale: bytes = b""
    """What it says, where it is a sale."""


@dataclass(slots=True, eq=False)
class Strand:
    """See the module's theory. `number` is 0 for the first strand of a writer."""

    writer: str
    number: int
    leaves: "Strand | None" = None
    fork: tuple[int, bytes] = (0, bytes(32))
    entries: list[Written] = field(default_factory=list)
    is_gone: bool = False
    """Whether its disk is destroyed or has become another's: what the hub has of it is all."""

    rights: Mapping[Place, int] = field(default_factory=dict)
    """What its image could sell, as it knew it."""

    granted_then: Mapping[tuple[Place, Cell], int] = field(default_factory=dict)
    """The grants to and by the writer that were in the image."""

    used: dict[Place, int] = field(default_factory=dict)
    """Units that were used on it, more than came to it."""

    values: dict[tuple[Place, Cell], int] = field(default_factory=dict)
    """What the writer's cells have come to."""

    names: dict[int, str] = field(default_factory=dict)
    """Whose entries are at the hub, by their seqs: that is for good."""

    @property
    def head(self) -> tuple[int, bytes]:
        """Its last entry."""
        return (self.entries[-1].seq, self.entries[-1].digest) if self.entries else self.fork

    def values_at(self, seq: int) -> dict[tuple[Place, Cell], int]:
        """What the writer's cells had come to at a seq."""
        values = {} if self.leaves is None else self.leaves.values_at(min(seq, self.fork[0]))
        for entry in self.entries:
            if entry.seq > seq:
                break
            values |= {(place, cell): value for place, cell, value in entry.cells}
        return values

    def take(self, entry: Written) -> list[int]:
        """The next entry is durable; returns by how much each of its cells grew."""
        self.entries.append(entry)
        growths: list[int] = []
        for place, cell, value in entry.cells:
            growths.append(value - self.values.get((place, cell), 0))
            self.values[place, cell] = value
            sign = USES.get(cell[0], 0)
            self.used[place] = self.used.get(place, 0) + sign * growths[-1]
        return growths

    def may_use(self, counter: EscrowCounter) -> int:
        """Units that it may use at most: its image's, and what came and went by grants since."""
        place = (counter.location, counter.sku)
        units = self.rights.get(place, 0)
        for table, holder, detail, value in counter.cells():
            if table == "granted" and self.writer in {holder, detail}:
                since = value - self.granted_then.get((place, (table, holder, detail)), 0)
                units += since if detail == self.writer else -since
        return units


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A copy of a disk. `rights` is what its box could sell then, as it knew it."""

    data: bytes
    strand: Strand
    head: tuple[int, bytes]
    rights: Mapping[Place, int]
    grants: Mapping[tuple[Place, Cell], int]


class Strands:
    """All strands of all writers. `place_at_hub` reads the hub's rows."""

    def __init__(self, place_at_hub: PlaceAtHub) -> None:
        self._of: dict[str, list[Strand]] = {}
        self._place_at_hub = place_at_hub

    def begin(self, writer: str) -> Strand:
        """A box begins to write in a writer's name, on an empty disk."""
        known = self._of.setdefault(writer, [])
        if known:
            return self._fork(known[0], (0, bytes(32)), {}, {})
        known.append(Strand(writer, 0))
        return known[0]

    def go_on(self, image: Image) -> Strand:
        """A disk goes on from an image."""
        return self._fork(image.strand, image.head, image.rights, image.grants)

    def _fork(
        self,
        leaves: Strand,
        at: tuple[int, bytes],
        rights: Mapping[Place, int],
        grants: Mapping[tuple[Place, Cell], int],
    ) -> Strand:
        known = self._of[leaves.writer]
        strand = Strand(
            leaves.writer, len(known), leaves, at,
            rights=rights, granted_then=grants, values=leaves.values_at(at[0]),
        )  # fmt: skip
        known.append(strand)
        return strand

    def of(self, writer: str) -> Sequence[Strand]:
        """Those of a writer."""
        return self._of.get(writer, ())

    def all(self) -> Iterator[Strand]:
        """Each of them."""
        for writer in sorted(self._of):
            yield from self._of[writer]

    def is_parted(self, writer: str) -> bool:
        """Whether a writer's name was on more disks than one."""
        return len(self._of.get(writer, ())) > 1

    @property
    def are_parted(self) -> bool:
        """Whether this is so of any writer."""
        return any(len(strands) > 1 for strands in self._of.values())

    def writers_at(self, location: str) -> list[str]:
        """Who ever wrote as a store's gateway."""
        return [one for one in sorted(self._of) if replica_of(one) == location]

    def parted(self) -> list[str]:
        """Whose names were on more disks than one."""
        return sorted(writer for writer in self._of if self.is_parted(writer))

    def used_beyond(self, place: Place) -> int:
        """Units that images may have used beside their originals."""
        return sum(max(0, one.used.get(place, 0)) for one in self.all() if one.leaves is not None)

    def pending(self, strand: Strand) -> str:
        """Whose entries are that the hub does not have yet."""
        if not self.is_parted(strand.writer):
            return strand.writer
        return f"{strand.writer}{UNDECIDED}{strand.number}"

    def name_of(self, strand: Strand, entry: Written) -> str | None:
        """Whose an entry is; None: nobody's any more."""
        if entry.seq not in strand.names:
            placed = self._place_at_hub(strand.writer, entry.seq, entry.digest)
            if placed is None:
                return self.pending(strand) if self._is_kept(strand, entry.seq) else None
            strand.names[entry.seq] = placed
        return strand.names[entry.seq]

    def _is_kept(self, strand: Strand, seq: int) -> bool:
        """Whether a disk has an entry: this strand's, or one that leaves it later."""
        return not strand.is_gone or any(
            self._is_kept(one, one.fork[0])
            for one in self._of[strand.writer]
            if one.leaves is strand and one.fork[0] >= seq
        )

    def unheard(self, strand: Strand) -> list[int]:
        """Entries of a strand that its disk has, and the hub not."""
        return [
            one.seq
            for one in strand.entries
            if self._place_at_hub(strand.writer, one.seq, one.digest) is None
        ]

    def put_aside(self, strand: Strand | None) -> list[int]:
        """A box has become another, and its file is kept for people alone.

        Rights that it covered a deficit with while it asked, and the hub has not heard of, are
        frozen there, and the next box covers that again. Entries that moved goods are returned.
        """
        if strand is None:
            return []
        strand.is_gone = True
        unheard = set(self.unheard(strand))
        return [
            one.seq
            for one in strand.entries
            if one.seq in unheard and any(cell[0] == "moved" for _, cell, _ in one.cells)
        ]

    def cells(self) -> Iterator[tuple[Place, Cell, int]]:
        """All cells of such writers that are durable somewhere, under whoever's name they are."""
        sums: dict[tuple[Place, Cell], int] = {}  # of a branch: its box may be an image's image
        for writer in self.parted():
            for strand in self._of[writer]:
                yield from self._cells_of(strand, sums)
        for (place, cell), value in sums.items():
            yield place, cell, value

    def _cells_of(
        self, strand: Strand, sums: dict[tuple[Place, Cell], int]
    ) -> Iterator[tuple[Place, Cell, int]]:
        """Those that stay the writer's own; what a branch's come to is added to `sums`."""
        values = {} if strand.leaves is None else strand.leaves.values_at(strand.fork[0])
        for entry in strand.entries:
            name = self.name_of(strand, entry)
            for place, cell, value in entry.cells:
                grown = value - values.get((place, cell), 0)
                values[place, cell] = value
                if name is None:
                    continue
                if name == strand.writer or (UNDECIDED in name and is_given_down(cell)):
                    yield place, cell, value
                elif cell[0] != "granted":
                    own = (place, (cell[0], name, cell[2]))
                    sums[own] = sums.get(own, 0) + grown
