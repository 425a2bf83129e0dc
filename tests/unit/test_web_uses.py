"""Goal: whoever decides on a basket asks for the uses that it lacks, and never asks for ever.

Method: the loop by itself, with a decision that wants certain allowances and somebody who is asked.
"""

import itertools
from collections.abc import Mapping

import pytest

from retail.prices.pricing import PricedBasket
from web.uses import ASKS_MAX, NOBODY, Asked, UsesShort, lacking, not_offered, uses_of, with_uses

LIMITED: Mapping[str, str] = {"spring": "promotion/spring", "summer": "promotion/summer"}


class Counterpart:
    """Has some uses to give; notes what it was asked for."""

    def __init__(self, **stock: int | None) -> None:
        self.stock = {f"promotion/{name}": units for name, units in stock.items()}
        self.held = dict.fromkeys(LIMITED.values(), 0)
        self.asked: list[str] = []

    async def ask(self, key: str, units: int) -> bool | None:
        """Give one, refuse, or (None) be out of reach."""
        assert units == 1
        self.asked.append(key)
        left = self.stock[key]
        if left is None:
            return None
        if left <= 0:
            return False
        self.stock[key] = left - 1
        self.held[key] += 1
        return True

    async def decide(self, asked: Asked) -> str | UsesShort:
        """A basket that the first of the promotions reduces which is still offered."""
        withheld = not_offered(LIMITED, self.held.__getitem__, asked)
        for promotion, key in LIMITED.items():
            if promotion not in withheld:
                return promotion if self.held[key] else UsesShort(((key, 1),))
        return f"full: {', '.join(withheld.values())}"


async def outcome(other: Counterpart) -> str:
    return await with_uses(other.decide, other.ask, unheard="unheard")


async def test_a_use_that_is_here_is_not_asked_for() -> None:
    other = Counterpart(spring=1, summer=1)
    other.held["promotion/spring"] = 1

    assert await outcome(other) == "spring"
    assert other.asked == []


async def test_a_use_that_another_has_is_fetched() -> None:
    other = Counterpart(spring=1, summer=1)

    assert await outcome(other) == "spring"
    assert other.asked == ["promotion/spring"]


async def test_where_one_is_used_up_the_next_is_asked_for() -> None:
    other = Counterpart(spring=0, summer=1)

    assert await outcome(other) == "summer"
    assert other.asked == ["promotion/spring", "promotion/summer"]


async def test_what_nobody_has_is_used_up() -> None:
    assert await outcome(Counterpart(spring=0, summer=0)) == "full: used-up, used-up"


async def test_out_of_reach_is_asked_once_and_nothing_is_said_to_be_used_up() -> None:
    other = Counterpart(spring=None, summer=None)

    assert await outcome(other) == "full: unheard, unheard"
    assert other.asked == ["promotion/spring"]


async def test_what_others_snatch_away_is_not_asked_for_for_ever() -> None:
    asked: list[str] = []

    async def ask(key: str, _units: int) -> bool:
        asked.append(key)
        return True

    async def decide(so_far: Asked) -> str | UsesShort:
        return "full" if so_far.is_over else UsesShort((("promotion/spring", 1),))

    assert await with_uses(decide, ask, unheard="unheard") == "full"
    assert len(asked) == ASKS_MAX


def test_a_basket_takes_one_use_of_each_limited_promotion_in_it() -> None:
    priced = PricedBasket(
        currency="USD", lines=(), net_minor=0, tax_minor=0, total_minor=0,
        promotions=("always", "summer"),
    )  # fmt: skip

    assert uses_of(priced, LIMITED) == ["promotion/summer"]
    assert lacking(priced, LIMITED, lambda _: 0) == UsesShort((("promotion/summer", 1),))
    assert lacking(priced, LIMITED, lambda _: 1) is None


@pytest.mark.parametrize(("held", "is_over"), [*itertools.product((0, 1), (False, True))])
def test_what_is_held_is_offered_and_what_was_not_asked_for_too(held: int, is_over: bool) -> None:  # noqa: FBT001 - parametrized
    withheld = not_offered(LIMITED, lambda _: held, NOBODY._replace(is_over=is_over))

    assert bool(withheld) == (is_over and not held)
