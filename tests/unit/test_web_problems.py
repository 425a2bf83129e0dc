"""Goal: each slug of the contract is what clients were promised: its name, status and members.

Method: the table is written out here once more, by hand, and compared with the code.
"""

import json

import pytest

from web.problems import DETAIL_CHARS_MAX, PROBLEM_MEDIA_TYPE, Problem, Slug

CONTRACT = {
    "quota-short": 409,
    "credit-short": 409,
    "price-changed": 409,
    "conflict": 409,
    "unknown-product": 404,
    "not-found": 404,
    "invalid-request": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "rate-limited": 429,
    "too-large": 413,
    "method-not-allowed": 405,
    "unavailable": 503,
    "storage": 503,
    "internal": 500,
}


def test_slugs_and_statuses_are_those_of_the_contract() -> None:
    assert {slug.text: slug.status for slug in Slug} == CONTRACT


def test_a_problem_is_rendered_as_rfc_9457_says() -> None:
    problem = Problem(Slug.PRICE_CHANGED, "It costs more.", members={"total_minor": 250})

    response = problem.response()

    assert (response.status, response.content_type) == (409, PROBLEM_MEDIA_TYPE)
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "type": "/problems/price-changed",
        "title": Slug.PRICE_CHANGED.title,
        "status": 409,
        "detail": "It costs more.",
        "total_minor": 250,
    }


def test_a_malformed_request_is_a_400_and_an_invalid_one_a_422_with_its_field() -> None:
    assert Problem.malformed("?").status == 400
    invalid = Problem.invalid("?", field="$.lines[0]")
    assert (invalid.status, invalid.members) == (422, {"field": "$.lines[0]"})
    assert not Problem.invalid("?").members


def test_headers_that_belong_to_a_problem_are_sent() -> None:
    assert Problem.rate_limited("?", retry_after_s=2).response().headers["Retry-After"] == "2"
    assert Problem.unavailable("?", retry_after_s=3).response().headers["Retry-After"] == "3"
    challenged = Problem.unauthenticated("?", challenge="Bearer").response()
    assert challenged.headers["WWW-Authenticate"] == "Bearer"
    assert Problem.method_not_allowed("PUT", ["POST", "GET"]).headers == {"Allow": "GET, POST"}


def test_a_connection_with_an_unread_body_is_closed() -> None:
    assert Problem.too_large(10).response().keep_alive is False
    assert Problem.malformed("?").response().keep_alive is None


def test_headers_of_one_response_are_not_seen_in_the_next() -> None:
    Problem.rate_limited("?", retry_after_s=2).response().headers["X"] = "y"

    assert not {"X", "Retry-After"} & set(Problem.malformed("?").response().headers)


def test_a_long_detail_is_cut() -> None:
    detail = Problem.malformed("x" * 10_000).detail

    assert len(detail) == DETAIL_CHARS_MAX
    assert detail.endswith("...")


@pytest.mark.parametrize("name", ["type", "title", "status", "detail"])
def test_members_may_not_hide_the_standard_ones(name: str) -> None:
    with pytest.raises(AssertionError):
        Problem(Slug.CONFLICT, "?", members={name: 1})
