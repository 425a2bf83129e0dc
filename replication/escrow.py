"""Escrow stock: how many units each replica may sell without asking anyone.

One counter per (SKU, location). `location` is where the goods stand, a *holder* is a writer that
may promise them. A counter is eight tables of cells that only grow; each cell has one writer (its
holder, E8) and cells merge by `max`, so that messages may come late, twice or in any order (E3):

    minted[h, reason]     rights that came into being at h
    granted[h, k]         rights that h has given to k, h != k                       (E4)
    spent[h, reason]      rights that h has used up
    moved[h, event]       goods that physically came or went, as the custodian h saw it
    overdrawn[h, reason]  units that went without a right: a supervisor's word, breakage, a count
    disposed[h, fate]     what became of goods that nobody could sell: damaged, in quality control
    reclaimed[h, f]       rights of the fenced writer f that h, the replica above it, took over
    conceded[h, f]        what f is known to have used beyond what it is known to have had

    quota(h) = sum(minted[h, *]) + sum(granted[*, h]) - sum(granted[h, *]) - sum(spent[h, *])
             + sum(reclaimed[h, *]) - sum(reclaimed[*, h]) + sum(conceded[*, h])

Rights say what may be promised, `moved` says what happened on the floor. The two meet in E2:

    E1  quota(h) >= 0 for every living holder, always
    E2  available + held + committed + quality_control + damaged - deficit
          == sum(moved in) - sum(moved out)             on the union of all durable states
    E6  a hold is spent until released; releasing mints and receives nothing

A writer that was replaced is *fenced*: its rights are frozen where they are (`docs/decisions/0028`,
`replication.fencing`). What is known of it may be only a part, and what it did afterwards is heard
late or never. So E1 is not owed for it until the replica above it has *conceded*: whatever quota(f)
lacks becomes a deficit, in the same commit as the cells that told of it. In the books of that
replica E1 then holds for all; on the union, a negative quota(f) is what is still to be conceded.

An *allowance* (`replication.allowances`) is such a counter over no goods at all: rights alone, for
the whole chain, which one replica brings into being. It has no physical side, so E2 does not ask.

Source: Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
invariants", SRDS 2015 (bounded counter); the reasons and the physical side are ours
(`docs/decisions/0001`, `0003`).
"""

import enum
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from replication.errors import LocalMisuse
from replication.ids import EVERYWHERE, WriterId

CELL_VALUE_MAX: Final = 2**53 - 1
"""The largest cell: the largest integer that every JSON reader keeps exact."""


class Table(enum.StrEnum):
    """The grow-only tables of a counter."""

    MINTED = "minted"
    GRANTED = "granted"
    SPENT = "spent"
    MOVED = "moved"
    OVERDRAWN = "overdrawn"
    DISPOSED = "disposed"
    RECLAIMED = "reclaimed"
    CONCEDED = "conceded"


class Minted(enum.StrEnum):
    """Why rights came into being."""

    RECEIVED = "received"
    RESTOCKED = "restocked"
    REPAIRED = "repaired"
    TRANSFERRED_IN = "transferred_in"
    COUNTED_UP = "counted_up"
    HOLD_RELEASED = "hold_released"
    ORDER_RELEASED = "order_released"
    ALLOWED = "allowed"
    USE_RELEASED = "use_released"


class Spent(enum.StrEnum):
    """Why rights were used up."""

    SOLD = "sold"
    HELD = "held"
    COMMITTED = "committed"
    TRANSFERRED_OUT = "transferred_out"
    RETURNED_TO_VENDOR = "returned_to_vendor"
    WRITTEN_OFF = "written_off"
    COUNTED_DOWN = "counted_down"
    COVERED = "covered"
    DAMAGED = "damaged"
    USED = "used"
    DISALLOWED = "disallowed"


class Moved(enum.StrEnum):
    """What physically happened to goods, as their custodian saw it."""

    RECEIVED = "received"
    RETURNED = "returned"
    TRANSFERRED_IN = "transferred_in"
    COUNTED_UP = "counted_up"
    SOLD = "sold"
    FULFILLED = "fulfilled"
    TRANSFERRED_OUT = "transferred_out"
    RETURNED_TO_VENDOR = "returned_to_vendor"
    WRITTEN_OFF = "written_off"
    COUNTED_DOWN = "counted_down"


