"""Did each deed happen once? The audit of sales, and of the units that orders keep (E9).

A sale's id is its place in the journal, and a box numbers its sales without a gap. An allocation is
handed over or given back once; only the hub may commit it again, after it was given back. Entries
about orders carry the whole order, so what one of them ended is told by what had ended before.
"""

from collections import Counter
from collections.abc import Container, Mapping
from typing import Final, Literal

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from cloud_hub.lives.records import CONCEDED, Conceded
from replication.allowances import entry_of_returnable, is_store_credit, promotion_uses
from replication.escrow import Minted, Moved, Spent, Table
from replication.ids import EVERYWHERE, HUB, location_of
from web.journal_pages import SALE_KIND, SALE_KINDS

_ENDINGS: Final[dict[str, tuple[str, tuple[str, str]]]] = {
    "fulfilment": ("fulfilled", (Table.MOVED, Moved.FULFILLED)),
    "release": ("released", (Table.MINTED, Minted.ORDER_RELEASED)),
    "short_pick": ("released", (Table.MINTED, Minted.ORDER_RELEASED)),
    "uncollected": ("released", (Table.MOVED, Moved.FULFILLED)),
}
"""Kinds that end custody in a store: the state that they leave, and the cell that grows by it."""

_TRANSFERS: Final = (Moved.TRANSFERRED_OUT, Moved.TRANSFERRED_IN)

_USE: Final = (Table.SPENT, Spent.USED)

_WATCHED: Final = frozenset(
    [cell for _, cell in _ENDINGS.values()]
    + [(Table.MOVED, moved) for moved in _TRANSFERS]
    + [_USE]
)
"""Cells that are compared with documents."""

Cell = tuple[str, tuple[str, str]]
"""A SKU, and the table and detail of a cell."""

_BY_HUB: Final = frozenset({"order", "order_event", "release_requested", "replacement"})
"""Kinds of the hub whose record is an order."""


class _Allocated(msgspec.Struct, frozen=True):
    id: str
    sku: str
    location: str
    quantity: int
    state: Literal["held", "committed", "fulfilled", "released"]


class _Ordered(msgspec.Struct, frozen=True):
    allocations: tuple[_Allocated, ...]


class _Sold(msgspec.Struct, frozen=True):
    id: str
    number: str


class _Discount(msgspec.Struct, frozen=True):
    promotion: str | None


class _Line(msgspec.Struct, frozen=True):
    discounts: tuple[_Discount, ...] = ()


class _Priced(msgspec.Struct, frozen=True):
    lines: tuple[_Line, ...]


