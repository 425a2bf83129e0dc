"""The fault matrix of printing: what can happen when, and what is on paper then.

`tests/integration/test_fault_matrix.py` runs each cell of `EXPECTED`; `docs/printing.md` draws its
table from here, so that neither can say what the other does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that happens to a printer: words for it, for the simulator, and how it is mended.

    `mended` is done once the spool has noticed, or has ended the job without noticing.
    """

    title: str
    words: tuple[str, ...]
    mended: tuple[str, ...] = ()
    harms_a_line: bool = False


FAULTS: Final[Mapping[str, Fault]] = {
    "none": Fault(title="nothing", words=()),
    "paper": Fault(title="the paper runs out, and is refilled", words=("paper out",), mended=("paper in",)),
    "cover": Fault(title="the cover is opened, and closed", words=("cover open",), mended=("cover closed",)),
    "jam": Fault(title="the cutter jams, and is freed", words=("jam",), mended=("jam cleared",)),
    "power": Fault(title="the printer is switched off and on", words=("power cycle",)),
    "half_open": Fault(title="the same, and the connection does not notice", words=("half open",)),
    "link": Fault(title="the connection breaks", words=("drop",)),
    "unplug": Fault(title="the cable is unplugged, and plugged in", words=("unplug",), mended=("plug",)),
    "silent": Fault(title="it falls silent, and speaks again", words=("silent",), mended=("speaking",)),
    "full": Fault(title="it takes no more bytes, and takes them again", words=("full",), mended=("room",)),
    "slow": Fault(title="it takes bytes slowly", words=("slow",)),
    "reset": Fault(title="another program resets it (`ESC @`)", words=("reset",), harms_a_line=True),
    "garbage": Fault(title="it sends garbage", words=("garbage",)),
    "automatic": Fault(title="its automatic status cuts into its answers", words=("automatic status", "interrupting")),
    "another": Fault(title="another program prints as soon as it can", words=("another",)),
    "link_another": Fault(title="the connection breaks, and another program prints first", words=("another", "drop")),
    "killed": Fault(title="the gateway is killed, and started", words=("kill",), mended=("start",)),
    "killed_paper": Fault(
        title="the gateway is killed without paper, and started",
        words=("paper out", "kill"),
        mended=("paper in", "start"),
    ),
}  # fmt: skip
"""By the names of the cells; `kill` and `start` are done to the gateway."""

MOMENTS: Final[Mapping[str, str]] = {
    "before": "before the first byte",
    "middle": "half the job is sent",
    "taken": "all is sent, half is printed",
    "cut": "after the cut",
    "idle": "between two jobs",
}


class Cell(NamedTuple):
    """What there is in the end: whole receipts without and with the mark, and the spool's word."""

    unmarked: int
    marked: int
    spool: str


EXPECTED: Final[Mapping[str, Mapping[str, Cell]]] = {}
"""By fault and moment, for a printer that others may print on too (the default)."""

EXPECTED_EXCLUSIVE: Final[Mapping[str, Mapping[str, Cell]]] = {}
"""The cells that are others where the setting `exclusive` says that nobody else prints there."""
