"""Do the numbers follow from the journals? The audit of counters, for a group of locations.

All cells of all entries are merged into counters that begin empty. What comes out must be what the
counters' rows say, must keep the invariants, and must agree with the goods that entries say moved.
Rows may know one thing more: a grant to the hub travels ahead of its entry. It is named apart and
counts as the hub's, who may have spent it already; the store's own journal has not granted it yet.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

import msgspec

from cloud_hub.auditing.audit_findings import ENTRIES_MAX, Ahead, Findings, HeardEntry
from cloud_hub.lives.records import RECLAIMED, Reclaimed, cells_told
from replication.errors import PeerViolation
from replication.escrow import (
    MOVED_IN,
    CellChange,
    CellKey,
    EscrowCounter,
    Minted,
    Moved,
    Spent,
    Table,
    check_invariants,
    levels_of,
    rights_in,
)
from replication.ids import EVERYWHERE, HUB, location_of
from replication.journal import EntryBody

Place = tuple[str, str]
"""(location, SKU)."""

_Signs = Mapping[tuple[str, str], int]

_HELD: Final[_Signs] = {
    (Table.SPENT, Spent.HELD): 1,
    (Table.MINTED, Minted.HOLD_RELEASED): -1,
}
_COMMITTED: Final[_Signs] = {
    (Table.SPENT, Spent.COMMITTED): 1,
    (Table.MINTED, Minted.ORDER_RELEASED): -1,
    (Table.MOVED, Moved.FULFILLED): -1,
    (Table.CONCEDED, "committed"): 1,
}


class Promised(NamedTuple):
    """What the rows of orders and checkouts say is kept of one SKU at one location."""

    held: int
    committed: int


class StockAudit:
    """Merges entry after entry, then compares. Entries after `saved` are not in the rows yet."""

    def __init__(self, findings: Findings, locations: Iterable[str], *, saved: int) -> None:
        self._findings = findings
        self._locations = frozenset(locations)
        self._saved = saved
        self._told: dict[Place, EscrowCounter] = {}
        self._since: dict[Place, list[CellChange]] = {}
        self._last: dict[tuple[Place, CellKey], str] = {}
        self._unbalanced: dict[Place, list[str]] = {}
        self._own: dict[tuple[Place, CellKey], int] = {}
        self._ended: Counter[Place] = Counter()

    def take(self, entry: HeardEntry) -> None:
        """Merge an entry's cells, and compare them with each other and with its moves."""
        rights: dict[Place, int] = {}
        goods: dict[Place, int] = {}
        if entry.body.kind == RECLAIMED:
            self._take_ended(entry)
        for change in _told(entry.body):
            if change.location not in self._locations:
                continue
            place = (change.location, change.sku)
            growth = self._merge(place, change, entry)
            rights[place] = rights.get(place, 0) + growth * rights_weight(
                change.table, change.detail
            )
            goods[place] = goods.get(place, 0) + growth * goods_weight(change.table, change.detail)
        for place, units in rights.items():
            if units != goods[place] and place[0] != EVERYWHERE:
                self._unbalanced.setdefault(place, []).append(entry.place)
        self._check_moves(entry, goods)

    def _take_ended(self, entry: HeardEntry) -> None:
        """The hub has ended baskets of a replaced box: what it released was not its own."""
        try:
            taken = msgspec.json.decode(entry.body.record, type=Reclaimed)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            self._findings.add("rows", f"{entry.place} is no {RECLAIMED}: {broken}", [entry.place])
            return
        for line in taken.lines:
            self._ended[location_of(taken.writer), line.sku] += line.held

    def _merge(self, place: Place, change: CellChange, entry: HeardEntry) -> int:
        counter = self._told.get(place)
        if counter is None:
            counter = self._told[place] = EscrowCounter(*place)
        key, before = change.key, counter.value(*change.key)
        is_own = change.holder == entry.body.writer
        if is_own and key.table == Table.GRANTED:
            self._own[place, key] = max(self._own.get((place, key), 0), change.value)
        if change.value < before and is_own and before == self._own.get((place, key), before):
            what = f"{_name(key)} shrinks from {before} to {change.value}"
            self._add("E3", place, what, [self._last[place, key], entry.place])
        growth = counter.merge_cell(key, change.value)
        self._last[place, key] = entry.place
        if entry.arrival > self._saved:
            self._since.setdefault(place, []).append(change)
        return growth

    def _check_moves(self, entry: HeardEntry, goods: Mapping[Place, int]) -> None:
        """Goods that moved by the entry's own word, against the growth of its cells."""
        at = location_of(entry.body.writer)
        if at not in self._locations:
            return
        moved = {place: 0 for place in goods if place[0] == at}
        for sku, units in entry.body.moves:
            moved[at, sku] = moved.get((at, sku), 0) + units
        for place, units in moved.items():
            grown = goods.get(place, 0)
            if units != grown:
                what = f"{entry.place} says that {units:+} moved, its cells say {grown:+}"
                self._add("moves", place, what, [entry.place])

    def fold_again(self, bodies: Iterable[EntryBody]) -> None:
        """E3: entries that were merged already change nothing, in whatever order they come."""
        for body in bodies:
            for change in _told(body):
                counter = self._told.get((change.location, change.sku))
                if counter is None:
                    continue
                before = counter.value(*change.key)
                counter.merge_cell(change.key, change.value)
                if counter.value(*change.key) != before:
                    place = (change.location, change.sku)
                    what = f"{_name(change.key)} is not the same when it is merged again"
                    self._add("E3", place, what, [f"{body.writer}-{body.seq}"])

    def finish(
        self, rows: Iterable[tuple[str, str, str]], promised: Mapping[Place, Promised]
    ) -> int:
        """Compare with the counters' rows and with what orders keep; returns how many counters."""
        counters = 0
        unseen = set(self._told) | {place for place in promised if place[0] in self._locations}
        for location, sku, cells in rows:
            place = (location, sku)
            unseen.discard(place)
            counters += 1
            self._compare(place, cells, promised.get(place, Promised(0, 0)))
        for place in sorted(unseen):
            counters += 1
            if place in self._told:
                self._add("rows", place, "has no row", self._entries(place))
            self._compare(place, None, promised.get(place, Promised(0, 0)))
        return counters

    def _compare(self, place: Place, row: str | None, promised: Promised) -> None:
        told = self._told.get(place) or EscrowCounter(*place)
        ahead: dict[CellKey, int] = {}
        if row is not None:
            known = self._known(place, row)
            for key in sorted({CellKey(*cell[:3]) for cell in (*told.cells(), *known.cells())}):
                units = known.value(*key) - told.value(*key)
                if units > 0 and _may_be_ahead(place, key):
                    ahead[key] = units
                elif units:
                    what = (
                        f"{_name(key)} is {known.value(*key)} in the counter's row and "
                        f"{told.value(*key)} by the journals"
                    )
                    self._add("rows", place, what, self._entries(place, {key}))
        for key, units in ahead.items():
            told.merge_cell(key, told.value(*key) + units)
            self._findings.add_ahead(
                Ahead(location=place[0], sku=place[1], holder=key.holder, units=units)
            )
        self._check_counter(place, told, ahead)
        self._check_promises(place, told, promised)

    def _known(self, place: Place, row: str) -> EscrowCounter:
        """What the program knows: the row, and what arrived after the checkpoint."""
        try:
            cells = msgspec.json.decode(row, type=list[tuple[str, str, str, int]])
        except msgspec.DecodeError as broken:
            self._add("rows", place, f"the counter's row cannot be read: {broken}", [])
            cells = []
        known = EscrowCounter(*place, cells)
        for change in self._since.get(place, ()):
            known.merge_cell(change.key, change.value)
        return known

    def _check_counter(
        self, place: Place, counter: EscrowCounter, ahead: Mapping[CellKey, int]
    ) -> None:
        """E1 per holder; E2, E6 and E9 over all."""
        granted_ahead: Counter[str] = Counter()
        for key, units in ahead.items():
            granted_ahead[key.holder] += units
        for table, holder, detail, units in counter.cells():
            key = CellKey(table, holder, detail)
            if table == Table.GRANTED and key not in ahead and location_of(holder) != HUB:
                # Told in its giver's place, whose own journal has not come so far.
                granted_ahead[holder] += units - self._own.get((place, key), 0)
        for holder, quota in sorted(counter.holders().items()):
            units = quota + granted_ahead[holder]
            if units < 0:
                uses = {
                    CellKey(*cell[:3])
                    for cell in counter.cells()
                    if cell[1] == holder and cell[0] in {Table.SPENT, Table.GRANTED}
                }
                what = f"{holder} used {-units} more than it had"
                self._add("E1", place, what, self._entries(place, uses))
        for broken in check_invariants(counter):
            invariant, _, what = broken.partition(" ")
            if invariant != "E1":
                entries = self._unbalanced.get(place) or self._entries(place)
                self._add(invariant, place, what.partition(": ")[2], entries)

    def _check_promises(self, place: Place, counter: EscrowCounter, promised: Promised) -> None:
        """E6 and E9: what is set aside by cells is what open checkouts and orders say."""
        ended = self._ended[place]
        hub_held = ended + _sum(counter, _HELD, lambda holder: location_of(holder) == HUB)
        if hub_held != promised.held:
            what = f"the hub holds {hub_held}, its open checkouts and orders say {promised.held}"
            self._add("E6", place, what, self._entries(place, _keys(counter, _HELD)))
        store_held = _sum(counter, _HELD, lambda holder: location_of(holder) != HUB)
        store_held += counter.total(Table.CONCEDED, Spent.HELD) - ended
        if store_held < 0:
            what = f"the store released {-store_held} more than it had set aside"
            self._add("E6", place, what, self._entries(place, _keys(counter, _HELD)))
        committed = _sum(counter, _COMMITTED, lambda _: True)
        if committed != promised.committed:
            what = f"{committed} are kept for orders, the orders say {promised.committed}"
            self._add("E9", place, what, self._entries(place, _keys(counter, _COMMITTED)))

    def _entries(self, place: Place, keys: Iterable[CellKey] | None = None) -> list[str]:
        """The entries that last wrote these cells, or any of the counter's."""
        if keys is None:
            told = self._told.get(place)
            keys = [CellKey(*cell[:3]) for cell in told.cells()] if told else []
        found = [self._last[place, key] for key in sorted(keys) if (place, key) in self._last]
        return found[:ENTRIES_MAX]

    def _add(self, invariant: str, place: Place, what: str, entries: Iterable[str]) -> None:
        self._findings.add(invariant, what, entries, location=place[0], sku=place[1])


