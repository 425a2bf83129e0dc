"""Goal: who sends a value of the wrong shape reads what it should be, not a regular expression.

Method: the decoders of bodies and queries, with types as endpoints have them. A pattern that nobody
has put into words is found when a program starts.
"""

from typing import Annotated

import msgspec
import pytest

from retail.prices.price_rises import PriceListRequest
from retail.prices.promotions import PromotionBody
from retail.products.catalogue import ProductBody, Sku
from web.body import body_decoder
from web.problems import Problem
from web.shape_words import shape_words


class Shelves(msgspec.Struct, frozen=True):
    """A mapping inside a list."""

    shelves: list[dict[str, int]]


def test_a_currency_of_the_wrong_shape_is_told_in_words() -> None:
    decode = body_decoder(ProductBody)

    with pytest.raises(Problem) as refused:
        decode(b'{"name": "Tea", "price_minor": 1, "currency": "euro"}')

    assert "three capital letters, like EUR" in refused.value.detail
    assert "regex" not in refused.value.detail
    assert refused.value.members["field"] == "$.currency"


def test_a_key_of_a_mapping_is_told_in_words() -> None:
    decode = body_decoder(ProductBody)

    with pytest.raises(Problem) as refused:
        decode(
            b'{"name": "Tea", "price_minor": 1, "currency": "EUR",'
            b' "translations": {"Arabic": {"name": "x"}}}'
        )

    assert "a language like ar or en-GB" in refused.value.detail
    assert "regex" not in refused.value.detail


def test_a_value_outside_a_struct_is_told_in_words() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(" x", Sku)

    assert shape_words(Sku)(refused.value) == "Expected a SKU (printable, without / and ;)"


def test_a_pattern_that_nobody_put_into_words_is_found_when_the_program_starts() -> None:
    with pytest.raises(AssertionError, match="nobody said in words"):
        shape_words(Annotated[str, msgspec.Meta(pattern="^a")])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"channels": ["shop"]}', "'shop' (known: online, store) - at `$.channels[0]`"),
        (
            b'{"effect": {"kind": "gift"}}',
            "'gift' (known: amount, bundle_price, buy_x_get_y, order_threshold, percentage)",
        ),
        (b'{"valid_from": "tomorrow"}', "a date and time like 2026-11-30T18:00:00 - at `$.valid"),
        (b'{"valid_from": "2026-11-30T18:00:00Z"}', "a date and time without a zone, like 2026"),
        (b'{"windows": [{"from_time": "9"}]}', "a time of day like 18:00:00 - at `$.windows[0]"),
    ],
)
def test_what_would_fit_is_told(body: bytes, says: str) -> None:
    with pytest.raises(Problem) as refused:
        body_decoder(PromotionBody)(body)

    assert says in refused.value.detail


@pytest.mark.parametrize("wrong", [0, 1, 4_711, 9_999])
def test_one_wrong_price_among_many_is_named(wrong: int) -> None:
    prices = {f"SKU-{number}": -1 if number == wrong else 100 for number in range(10_000)}
    body = msgspec.json.encode({"name": "Spring", "currency": "EUR", "prices": prices})

    with pytest.raises(Problem) as refused:
        body_decoder(PriceListRequest)(body)

    assert f"at `$.prices[SKU-{wrong}]`" in refused.value.detail
    assert refused.value.members["field"] == f"$.prices[SKU-{wrong}]"


@pytest.mark.parametrize(
    "behind", [b', "A": 1}}', b'}, "x": 1e999}', b'}, "x": ' + b"[" * 3_000 + b"]" * 3_000 + b"}"]
)
def test_what_cannot_be_found_again_is_not_guessed(behind: bytes) -> None:
    body = b'{"name": "Spring", "currency": "EUR", "prices": {"A": -1, "B": 1' + behind

    with pytest.raises(Problem) as refused:
        body_decoder(PriceListRequest)(body)

    assert refused.value.members["field"] == "$.prices[...]"


def test_a_wrong_entry_inside_a_list_is_named() -> None:
    decode = body_decoder(Shelves)

    with pytest.raises(Problem) as refused:
        decode(b'{"shelves": [{"A": 1}, {"A": 1, "B": "x"}]}')

    assert refused.value.members["field"] == "$.shelves[1][B]"
