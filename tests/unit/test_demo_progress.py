"""Goal: a person sees lines that keep up to date, a log sees plain lines, and tables line up.

Method: a stream that is, or is not, a terminal; what was written is read back.
"""

import io
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.demo_day.closing import Verdict
from scripts.demo_day.notebook import Notebook, Tally
from scripts.demo_day.progress import Progress
from scripts.demo_day.report import as_tables, table
from scripts.demo_day.story import Chronicle
from scripts.demo_day.verdict import OrdersVerdict, SalesVerdict

TERMINAL_COLUMNS = 80


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


def test_the_tables_of_a_day_fit_on_a_terminal() -> None:
    chain: Any = SimpleNamespace(stores=["store-367", "store-406"])
    notebook, many = Notebook(), 12_345
    for location in chain.stores:
        notebook.tallies[location] = Tally(
            baskets=many, lines=many, refused=many, acknowledged=many, catch_up_s=123.4
        )
    ends = {"shipped": many, "collected": many, "cancelled": many, "ready_for_pickup": many}
    verdict = Verdict(
        sales=SalesVerdict(
            lost=(), duplicated=(), different=(), at_hub=dict.fromkeys(chain.stores, many)
        ),
        orders=OrdersVerdict(different=(), released=frozenset(), ends=ends),
        oversold={},
        overdrawn_units=0,
        audit="no difference",
        shortages={},
        prices={},
        differences=(),
    )

    shown = as_tables(chain, notebook, verdict, 60.0, Chronicle(name="any", location="store-406"))

    store, orders = (line for line in shown if line.startswith(("store ", "orders ")))
    assert store.split("  ")[-2:] == ["at the hub", "catch-up s"]
    assert orders.split()[-4:] == ["ready", "shipped", "at", "hub"]
    assert max(map(len, shown)) <= TERMINAL_COLUMNS