@cache
def rights_weight(table: str, detail: str) -> int:
    """What one more unit in a cell adds to on hand by its first line: rights and promises."""
    weight = rights_in(table, detail)
    for level, sign in levels_of(table, detail):
        weight += -sign if level == "deficit" else sign
    return weight


@cache
def goods_weight(table: str, detail: str) -> int:
    """What one more unit in a cell adds to on hand by its second line: goods that moved."""
    if table != Table.MOVED:
        return 0
    return 1 if detail in MOVED_IN else -1


def _may_be_ahead(place: Place, key: CellKey) -> bool:
    """Whether a cell may be known before its entry: what a store granted to the hub."""
    is_grant_up = key.table == Table.GRANTED and location_of(key.detail) == HUB
    return is_grant_up and place[0] in {location_of(key.holder), EVERYWHERE}


def _told(body: EntryBody) -> list[CellChange]:
    """The cells that an entry tells of; the check of chains has told what is wrong with them."""
    try:
        return cells_told(body)
    except PeerViolation:
        return []


def _keys(counter: EscrowCounter, signs: _Signs) -> list[CellKey]:
    return [CellKey(*cell[:3]) for cell in counter.cells() if (cell[0], cell[2]) in signs]


def _sum(
    counter: EscrowCounter,
    signs: _Signs,
    counts: Callable[[str], bool],
) -> int:
    """The cells of these kinds, with their signs, of the holders that count."""
    return sum(
        signs[table, detail] * value
        for table, holder, detail, value in counter.cells()
        if (table, detail) in signs and counts(holder)
    )


def _name(key: CellKey) -> str:
    return f"{key.table}.{key.detail} of {key.holder}"
