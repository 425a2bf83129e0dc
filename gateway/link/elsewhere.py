"""What other locations have of a SKU that is short here, for the words of a refusal.

The hub is asked while it is connected, and may take `ASK_S_MAX`: the customer has been told no
already, and waits only to hear where to go. Cut off, nothing is asked and nothing is added. What
comes back is a report with its date, never a right to sell.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

from gateway.link.hub_line import HubAnswer, HubLine

ASK_S_MAX: Final = 0.3
"""As long as a borrow: what a customer at the till does not notice."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `elsewhere`: who can promise how many units where, and when that was last heard.

    `name` is what people call the location; None where only its id is known.
    """

    holder: str
    location: str
    quantity: int
    last_heard: str | None
    name: str | None = None


AskElsewhere = Callable[[str], Awaitable[Sequence[Holding]]]
"""What other locations have of a SKU; never raises, and empty when nobody can say."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one location in the hub's answer; a newer hub may say more."""

    location: str
    available_online: int
    name: str | None = None
    last_heard: str | None = None


class _Availability(msgspec.Struct, frozen=True, kw_only=True):
    locations: list[_Place]


async def nobody_elsewhere(_sku: str) -> Sequence[Holding]:
    """The `AskElsewhere` of a gateway that has nobody to ask."""
    return ()


def asking_hub(line: HubLine, here: str) -> AskElsewhere:
    """A way to ask the hub; `here` is left out of its answers."""

    async def ask(sku: str) -> Sequence[Holding]:
        answer = await line.get(f"/v1/availability/{quote(sku)}", within_s=ASK_S_MAX)
        return () if answer is None else _holdings(answer, here)

    return ask


def _holdings(answer: HubAnswer, here: str) -> Sequence[Holding]:
    if answer.status != HTTPStatus.OK:
        return ()
    try:
        places = msgspec.json.decode(answer.body, type=_Availability).locations
    except msgspec.DecodeError:
        return ()
    return [
        Holding(
            holder=place.location,
            location=place.location,
            quantity=place.available_online,
            last_heard=place.last_heard,
            name=place.name,
        )
        for place in places
        if place.location != here and place.available_online > 0
    ]