class Disposed(enum.StrEnum):
    """What became of goods that stood in the shop and could not be sold.

    The first two leave `damaged`, the others quality control; what also leaves the shop is a
    `moved` beside it, so that only an inspection that finds damage stays on hand.
    """

    DAMAGED_WRITTEN_OFF = "damaged_written_off"
    DAMAGED_RETURNED_TO_VENDOR = "damaged_returned_to_vendor"
    INSPECTED_DAMAGED = "inspected_damaged"
    INSPECTED_WRITTEN_OFF = "inspected_written_off"
    INSPECTED_RETURNED_TO_VENDOR = "inspected_returned_to_vendor"


MOVED_IN: Final = frozenset(
    {Moved.RECEIVED, Moved.RETURNED, Moved.TRANSFERRED_IN, Moved.COUNTED_UP}
)
"""Physical events that add to on hand; all others take from it."""

LEVELS: Final = ("held", "committed", "damaged", "quality_control", "deficit")
"""The words of `StockLevels` besides `on_hand` and `available`, which is the sum of all quota."""

CONCEDED_LEVELS: Final = ("held", "committed", "damaged", "quality_control")
"""Levels that may come out below zero when a fenced writer is heard late, and are conceded."""

LEVELS_OF: Final[Mapping[tuple[str, str], tuple[tuple[str, int], ...]]] = {
    (Table.SPENT, Spent.HELD): (("held", 1),),
    (Table.MINTED, Minted.HOLD_RELEASED): (("held", -1),),
    (Table.SPENT, Spent.COMMITTED): (("committed", 1),),
    (Table.MINTED, Minted.ORDER_RELEASED): (("committed", -1),),
    (Table.MOVED, Moved.FULFILLED): (("committed", -1),),
    (Table.MOVED, Moved.RETURNED): (("quality_control", 1),),
    (Table.MINTED, Minted.RESTOCKED): (("quality_control", -1),),
    (Table.DISPOSED, Disposed.INSPECTED_DAMAGED): (("quality_control", -1), ("damaged", 1)),
    (Table.DISPOSED, Disposed.INSPECTED_WRITTEN_OFF): (("quality_control", -1),),
    (Table.DISPOSED, Disposed.INSPECTED_RETURNED_TO_VENDOR): (("quality_control", -1),),
    (Table.SPENT, Spent.DAMAGED): (("damaged", 1),),
    (Table.MINTED, Minted.REPAIRED): (("damaged", -1),),
    (Table.DISPOSED, Disposed.DAMAGED_WRITTEN_OFF): (("damaged", -1),),
    (Table.DISPOSED, Disposed.DAMAGED_RETURNED_TO_VENDOR): (("damaged", -1),),
    (Table.OVERDRAWN, Spent.DAMAGED): (("damaged", 1), ("deficit", 1)),
    (Table.OVERDRAWN, Spent.SOLD): (("deficit", 1),),
    (Table.OVERDRAWN, Spent.WRITTEN_OFF): (("deficit", 1),),
    (Table.OVERDRAWN, Spent.COUNTED_DOWN): (("deficit", 1),),
    (Table.SPENT, Spent.COVERED): (("deficit", -1),),
    **{(Table.CONCEDED, level): ((level, 1), ("deficit", 1)) for level in CONCEDED_LEVELS},
}
"""Most of `levels_of`."""

_TEXTS: Final = {
    member: member.value for kind in (Minted, Spent, Moved, Disposed) for member in kind
}
"""Members as plain text: a sale makes six cells, and an enum's own `value` costs ten look-ups."""


class CellKey(NamedTuple):
    """Names one cell: its table, the holder that alone writes it, and a reason, event or writer."""

    table: str
    holder: str
    detail: str


class CellChange(NamedTuple):
    """A cell with the absolute value that a journal entry leaves behind. Replaying is harmless."""

    location: str
    sku: str
    table: str
    holder: str
    detail: str
    value: int

    @property
    def key(self) -> CellKey:
        """The cell's name inside its counter."""
        return CellKey(self.table, self.holder, self.detail)


def is_conceded_to_writer(detail: str) -> bool:
    """Whether a `conceded` cell is about a writer, and not about a level; a level has no dot."""
    return "." in detail


def levels_of(table: str, detail: str) -> tuple[tuple[str, int], ...]:
    """The levels that a cell adds to or takes from.

    On hand is available plus all, less the deficit.
    """
    if table == Table.CONCEDED and is_conceded_to_writer(detail):
        return (("deficit", 1),)
    return LEVELS_OF.get((table, detail), ())


