"""What all tests share: Hypothesis' profiles, and the last words of a run."""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

# No profile has a deadline or minds slow generation: both measure the machine, not the code.
_UNHURRIED = [HealthCheck.too_slow]

settings.register_profile(
    "dev", max_examples=50, deadline=None, suppress_health_check=_UNHURRIED, print_blob=True
)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    suppress_health_check=_UNHURRIED,
    print_blob=True,
    derandomize=True,  # the same examples on every machine, so a red run can be repeated
    database=None,
)
settings.register_profile(
    "nightly",
    max_examples=5_000,
    deadline=None,
    suppress_health_check=_UNHURRIED,
    print_blob=True,
    phases=tuple(Phase),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


_ONE_AT_A_TIME: Final = frozenset(
    {"test_discovery", "test_discovery_avahi", "test_discovery_hostile", "test_box"}
)
"""Files that share something of the machine: its multicast, its network namespaces."""


_LONG: Final = Path(__file__).parent / "simulation"
"""Holds files that take minutes: begun last, one of them would run on when all others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, in their order: they share its programs and its loop."""
    items.sort(key=lambda item: not item.path.is_relative_to(_LONG))  # all else stays in its order
    for item in items:
        name = "machine" if item.path.stem in _ONE_AT_A_TIME else str(item.path)
        item.add_marker(pytest.mark.xdist_group(name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat what failed before the tests, so that a green last line deceives nobody."""
    failed = os.environ.get("COUNTERTOP_FAILED_SECTIONS", "")
    if failed:
        terminalreporter.section("failed before the tests")
        terminalreporter.line(failed.replace(",", ", "))
