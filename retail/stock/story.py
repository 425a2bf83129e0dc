"""A number of stock told as a story: entries in, steps out, each with what it left.

The story is made by merging the cells of one entry after the other into a counter that begins
empty, so every step is a difference that the journal itself proves:

    T1  the levels after a step are those before it, changed by its changes and nothing else
    T2  the changes of all steps add up to the counter that the story explains
    T3  a page tells the same steps, whatever page was asked for before

Not every cell has an entry here. A gateway hears the hub's cells without the hub's journal, and a
grant travels ahead of its entry. When they came is not known, so they are one last step, the
difference between the counter and what the entries leave. One thing is known: a store hands over
only what was committed, so the hub had committed at least that much by then, and those units are
shown in the step of the entry that needed them.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from replication.clock import rfc3339
from replication.escrow import (
    CellChange,
    CellKey,
    Disposed,
    EscrowCounter,
    Minted,
    Moved,
    Spent,
    StockLevels,
    Table,
)
from replication.ids import HUB, WriterId, entry_id, location_of, register_of
from replication.journal import EntryBody
from replication.ledger import PROGRAM

HEARD: Final = "heard"
"""The kind of the step for cells that no entry here tells of."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that grew: `cell` is its table and detail, `by` how much, `to` what it is now."""

    cell: str
    holder: str
    by: int
    to: int


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, or (without `entry` and `at`) what was heard without one, in base units.

    A change of another holder than the entry's writer had been heard by then (see the theory).
    """

    entry: str | None
    at: str | None
    kind: str
    person: str
    register: str
    reason: str
    reference: str
    moved: int
    changes: list[Change]
    after: StockLevels
    sentence: str


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What came before the first step that is shown: how many entries, and what they left."""

    entries: int
    levels: StockLevels


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the story of one SKU at one location; `next_cursor` leads to an older page.

    `levels` are those of the counter that is explained, `physical` is on hand by what came in less
    what went out: the two lines for on hand, which must agree (E2).
    """

    sku: str
    location: str
    levels: StockLevels
    physical: int
    opening: Opening
    entries: list[Step]
    closing: str
    next_cursor: str | None


class Storyteller:
    """Tells the entries of one counter in the order in which they became known here.

    `known` is the counter as it is now; `counter` what the entries told so far leave.
    """

    def __init__(self, known: EscrowCounter) -> None:
        self.counter = EscrowCounter(known.location, known.sku)
        self._known = known

    def pass_over(self, cells: Iterable[CellChange]) -> None:
        """Take an entry's cells in without telling it."""
        self._merge(cells)

    def tell(self, body: EntryBody) -> Step:
        """Take an entry in, as a step."""
        changes = self._merge(body.cells)
        is_here = location_of(body.writer) == self.counter.location
        moved = sum(units for sku, units in body.moves if is_here and sku == self.counter.sku)
        entry = entry_id(WriterId(body.writer), body.seq)
        after = self.counter.levels()
        return Step(
            entry=entry,
            at=rfc3339(body.at_ms),
            kind=body.kind,
            person=body.actor.person,
            register=body.actor.register,
            reason=body.reason,
            reference=body.reference,
            moved=moved,
            changes=changes,
            after=after,
            sentence=f"{deed(body, moved, changes)} ({entry}): {in_words(after)}.",
        )

    def tell_heard(self) -> Step | None:
        """What the counter holds beyond all entries; None when they explain it whole."""
        changes = [
            self._grown(CellKey(table, holder, detail), growth)
            for table, holder, detail, value in self._known.cells()
            if (growth := self.counter.merge_cell(CellKey(table, holder, detail), value))
        ]
        if not changes:
            return None
        after = self.counter.levels()
        told = phrases(changes) or "nothing that moves goods"
        by_hub = all(location_of(one.holder) == HUB for one in changes)
        source = "from the hub" if by_hub else "ahead of the journal"
        return Step(
            entry=None,
            at=None,
            kind=HEARD,
            person="",
            register="",
            reason="",
            reference="",
            moved=0,
            changes=changes,
            after=after,
            sentence=f"Heard {source}: {told}: {in_words(after)}.",
        )

    def _merge(self, cells: Iterable[CellChange]) -> list[Change]:
        counter = self.counter
        changes = [
            self._grown(one.key, growth)
            for one in cells
            if one.location == counter.location
            and one.sku == counter.sku
            and (growth := counter.merge_cell(one.key, one.value))
        ]
        return self._committed_by_then() + changes

    def _committed_by_then(self) -> list[Change]:
        """The hub's promises that must have been heard, as far as the counter has them."""
        lack = -self.counter.levels().committed
        changes: list[Change] = []
        for table, holder, detail, value in self._known.cells() if lack > 0 else ():
            key = CellKey(table, holder, detail)
            is_promise = table == Table.SPENT and detail == Spent.COMMITTED
            if lack > 0 and is_promise and location_of(holder) == HUB:
                told = self.counter.value(*key)
                growth = self.counter.merge_cell(key, min(value, told + lack))
                lack -= growth
                changes += [self._grown(key, growth)] if growth else []
        return changes

    def _grown(self, key: CellKey, growth: int) -> Change:
        return Change(
            cell=f"{key.table}.{key.detail}",
            holder=key.holder,
            by=growth,
            to=self.counter.value(*key),
        )


