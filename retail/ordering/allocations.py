"""Units that locations keep for an order: taken in parts, replaced, missing.

An allocation is handed over or given back whole, or in parts: of three units one is missing, two go
out. Whoever has custody of it splits it, and nobody else: what is split off is an allocation of its
own (`part_of`), and the other is less by as much. A stand-in (`replaces`) is taken in the place of
an allocation that is asked back; until that is answered it is held, and the hub has custody of it.

    P1  what is left of an allocation is what it began with, less its parts; it is never nothing
    P2  once split, an allocation has as many units as before with its parts; where they stand, and
        of what SKU they are, stays
    P3  per SKU, what was ordered is what is kept or has gone out, plus what is `missing`; held
        stand-ins do not count, so no order of messages commits a unit beyond those ordered
    P4  a held stand-in has as many units as what it stands in for. When a part of that was answered
        for, as much is split off the stand-in (`settle_stand_ins`): given back, it is committed at
        once; gone out or called off, it is free

P1 and P2 are kept by `retail.documents`, which works quantities out of parts.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from retail.ordering.order_status import EventType
from retail.ordering.orders import (
    Allocation,
    AllocationState,
    Order,
    OrderLine,
    called_off,
)

_ENDING: Final = frozenset({EventType.CANCEL_REQUESTED, EventType.CANCELLED, EventType.EXPIRED})
"""Events after which nobody needs a stand-in: of the whole order, or of what they name."""


PARTS_MAX: Final = 500
"""Parts of one order, with those of its stand-ins: a document and an entry hold so many."""


class Touched(NamedTuple):
    """So many units of an allocation that an event is about; fewer than it has: a part."""

    allocation: Allocation
    quantity: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the allocation stays."""
        return self.quantity == self.allocation.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKept:
    """Refusal: more units than wait here, or a SKU of which none do."""

    sku: str
    quantity: int
    kept_units: int

    def __str__(self) -> str:
        waits = "waits" if self.kept_units == 1 else "wait"
        return f"{self.quantity} of {self.sku} are named, and {self.kept_units} {waits} here"


class Settled(NamedTuple):
    """What becomes of stand-ins: parts that are split off them, and those that end as a whole."""

    parts: tuple[Allocation, ...]
    states: dict[str, AllocationState]


def touched_by(
    kept: Sequence[Allocation], lines: Sequence[OrderLine] | None
) -> list[Touched] | NotKept:
    """What an event is about: all that is kept, or the units that its lines name, oldest first.

    Each SKU is named once. At most one allocation per SKU is touched in part.
    """
    if lines is None:
        return [Touched(one, one.quantity) for one in kept]
    touched: list[Touched] = []
    for line in lines:
        left = line.quantity
        own = [one for one in kept if one.sku == line.sku]
        if (there := sum(one.quantity for one in own)) < left:
            return NotKept(sku=line.sku, quantity=left, kept_units=there)
        for one in own:
            if units := min(left, one.quantity):
                touched.append(Touched(one, units))
                left -= units
    return touched


def goes_on_without(order: Order, touched: Iterable[Touched]) -> bool:
    """Whether units of the order are kept, or have gone out, besides the touched ones."""
    whole = {one.allocation.id for one in touched if one.is_whole}
    return any(
        one.state in {"committed", "fulfilled"} and one.id not in whole for one in order.allocations
    )


def part_of(order: Order, touched: Touched, state: AllocationState) -> Allocation:
    """The part that is split off an allocation; the caller has custody of it and writes the part.

    It stands in for what the whole stood in for.
    """
    one = touched.allocation
    assert touched.quantity < one.quantity, "a whole allocation is not split"
    return msgspec.structs.replace(
        one,
        id=f"{one.id}-{1 + len(parts_of(order.allocations, one))}",
        quantity=touched.quantity,
        state=state,
        part_of=one.id,
    )


