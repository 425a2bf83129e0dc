"""Goal: a deed that three boxes of a shop were asked for, one by one, leaves no right twice.

Method: a chain in one process. Each deed is asked of a box that dies unheard, of the next one,
which dies as well, and of the third; some of them count, before it or after it; then the dead ones
are answered for where that is taken, and heard. All cases are walked.

Left out is what only people can know: a delivery that a program asks for again, with its key, after
the goods were counted. It has to say `came_before` then (docs/lives-of-a-box.md).
"""

from pathlib import Path
from typing import Final

import pytest

from tests.deeds_of_boxes import DEEDS
from tests.life_chain import opened_life
from tests.taking_over import no_more_than, replaced, settled
from web.problems import Problem

COUNTS: Final = [("", ""), ("", "2"), ("", "3"), ("", "23"), ("2", ""), ("3", ""), ("23", "")]
"""Which boxes count before they are asked, and which after it."""

CASES: Final = [
    (deed, before, after)
    for deed in DEEDS
    for before, after in COUNTS
    if not (before and deed == "receipt")
    # A box that counts has to have heard its registers, which is what is asked of it here.
    and not (before and ("alone" in deed or deed == "given back"))
]


@pytest.mark.parametrize("heard", ["12", "a21"])
@pytest.mark.parametrize(("deed", "before", "after"), CASES)
def test_no_unit_can_be_sold_twice(
    tmp_path: Path, deed: str, before: str, after: str, heard: str
) -> None:
    with opened_life(tmp_path, "hillside", tea=40, jam=10) as chain:
        first = chain.shops["riverside"]
        ask, moved = DEEDS[deed](chain)
        there = 40 + moved
        assert not isinstance(ask(first), Problem)
        for number in "23":
            box = replaced(chain)
            box.receive(tea=10)  # so that it has something to sell
            there += 10
            chain.sync()
            if number in before:
                chain.count_all(box, tea=there, jam=10)
            ask(box)
            if number in after:
                chain.count_all(box, tea=there, jam=10)
            if number == "2":
                second = box
        chain.sync()
        for one in heard:
            if one == "a":
                for writer in ("riverside.1", "riverside.2"):
                    chain.attest("riverside", writer)  # or it is refused
            else:
                chain.hand_over(first if one == "1" else second, sealed=True)
            chain.sync()
        settled(chain)

        no_more_than(chain, there)
