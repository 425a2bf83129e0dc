"""What is asked for when goods come back: the bodies of requests, checked while they are read."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from retail.money import TOTAL_MINOR_MAX, MinorUnits
from retail.prices.sale_request import PricedRequest
from retail.returning.returns import Inspected, ReturnRequestLine
from retail.selling.sales import LINES_MAX, TENDERS_MAX, Name, Reason, Tender, check_tenders

SaleNamed = Annotated[str, Meta(min_length=1, max_length=200)]
"""A sale or an online order, by its id or the number on its paper; or an announced return's."""

ReturnLines = Annotated[tuple[ReturnRequestLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
"""What came, or is going to come, back of a sale."""

RefundTo = Literal["original", "store_credit"]
"""Back to what paid the sale, or all of it to a new store credit."""


class ReturnRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a return: the id or the printed number of the sale, and what came back of it.

    With `unverified` the goods are taken in also where nobody can say now what is left of the sale;
    `advance_minor` is cash that a supervisor gives for them at once.
    """

    register: Name
    sale: SaleNamed
    lines: ReturnLines
    reason: Reason
    refund_to: RefundTo = "original"
    unverified: bool = False
    advance_minor: Annotated[int, Meta(ge=1, le=TOTAL_MINOR_MAX)] | None = None


class SettleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body with which an unverified return is paid for, or (`reject`) is found to be none.

    `sale` where what was typed at the counter was wrong.
    """

    register: Name
    sale: SaleNamed | None = None
    refund_to: RefundTo = "original"
    reject: bool = False


class ExchangeRequest(PricedRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an exchange: what comes back of a sale, and what goes out instead.

    `tenders` pay what the new goods cost above the worth of the old ones; nothing where they cost
    less. `expected_total_minor` is the price of the new goods alone; `refund_to` is where goes what
    the old ones were worth more.
    """

    register: Name
    sale: SaleNamed
    returned: ReturnLines
    reason: Reason
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)] = ()
    customer_id: Name | None = None
    expected_total_minor: MinorUnits | None = None
    refund_to: RefundTo = "original"

    def __post_init__(self) -> None:
        check_tenders(self.tenders)


class InspectionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an inspection."""

    lines: Annotated[tuple[Inspected, ...], Meta(min_length=1, max_length=LINES_MAX)]


class AnnounceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a return that is started online: what a customer is going to bring or send."""

    sale: SaleNamed
    lines: ReturnLines
    reason: Reason


class ClaimRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a shop's question who may take back goods of a sale: its id or its number.

    `seq` is how far the shop's own journal goes: what it took back itself has to be heard, too.
    """

    sale: SaleNamed
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)]
