"""A disk that can lose power: what was asked of it, what of that is safe, what a cut leaves.

A `Disk` is one data directory. While a program runs, its files are real files with all that was
written, as the program's own system shows them; beside them the disk keeps a log of every write,
truncation, creation, deletion and sync. A power cut is a prefix of that log: `Platter` walks it and
keeps apart what a sync has made safe from what is still *cached*. So one day of a program gives as
many cuts as its log has steps, and each can be damaged in as many ways as one likes.

What is cached at a cut may be there or not, in part, in any order:

    lost       the old bytes are still there
    torn       the first or the last bytes of a sector are new, the rest is old
    garbage    any bytes, in the range that was being written and nowhere else
    truncated  or not; a write behind a lost one leaves zeros before it
    names      of each file: any state since the directory was last synced; renames in their order

A sync of a file makes its bytes and its length safe, and nothing else. A file that was never synced
into its directory is not there, however often its bytes were: SQLite syncs the directory with the
first sync of a journal or a log, and so does this disk. Bytes beside those that are written stay as
they are (SQLITE_IOCAP_POWERSAFE_OVERWRITE, which SQLite relies on).

What is safe is never damaged: a card that loses what it has acknowledged is no disk.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

SECTORS_BYTES: Final = (512, 4096)
"""What a disk writes at once: an old one, and one of today."""

SHM_BYTES: Final = 32_768
"""The index of a log, which is memory and not a file: after a cut it holds anything."""


class Wrote(NamedTuple):
    """Bytes were written."""

    file: int
    offset: int
    data: bytes


class Truncated(NamedTuple):
    """A file was cut to a length in bytes."""

    file: int
    size: int


class Synced(NamedTuple):
    """All that was asked of a file is safe; with `directory` also all names in it."""

    file: int
    directory: bool


class SyncFailed(NamedTuple):
    """The disk could not sync a file: the system forgets what of it was not safe, or keeps it.

    A later sync says nothing of it, as Linux does it since 2018. `seed` decides what was safe.
    """

    file: int
    seed: int


class Named(NamedTuple):
    """A name stands for a file from now on (None: for nothing)."""

    name: str
    file: int | None
    is_synced: bool = False


class Renamed(NamedTuple):
    """A file has another name from now on; it is never without one, and never has both."""

    before: str
    after: str


class NamesSynced(NamedTuple):
    """The directory is synced: all names in it are safe."""


class Told(NamedTuple):
    """Somebody was told that a deed is done: the number of what the disk holds then."""

    number: int


def dice_of(seed: int | str) -> random.Random:
    """Dice that fall the same way again."""
    return random.Random(seed)  # noqa: S311 - no secret


Step = Wrote | Truncated | Synced | SyncFailed | Named | Renamed | NamesSynced | Told
Cached = Wrote | Truncated


class Damage(NamedTuple):
    """What a cut does to what is cached: the share of sectors (0 to 1) that are not as written."""

    name: str
    least: float
    most: float
    is_reordered: bool = False


ALL_LOST: Final = Damage("all lost", 1, 1)
ALL_KEPT: Final = Damage("all kept", 0, 0)
WRECKED: Final = Damage("wrecked", 0.8, 1)
SOME: Final = Damage("some of it", 0, 1)
REORDERED: Final = Damage("out of order", 0, 1, is_reordered=True)
DAMAGES: Final = (WRECKED, REORDERED, ALL_LOST, SOME, ALL_KEPT)


class Disk:
    """One data directory that can lose power; see the module's theory.

    `before` are asked before each step is done, and may raise what a disk says that does not do it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log: list[Step] = []
        self.before: list[Callable[[Step], None]] = []
        self.files: dict[str, int] = {}
        self.safe: dict[str, bytes] = {}
        if root.exists():
            self.safe = {path.name: path.read_bytes() for path in root.iterdir()}
        for name in self.safe:
            self.files[name] = len(self.files)
        self._files_count = len(self.files)
        self._told = -1

    def asked(self, step: Step) -> None:
        """The disk is asked for a step, which is done now."""
        for ask in self.before:
            ask(step)
        self.log.append(step)

    def opened(self, name: str, *, is_new: bool) -> int:
        """A file is opened; its number."""
        if is_new or name not in self.files:
            self.asked(Named(name, self._files_count))
            self.files[name] = self._files_count
            self._files_count += 1
        return self.files[name]

    def deleted(self, name: str, *, is_synced: bool) -> None:
        """A file is deleted."""
        self.asked(Named(name, None, is_synced))
        self.files.pop(name, None)

    def renamed(self, before: str, after: str) -> None:
        """A file has another name from now on."""
        self.asked(Renamed(before, after))
        self.files[after] = self.files.pop(before)

    def is_database(self, file: int) -> bool:
        """Whether a file is the database itself, and not its log."""
        return any(name.endswith(".db") and one == file for name, one in self.files.items())

    def told(self) -> None:
        """Somebody is told of the next deed."""
        self._told += 1
        self.log.append(Told(self._told))

    def cut_points(self) -> Iterator[tuple[int, int, "Platter"]]:
        """Every moment when power may fail: steps done so far, the last deed told, the disk then.

        The deed is -1 before any was told. Where a step is `Told`, the moment after it asks for
        more than the one before, of the same disk: that one is left out.
        """
        platter = Platter(self.safe)
        told = -1
        for done, step in enumerate(self.log):
            if isinstance(step, Told):
                told = step.number
            else:
                yield done, told, platter
            platter.take(step)
        yield len(self.log), told, platter


