"""A sale at the till: what a register asks for, how it is paid, and the record that lasts.

`Sale` is the shape that registers, the journal, the hub and every export share; its JSON is pinned
by tests/golden/sale.json. A sale keeps the prices and tax rates it was rung up with; nobody
recomputes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from retail.money import TOTAL_MINOR_MAX, CurrencyCode, MinorUnits
from retail.products.catalogue import Quantity, Sku
from retail.selling.store_credit import CreditCode, CreditUnread, TypedCredit, read_credit_code

LINES_MAX: Final = 1_000
"""Lines of one sale or order; a full trolley has about 200."""

TENDERS_MAX: Final = 20
"""Tenders of one sale: a table that splits its bill, with room."""

TenderType = Literal["cash", "card", "wallet", "exchange", "online", "store_credit"]
"""`exchange` is the worth of goods that came back in the same commit, `online` what was paid to the
storefront and goes back through it: no customer pays a till with those."""

EXCHANGE: Final = "exchange"
ONLINE: Final = "online"
STORE_CREDIT: Final = "store_credit"
CHANGE_FROM: Final = "cash"
"""The one tender that gives change; anything else may not exceed what is to be paid."""

Name = Annotated[str, Meta(min_length=1, max_length=64)]
"""A register, person or customer id."""

Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="some words")]
LocationId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}(?![\s\S])",
        description="a location's id: small letters, digits and -",
    ),
]
Rfc3339 = Annotated[str, Meta(min_length=20, max_length=40)]
BusinessDate = Annotated[
    str,
    Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\s\S])", description="a date like 2026-11-22"),
]
"""The shop's own day, as YYYY-MM-DD."""


class LineDiscount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line's share of a discount. `promotion` is null where a person gave it; `name` says why."""

    promotion: str | None
    name: str
    amount_minor: Annotated[int, Meta(ge=1, le=TOTAL_MINOR_MAX)]


class SaleLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A priced line, of a sale or an order: net + tax == total, all for the whole quantity.

    `unit_price_minor` is the product's price for its `price_per_quantity` base units, with the tax
    in it or not as the tax row says. `discounts` came off the line's amount, written like that
    price, before the tax was worked out: what remains is the total, or the net.
    """

    sku: str
    name: str
    quantity: Quantity
    unit_price_minor: MinorUnits
    discounts: tuple[LineDiscount, ...]
    net_minor: MinorUnits
    tax_class: str
    tax_rate: str
    tax_minor: MinorUnits
    total_minor: MinorUnits


class Tender(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """What paid, or part of it: the amount handed over, before change.

    `credit` is the code of a store credit, and `left_minor`, in records alone, what was left of it
    afterwards. Other tenders do not have the two fields, as none had before there were credits.
    """

    type: TenderType
    amount_minor: Annotated[int, Meta(ge=1, le=TOTAL_MINOR_MAX)]
    credit: TypedCredit | None = None
    left_minor: MinorUnits | None = None


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why a sale went beyond quota, and the supervisor who answers for it."""

    reason: Reason
    by: str


