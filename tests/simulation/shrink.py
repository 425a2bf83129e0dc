"""A failing plan made smaller: steps are left out while the same kind of sentence stays broken.

Cheap on purpose: halves, quarters and so on are left out (delta debugging, without its second
half), each try is one run, and after `TRIES_MAX` the smallest so far is good enough.
"""

from collections.abc import Sequence
from typing import Final

from tests.simulation.plan import Step
from tests.simulation.run import Result, run_plan
from tests.simulation.world import kind_of

TRIES_MAX: Final = 80
"""Some ten seconds; what is left then is short enough to read."""


def shrink(seed: int, steps: Sequence[Step], failed: Result) -> tuple[Sequence[Step], Result]:
    """A shorter plan that breaks the same kind of sentence, and what came out of it."""
    wanted = kind_of(failed.violations[0])
    smallest, result = list(steps), failed
    size = max(1, len(smallest) // 2)
    tries = 0
    while tries < TRIES_MAX:
        at = 0
        was = len(smallest)
        while at < len(smallest) and tries < TRIES_MAX:
            tries += 1
            shorter = smallest[:at] + smallest[at + size :]
            found = run_plan(seed, shorter)
            if found.violations and kind_of(found.violations[0]) == wanted:
                smallest, result = shorter, found
            else:
                at += size
        if size == 1 and len(smallest) == was:
            break
        size = max(1, size // 2)
    return smallest, result
