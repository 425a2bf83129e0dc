"""Goal: the clock counts as synchronised only when the kernel says that somebody corrects it.

Method: the rule on its own; then one reading of the real kernel, of which only the shape is known.
"""

from pathlib import Path
from uuid import UUID

import pytest

from replication.adapters import machine_clock as clock_status
from replication.adapters.machine_clock import (
    ERROR_US_MAX,
    ClockStatus,
    read_boot_id,
    read_clock_status,
)


@pytest.mark.parametrize(
    ("error_us", "synchronised"),
    [
        (0, True),
        (ERROR_US_MAX - 1, True),
        (ERROR_US_MAX, False),  # the kernel's value at boot, and nine hours after the last server
        (None, False),
    ],
)
def test_a_clock_is_synchronised_below_sixteen_seconds(
    error_us: int | None,
    synchronised: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert ClockStatus(error_us=error_us).synchronised is synchronised


def test_the_kernel_answers_with_an_error_within_its_limit() -> None:
    error_us = read_clock_status().error_us

    assert error_us is None or 0 <= error_us <= ERROR_US_MAX


def test_a_c_library_without_the_call_is_an_unknown_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_status, "_adjtimex", lambda: None)

    assert read_clock_status() == ClockStatus(error_us=None)


def test_a_call_that_is_forbidden_is_an_unknown_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_status, "_adjtimex", lambda: lambda _timex: -1)

    assert read_clock_status() == ClockStatus(error_us=None)


def test_the_boot_id_is_a_uuid_that_stays() -> None:
    assert str(UUID(read_boot_id())) == read_boot_id()


def test_a_boot_id_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "boot_id"
    path.write_text("not a uuid\n", encoding="ascii")

    with pytest.raises(ValueError, match="badly formed"):
        read_boot_id(path)
