"""How a printer is, read from its real-time status bytes. Pure.

Bits are those of Epson's DLE EOT n: 1 printer, 2 why offline, 3 error, 4 paper. Printers that speak
ESC/POS at all answer these four, also without paper and with an open cover.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from devices.printer_wire import STATUS_OFFLINE, STATUS_PAPER, STATUS_PRINTER


class Trouble(enum.Enum):
    """Why a printer does not print now, as far as it says."""

    PAPER_OUT = "paper out"
    COVER_OPEN = "cover open"
    FAULT = "the printer reports an error: look for jammed paper, then switch it off and on"
    OFFLINE = "offline"
    SILENT = "connected, but does not answer"
    GONE = "not reachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a printer says of itself at one moment.

    `is_pin_high` is the level of the drawer's switch, None while the printer says nothing; which
    level means "open" is a property of the drawer (a setting).
    """

    trouble: Trouble | None
    is_paper_low: bool = False
    is_pin_high: bool | None = None


def condition_of(bits: Mapping[int, int]) -> Condition:
    """Read the answers to `STATUS_PRINTER`, `STATUS_OFFLINE` and `STATUS_PAPER`."""
    printer, offline, paper = (bits[n] for n in (STATUS_PRINTER, STATUS_OFFLINE, STATUS_PAPER))
    trouble = None
    if offline & 0b0000_0100:
        trouble = Trouble.COVER_OPEN
    elif offline & 0b0010_0000 or paper & 0b0110_0000:
        trouble = Trouble.PAPER_OUT
    elif offline & 0b0100_0000:
        trouble = Trouble.FAULT
    elif printer & 0b0000_1000:
        trouble = Trouble.OFFLINE
    return Condition(
        trouble=trouble,
        is_paper_low=bool(paper & 0b0000_1100),
        is_pin_high=bool(printer & 0b0000_0100),
    )
