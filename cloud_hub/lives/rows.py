"""Which lives a location has had, and which registers, as rows over one connection."""

from typing import Final, NamedTuple

import apsw
import msgspec

from replication.ids import (
    LocationId,
    WriterId,
    incarnation_of,
    location_of,
    parse_entry_id,
    writer_id,
)
from web.lives import SEALED, LifeState, RegisterFate, ToldTwice

RENEWED: Final = "renewed:"
"""Of the meta row with which box of a writer became whom: a lost answer can be asked for again."""

BEGUN: Final = "begun:"
"""Of the meta row that says that the box of a writer has asked for what its location has."""

_LIFE: Final = "writer, location, state, fenced_ms, heard_ms, branch_of, ended_by, reason"
_REGISTER: Final = "writer, location, name, box, state, sealed, reported_to, enrolled_by, enrolled"


class LifeRow(NamedTuple):
    """A life of a location's gateway that is over; `state` as in `web.lives.LifeState`."""

    writer: WriterId
    location: LocationId
    state: LifeState
    fenced_ms: int | None
    heard_ms: int | None
    branch_of: str | None
    ended_by: str | None
    reason: str | None


class RegisterRow(NamedTuple):
    """A register that sells alone. `reported_to`: the last gateway that has all of its journal."""

    writer: WriterId
    location: LocationId
    name: str
    box: str
    state: RegisterFate
    sealed: int
    reported_to: str | None
    enrolled_by: str
    enrolled: str


def life_of(connection: apsw.Connection, writer: str) -> LifeRow | None:
    """A life that is over, or None: it goes on, or nobody ever had it."""
    row = connection.execute(f"SELECT {_LIFE} FROM life WHERE writer = ?", (writer,)).fetchone()  # noqa: S608
    return None if row is None else LifeRow(*row)


def lives_of(connection: apsw.Connection, location: str) -> list[LifeRow]:
    """The lives of a location that are over, the newest first."""
    rows = connection.execute(f"SELECT {_LIFE} FROM life WHERE location = ?", (location,))  # noqa: S608
    return sorted((LifeRow(*row) for row in rows), key=lambda one: -incarnation_of(one.writer))


def fence(connection: apsw.Connection, location: LocationId, living: int, now_ms: int) -> None:
    """All lives of a location before incarnation `living` are over."""
    connection.executemany(
        "INSERT OR IGNORE INTO life (writer, location, state, fenced_ms) VALUES (?, ?, 'open', ?)",
        [(writer_id(location, number), location, now_ms) for number in range(1, living)],
    )


def add_branch(connection: apsw.Connection, writer: WriterId, branch_of: str, now_ms: int) -> None:
    """An incarnation that is no box: what one had done after an old image of `branch_of`."""
    connection.execute(
        "INSERT INTO life (writer, location, state, fenced_ms, heard_ms, branch_of) "
        "VALUES (?1, ?2, 'open', ?3, ?3, ?4)",
        (writer, location_of(writer), now_ms, branch_of),
    )


def to_be_taken_off(connection: apsw.Connection, location: str) -> frozenset[str]:
    """SKUs of which a gateway has yet to take units off that are not there (`ToldTwice`)."""
    rows = connection.execute(
        "SELECT data FROM told_twice WHERE location = ? AND booked IS NULL", (location,)
    )
    told = [msgspec.json.decode(str(data), type=ToldTwice) for (data,) in rows]
    return frozenset(sku for one in told for sku, units in one.moves if units < 0)


def told_again(connection: apsw.Connection) -> frozenset[str]:
    """The entries that tell a sale once more."""
    return frozenset(str(entry) for (entry,) in connection.execute("SELECT entry FROM sale_again"))


