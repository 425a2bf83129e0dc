"""The endpoint of store credits, and the words of a till that cannot be paid with one.

What is not here is asked of the hub, which may not have heard of it either: each answer says whose
word it is and when that was heard.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal, NamedTuple
from urllib.parse import quote

import msgspec

from gateway.link.elsewhere import ASK_S_MAX
from gateway.link.hub_line import ANSWER_S_MAX
from gateway.parts import Parts
from gateway.roles import TILL
from gateway.selling.credits import CreditShort, seen_here
from replication.clock import rfc3339
from replication.ids import HUB
from retail.selling.store_credit import CreditCode
from web.credits import CreditHolding, CreditView, credit_code, money, refused_credit
from web.endpoint import Answer, Call, Endpoint
from web.problems import Problem, Slug


class NotIssued(msgspec.Struct, frozen=True):
    """The hub has heard of no such credit."""


HubsWord = CreditView | NotIssued | None
"""What the hub says of a credit; None: it was not heard."""


class CreditApi:
    """The handler, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def credit(self, call: Call[None]) -> Answer:
        """What is left of a credit, and where it lies."""
        code = credit_code(call.params["code"])
        here = await self._parts.writer.look(lambda: seen_here(self._parts.shop, code))
        own = self._parts.shop.location
        if here is not None and any(one.location == own for one in here.held):
            return Answer(200, here)
        told = await ask_hub(self._parts, code, within_s=ANSWER_S_MAX)
        match told:
            case CreditView():
                return Answer(200, told)
            case None if here is not None:
                return Answer(200, _dated(self._parts, here))
            case None:
                raise refused_credit(Slug.UNAVAILABLE, f"{_unheard(code)}.", str(code), "unheard")
            case NotIssued():
                raise refused_credit(Slug.NOT_FOUND, f"{_unknown(code)}.", str(code), "unknown")

    def endpoints(self) -> Sequence[Endpoint]:
        """The row."""
        return [
            Endpoint(
                method="GET", path="/v1/credits/{code}",
                summary="What is left of a store credit, and where it lies", roles=TILL,
                handler=self.credit, answer=CreditView,
                refusals=(Slug.NOT_FOUND, Slug.INVALID_REQUEST, Slug.UNAVAILABLE),
            ),
        ]  # fmt: skip


async def credit_short(parts: Parts, short: CreditShort) -> Problem:
    """The refusal of a tender, with what can be spent here and who has the rest, as heard."""
    code = short.code
    if short.spendable_minor:
        word = _Word("left", short.spendable_minor)
    else:
        told = await ask_hub(parts, code, within_s=ASK_S_MAX)
        word = _word(told, short.wanted_minor, here=parts.shop.location)
    return refused_credit(
        Slug.CREDIT_SHORT,
        f"{_sentence(short, word)}.",
        str(code),
        word.reason,
        currency=code.currency,
        wanted_minor=short.wanted_minor,
        spendable_minor=short.spendable_minor,
        left_minor=word.left_minor,
        elsewhere=[msgspec.structs.asdict(one) for one in word.held],
    )


class _Word(NamedTuple):
    """Why a credit does not pay; `left_minor` is None where nobody knows what is left."""

    reason: Literal["left", "held", "moving", "unheard", "unknown"]
    left_minor: int | None = None
    held: tuple[CreditHolding, ...] = ()


def _word(told: HubsWord, wanted_minor: int, *, here: str) -> _Word:
    match told:
        case None:
            return _Word("unheard")
        case NotIssued():
            return _Word("unknown")
        case CreditView(balance_minor=left_minor) if left_minor < wanted_minor:
            return _Word("left", left_minor)
        case CreditView(balance_minor=left_minor, held=held):
            arrives = any(one.location in {here, HUB} for one in held)
            return _Word("moving" if arrives else "held", left_minor, held)


async def ask_hub(parts: Parts, code: CreditCode, *, within_s: float) -> HubsWord:
    """What the hub has heard of a credit."""
    answer = await parts.hub.get(f"/v1/credits/{quote(str(code))}", within_s=within_s)
    if answer is None:
        return None
    if answer.status == HTTPStatus.NOT_FOUND:
        return NotIssued()
    try:
        return msgspec.json.decode(answer.body, type=CreditView)
    except msgspec.DecodeError:
        return None


def _sentence(short: CreditShort, word: _Word) -> str:
    code = short.code
    asked = f"{money(code, short.wanted_minor)} of store credit {code} were to be paid"
    match word:
        case _Word("left", int(left_minor)):
            return f"{asked}, and {money(code, left_minor)} are left"
        case _Word("unknown"):
            return _unknown(code)
        case _Word("moving"):
            return f"{asked}. They are on their way here: ask again"
        case _Word(held=()):
            return f"{asked}. {_unheard(code)}"
        case _:
            return f"{asked}. {'; '.join(_lies(code, one) for one in word.held)}"


def _dated(parts: Parts, view: CreditView) -> CreditView:
    """What others hold, with when the hub was heard that it went to."""
    heard = parts.uplink.heard_wall_ms
    last_heard = None if heard is None else rfc3339(heard)
    held = tuple(msgspec.structs.replace(one, last_heard=last_heard) for one in view.held)
    return msgspec.structs.replace(view, held=held)


def _lies(code: CreditCode, one: CreditHolding) -> str:
    heard = "not heard yet" if one.last_heard is None else f"last heard {one.last_heard}"
    return f"{money(code, one.amount_minor)} lie with {one.name or one.location}, {heard}"


def _unheard(code: CreditCode) -> str:
    return (
        f"Store credit {code} was issued in {code.location}, nothing of it lies here, and head "
        "office is not heard"
    )


def _unknown(code: CreditCode) -> str:
    return f"Head office has heard of no store credit {code} from {code.location}"
