"""The endpoints of checkouts' holds."""

from collections.abc import Sequence

from cloud_hub.ordering import reservations
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.roles import ANYONE, SHOPFRONT
from retail.ordering.holds import Reservation, ReservationRequest
from web.endpoint import Answer, Call, Endpoint
from web.hold_rows import HoldRows
from web.once import answer, command_of
from web.problems import Slug


class ReservationsApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def reserve(self, call: Call[ReservationRequest]) -> Answer:
        """A checkout's hold; when the hub's quota is short the stores are asked."""
        command, office = command_of(call), self._parts.office
        done = await self._parts.promise(
            lambda _, may_wait: reservations.reserve(office, command, call.body, may_wait=may_wait)
        )
        self._parts.holds.watch_reservation(done.body)
        return done

    async def reservation(self, call: Call[None]) -> Answer:
        """One reservation, as committed."""
        rows = HoldRows(self._parts.reads.store.connection, "reservation", Reservation)
        found = rows.find(call.params["id"])
        if found is None:
            raise reservations.unknown_reservation(call.params["id"])
        return Answer(200, found)

    async def release(self, call: Call[None]) -> Answer:
        """A checkout given up; to ask again answers the same."""
        command, reservation_id = command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: reservations.release(self._parts.office, command, reservation_id)
            )
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/reservations", summary="Set a checkout's units aside",
                roles=SHOPFRONT, handler=self.reserve, body=ReservationRequest,
                answer=Reservation, status=201, idempotent=True,
                refusals=(Slug.QUOTA_SHORT, Slug.UNKNOWN_PRODUCT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/reservations/{id}", summary="One reservation",
                roles=ANYONE, handler=self.reservation, answer=Reservation,
                refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="DELETE", path="/v1/reservations/{id}", summary="Give a checkout up",
                roles=SHOPFRONT, handler=self.release, answer=Reservation,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
