"""SQLite on disks that can lose power: the system's own files, and a log of all that is asked.

Files below a mounted `Disk` are watched, all others are the system's as ever. A sync is not passed
on: what is safe is in the disk's log, and the machine that runs the tests loses no power.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from tests.power.disk import Disk, Synced, SyncFailed, Truncated, Wrote

NAME: Final = "countertop-power"
SYSTEM: Final = "unix"
"""SQLite's own file system here."""

WATCHED: Final = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
LOGS: Final = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
"""Files whose first sync also syncs their directory (`UNIXFILE_DIRSYNC`)."""


class WatchedFile(apsw.VFSFile):
    """An open file of a disk that can lose power."""

    def __init__(self, name: str | apsw.URIFilename, flags: list[int], disk: Disk) -> None:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        is_new = not path.exists()
        self._syncs_directory = bool(flags[0] & LOGS)
        super().__init__(SYSTEM, name, flags)
        self._disk = disk
        self._file = disk.opened(path.name, is_new=is_new)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write; a full disk has room for the first half."""
        step = Wrote(self._file, offset, bytes(data))
        try:
            self._disk.asked(step)
        except apsw.FullError:
            half = step.data[: len(data) // 2]
            self._disk.log.append(Wrote(self._file, offset, half))
            super().xWrite(half, offset)
            raise
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut to a length."""
        self._disk.asked(Truncated(self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        """From now on all of this file is safe."""
        try:
            self._disk.asked(Synced(self._file, self._syncs_directory))
        except apsw.IOError:
            self._disk.log.append(SyncFailed(self._file, len(self._disk.log)))
            raise
        self._syncs_directory = False


class PowerVfs(apsw.VFS):
    """The system's files; those of mounted disks are watched."""

    def __init__(self) -> None:
        self._disks: dict[Path, Disk] = {}
        super().__init__(NAME, SYSTEM, makedefault=True)

    def mount(self, disk: Disk) -> Disk:
        """Watch the files of a disk from now on."""
        self._disks[disk.root] = disk
        return disk

    def unmount(self, disk: Disk) -> None:
        """Watch them no more; all are closed."""
        del self._disks[disk.root]

    def disk_of(self, path: Path) -> Disk | None:
        """The disk that a file is on, where that can lose power."""
        return self._disks.get(path.parent)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """Open a file."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        disk = None if path is None else self._disks.get(Path(path).parent)
        if disk is None or name is None or not flags[0] & WATCHED:
            return apsw.VFSFile(SYSTEM, name, flags)
        return WatchedFile(name, flags, disk)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        """Delete a file."""
        path = Path(filename)
        disk = self._disks.get(path.parent)
        if disk is not None and path.exists():
            disk.deleted(path.name, is_synced=syncdir)
        super().xDelete(filename, syncdir)


@contextmanager
def power() -> Iterator[PowerVfs]:
    """New connections of this process are on disks that can lose power, where one is mounted."""
    vfs = PowerVfs()
    try:
        yield vfs
    finally:
        apsw.set_default_vfs(SYSTEM)
        vfs.unregister()
