"""Goal: the code on a Saudi tax invoice says what the authority's reader expects.

Method: the text is taken apart by a reader of this file's own; one code is written out by hand.
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.selling.saudi_qr import VALUE_BYTES_MAX, saudi_qr

NAME_AR = "\N{ARABIC LETTER SEEN}\N{ARABIC LETTER WAW}\N{ARABIC LETTER QAF}"


def read(text: str) -> dict[int, bytes]:
    """The values by their tags; fails on anything that is not tag, length, value."""
    data = base64.b64decode(text, validate=True)
    values = {}
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        values[tag] = data[at + 2 : at + 2 + length]
        assert len(values[tag]) == length
        at += 2 + length
    return values


def code(seller: str = "Bobs Records", **more: object) -> str:
    facts: dict[str, object] = {
        "vat_number": "310122393500003",
        "at": "2022-04-25T15:30:00.250Z",
        "total_minor": 100_000,
        "tax_minor": 15_000,
    }
    return saudi_qr(seller=seller, **(facts | more))  # type: ignore[arg-type] # any field


def test_the_example_of_the_authoritys_guide_comes_out() -> None:
    """The worked example of ZATCA: "Bobs Records", 1000.00 with 150.00 VAT."""
    by_hand = (
        b"\x01\x0cBobs Records\x02\x0f310122393500003\x03\x142022-04-25T15:30:00Z"
        b"\x04\x071000.00\x05\x06150.00"
    )

    assert code() == base64.b64encode(by_hand).decode()
    assert code() == (
        "AQxCb2JzIFJlY29yZHMCDzMxMDEyMjM5MzUwMDAwMwMUMjAyMi0wNC0yNVQxNTozMDowMFoEBzEwMDAuMDAFBjE1MC4wMA=="
    )


def test_a_length_counts_bytes_and_not_letters() -> None:
    values = read(code(NAME_AR))

    assert values[1].decode() == NAME_AR
    assert base64.b64decode(code(NAME_AR))[1] == 6


@given(st.text(max_size=300), st.integers(0, 10**12), st.integers(0, 10**12))
def test_any_seller_has_five_values_that_are_text(seller: str, total: int, tax: int) -> None:
    values = read(code(seller, total_minor=total, tax_minor=tax))

    assert list(values) == [1, 2, 3, 4, 5]
    assert seller.startswith(values[1].decode())
    assert len(values[1]) >= min(len(seller.encode()), VALUE_BYTES_MAX - 3)
    assert values[4].decode() == f"{total // 100}.{total % 100:02d}"


@pytest.mark.parametrize("letter", ["x", NAME_AR[0], "\N{ROCKET}"])
def test_a_name_is_cut_between_two_letters(letter: str) -> None:
    value = read(code(letter * 300))[1]

    assert value.decode() == letter * (VALUE_BYTES_MAX // len(letter.encode()))
