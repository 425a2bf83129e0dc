"""Why stock is adjusted: a closed list of reasons, and what each does to rights and goods.

A reason says one of four things about units that the journal did not know of:

    come or gone    the goods are more or fewer than the book says      found, breakage, theft, ...
    unsellable      they stand there still, and nobody can buy them     damaged, repaired
    sent away       they go back to whoever delivered them              return_to_vendor
    inspected       what came back from a customer was looked at        inspected_restocked, ...

A loss is never refused for quota: rights are spent as far as they go, the rest is a deficit. What
someone decides to send away is an intention and needs the rights. Whatever is taken from a place is
refused above what stands in it (`standing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from replication.escrow import Disposed, EscrowCounter, Minted, Moved, Spent


class Place(StrEnum):
    """Where goods stand in the shop, as far as selling goes; the whole shop is all three."""

    SHOP = "in the shop"
    SHELF = "on the shelf"
    DAMAGED = "among the damaged goods"
    QUALITY_CONTROL = "in quality control"


class Effect(NamedTuple):
    """What an adjustment does to each unit: rights come or go, the unsellable have a fate.

    `moved` is None where the goods stay in the shop. `taken_from` is where they must stand before,
    None where they are new to the book. `needs_quota` marks what is decided, not suffered.
    """

    minted: Minted | None = None
    spent: Spent | None = None
    disposed: Disposed | None = None
    moved: Moved | None = None
    taken_from: Place | None = None
    needs_quota: bool = False


FOUND: Final = Effect(minted=Minted.COUNTED_UP, moved=Moved.COUNTED_UP)
LOST: Final = Effect(spent=Spent.WRITTEN_OFF, moved=Moved.WRITTEN_OFF, taken_from=Place.SHOP)


class Reason(NamedTuple):
    """What a code does with units that are more (`gain`) and with units that are fewer (`loss`)."""

    gain: Effect | None = None
    loss: Effect | None = None


_EITHER: Final = Reason(gain=FOUND, loss=LOST)
_GAIN: Final = Reason(gain=FOUND)
_LOSS: Final = Reason(loss=LOST)

COUNT: Final = "count"
"""The reason of a difference that nobody explains."""

TOLERANCE: Final = "found"
"""The reason of what a scale found beyond the book."""

REASONS: Final[Mapping[str, Reason]] = {
    COUNT: _EITHER,
    "correction": _EITHER,
    "found": _GAIN,
    "breakage": _LOSS,
    "broken": _LOSS,
    "donated": _LOSS,
    "expired": _LOSS,
    "lost": _LOSS,
    "own_use": _LOSS,
    "recall": _LOSS,
    "sample": _LOSS,
    "shrinkage": _LOSS,
    "spoilage": _LOSS,
    "stolen": _LOSS,
    "theft": _LOSS,
    "waste": _LOSS,
    "write_off": _LOSS,
    "damaged": Reason(loss=Effect(spent=Spent.DAMAGED, taken_from=Place.SHELF)),
    "repaired": Reason(gain=Effect(minted=Minted.REPAIRED, taken_from=Place.DAMAGED)),
    "damaged_written_off": Reason(
        loss=Effect(
            disposed=Disposed.DAMAGED_WRITTEN_OFF,
            moved=Moved.WRITTEN_OFF,
            taken_from=Place.DAMAGED,
        )
    ),
    "damaged_returned_to_vendor": Reason(
        loss=Effect(
            disposed=Disposed.DAMAGED_RETURNED_TO_VENDOR,
            moved=Moved.RETURNED_TO_VENDOR,
            taken_from=Place.DAMAGED,
        )
    ),
    "return_to_vendor": Reason(
        loss=Effect(
            spent=Spent.RETURNED_TO_VENDOR,
            moved=Moved.RETURNED_TO_VENDOR,
            taken_from=Place.SHELF,
            needs_quota=True,
        )
    ),
    "inspected_restocked": Reason(
        gain=Effect(minted=Minted.RESTOCKED, taken_from=Place.QUALITY_CONTROL)
    ),
    "inspected_damaged": Reason(
        loss=Effect(disposed=Disposed.INSPECTED_DAMAGED, taken_from=Place.QUALITY_CONTROL)
    ),
    "inspected_written_off": Reason(
        loss=Effect(
            disposed=Disposed.INSPECTED_WRITTEN_OFF,
            moved=Moved.WRITTEN_OFF,
            taken_from=Place.QUALITY_CONTROL,
        )
    ),
    "inspected_returned_to_vendor": Reason(
        loss=Effect(
            disposed=Disposed.INSPECTED_RETURNED_TO_VENDOR,
            moved=Moved.RETURNED_TO_VENDOR,
            taken_from=Place.QUALITY_CONTROL,
        )
    ),
}
"""The closed list. Synonyms are few and only where people really say both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownReason:
    """Refusal: nobody defined the code."""

    def __str__(self) -> str:
        return f"the reason is one of {', '.join(REASONS)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfitReason:
    """Refusal: the code is about units that are more, and these are fewer, or the other way."""

    code: str
    delta: int

    def __str__(self) -> str:
        fitting = ", ".join(
            code for code in REASONS if isinstance(effect_of(code, self.delta), Effect)
        )
        wanted = "above" if self.delta < 0 else "below"
        return f"{self.code} needs a number {wanted} 0; {self.delta:+} may be {fitting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCountReason:
    """Refusal: the code does not explain why a count differs from the book."""

    code: str

    def __str__(self) -> str:
        fitting = ", ".join(
            code for code, reason in REASONS.items() if reason in {_EITHER, _GAIN, _LOSS}
        )
        return f"{self.code} explains no count; these do: {fitting}"


def effect_of(code: str, delta: int) -> Effect | UnknownReason | UnfitReason:
    """What an adjustment by `delta` units (not 0) for this reason does, or why it cannot be."""
    reason = REASONS.get(code)
    if reason is None:
        return UnknownReason()
    effect = reason.gain if delta > 0 else reason.loss
    return UnfitReason(code=code, delta=delta) if effect is None else effect


def check_count_reason(
    code: str, difference: int
) -> UnknownReason | UnfitReason | NoCountReason | None:
    """Why a counted difference cannot have this reason, or None; 0 takes any that counts know."""
    reason = REASONS.get(code)
    if reason is None:
        return UnknownReason()
    if reason not in {_EITHER, _GAIN, _LOSS}:
        return NoCountReason(code=code)
    found = effect_of(code, difference) if difference else None
    return found if isinstance(found, UnfitReason) else None


def standing(counter: EscrowCounter, place: Place) -> int:
    """Units that stand in a place now, as the location's custodian knows it; never below 0.

    What was sold beyond the book has left the shelf first.
    """
    there = max(0, counter.physical())
    if place is Place.SHOP:
        return there
    levels = counter.levels()
    if place is Place.SHELF:
        return max(0, there - levels.damaged - levels.quality_control)
    return min(there, levels.damaged if place is Place.DAMAGED else levels.quality_control)
