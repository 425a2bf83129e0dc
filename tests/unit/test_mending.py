"""Goal: a box mends itself only while it is stopped, tries until it is done, and says how it goes.

Method: a loop whose tries are written down beforehand, on a gateway's shop in memory; pauses take
no time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, cast

import pytest

from gateway.lives.mending import PAUSE_S_MAX, PAUSE_S_MIN, CannotMend, MendingLoop
from gateway.lives.next_life import NEXT_LIFE
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed

MENDS: Final = frozenset({StopReason.BEHIND_WITNESS})

Try = bool | Exception


class _Shop:
    stopped: StopReason | None = StopReason.BEHIND_WITNESS


class _Rows(dict[str, str]):
    def meta(self, name: str) -> str | None:
        return self.get(name)


class _Written(MendingLoop):
    """Its tries come to what was written down, one after the other."""

    def __init__(self, tries: Sequence[Try], shop: _Shop, rows: _Rows | None = None) -> None:
        self.slept: list[float] = []
        self.told: list[str | None] = []
        self.births = 0
        self.left = list(tries)
        super().__init__(
            cast("Shop", shop),
            cast("GroupCommit", None),
            cast("ReplicaStore", rows or _Rows()),
            mends=MENDS,
            sleep=self._pause,
            changed=lambda: self.told.append(self.problem),
            reborn=self._is_born,
        )

    async def _pause(self, pause_s: float) -> None:
        self.slept.append(pause_s)

    def _is_born(self) -> None:
        self.births += 1

    async def _settled(self) -> bool:
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@asynccontextmanager
async def _running(loop: _Written) -> AsyncIterator[None]:
    running = asyncio.get_running_loop().create_task(loop.run())
    await _turns()
    yield
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def _turns() -> None:
    """More turns of the event loop than any of these tries takes: none of them really waits."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_problem_is_told_once_and_taken_back_by_the_try_that_settles_it() -> None:
    no = "The hub does not answer."
    loop = _Written([CannotMend(no), CannotMend(no, 503), StorageFailed("disk"), True], _Shop())
    async with _running(loop):
        assert loop.told == [no, "disk", None]
        assert loop.problem is None
        assert loop.slept == [PAUSE_S_MIN, 2 * PAUSE_S_MIN, 4 * PAUSE_S_MIN]


async def test_pauses_grow_to_their_limit_and_begin_anew_after_a_settled_try() -> None:
    loop = _Written([*[False] * 7, True, False, True], _Shop())
    async with _running(loop):
        assert loop.slept[-2:] == [PAUSE_S_MAX, PAUSE_S_MAX]
        assert len(loop.left) == 2, "settled: nothing is tried until something changes"
        loop.wake()
        await _turns()
        assert not loop.left
        assert loop.slept[-1] == PAUSE_S_MIN


@pytest.mark.parametrize("stopped", [None, StopReason.FENCED])
async def test_a_box_that_is_not_stopped_for_what_it_mends_is_not_touched(
    stopped: StopReason | None,
) -> None:
    shop = _Shop()
    shop.stopped = stopped
    loop = _Written([True], shop)
    async with _running(loop):
        loop.wake()
        await _turns()
        assert loop.left == [True]
        shop.stopped = StopReason.BEHIND_WITNESS
        loop.wake()
        shop.stopped = stopped  # before the loop comes to look
        await _turns()
        assert loop.left == [True]
        assert not loop.births


async def test_a_next_life_that_the_disk_did_not_take_is_tried_again_by_an_opening() -> None:
    loop = _Written([True], _Shop(), _Rows({NEXT_LIFE: "{}"}))
    async with _running(loop):
        assert loop.births == 1
        assert loop.slept == [PAUSE_S_MAX]
        assert loop.left == [True], "nobody is asked: who it is from now on is written down"