class DeedAudit:
    """Looks at entry after entry; counts the sales."""

    def __init__(self, findings: Findings, again: Container[str]) -> None:
        """Begin with nothing; `again` are entries that tell a sale once more."""
        self.sales = 0
        self._again = again
        self._findings = findings
        self._numbers: dict[str, tuple[int, str]] = {}
        self._ended: dict[str, tuple[str, str]] = {}
        self._twice: dict[tuple[str, str], list[tuple[int, str, list[str]]]] = {}
        self._conceded: Counter[tuple[str, str]] = Counter()
        self._values: dict[tuple[str, str, tuple[str, str]], int] = {}

    def take(self, entry: HeardEntry) -> None:
        """Look at one entry, whatever it is about."""
        kind, is_hub = entry.body.kind, location_of(entry.body.writer) == HUB
        grown = self._grown(entry)
        try:
            self._check_uses(entry, grown)
            if kind in SALE_KINDS:
                self.sales += entry.place not in self._again
            if kind == SALE_KIND:
                self._take_sale(entry)
            elif kind in _ENDINGS and not is_hub:
                self._take_ending(entry, grown)
            elif kind == CONCEDED and is_hub:
                self._take_conceded(entry)
            elif kind in _BY_HUB and is_hub:
                self._take_order(entry)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            self._add("rows", f"the record of {entry.place} is no {kind}: {broken}", [entry.place])

    def transferred(self) -> dict[Moved, dict[str, int]]:
        """What the cells of all stores say left for, or came from, another one; per SKU (E7)."""
        units: dict[Moved, dict[str, int]] = {moved: {} for moved in _TRANSFERS}
        for (_, sku, (table, detail)), value in self._values.items():
            if table == Table.MOVED and detail in _TRANSFERS:
                of_kind = units[Moved(detail)]
                of_kind[sku] = of_kind.get(sku, 0) + value
        return units

    def _check_uses(self, entry: HeardEntry, grown: Mapping[Cell, int]) -> None:
        """A basket takes one use of each limited promotion that took something off it, no other.

        An order that is paid late takes its uses again, in an entry that carries the order.
        """
        uses = {
            key: units
            for (key, kind), units in grown.items()
            if kind == _USE and not (is_store_credit(key) or entry_of_returnable(key))
        }
        if not uses:
            return
        lines = msgspec.json.decode(entry.body.record, type=_Priced).lines
        due = {
            promotion_uses(one.promotion)
            for line in lines
            for one in line.discounts
            if one.promotion is not None
        }
        for key, units in sorted(uses.items()):
            if units != 1 or key not in due:
                what = f"{entry.place} takes {units} of {key}, its lines {int(key in due)}"
                self._findings.add("A1", what, [entry.place], location=EVERYWHERE, sku=key)

    def _take_sale(self, entry: HeardEntry) -> None:
        sale = msgspec.json.decode(entry.body.record, type=_Sold)
        if sale.id != entry.place:
            what = f"{entry.place} holds the sale {sale.id}, which is another entry's"
            self._add("E5", what, [sale.id, entry.place])
        last, where = self._numbers.get(entry.body.writer, (0, ""))
        text = sale.number.rpartition("-")[2]
        number = int(text) if text.isascii() and text.isdecimal() else 0
        if number != last + 1:
            what = f"sale {sale.number} of {entry.place} comes after number {last}"
            self._add("E5", what, [where, entry.place] if where else [entry.place])
        self._numbers[entry.body.writer] = (number, entry.place)

    def _take_ending(self, entry: HeardEntry, grown: dict[Cell, int]) -> None:
        """A store handed units over, or gave them back: those whose custody had not ended yet."""
        state, cell = _ENDINGS[entry.body.kind]
        ended: dict[str, int] = {}
        earlier: list[str] = []
        for one in msgspec.json.decode(entry.body.record, type=_Ordered).allocations:
            if one.location != location_of(entry.body.writer) or one.state != state:
                continue
            before = self._ended.setdefault(one.id, (state, entry.place))
            if before[1] == entry.place:
                ended[one.sku] = ended.get(one.sku, 0) + one.quantity
            elif before[0] == state:
                earlier.append(before[1])
            else:
                what = f"{one.id} was {before[0]} by {before[1]} and {state} by {entry.place}"
                self._note_again(one.sku, 0, what, [before[1], entry.place])
        for sku in sorted({sku for sku, kind in grown if kind == cell} | ended.keys()):
            units, due = grown.get((sku, cell), 0), ended.get(sku, 0)
            if units != due:
                what = f"{entry.place} has {units} {state}, of allocations that it ends {due}"
                self._note_again(sku, units - due, what, [*earlier, entry.place])

    def _note_again(self, sku: str, units: int, what: str, entries: list[str]) -> None:
        """Custody has ended twice: no difference where the hub has conceded just that."""
        place = (location_of(entries[-1].rpartition("-")[0]), sku)
        self._twice.setdefault(place, []).append((units, what, entries))

    def _take_conceded(self, entry: HeardEntry) -> None:
        told = msgspec.json.decode(entry.body.record, type=Conceded)
        for line in told.lines:
            if line.level == "committed":
                self._conceded[location_of(told.writer), line.sku] += line.units

    def finish(self) -> None:
        """Tell of custody that has ended twice, but for what a replaced box had done as well."""
        for place, found in sorted(self._twice.items()):
            conceded = self._conceded[place]
            if not conceded or sum(units for units, _, _ in found) != conceded:
                for _, what, entries in found:
                    self._add("E9", what, entries, sku=place[1])

    def _grown(self, entry: HeardEntry) -> dict[Cell, int]:
        """By how much the entry's cells that documents tell of grew."""
        grown: dict[Cell, int] = {}
        for change in entry.body.cells:
            kind = (change.table, change.detail)
            if kind in _WATCHED:
                key = (change.holder, change.sku, kind)
                grown[change.sku, kind] = change.value - self._values.get(key, 0)
                self._values[key] = change.value
        return grown

    def _take_order(self, entry: HeardEntry) -> None:
        """The hub keeps units for an order, or has released what no store was told of."""
        for one in msgspec.json.decode(entry.body.record, type=_Ordered).allocations:
            if one.state in {"held", "committed"}:
                # What a store ended stays so, though the hub may say so only after it said else.
                ended = self._ended.get(one.id, ("", ""))
                if ended[0] == "released" and _is_of_hub(ended[1]):
                    del self._ended[one.id]
            elif one.state == "released":
                self._ended.setdefault(one.id, ("released", entry.place))

    def _add(
        self, invariant: str, what: str, entries: list[str], *, sku: str | None = None
    ) -> None:
        location = location_of(entries[-1].rpartition("-")[0])
        self._findings.add(invariant, what, entries, location=location, sku=sku)


def _is_of_hub(place: str) -> bool:
    return location_of(place.rpartition("-")[0]) == HUB
