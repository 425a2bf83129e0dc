"""Goal: seeds run clean, the same ones each time and fresh ones, and a seed always means the same.

Method: whole runs in this process; the fresh range is printed, and in the report, so that it can be
run again with `scripts/simulate --seeds`.
"""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.deeds import EVERY
from tests.simulation.defects import self_mint
from tests.simulation.plan import PROFILES, plan_of, profile_of
from tests.simulation.report import failure
from tests.simulation.run import run_plan, run_seed
from tests.simulation.shrink import shrink

pytestmark = pytest.mark.timeout(600)  # a run takes half a second, the shrinking of a failure more

ROOT: Final = Path(__file__).resolve().parents[2]
FIXED: Final = range(1_000, 1_008)
FRESH: Final = 16


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_fixed_seeds_are_clean(profile: str) -> None:
    for seed in FIXED:
        result = run_seed(seed, profile)

        assert result.is_clean, failure(result, profile)


@pytest.mark.slow
def test_fresh_seeds_are_clean(
    record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    first = random.SystemRandom().randrange(10**9)
    record_property("seeds", f"{first}:{first + FRESH}")
    with capsys.disabled():  # a run of CI says which seeds it had
        print(f" fresh seeds {first}:{first + FRESH} ", end="")  # noqa: T201

    for seed in range(first, first + FRESH):
        profile = profile_of(seed, EVERY)
        result = run_seed(seed, profile)

        assert result.is_clean, failure(result, profile)


def test_a_seed_means_the_same_in_every_process() -> None:
    told = "from tests.simulation.run import run_seed; print(run_seed(7, 'all').digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for _ in range(2)
    }

    assert len(digests) == 1


def test_a_failing_plan_is_shrunk_to_what_matters() -> None:
    steps = plan_of(0, "stock")
    with self_mint():
        failed = run_plan(0, steps)
        shorter, still = shrink(0, steps, failed)

    assert failed.violations
    assert still.violations
    assert len(shorter) < len(steps) / 10
    told = failure(failed, "stock", (shorter, still))
    assert "scripts/simulate --seeds 0:1 --profile stock --trace" in told
