"""Goods that a box before this one may have taken in, on the writer thread.

A box that dies takes its last arrivals with it: their goods stand in the stockroom, and by all
books the truck is on its way. Counted in here, it is counted in rightly, unless somebody has
counted the goods here meanwhile, who found them beyond the book: then they would be there twice.
So whoever counts in a truck that may have come before is asked, where its goods were counted: had
it come before that count (`ArrivalRequest.came_before`)? When the truck left tells nothing: that is
another shop's clock.

Of a delivery nobody is asked, for there are some every day. One that the dead box may have booked
may be sold in part by now, and no book says so. Booked here before a count, all of it could be sold
once more. So whoever says that it came before (`ReceiptRequest.came_before`) has counted first: the
count has found what is left, and the paper adds nothing to that.
"""

from collections.abc import Iterable
from typing import Final

from gateway.shop import Shop
from gateway.stockroom.count_rows import CountRows
from gateway.stockroom.late_moves import counted_too_late
from gateway.stockroom.stock import ReceiptRequest, receive
from replication.ids import incarnation_of
from retail.stock.counts import CountStatus
from retail.stock.transfers import Transfer, units_of
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

FIELD: Final = "$.came_before"

CAME_BEFORE: Final = "the box before this one had taken it in"
"""Why a count is put right that found the goods of a truck or a delivery."""


def why_asked(
    shop: Shop, transfer: Transfer, skus: Iterable[str], *, came_before: bool | None
) -> Problem | None:
    """Why it must be said whether a truck had come before its goods were counted, or None."""
    rows = CountRows(shop.connection)
    counted = [sku for sku in skus if rows.lines_about(sku)]
    may_have_come = bool(counted) and incarnation_of(shop.ledger.writer) > 1
    if came_before and not may_have_come:
        return Problem(
            Slug.CONFLICT,
            f"No box before this one can have taken in transfer {transfer.id} before a count here.",
            members={"field": FIELD},
        )
    if may_have_come and came_before is None:
        return Problem(
            Slug.CONFLICT,
            f"{counted[0]} was counted here, and this truck may have come before that, to the box "
            f"before this one. Count it in at /v1/transfers/{transfer.id}/receive and say "
            "came_before: true where its goods stood here when they were "
            "counted, false where they came after.",
            members={"field": FIELD},
        )
    return None


def receive_counted(shop: Shop, command: Command, request: ReceiptRequest) -> Outcome:
    """Book the paper of a delivery that had come before its goods were counted here."""
    known = shop.answered(command)
    if known is not None:
        return known
    refused = _why_not_counted(shop, [line.sku for line in request.lines])
    if refused is not None:
        return refused
    outcome = receive(shop, command, request)
    if isinstance(outcome, Done):
        units = units_of((line.sku, line.quantity) for line in request.lines)
        counted_too_late(shop, units, CAME_BEFORE)
    return outcome


def _why_not_counted(shop: Shop, skus: Iterable[str]) -> Problem | None:
    """Why a delivery cannot have come before a count that this box knows of, or None."""
    if incarnation_of(shop.ledger.writer) == 1:
        why = "No box before this one can have taken in a delivery here."
        return Problem(Slug.CONFLICT, why, members={"field": FIELD})
    rows = CountRows(shop.connection)
    uncounted = [sku for sku in skus if not _is_counted(rows, sku)]
    if not uncounted:
        return None
    return Problem(
        Slug.CONFLICT,
        f"Count {uncounted[0]} first: the box before this one may have sold some of what came. "
        "The count finds what is left of it; then book the paper with came_before: true.",
        members={"field": FIELD},
    )


def _is_counted(rows: CountRows, sku: str) -> bool:
    """Whether goods were counted, to the end: what an open count has found is not booked yet."""
    lines = rows.lines_about(sku)
    return bool(lines) and all(one.head.status is not CountStatus.OPEN for one in lines)
