"""Goal: a printer's answers are understood wherever they are cut, and noise does no harm.

Method: literal bytes from Epson's command reference; Hypothesis for cuts and for nonsense.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.printer_wire import (
    BLOCK_BYTES_MAX,
    CLEAR_BUFFERS,
    KICK_DRAWER,
    READ_CUT_COUNTER,
    Answer,
    BuffersCleared,
    CutCounter,
    PrinterTalk,
    ProcessDone,
    StatusHeard,
    TurnTaken,
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
    assert bytes.fromhex("1b 70 00 19 fa") == KICK_DRAWER


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


def test_a_turn_is_heard_once_for_each_time_that_it_was_asked_for() -> None:
    talk = PrinterTalk()

    assert talk.receive_bytes(b"\x00\x03") == []
    assert talk.ask_turn() == bytes.fromhex("1d 72 01")
    assert talk.receive_bytes(b"\x03\x00") == [TurnTaken()]


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize(
    "automatic", [b"\x10\x00\x00\x00", b"\x3c\x28\x0f\x00", b"\x14\x6f\x6f\x6f"]
)
def test_automatic_status_within_a_confirmation_is_taken_out(at: int, automatic: bytes) -> None:
    answer = b"\x37\x22" + mark_of("riverside.1-42") + b"\x00"

    heard = PrinterTalk().receive_bytes(answer[:at] + automatic + answer[at:])

    assert heard == [ProcessDone(mark=mark_of("riverside.1-42"))]


def test_no_mark_looks_like_the_beginning_of_an_automatic_status() -> None:
    marks = b"".join(mark_of(str(number)) for number in range(2_000))

    assert not [byte for byte in marks if byte & 0b1001_0011 == 0b0001_0000]
