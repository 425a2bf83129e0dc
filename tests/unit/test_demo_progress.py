"""Goal: a person sees lines that keep up to date, a log sees plain lines, and tables line up.

Method: a stream that is, or is not, a terminal; what was written is read back.
"""

import io

import pytest

from scripts.demo_day.progress import Progress
from scripts.demo_day.report import table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_log_gets_no_control_characters() -> None:
    stream = io.StringIO()
    progress = Progress(stream)

    progress.show(["riverside 1"])
    progress.say("the WAN is cut")
    progress.show(["riverside 2"])

    assert stream.getvalue() == "riverside 1\nthe WAN is cut\n"


def test_a_terminal_keeps_the_lines_below_what_was_said() -> None:
    stream = Terminal()
    progress = Progress(stream)

    progress.show(["riverside 1", "seaside 1"])
    progress.say("the WAN is cut")

    written = stream.getvalue()
    assert "\x1b[2A" in written
    assert written.index("the WAN is cut") < written.rindex("riverside 1")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_the_last_lines_stay(stream: io.StringIO) -> None:
    progress = Progress(stream)

    progress.finish(["riverside 9"])
    progress.say("doors closed")

    assert stream.getvalue().count("riverside 9") == 1


def test_a_table_lines_up() -> None:
    lines = table(["store", "lines", "s"], [["riverside", 1_204, 0.26], ["b", 7, None]])

    assert lines == [
        "store      lines    s",
        "---------  -----  ---",
        "riverside  1,204  0.3",
        "b              7    -",
    ]