def too_many_parts(order: Order, touched: Iterable[Touched]) -> str | None:
    """Why an order cannot be split further, or None; what is left of it can still end whole."""
    parts = sum(one.part_of is not None for one in order.allocations)
    new = sum(not one.is_whole for one in touched)
    if not new or parts + new <= PARTS_MAX:
        return None
    return f"this order is in {parts} parts, of at most {PARTS_MAX}: tell what is left as a whole"


def parts_of(allocations: Iterable[Allocation], one: Allocation) -> list[Allocation]:
    """What was split off an allocation, in that order."""
    parts = [part for part in allocations if part.part_of == one.id]
    return sorted(parts, key=lambda part: (len(part.id), part.id))


def new_parts(known: Order, told: Order, location: str) -> tuple[Allocation, ...] | str:
    """Parts that a location says it has split off since, or why that cannot be.

    `known` is the order as it was heard of before, `told` as the location has it. What it splits
    off has ended: it keeps the rest.
    """
    whole = {one.id: one for one in known.allocations}
    parts: list[Allocation] = []
    for part in told.allocations:
        if part.part_of is None or part.id in whole or part.location != location:
            continue
        one = whole.get(part.part_of)
        if one is None or (one.location, one.sku) != (part.location, part.sku):
            return f"it splits {part.part_of}, which it does not keep"
        if one.state != "committed" or part.state not in {"fulfilled", "released"}:
            return f"a part of {one.id}, which is {one.state}, is {part.state}"
        if part.quantity >= one.quantity:
            return f"{part.quantity} are split off the {one.quantity} of {one.id}"
        parts.append(part)
        whole[one.id] = msgspec.structs.replace(one, quantity=one.quantity - part.quantity)
    return tuple(parts)


def missing(order: Order) -> list[Allocation]:
    """Allocations that were given back and that nothing was taken in the place of.

    A stand-in whose original went out after all was given back because nobody needs it.
    """
    replaced = {one.replaces for one in order.allocations}
    given_back = {one.id for one in order.allocations if one.state == "released"}
    return [
        one
        for one in order.allocations
        if one.id in given_back - replaced and (one.replaces is None or one.replaces in given_back)
    ]


def missing_units(order: Order) -> dict[str, int]:
    """Units per SKU that nobody keeps for the order, as far as is known."""
    units: dict[str, int] = {}
    for one in missing(order):
        units[one.sku] = units.get(one.sku, 0) + one.quantity
    return units


def settle_stand_ins(order: Order) -> Settled:
    """What becomes of stand-ins now (P4): their originals were answered for, or the order ends.

    Told again, it comes to nothing.
    """
    ending = any(event.type in _ENDING and event.lines is None for event in order.events)
    off = called_off(order)
    given_back = {one.id for one in order.allocations if one.state == "released"}
    needs = frozenset() if ending else given_back - off
    known = {one.id: one for one in order.allocations}
    parts: list[Allocation] = []
    states: dict[str, AllocationState] = {}
    for one in order.allocations:
        if one.replaces is None:
            continue
        original = known[one.replaces]
        split = list(_answered(order, one, original, needs))
        parts += split
        if one.state == "held" and (original.state != "committed" or ending):
            states[one.id] = "committed" if original.id in needs else "released"
    return Settled(tuple(parts), states)


def _answered(
    order: Order, stand_in: Allocation, original: Allocation, needs: Container[str]
) -> Iterator[Allocation]:
    """Parts of a stand-in, one for each part of the original that was split off it since.

    Those in the place of what is in `needs` are to come. Of a stand-in that was committed there are
    none: by then its original was given back whole.
    """
    number = len(parts_of(order.allocations, stand_in))
    beyond = stand_in.quantity - original.quantity
    for part in reversed(parts_of(order.allocations, original)):
        if beyond <= 0:
            return
        number += 1
        beyond -= part.quantity
        is_needed = stand_in.state == "held" and part.id in needs
        yield msgspec.structs.replace(
            stand_in,
            id=f"{stand_in.id}-{number}",
            quantity=part.quantity,
            state="committed" if is_needed else "released",
            replaces=part.id,
            part_of=stand_in.id,
        )
