"""Trucks that a box before this one may have counted in, on the writer thread.

A box that dies takes its last arrivals with it: their goods stand in the stockroom, and by all
books the truck is on its way. Counted in here, it is counted in rightly, unless somebody has
counted the goods here meanwhile, who found them beyond the book: then they would be there twice.
So whoever counts in a truck that may have come before is asked, where its goods were counted: had
it come before that count (`ArrivalRequest.came_before`)? When the truck left tells nothing: that is
another shop's clock.
"""

from collections.abc import Iterable
from typing import Final

from gateway.shop import Shop
from gateway.stockroom.count_rows import CountRows
from replication.ids import incarnation_of
from retail.stock.transfers import Transfer
from web.problems import Problem, Slug

FIELD: Final = "$.came_before"


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
