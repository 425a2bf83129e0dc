"""Goal: a line on terms that were not right there and then is named, and no other.

Method: tea gets cheaper at 10 s. Riverside is cut off from 5 to 20 s and seen with the new price at
22 s, harbour at 11 s. Each test asks for one line at one time.
"""

from typing import Any

import pytest

from scripts.demo_day.prices import (
    Asked,
    PriceNews,
    Terms,
    charged_of,
    is_charged,
    judge_prices,
    judge_quotes,
)

LABELS = {"tea": 250, "rice": 100}
NEW = {"tea": Terms(200)}


def news() -> PriceNews:
    news = PriceNews()
    news.cut("riverside", 5.0)
    news.announce(NEW, 10.0)
    news.seen_s["harbour"] = 11.0
    news.mend("riverside", 20.0)
    news.seen_s["riverside"] = 22.0
    return news


def line(price_minor: int, *, sku: str = "tea", off_minor: int = 0, units: int = 2) -> Any:  # noqa: ANN401
    return {
        "sku": sku,
        "quantity": units,
        "unit_price_minor": price_minor,
        "discounts": [{"amount_minor": off_minor}] if off_minor else [],
        "total_minor": price_minor * units - off_minor,
    }


def asked(where: str, asked_s: float, told_s: float, one: object) -> Asked:
    return Asked("S-1", where, asked_s, told_s, [one])


@pytest.mark.parametrize(
    ("where", "asked_s", "told_s", "right"),
    [
        ("harbour", 8.0, 9.0, {250}),
        ("harbour", 9.0, 10.5, {250, 200}),
        ("harbour", 12.0, 13.0, {200}),
        ("riverside", 12.0, 13.0, {250}),
        ("riverside", 18.0, 20.5, {250, 200}),
        ("riverside", 21.0, 21.5, {250, 200}),
        ("riverside", 23.0, 24.0, {200}),
        ("elsewhere", 30.0, 31.0, {250, 200}),
    ],
)
def test_a_price_is_right_where_and_when_it_can_be_known(
    where: str, asked_s: float, told_s: float, right: set[int]
) -> None:
    for price_minor in (250, 200):
        wrong = judge_prices(news(), LABELS, [asked(where, asked_s, told_s, line(price_minor))])
        assert (not wrong) == (price_minor in right)


def test_a_line_that_was_cut_after_the_announcement_may_have_heard_of_it() -> None:
    late = PriceNews()
    late.announce(NEW, 10.0)
    late.cut("riverside", 10.5)

    assert judge_prices(late, LABELS, [asked("riverside", 12.0, 13.0, line(200))]) == ()


def test_goods_whose_price_nobody_changed_cost_what_they_did() -> None:
    right = asked("harbour", 12.0, 13.0, line(100, sku="rice"))
    wrong = asked("harbour", 12.0, 13.0, line(101, sku="rice"))

    assert len(judge_prices(news(), LABELS, [right, wrong])) == 1


def test_a_discount_that_nobody_gave_is_named() -> None:
    named = judge_prices(news(), LABELS, [asked("harbour", 12.0, 13.0, line(200, off_minor=1))])

    [sentence] = named
    assert sentence.endswith(
        "charged as 200 each, 1 off, 399 in all, right is 200 each, 0 off, 400 in all"
    )


def test_a_share_is_rounded_once_for_all_pieces_and_half_up() -> None:
    assert Terms(15, 1_000).off_minor(1) == 2
    assert Terms(15, 1_000).off_minor(3) == 5
    assert Terms(14, 1_000).off_minor(1) == 1
    assert Terms(333, 1_000).total_minor(10) == 2_997


def test_lines_are_counted_by_what_their_store_knew() -> None:
    everything = [
        asked("riverside", 12.0, 13.0, line(250)),
        asked("riverside", 12.0, 13.0, line(100, sku="rice")),
        asked("riverside", 7.0, 8.0, line(250)),
        asked("harbour", 12.0, 13.0, line(200)),
        asked("harbour", 10.5, 12.0, line(200)),
    ]

    assert news().counts(everything) == {"old_while_cut_off": 1, "new_after": 1}


def test_a_quote_is_on_the_terms_when_all_its_lines_are() -> None:
    terms = {"tea": Terms(200, 1_000), "rice": Terms(100)}
    lines = [line(200, off_minor=40), line(100, sku="rice")]

    assert is_charged(terms, {"lines": lines})
    assert not is_charged(terms, {"lines": [line(200), line(100, sku="rice")]})


def test_a_place_that_ends_the_day_with_another_price_is_named() -> None:
    terms = {"tea": Terms(200), "rice": Terms(100)}
    sound = [line(200), line(100, sku="rice")]

    assert judge_quotes(terms, {"website": sound, "harbour": sound}) == ()
    [old] = judge_quotes(terms, {"website": sound, "harbour": [line(250), sound[1]]})
    [missing] = judge_quotes(terms, {"website": sound[:1], "harbour": sound})
    assert old.startswith("tea costs 250 each")
    assert missing == "rice has no price at website"


def test_what_a_line_is_charged_adds_up_its_discounts() -> None:
    one = line(200) | {"discounts": [{"amount_minor": 3}, {"amount_minor": 4}]}

    assert charged_of(one).off_minor == 7