_DEEDS: Final[Mapping[str, str]] = {
    "sale": "{who} sold {units}{till}",
    "receipt": "{who} booked in {units} that arrived{paper}",
    "adjustment": "{who} booked {told}",
    "count_difference": "{who} closed a count: {told}",
    "count_corrected": "What a register sold before a count was heard: {told}",
    "fulfilment": "{who} handed over {units} for order {reference}",
    "release": "{who} put {units} of order {reference} back on sale",
    "short_pick": "{who} missed units of order {reference}: {told}",
    "uncollected": "{who} noted that nobody came for {units} of order {reference}",
    "order": "Order {reference} set {units} aside",
    "reservation": "A checkout set {units} aside",
    "basket": "{who} set {units} aside for a basket{till}",
    "grant": "{taker} was given the right to sell {units}",
    "cover": "{units} that were short were made good",
    "transfer_shipped": "{who} sent {units} away with transfer {reference}",
    "transfer_received": "{who} booked in {units} from transfer {reference}",
    "return": "{who} took back {units} of sale {reference}{till}",
    "inspection": "{who} inspected what came back with {reference}: {told}",
}
"""What an entry of a kind did, in a shopkeeper's words; other kinds are told by their cells."""

_CELLS: Final[Mapping[tuple[str, str], str]] = {
    (Table.MOVED, Moved.RECEIVED): "arrived",
    (Table.MOVED, Moved.RETURNED): "came back from a customer",
    (Table.MOVED, Moved.TRANSFERRED_IN): "arrived from another location",
    (Table.MOVED, Moved.COUNTED_UP): "found",
    (Table.MOVED, Moved.SOLD): "sold",
    (Table.MOVED, Moved.FULFILLED): "handed over",
    (Table.MOVED, Moved.TRANSFERRED_OUT): "sent to another location",
    (Table.MOVED, Moved.RETURNED_TO_VENDOR): "went back to the supplier",
    (Table.MOVED, Moved.WRITTEN_OFF): "lost or written off",
    (Table.MOVED, Moved.COUNTED_DOWN): "not found",
    (Table.SPENT, Spent.HELD): "set aside for a basket or checkout",
    (Table.MINTED, Minted.HOLD_RELEASED): "no longer set aside",
    (Table.SPENT, Spent.COMMITTED): "kept for orders",
    (Table.MINTED, Minted.ORDER_RELEASED): "no longer kept for orders",
    (Table.SPENT, Spent.COVERED): "made good that were short",
    (Table.SPENT, Spent.DAMAGED): "damaged",
    (Table.MINTED, Minted.REPAIRED): "repaired",
    (Table.MINTED, Minted.RESTOCKED): "back on sale after inspection",
    (Table.DISPOSED, Disposed.INSPECTED_DAMAGED): "found damaged at inspection",
    (Table.OVERDRAWN, Spent.SOLD): "beyond what could be promised",
    (Table.OVERDRAWN, Spent.WRITTEN_OFF): "beyond what could be promised",
    (Table.OVERDRAWN, Spent.COUNTED_DOWN): "beyond what could be promised",
    (Table.OVERDRAWN, Spent.DAMAGED): "damaged, beyond what could be promised",
}
"""What the growth of a cell says; cells that only go with one of these say nothing."""


