"""Goal: whatever a power cut leaves of a file, what was told is in it, whole, and work goes on.

Method: SQLite on disks that lose power (`tests/power/README.md`). A long day of each program is cut
before each of its writes and syncs; what was not synced by then is lost, torn, out of order or
there. The program starts on what is left with its own code. The file must hold exactly what it held
after the last deed that was told, or the one after it: every row of every table. Then it must be
sound, also by the look that programs take at it (`web.file_check`), and take further deeds; some of
these starts are cut again.

The cuts are judged as well: with code that syncs too little, answers too early or writes in two
transactions they must fail.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from gateway.client import kept
from replication import ledger
from replication.adapters import sqlite
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed
from replication.ledger import Pending, RequestKey
from tests import uses_asked
from tests.chain_sides import command, sale_of
from tests.power import sides
from tests.power.contents import unsound_in
from tests.power.cuts import Cutter
from tests.power.days import GATEWAY, SHOP, PoweredChain
from tests.power.disk import DAMAGES, SOME, WRECKED, Damage, Disk, Step, Synced, Wrote, dice_of
from tests.power.faults import Faults, Once
from tests.power.sides import Loop, PoweredShop, Seen, running_loop
from tests.power.storages import STORAGES, Storage
from tests.power.vfs import PowerVfs, power
from web import file_check
from web.file_check import FileDamaged
from web.once import Done

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

IS_LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SEEDS: Final = range(20 if IS_LONG else 1)
"""Each point of a day is cut once per seed, with another damage at each."""

STARTS_CUT: Final = 1.0 if IS_LONG else 0.1
"""The share of starts that are cut as well."""

AFTER_FAULTS: Final = 2_000 if IS_LONG else 60

POINTS_MIN: Final = {"gateway": 800, "hub": 1_500, "new box": 400, "outbox": 300, "register": 400}
"""Fewer than this, and a day is no longer what it was."""

storages = pytest.mark.parametrize("name", STORAGES)


@pytest.fixture(autouse=True)
def _small_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints of the log and of the counters come every few deeds; a register keeps a few."""
    monkeypatch.setattr(sqlite, "WAL_PAGES", 40)
    monkeypatch.setattr(ledger, "SAVE_ENTRIES", 7)
    monkeypatch.setattr(kept, "KEPT_ENTRIES", 8)
    monkeypatch.setattr(file_check, "TAIL_ENTRIES", 6)


@pytest.fixture
def vfs() -> Iterator[PowerVfs]:
    with power() as vfs:
        yield vfs


@pytest.fixture
def loop() -> Iterator[Loop]:
    with running_loop() as loop:
        yield loop


def lived(name: str, vfs: PowerVfs, loop: Loop, directory: Path) -> tuple[Storage, Seen]:
    """A day of one kind of file, on a disk that does what it is asked."""
    storage = STORAGES[name](vfs, loop)
    return storage, storage.live(directory / "day", lambda _disk: Once())


@storages
@pytest.mark.parametrize("seed", SEEDS)
def test_a_power_cut_at_any_write_or_sync_loses_nothing_that_was_told(
    name: str, seed: int, vfs: PowerVfs, loop: Loop, tmp_path: Path
) -> None:
    storage, day = lived(name, vfs, loop, tmp_path)
    cutter = Cutter(
        storage=storage, vfs=vfs, directory=tmp_path / "cut", dice=dice_of(seed)
    )  # fmt: skip

    shift = seed % len(DAMAGES)
    cuts = cutter.everywhere(day, DAMAGES[shift:] + DAMAGES[:shift], starts=STARTS_CUT)

    print(f"{name}: {cuts}")  # noqa: T201 - how many there are is asked for
    steps = [step for step in day.disk.log if not hasattr(step, "number")]
    assert cuts.points == len(steps) + 1 >= POINTS_MIN[name]


