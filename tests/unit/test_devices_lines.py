"""Goal: a document reads well at any width, and no name in it can widen a line.

Method: one receipt literally; then Hypothesis writes the words.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.letters import CODE_PAGE, isolated, legible, printable
from devices.lines import LINES_MAX, Line, lines_of, text_of
from devices.paper import COLUMNS_MIN, Barcode, Document, Pair, Qr, Table, Text
from tests.documents import HOSTILE, RECEIPT, documents

widths = st.sampled_from([COLUMNS_MIN, 32, 42, 48])


def english(*blocks: Text | Pair | Table | Barcode | Qr) -> Document:
    return Document(language="en", blocks=blocks)


def test_a_receipt_reads_like_one() -> None:
    assert text_of(RECEIPT, 32, printable) == (
        "       Riverside Grocery",
        "         12 Quay Street",
        "Receipt           riverside.1-42",
        "--------------------------------",
        "Milk 1 l                    3.98",
        "  2 x 1.99",
        "Organic cr\N{LATIN SMALL LETTER E WITH GRAVE}me with extra",
        "caramel                     2.50",
        "--------------------------------",
        "Total                   6.48 USD",
        "Cash                       10.00",
        "Change                      3.52",
        "--------------------------------",
        "Rate      Net      Tax     Gross",
        "15%      5.63     0.85      6.48",
        "",
        "           Thank you",
    )


def test_an_absurdly_long_amount_gets_lines_of_its_own() -> None:
    assert text_of(english(Pair("Total", "9" * 70)), 32, printable) == (
        "Total",
        "9" * 32,
        "9" * 32,
        " " * 26 + "9" * 6,
    )


def test_a_table_too_wide_for_the_paper_is_told_cell_by_cell() -> None:
    table = Table(("Rate", "Net"), (("15%", "1" * 12), ("0%", "2" * 22)))

    assert text_of(english(table), 24, printable) == (
        "Rate                 15%",
        "Net         111111111111",
        "Rate                  0%",
        "Net",
        "  2222222222222222222222",
    )


def test_big_letters_take_two_columns_each() -> None:
    big = english(Text("Riverside", align="center", big=True), Pair("Total", "1.00", big=True))

    assert list(lines_of(big, 42, printable)) == [
        Line(text="      Riverside", big=True),
        Line(text="Total            1.00", big=True),
    ]
    assert text_of(big, 42, printable)[1] == "Total" + " " * 33 + "1.00"


def test_of_codes_only_the_number_is_text() -> None:
    assert text_of(english(Barcode("A-1"), Qr("https://example.com")), 24, printable) == (
        "          A-1",
    )


@given(documents(), widths)
def test_every_line_fits_and_can_be_encoded(document: Document, columns: int) -> None:
    for line in lines_of(document, columns, printable):
        if isinstance(line, Line):
            assert len(line.text) * (1 + line.big) <= columns
            assert line.text == line.text.rstrip()
            assert all(byte >= 0x20 for byte in line.text.encode(CODE_PAGE))


def test_a_document_ends_somewhere() -> None:
    endless = english(*(Text("x " * 249),) * 1_000)

    lines = list(lines_of(endless, 24, printable))

    assert len(lines) == LINES_MAX + 1
    assert lines[-1] == Line(text="...")


@pytest.mark.parametrize(
    ("text", "likeness"),
    [
        ("Caf\N{LATIN SMALL LETTER E WITH ACUTE} 5 \N{EURO SIGN}",) * 2,
        ("cafe\N{COMBINING ACUTE ACCENT}", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("\N{LATIN CAPITAL LETTER L WITH STROKE}\N{LATIN SMALL LETTER Z WITH ACUTE}", "Lz"),
        ("\N{ARABIC-INDIC DIGIT THREE}\N{ARABIC-INDIC DIGIT SEVEN}", "37"),
        ("\N{MINUS SIGN}3\N{LATIN SMALL LIGATURE FI}", "-3fi"),
        ("\N{ARABIC LETTER BEH}\N{ROCKET}", "??"),
        ("a\x1b@\x10\x04\x01b\n\x90c", "a @   b  c"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}left\N{ZERO WIDTH JOINER}", "left"),
    ],
)
def test_what_the_page_cannot_hold_is_likened_or_shown(text: str, likeness: str) -> None:
    assert printable(text) == likeness


def test_a_screen_has_all_letters_and_nothing_unseen() -> None:
    beh, joiner = "\N{ARABIC LETTER BEH}", "\N{ZERO WIDTH NON-JOINER}"

    assert legible(f"{beh}{joiner}{beh}\N{ROCKET}\N{RIGHT-TO-LEFT OVERRIDE}\0x") == (
        f"{beh}{joiner}{beh}\N{ROCKET} x"
    )


@pytest.mark.parametrize(
    "number",
    ["-0.30", "2026-11-22 19:05", "+966 12 345 6789", "+20 (2) 2345-6789", "15%", "10 %"],
)
def test_what_would_flip_beside_arabic_is_held_together(number: str) -> None:
    tea = "\N{ARABIC LETTER SHEEN}\N{ARABIC LETTER ALEF}\N{ARABIC LETTER YEH}"

    assert isolated(f"{tea} {number} {tea}") == f"{tea} \u2066{number}\u2069 {tea}"


@pytest.mark.parametrize("text", ["250", "1.99", "Tea 250 g", "(2L)", "A-1-000042", "5kg", "1 x 2"])
def test_what_keeps_its_place_is_left_alone(text: str) -> None:
    assert isolated(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_holding_numbers_together_changes_no_character(text: str) -> None:
    assert isolated(text[:500]).replace("\u2066", "").replace("\u2069", "") == text[:500].replace(
        "\u2066", ""
    )