def parted_writers(connection: apsw.Connection) -> frozenset[str]:
    """Writers whose places were given twice: a branch was taken of them, or an image went on.

    Or an image ended the journal, and so the life was not over. Registers too: one that goes on
    from an old copy of its disk is enrolled as such.
    """
    rows = connection.execute("SELECT branch_of FROM life WHERE branch_of IS NOT NULL")
    renewed = connection.execute("SELECT name FROM meta WHERE name GLOB ?", (f"{RENEWED}*",))
    ended = connection.execute(
        "SELECT life.writer FROM life JOIN entry ON entry.writer = life.writer "
        "WHERE life.state != ?1 AND entry.kind = ?1",
        (SEALED,),
    )
    copied = connection.execute("SELECT json_extract(enrolled, '$.image_of') FROM register")
    return frozenset(
        [
            *(str(writer) for (writer,) in rows),
            *(str(name).removeprefix(RENEWED) for (name,) in renewed),
            *(str(writer) for (writer,) in ended),
            *(str(writer) for (writer,) in copied if writer is not None),
        ]
    )


def told_otherwise(connection: apsw.Connection) -> frozenset[str]:
    """Entries of sales whose id another sale has that was told before, or by the id's own entry."""
    by_id: dict[str, list[str]] = {}
    for sale, entry in connection.execute(
        "SELECT id, entry FROM recovered_sale WHERE id IN "
        "(SELECT id FROM recovered_sale GROUP BY id HAVING count(*) > 1)"
    ):
        by_id.setdefault(str(sale), []).append(str(entry))

    def order(sale: str, entry: str) -> tuple[bool, int]:
        place = parse_entry_id(entry)
        assert place is not None, f"{entry} was kept as the place of an entry"
        row = connection.execute("SELECT arrival FROM entry WHERE writer = ? AND seq = ?", place)
        (arrival,) = row.fetchone() or (0,)
        return entry != sale, int(str(arrival))

    return frozenset(
        entry
        for sale, entries in by_id.items()
        for entry in sorted(entries, key=lambda one: order(sale, one))[1:]
    )


def next_writer(connection: apsw.Connection, location: LocationId) -> WriterId:
    """The writer of the next life of a location: no number is given twice."""
    row = connection.execute(
        "SELECT incarnation FROM location WHERE id = ?", (location,)
    ).fetchone()
    living = int(str(row[0])) if row else 0
    over = [incarnation_of(life.writer) for life in lives_of(connection, location)]
    return writer_id(location, max([living, *over]) + 1)


def end(
    connection: apsw.Connection, writer: str, state: str, *, by: str = "", reason: str = ""
) -> None:
    """A life's last entry was heard, or somebody has said that it never will be."""
    connection.execute(
        "UPDATE life SET state = ?, ended_by = ?, reason = ? WHERE writer = ?",
        (state, by, reason, writer),
    )


def open_again(connection: apsw.Connection, writer: str) -> None:
    """A box that somebody had answered for is heard: it is not gone, and may have more to tell.

    What it brings now may be sold by entries that are still to come, so nobody has it before the
    last of them, or before somebody has looked at what is to be counted and answers for it again.
    """
    connection.execute(
        "UPDATE life SET state = 'open', ended_by = NULL, reason = NULL "
        "WHERE writer = ? AND state = 'attested'",
        (writer,),
    )


def heard(connection: apsw.Connection, writer: str, now_ms: int) -> None:
    """A fenced box has told something."""
    connection.execute("UPDATE life SET heard_ms = ? WHERE writer = ?", (now_ms, writer))


def registers_of(connection: apsw.Connection, location: str) -> list[RegisterRow]:
    """All registers that ever sold alone at a location, by writer."""
    rows = connection.execute(
        f"SELECT {_REGISTER} FROM register WHERE location = ? ORDER BY writer",  # noqa: S608
        (location,),
    )
    return [RegisterRow(*row) for row in rows]


def register_of(connection: apsw.Connection, writer: str) -> RegisterRow | None:
    """One register, or None where no gateway told of it."""
    row = connection.execute(
        f"SELECT {_REGISTER} FROM register WHERE writer = ?",  # noqa: S608
        (writer,),
    ).fetchone()
    return None if row is None else RegisterRow(*row)
