"""A second branch of a journal as a journal of its own: what it did, as deltas. Pure.

Two boxes that go on from one image write two journals under one name. Their cells are absolute, so
the branch that is heard second cannot be merged as it is: `max` would lose what both did. What each
of its entries added since the two parted is written down again, entry by entry, as cells of an
incarnation of its own:

    minted spent moved overdrawn disposed   what was added since, by the new writer
    reclaimed conceded                      the same, about registers
    granted to a register                   witnessed: the register has that cell, and merged it
                                            with the other branch's
    granted up                              left out: nobody took it, or the hub has the cell

A sale keeps its record, id and number, for a customer has them on paper: it is journalled as
recovered. Elsewhere, where an entry names a place of its own branch, it names the new one.
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from replication.escrow import CellChange, CellKey, Table
from replication.ids import WriterId, entry_id, is_register
from replication.journal import Entry, EntryBody, Head, append
from replication.relaying import WITNESSED, Witnessed
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE, SEALED

Value = Callable[[CellChange], int]
"""What a cell of a branch is worth to somebody."""


class Rewriting:
    """Writes entries of a branch of `old` down again as the next ones of the journal of `new`.

    `places` are the seqs that they have there, by those that they had.
    """

    def __init__(
        self,
        old: WriterId,
        new: WriterId,
        head: Head,
        *,
        before: Value,
        written: Value,
        place: Callable[[int], str | None],
        grants_count: bool,
    ) -> None:
        """Nothing of these entries is written yet.

        Args:
            old: the writer of the branch, and of the journal that it leaves.
            new: the incarnation that the branch is given.
            head: how far the journal of `new` is written.
            before: the value of a cell of `old` just before the first of these entries.
            written: the value of the same cell of `new` at `head`.
            place: the entry that an earlier entry of `old` was written down again as; None where it
                is in the journal that both have.
            grants_count: whether what the branch granted to registers is told: not while somebody
                else goes on as `old`, who knows nothing of it.
        """
        self.head = head
        self.places: dict[int, int] = {}
        self._grants_count = grants_count
        self._old = old
        self._new = new
        self._before = before
        self._written = written
        self._place = place
        self._seen: dict[tuple[str, str, CellKey], int] = {}
        self._values: dict[tuple[str, str, CellKey], int] = {}
        self._named = re.compile(
            rf"(?<![\w.-]){re.escape(old)}-([1-9][0-9]{{0,18}})(?![\w.-])".encode()
        )

    def rewrite(self, bodies: Sequence[EntryBody]) -> list[Entry]:
        """The next entries of the branch, as entries of the new journal."""
        entries: list[Entry] = []
        for body in bodies:
            cells = [one for cell in body.cells if (one := self._own(cell)) is not None]
            for grants in self._grants(body.cells):
                record = msgspec.json.encode(grants)
                entries.append(
                    self._append(body, kind=WITNESSED, record=record, reference=grants.register)
                )
            entries.append(self._append_again(body, cells))
        return entries

    def seal(self, last: EntryBody) -> Entry:
        """The end of the new journal, after the branch's last entry: nothing will be added."""
        return self._append(last, kind=SEALED, record=b"{}", reference="")

    def _append_again(self, body: EntryBody, cells: list[CellChange]) -> Entry:
        self.places[body.seq] = self.head.seq + 1
        if body.kind == SALE_KIND:
            return self._append(
                body, kind=RECOVERED_SALE, record=body.record,
                reference=entry_id(self._old, body.seq), cells=cells, moves=body.moves,
            )  # fmt: skip
        return self._append(
            body,
            kind=body.kind,
            record=self._named.sub(self._renamed, bytes(body.record)),
            reference=self._named.sub(self._renamed, body.reference.encode()).decode(),
            cells=cells,
            moves=body.moves,
        )

    def _renamed(self, found: re.Match[bytes]) -> bytes:
        seq = int(found[1])
        again = self.places.get(seq)
        place = self._place(seq) if again is None else entry_id(self._new, again)
        return found[0] if place is None else place.encode()

    def _append(
        self, body: EntryBody, *, kind: str, record: bytes | msgspec.Raw, reference: str,
        cells: Sequence[CellChange] = (), moves: Sequence[tuple[str, int]] = (),
    ) -> Entry:  # fmt: skip
        is_whole = kind not in {WITNESSED, SEALED}
        again = EntryBody(
            writer=self._new, seq=self.head.seq + 1, at_ms=body.at_ms, tick=body.tick,
            boot=body.boot, synchronised=body.synchronised, kind=kind, actor=body.actor,
            reason=body.reason if is_whole else "", reference=reference, moves=list(moves),
            cells=list(cells), record=msgspec.Raw(bytes(record)),
            request=body.request if is_whole else None, more=body.more if is_whole else 0,
        )  # fmt: skip
        entry, self.head = append(self.head, again)
        return entry

    def _own(self, cell: CellChange) -> CellChange | None:
        """What an entry added to a cell, on top of what the new writer has of it."""
        if cell.table == Table.GRANTED:
            return None
        name = (cell.location, cell.sku, cell.key)
        if name not in self._seen:
            self._seen[name], self._values[name] = self._before(cell), self._written(cell)
        grown = cell.value - self._seen[name]
        self._seen[name] = cell.value
        if grown <= 0:
            return None
        self._values[name] += grown
        return cell._replace(holder=self._new, value=self._values[name])

    def _grants(self, cells: Sequence[CellChange]) -> list[Witnessed]:
        """What was granted to registers, per register."""
        to: dict[str, list[CellChange]] = {}
        for cell in cells:
            is_down = cell.table == Table.GRANTED and is_register(cell.detail)
            if is_down and self._grants_count:
                to.setdefault(cell.detail, []).append(cell)
        return [Witnessed(register=register, cells=grants) for register, grants in to.items()]
