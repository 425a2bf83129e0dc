"""What all tests share: Hypothesis' profiles, and the last words of a run."""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

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
    """Long files first; all else stays in its order."""
    items.sort(key=lambda item: not item.path.is_relative_to(_LONG))


class _FilesWhole(LoadScopeScheduling):  # type: ignore[misc] # it ships no types
    """A file's tests run in one process, in their order: they share its programs and its loop."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "machine" if Path(file).stem in _ONE_AT_A_TIME else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Who runs what, where several processes run tests (`scripts/test`).

    Not `--dist loadgroup`: pytest-xdist 3.8 writes the groups into ids that pytest 9.2 does not
    read, and says nothing.
    """
    return _FilesWhole(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat what failed before the tests, so that a green last line deceives nobody."""
    failed = os.environ.get("COUNTERTOP_FAILED_SECTIONS", "")
    if failed:
        terminalreporter.section("failed before the tests")
        terminalreporter.line(failed.replace(",", ", "))
