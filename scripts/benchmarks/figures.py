"""Figures: quantiles, rows with their baseline and goal, the table and the JSON."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

PERCENT: Final = 100


class Better(enum.Enum):
    """Which way a ratio is good."""

    HIGHER = ">="
    LOWER = "<="
    NEITHER = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a ratio of one run should be on any machine."""

    better: Better
    ratio: float

    def met_by(self, ratio: float) -> bool:
        """Whether a measured ratio reaches the goal."""
        match self.better:
            case Better.HIGHER:
                return ratio >= self.ratio
            case Better.LOWER:
                return ratio <= self.ratio
            case Better.NEITHER:
                return ratio == self.ratio

    def __str__(self) -> str:
        return f"{self.better.value} {self.ratio:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: ours, what it is held against, and both in the same unit."""

    name: str
    ours: float
    baseline: float
    baseline_is: str
    unit: str
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        """Ours divided by the baseline."""
        return self.ours / self.baseline if self.baseline else float("inf")

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.met_by(self.ratio) else "missed"


def quantile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // PERCENT)
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def delay_rows(
    what: str, delays_ms: Sequence[float], gateways: int, *, goal_ms: float, goal_is: str
) -> list[Row]:
    """p50 and p99 of what came to many gateways; the p99 has to be within the goal."""
    within = Goal(better=Better.LOWER, ratio=1.0)
    return [
        Row(
            name=f"{what} p{percent}, {gateways} gateways",
            ours=quantile(delays_ms, percent),
            baseline=goal_ms,
            baseline_is=goal_is,
            unit="ms",
            goal=goal,
        )
        for percent, goal in ((50, None), (99, within))
    ]


def as_json(rows: Sequence[Row]) -> str:
    """The rows as the contract has them, with goal and verdict beside."""
    document = [
        {
            "name": row.name,
            "ours": _rounded(row.ours),
            "baseline": _rounded(row.baseline),
            "baseline_is": row.baseline_is,
            "unit": row.unit,
            "ratio": _rounded(row.ratio),
            "goal": None if row.goal is None else str(row.goal),
            "met": None if row.goal is None else row.goal.met_by(row.ratio),
        }
        for row in rows
    ]
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_table(rows: Sequence[Row]) -> str:
    """The rows as a table for people."""
    heads = ("", "ours", "baseline", "unit", "ratio", "goal", "", "baseline is")
    cells = [heads] + [
        (
            row.name,
            _readable(row.ours),
            _readable(row.baseline),
            row.unit,
            f"{row.ratio:.2f}",
            "" if row.goal is None else str(row.goal),
            row.verdict,
            row.baseline_is,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    numeric = {1, 2, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join(lines)


THOUSAND: Final = 1_000


def _readable(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"


def _rounded(value: float) -> float:
    return round(value, 4)
