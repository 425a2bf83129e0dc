"""Units set aside for a customer who has not paid yet: baskets at a till, checkouts online.

    HL1  an open hold has spent its units as held; ending it mints them again, once        (E6)
    HL2  a hold ends by the monotonic clock of its holder; `expires_at` is for people to read
    HL3  a hold is used once; one that ended before may still be used, and gives nothing then

The hold at a till is a *basket*, the one of the storefront a *reservation*. Both end in the same
ways, and `ENDS` has them.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.ordering.orders import Allocation, Fulfilment, OrderLine, OrderLines, Ship
from retail.selling.sales import LINES_MAX, LocationId, Name, Rfc3339, SaleRequestLine


class HoldStatus(enum.StrEnum):
    """Where a hold stands: its units are set aside while it is open, and only then."""

    OPEN = "open"
    RELEASED = "released"
    EXPIRED = "expired"
    USED = "used"


ENDS: Final[Mapping[HoldStatus, frozenset[HoldStatus]]] = {
    HoldStatus.OPEN: frozenset({HoldStatus.RELEASED, HoldStatus.EXPIRED, HoldStatus.USED}),
    # Who comes late is served like anybody else; using it notes that, so that it is used once.
    HoldStatus.RELEASED: frozenset({HoldStatus.USED}),
    HoldStatus.EXPIRED: frozenset({HoldStatus.USED}),
    HoldStatus.USED: frozenset(),
}
"""What may become of a hold, per status."""


class ReservationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a reservation; a checkout that does not know yet where to is for shipping."""

    lines: OrderLines
    fulfilment: Fulfilment = Ship()


class Reservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A checkout's hold, as shown and journalled; `used_by` is the order that took it over."""

    id: str
    status: HoldStatus
    lines: tuple[OrderLine, ...]
    fulfilment: Fulfilment
    allocations: tuple[Allocation, ...]
    expires_at: Rfc3339
    used_by: str | None


class BasketRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a basket's hold: lines as in a sale."""

    register: Name
    lines: Annotated[tuple[SaleRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]


class Basket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A basket's hold, as shown and journalled.

    `lines` is what the register asked for, by SKU; `held` what is set aside for it: bundles
    exploded, summed per SKU, untracked goods left out. `used_by` is the sale that it became.
    """

    id: str
    status: HoldStatus
    location: LocationId
    register: Name
    lines: tuple[OrderLine, ...]
    held: tuple[OrderLine, ...]
    expires_at: Rfc3339
    used_by: str | None
