"""Sales that units or rights may be short for: somebody is asked, and it is decided again.

Whoever decides here asks the replica above while the customer waits: a gateway the hub, a register
that sells alone its gateway. What nobody gave in time is short.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from gateway.returning.returnables import Elsewhere
from gateway.selling.credits import CreditShort
from gateway.selling.sales import Short
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import loop_ms
from replication.allowances import is_store_credit
from web.once import Command, Outcome
from web.uses import Asked, UsesShort, with_uses

ASK_AGAIN_MS: Final = 5_000
"""A promotion that is used up does not make every sale wait for the replica above to say so."""

Borrow = Callable[[Sequence[tuple[str, int]]], Awaitable[bool | None]]
"""Asks for the whole of some wants: True when they are here, durably; False when they were refused,
None when nobody answered in time."""

Decided = Outcome | Short | CreditShort | Elsewhere
"""What a sale comes to; `Elsewhere` is of goods that come back with it."""

Work = Callable[[bool, Asked], Decided | UsesShort]
"""Decides on the writer thread: told whether units were asked for, and what was asked of uses."""

T = TypeVar("T")


class Asking:
    """Decides on the writer thread, and asks with `borrow` for what is short."""

    def __init__(
        self,
        writer: GroupCommit,
        borrow: Borrow,
        *,
        as_heard: Callable[[Short], Short] = lambda short: short,
    ) -> None:
        """Where this holder's counters do not show what others have, `as_heard` fills it in."""
        self._writer = writer
        self._borrow = borrow
        self._as_heard = as_heard
        self._used_up_ms: dict[str, int] = {}
        """When it was last said that no use is left of an allowance."""

    async def decided(self, command: Command, work: Work, *, has_override: bool = False) -> Decided:
        """What the work comes to, after asking for what it is short of.

        With an override, and where a scale may have found what is short, it is decided once more
        also when nobody gave anything.
        """

        async def decide(*, has_asked: bool) -> Decided:
            return await self.with_uses(
                lambda asked: self._writer.submit(lambda: work(has_asked, asked), command.key)
            )

        outcome = await decide(has_asked=False)
        if isinstance(outcome, Short):
            borrowed = await self._borrow_for(outcome)
            if borrowed or has_override or outcome.may_all_be_found():
                outcome = await decide(has_asked=True)
        return outcome

    async def with_uses(self, decide: Callable[[Asked], Awaitable[T | UsesShort]]) -> T:
        """Decide with promotions' uses and store credit that can be got from above just now."""
        return await with_uses(decide, self._ask_for_rights, unheard="unheard")

    async def _borrow_for(self, short: Short) -> bool:
        """Ask for what is short, or for what will do where a scale finds the rest."""
        if await self._borrow(short.wants()):
            return True
        less = self._as_heard(short).wants_of_tolerant()
        return bool(less) and bool(await self._borrow(less))

    async def _ask_for_rights(self, key: str, units: int) -> bool | None:
        """Rights from above. Told that a promotion is used up, nobody is asked for a moment."""
        if is_store_credit(key):
            return await self._borrow([(key, units)])
        now_ms = loop_ms()
        if now_ms - self._used_up_ms.get(key, -ASK_AGAIN_MS) < ASK_AGAIN_MS:
            return False
        given = await self._borrow([(key, units)])
        if given is False:
            self._used_up_ms[key] = now_ms
        return given
