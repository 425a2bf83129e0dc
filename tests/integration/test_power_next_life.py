"""Goal: a power cut on the way to a box's next life costs neither the old file nor the new one.

Method: a box that is to be another was killed, so that its log holds what its file does not have
yet. Its next start, on a disk that loses power (`tests/power`), is cut before each write, sync and
rename; the start after that must end as one that was never cut, and so must one that is cut again.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import pytest

from gateway.app import DATABASE, open_database
from gateway.identity import Identity, load_identity, store_identity
from gateway.lives import next_life
from gateway.lives.next_life import CameOf, NextLife, begin_next_life, note_next_life
from replication.adapters.sqlite import ReplicaStore, connect, transaction
from tests.power.contents import Contents, broken_in, contents_of
from tests.power.disk import (
    DAMAGES,
    SOME,
    Damage,
    Disk,
    Named,
    NamesSynced,
    Renamed,
    dice_of,
    with_index,
)  # fmt: skip
from tests.power.vfs import PowerVfs, power

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POINTS_MIN: Final = 50
NAMES_TRIED: Final = 12
"""Cuts right after a name has changed: what is called how then is the most of it."""

CARRIED: Final = "carried"
KEPT: Final = "gateway-riverside.1.db"


def identity_of(writer: str) -> Identity:
    return Identity(
        writer=writer, name="Riverside", kind="store", parent="hub.1", jurisdiction="OM",
        timezone="Asia/Muscat", token=f"ct_{writer}",
    )  # fmt: skip


FOLLOWING: Final = NextLife(
    identity=identity_of("riverside.3"),
    came=CameOf(
        earlier="riverside.1", branch="riverside.2", exposed_units=4, register=None, at_ms=7
    ),
)


def carry(old: ReplicaStore, new: apsw.Connection, _life: NextLife) -> None:
    """Something of the old file belongs into the new one, as with registers that sell alone."""
    told = old.meta(CARRIED)
    assert told is not None
    ReplicaStore(new).set_meta(CARRIED, told)


def begin(data: Path) -> None:
    begin_next_life(data, DATABASE, carry)


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, Contents]:
    """The data directory of a box that was killed, and what its file holds."""
    living, killed = tmp_path / "living", tmp_path / "killed"
    living.mkdir()
    connection = open_database(living)
    store = ReplicaStore(connection)
    with transaction(connection):
        store_identity(store, identity_of("riverside.1"))
        store.set_meta(CARRIED, "some goods")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with transaction(connection):
        store.set_meta("more", "m" * 20_000)
        note_next_life(store, FOLLOWING)
    shutil.copytree(living, killed, ignore=shutil.ignore_patterns("*-shm"))
    held = contents_of(connection)
    connection.close()
    return killed, held


@pytest.fixture
def vfs(monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerVfs]:
    """A rename, and a sync of the directory, are steps of the disk as well."""
    rename, sync_names = next_life._rename, next_life._sync_names

    with power() as vfs:

        def renamed(before: Path, after: Path) -> None:
            if disk := vfs.disk_of(before):
                disk.renamed(before.name, after.name)
            rename(before, after)

        def names_synced(directory: Path) -> None:
            if disk := vfs.disk_of(directory / DATABASE):
                disk.asked(NamesSynced())
            sync_names(directory)

        monkeypatch.setattr(next_life, "_rename", renamed)
        monkeypatch.setattr(next_life, "_sync_names", names_synced)
        yield vfs


def start(vfs: PowerVfs, directory: Path) -> Disk:
    """A start, to its end, on a disk that can lose power."""
    disk = vfs.mount(Disk(directory))
    begin(directory)
    open_database(directory).close()
    vfs.unmount(disk)
    return disk


def check_ended(directory: Path, held: Contents) -> None:
    """The new file is whole and of the next life; the old one has all that it had."""
    connection = connect(directory / DATABASE)
    store = ReplicaStore(connection)
    assert broken_in(connection) == []
    assert (load_identity(store), store.meta(CARRIED)) == (FOLLOWING.identity, "some goods")
    connection.close()
    connection = connect(directory / KEPT)
    assert (broken_in(connection), contents_of(connection)) == ([], held)
    connection.close()
    assert sorted(path.name for path in directory.glob("*.db")) == [KEPT, DATABASE]


def test_a_power_cut_anywhere_on_the_way_to_the_next_life_loses_neither_file(
    vfs: PowerVfs, killed: tuple[Path, Contents], tmp_path: Path
) -> None:
    data, held = killed
    dice = dice_of(0)
    day = start(vfs, data)
    check_ended(data, held)

    def cut(disk: Disk, damage: Damage, at: int) -> Disk:
        """A start on what a cut of that disk leaves."""
        _, _, platter = next(point for point in disk.cut_points() if point[0] >= at)
        left = tmp_path / "left"
        left.mkdir()
        for file, written in with_index(platter.cut(damage, dice), dice).items():
            (left / file).write_bytes(written)
        again = start(vfs, left)
        check_ended(left, held)
        shutil.rmtree(left)
        return again

    points = len(day.log) + 1
    for at in range(points):
        damage = DAMAGES[at % len(DAMAGES)]
        again = cut(day, damage, at)
        cut(again, damage, dice.randrange(len(again.log) + 1))
        if isinstance(day.log[at - 1], Named | Renamed):
            for _ in range(NAMES_TRIED):
                cut(day, SOME, at)

    print(f"next life: {points} points")  # noqa: T201 - how many there are is asked for
    assert points >= POINTS_MIN
