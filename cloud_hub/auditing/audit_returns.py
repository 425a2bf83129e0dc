"""Did goods come back once? The audit of returns (`retail.returning.returns`, W1 and W2).

A return of goods that another shop or the website sold uses up rights (`replication.allowances`):
as many of each line as came.

Kept in memory: what came back, where sales were recovered, and nothing of the sales of which
nothing did. Those that something came back of are read again at the end, one after the other.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from replication.allowances import entry_of_returnable, returnable
from replication.ids import location_of
from web.journal_pages import SALE_KINDS
from web.lives import RECOVERED_SALE

_SOLD_BY: Final = frozenset({*SALE_KINDS, "order"})
"""Kinds of entries of which goods may come back."""


class _Line(msgspec.Struct, frozen=True):
    line: int
    sku: str
    quantity: int
    total_minor: int


class _Inspected(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


class _Returned(msgspec.Struct, frozen=True):
    id: str
    sale: str
    goods: dict[str, int]
    lines: tuple[_Line, ...]
    inspected: tuple[_Inspected, ...]


class _SoldLine(msgspec.Struct, frozen=True):
    sku: str
    quantity: int
    total_minor: int


class _Sold(msgspec.Struct, frozen=True):
    lines: tuple[_SoldLine, ...]


class _Body(msgspec.Struct, frozen=True):
    kind: str
    record: msgspec.Raw


class ReturnAudit:
    """Looks at entry after entry, then at the sales of what came back."""

    def __init__(self, findings: Findings, again: frozenset[str]) -> None:
        """`again` are entries that tell what another has told, and that are booked back."""
        self._findings = findings
        self._again = again
        self._came: dict[str, dict[str, _Returned]] = {}
        self._used: dict[tuple[str, str], int] = {}
        self._recovered: dict[str, str] = {}

    def take(self, entry: HeardEntry) -> None:
        """Look at one entry, whatever it is about."""
        if entry.body.kind == RECOVERED_SALE:
            self._recovered.setdefault(entry.body.reference, entry.place)
        if entry.body.kind not in {"return", "inspection"}:
            return
        try:
            told = msgspec.json.decode(entry.body.record, type=_Returned)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            self._add(f"{entry.place} is no {entry.body.kind}: {broken}", [entry.place])
            return
        own = entry.body.kind == "return"
        if own:
            self._check_rights(entry, told)
        if own and told.id != entry.place:
            self._add(f"{entry.place} holds the return {told.id}", [told.id, entry.place])
        self._check_inspected(told, entry.place)
        # An inspection carries its return as it is then; where that was never told, it is found.
        known = self._came.setdefault(told.sale, {})
        if own:
            known[told.id] = told
        elif told.id not in known:
            self._add(f"{entry.place} inspects {told.id}, which never came", [entry.place])

    def _check_rights(self, entry: HeardEntry, told: _Returned) -> None:
        """Where a return uses up rights at all, they are those of its lines."""
        came: dict[str, int] = {}
        for line in told.lines:
            key = returnable(told.sale, line.line)
            came[key] = came.get(key, 0) + line.quantity
        used: dict[str, int] = {}
        for change in entry.body.cells:
            if entry_of_returnable(change.sku) is not None:
                before = self._used.get((change.holder, change.sku), 0)
                used[change.sku] = change.value - before
                self._used[change.holder, change.sku] = change.value
        if used and used != came:
            what = f"{entry.place} uses up {_counted(used)}, and {_counted(came)} came back"
            self._add(what, [told.sale, entry.place])

    def _check_inspected(self, told: _Returned, place: str) -> None:
        seen: dict[str, int] = {}
        for one in told.inspected:
            seen[one.sku] = seen.get(one.sku, 0) + one.quantity
        for sku, units in sorted(seen.items()):
            if units > told.goods.get(sku, 0):
                what = f"{units} of {told.goods.get(sku, 0)} that came with {told.id} are inspected"
                self._add(what, [told.id, place], sku=sku)

    def finish(self, body_of: Callable[[str], bytes | None]) -> None:
        """Compare with the sales; `body_of` reads an entry by its place, None where it is unheard.

        A sale of a journal's beginning that is missing here is told by the chain's own check.
        """
        for sale, told in sorted(self._came.items()):
            returns = {place: one for place, one in told.items() if place not in self._again}
            if not any(one.lines for one in returns.values()):
                continue  # goods that nobody has paid for: it may name anything
            places = [sale, *returns]
            body = body_of(sale) or body_of(self._recovered.get(sale, sale))
            try:
                entry = None if body is None else msgspec.json.decode(body, type=_Body)
                if entry is None or entry.kind not in _SOLD_BY:
                    self._add(f"{sale} came back and is no sale", places)
                    continue
                sold = msgspec.json.decode(entry.record, type=_Sold)
            except msgspec.DecodeError:
                continue  # the check of its chain, or of its record, has told that
            self._compare(sold, [line for one in returns.values() for line in one.lines], places)

    def _compare(self, sold: _Sold, came: list[_Line], places: list[str]) -> None:
        units: dict[int, int] = {}
        paid_minor: dict[int, int] = {}
        for line in came:
            units[line.line] = units.get(line.line, 0) + line.quantity
            paid_minor[line.line] = paid_minor.get(line.line, 0) + line.total_minor
        for number in sorted(units):
            line_sold = sold.lines[number - 1] if 0 < number <= len(sold.lines) else None
            if line_sold is None:
                self._add(f"{places[0]} has no line {number}, and it came back", places)
            elif units[number] > line_sold.quantity:
                what = f"{units[number]} of {line_sold.quantity} sold came back of line {number}"
                self._add(what, places, sku=line_sold.sku)
            elif paid_minor[number] > line_sold.total_minor:
                what = (
                    f"{paid_minor[number]} were paid back for line {number}, which had cost "
                    f"{line_sold.total_minor}"
                )
                self._add(what, places, sku=line_sold.sku)

    def _add(self, what: str, places: list[str], *, sku: str | None = None) -> None:
        location = location_of(places[-1].rpartition("-")[0])
        self._findings.add("W1", what, places, location=location, sku=sku)


def _counted(units: Mapping[str, int]) -> str:
    return ", ".join(f"{many} of {key}" for key, many in sorted(units.items())) or "nothing"
