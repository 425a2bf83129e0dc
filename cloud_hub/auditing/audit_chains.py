"""Is each journal whole? The audit of chains: no gap, no altered byte, nobody else's cell.

Entries come in the order in which they arrived here, which within a writer is the order of its seq:
the hub takes a journal only from where it ends. So one pass over the file checks all chains.
"""

import hashlib
from collections.abc import Callable, Container, Mapping

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from cloud_hub.head_office import HUB_WRITER
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import (
    EVERYWHERE,
    HUB,
    entry_id,
    incarnation_of,
    is_writer_id,
    location_of,
    replica_of,
)
from replication.ids import WriterId as Writer
from replication.journal import EMPTY, EntryBody, Head, decode_body
from replication.relaying import RELAYED, WITNESSED, check_witnessed, unwrap
from web.lives import SEALED


class WriterPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far one journal is held here; `head_hash` is what its writer shows as its witness."""

    writer: str
    entries: int
    head_seq: int
    head_hash: str


class ChainAudit:
    """Checks entry after entry.

    `incarnations` has the last box of each known replica, `hash_of` reads the hash of an entry.
    """

    def __init__(
        self,
        findings: Findings,
        incarnations: Mapping[str, int],
        hash_of: Callable[[str, int], bytes | None],
    ) -> None:
        self._hash_of = hash_of
        self._findings = findings
        self._incarnations = incarnations
        self._heads: dict[str, Head] = {}
        self._counts: dict[str, int] = {}
        self._sealed: dict[str, str] = {}
        self._more: dict[str, int] = {}

    def positions(self) -> list[WriterPosition]:
        """Every journal that was seen."""
        return [
            WriterPosition(
                writer=writer,
                entries=self._counts[writer],
                head_seq=head.seq,
                head_hash=head.hash.hex(),
            )
            for writer, head in sorted(self._heads.items())
        ]

    def take(
        self, arrival: int, writer: str, seq: int, kind: str, digest: bytes, data: bytes
    ) -> HeardEntry | None:
        """Check one row of the journal; None where nothing can be made of it."""
        place = entry_id(Writer(writer), seq)
        head = self._heads.get(writer, EMPTY)
        if writer not in self._heads:
            self._check_writer(writer, place)
        self._heads[writer] = Head(seq, digest)
        self._counts[writer] = self._counts.get(writer, 0) + 1
        before: list[str] = [entry_id(Writer(writer), head.seq)] if head.seq else []
        if seq != head.seq + 1:
            self._chain(place, f"after entry {head.seq} of {writer} comes {seq}", before)
        elif hashlib.sha256(head.hash + data).digest() != digest:
            what = f"{place} does not follow from the one before: one of them was altered"
            self._chain(place, what, before)
        try:
            body = decode_body(data)
        except PeerViolation as broken:
            self._chain(place, f"{place} cannot be read: {broken}", [])
            return None
        if (body.writer, body.seq, body.kind) != (writer, seq, kind):
            told = f"{body.kind} {body.writer}-{body.seq}"
            self._chain(place, f"the row of {kind} {place} holds {told}", [])
        if (body.writer, body.seq) != (writer, seq):
            return None
        self._check_ended(body, place)
        more = self._more.get(writer, 0)
        self._more[writer] = body.more
        if more and body.more != more - 1:
            self._chain(place, f"{place} is no part of the deed that it comes after", before)
        self._check_cells(place, body)
        return HeardEntry(arrival, place, body)

    def _chain(self, place: str, detail: str, before: list[str]) -> None:
        self._findings.add(
            "chain", detail, [*before, place], location=location_of(place.rpartition("-")[0])
        )

    def _check_writer(self, writer: str, place: str) -> None:
        """E8: a writer is a box that was enrolled, or the hub."""
        known = self._incarnations.get(replica_of(writer), 0)
        if replica_of(writer) == HUB:
            known = incarnation_of(HUB_WRITER)
        if not is_writer_id(writer) or incarnation_of(writer) > known:
            self._findings.add("E8", f"{writer} was never enrolled", [place])

    def _check_ended(self, body: EntryBody, place: str) -> None:
        """E8: a journal that was ended, because its box was replaced, does not go on."""
        sealed = self._sealed.get(body.writer)
        if sealed is not None:
            what = f"{body.writer} went on after it had ended its journal"
            self._findings.add("E8", what, [sealed, place], location=location_of(body.writer))
        elif body.kind == SEALED:
            self._sealed[body.writer] = place

    def _check_cells(self, place: str, body: EntryBody) -> None:
        for change in body.cells:
            try:
                check_cell(change, body.writer)
            except PeerViolation as broken:
                invariant = "E4" if change.table == Table.GRANTED else "E8"
                self._cell(invariant, place, change, str(broken))
            else:
                self._check_place(place, body.writer, change)
        if body.kind == RELAYED:
            self._check_carried(place, body)
        if body.kind == WITNESSED:
            try:
                check_witnessed(body)
            except PeerViolation as broken:
                self._findings.add("E4", str(broken), [place], location=location_of(body.writer))
        if body.moves and location_of(body.writer) == HUB:
            self._findings.add("moves", f"{place} moves goods and the hub has none", [place])

    def _check_carried(self, place: str, body: EntryBody) -> None:
        """What a gateway passed on for a register is what is held of that register."""
        try:
            writer, entries = unwrap(body)
            last = decode_body(entries[-1].body)
        except PeerViolation as broken:
            self._findings.add("chain", str(broken), [place], location=location_of(body.writer))
            return
        if self._hash_of(writer, last.seq) != entries[-1].hash:
            what = f"{place} carries entries of {writer} that are not those which are held"
            self._chain(place, what, [entry_id(writer, last.seq)])

    def _check_place(self, place: str, writer: str, change: CellChange) -> None:
        """Who may write what where: a box at its own location, the hub rights at any.

        What may be written of an allowance, and by whom, was checked with the cell.
        """
        is_hub = location_of(writer) == HUB
        if change.location == EVERYWHERE:
            if change.table == Table.GRANTED:
                takers = self._incarnations if is_hub else {HUB, location_of(writer)}
                self._check_taker(place, change, takers)
            return
        if not is_hub:
            if change.location != location_of(writer):
                self._cell("E8", place, change, f"{writer} wrote a cell of {change.location}")
        elif change.location not in self._incarnations:
            self._cell("E8", place, change, f"there is no location {change.location}")
        elif change.table == Table.MOVED:
            self._cell("E8", place, change, "only the location's own box moves goods there")
        if change.table == Table.GRANTED:
            self._check_taker(place, change, {HUB, change.location})

    def _check_taker(self, place: str, change: CellChange, takers: Container[str]) -> None:
        if location_of(change.detail) not in takers:
            self._cell("E4", place, change, f"{change.detail} sells nothing at {change.location}")

    def _cell(self, invariant: str, place: str, change: CellChange, what: str) -> None:
        self._findings.add(invariant, what, [place], location=change.location, sku=change.sku)
