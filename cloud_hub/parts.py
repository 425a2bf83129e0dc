"""The parts of a running hub that its endpoints stand on; put together by `cloud_hub.app`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cloud_hub.head_office import HeadOffice
from cloud_hub.news import NewsBoard
from cloud_hub.ordering.holds import Holds
from cloud_hub.ordering.orders import ShortOnline
from cloud_hub.products.imports import Imports
from cloud_hub.reads import HubReads
from cloud_hub.stores.links import Links
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from web.endpoint import Answer
from web.listing import Listing
from web.once import Outcome, answer
from web.problems import Slug
from web.uses import Asked, UsesShort, with_uses

COMMAND_REFUSALS: Final = (Slug.UNAVAILABLE, Slug.STORAGE)
"""What any request that changes something may be refused with."""

T = TypeVar("T")

Decide = Callable[[Asked, bool], Outcome | ShortOnline | UsesShort]
"""Decides with the uses that were asked for; the second says whether it may wait for a loan
(`cloud_hub.ordering.orders.find_shares`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`reads` belongs to the event loop, `lists` and `audits` to the thread that each borrows."""

    office: HeadOffice
    writer: GroupCommit
    links: Links
    holds: Holds
    reads: HubReads
    lists: Listing[HubReads]
    audits: Listing[ReplicaStore]
    imports: Imports
    news: NewsBoard

    async def promise(self, decide: Decide) -> Answer:
        """Decide on units and uses; when the hub's quota is short the stores are asked, once.

        Raises:
            Problem: whatever `decide` refused with.
        """

        async def with_rights(*, may_wait: bool) -> Outcome | ShortOnline:
            return await self.with_uses(
                lambda asked: self.writer.submit(lambda: decide(asked, may_wait))
            )

        outcome = await with_rights(may_wait=True)
        if isinstance(outcome, ShortOnline):
            is_lent = await self.links.borrow(outcome.borrow)
            if is_lent or outcome.problem is None:
                outcome = await with_rights(may_wait=False)
        if isinstance(outcome, ShortOnline):
            assert outcome.problem is not None, "nobody waits for a second loan"
            raise outcome.problem
        return answer(outcome)

    async def with_uses(self, decide: Callable[[Asked], Awaitable[T | UsesShort]]) -> T:
        """Decide with uses of limited promotions that stores still have, as far as they answer."""
        return await with_uses(decide, self.links.recall, unheard="out")
