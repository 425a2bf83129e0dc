"""The endpoints of returns at the hub: announced online, told by shops, and claimed by them."""

import asyncio
from collections.abc import Sequence
from typing import Final

from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.returning import returnables, returns_heard
from cloud_hub.returning.return_list import ReturnsQuery, Table, one_return, returns_page
from cloud_hub.returning.returnables import AskStore
from cloud_hub.roles import ANYONE, GATEWAY, SHOPFRONT
from replication.ids import WriterId
from retail.returning.return_requests import AnnounceRequest, ClaimRequest
from retail.returning.returns import AnnouncedReturn, GoodsReturn, ReturnClaim
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug

ROUNDS_MAX: Final = 6
"""Stores asked, and journals waited for, in one claim: two stores and what they did last."""

JOURNAL_S_MAX: Final = 1.0
"""How long a claim waits for a journal whose rights came ahead of it."""


class ReturnApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def announce(self, call: Call[AnnounceRequest]) -> Answer:
        """A return started online."""
        command, office = command_of(call), self._parts.office
        return answer(
            await self._parts.writer.submit(
                lambda: returns_heard.announce(office, command, call.body)
            )
        )

    async def claim(self, call: Call[ClaimRequest]) -> Answer:
        """A shop would take goods back; whoever has the rights to them is asked meanwhile."""
        parts, writer = self._parts, WriterId(call.principal.name)
        sale = await parts.writer.look(lambda: returnables.sale_told(parts.office, call.body.sale))
        asked: set[str] = set()
        for _ in range(ROUNDS_MAX):
            told = parts.links.journals_told
            outcome = await parts.writer.submit(
                lambda: returnables.claim(parts.office, writer, sale, call.body.seq)
            )
            if isinstance(outcome, ReturnClaim):
                return Answer(200, outcome)
            if isinstance(outcome, Problem):
                raise outcome
            if isinstance(outcome, AskStore) and outcome.location not in asked:
                asked.add(outcome.location)
                await self._ask(outcome, sale)
            elif not await _set_within(told, JOURNAL_S_MAX):
                break
        raise Problem.unavailable(
            f"What came back of {call.body.sale} is still on its way here.", retry_after_s=5
        )

    async def _ask(self, store: AskStore, sale: str) -> None:
        """Have the store give what it has, which may be nothing: then its journal tells why."""
        if await self._parts.links.borrow_returnables(store.location, store.wants) is None:
            raise Problem.unavailable(
                f"Only {store.location} knows what is left of {sale}, and did not answer.",
                retry_after_s=5,
            )

    async def returns(self, call: Call[None]) -> Answer:
        """What shops took back."""
        return await self._page("taken", call)

    async def announced_returns(self, call: Call[None]) -> Answer:
        """What customers said that they will bring."""
        return await self._page("announced", call)

    async def one(self, call: Call[None]) -> Answer:
        """One return that a shop took."""
        return await self._one("taken", call)

    async def one_announced(self, call: Call[None]) -> Answer:
        """One announced return."""
        return await self._one("announced", call)

    async def _page(self, table: Table, call: Call[None]) -> Answer:
        return await self._parts.lists.answer(
            lambda reads: returns_page(reads.store, table, call.query)
        )

    async def _one(self, table: Table, call: Call[None]) -> Answer:
        told = call.params["id"]  # or a number, which is looked for in all rows: not on the loop
        found = await self._parts.lists.read(lambda reads: one_return(reads.store, table, told))
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"Nobody has heard of a return {call.params['id']}.")
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/returns", summary="Start a return online",
                roles=SHOPFRONT, handler=self.announce, body=AnnounceRequest,
                answer=AnnouncedReturn, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/announced-returns", roles=ANYONE,
                summary="What customers said that they will bring back",
                handler=self.announced_returns, query=ReturnsQuery, answer=Paged[AnnouncedReturn],
            ),
            Endpoint(
                method="GET", path="/v1/announced-returns/{id}", summary="One announced return",
                roles=ANYONE, handler=self.one_announced, answer=AnnouncedReturn,
                refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/returns/claim",
                summary="Get the rights to take goods of a sale back", roles=GATEWAY,
                handler=self.claim, body=ClaimRequest, answer=ReturnClaim,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/returns", summary="What came back to the shops",
                roles=ANYONE, handler=self.returns, query=ReturnsQuery, answer=Paged[GoodsReturn],
            ),
            Endpoint(
                method="GET", path="/v1/returns/{id}", summary="One return", roles=ANYONE,
                handler=self.one, answer=GoodsReturn, refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
