"""Goal: a store credit's code is read however it is typed, and never as another one.

Method: C1 and C2 of `retail.selling.store_credit` over drawn codes and slips; the ways of typing by
example; tenders as registers send them.
"""

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.prices.sale_request import SaleRequest
from retail.selling.sales import Tender
from retail.selling.store_credit import CreditCode, CreditUnread, public_part, read_credit_code
from web.spoken_code import SPOKEN_LETTERS, spoken_code

LOOK_ALIKE = ({"0", "O"}, {"1", "I"})
CODE = CreditCode("al-olaya-2", 1, 57, "SAR", "K7QX2M")

codes = st.builds(
    CreditCode,
    location=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    incarnation=st.integers(1, 10**9 - 1),
    seq=st.integers(1, 2**63 - 1),
    currency=st.sampled_from(["SAR", "USD", "KWD"]),
    secret=st.text(SPOKEN_LETTERS, min_size=6, max_size=6),
)


@given(code=codes)
def test_a_code_is_read_as_what_it_was_written_for(code: CreditCode) -> None:
    assert read_credit_code(str(code)) == code
    assert read_credit_code(f" {str(code).lower()}\n") == code


@given(code=codes, data=st.data())
def test_a_wrong_character_is_seen_but_for_a_check_letter_that_looks_like_another(
    code: CreditCode, data: st.DataObject
) -> None:
    text = str(code)
    place = data.draw(st.sampled_from([n for n, one in enumerate(text) if one != "-"]))
    wrong = data.draw(st.sampled_from(string.digits + string.ascii_uppercase))
    typed = text[:place] + wrong + text[place + 1 :]

    read = read_credit_code(typed)

    if read == code:
        assert wrong == text[place] or {wrong, text[place]} in LOOK_ALIKE
    elif not isinstance(read, CreditUnread):
        assert {typed[-1], str(read)[-1]} in LOOK_ALIKE


@pytest.mark.parametrize(
    "typed",
    [
        "AL-OLAYA-2-1-57-SAR-K7QX2ME",
        "al-olaya-2.1-57-sar-k7qx2me",
        "al olaya 2 1 57 sar k7qx2me",
        "AL–OLAYA–2 – 1 – 57 – SAR – K7QX2ME",  # noqa: RUF001 - dashes are what is tested
        "AL-OLAYA-2-\N{ARABIC-INDIC DIGIT ONE}-57-SAR-K7QX2ME",
    ],
)
def test_case_spaces_dashes_and_digits_do_not_matter(typed: str) -> None:
    assert str(CODE) == "AL-OLAYA-2-1-57-SAR-K7QX2ME"
    assert read_credit_code(typed) == CODE


@pytest.mark.parametrize(
    ("typed", "is_mistyped"),
    [
        ("AL-OLAYA-2-1-57-SAR-K7QX2MF", True),
        ("AL-OLAYA-2-1-58-SAR-K7QX2ME", True),
        ("AL-OLAYA-2-1-57-USD-K7QX2ME", True),
        ("AL-OLAYA-2-1-57-SAR", False),
        ("RIVERSIDE-1-000042", False),
        ("-", False),
        ("K7QX2ME" * 1_000, False),
    ],
)
def test_what_is_no_code_is_said_to_be_none(typed: str, is_mistyped: bool) -> None:  # noqa: FBT001 - parametrized
    read = read_credit_code(typed)

    assert isinstance(read, CreditUnread)
    assert read.is_mistyped == is_mistyped
    assert str(read)


def test_the_public_part_does_not_spend() -> None:
    assert public_part(str(CODE)) == "AL-OLAYA-2-1-57-SAR-..."


def test_secrets_are_of_letters_that_can_be_told_apart() -> None:
    assert len(spoken_code(6)) == 6
    assert not set("01OI") & set(SPOKEN_LETTERS)


# As tenders


def tendered(*tenders: dict[str, object]) -> SaleRequest:
    body = {"register": "till-1", "lines": [{"sku": "tea", "quantity": 1}], "tenders": tenders}
    return msgspec.convert(body, SaleRequest)


def credit(code: object, **more: object) -> dict[str, object]:
    return {"type": "store_credit", "amount_minor": 100, "credit": code} | more


@pytest.mark.parametrize(
    ("tenders", "words"),
    [
        ([{"type": "store_credit", "amount_minor": 100}], "code of a store_credit"),
        ([{"type": "cash", "amount_minor": 100, "credit": str(CODE)}], "no other tender"),
        ([credit("AL-OLAYA-2-1-57-SAR-K7QX2MF")], "mistyped"),
        ([credit("none")], "no code of a store credit"),
        ([credit(str(CODE)), credit(str(CODE).lower())], "pays twice"),
        ([credit(str(CODE), left_minor=1_000)], "not said by who pays"),
        ([credit(" ")], "regex"),
        ([credit("X" * 121)], "length"),
        ([credit(str(CODE), amount_minor=0)], ">= 1"),
    ],
)
def test_a_tender_that_cannot_be_is_refused_at_the_door(
    tenders: list[dict[str, object]], words: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        tendered(*tenders)


def test_two_credits_may_pay_one_sale() -> None:
    other = CODE._replace(seq=58)

    assert len(tendered(credit(str(CODE)), credit(str(other))).tenders) == 2


def test_tenders_that_are_no_credit_are_written_as_they_always_were() -> None:
    written = b'{"type":"cash","amount_minor":500}'

    assert msgspec.json.encode(Tender(type="cash", amount_minor=500)) == written
    assert msgspec.json.decode(written, type=Tender) == Tender(type="cash", amount_minor=500)


def test_a_credit_that_is_used_up_says_so() -> None:
    tender = Tender(type="store_credit", amount_minor=5, credit=str(CODE), left_minor=0)

    assert msgspec.json.decode(msgspec.json.encode(tender))["left_minor"] == 0
