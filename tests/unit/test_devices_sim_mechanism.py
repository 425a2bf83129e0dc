"""Goal: the simulated printer misbehaves as real ones do, or drivers learn nothing from it.

Method: literal bytes; for cuts, every stream is also fed one byte at a time.
"""

from hypothesis import given
from hypothesis import strategies as st

from devices.printer_wire import CLEAR_BUFFERS, READ_CUT_COUNTER, request_confirmation
from devices.sim.mechanism import Mechanism

JOB = b"\x1b@\x1bt\x10one\ntwo\nthree\n\x1bd\x06\x1dV\x00"
CONFIRM = request_confirmation(b"job1")
CONFIRMED = b"\x37\x22job1\x00"


def test_a_job_is_printed_cut_and_confirmed() -> None:
    printer = Mechanism()

    assert printer.receive_bytes(JOB + CONFIRM) == CONFIRMED
    assert printer.receipts == ["one\ntwo\nthree\n"]
    assert printer.receive_bytes(READ_CUT_COUNTER) == b"\x5f1\x00"


def test_without_paper_status_is_answered_and_the_job_waits() -> None:
    printer = Mechanism(has_paper=False)

    assert printer.receive_bytes(JOB + CONFIRM + b"\x10\x04\x01\x10\x04\x02\x10\x04\x04") == (
        b"\x1a\x32\x72"
    )
    assert printer.receipts == []

    printer.has_paper = True
    assert printer.work() == CONFIRMED
    assert printer.receipts == ["one\ntwo\nthree\n"]


def test_paper_can_run_out_in_the_middle() -> None:
    printer = Mechanism(lines_left=2)

    assert printer.receive_bytes(JOB + CONFIRM) == b""
    assert printer.uncut_text == "one\ntwo"

    printer.has_paper = True
    assert printer.work() == CONFIRMED
    assert printer.receipts == ["one\ntwo\nthree\n"]


def test_an_open_cover_says_so() -> None:
    assert Mechanism(is_cover_open=True).receive_bytes(b"\x10\x04\x02") == b"\x16"


def test_clearing_forgets_what_is_held_and_keeps_what_is_on_paper() -> None:
    printer = Mechanism(lines_left=1)
    printer.receive_bytes(JOB + CONFIRM)

    assert printer.receive_bytes(CLEAR_BUFFERS) == b"\x37\x25\x00"
    assert printer.held_bytes == 0
    printer.has_paper = True
    assert printer.work() == b""
    assert (printer.receipts, printer.uncut_text) == ([], "one")


def test_a_power_cycle_loses_the_buffer_and_not_the_counter() -> None:
    printer = Mechanism()
    printer.receive_bytes(JOB)
    printer.has_paper = False
    printer.receive_bytes(JOB)

    printer.power_cycle()

    printer.has_paper = True
    assert printer.receive_bytes(READ_CUT_COUNTER) == b"\x5f1\x00"


def test_a_simple_printer_knows_neither_confirmation_nor_counter() -> None:
    printer = Mechanism(confirms=False, counts_cuts=False)

    assert printer.receive_bytes(JOB + CONFIRM + READ_CUT_COUNTER) == b""
    assert len(printer.receipts) == 1
    assert printer.garbage_bytes == 0


def test_a_picture_is_skipped_by_its_length() -> None:
    printer = Mechanism()

    printer.receive_bytes(b"\x1dv0\x00\x02\x00\x03\x00\x1dV\x00\x1dV\x00" + b"after\n\x1dV\x42\x00")

    assert printer.receipts == ["after\n"]


@given(st.binary(max_size=200) | st.sampled_from([JOB + CONFIRM, CLEAR_BUFFERS * 2 + JOB]))
def test_cuts_change_nothing_and_nothing_raises(data: bytes) -> None:
    whole, cut = Mechanism(), Mechanism()

    answers = whole.receive_bytes(data)

    assert b"".join(cut.receive_bytes(bytes([byte])) for byte in data) == answers
    assert (cut.receipts, cut.uncut_text) == (whole.receipts, whole.uncut_text)
    assert (cut.held_bytes, cut.garbage_bytes) == (whole.held_bytes, whole.garbage_bytes)