def rights_in(table: str, detail: str) -> int:
    """What one more unit in a cell adds to available; what only changes hands adds nothing."""
    if table == Table.MINTED or (table == Table.CONCEDED and is_conceded_to_writer(detail)):
        return 1
    return -1 if table == Table.SPENT else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaShort:
    """Refusal: the holder has less quota than was asked for. Nothing changed."""

    wanted_units: int
    quota_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevels:
    """A counter in the shop's words. Derived, never stored; all in base units."""

    on_hand: int
    available: int
    held: int
    committed: int
    damaged: int
    quality_control: int
    deficit: int


class EscrowCounter:
    """The cells of one (SKU, location), with the quota of each holder kept up to date.

    Mutable: it is the machine that a replica decides on. Methods that change it return the
    `CellChange` which the caller must journal in the same commit (E5).
    """

    __slots__ = ("_cells", "_quota", "location", "sku")

    def __init__(
        self, location: str, sku: str, cells: Iterable[tuple[str, str, str, int]] = ()
    ) -> None:
        self.location = location
        self.sku = sku
        self._cells: dict[CellKey, int] = {}
        self._quota: dict[str, int] = {}
        for table, holder, detail, value in cells:
            self.merge_cell(CellKey(table, holder, detail), value)

    def cells(self) -> list[tuple[str, str, str, int]]:
        """All cells as (table, holder, detail, value), in a stable order."""
        return sorted((*key, value) for key, value in self._cells.items())

    def value(self, table: str, holder: str, detail: str) -> int:
        """One cell, 0 where nobody wrote it."""
        return self._cells.get(CellKey(table, holder, detail), 0)

    def total(self, table: Table, detail: str) -> int:
        """The sum over all holders of one reason or event."""
        return sum(
            value
            for key, value in self._cells.items()
            if key.table == table and key.detail == detail
        )

    def quota(self, holder: str) -> int:
        """Units that `holder` may promise now, as far as this replica has heard."""
        return self._quota.get(holder, 0)

    def holders(self) -> dict[str, int]:
        """The quota of every holder that was ever heard of."""
        return dict(self._quota)

    def available(self) -> int:
        """The sum of quota over all holders, as far as this replica has heard."""
        return sum(self._quota.values())

    def deficit(self) -> int:
        """Units that went beyond any right and are not covered yet."""
        units = 0
        for (table, _holder, detail), value in self._cells.items():
            if table in ("overdrawn", "conceded"):
                units += value
            elif table == "spent" and detail == "covered":
                units -= value
        return units

    def merge_cell(self, key: CellKey, value: int) -> int:
        """Merge one cell by `max`; returns by how much it grew (0: it was known already)."""
        growth = value - self._cells.get(key, 0)
        if growth <= 0:
            return 0
        self._cells[key] = value
        quota = self._quota
        if key.table == Table.MINTED:
            quota[key.holder] = quota.get(key.holder, 0) + growth
        elif key.table == Table.SPENT:
            quota[key.holder] = quota.get(key.holder, 0) - growth
        elif key.table == Table.GRANTED:
            quota[key.holder] = quota.get(key.holder, 0) - growth
            quota[key.detail] = quota.get(key.detail, 0) + growth
        elif key.table == Table.RECLAIMED:
            quota[key.holder] = quota.get(key.holder, 0) + growth
            quota[key.detail] = quota.get(key.detail, 0) - growth
        elif key.table == Table.CONCEDED and is_conceded_to_writer(key.detail):
            quota[key.detail] = quota.get(key.detail, 0) + growth
        return growth

    def merge(self, other: "EscrowCounter") -> None:
        """Merge another replica's copy of this counter, cell by cell (E3)."""
        for table, holder, detail, value in other.cells():
            self.merge_cell(CellKey(table, holder, detail), value)

    def mint(self, by: WriterId, reason: Minted, units: int) -> CellChange:
        """Bring rights into being at `by`. The caller journals the physical event beside it."""
        change = self._grow("minted", by, _TEXTS[reason], units)
        self._quota[by] = self._quota.get(by, 0) + units
        return change

    def spend(self, by: WriterId, reason: Spent, units: int) -> CellChange | QuotaShort:
        """Use up `units` of `by`'s own quota, or refuse and change nothing."""
        quota_units = self._quota.get(by, 0)
        if units > quota_units:
            return QuotaShort(wanted_units=units, quota_units=quota_units)
        change = self._grow("spent", by, _TEXTS[reason], units)
        self._quota[by] = quota_units - units
        return change

    def grant(self, giver: WriterId, taker: WriterId, units: int) -> CellChange | QuotaShort:
        """Give `units` of the giver's quota to another holder (E4), or refuse."""
        if giver == taker:
            raise LocalMisuse(f"{giver} would grant to itself")
        quota_units = self._quota.get(giver, 0)
        if units > quota_units:
            return QuotaShort(wanted_units=units, quota_units=quota_units)
        change = self._grow("granted", giver, taker, units)
        self._quota[giver] = quota_units - units
        self._quota[taker] = self._quota.get(taker, 0) + units
        return change

    def move(self, by: WriterId, event: Moved, units: int) -> CellChange:
        """Record what physically happened; only the location's custodian calls this."""
        return self._grow("moved", by, _TEXTS[event], units)

    def overdraw(self, by: WriterId, reason: Spent, units: int) -> CellChange:
        """Record units that went beyond any right; they stand in the deficit until covered."""
        return self._grow("overdrawn", by, _TEXTS[reason], units)

    def dispose(self, by: WriterId, fate: Disposed, units: int) -> CellChange:
        """Record what became of unsellable goods; the caller has seen that they are there."""
        return self._grow("disposed", by, _TEXTS[fate], units)

    def reclaim(self, by: WriterId, fenced: WriterId, units: int) -> CellChange | QuotaShort:
        """Take over rights of a fenced writer, or refuse; only the replica above it calls this."""
        quota_units = self._quota.get(fenced, 0)
        if units > quota_units:
            return QuotaShort(wanted_units=units, quota_units=quota_units)
        change = self._grow("reclaimed", by, fenced, units)
        self._quota[by] = self._quota.get(by, 0) + units
        self._quota[fenced] = quota_units - units
        return change

    def concede(self, by: WriterId, to: str, units: int) -> CellChange:
        """Make good what a fenced writer lacks, or one of `CONCEDED_LEVELS`, as a deficit."""
        change = self._grow("conceded", by, to, units)
        if is_conceded_to_writer(to):
            self._quota[to] = self._quota.get(to, 0) + units
        return change

    def levels(self) -> StockLevels:
        """The counter in the shop's words, by the first line for on hand."""
        units = dict.fromkeys(LEVELS, 0)
        for key, value in self._cells.items():
            for level, sign in levels_of(key.table, key.detail):
                units[level] += sign * value
        available = self.available()
        return StockLevels(
            on_hand=available + sum(units.values()) - 2 * units["deficit"],
            available=available,
            **units,
        )

    def physical(self) -> int:
        """On hand by the second line: what came in less what went out."""
        return sum(
            value if key.detail in MOVED_IN else -value
            for key, value in self._cells.items()
            if key.table == Table.MOVED
        )

    def _grow(self, table: str, holder: str, detail: str, units: int) -> CellChange:
        if units <= 0:
            raise LocalMisuse(f"{table} grows by a positive number of units, not {units}")
        key = CellKey(table, holder, detail)
        value = self._cells.get(key, 0) + units
        if value > CELL_VALUE_MAX:
            raise LocalMisuse(
                f"{table}[{detail}] of {self.sku} would be {value}: above every limit"
            )
        self._cells[key] = value
        return CellChange(self.location, self.sku, table, holder, detail, value)


