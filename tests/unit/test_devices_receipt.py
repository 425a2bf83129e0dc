"""Goal: a receipt reads well at any width, and no name in it can break paper or printer.

Method: one receipt literally; then Hypothesis writes the words. The bytes are read back by the
simulator's interpreter and compared with the lines.
"""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.receipt import (
    CODE_PAGE,
    COLUMNS_MIN,
    Receipt,
    ReceiptAmount,
    ReceiptLine,
    encode_receipt,
    load_encoder,
    printable,
    render_text,
)
from devices.sim.mechanism import Mechanism

RECEIPT = Receipt(
    header=("Riverside Grocery", "12 Quay Street"),
    number="riverside.1-42",
    lines=(
        ReceiptLine(name="Milk 1 l", quantity="2", unit_price="1.99", total="3.98"),
        ReceiptLine(
            name="Organic cr\N{LATIN SMALL LETTER E WITH GRAVE}me with extra caramel",
            quantity="1",
            unit_price="2.50",
            total="2.50",
        ),
    ),
    totals=(
        ReceiptAmount(label="Total", amount="USD 6.48", is_strong=True),
        ReceiptAmount(label="of which tax 15 %", amount="0.85"),
    ),
    tenders=(
        ReceiptAmount(label="Cash", amount="10.00"),
        ReceiptAmount(label="Change", amount="3.52"),
    ),
    footer=("Thank you",),
)

words = st.text(max_size=80)
amounts = st.builds(ReceiptAmount, label=words, amount=words, is_strong=st.booleans())
receipts = st.builds(
    Receipt,
    header=st.lists(words, max_size=3).map(tuple),
    number=words,
    lines=st.lists(
        st.builds(ReceiptLine, name=words, quantity=words, unit_price=words, total=words),
        max_size=4,
    ).map(tuple),
    totals=st.lists(amounts, max_size=2).map(tuple),
    tenders=st.lists(amounts, max_size=2).map(tuple),
    footer=st.lists(words, max_size=2).map(tuple),
    copy_mark=st.none() | words,
)
widths = st.sampled_from([COLUMNS_MIN, 32, 42, 48])


def test_a_receipt_reads_like_one() -> None:
    assert render_text(RECEIPT, columns=32) == (
        "       Riverside Grocery",
        "         12 Quay Street",
        "         riverside.1-42",
        "--------------------------------",
        "Milk 1 l                    3.98",
        "  2 x 1.99",
        "Organic cr\N{LATIN SMALL LETTER E WITH GRAVE}me with extra",
        "caramel                     2.50",
        "--------------------------------",
        "Total                   USD 6.48",
        "of which tax 15 %           0.85",
        "Cash                       10.00",
        "Change                      3.52",
        "",
        "           Thank you",
    )


def test_an_absurdly_long_amount_gets_lines_of_its_own() -> None:
    receipt = Receipt(
        header=(),
        number="1",
        lines=(),
        totals=(ReceiptAmount(label="Total", amount="9" * 70),),
        tenders=(),
    )

    assert render_text(receipt, columns=32)[-4:] == (
        "Total",
        "9" * 32,
        "9" * 32,
        " " * 26 + "9" * 6,
    )


def test_a_copy_says_so_at_both_ends() -> None:
    copy = Receipt(
        header=("Shop",),
        number="1",
        lines=(),
        totals=(),
        tenders=(),
        copy_mark="POSSIBLE DUPLICATE",
    )

    lines = render_text(copy, columns=42)

    assert lines[0].strip() == lines[-1].strip() == "POSSIBLE DUPLICATE"


@given(receipts, widths)
def test_every_line_fits_and_can_be_encoded(receipt: Receipt, columns: int) -> None:
    for line in render_text(receipt, columns=columns):
        assert len(line) <= columns
        assert line == line.rstrip()
        assert all(byte >= 0x20 for byte in line.encode(CODE_PAGE))


@given(receipts, widths)
def test_the_paper_shows_the_lines_and_nothing_else(receipt: Receipt, columns: int) -> None:
    printer = Mechanism()

    answers = printer.receive_bytes(encode_receipt(receipt, columns=columns))

    expected = "\n".join(render_text(receipt, columns=columns)).rstrip("\n") + "\n"
    assert printer.receipts == [expected]
    assert (answers, printer.garbage_bytes, printer.held_bytes) == (b"", 0, 0)


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


def test_strong_rows_are_bold_and_the_rest_is_not() -> None:
    data = encode_receipt(RECEIPT, columns=32)

    assert b"\x1bE\x01Total                   USD 6.48\n\x1bE\x00" in data
    assert data.count(b"\x1bE\x01") == 1


def test_the_encoder_is_loaded_once_and_leaves_the_root_logger_alone() -> None:
    handlers = list(logging.getLogger().handlers)

    assert load_encoder() is load_encoder()
    assert logging.getLogger().handlers == handlers


def test_importing_this_module_does_not_load_the_encoder() -> None:
    program = "import sys, devices.receipt; sys.exit('escpos' in sys.modules)"

    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
