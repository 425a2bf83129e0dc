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

A register may be taken for gone by a box that dies with the word, and sell on with the next: what
was taken from it (`taken_from`) is conceded to it though it lives, all of it. Of allowances there
is no shelf: what is lacking is covered by whoever concedes it, or else by the hub, which gives back
what two have covered.
"""

from collections.abc import Mapping
from types import MappingProxyType

from replication.escrow import (
    CONCEDED_LEVELS,
    CellChange,
    EscrowCounter,
    Minted,
    QuotaShort,
    Spent,
    Table,
)
from replication.ids import EVERYWHERE, HUB, WriterId, allower_of, is_register, location_of


def reclaim_residual(
    counter: EscrowCounter, by: WriterId, fenced: WriterId, *, but: int = 0
) -> list[CellChange]:
    """Take over all that a fenced writer has left; `by` is of the replica above it.

    The caller has seen that nothing more will be heard of it, or that the goods were counted. `but`
    is what it is known to have used, though its own word for it is lost: that stays where it is.
    """
    units = counter.quota(fenced) - but
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
    if counter.location != EVERYWHERE:
        twice = -counter.deficit()
    else:  # a gateway does not hear of all who cover
        twice = covered_twice(counter) if location_of(by) == HUB else 0
    short = max(-counter.quota(fenced), twice, 0)
    return [counter.concede(by, fenced, short)] if short else []


def concede_taken(counter: EscrowCounter, by: WriterId, writer: WriterId) -> list[CellChange]:
    """Make good what was taken from a writer that lives on, and that knows nothing of it.

    All of it, used or not: it is there twice, and both would promise it.
    """
    units = taken_from(counter, writer)
    return [counter.concede(by, writer, units)] if units else []


def lacking(counter: EscrowCounter) -> int:
    """Units of an allowance that were had beyond any right and that nobody has covered.

    They were conceded; or they will be, of a register by the gateway of its location. Below zero
    more was covered than that. As the hub sees it, which hears of all who concede and cover.
    """
    registers = [units for one, units in counter.holders().items() if is_register(one)]
    return counter.deficit() - sum(min(0, units) for units in registers)


def covered_twice(counter: EscrowCounter) -> int:
    """Units of an allowance that were covered and are lacking nowhere, as the hub sees it."""
    return max(0, -lacking(counter))


def cover_conceded(counter: EscrowCounter, by: WriterId, units: int) -> list[CellChange]:
    """Work off, with rights of an allowance that `by` has, what was conceded of it: so many units.

    A use beyond the rights of whoever made it is one less for all others, or the limit is passed.
    What was conceded too early, ahead of news of what the fenced writer was given, comes back as
    rights later. Of goods the custodian covers. Whoever concedes covers that at once; the hub
    hears of all holders, and covers also what others left uncovered.

    Where nobody is heard to have allowed it nothing is lacking: whoever allowed it gave it on and
    burnt with the word of it, and what was given on is good. Only the hub and the location that
    allows it hear of that.
    """
    would_hear = location_of(by) in {HUB, allower_of(counter.sku)}
    if would_hear and not counter.total(Table.MINTED, Minted.ALLOWED):
        return []
    units = min(units, counter.quota(by))
    if units <= 0:
        return []
    covered = counter.spend(by, Spent.COVERED, units)
    assert not isinstance(covered, QuotaShort), "no more than the quota is spent"
    return [covered]


def lacking_at(counter: EscrowCounter, location: str, *, but: WriterId) -> int:
    """Units of an allowance that boxes of a location had beyond their rights, and nobody covered.

    As its gateway sees it, `but`, which asks. That knows all cells of its own location, and does
    not know for which location the hub has covered: it may cover twice. That is the safe side, and
    the hub, which sees all, concedes it back. What was conceded to a box and lies with it now came
    back as rights, and is not lacking any more.
    """
    units = 0
    for writer, left in counter.holders().items():
        if location_of(writer) == location:
            units -= counter.value(Table.SPENT, writer, Spent.COVERED)
            if writer != but:
                units += max(0, counter.total(Table.CONCEDED, writer) - left)
    return max(0, units)


def taken_from(counter: EscrowCounter, writer: str) -> int:
    """Units that were taken back from a writer as from one that is gone, and not conceded to it."""
    taken = counter.total(Table.RECLAIMED, writer)
    return max(0, taken - counter.total(Table.CONCEDED, writer))