def latest(changes: Iterable[CellChange]) -> list[CellChange]:
    """Each cell once, with the last value that it took: what one entry has to carry."""
    return list({(one.location, one.sku, one.key): one for one in changes}.values())


def check_invariants(counter: EscrowCounter, fenced: Container[str] = ()) -> list[str]:
    """E1, E2, E6 and E9 of one counter, as sentences; empty when they hold.

    E2 is owed only by the union of all durable states: a single replica's view may lack a cell that
    another has already written. E1 is not owed for those `fenced` writers that are not conceded
    yet. Used by tests after every step.
    """
    broken = [
        f"E1 {counter.sku}@{counter.location}: quota({holder}) is {units}"
        for holder, units in sorted(counter.holders().items())
        if units < 0 and holder not in fenced
    ]
    if counter.location == EVERYWHERE:
        return broken
    levels = counter.levels()
    if levels.on_hand != counter.physical():
        broken.append(
            f"E2 {counter.sku}@{counter.location}: on hand is {levels.on_hand} by rights and "
            f"{counter.physical()} by what physically happened"
        )
    broken += [
        f"{invariant} {counter.sku}@{counter.location}: {name} is {units}"
        for invariant, name, units in (
            ("E6", "held", levels.held),
            ("E9", "committed", levels.committed),
            ("E2", "damaged", levels.damaged),
            ("E2", "quality control", levels.quality_control),
            ("E2", "deficit", levels.deficit),
        )
        if units < 0
    ]
    return broken
