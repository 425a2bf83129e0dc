"""The occasion of a sale: where it happens, when by the shop's own clock, and to whom.

Price lists and promotions are written for some occasions: `is_for` is the one answer to whether
this is one of them.
"""

import datetime
from collections.abc import Collection
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from retail.selling.sales import LocationId

Channel = Literal["store", "online"]
CustomerGroup = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(?![\s\S])",
        description="a group's id: small letters, digits, - and _",
    ),
]
RuleId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(?![\s\S])",
        description="an id of small letters, digits, dots, - and _",
    ),
]
"""What head office calls a price list or a promotion."""

RuleName = Annotated[
    str, Meta(min_length=1, max_length=120, pattern=r"\S", description="some words")
]
"""What people read on the receipt."""

LocalTime = Annotated[datetime.datetime, Meta(tz=False)]
"""A date and time in the store's own zone (`business_day.local_time_at`), without that zone."""

CouponCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}(?![\s\S])",
        description="a coupon's code: 2 to 32 capital letters, digits and -",
    ),
]


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What prices depend on besides the basket.

    `location` is None online while nobody knows yet where the goods come from. `coupons` are codes
    as `as_coupon` writes them.
    """

    channel: Channel
    location: LocationId | None
    local_time: LocalTime
    customer_group: str | None = None
    coupons: frozenset[str] = frozenset()


def as_coupon(typed: str) -> str:
    """A coupon's code as it is compared, however a customer types it."""
    return "".join(typed.split()).upper()


def is_for(
    occasion: Occasion,
    channels: Collection[str] | None,
    locations: Collection[str] | None,
    customer_groups: Collection[str] | None,
) -> bool:
    """Whether the occasion is among these; None is all of a kind, also where it is unknown."""
    return (
        (channels is None or occasion.channel in channels)
        and (locations is None or occasion.location in locations)
        and (customer_groups is None or occasion.customer_group in customer_groups)
    )
