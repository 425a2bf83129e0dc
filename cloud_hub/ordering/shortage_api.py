"""The endpoints of the shortage queue: what is too few, what is owed back, and who decided what."""

from collections.abc import Sequence

import msgspec

from cloud_hub.ordering import resolving
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.reads import ShortagesQuery
from cloud_hub.roles import ADMIN, OFFICE
from retail.ordering.shortages import ResolveRequest, Shortage
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug


class ShortageApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def shortages(self, call: Call[None]) -> Answer:
        """The queue, oldest first."""
        return await self._parts.lists.answer(lambda reads: reads.shortages_page(call.query))

    async def shortage(self, call: Call[None]) -> Answer:
        """One item."""
        found = self._parts.reads.shortage(call.params["id"])
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"There is no shortage {call.params['id']}.")
        return Answer(200, msgspec.Raw(found))

    async def resolve(self, call: Call[ResolveRequest]) -> Answer:
        """A decision about an item: as proposed, or another."""
        office, command, item = self._parts.office, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: resolving.resolve(office, command, item, call.body)
            )
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/shortages", summary="The shortage queue, oldest first",
                roles=OFFICE, handler=self.shortages, query=ShortagesQuery, answer=Paged[Shortage],
            ),
            Endpoint(
                method="GET", path="/v1/shortages/{id}", summary="One shortage", roles=OFFICE,
                handler=self.shortage, answer=Shortage, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/shortages/{id}/resolve",
                summary="Accept a shortage's proposal, or decide otherwise", roles=ADMIN,
                handler=self.resolve, body=ResolveRequest, answer=Shortage, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, Slug.QUOTA_SHORT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
