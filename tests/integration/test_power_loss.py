"""Goal: what was acknowledged is on the disk, not only in the operating system's memory.

Method: SQLite runs on a file system of ours that copies a file aside whenever SQLite syncs it. A
power cut is these copies and nothing else: whatever was written after the last sync is gone.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw

from tests.integration.test_group_commit import check_file
from tests.replication_samples import STORE
from tests.selling_program import open_state, selling

VFS: Final = "countertop-power-loss"
SYSTEM: Final = "unix"
"""SQLite's own file system here."""


class SyncedFile(apsw.VFSFile):
    """A file that copies itself aside when it is synced."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], disk: Path) -> None:
        super().__init__(SYSTEM, name, flags)
        self._path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        self._disk = disk

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Sync, and only then count as being on the disk."""
        super().xSync(flags)
        shutil.copyfile(self._path, self._disk / self._path.name)


class PowerLossVfs(apsw.VFS):
    """The default file system, with `disk` as what would survive a power cut."""

    def __init__(self, disk: Path) -> None:
        super().__init__(VFS, SYSTEM, makedefault=True)
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802, ANN401
        """Open with our eye on it."""
        if flags[0] & (apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL):
            return SyncedFile(name, flags, self._disk)
        return apsw.VFSFile(SYSTEM, name, flags)


@contextmanager
def surviving(disk: Path) -> Iterator[None]:
    """New connections are on the file system of ours, and `disk` is what survives."""
    vfs = PowerLossVfs(disk)
    try:
        yield
    finally:
        apsw.set_default_vfs(SYSTEM)
        vfs.unregister()


async def test_a_power_cut_at_any_acknowledgement_loses_nothing(tmp_path: Path) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    memory.mkdir()
    disk.mkdir()
    survivors: list[tuple[int, Path]] = []

    def power_cut(acknowledged: int) -> None:
        survivor = tmp_path / f"cut-{acknowledged}"
        shutil.copytree(disk, survivor)
        survivors.append((acknowledged, survivor))

    with surviving(disk):
        state = open_state(memory)
        async with selling(state) as writer:
            await writer.submit(lambda: state.receive(10_000))
            power_cut(1)
            for batch in range(12):
                keys = [f"{batch}-{n}" for n in range(1 + 7 * batch)]
                await asyncio.gather(*[writer.submit(partial(state.sell, key)) for key in keys])
                power_cut(state.ledger.head.seq)
            state.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            await writer.submit(lambda: state.sell("after the checkpoint"))
            power_cut(state.ledger.head.seq)
        state.connection.close()

    assert len(survivors) == 14
    for acknowledged, survivor in survivors:
        assert check_file(survivor).load_head(STORE).seq == acknowledged