class Sale(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """A committed sale. All fields but the last are there, in this order, `null` where is nothing.

    `id` is its place in the journal, "<writer>-<seq>". `business_date` is the shop's own day as
    YYYY-MM-DD; `at` is UTC. `change_minor` is what of the tenders went back over the counter.
    `clock_synchronised` is there, and false, where the clock of who sold could not be believed:
    whoever books the sale in its place has another clock.
    """

    id: str
    number: str
    location: LocationId
    register: str
    cashier: str
    shift: str | None
    business_date: BusinessDate
    at: Rfc3339
    writer: str
    seq: Annotated[int, Meta(ge=1)]
    currency: CurrencyCode
    lines: tuple[SaleLine, ...]
    total_minor: MinorUnits
    tax_minor: MinorUnits
    tenders: tuple[Tender, ...]
    change_minor: MinorUnits
    customer_id: str | None
    override: Override | None
    clock_synchronised: bool = True


class SaleRequestLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was picked up: named by its SKU or by the code that was scanned, never by both.

    `shown_price_minor` is the price that an open basket showed when the line was added: it stays,
    where it was the price of the shelf lately and is lower than now.
    """

    quantity: Quantity
    sku: Sku | None = None
    barcode: Annotated[str, Meta(min_length=1, max_length=1_024)] | None = None
    shown_price_minor: MinorUnits | None = None

    def __post_init__(self) -> None:
        if (self.sku is None) == (self.barcode is None):
            raise ValueError("a line has either a sku or a barcode")


class OverrideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A supervisor sells what quota does not cover; who it is comes from the token."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The tenders pay the total; `change_minor` goes back, all of it in cash."""

    change_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TendersShort:
    """Refusal: the tenders do not cover the total."""

    total_minor: int
    tendered_minor: int

    def __str__(self) -> str:
        return f"tenders of {self.tendered_minor} do not cover the total of {self.total_minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NonCashAboveTotal:
    """Refusal: cards and wallets give no change, and together they exceed the total."""

    total_minor: int
    non_cash_minor: int

    def __str__(self) -> str:
        return (
            f"tenders other than cash of {self.non_cash_minor}"
            f" exceed the total of {self.total_minor}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyTenders:
    """Refusal: more than `TENDERS_MAX` tenders for one sale."""

    tenders: int

    def __str__(self) -> str:
        return f"{self.tenders} tenders; one sale takes up to {TENDERS_MAX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderedTooMuch:
    """Refusal: the tenders are more than any amount in a record may be, and so might the change."""

    tendered_minor: int

    def __str__(self) -> str:
        return f"tenders of {self.tendered_minor} are above {TOTAL_MINOR_MAX}, any amount's limit"


TenderRefusal = TendersShort | NonCashAboveTotal | TooManyTenders | TenderedTooMuch


def check_tenders(tenders: Sequence[Tender]) -> None:
    """Refuse what no customer pays with; for bodies, while they are read.

    Raises:
        ValueError: the program alone books an exchange; what is paid online comes with its order;
            `check_credits`.
    """
    for tender in tenders:
        if tender.type == EXCHANGE:
            raise ValueError("exchange is no tender: goods are exchanged at /v1/exchanges")
        if tender.type == ONLINE:
            raise ValueError("online is no tender of a till: the storefront was paid so")
        if tender.left_minor is not None:
            raise ValueError("what is left of a store credit is not said by who pays with it")
    check_credits(tenders)


def check_credits(tenders: Sequence[Tender]) -> None:
    """Refuse a store credit without its code, a code of nothing else, and one that pays twice.

    Raises:
        ValueError: with the sentence for whoever typed it.
    """
    codes: set[CreditCode] = set()
    for tender in tenders:
        if (tender.type == STORE_CREDIT) != (tender.credit is not None):
            raise ValueError("credit is the code of a store_credit, and of no other tender")
        if tender.credit is None:
            continue
        code = read_credit_code(tender.credit)
        if isinstance(code, CreditUnread):
            raise ValueError(str(code))  # noqa: TRY004 - it is a text, and no code
        if code in codes:
            raise ValueError(f"store credit {code} pays twice: add up what it pays")
        codes.add(code)


def settle(total_minor: int, tenders: Sequence[Tender]) -> Settlement | TenderRefusal:
    """Whether the tenders pay the total, and how much of the cash goes back.

    A total of zero is settled by no tender at all.
    """
    if len(tenders) > TENDERS_MAX:
        return TooManyTenders(tenders=len(tenders))
    tendered_minor = non_cash_minor = 0
    for tender in tenders:
        tendered_minor += tender.amount_minor
        if tender.type != CHANGE_FROM:
            non_cash_minor += tender.amount_minor
    if tendered_minor > TOTAL_MINOR_MAX:
        return TenderedTooMuch(tendered_minor=tendered_minor)
    if tendered_minor < total_minor:
        return TendersShort(total_minor=total_minor, tendered_minor=tendered_minor)
    if non_cash_minor > total_minor:
        return NonCashAboveTotal(total_minor=total_minor, non_cash_minor=non_cash_minor)
    return Settlement(change_minor=tendered_minor - total_minor)
