"""What can be done to a simulated printer, in words, and when. Pure.

    WORDS                 now
    WORDS after N bytes   when so many more have arrived; what comes behind them meets the fault
    WORDS after N lines   when so many more are printed, with the rest of the job in the buffer
    WORDS at cut          after the next cut, before the printer says another word

`WORDS` are those of `devices.sim.printer`.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

_ORDER: Final = re.compile(
    r"(?P<words>.+?)(?: after (?P<count>\d{1,9})(?: (?P<unit>lines|bytes))?| at (?P<cut>cut))?"
)

Unit = Literal["now", "bytes", "lines", "cut"]

MOODS: Final[dict[str, tuple[str, bool]]] = {
    "paper out": ("has_paper", False),
    "paper in": ("has_paper", True),
    "paper low": ("is_paper_low", True),
    "paper new": ("is_paper_low", False),
    "cover open": ("is_cover_open", True),
    "cover closed": ("is_cover_open", False),
    "jam": ("is_jammed", True),
    "jam cleared": ("is_jammed", False),
    "hold": ("is_held", True),
    "go on": ("is_held", False),
    "silent": ("is_silent", True),
    "speaking": ("is_silent", False),
    "drawer closed": ("is_drawer_open", False),
    "interrupting": ("interrupts_itself", True),
    "polite": ("interrupts_itself", False),
    "no confirmation": ("confirms", False),
    "confirmation": ("confirms", True),
    "no counter": ("counts_cuts", False),
    "counter": ("counts_cuts", True),
}
"""Words that set a field of `devices.sim.mechanism.Mechanism`."""


@dataclass(slots=True)
class Order:
    """Something to be done to the printer once `left` bytes or lines, or a cut, have passed."""

    words: str
    unit: Unit
    left: int = 0


def order_of(text: str) -> Order:
    """Read an order; whether its words mean anything is for the printer to say."""
    found = _ORDER.fullmatch(text)
    if found is None:
        return Order(text, "now")
    if found["cut"]:
        return Order(found["words"], "cut")
    if found["count"] is None:
        return Order(found["words"], "now")
    lines = found["unit"] == "lines" or (found["unit"] is None and found["words"] == "paper out")
    return Order(found["words"], "lines" if lines else "bytes", int(found["count"]))