def deed(body: EntryBody, moved: int, changes: list[Change]) -> str:
    """Who did what, as the beginning of a sentence."""
    actor = body.actor
    who = "The program" if actor == PROGRAM else actor.person or actor.register or "Somebody"
    units = abs(moved) or max((one.by for one in changes), default=0)
    told = phrases(changes) or "nothing changed here"
    template = _DEEDS.get(body.kind)
    if template is None:
        begin = f"{who}, {body.kind.replace('_', ' ')}: {told}"
        end = f", {body.reference}" if body.reference else ""
    else:
        begin = template.format(
            who=who,
            units=units,
            told=told,
            till=f" at {actor.register}" if actor.register else "",
            paper=f" with {body.reference}" if body.reference else "",
            reference=body.reference,
            taker=_taker(changes),
        )
        beyond = [one for one in changes if one.cell.startswith(f"{Table.OVERDRAWN}.")]
        is_told = "{told}" in template or not beyond
        end = "" if is_told else f", {phrases(beyond)}"
    return begin + end + (f" [{body.reason}]" if body.reason else "")


def phrases(changes: Iterable[Change]) -> str:
    """Changes in words, as far as they say something to a shopkeeper."""
    told: list[str] = []
    for one in changes:
        table, _, detail = one.cell.partition(".")
        if table == Table.GRANTED:
            told.append(f"{one.by} for {_holder(detail)} to sell")
        elif table == Table.RECLAIMED:
            told.append(f"{one.by} back from {detail}, which is out of use")
        elif table == Table.CONCEDED:
            told.append(f"{one.by} beyond what {detail.replace('_', ' ')} had left")
        elif (words := _CELLS.get((table, detail))) is not None:
            told.append(f"{one.by} {words}")
    return ", ".join(told)


def in_words(levels: StockLevels) -> str:
    """Levels as the end of a sentence; what is zero is left out."""
    more = {
        "set aside": levels.held,
        "kept for orders": levels.committed,
        "damaged": levels.damaged,
        "in quality control": levels.quality_control,
        "short": levels.deficit,
    }
    return f"on hand {levels.on_hand}, available {levels.available}" + "".join(
        f", {name} {units}" for name, units in more.items() if units
    )


def closing(levels: StockLevels, physical: int) -> str:
    """The end of a story: the number that it explains, by both lines."""
    if levels.on_hand == physical:
        return f"Now: {in_words(levels)}. What came in less what went out is {physical} as well."
    return (
        f"Now: {in_words(levels)}. But what came in less what went out is {physical}, as far as "
        "it was heard here: an audit at the hub names the entries."
    )


def _taker(changes: Iterable[Change]) -> str:
    takers = {
        one.cell.partition(".")[2] for one in changes if one.cell.startswith(f"{Table.GRANTED}.")
    }
    words = " and ".join(sorted(_holder(taker) for taker in takers)) or "nobody"
    return words[0].upper() + words[1:]


def _holder(writer: str) -> str:
    if (register := register_of(writer)) is not None:
        return f"register {register}"
    return "the website" if location_of(writer) == HUB else "the store"
