"""Goal: who sends a value of the wrong shape reads what it should be, not a regular expression.

Method: the decoders of bodies and queries, with types as endpoints have them. A pattern that nobody
has put into words is found when a program starts.
"""

from typing import Annotated

import msgspec
import pytest

from retail.catalogue import ProductBody, Sku
from web.body import body_decoder
from web.problems import Problem
from web.shape_words import shape_words


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
