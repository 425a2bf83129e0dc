"""Goal: the simulated printer misbehaves as real ones do, or drivers learn nothing from it.

Method: literal bytes; for cuts, every stream is also fed one byte at a time.
"""

from hypothesis import given
from hypothesis import strategies as st

from devices.printer_wire import (
    CLEAR_BUFFERS,
    KICK_DRAWER,
    READ_CUT_COUNTER,
    READ_TURN,
    request_confirmation,
)
from devices.sim.mechanism import Mechanism
from devices.sim.strip import Picture

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


def test_pictures_are_kept_dot_by_dot_and_bands_are_one() -> None:
    printer = Mechanism()
    band = b"\x1dv0\x00\x02\x00\x03\x00" + b"\x1dV\x00\x1dV\x00"

    printer.receive_bytes(band * 2 + b"after\n" + band + b"\x1dV\x42\x00")

    assert printer.receipts == ["[picture 16x6]\nafter\n[picture 16x3]\n"]
    assert printer.pictures == [Picture(width_bytes=2, rows=b"\x1dV\x00\x1dV\x00" * 3)]
    (picture,) = printer.pictures
    assert picture is not None
    assert picture.pbm() == b"P4\n16 9\n" + b"\x1dV\x00\x1dV\x00" * 3


def test_a_real_time_command_in_a_picture_is_answered_and_stays_a_part_of_it() -> None:
    printer = Mechanism()

    answers = printer.receive_bytes(b"\x1dv0\x00\x01\x00\x04\x00\x10\x04\x01\xff\x1dV\x00")

    assert answers == b"\x12"
    assert printer.pictures == [Picture(width_bytes=1, rows=b"\x10\x04\x01\xff")]


def test_bars_and_codes_are_lines_that_say_what_they_hold() -> None:
    printer = Mechanism()

    printer.receive_bytes(
        b"\x1dh\x50\x1dw\x02\x1dk\x49\x05{B123"
        b"\x1d(k\x04\x00\x31\x41\x32\x00\x1d(k\x06\x00\x31\x50\x30abc\x1d(k\x03\x00\x31\x51\x30"
        b"\x1dk\x0412\x00after\n\x1dV\x00"
    )

    assert printer.receipts == ["[bars {B123]\n[QR abc]\n[bars 12]\nafter\n"]
    assert printer.garbage_bytes == 0


def test_a_pulse_opens_the_drawer_and_the_status_says_so() -> None:
    printer = Mechanism()

    assert printer.receive_bytes(b"\x10\x04\x01") == b"\x12"
    printer.receive_bytes(KICK_DRAWER)

    assert (printer.kicks, printer.is_drawer_open) == (1, True)
    assert printer.receive_bytes(b"\x10\x04\x01") == b"\x16"


def test_paper_that_is_nearly_out_still_prints() -> None:
    printer = Mechanism(is_paper_low=True)

    assert printer.receive_bytes(JOB + CONFIRM) == CONFIRMED
    assert printer.receive_bytes(b"\x10\x04\x04" + READ_TURN) == b"\x1e\x03"


def test_told_to_it_says_by_itself_what_changes_until_it_is_reset() -> None:
    printer = Mechanism()

    assert printer.receive_bytes(b"\x1da\xff") == b"\x10\x00\x00\x00"
    printer.is_cover_open = True
    assert printer.work() == b"\x38\x00\x00\x00"
    assert printer.work() == b""
    printer.is_cover_open = False
    assert printer.work() == b"\x10\x00\x00\x00"
    printer.reset_by_another()
    printer.is_cover_open = True
    assert printer.work() == b""


def test_it_can_interrupt_its_own_answers() -> None:
    printer = Mechanism(interrupts_itself=True)

    assert printer.receive_bytes(JOB + CONFIRM) == b"\x37\x22\x10\x00\x00\x00job1\x00"


def test_another_program_prints_behind_what_stands_in_the_buffer() -> None:
    printer = Mechanism(is_held=True)
    printer.receive_bytes(JOB)

    printer.print_for_another()
    printer.is_held = False
    printer.work()

    assert printer.receipts == ["one\ntwo\nthree\n", "another writer's\n"]
    assert printer.cuts == 2


@given(st.binary(max_size=200) | st.sampled_from([JOB + CONFIRM, CLEAR_BUFFERS * 2 + JOB]))
def test_cuts_change_nothing_and_nothing_raises(data: bytes) -> None:
    whole, cut = Mechanism(), Mechanism()

    answers = whole.receive_bytes(data)

    assert b"".join(cut.receive_bytes(bytes([byte])) for byte in data) == answers
    assert (cut.receipts, cut.uncut_text) == (whole.receipts, whole.uncut_text)
    assert (cut.held_bytes, cut.garbage_bytes) == (whole.held_bytes, whole.garbage_bytes)
