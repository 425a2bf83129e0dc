"""The endpoint of store credits at the hub: what was heard of one, for stores, website and office.

The hub keeps no balance. It holds the rights that passed through it, and adds up what it has heard
of the others; a store that is cut off may have spent more since, which is why each says when it was
heard.
"""

from collections.abc import Sequence

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.ordering.orders import last_heard
from cloud_hub.parts import Parts
from cloud_hub.roles import ANYONE, GATEWAY
from replication.ids import EVERYWHERE, HUB, location_of
from retail.selling.store_credit import CreditCode
from web.credits import CreditHolding, CreditView, credit_code, key_of, shown
from web.endpoint import Answer, Call, Endpoint
from web.problems import Problem, Slug


class CreditApi:
    """The handler, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def credit(self, call: Call[None]) -> Answer:
        """What is left of a credit, as far as heard, and where it lies."""
        code = credit_code(call.params["code"])
        found = await self._parts.writer.look(lambda: credit_as_heard(self._parts.office, code))
        if found is None:
            raise Problem(
                Slug.NOT_FOUND, f"No store credit {code} from {code.location} was heard of."
            )
        return Answer(200, found)

    def endpoints(self) -> Sequence[Endpoint]:
        """The row."""
        return [
            Endpoint(
                method="GET", path="/v1/credits/{code}",
                summary="What is left of a store credit, as far as heard, and where it lies",
                roles=ANYONE | GATEWAY, handler=self.credit, answer=CreditView,
                refusals=(Slug.NOT_FOUND, Slug.INVALID_REQUEST),
            ),
        ]  # fmt: skip


def credit_as_heard(office: HeadOffice, code: CreditCode) -> CreditView | None:
    """A credit on the writer thread; None where its return was not heard of."""
    counter = office.ledger.counter(EVERYWHERE, key_of(code))
    held = tuple(
        _holding(office, holder, units)
        for holder, units in sorted(counter.holders().items())
        if units > 0
    )
    view = shown(code, counter, held)
    return None if view.issued_minor is None else view


def _holding(office: HeadOffice, holder: str, units: int) -> CreditHolding:
    if holder == HUB_WRITER:
        return CreditHolding(location=HUB, amount_minor=units)
    location = location_of(holder)
    row = office.location(location)
    return CreditHolding(
        location=location,
        amount_minor=units,
        name=None if row is None else row.name,
        last_heard=last_heard(office, location),
    )
