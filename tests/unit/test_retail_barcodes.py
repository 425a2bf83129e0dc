"""Goal: however a scanner sends a code and however a catalogue wrote it, the two meet (B1 to B3).

Method: known codes in all their forms; UPC-E against biip, which reads it independently.
"""

import subprocess
import sys
from itertools import combinations

import biip
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.products.barcodes import CODE_CHARS_MAX, has_valid_check_digit, index_key, lookup_keys

EAN_13 = "4006381333931"
UPC_A = "012345678905"
UPC_A_SUPPRESSIBLE = "042100005264"
SAME_THING = [
    [EAN_13, "04006381333931"],
    [UPC_A, "0012345678905", "00012345678905"],
    ["96385074", "000096385074", "0000096385074", "00000096385074"],
]

digits = st.text("0123456789", min_size=1, max_size=13)


def with_check_digit(payload: str) -> str:
    """The payload with the check digit that fits it."""
    return next(code for d in "0123456789" if has_valid_check_digit(code := payload + d))


@pytest.mark.parametrize("forms", SAME_THING)
def test_all_lengths_of_one_gtin_find_each_other(forms: list[str]) -> None:
    for stored, scanned in combinations(forms, 2):
        assert index_key(stored) == index_key(scanned)
        assert stored in lookup_keys(scanned)
        assert scanned in lookup_keys(stored)


def test_the_code_as_it_was_scanned_comes_first_and_the_index_key_next() -> None:
    assert lookup_keys(EAN_13) == (EAN_13, "04006381333931")
    assert lookup_keys(UPC_A) == (UPC_A, "00012345678905", "0012345678905")


@given(st.one_of(st.text(min_size=1, max_size=64), digits))
def test_the_index_key_is_always_looked_up(code: str) -> None:
    keys = lookup_keys(code)

    assert not keys or index_key(code) in keys
    assert len(keys) == len(set(keys))


@given(digits.filter(lambda code: not has_valid_check_digit(code)))
def test_digits_with_a_wrong_check_digit_are_plain_text(code: str) -> None:
    keys = lookup_keys(code)

    assert keys[0] == code
    assert len(keys) == 1 or len(code) == 8  # eight digits may still be a good UPC-E


@pytest.mark.parametrize(
    ("scan", "key"),
    [
        ("]E0" + EAN_13, "04006381333931"),
        ("]E496385074", "00000096385074"),
        ("]I114006381333938", "14006381333938"),
        ("]C10104006381333931", "04006381333931"),
        ("0104006381333931", "04006381333931"),
        ("(01)04006381333931", "04006381333931"),
        ("\x1d010400638133393110ABC\x1d21X", "04006381333931"),
        ("]d2010400638133393110ABC\x1d21X", "04006381333931"),
        ("https://id.gs1.org/01/04006381333931/10/A", "04006381333931"),
        ("]Q3https://example.com/01/04006381333931", "04006381333931"),
        (EAN_13 + "\r\n", "04006381333931"),
        ("]A0ABC-123", "ABC-123"),
        ("]C0ABC", "ABC"),
        (" loose tea ", "loose tea"),
    ],
)
def test_a_scan_leads_to_the_key_of_what_it_carries(scan: str, key: str) -> None:
    assert key in lookup_keys(scan)


@pytest.mark.parametrize(
    "scan",
    [
        "4006381333932",  # biip reads it as a GS1 message with field 400
        "2112345678901",
        "0104006381333932",
        "]C10104006381333932",
        "https://example.com/about",
        "]d2)(",
        "ABC",
    ],
)
def test_a_scan_without_a_good_gtin_stands_only_for_itself(scan: str) -> None:
    assert lookup_keys(scan) == (scan[3:] if scan.startswith("]") else scan,)


@pytest.mark.parametrize("scan", ["", " \r\n", "]E0", "9" * (CODE_CHARS_MAX + 1)])
def test_nothing_and_too_much_are_not_looked_up(scan: str) -> None:
    assert lookup_keys(scan) == ()


def test_a_upc_a_finds_its_zero_suppressed_form_and_back() -> None:
    suppressed = biip.parse(UPC_A_SUPPRESSIBLE).upc
    assert suppressed is not None
    upc_e = suppressed.as_upc_e()

    assert upc_e in lookup_keys(UPC_A_SUPPRESSIBLE)
    assert UPC_A_SUPPRESSIBLE in lookup_keys(upc_e)
    assert index_key(upc_e) == UPC_A_SUPPRESSIBLE.zfill(14)


@given(
    st.sampled_from("01"),
    st.text("0123456789", min_size=6, max_size=6),
    st.sampled_from("0123456789"),
)
def test_upc_e_reads_as_biip_reads_it(system: str, body: str, check: str) -> None:
    code = system + body + check
    upc = biip.parse(code).upc

    if upc is not None:
        assert upc.as_upc_a() in lookup_keys(code)
    elif not has_valid_check_digit(code):
        assert lookup_keys(code) == (code,)


def test_an_ean_8_that_could_be_a_upc_e_is_an_ean_8_first() -> None:
    both = "01234565"
    assert has_valid_check_digit(both)

    assert index_key(both) == "00000001234565"
    assert "012345000065" in lookup_keys(both)
    assert "012345000065" not in lookup_keys("]E4" + both)
    assert both not in lookup_keys("012345000065")


@given(
    st.text("0123456789", min_size=7, max_size=13).filter(lambda text: len(text) in {7, 11, 12, 13})
)
def test_a_check_digit_makes_a_gtin_of_any_payload(payload: str) -> None:
    code = with_check_digit(payload)

    assert index_key(code) == code.zfill(14)


def test_a_plain_scan_does_not_load_the_parser() -> None:
    program = (
        "import sys; from retail.products.barcodes import lookup_keys;"
        f"lookup_keys('{EAN_13}'); lookup_keys('ABC'); sys.exit('biip' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
