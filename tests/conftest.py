"""What all tests share: Hypothesis' profiles, and the last words of a run."""

import os

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat what failed before the tests, so that a green last line deceives nobody."""
    failed = os.environ.get("COUNTERTOP_FAILED_SECTIONS", "")
    if failed:
        terminalreporter.section("failed before the tests")
        terminalreporter.line(failed.replace(",", ", "))
