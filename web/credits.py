"""A store credit as both programs name and show it (`replication.allowances`)."""

from typing import Literal

import msgspec

from replication.allowances import allowed, store_credit
from replication.escrow import EscrowCounter
from replication.ids import (
    EntryId,
    LocationId,
    entry_id,
    incarnation_of,
    location_of,
    parse_entry_id,
    writer_id,
)
from retail.money import format_minor
from retail.selling.store_credit import CreditCode, CreditUnread, read_credit_code
from web.problems import Problem, Slug

CreditReason = Literal[
    "unread", "mistyped", "currency", "left", "held", "moving", "unheard", "unknown"
]
"""Why a credit does not pay: no code; a wrong letter in it; other money; no more is left; another
holds it and was not reached; it came too late for this try; nobody can say; nobody issued it."""


class CreditHolding(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds how much of a store credit: a location, or `hub`.

    `name` is what people call the location, `last_heard` when it was heard; null where that is not
    known, or it is whoever answers.
    """

    location: str
    amount_minor: int
    name: str | None = None
    last_heard: str | None = None


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """A store credit as far as this program has heard.

    `issued_by` is the return that was paid with it, `issued_minor` how much that was (null where it
    is only held here and its return was not heard of); `balance_minor` is what is left, which lies
    with those in `held`.
    """

    code: str
    currency: str
    issued_by: str
    issued_minor: int | None
    balance_minor: int
    held: tuple[CreditHolding, ...]


def code_of(issued_by: EntryId, currency: str, secret: str) -> CreditCode:
    """The code of the credit that a return is paid with."""
    place = parse_entry_id(issued_by)
    assert place is not None, f"{issued_by} is a return, and no entry"
    writer, seq = place
    return CreditCode(location_of(writer), incarnation_of(writer), seq, currency, secret)


def issuer_of(code: CreditCode) -> EntryId:
    """The return that was paid with the credit."""
    return entry_id(writer_id(LocationId(code.location), code.incarnation), code.seq)


def key_of(code: CreditCode) -> str:
    """The counter of the credit; one code, one key."""
    return store_credit(issuer_of(code), code.currency, code.secret)


def credit_code(typed: str) -> CreditCode:
    """The code in an address.

    Raises:
        Problem: invalid-request, with what is wrong with it.
    """
    code = read_credit_code(typed)
    if isinstance(code, CreditUnread):
        reason: CreditReason = "mistyped" if code.is_mistyped else "unread"
        raise refused_credit(Slug.INVALID_REQUEST, f"{code}.", typed, reason, field="code")
    return code


def refused_credit(
    slug: Slug, detail: str, credit: str, reason: CreditReason, **more: object
) -> Problem:
    """A refusal that names the credit and the reason, for a till's own words."""
    return Problem(slug, detail, members={"credit": credit, "reason": reason, **more})


def shown(code: CreditCode, counter: EscrowCounter, held: tuple[CreditHolding, ...]) -> CreditView:
    """The credit of a counter, with the holders that the program knows by name."""
    return CreditView(
        code=str(code),
        currency=code.currency,
        issued_by=issuer_of(code),
        issued_minor=allowed(counter) or None,
        balance_minor=sum(one.amount_minor for one in held),
        held=held,
    )


def money(code: CreditCode, minor: int) -> str:
    """An amount of the credit, for a sentence."""
    return f"{format_minor(minor, code.currency)} {code.currency}"
