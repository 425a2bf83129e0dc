"""Goal: a fault of the simulated printer comes at the moment that its words say, and not later.

Method: the printer without any connection; what would arrive at one is handed to it.
"""

import re

import pytest

from devices.sim import printer as module
from devices.sim.printer import SimPrinter
from devices.sim.printer_faults import MOODS, order_of
from devices.sim.strip import Picture, Strip

JOB = b"\x1b@one\ntwo\nthree\n\x1dV\x00"


class MemoryEnd:
    """An end that remembers what was said to it."""

    def __init__(self) -> None:
        self.said = b""
        self.happened: list[str] = []

    def send(self, data: bytes) -> None:
        self.said += data

    def drop(self) -> None:
        self.happened.append("drop")

    def forget(self) -> None:
        self.happened.append("forget")

    def stop(self) -> None:
        self.happened.append("stop")

    def go_on(self) -> None:
        self.happened.append("go on")


@pytest.fixture
def end() -> MemoryEnd:
    return MemoryEnd()


@pytest.fixture
def printer(end: MemoryEnd) -> SimPrinter:
    """A printer that serves `end`."""
    printer = SimPrinter()
    printer.serve(end)
    return printer


@pytest.mark.parametrize(
    ("text", "words", "unit", "left"),
    [
        ("paper out", "paper out", "now", 0),
        ("paper out after 10", "paper out", "lines", 10),
        ("paper out after 10 bytes", "paper out", "bytes", 10),
        ("drop after 300", "drop", "bytes", 300),
        ("power cycle after 7 lines", "power cycle", "lines", 7),
        ("half open at cut", "half open", "cut", 0),
        ("drop at", "drop at", "now", 0),
    ],
)
def test_orders_say_what_and_when(text: str, words: str, unit: str, left: int) -> None:
    order = order_of(text)

    assert (order.words, order.unit, order.left) == (words, unit, left)


def test_every_word_that_is_explained_is_a_command_and_the_other_way_round() -> None:
    assert module.__doc__ is not None
    table = module.__doc__.partition("printer_faults`):\n")[2]
    explained = {
        word
        for line in re.findall(r"^    (\S.*)$", table, re.M)
        for word in re.split(r"  +", line.partition("(")[0].strip())
    }

    assert explained == set(MOODS) | set(SimPrinter()._acts())


@pytest.mark.parametrize("text", ["", "dance", "dance after 10 bytes", "drop drop at cut"])
def test_what_is_no_command_is_refused(printer: SimPrinter, text: str) -> None:
    with pytest.raises(ValueError, match="no such command"):
        printer.command(text)


def test_after_so_many_bytes_the_rest_meets_the_fault(printer: SimPrinter, end: MemoryEnd) -> None:
    printer.command(f"cover open after {JOB.index(b'two')} bytes")

    printer.take(end, JOB)

    assert printer.mechanism.uncut_text == "one"
    printer.command("cover closed")
    assert printer.receipts == ["one\ntwo\nthree\n"]


def test_after_so_many_lines_what_has_arrived_stays_in_the_buffer(
    printer: SimPrinter, end: MemoryEnd
) -> None:
    printer.command("hold after 2 lines")

    printer.take(end, JOB)

    assert printer.mechanism.uncut_text == "one\ntwo"
    assert printer.mechanism.held_bytes == len(b"three\n\x1dV\x00")


def test_at_the_cut_the_printer_says_no_more(printer: SimPrinter, end: MemoryEnd) -> None:
    printer.command("silent at cut")

    printer.take(end, JOB + b"\x1d(H\x06\x0000job1")

    assert printer.receipts == ["one\ntwo\nthree\n"]
    assert end.said == b""


@pytest.mark.parametrize(
    ("words", "happened"),
    [("drop", ["drop"]), ("half open", ["forget"]), ("power cycle", ["drop"]), ("full", ["stop"])],
)
def test_faults_of_the_connection_reach_its_end(
    printer: SimPrinter, end: MemoryEnd, words: str, happened: list[str]
) -> None:
    printer.command(f"{words} after 4 bytes")

    printer.take(end, JOB)

    assert end.happened == happened


def test_what_a_broken_connection_still_had_is_lost(printer: SimPrinter, end: MemoryEnd) -> None:
    printer.command(f"drop after {JOB.index(b'two')} bytes")

    printer.take(end, JOB)

    assert (printer.mechanism.uncut_text, printer.mechanism.held_bytes) == ("one", 0)


def test_another_writer_waits_for_its_turn(printer: SimPrinter, end: MemoryEnd) -> None:
    printer.take(end, JOB[:10])
    printer.command("another")
    assert printer.receipts == []
    printer.take(end, JOB[10:])

    printer.left(end)

    assert printer.receipts == ["one\ntwo\nthree\n", "another writer's\n"]


def test_what_nobody_asked_for_is_sent(printer: SimPrinter, end: MemoryEnd) -> None:
    printer.command("paper low")
    printer.command("automatic status")
    assert end.said == b"\x10\x00\x03\x00"

    printer.command("garbage")

    assert len(end.said) > 4


def test_a_strip_stacks_its_pictures() -> None:
    strip = Strip()
    strip.add_picture(Picture(width_bytes=1, rows=b"\x80\x01"))
    strip.add_line("between")
    strip.add_picture(Picture(width_bytes=2, rows=b"\xff\xff"))

    assert strip.text == "[picture 8x2]\nbetween\n[picture 16x1]"
    assert strip.picture == Picture(width_bytes=2, rows=b"\x80\x00\x01\x00\xff\xff")
    assert Strip().picture is None
