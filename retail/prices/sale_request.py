"""What a register asks for: a basket's price, or the sale of it."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.money import MinorUnits
from retail.prices.discounts import ManualDiscounts
from retail.selling.occasion import CustomerGroup
from retail.selling.sales import (
    LINES_MAX,
    TENDERS_MAX,
    Name,
    OverrideRequest,
    SaleRequestLine,
    Tender,
    check_tenders,
)

COUPONS_MAX: Final = 20
"""Coupons of one basket: more than fit into a hand."""

TypedCoupon = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"\S", description="a coupon's code")
]
"""A coupon's code as somebody typed or scanned it (`retail.selling.occasion.as_coupon`)."""


class PricedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a basket's price depends on, besides place and time.

    `discounts` are given by hand, by whoever asks; `line` in them counts the lines from 0.
    """

    lines: Annotated[tuple[SaleRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    coupons: Annotated[tuple[TypedCoupon, ...], Meta(max_length=COUPONS_MAX)] = ()
    customer_group: CustomerGroup | None = None
    discounts: ManualDiscounts = ()


class QuoteRequest(PricedRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a question for a price: a sale's, without what pays it."""

    register: Name | None = None
    customer_id: Name | None = None
    basket: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class SaleRequest(PricedRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a sale. `expected_total_minor` is what the customer was shown, if anything.

    `basket` is the hold that the sale ends; its lines need not be the same.
    """

    register: Name
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)]
    customer_id: Name | None = None
    expected_total_minor: MinorUnits | None = None
    override: OverrideRequest | None = None
    basket: Annotated[str, Meta(min_length=1, max_length=200)] | None = None

    def __post_init__(self) -> None:
        check_tenders(self.tenders)
