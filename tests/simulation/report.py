"""What is told of a run: figures for everybody, and of each failing seed what a person needs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.deeds import Deeds
from tests.simulation.plan import Step
from tests.simulation.run import Result

TRACE_LINES_MAX: Final = 80
"""Lines of a trace that are printed without being asked for: the last ones."""


@dataclass(slots=True)
class Summary:
    """All seeds of a range, added up."""

    seeds: int = 0
    operations: int = 0
    oversold_units: int = 0
    exposed_units: int = 0
    overdrawn_units: int = 0
    lost_sales: int = 0
    duplicated_sales: int = 0
    unconverged: int = 0
    deeds: Deeds = field(default_factory=Deeds)
    failed_seeds: list[int] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One more seed."""
        self.seeds += 1
        self.operations += result.operations
        self.oversold_units += result.oversold_units
        self.exposed_units += result.exposed_units
        self.overdrawn_units += result.overdrawn_units
        self.lost_sales += result.lost_sales
        self.duplicated_sales += result.duplicated_sales
        self.unconverged += result.is_unconverged
        self.deeds.add(result.deeds)
        if not result.is_clean:
            self.failed_seeds.append(result.seed)

    def as_json(self) -> str:
        """The object that `--json` prints."""
        members: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        members["failed_seeds"] = sorted(self.failed_seeds)
        members["deeds"] = self.deeds.as_json()
        return json.dumps(members)

    def as_text(self, profile: str, elapsed_s: float) -> str:
        """The same for a person."""
        failed = f"{len(self.failed_seeds)} failed" if self.failed_seeds else "all clean"
        return (
            f"{self.seeds} seeds, {self.operations} operations in {elapsed_s:.1f} s "
            f"({self.operations / max(elapsed_s, 0.001):.0f}/s): {failed}\n"
            f"oversold {self.oversold_units} units, exposed by images {self.exposed_units}, "
            f"overdrawn {self.overdrawn_units}, "
            f"sales lost {self.lost_sales}, duplicated {self.duplicated_sales}, "
            f"seeds that did not converge {self.unconverged}\n"
            f"never done: {', '.join(self.deeds.never(profile)) or 'nothing of what is intended'}"
        )


def replay_command(seed: int, profile: str) -> str:
    """The command that runs one seed again and shows all of it."""
    return f"scripts/simulate --seeds {seed}:{seed + 1} --profile {profile} --trace"


def failure(
    result: Result, profile: str, shrunk: tuple[Sequence[Step], Result] | None = None
) -> str:
    """What a person needs to understand a failing seed."""
    lines = [f"seed {result.seed} fails:", *(f"  {each}" for each in result.violations)]
    lines.append(f"  replay: {replay_command(result.seed, profile)}")
    shown = result
    if shrunk is not None:
        steps, shown = shrunk
        lines.append(f"  shrunk to {len(steps)} steps: {' '.join(_name(one) for one in steps)}")
    left_out = max(0, len(shown.trace) - TRACE_LINES_MAX)
    lines += [f"  ... {left_out} lines before"] if left_out else []
    lines += [f"  {line}" for line in shown.trace[left_out:]]
    return "\n".join(lines)


def _name(step: Step) -> str:
    return f"{step.number}:{step.kind}"
