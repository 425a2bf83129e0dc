"""Counting what stands in the shop while the shop goes on: shapes and rules, without a clock.

A line is compared with the book **at the instant of its scan**, not at the count's end:

    expected   = on hand now - what came and went since the scan
    difference = counted - expected

and its difference is applied as a delta when the count is closed, so that whatever was sold in
between stays sold. A count has a start and an end:

    open --close--> closed      differences are booked, once
    open --cancel-> cancelled   nothing is booked

A SKU is about one open count at a time, or one difference would be booked twice.
"""

import datetime
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.products.catalogue import QUANTITY_MAX, Sku
from retail.selling.sales import LINES_MAX, Name, Reason

COUNT_LINES_MAX: Final = LINES_MAX
"""Lines of one count: an aisle. Its end is one journal entry, which has a largest size; the next
aisle is the next count, and several may be open."""

COUNTS_OPEN_MAX: Final = 200
"""Open counts of one shop: more are counts that nobody ended."""

EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

Reference = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="some words")
]
Counted = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
Instant = Annotated[datetime.datetime, Meta(tz=True)]


class CountStatus(StrEnum):
    """Where a count is."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class CountEnd(StrEnum):
    """How a count ends."""

    CLOSE = "close"
    CANCEL = "cancel"


TRANSITIONS: Final[Mapping[CountStatus, Mapping[CountEnd, CountStatus]]] = {
    CountStatus.OPEN: {
        CountEnd.CLOSE: CountStatus.CLOSED,
        CountEnd.CANCEL: CountStatus.CANCELLED,
    },
    CountStatus.CLOSED: {},
    CountStatus.CANCELLED: {},
}
"""A count ends once. Lines are taken where it can still end."""


class CountRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body that starts a count: of these SKUs, or of whatever will be counted.

    In a blind count nobody is told what the book expects before it is closed.
    """

    skus: Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=COUNT_LINES_MAX)] | None = None
    blind: bool = False
    reference: Reference | None = None


class ScannedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU stood there, at `at` or now, damaged ones included.

    `at` is for a handheld that reports later. `recount` replaces what was counted before.
    """

    sku: Sku
    counted: Counted
    at: Instant | None = None
    register: Name | None = None
    recount: bool = False


class CountLinesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body that adds lines to a count: all of them are kept, or none."""

    lines: Annotated[tuple[ScannedLine, ...], Meta(min_length=1, max_length=COUNT_LINES_MAX)]


class GivenReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why a SKU differs, as a code of `retail.stock.stock_reasons`."""

    sku: Sku
    reason: Reason


class CountCloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body that closes a count; a difference without a reason has the reason `count`."""

    reasons: Annotated[tuple[GivenReason, ...], Meta(max_length=COUNT_LINES_MAX)] = ()


class CountLine(msgspec.Struct, frozen=True, kw_only=True):
    """A counted SKU. Null is what a blind count does not tell yet, or what closing will bring.

    `booked` is the part of the difference that was booked: less than was found missing
    (`bounded`) where more was sold since the scan than was counted. `on_hand` and `deficit` are
    those after booking.
    """

    sku: str
    counted: int
    at: str
    register: str | None
    expected: int | None
    difference: int | None
    provisional: bool | None
    reason: str | None = None
    booked: int | None = None
    bounded: bool | None = None
    on_hand: int | None = None
    deficit: int | None = None


class ReasonSum(msgspec.Struct, frozen=True, kw_only=True):
    """What one reason came to in a count: units more and units fewer, as booked."""

    reason: str
    lines: int
    more: int
    fewer: int


class CountHead(msgspec.Struct, frozen=True, kw_only=True):
    """A count without its lines. `counted` is how many there are."""

    id: str
    location: str
    status: CountStatus
    blind: bool
    names_skus: bool
    reference: str | None
    started_at: str
    started_by: str
    ended_at: str | None
    ended_by: str | None
    counted: int


class CountStarted(CountHead, frozen=True, kw_only=True):
    """A count that was started, of `skus` or (null) of whatever will be counted."""

    skus: tuple[str, ...] | None


class CountLinesKept(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that were added to a count."""

    id: str
    count: str
    lines: tuple[CountLine, ...]


class CountDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, as it was booked in an entry of its own."""

    id: str
    count: str
    line: CountLine


class CountClosed(CountHead, frozen=True, kw_only=True):
    """A count that was closed: its differences, how many lines `agreed`, what nobody counted."""

    differences: tuple[CountLine, ...]
    by_reason: tuple[ReasonSum, ...]
    agreed: int
    uncounted: tuple[str, ...]


class CountView(CountHead, frozen=True, kw_only=True):
    """A count with all its lines, as it is now."""

    lines: tuple[CountLine, ...]
    differences: tuple[CountLine, ...]
    by_reason: tuple[ReasonSum, ...]
    uncounted: tuple[str, ...]


def instant_ms(at: datetime.datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (at - EPOCH) // datetime.timedelta(milliseconds=1)


def moved_after(
    scans_ms: Mapping[str, int], entries: Iterable[tuple[int, Iterable[tuple[str, int]]]]
) -> dict[str, int]:
    """Units per SKU that came (+) or went (-) after its scan; `entries` are (ms, moves)."""
    moved = dict.fromkeys(scans_ms, 0)
    for at_ms, moves in entries:
        for sku, units in moves:
            if sku in moved and at_ms > scans_ms[sku]:
                moved[sku] += units
    return moved


def is_provisional(scan_ms: int, heard_ms: Mapping[str, int]) -> bool:
    """Whether a sale before the scan may be unheard, of somebody who sells here on own quota.

    `heard_ms` is, for each such writer, up to when it has told what it did.
    """
    return any(until_ms < scan_ms for until_ms in heard_ms.values())


def booked_units(difference: int, on_hand: int) -> int:
    """The part of a difference that is booked: what is missing is at most what stands there now."""
    return max(difference, -max(0, on_hand))


def differing(lines: Iterable[CountLine]) -> tuple[CountLine, ...]:
    """The lines that did not agree; those of an open blind count do not say."""
    return tuple(line for line in lines if line.difference)


def by_reason(lines: Iterable[CountLine]) -> tuple[ReasonSum, ...]:
    """Booked differences summed by their reason, in the order of its name."""
    booked: dict[str, list[int]] = {}
    for line in differing(lines):
        if line.reason is not None:
            booked.setdefault(line.reason, []).append(line.booked or 0)
    return tuple(
        ReasonSum(
            reason=reason,
            lines=len(units),
            more=sum(one for one in units if one > 0),
            fewer=-sum(one for one in units if one < 0),
        )
        for reason, units in sorted(booked.items())
    )


def told(line: CountLine, *, blind: bool) -> CountLine:
    """The line as it may be shown while its count is open."""
    if not blind:
        return line
    return msgspec.structs.replace(line, expected=None, difference=None, provisional=None)
