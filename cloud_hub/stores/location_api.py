"""The endpoints of what is said of locations."""

from collections.abc import Sequence

from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.roles import ADMIN, ANYONE
from cloud_hub.stores import locations
from cloud_hub.stores.locations import Described, LocationBody, PickupPoint
from web.endpoint import Answer, Call, Endpoint
from web.once import answer, command_of
from web.paging import Page, Paged
from web.problems import Slug


class LocationApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put_location(self, call: Call[LocationBody]) -> Answer:
        """What customers and the choice of a location go by."""
        office, command, location = self._parts.office, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: locations.put_location(office, command, location, call.body)
            )
        )

    async def pickup_points(self, call: Call[None]) -> Answer:
        """Where customers collect."""
        return await self._parts.lists.answer(
            lambda reads: locations.pickup_points_page(reads.store, call.query)
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="PUT", path="/v1/locations/{id}",
                summary="Say a location's address, hours and coordinates", roles=ADMIN,
                handler=self.put_location, body=LocationBody, answer=Described,
                refusals=(Slug.NOT_FOUND, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/pickup-points", summary="Where customers collect",
                roles=ANYONE, handler=self.pickup_points, query=Page, answer=Paged[PickupPoint],
            ),
        ]  # fmt: skip
