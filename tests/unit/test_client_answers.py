"""Goal: a register stops asking exactly when the outcome of its sale is known.

Method: the decision table is walked row by row, and Hypothesis throws arbitrary answers at it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.answers import (
    BACKOFF_MS_MAX,
    RETRY_AFTER_S_MAX,
    Next,
    Reply,
    backoff_ms,
    decide,
    leaves_unheard,
    refusal_from,
    reply_from,
    time_ordered_key,
)
from gateway.client.witness import Witness

SALE = {"id": "riverside.1-42", "writer": "riverside.1", "seq": 42, "total_minor": 300}


def success(status: int = 201, document: dict[str, object] | None = None) -> Reply:
    return Reply(status=status, document=document or SALE, problem=False, retry_after_s=None)


def problem(status: int, slug: str) -> Reply:
    document = {"type": f"https://countertop.example/problems/{slug}", "detail": "no"}
    return Reply(status=status, document=document, problem=True, retry_after_s=None)


@pytest.mark.parametrize(
    ("reply", "first", "after_a_lost_answer"),
    [
        (success(201), Next.DONE, Next.DONE),
        (success(200), Next.DONE, Next.DONE),
        (success(200, {"login": "please"}), Next.AGAIN, Next.AGAIN),
        (problem(409, "quota-short"), Next.REFUSED, Next.REFUSED),
        (problem(409, "price-changed"), Next.REFUSED, Next.REFUSED),
        (problem(409, "conflict"), Next.AGAIN, Next.AGAIN),
        (problem(400, "invalid-request"), Next.REFUSED, Next.REFUSED),
        (problem(404, "unknown-product"), Next.REFUSED, Next.REFUSED),
        (problem(413, "too-large"), Next.REFUSED, Next.REFUSED),
        (problem(422, "invalid-request"), Next.REFUSED, Next.REFUSED),
        (problem(401, "unauthenticated"), Next.REFUSED, Next.AGAIN),
        (problem(403, "forbidden"), Next.REFUSED, Next.AGAIN),
        (problem(429, "rate-limited"), Next.AGAIN, Next.AGAIN),
        (problem(500, "internal"), Next.AGAIN, Next.AGAIN),
        (problem(503, "storage"), Next.AGAIN, Next.AGAIN),
        (problem(418, "teapot"), Next.AGAIN, Next.AGAIN),
        (Reply(status=404, document=None, problem=False, retry_after_s=None),) + (Next.AGAIN,) * 2,
        (Reply(status=302, document=None, problem=False, retry_after_s=None),) + (Next.AGAIN,) * 2,
    ],
    ids=lambda value: f"{value.status}-{value.slug}" if isinstance(value, Reply) else "",
)
def test_the_table_says_when_to_stop_asking(
    reply: Reply, first: Next, after_a_lost_answer: Next
) -> None:
    assert decide(reply, unheard=False) is first
    assert decide(reply, unheard=True) is after_a_lost_answer


@given(status=st.integers(100, 599), body=st.binary(max_size=200), unheard=st.booleans())
def test_whoever_is_not_a_gateway_ends_nothing(status: int, body: bytes, unheard: bool) -> None:  # noqa: FBT001
    reply = reply_from(status, "text/html", body, None)

    assert decide(reply, unheard=unheard) is Next.AGAIN
    assert leaves_unheard(reply)


@given(
    status=st.integers(400, 599),
    slug=st.sampled_from(["quota-short", "conflict", "internal", "forbidden", "storage"]),
)
def test_what_ends_a_sale_leaves_nothing_unheard(status: int, slug: str) -> None:
    reply = problem(status, slug)

    if decide(reply, unheard=True) is Next.REFUSED:
        assert not leaves_unheard(reply)


@pytest.mark.parametrize(
    "kind",
    [
        "https://countertop.example/problems/quota-short",
        "urn:countertop:problem:quota-short",
        "/problems#quota-short",
        "quota-short",
    ],
)
def test_the_slug_is_the_end_of_the_problems_type(kind: str) -> None:
    body = b'{"type": "%s", "title": "t", "sellable": 2}' % kind.encode()

    reply = reply_from(409, "application/problem+json", body, None)

    assert reply.slug == "quota-short"
    assert refusal_from(reply).detail == "t"
    assert refusal_from(reply).problem["sellable"] == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("2", 2),
        ("9" * 9_000, RETRY_AFTER_S_MAX),
        ("-1", None),
        ("1e9", None),
        ("٣", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_bounded(header: str | None, seconds: int | None) -> None:
    assert reply_from(429, "text/plain", b"", header).retry_after_s == seconds


@given(tries=st.integers(1, 10**6), dice=st.floats(0, 1))
def test_backoff_grows_to_its_bound_and_never_beyond(tries: int, dice: float) -> None:
    wait = backoff_ms(tries, None, dice)

    assert 0 < wait <= BACKOFF_MS_MAX
    assert backoff_ms(tries + 1, None, dice) >= wait
    assert backoff_ms(tries, 7, dice) >= 7_000


@given(
    earlier=st.integers(0, 2**47),
    later=st.integers(1, 2**40),
    dice=st.tuples(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10)),
)
def test_keys_sort_by_their_time(earlier: int, later: int, dice: tuple[bytes, bytes]) -> None:
    first = time_ordered_key(earlier, dice[0])
    second = time_ordered_key(earlier + later, dice[1])

    assert first < second
    assert first.isascii()
    assert len(first) == len(second) <= 255


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "riverside.1;42",
        "riverside;42;ab",
        "riverside.0;42;ab",
        "River.1;1;ab",
        "riverside.1;-1;ab",
        f"riverside.1;{'9' * 19};ab",
        f"riverside.1;1;{'a' * 129}",
    ],
)
def test_a_witness_that_is_not_ours_is_nothing(text: str) -> None:
    assert Witness.parse(text) is None


def test_a_later_incarnation_is_above_any_seq_of_an_earlier_one() -> None:
    old, new, newer = (
        Witness.parse(text) for text in ("shop.1;900;aa", "shop.2;1;bb", "shop.2;2;cc")
    )

    assert old is not None
    assert new is not None
    assert newer is not None
    assert old.above(None)
    assert new.above(old)
    assert not old.above(new)
    assert newer.above(new)
    assert not new.above(new)
    assert str(newer) == "shop.2;2;cc"
