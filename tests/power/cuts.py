"""Cutting a day at all its points, and looking at what is left each time."""

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud_hub.app import DATABASE as HUB_FILE
from cloud_hub.head_office import HUB_WRITER
from gateway.identity import stored_writer
from replication.adapters.sqlite import ReplicaStore
from tests.power.contents import Contents, Journals
from tests.power.disk import Damage, Disk, Synced, Wrote, with_index
from tests.power.sides import Seen
from tests.power.storages import Storage
from tests.power.vfs import PowerVfs
from web.file_check import check_file


def _hubs(_store: ReplicaStore) -> str:
    """Whose file the hub's is."""
    return HUB_WRITER


@dataclass(slots=True)
class Cuts:
    """How many cuts there were: at which steps of the day, and while starting again."""

    points: int = 0
    before_writes: int = 0
    before_syncs: int = 0
    at_starts: int = 0

    def __str__(self) -> str:
        return (
            f"{self.points} points of a day, {self.before_writes} before a write and "
            f"{self.before_syncs} before a sync; {self.at_starts} more while starting again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts the days of one kind of file. `dice` decide what becomes of what is not safe."""

    storage: Storage
    vfs: PowerVfs
    directory: Path
    dice: random.Random

    def everywhere(self, day: Seen, damages: Sequence[Damage], *, starts: float) -> Cuts:
        """Cut at every point of a day, with one of the damages; some starts are cut as well."""
        cuts = Cuts()
        for done, told, platter in day.disk.cut_points():
            damage = damages[cuts.points % len(damages)]
            cuts.points += 1
            if done < len(day.disk.log):
                cuts.before_writes += isinstance(day.disk.log[done], Wrote)
                cuts.before_syncs += isinstance(day.disk.log[done], Synced)
            where = f"{damage.name} at step {done}, after deed {told}"
            again = self._start(platter.cut(damage, self.dice))
            check_contents(again.contents[0], day.at(told), where)
            if self.dice.random() < starts:
                cuts.at_starts += 1
                self._cut_start(again, damage, where)
        return cuts

    def _cut_start(self, first: Seen, damage: Damage, where: str) -> None:
        """Power fails again while the program starts and goes on."""
        at = self.dice.randrange(len(first.disk.log))
        done, told, platter = next(point for point in first.disk.cut_points() if point[0] >= at)
        again = self._start(platter.cut(damage, self.dice))
        check_contents(again.contents[0], first.at(told), f"{where}; then step {done}, {told}")

    def after_faults(self, day: Seen, damages: Sequence[Damage], *, count: int) -> None:
        """Cut a day full of faults at some points: all that was told is there.

        A deed that was refused may be there as well, once: who asked asks again, with its key.
        """
        has_journal = bool(day.journals[-1])
        chosen = set(self.dice.sample(range(len(day.disk.log)), count))
        for done, told, platter in day.disk.cut_points():
            if done not in chosen:
                continue
            damage = self.dice.choice(damages)
            where = f"{damage.name} at step {done}, after deed {told}"
            again = self._start(platter.cut(damage, self.dice))
            if has_journal:
                check_journals(again.journals[0], day.journals[max(told, 0)], where)
            else:
                check_contents(again.contents[0], day.at(told), where)

    def _start(self, left: Mapping[str, bytes]) -> Seen:
        """A start on what a cut left."""
        self.directory.mkdir()
        for name, data in with_index(left, self.dice).items():
            (self.directory / name).write_bytes(data)
        self._check_files()
        disk = self.vfs.mount(Disk(self.directory))
        again = self.storage.again(disk)
        self.vfs.unmount(disk)
        shutil.rmtree(self.directory)
        return again

    def _check_files(self) -> None:
        """No program refuses what a cut left; on copies, for who reads a file mends its index."""
        copies = self.directory.with_name("copies")
        shutil.copytree(self.directory, copies)
        for file in copies.glob("*.db"):
            check_file(file, _hubs if file.name == HUB_FILE else stored_writer, "")
        shutil.rmtree(copies)


def check_contents(found: Contents, expected: Sequence[Contents], where: str) -> None:
    """The file holds what it did after one of these deeds: all of it, and nothing else."""
    unlike = [
        sorted(name for name in found.keys() | one.keys() if found.get(name) != one.get(name))
        for one in expected
    ]
    assert [] in unlike, f"{where}: what was told is not there, or is half there: {unlike}"


def check_journals(found: Journals, told: Journals, where: str) -> None:
    """The last entry that was told is there; that all before it are is what their hashes say."""
    for writer, journal in told.items():
        seq = max(journal)
        assert found.get(writer, {}).get(seq) == journal[seq], f"{where}: {seq} of {writer} is lost"
