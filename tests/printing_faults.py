"""The fault matrix of printing: what can happen when, and what is on paper then.

`tests/integration/test_fault_matrix.py` runs each cell of `EXPECTED`; `docs/printing.md` draws its
table from here, so that neither can say what the other does not.
"""

from collections.abc import Iterable, Mapping
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
    "paper": Fault(
        title="the paper runs out, and is refilled", words=("paper out",), mended=("paper in",)
    ),
    "cover": Fault(
        title="the cover is opened, and closed", words=("cover open",), mended=("cover closed",)
    ),
    "jam": Fault(title="the cutter jams, and is freed", words=("jam",), mended=("jam cleared",)),
    "power": Fault(title="the printer is switched off and on", words=("power cycle",)),
    "half_open": Fault(title="the same, and the connection does not notice", words=("half open",)),
    "link": Fault(title="the connection breaks", words=("drop",)),
    "unplug": Fault(
        title="the cable is unplugged, and plugged in", words=("unplug",), mended=("plug",)
    ),
    "silent": Fault(
        title="it falls silent, and speaks again", words=("silent",), mended=("speaking",)
    ),
    "full": Fault(
        title="it takes no more bytes, and takes them again", words=("full",), mended=("room",)
    ),
    "slow": Fault(title="it takes bytes slowly", words=("slow",)),
    "reset": Fault(
        title="another program resets it (`ESC @`)", words=("reset",), harms_a_line=True
    ),
    "garbage": Fault(title="it sends garbage", words=("garbage",)),
    "automatic": Fault(
        title="its automatic status cuts into its answers",
        words=("automatic status", "interrupting"),
    ),
    "another": Fault(title="another program prints as soon as it can", words=("another",)),
    "link_another": Fault(
        title="the connection breaks, and another program prints first", words=("another", "drop")
    ),
    "killed": Fault(title="the gateway is killed, and started", words=("kill",), mended=("start",)),
    "killed_paper": Fault(
        title="the gateway is killed without paper, and started",
        words=("paper out", "kill"),
        mended=("paper in", "start"),
    ),
}
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


PRINTED: Final = Cell(1, 0, "printed")
REPRINTED: Final = Cell(0, 1, "printed")
ASKED: Final = Cell(1, 0, "doubt")
ASKED_IN_VAIN: Final = Cell(0, 0, "doubt")

EXPECTED: Final[Mapping[str, Mapping[str, Cell]]] = {
    "none": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "paper": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "cover": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "jam": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "power": {
        "before": REPRINTED,
        "middle": REPRINTED,
        "taken": REPRINTED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "half_open": {
        "before": REPRINTED,
        "middle": REPRINTED,
        "taken": REPRINTED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "link": {
        "before": REPRINTED,
        "middle": REPRINTED,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "unplug": {
        "before": REPRINTED,
        "middle": REPRINTED,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "silent": {
        "before": ASKED,
        "middle": ASKED,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "full": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "slow": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "reset": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "garbage": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "automatic": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "another": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
        "idle": PRINTED,
    },
    "link_another": {
        "before": ASKED_IN_VAIN,
        "middle": ASKED_IN_VAIN,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "killed": {
        "before": PRINTED,
        "middle": ASKED,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "killed_paper": {
        "before": PRINTED,
        "middle": ASKED,
        "taken": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
}
"""By fault and moment, for a printer that others may print on too (the default)."""

EXPECTED_EXCLUSIVE: Final[Mapping[str, Mapping[str, Cell]]] = {
    "power": {
        "cut": PRINTED,
    },
    "half_open": {
        "cut": PRINTED,
    },
    "link": {
        "taken": PRINTED,
        "cut": PRINTED,
    },
    "unplug": {
        "taken": PRINTED,
        "cut": PRINTED,
    },
    "silent": {
        "before": PRINTED,
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
    },
    "killed": {
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
    },
    "killed_paper": {
        "middle": PRINTED,
        "taken": PRINTED,
        "cut": PRINTED,
    },
}
"""The cells that are others where the setting `exclusive` says that nobody else prints there."""


EXPECTED_TAKEN: Final[Mapping[str, Mapping[str, Cell]]] = {
    "none": dict.fromkeys(("before", "middle", "cut", "idle"), PRINTED),
    "paper": dict.fromkeys(("before", "middle", "cut", "idle"), PRINTED),
    "cover": dict.fromkeys(("before", "middle", "cut", "idle"), PRINTED),
    "link": {
        "before": ASKED_IN_VAIN,
        "middle": ASKED_IN_VAIN,
        "cut": ASKED,
        "idle": PRINTED,
    },
    "killed": {
        "before": ASKED,
        "middle": ASKED,
        "cut": ASKED,
        "idle": PRINTED,
    },
}
"""With the setting `proof = "taken"`; also what the independent printer has on paper."""


WORDS: Final = {
    PRINTED: "1",
    REPRINTED: "1 marked",
    ASKED: "1, asks",
    ASKED_IN_VAIN: "**0, asks**",
}


def matrix() -> str:
    """The table of `docs/printing.md`, as Markdown."""
    return _table(FAULTS, MOMENTS, EXPECTED)


def witness_matrix() -> str:
    """The table of what the independent printer confirms."""
    moments = {name: MOMENTS[name] for name in ("before", "middle", "cut", "idle")}
    return _table(EXPECTED_TAKEN, moments, EXPECTED_TAKEN)


def _table(
    names: Iterable[str], moments: Mapping[str, str], cells: Mapping[str, Mapping[str, Cell]]
) -> str:
    rows = [["what happens", *moments.values()], ["---"] * (len(moments) + 1)]
    for name in names:
        words = []
        for moment in moments:
            cell = cells[name][moment]
            alone = EXPECTED_EXCLUSIVE.get(name, {}).get(moment) if cells is EXPECTED else None
            words.append(WORDS[cell] + (f" / {WORDS[alone]}" if alone else ""))
        rows.append([FAULTS[name].title, *words])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
