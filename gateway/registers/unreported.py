"""Registers of which a new box does not know yet what they may sell, on the writer thread.

A box that dies takes with it what it had given to its registers last, maybe of goods that only it
had booked in. They sell on, and show it when they connect (`gateway.client.showing`). A count does
not wait for them by itself: it finds goods beyond the book, or none where they were sold meanwhile
and is put right when that is heard, or it takes back what a lost register had given away. Each time
this gateway gets rights to what a register may sell as well. So no count ends before each register
of the boxes before has told what it had, or was written off; and what was scanned before that is
scanned again, for until then it may have sold. The count stays open, and what is told puts its
lines right.

Of a register that only the dead box knew nobody here can know, before it connects.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.registers.rows import LOST
from gateway.shop import Shop
from web.problems import Problem, Slug

NAMED_MAX: Final = 5
"""Registers or SKUs that a refusal names; the others are counted."""


def why_count_waits(shop: Shop, scanned: Mapping[str, int]) -> Problem | None:
    """Why a count cannot be closed yet, or None; `scanned` has when each SKU was scanned."""
    unreported = shop.registers.rows.unreported()
    waits = [row.writer for row in unreported if row.state != LOST]
    if waits:
        return Problem(
            Slug.CONFLICT,
            f"{_named(waits)} had not told this gateway what they hold from the box before it, and "
            "may sell what was counted: connect them to it, or write them off, and close the count "
            "then.",
            members={"registers": waits},
        )
    lost_ms = max((row.lost_ms or 0 for row in unreported), default=0)
    before = [sku for sku, at_ms in scanned.items() if at_ms < lost_ms]
    if before:
        return Problem(
            Slug.CONFLICT,
            "Scanned before a register was written off, which may have sold until then: "
            f"{_named(before)}. Count that again, and say recount.",
            members={"skus": before},
        )
    return None


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
