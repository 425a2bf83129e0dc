"""From one life of a box to the next, over its files; killed anywhere, the next start goes on.

A box whose journal forked cannot go on in its file: rows and counters in it are of a branch that
has another name now. It begins anew in an empty file, as a new incarnation, and takes the state
from the hub like any new box (`gateway.lives.takeover`). The old file is kept beside it.

    1  gateway.db         says who the box is from now on (`NEXT_LIFE`), in a commit
    2  gateway.next.db    an empty file of that identity, complete and closed
    3  gateway.db         becomes gateway-<old writer>.db
    4  gateway.next.db    becomes gateway.db

A start does 2 to 4. Where there is no gateway.db, only 4 is missing: it begins when 3 is done.

A register that sells alone does the same with its register.db, which is not empty when it begins:
what its gateway cannot tell it is carried over (`gateway.client.images`).
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import msgspec

from gateway.enrolment import BOX
from gateway.identity import Identity, store_identity
from gateway.storage import SERIES
from replication.adapters.sqlite import ReplicaStore, connect, open_file, transaction
from replication.errors import StorageFailed

log: Final = logging.getLogger(__name__)

NEXT_LIFE: Final = "next_life"
"""The meta row with who this box is from the next start on."""

CAME_OF: Final = "came_of"
"""The meta row with why this box is a new incarnation without anybody having enrolled it."""

SIDE_FILES: Final = ("-wal", "-shm", "-journal")


class CameOf(msgspec.Struct, frozen=True, kw_only=True):
    """Why a box became a new incarnation by itself.

    `earlier` is who it was. With `branch` its disk was an old image of that: what it did since is
    booked under that name, `exposed_units` of it beyond any right. Without, the hub knew nothing
    better, and the word of `register` was all there was: entries after `earlier`'s last are lost
    unless registers hand them in.
    """

    earlier: str
    branch: str | None
    exposed_units: int
    register: str | None
    at_ms: int


class NextLife(msgspec.Struct, frozen=True, kw_only=True):
    """Who a box is from the next start on, and why."""

    identity: Identity
    came: CameOf


Carry = Callable[[ReplicaStore, apsw.Connection, NextLife], None]
"""Writes into the new file, in its first commit, what of the old one belongs there."""


def next_file(data: Path, database: str) -> Path:
    """The file that a box's next life is prepared in."""
    return data / f"{Path(database).stem}.next.db"


def carry_nothing(_old: ReplicaStore, _new: apsw.Connection, _life: NextLife) -> None:
    """What a gateway takes over: the hub tells it all it needs."""


def came_of(store: ReplicaStore) -> CameOf | None:
    """Why this box became who it is; None where somebody enrolled it."""
    known = store.meta(CAME_OF)
    return None if known is None else msgspec.json.decode(known, type=CameOf)


def note_next_life(store: ReplicaStore, following: NextLife) -> None:
    """Step 1, in the caller's transaction: from the next start on this box is another."""
    store.set_meta(NEXT_LIFE, msgspec.json.encode(following).decode())


def begin_next_life(data: Path, database: str, carry: Carry = carry_nothing) -> None:
    """Steps 2 to 4, where they are due; nobody else has the files open.

    Where the disk does not take them the box stays who it was for the moment: it does not sell, its
    page says what the disk lacks, and it tries again (`gateway.lives.mending`).
    """
    try:
        _begin(data, database, carry)
    except (apsw.Error, OSError, StorageFailed):
        if not (data / database).exists():
            raise
        log.exception("the next life cannot begin", extra={"action": "next_life_waits"})


def _begin(data: Path, database: str, carry: Carry) -> None:
    now, following = data / database, next_file(data, database)
    if not now.exists():
        if following.exists():
            _rename(following, now)
            _sync_names(data)
        return
    old = connect(now)
    try:
        known = next_life_of(old)
        if known is None:
            return
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _make(following, known, ReplicaStore(old), carry)
    finally:
        old.close()
    # The old log is gone for good before the name is: else it could come back beside the new file.
    _sync_names(data)
    _rename(now, _kept_name(now, known.came.earlier))
    _sync_names(data)
    _rename(following, now)
    _sync_names(data)
    log.warning(
        "%s goes on as %s", known.came.earlier, known.identity.writer,
        extra={"action": "next_life", "writer": known.identity.writer},
    )  # fmt: skip


def next_life_of(connection: apsw.Connection) -> NextLife | None:
    """Who the box of a file is to be from its next start on; None: who it was."""
    has_rows = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'"
    ).fetchone()
    told = None if has_rows is None else ReplicaStore(connection).meta(NEXT_LIFE)
    return None if told is None else msgspec.json.decode(told, type=NextLife)


def _make(path: Path, life: NextLife, old: ReplicaStore, carry: Carry) -> None:
    """The file of a new incarnation, whole on the disk when this returns."""
    for name in (path.name, *(path.name + side for side in SIDE_FILES)):
        (path.parent / name).unlink(missing_ok=True)
    connection = open_file(path, SERIES)
    try:
        begin_file(connection, life, old, carry)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def begin_file(
    connection: apsw.Connection, life: NextLife, old: ReplicaStore, carry: Carry
) -> None:
    """Write into an empty file who its box is and why, and what it keeps of the old one."""
    store = ReplicaStore(connection)
    with transaction(connection):
        store_identity(store, life.identity)
        store.set_meta(CAME_OF, msgspec.json.encode(life.came).decode())
        if (box := old.meta(BOX)) is not None:
            store.set_meta(BOX, box)
        carry(old, connection, life)


def _kept_name(now: Path, writer: str) -> Path:
    """Where an old file stays; no other one is overwritten."""
    number = 1
    while True:
        more = "" if number == 1 else f"-{number}"
        kept = now.with_name(f"{now.stem}-{writer}{more}.db")
        if not kept.exists():
            return kept
        number += 1


def _rename(before: Path, after: Path) -> None:
    before.replace(after)


def _sync_names(directory: Path) -> None:
    """What files are called is safe from now on."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
