"""The endpoints of counting: a count has a start, lines by scan time, and an end."""

from collections.abc import Sequence

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.roles import STOCKROOM, TILL
from gateway.stockroom import counts
from gateway.stockroom.count_rows import CountRows, CountsQuery
from retail.stock.counts import (
    CountClosed,
    CountCloseRequest,
    CountHead,
    CountLinesKept,
    CountLinesRequest,
    CountRequest,
    CountStarted,
    CountView,
)
from web.body import Empty
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug

COUNT_REFUSALS = (Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS)


class CountApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def start(self, call: Call[CountRequest]) -> Answer:
        """A count is started."""
        command = command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: counts.start(self._parts.shop, command, call.body), command.key
            )
        )

    async def lines(self, call: Call[CountLinesRequest]) -> Answer:
        """Somebody counted."""
        command, count_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: counts.add_lines(self._parts.shop, command, count_id, call.body),
                command.key,
            )
        )

    async def close(self, call: Call[CountCloseRequest]) -> Answer:
        """The differences are booked."""
        command, count_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: counts.close(self._parts.shop, command, count_id, call.body), command.key
            )
        )

    async def cancel(self, call: Call[Empty]) -> Answer:
        """Nothing is booked."""
        command, count_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: counts.cancel(self._parts.shop, command, count_id), command.key
            )
        )

    async def counts(self, call: Call[None]) -> Answer:
        """Counts without their lines."""
        return await self._parts.lists.answer(
            lambda reads: CountRows(reads.store.connection).page(call.query)
        )

    async def count(self, call: Call[None]) -> Answer:
        """One count."""
        count_id = call.params["id"]
        found = await self._parts.lists.read(
            lambda reads: CountRows(reads.store.connection).view(count_id)
        )
        if found is None:
            raise Problem(Slug.NOT_FOUND, f"No count {count_id} was started here.")
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/stock/counts", summary="Start a count", roles=STOCKROOM,
                handler=self.start, body=CountRequest, answer=CountStarted, status=201,
                idempotent=True,
                refusals=(Slug.UNKNOWN_PRODUCT, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/stock/counts/{id}/lines", summary="Add counted lines",
                roles=TILL, handler=self.lines, body=CountLinesRequest, answer=CountLinesKept,
                status=201, idempotent=True, refusals=(Slug.UNKNOWN_PRODUCT, *COUNT_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/stock/counts/{id}/close",
                summary="End a count and book its differences", roles=STOCKROOM,
                handler=self.close, body=CountCloseRequest, answer=CountClosed, status=201,
                idempotent=True, refusals=COUNT_REFUSALS,
            ),
            Endpoint(
                method="POST", path="/v1/stock/counts/{id}/cancel",
                summary="End a count and book nothing", roles=STOCKROOM, handler=self.cancel,
                answer=CountHead, status=201, idempotent=True, refusals=COUNT_REFUSALS,
            ),
            Endpoint(
                method="GET", path="/v1/stock/counts", summary="Counts, without their lines",
                roles=TILL, handler=self.counts, query=CountsQuery, answer=Paged[CountHead],
            ),
            Endpoint(
                method="GET", path="/v1/stock/counts/{id}", summary="One count with its lines",
                roles=TILL, handler=self.count, answer=CountView, refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip
