"""Goods that came, that a count has found, and that were booked anew; on the writer thread.

A box books a delivery and dies unheard. Somebody counts the shelf at the next box, and finds the
goods. Then the program that had heard no answer repeats its request there: nobody knows of the
first one, so the goods are in the book twice. When the dead box is heard, its booking is taken back
as the later one tells it (`asked`); but the count had the goods as well, so the later one is taken
back too. What was booked again before the count, the count has put right.

Goods that went are not put back so: where somebody has counted again meanwhile, they would be there
twice.
"""

from typing import Final

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import counted, twice, unheard
from replication.ids import incarnation_of, location_of
from replication.journal import EntryBody

BRINGING: Final = frozenset({"receipt", "adjustment", twice.RETURN})
"""Kinds of entries of goods that come in, as somebody asked for it."""


def hear_earlier(office: HeadOffice, earlier: EntryBody, later: EntryBody) -> None:
    """What `later` did is heard of a box before: was it counted in between, by one that had not?

    What it brought back from a customer is off what waits for an inspection already, so what the
    count has found is taken off the shelf.
    """
    found = frozenset(
        sku
        for one in twice.deed_of(office, earlier)
        for sku, units in one.moves
        if units > 0 and _is_counted_between(office, earlier, later, sku)
    )
    _take_off(office, later, found)


def hear_later(office: HeadOffice, earlier: EntryBody, later: EntryBody) -> None:
    """What `earlier` did is told again: was some of it taken off, as counted, when it was heard?

    The count came before `later`. What had not been counted stays as `earlier` has booked it: that
    is booked back once.
    """
    brought: set[str] = set()
    had: set[str] = set()
    for one in twice.deed_of(office, earlier):
        told = twice.told_of(office, one)
        if told is not None and twice.told_at(later) not in told.entries:
            brought |= {sku for sku, units in one.moves if units > 0}
            had |= {sku for sku, units in told.moves if units < 0}
    told_by = None if brought == had else twice.told_at(earlier)
    _take_off(office, later, frozenset(brought), told_by=told_by, of_returns=True)
    for one in twice.deed_of(office, earlier):
        unheard.settled(office, twice.told_at(one), brought)


def _is_counted_between(office: HeadOffice, earlier: EntryBody, later: EntryBody, sku: str) -> bool:
    """Whether the last count is of a box after the one, and came before what the other did.

    A box compares with its own journal, as of the scan; what another box did is not in that.
    """
    last = counted.last_count(office, location_of(later.writer), sku)
    if last is None or incarnation_of(last.writer) <= incarnation_of(earlier.writer):
        return False
    if last.writer == later.writer:
        return last.at_ms <= later.at_ms
    return counted.box_of(office, last.writer) <= counted.box_of(office, later.writer)


def _take_off(
    office: HeadOffice, later: EntryBody, skus: frozenset[str],
    *, told_by: str | None = None, of_returns: bool = False,
) -> None:  # fmt: skip
    """Have goods of these SKUs taken off; `told_by` where a count had not all of them.

    `of_returns`: what a customer brought back is off what waits for its inspection.
    """
    if not skus:
        return
    for one in twice.deed_of(office, later):
        if one.kind in BRINGING:
            returned = of_returns and one.kind == twice.RETURN
            twice.take_off(office, one, skus, told_by, returned=returned)