@dataclass(slots=True)
class _File:
    safe: bytearray
    cached: list[Cached] = field(default_factory=list)


class Platter:
    """A disk at one moment of its log."""

    def __init__(self, safe: Mapping[str, bytes]) -> None:
        self._files = {number: _File(bytearray(data)) for number, data in enumerate(safe.values())}
        self._names: dict[str, list[int | None]] = {
            name: [number] for number, name in enumerate(safe)
        }
        self._renames: list[Renamed] = []

    def take(self, step: Step) -> None:
        """The next step is done."""
        match step:
            case Wrote() | Truncated():
                self._files[step.file].cached.append(step)
            case Synced():
                file = self._files[step.file]
                for one in file.cached:
                    _do(file.safe, one)
                file.cached.clear()
                if step.directory:
                    self._sync_names()
            case SyncFailed():
                file = self._files[step.file]
                _damage(file.safe, file.cached, SOME, dice_of(step.seed))
                file.cached.clear()
            case Named():
                if step.file is not None:
                    self._files.setdefault(step.file, _File(bytearray()))
                self._names.setdefault(step.name, [None]).append(step.file)
                if step.is_synced:
                    self._sync_names()
            case Renamed():
                self._renames.append(step)
            case NamesSynced():
                self._sync_names()

    def _sync_names(self) -> None:
        for states in self._names.values():
            del states[:-1]
        for before, after in self._renames:
            self._names[after] = [self._names[before][-1]]
            self._names[before] = [None]
        self._renames.clear()

    def cut(self, damage: Damage, dice: random.Random) -> dict[str, bytes]:
        """Lose power: what each file holds afterwards. The platter itself stays as it is."""
        left: dict[str, bytes] = {}
        for name, states in self._names.items():
            number = _one_of(states, damage, dice)
            if number is None:
                continue
            data = bytearray(self._files[number].safe)
            _damage(data, self._files[number].cached, damage, dice)
            left[name] = bytes(data)
        for before, after in _first_of(self._renames, damage, dice):
            if before in left:
                left[after] = left.pop(before)
        return left


def _one_of(states: list[int | None], damage: Damage, dice: random.Random) -> int | None:
    """What a name stands for after a cut."""
    if len(states) == 1 or damage == ALL_KEPT:
        return states[-1]
    return states[0] if damage == ALL_LOST else dice.choice(states)


def _first_of(renames: Sequence[Renamed], damage: Damage, dice: random.Random) -> Sequence[Renamed]:
    """Those that took place, in their order."""
    if damage == ALL_KEPT:
        return renames
    return renames[: 0 if damage == ALL_LOST else dice.randint(0, len(renames))]


def _damage(data: bytearray, cached: list[Cached], damage: Damage, dice: random.Random) -> None:
    """Do what is cached, as far as the damage lets it."""
    share = dice.uniform(damage.least, damage.most)
    sector_bytes = dice.choice(SECTORS_BYTES)
    parts = [part for one in cached for part in _sectors(one, sector_bytes)]
    if damage.is_reordered:
        dice.shuffle(parts)
    for part in parts:
        if dice.random() >= share:
            _do(data, part)
        elif isinstance(part, Wrote) and damage != ALL_LOST:
            _half_do(data, part, dice)


def _sectors(one: Cached, sector_bytes: int) -> Iterator[Cached]:
    """A write, cut at the borders of sectors."""
    if isinstance(one, Truncated):
        yield one
        return
    at = 0
    while at < len(one.data):
        offset = one.offset + at
        size = sector_bytes - offset % sector_bytes
        yield Wrote(one.file, offset, one.data[at : at + size])
        at += size


def _half_do(data: bytearray, part: Wrote, dice: random.Random) -> None:
    """A sector that was being written: the old one, a torn one, or garbage."""
    new = part.data
    middle = dice.randrange(len(new) + 1)
    match dice.randrange(5):
        case 0:
            _do(data, Wrote(part.file, part.offset, new[:middle]))
        case 1:
            _do(data, Wrote(part.file, part.offset + middle, new[middle:]))
        case 2:
            _do(data, Wrote(part.file, part.offset, dice.randbytes(len(new))))
        case _:
            pass  # lost


def _do(data: bytearray, one: Cached) -> None:
    size = one.size if isinstance(one, Truncated) else one.offset
    if len(data) < size:
        data.extend(bytes(size - len(data)))
    if isinstance(one, Truncated):
        del data[size:]
    elif one.data:
        data[size : size + len(one.data)] = one.data


def with_index(left: Mapping[str, bytes], dice: random.Random) -> dict[str, bytes]:
    """The same files with an index beside each log, sometimes, which holds anything."""
    found = dict(left)
    for name in left:
        if name.endswith(".db") and dice.random() < 0.5:
            found[f"{name}-shm"] = dice.randbytes(dice.choice((0, 3, SHM_BYTES)))
    return found
