"""One run: a world, a plan, the healing, the verdict."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from gateway.lives import branching
from tests.simulation import deeds, faults, found, goods, healed, images, lives, lost, returning
from tests.simulation.deeds import STARTED_AGAIN, Deeds
from tests.simulation.loop import Halted, Stalled, VirtualLoop
from tests.simulation.machine import OWNER, own_tasks
from tests.simulation.plan import Step, plan_of
from tests.simulation.world import World
from web import spoken_code

PROGRAM_LOGS: Final = ("gateway", "cloud_hub", "replication", "web")

EXPECTED_LOGS: Final = frozenset({"commit_failed", "request_failed"})
"""What a program logs as an error when its disk is full; anything else is an accusation.

The door logs a request that met a full disk as `request_failed`, and so does the group commit a
request that broke; the second one says so by its level.
"""

PIECE_ENTRIES: Final = 4
"""A branch here is short: so some are handed over in more pieces than one all the same."""

BEHIND: Final = "behind_witness"
"""What a gateway logs as an error when a register has seen more of its journal than it has."""

UNFINISHED_S_MAX: Final = 900
"""Whoever still waits for an answer so long after all faults are over waits for ever."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What came out of one seed."""

    seed: int
    operations: int = 0
    oversold_units: int = 0
    exposed_units: int = 0
    overdrawn_units: int = 0
    lost_sales: int = 0
    duplicated_sales: int = 0
    is_unconverged: bool = False
    deeds: Deeds = field(default_factory=Deeds)
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was broken."""
        return not self.violations

    @property
    def digest(self) -> str:
        """The same for two runs in which the same things happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


class _Listener(logging.Handler):
    """Hears what the programs log: an error of theirs is an accusation."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """A line of a living program's log."""
        owner = OWNER.get()
        if owner is not None and not owner.is_alive:
            return  # what the dead say on their way out reaches nobody
        action = str(getattr(record, "action", ""))
        is_error = record.levelno >= logging.ERROR
        if action == BEHIND and any(one.leaves for one in self._world.judge.strands.all()):
            return  # this, or its copy, is an image
        if action == "item_set_aside" or (
            is_error and not (action == "commit_failed" and record.exc_info)
        ):
            broken = f" {record.exc_info[1]!r}" if record.exc_info else ""
            self._world.accuse(f"log: {record.getMessage()}{broken}")


def run_plan(seed: int, steps: Sequence[Step], *, only: str | None = None) -> Result:
    """Run a plan in the world of a seed, up to the first thing that is wrong.

    With `only` a kind of accusation, all others are overlooked, and so is the healing: a chain
    that is known to be broken is not asked to agree.
    """
    loop = VirtualLoop()
    own_tasks(loop)
    world = World(seed, loop, only=only)
    listener = _Listener(world)
    loop.on_error = world.accuse
    verdict = healed.Verdict()
    loggers = [logging.getLogger(name) for name in PROGRAM_LOGS]
    for logger in loggers:
        logger.addHandler(listener)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    letters = world.dice("codes")
    codes = mock.patch.object(spoken_code, "secrets", SimpleNamespace(choice=letters.choice))
    pieces = mock.patch.object(branching, "PIECE_ENTRIES_MAX", PIECE_ENTRIES)
    codes.start()
    pieces.start()
    try:
        loop.run(_live(world, steps, None if only else verdict))
    except Halted:
        pass  # the violation that halted it is written down
    except Stalled as stalled:
        world.accuse(f"stalled: {stalled}")
    finally:
        codes.stop()
        pieces.stop()
        for logger in loggers:
            logger.removeHandler(listener)
            logger.propagate = True
            logger.setLevel(logging.NOTSET)
    exposed = images.exposed_units(world)
    world.close()
    world.deeds.note(deeds.EXPOSED, exposed)
    oversold, overdrawn = healed.totals(world)
    world.deeds.note(STARTED_AGAIN, sum(box.starts - 1 for box in world.boxes))
    return Result(
        seed=seed,
        operations=world.notes.operations,
        oversold_units=oversold,
        exposed_units=exposed,
        overdrawn_units=overdrawn,
        lost_sales=verdict.lost_sales,
        duplicated_sales=verdict.duplicated_sales,
        is_unconverged=verdict.is_unconverged,
        deeds=world.deeds,
        violations=world.violations,
        trace=world.trace,
    )


def run_seed(seed: int, profile: str, *, only: str | None = None) -> Result:
    """Run a seed's own plan."""
    return run_plan(seed, plan_of(seed, profile), only=only)


async def _live(world: World, steps: Sequence[Step], verdict: healed.Verdict | None) -> None:
    """The whole life of a world: its beginning, its plan, and (for a verdict) its healing."""
    await world.begin()
    world.is_calm = False
    began_s = world.loop.now_s
    people: set[asyncio.Task[None]] = set()
    faults_on: set[asyncio.Task[None]] = set()
    for step in steps:
        await asyncio.sleep(max(0.0, began_s + step.at_s - world.loop.now_s))
        task = asyncio.ensure_future(step.does(world, world.dice(f"step/{step.number}")))
        (faults_on if step.is_fault else people).add(task)
        if step.is_fault:
            world.deeds.note(f"fault {step.kind}")
    for task in faults_on:
        task.cancel()
    if verdict is not None:
        await _heal(world, people, faults_on, verdict)


async def _heal(
    world: World,
    people: set[asyncio.Task[None]],
    faults_on: set[asyncio.Task[None]],
    verdict: healed.Verdict,
) -> None:
    """All faults end, everybody hears an answer, everything comes to rest, all is compared."""
    faults.heal(world)
    unfinished: set[asyncio.Task[None]] = set()
    if people:
        _, unfinished = await asyncio.wait(people, timeout=UNFINISHED_S_MAX)
    for done in [*people - unfinished, *faults_on]:
        _accuse_of_failure(world, done)
    if unfinished:
        world.accuse(f"unfinished: {len(unfinished)} people still wait for an answer")
    if not await healed.become_quiet(world):
        verdict.is_unconverged = True
        world.accuse(f"quiet: the programs do not come to rest: {healed.unrest(world)}")
    await images.come_back(world)
    if not await healed.become_quiet(world):
        world.accuse(f"quiet: no rest after registers came back: {healed.unrest(world)}")
    world.is_settled = True
    await lost.end_losses(world)
    found.doubt_refused(world)
    await lives.end_lives(world)
    await goods.take_stock(world)
    await returning.bring_the_rest(world)
    await healed.settle(world)
    await healed.judge(world, verdict)


def _accuse_of_failure(world: World, task: "asyncio.Task[Any]") -> None:
    """A bug of the simulator itself, most likely."""
    if not task.cancelled() and task.done() and (error := task.exception()) is not None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
        world.accuse(f"simulator: {error!r}{where}")
