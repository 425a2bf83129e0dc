"""The endpoints of shelf labels: which are due, and which were printed."""

from collections.abc import Sequence
from typing import Final

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.prices import shelf_labels
from gateway.prices.shelf_labels import LabelDue, LabelsPrinted
from gateway.roles import TILL
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import LIMIT_MAX, Cursor, Page, Paged
from web.problems import Slug

_SKU: Final = Cursor(tuple[str])


class LabelApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def due(self, call: Call[None]) -> Answer:
        """Labels that say another price than the till charges, by SKU.

        Products are looked through in pages of their own, so that a sale never waits for all.
        """
        limit, found = call.query.limit, list[LabelDue]()
        place: str | None = call.query.cursor
        while True:
            more, place = await self._look_through(place)
            found += more
            if len(found) > limit:
                page = found[:limit]
                return Answer(200, Paged(items=page, next_cursor=_SKU.encode((page[-1].sku,))))
            if place is None:
                return Answer(200, Paged(items=found, next_cursor=None))

    async def _look_through(self, place: str | None) -> tuple[list[LabelDue], str | None]:
        """Labels that are due among the next products, and where to go on."""
        ask = Page(limit=LIMIT_MAX, cursor=place)
        products, following = await self._parts.lists.read(
            lambda reads: reads.products_page("", ask, archived=False)
        )
        due = await self._parts.writer.look(lambda: shelf_labels.due(self._parts.shop, products))
        return due, following

    async def printed(self, call: Call[LabelsPrinted]) -> Answer:
        """Somebody printed labels and hung them up."""
        shop, command = self._parts.shop, command_of(call)
        return answer(
            await self._parts.writer.submit(
                lambda: shelf_labels.report_printed(shop, command, call.body), command.key
            )
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/labels",
                summary="Shelf labels that say another price than the till charges", roles=TILL,
                handler=self.due, query=Page, answer=Paged[LabelDue],
            ),
            Endpoint(
                method="POST", path="/v1/labels/printed", summary="Say which labels were printed",
                roles=TILL, handler=self.printed, body=LabelsPrinted, answer=LabelsPrinted,
                status=201, idempotent=True, refusals=(Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
