"""The endpoints of transfers: what is between locations, as last heard from both ends."""

from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from cloud_hub.parts import Parts
from cloud_hub.roles import OFFICE
from retail.stock.transfers import Transfer, TransferStatus
from web.endpoint import Answer, Call, Endpoint
from web.paging import Cursor, Page, Paged
from web.problems import Problem, Slug

_NUMBER: Final = Cursor(tuple[int])

_SELECT: Final = (
    "SELECT number, data, location.id IS NULL FROM transfer "
    "LEFT JOIN location ON location.id = destination"
)


class TransferAtHub(Transfer, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A transfer, and whether it goes where the hub knows no location.

    Such a one stays in transit, and in the audit, until somebody is there to receive it.
    """

    unknown_destination: bool


class TransfersQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Transfers in one status, from or to one location, or all."""

    status: TransferStatus | None = None
    location: str | None = None


class TransferApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def transfers(self, call: Call[None]) -> Answer:
        """All, in the order in which they were heard."""
        return await self._parts.lists.answer(
            lambda reads: transfers_page(reads.store.connection, call.query)
        )

    async def transfer(self, call: Call[None]) -> Answer:
        """One transfer."""
        number = call.params["id"]
        row = self._parts.reads.store.connection.execute(
            f"{_SELECT} WHERE transfer.id = ?", (number,)
        ).fetchone()
        if row is None:
            raise Problem(Slug.NOT_FOUND, f"The hub has not heard of a transfer {number}.")
        return Answer(200, _at_hub(row))

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/transfers", summary="What is between locations",
                roles=OFFICE, handler=self.transfers, query=TransfersQuery,
                answer=Paged[TransferAtHub],
            ),
            Endpoint(
                method="GET", path="/v1/transfers/{id}", summary="One transfer", roles=OFFICE,
                handler=self.transfer, answer=TransferAtHub, refusals=(Slug.NOT_FOUND,),
            ),
        ]  # fmt: skip


def transfers_page(connection: apsw.Connection, query: TransfersQuery) -> Paged[TransferAtHub]:
    """Transfers, in the order in which they were heard."""
    place = _NUMBER.decode(query.cursor)
    rows = connection.execute(
        f"{_SELECT} WHERE number > ?1 AND (?2 IS NULL OR status = ?2) "
        "AND (?3 IS NULL OR source = ?3 OR destination = ?3) ORDER BY number LIMIT ?4",
        (place[0] if place else 0, query.status, query.location, query.limit + 1),
    ).fetchall()
    last = rows[query.limit - 1] if len(rows) > query.limit else None
    return Paged(
        items=[_at_hub(row) for row in rows[: query.limit]],
        next_cursor=_NUMBER.encode((int(str(last[0])),)) if last else None,
    )


def _at_hub(row: Sequence[object]) -> TransferAtHub:
    _, data, is_unknown = row
    transfer = msgspec.json.decode(str(data), type=Transfer)
    return TransferAtHub(unknown_destination=bool(is_unknown), **msgspec.structs.asdict(transfer))
