"""Fenced writers: what becomes of the rights of a box that is no more (`docs/decisions/0028`).

A box that was replaced, restored or lost is fenced: nobody grants to it, and it decides on nothing
that others believe. Its rights stay frozen where they are, for nobody knows which of them it used
before it was silenced. Two cells of the replica above it (`ids.parent_of`) thaw them:

    reclaimed   when nothing is open that could have used them; R1 to R3
    conceded    whenever more is heard of it than it had rights for: what it used beyond them, and
                what it did that others did again in its place, is a deficit

    R1  the fenced writer's journal was heard to its end (`sealed`), or a manager attests that it is
        destroyed, and everybody whom it may have granted rights has reported or is written off
    R2  where its journal was not heard to the end, the goods were counted after the last news of
        it; and what a count has found before it is heard is booked back, or counted again: such a
        count has minted the rights already that the late journal brings
    R3  who takes rights over works off the deficit with them before anybody promises one; a hub
        grants them to the location's gateway at once, which covers

Conceding is for whoever folds a fenced writer's cells, in the same commit, and in any order with
reclaiming: what is conceded too early comes back as rights that can be reclaimed, and covers the
deficit then. The location's gateway hears the fenced writer's cells together with what is conceded
for them: with one and not the other it would cover too much or too little.
"""

from collections.abc import Mapping
from types import MappingProxyType

from replication.escrow import (
    CONCEDED_LEVELS,
    CellChange,
    EscrowCounter,
    QuotaShort,
    Spent,
    Table,
)
from replication.ids import WriterId, location_of


def reclaim_residual(counter: EscrowCounter, by: WriterId, fenced: WriterId) -> list[CellChange]:
    """Take over all that a fenced writer has left; `by` is of the replica above it.

    The caller has seen that nothing more will be heard of it, or that the goods were counted.
    """
    units = counter.quota(fenced)
    if units <= 0:
        return []
    reclaimed = counter.reclaim(by, fenced, units)
    assert not isinstance(reclaimed, QuotaShort), "no more than there is was asked for"
    return [reclaimed]


def levels_below(
    counter: EscrowCounter, least: Mapping[str, int] = MappingProxyType({})
) -> list[tuple[str, int]]:
    """Levels that were undone twice, by a fenced writer and in its place; units to be conceded.

    A hold that both released, goods that both inspected or handed over. Each undoing minted rights,
    or was a unit that left: there is one right too many for each. Only the hub sees all writers.
    `least` is what is known to be set aside at a level, which is 0 where it says nothing.
    """
    levels = counter.levels()
    below = [(level, least.get(level, 0) - getattr(levels, level)) for level in CONCEDED_LEVELS]
    return [(level, units) for level, units in below if units > 0]


def concede_shortfall(counter: EscrowCounter, by: WriterId, fenced: WriterId) -> list[CellChange]:
    """Make good what a fenced writer used beyond its rights, after `levels_below`.

    And what it covered of a deficit that was covered in its place as well: those rights are its own
    again.
    """
    short = max(-counter.quota(fenced), -counter.deficit(), 0)
    return [counter.concede(by, fenced, short)] if short else []


def cover_conceded(counter: EscrowCounter, by: WriterId, units: int) -> list[CellChange]:
    """Work off, with rights of an allowance that `by` has, what was conceded of it: so many units.

    A use beyond the rights of whoever made it is one less for all others, or the limit is passed.
    What was conceded too early, ahead of news of what the fenced writer was given, comes back as
    rights later. Of goods the custodian covers. Whoever concedes covers that at once; the hub
    hears of all holders, and covers also what others left uncovered.
    """
    units = min(units, counter.quota(by))
    if units <= 0:
        return []
    covered = counter.spend(by, Spent.COVERED, units)
    assert not isinstance(covered, QuotaShort), "no more than the quota is spent"
    return [covered]


def lacking_at(counter: EscrowCounter, location: str) -> int:
    """Units of an allowance that boxes of a location had beyond their rights, and nobody covered.

    As a gateway sees it, which knows all cells of its own location, and does not know for which
    location the hub has covered: it may cover twice. That is the safe side, and the hub, which sees
    all, concedes it back.
    """
    lacking = 0
    for writer, units in counter.holders().items():
        if location_of(writer) == location:
            lacking -= min(0, units)
    for table, holder, detail, value in counter.cells():
        if table == Table.CONCEDED and location_of(detail) == location:
            lacking += value
        elif (table, detail) == (Table.SPENT, Spent.COVERED) and location_of(holder) == location:
            lacking -= value
    return max(0, lacking)
