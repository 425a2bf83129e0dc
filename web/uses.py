"""Rights of allowances that a basket needs: who holds them, whom to ask for more, what is used up.

A limited promotion takes one of its uses, a store credit as many minor units as it pays.

Both programs price with all promotions first. Where the price would take a use for which this
holder has no right, deciding stops (`UsesShort`), somebody else is asked for one while the customer
waits, and it is decided again (`with_uses`). What nobody gave is then not offered: the basket is
priced without it, which a register that expects another total, or brings the coupon, is told.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from retail.prices.pricing import PricedBasket
from retail.prices.promotions import Withheld

ASKS_MAX: Final = 3
"""Rounds of asking for one basket: beyond it, a customer waits for no further promotion."""

T = TypeVar("T")


class Asked(NamedTuple):
    """Who was asked for uses: `refused` are keys of which nobody had any.

    With `is_over` nobody is asked any more; `why` is the reason for what nobody was asked for.
    """

    refused: frozenset[str] = frozenset()
    is_over: bool = False
    why: Withheld = "used-up"


NOBODY: Final = Asked()
"""Nobody was asked yet."""


class UsesShort(NamedTuple):
    """Refusal: no right is held here to so many more units of these allowances."""

    wants: tuple[tuple[str, int], ...]


Held = Callable[[str], int]
"""How many uses of an allowance this holder has a right to."""


def not_offered(limited: Mapping[str, str], held: Held, asked: Asked) -> dict[str, Withheld]:
    """The limited promotions (id -> key) that are not offered now, each with the reason.

    Those of which nobody was asked yet are offered: `lacking` sees whether the price takes any.
    """
    if not (asked.is_over or asked.refused):
        return {}
    return {
        promotion: "used-up" if key in asked.refused else asked.why
        for promotion, key in limited.items()
        if (asked.is_over or key in asked.refused) and held(key) <= 0
    }


def uses_of(priced: PricedBasket, limited: Mapping[str, str]) -> list[str]:
    """The allowances of which this basket takes a use each."""
    return [limited[one] for one in priced.promotions if one in limited]


def lacking(priced: PricedBasket, limited: Mapping[str, str], held: Held) -> UsesShort | None:
    """What of these uses no right is held to, or None."""
    wants = tuple((key, 1) for key in uses_of(priced, limited) if held(key) <= 0)
    return UsesShort(wants) if wants else None


async def with_uses(
    decide: Callable[[Asked], Awaitable[T | UsesShort]],
    ask: Callable[[str, int], Awaitable[bool | None]],
    *,
    unheard: Withheld,
) -> T:
    """Decide; where rights are lacking, ask for them and decide again.

    `ask` brings so many units here (True), or says that there are none (False), or hears nothing
    (None): then nobody is asked any more, for the reason `unheard`.
    """
    asked = NOBODY
    for _ in range(ASKS_MAX):
        outcome = await decide(asked)
        if not isinstance(outcome, UsesShort):
            return outcome
        for key, units in outcome.wants:
            if (given := await ask(key, units)) is None:
                asked = asked._replace(is_over=True, why=unheard)
                break
            if not given:
                asked = asked._replace(refused=asked.refused | {key})
    outcome = await decide(asked._replace(is_over=True))
    assert not isinstance(outcome, UsesShort), "what no right is held to is not offered any more"
    return outcome
