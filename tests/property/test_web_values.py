"""Goal: what the door hands out comes back unchanged, and what it never handed out is refused.

Method: Hypothesis makes JSON values, cursors and texts. A body's digest must depend on its value
alone; a cursor must survive its round trip; no text whatever may raise anything but a Problem.
"""

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from tests.web_samples import OrdersQuery, Sale
from web.body import body_decoder, body_digest
from web.paging import CURSOR_CHARS_MAX, Cursor
from web.problems import Problem, Slug
from web.query import QueryDecoder

T = TypeVar("T")

CURSOR = Cursor(tuple[int, str])
ORDERS = QueryDecoder(OrdersQuery)
decode_sale = body_decoder(Sale)

whole_numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(texts, json_values, max_size=5)


def outcome_of(read: Callable[[], T]) -> T | Problem:
    """What was read, or the problem that it was refused with; any other exception is a bug."""
    try:
        return read()
    except Problem as problem:
        return problem


def shuffled(value: object) -> object:
    """The same JSON value with the keys of every object in the opposite order."""
    match value:
        case dict():
            return {key: shuffled(value[key]) for key in reversed(value)}
        case list():
            return [shuffled(one) for one in value]
        case _:
            return value


@given(json_objects)
def test_the_digest_does_not_see_white_space_escapes_or_the_order_of_keys(
    value: dict[str, object],
) -> None:
    plain = json.dumps(value).encode()
    other = json.dumps(shuffled(value), indent=3, ensure_ascii=False).encode()

    assert body_digest(plain) == body_digest(other)


@given(json_objects, json_objects)
def test_the_digest_tells_values_apart(one: dict[str, object], two: dict[str, object]) -> None:
    canonical = [json.dumps(value, sort_keys=True) for value in (one, two)]
    digests = [body_digest(json.dumps(value).encode()) for value in (one, two)]

    assert (digests[0] == digests[1]) == (canonical[0] == canonical[1])


@given(whole_numbers, texts)
def test_a_cursor_comes_back_as_the_place_it_was_made_of(number: int, text: str) -> None:
    cursor = CURSOR.encode((number, text))

    assert CURSOR.decode(cursor) == (number, text)
    assert len(cursor) <= CURSOR_CHARS_MAX
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}", fullmatch=True))
def test_a_text_that_is_no_cursor_is_a_400_and_never_a_failure(text: str) -> None:
    outcome = outcome_of(lambda: CURSOR.decode(text))

    if isinstance(outcome, Problem):
        assert (outcome.slug, outcome.status) == (Slug.INVALID_REQUEST, 400)
    else:
        assert outcome is not None
        assert [type(part) for part in outcome] == [int, str]


def test_the_first_page_has_no_cursor() -> None:
    assert CURSOR.decode(None) is None


@given(whole_numbers)
def test_an_integer_parameter_is_read_only_as_json_would_write_it(number: int) -> None:
    class Numbered(msgspec.Struct, frozen=True):
        n: int

    decoder = QueryDecoder(Numbered)
    if abs(number) < 10**18:
        assert decoder.decode(MultiDict(n=str(number))).n == number
    for other in (f"+{number}", f"{number}.0", f" {number}", f"0{number}", f"{number}_0"):
        with pytest.raises(Problem):
            decoder.decode(MultiDict(n=other))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["limit", "cursor", "status", "sku", "open", "other"]),
            st.text(max_size=8) | st.integers().map(str) | st.just("true"),
        ),
        max_size=5,
    )
)
def test_any_query_is_decoded_or_a_400(parameters: list[tuple[str, str]]) -> None:
    outcome = outcome_of(lambda: ORDERS.decode(MultiDict(parameters)))

    if isinstance(outcome, Problem):
        assert outcome.status == 400
    else:
        assert 1 <= outcome.limit <= 500
        assert outcome.sku == tuple(value for name, value in parameters if name == "sku")


@given(st.binary(max_size=80) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_body_a_400_or_a_422(raw: bytes) -> None:
    outcome = outcome_of(lambda: decode_sale(raw))

    if isinstance(outcome, Problem):
        assert outcome.slug is Slug.INVALID_REQUEST
        assert outcome.status in {400, 422}
    else:
        assert outcome.lines
        assert len(body_digest(raw)) == 16
