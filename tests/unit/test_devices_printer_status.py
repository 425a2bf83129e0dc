"""Goal: a printer's status bytes are read as Epson's reference explains them.

Method: literal bytes, one bit at a time.
"""

import pytest

from devices.printer_status import Condition, Trouble, condition_of

QUIET = 0b0001_0010


@pytest.mark.parametrize(
    ("printer", "offline", "paper", "expected"),
    [
        (QUIET, QUIET, QUIET, Condition(trouble=None, is_pin_high=False)),
        (QUIET | 0b100, QUIET, QUIET, Condition(trouble=None, is_pin_high=True)),
        (
            QUIET,
            QUIET,
            QUIET | 0b1100,
            Condition(trouble=None, is_paper_low=True, is_pin_high=False),
        ),
        (
            QUIET,
            QUIET | 0b10_0100,
            QUIET,
            Condition(trouble=Trouble.COVER_OPEN, is_pin_high=False),
        ),
        (QUIET, QUIET | 0b10_0000, QUIET, Condition(trouble=Trouble.PAPER_OUT, is_pin_high=False)),
        (QUIET, QUIET, QUIET | 0b110_0000, Condition(trouble=Trouble.PAPER_OUT, is_pin_high=False)),
        (QUIET, QUIET | 0b100_0000, QUIET, Condition(trouble=Trouble.FAULT, is_pin_high=False)),
        (QUIET | 0b1000, QUIET, QUIET, Condition(trouble=Trouble.OFFLINE, is_pin_high=False)),
    ],
)
def test_status_bits_mean_what_the_reference_says(
    printer: int, offline: int, paper: int, expected: Condition
) -> None:
    assert condition_of({1: printer, 2: offline, 4: paper}) == expected
