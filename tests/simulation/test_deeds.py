"""Goal: runs contain what they are for, and it can be seen how often each deed took place.

Method: whole runs of everything, at most sixty, until all that is intended has been done.
"""

from typing import Final

import pytest

from tests.simulation.deeds import INTENDED, Deeds
from tests.simulation.report import Summary
from tests.simulation.run import run_seed

SEEDS: Final = range(2_000, 2_060)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_that_is_intended_happens() -> None:
    summary = Summary()
    for seed in SEEDS:
        summary.add(run_seed(seed, "all"))
        if not summary.deeds.never("all"):
            break

    assert summary.deeds.never("all") == []
    assert summary.deeds.refused["POST /v1/sales"] > 0
    assert summary.deeds.refused["POST /v1/returns"] > 0


def test_what_never_happened_is_named() -> None:
    deeds = Deeds()
    first, *others = INTENDED["all"]
    for name in others:
        deeds.note(name)

    assert deeds.never("all") == [first]
