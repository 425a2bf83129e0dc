"""Store credit at this shop's tills, on the writer thread: issued by returns, spent by sales.

What is left of a credit is a number of rights, each a minor unit, and all of them lie with one
holder (`replication.allowances`). So what this gateway holds it spends without asking anyone, and
says what is left; what it does not hold it asks the hub for, in the manner of `web.uses`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from gateway.shop import Shop
from replication.allowances import use
from replication.escrow import CellChange, Minted
from replication.ids import EntryId, location_of
from retail.returning.return_requests import RefundTo
from retail.selling.sales import STORE_CREDIT, Tender
from retail.selling.store_credit import CreditCode, read_credit_code
from web.credits import CreditHolding, CreditView, code_of, key_of, refused_credit, shown
from web.problems import Problem, Slug
from web.uses import Asked, UsesShort


class CreditShort(NamedTuple):
    """Refusal: a store credit cannot pay so much here now, after whoever may have it was asked."""

    code: CreditCode
    wanted_minor: int
    spendable_minor: int


def take_credits(
    shop: Shop, tenders: Sequence[Tender], currency: str, asked: Asked
) -> list[Tender] | Problem | UsesShort | CreditShort:
    """The tenders as they are booked: a store credit with what is left of it; nothing is changed.

    They passed `retail.selling.sales.check_tenders`. A credit of which a part is here is here as a
    whole.
    """
    booked: list[Tender] = []
    wants: list[tuple[str, int]] = []
    for number, tender in enumerate(tenders):
        code = _code(tender)
        if code is None:
            booked.append(tender)
            continue
        if code.currency != currency:
            return refused_credit(
                Slug.INVALID_REQUEST,
                f"Store credit {code} pays in {code.currency}, and what is sold costs {currency}.",
                str(code), "currency", field=f"$.tenders[{number}].credit",
            )  # fmt: skip
        key, amount_minor = key_of(code), tender.amount_minor
        left_minor = shop.quota(key) - amount_minor
        if left_minor < 0:
            if shop.quota(key) or asked.is_over or key in asked.refused:
                return CreditShort(code, amount_minor, shop.quota(key))
            wants.append((key, amount_minor))
        booked.append(msgspec.structs.replace(tender, credit=str(code), left_minor=left_minor))
    return UsesShort(tuple(wants)) if wants else booked


def spend_credits(shop: Shop, booked: Iterable[Tender]) -> list[CellChange]:
    """Use up what these tenders pay; the caller journals the cells with the deed that they pay."""
    return [
        use(shop.counter(key_of(code)), shop.ledger.writer, tender.amount_minor)
        for tender in booked
        if (code := _code(tender)) is not None
    ]


def refunded(
    refunds: Sequence[Tender], refund_to: RefundTo, issued_by: EntryId, currency: str, secret: str
) -> tuple[Tender, ...]:
    """How a return is paid, of `refunds_of` its sale: what goes to store credit is a new one.

    Also what was paid with store credit: rights come into being at whoever wrote the return, and
    the credit that paid may be another shop's.
    """
    total_minor = sum(one.amount_minor for one in refunds)
    if refund_to == STORE_CREDIT and total_minor:
        refunds = (Tender(type=STORE_CREDIT, amount_minor=total_minor),)
    code = str(code_of(issued_by, currency, secret))
    return tuple(
        msgspec.structs.replace(one, credit=code) if one.type == STORE_CREDIT else one
        for one in refunds
    )


def code_paid_with(refunds: Iterable[Tender]) -> str | None:
    """The code of the credit that a return is paid with, or None."""
    return next((one.credit for one in refunds if one.credit is not None), None)


def issue_credits(shop: Shop, refunds: Iterable[Tender]) -> list[CellChange]:
    """Bring what a return is paid with into being; the caller journals the cells with it."""
    return [
        shop.counter(key_of(code)).mint(shop.ledger.writer, Minted.ALLOWED, tender.amount_minor)
        for tender in refunds
        if (code := _code(tender)) is not None
    ]


def seen_here(shop: Shop, code: CreditCode) -> CreditView | None:
    """What this gateway knows of a credit by itself; None where that is nothing.

    Who holds it knows all of it, who issued it where it went.
    """
    counter = shop.counter(key_of(code))
    held = tuple(
        CreditHolding(location=location_of(holder), amount_minor=units)
        for holder, units in sorted(counter.holders().items())
        if units > 0
    )
    view = shown(code, counter, held)
    return view if held or view.issued_minor else None


def _code(tender: Tender) -> CreditCode | None:
    if tender.credit is None:
        return None
    code = read_credit_code(tender.credit)
    assert isinstance(code, CreditCode), "a tender's code was read at the door"
    return code