@storages
def test_a_disk_that_fails_at_any_step_costs_that_deed_and_nothing_else(
    name: str, vfs: PowerVfs, loop: Loop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    met: list[Faults] = []

    def failing(disk: Disk) -> Faults:
        met.append(Faults(disk, dice_of(name)))
        return met[-1]

    storage = STORAGES[name](vfs, loop)
    day = storage.live(tmp_path / "day", failing)

    [faults] = met
    print(f"{name}: {dict(faults.met)}")  # noqa: T201 - the same
    assert faults.met["Wrote"] > POINTS_MIN[name] / 2
    assert faults.met["Synced"] > len(day.contents) / 2
    Cutter(
        storage=storage, vfs=vfs, directory=tmp_path / "cut", dice=dice_of(name)
    ).after_faults(day, DAMAGES, count=AFTER_FAULTS)  # fmt: skip


NOT_SURE: Final[dict[str, Callable[[Disk, Step], bool]]] = {
    "the sync fails, all is there": lambda _, step: isinstance(step, Synced),
    "what comes after the commit": lambda disk, step: (
        isinstance(step, Wrote) and disk.is_database(step.file)
    ),
}


@pytest.mark.parametrize("is_refused", NOT_SURE.values(), ids=NOT_SURE.keys())
def test_a_refused_sale_that_is_there_all_the_same_is_answered_by_its_key(
    is_refused: Callable[[Disk, Step], bool],
    vfs: PowerVfs,
    loop: Loop,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A disk can say no to what it did. Nobody can know, but whoever asks again is told."""
    caplog.set_level("CRITICAL")
    chain = PoweredChain(tmp_path, vfs=vfs, loop=loop, powered=GATEWAY, patient=lambda _: Once())
    shop, asked = chain.shops[SHOP], command()
    assert isinstance(shop, PoweredShop)
    shop.receive(tea=5)
    shop.state.connection.pragma("wal_autocheckpoint", 1)
    disk = shop.seen.disk

    def sell(shop: PoweredShop) -> object:
        return shop.commit(lambda: uses_asked.sell(shop.state, asked, sale_of("tea", 1)))

    def refuse(step: Step) -> None:
        if is_refused(disk, step):
            raise apsw.IOError("the disk does not answer")

    disk.before.append(refuse)
    with pytest.raises(StorageFailed):
        sell(shop)
    left = tmp_path / "left"
    shutil.copytree(disk.root, left)  # as after kill -9: all that was written
    disk.before.remove(refuse)
    shop.close()
    chain.shops[SHOP] = again = chain.shop_on(vfs.mount(Disk(left)), Once())

    assert again.state.counter("tea").physical() == 4, "it was sold"
    assert isinstance(sell(again), Done)
    assert again.state.counter("tea").physical() == 4, "once"
    assert unsound_in(again.state.ledger, again.state.store) == []
    chain.close()


def too_little_sync(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    """A commit that does not wait for the disk."""
    connect = sqlite.connect

    def careless(path: Path, *, read_only: bool = False) -> apsw.Connection:
        connection = connect(path, read_only=read_only)
        connection.pragma("synchronous", level)
        return connection

    monkeypatch.setattr(sqlite, "connect", careless)


class Hasty(GroupCommit):
    """Answers when it has decided."""

    def submit(
        self, work: Callable[[], Any], request: RequestKey | None = None, *, is_look: bool = False
    ) -> Any:  # noqa: ANN401
        """As the real one, but for the order of things."""

        def decided() -> Any:  # noqa: ANN401
            answer = work()
            self._loop.call_soon_threadsafe(lambda: asked.set_result(answer))
            return answer

        asked = super().submit(decided, request, is_look=is_look)
        return asked


def hasty_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not wait for its commit."""
    monkeypatch.setattr(sides, "GroupCommit", Hasty)


def two_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries in one transaction, what is remembered of their requests in the next."""
    store = ReplicaStore.store

    def in_two(self: ReplicaStore, pending: Pending) -> None:
        requests, pending.requests = pending.requests, {}
        store(self, pending)
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN IMMEDIATE")
        store(self, Pending(requests=requests))

    monkeypatch.setattr(ReplicaStore, "store", in_two)


DEFECTS: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "synchronous is normal": lambda monkeypatch: too_little_sync(monkeypatch, "normal"),
    "synchronous is off": lambda monkeypatch: too_little_sync(monkeypatch, "off"),
    "answers before the commit": hasty_answers,
    "requests in a second transaction": two_transactions,
}


FOUND: Final = (AssertionError, FileDamaged, StorageFailed, apsw.Error)
"""What was told is missing, the program does not start, or not all of the file can be read."""


@pytest.mark.parametrize("damage", [WRECKED, SOME], ids=lambda one: one.name)
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_cuts_find_code_that_loses_what_it_told(
    defect: Callable[[pytest.MonkeyPatch], None],
    damage: Damage,
    vfs: PowerVfs,
    loop: Loop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defect(monkeypatch)
    storage, day = lived("gateway", vfs, loop, tmp_path)
    cutter = Cutter(storage=storage, vfs=vfs, directory=tmp_path / "cut", dice=dice_of(0))

    with pytest.raises(
        FOUND, match=r"half there|remembered|malformed|not a database|cannot be read"
    ):
        cutter.everywhere(day, [damage], starts=0)
