"""Goal: a till that a store credit does not pay says why, as far as anybody can say.

Method: the refusal by itself, with a hub that gives each answer that it can give, or none.
"""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from gateway.link.hub_line import HubAnswer
from gateway.parts import Parts
from gateway.selling.credit_api import credit_short
from gateway.selling.credits import CreditShort
from retail.selling.store_credit import CreditCode
from web.credits import CreditHolding, CreditView, issuer_of
from web.problems import Problem, Slug

CODE = CreditCode("riverside", 1, 57, "USD", "K7QX2M")


def at(location: str, minor: int = 500, **more: Any) -> CreditHolding:  # noqa: ANN401
    return CreditHolding(location=location, amount_minor=minor, **more)


def told(*held: CreditHolding) -> HubAnswer:
    """The hub has heard of it."""
    view = CreditView(
        code=str(CODE), currency="USD", issued_by=issuer_of(CODE), issued_minor=500,
        balance_minor=sum(one.amount_minor for one in held), held=held,
    )  # fmt: skip
    return HubAnswer(200, msgspec.json.encode(view))


async def refused(answer: HubAnswer | None, *, spendable_minor: int = 0) -> Problem:
    """A till at Harbour was to be paid 3.00."""
    asked: list[str] = []

    async def get(path: str, *, within_s: float) -> HubAnswer | None:
        assert within_s < 1, "a customer waits"
        asked.append(path)
        return answer

    parts = SimpleNamespace(shop=SimpleNamespace(location="harbour"), hub=SimpleNamespace(get=get))
    problem = await credit_short(cast("Parts", parts), CreditShort(CODE, 300, spendable_minor))
    assert asked == ([] if spendable_minor else [f"/v1/credits/{CODE}"])
    assert problem.slug is Slug.CREDIT_SHORT
    assert problem.members["credit"] == str(CODE)
    assert problem.members["wanted_minor"] == 300
    assert problem.members["spendable_minor"] == spendable_minor
    return problem


@pytest.mark.parametrize(
    ("answer", "reason", "left_minor"),
    [
        (told(at("riverside", name="Riverside", last_heard="2026-11-22T10:42:00Z")), "held", 500),
        (told(at("harbour")), "moving", 500),
        (told(at("hub")), "moving", 500),
        (told(at("riverside", 299)), "left", 299),
        (told(), "left", 0),
        (HubAnswer(404, b"{}"), "unknown", None),
        (HubAnswer(503, b"{}"), "unheard", None),
        (HubAnswer(200, b"<html>"), "unheard", None),
        (None, "unheard", None),
    ],
)
async def test_the_reason_is_what_the_hub_can_say(
    answer: HubAnswer | None, reason: str, left_minor: int | None
) -> None:
    problem = await refused(answer)

    assert (problem.members["reason"], problem.members["left_minor"]) == (reason, left_minor)
    assert str(CODE) in problem.detail


async def test_who_holds_it_is_named_with_when_it_was_heard() -> None:
    row = at("riverside", name="Riverside", last_heard="2026-11-22T10:42:00Z")

    problem = await refused(told(row))

    assert "5.00 USD lie with Riverside, last heard 2026-11-22T10:42:00Z." in problem.detail
    assert problem.members["elsewhere"] == [msgspec.structs.asdict(row)]


async def test_what_is_here_is_said_without_asking_anybody() -> None:
    problem = await refused(None, spendable_minor=120)

    assert problem.members["reason"] == "left"
    assert problem.detail == (
        f"3.00 USD of store credit {CODE} were to be paid, and 1.20 USD are left."
    )
