"""Goal: what the hub refuses reaches the till as it was said; what is none of it is no refusal.

Method: answers as the hub makes them, and as something in between does.
"""

import pytest

from gateway.link.hub_line import HubAnswer
from gateway.link.hub_problems import problem_of
from web.problems import Problem, Slug


def told(problem: Problem) -> Problem:
    """The problem after its way through the gateway."""
    return problem_of(HubAnswer(problem.status, problem.body()))


def test_a_refusal_keeps_its_kind_its_words_and_its_members() -> None:
    elsewhere = [{"holder": "harbour", "location": "harbour", "quantity": 1, "last_heard": None}]
    short = Problem.quota_short(sku="tea", wanted=2, sellable=0, elsewhere=elsewhere)

    again = told(short)

    assert (again.slug, again.status, again.detail) == (short.slug, short.status, short.detail)
    assert again.members == short.members


@pytest.mark.parametrize("slug", [Slug.UNAUTHENTICATED, Slug.FORBIDDEN])
def test_a_hub_that_does_not_let_this_gateway_in_is_not_the_tills_fault(slug: Slug) -> None:
    again = told(Problem(slug, "no"))

    assert again.slug is Slug.UNAVAILABLE
    assert "Retry-After" in again.headers


@pytest.mark.parametrize(
    "answer",
    [
        HubAnswer(500, b""),
        HubAnswer(502, b"<html>bad gateway</html>"),
        HubAnswer(404, b'{"type": "/problems/of-tomorrow", "detail": "new"}'),
        HubAnswer(400, b"[]"),
        HubAnswer(503, Problem(Slug.STORAGE, "full").body()),
        HubAnswer(302, b'{"type": 7}'),
    ],
)
def test_what_is_no_refusal_of_the_hub_is_asked_again_later(answer: HubAnswer) -> None:
    assert problem_of(answer).slug is Slug.UNAVAILABLE
