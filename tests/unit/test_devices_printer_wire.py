"""Goal: a printer's answers are understood wherever they are cut, and noise does no harm.

Method: literal bytes from Epson's command reference; Hypothesis for cuts and for nonsense.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.printer_wire import (
    BLOCK_BYTES_MAX,
    CLEAR_BUFFERS,
    READ_CUT_COUNTER,
    Answer,
    BuffersCleared,
    CutCounter,
    PrinterTalk,
    ProcessDone,
    StatusHeard,
    is_cover_open,
    is_offline,
    is_paper_out,
    mark_of,
    request_confirmation,
)

ANSWERS = b"\x12\x36\x37\x22ab1!\x00\x5f1234\x00\x37\x25\x00\x12"


def talk_that_asked(*kinds: int) -> PrinterTalk:
    talk = PrinterTalk()
    for kind in kinds:
        talk.ask_status(kind)
    return talk


def heard_one_by_one(talk: PrinterTalk, data: bytes) -> list[Answer]:
    return [answer for byte in data for answer in talk.receive_bytes(bytes([byte]))]


def test_commands_are_those_of_the_reference() -> None:
    assert PrinterTalk().ask_status(4) == bytes.fromhex("10 04 04")
    assert request_confirmation(b"ab1!") == bytes.fromhex("1d 28 48 06 00 30 30") + b"ab1!"
    assert bytes.fromhex("1d 67 32 00 b2 00") == READ_CUT_COUNTER
    assert bytes.fromhex("10 14 08 01 03 14 01 06 02 08") == CLEAR_BUFFERS


def test_answers_are_labelled_in_the_order_of_the_questions() -> None:
    expected = [
        StatusHeard(asked=1, bits=0x12),
        StatusHeard(asked=2, bits=0x36),
        ProcessDone(mark=b"ab1!"),
        CutCounter(cuts=1234),
        BuffersCleared(),
        StatusHeard(asked=4, bits=0x12),
    ]

    assert talk_that_asked(1, 2, 4).receive_bytes(ANSWERS) == expected
    assert heard_one_by_one(talk_that_asked(1, 2, 4), ANSWERS) == expected


@pytest.mark.parametrize(
    "noise",
    [
        b"\x11\x13",  # flow control
        b"\x10\x6f\x6f\x6f",  # automatic status, which nobody asked for
        b"7",
        b"_",
        b"\x37\x22ab",
        b"_12x",
        b"_" + b"9" * 100,
        b"7777",
        b"\x37\x40\x00",
    ],
)
def test_after_noise_the_next_answer_is_heard(noise: bytes) -> None:
    talk = talk_that_asked(1)

    answers = talk.receive_bytes(noise + b"\x00" + b"\x37\x25\x00\x12")

    assert answers[-2:] == [BuffersCleared(), StatusHeard(asked=1, bits=0x12)]


def test_a_status_that_nobody_asked_for_is_no_answer() -> None:
    assert PrinterTalk().receive_bytes(b"\x12\x12") == []


@given(st.binary(max_size=300))
@example(ANSWERS)
def test_cuts_change_nothing_and_nothing_raises(data: bytes) -> None:
    whole, cut = talk_that_asked(1, 2, 4), talk_that_asked(1, 2, 4)

    assert whole.receive_bytes(data) == heard_one_by_one(cut, data)
    assert len(cut._block) <= BLOCK_BYTES_MAX


@given(st.text())
def test_a_mark_is_four_printable_characters_and_always_the_same(job_id: str) -> None:
    mark = mark_of(job_id)

    assert len(mark) == 4
    assert all(0x20 <= byte <= 0x7E for byte in mark)
    assert mark == mark_of(job_id)


def test_neighbouring_jobs_have_different_marks() -> None:
    assert len({mark_of(f"riverside.1-{seq}") for seq in range(2_000)}) == 2_000


def test_status_bits_mean_what_the_reference_says() -> None:
    assert is_cover_open(0b0001_0110)
    assert not is_cover_open(0b0011_0010)
    assert is_paper_out(0b0011_0010, 0b0001_0010)
    assert is_paper_out(0b0001_0010, 0b0111_0010)
    assert not is_paper_out(0b0001_0010, 0b0001_1110)  # nearly out
    assert is_offline(0b0001_1010, 0b0001_0010)
    assert is_offline(0b0001_0010, 0b0101_0010)  # an error
    assert not is_offline(0b0001_0010, 0b0001_0010)
