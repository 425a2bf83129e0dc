"""Deciding where nobody can be asked for uses of limited promotions: what a side alone comes to."""

from typing import Final, TypeVar

from web.uses import Asked, UsesShort

T = TypeVar("T")

CUT_OFF: Final = Asked(is_over=True, why="cannot be checked")


def alone(outcome: T | UsesShort) -> T:
    """What was decided with `CUT_OFF`, or where no promotion has a limit."""
    assert not isinstance(outcome, UsesShort), outcome
    return outcome
