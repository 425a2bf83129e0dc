"""The registers that sell alone, as they are kept: one row per box that ever was one.

Written on the writer thread, in its transaction; read there and, over another connection, beside
it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import apsw

from replication.ids import WriterId
from replication.journal import EMPTY, Head

LIVING: Final = "living"
REPLACED: Final = "replaced"
LOST: Final = "lost"

HANDS_OVER: Final = "it runs from a copy of a disk, and only hands over what it sold"
"""Why a box that was made a register by itself is none: another one speaks as what it was."""

FROM_THE_FIRST: Final = "/"
"""The place before those of all counters."""

_COLUMNS: Final = (
    "writer, name, incarnation, box, state, sealed, reported, head_seq, head_hash, cursor, "
    "heard_ms, software, reason, enrolled_ms, lost_ms, image_of"
)


class RegisterRow(NamedTuple):
    """A box that is or was a register.

    `sealed`: its last entry was heard, nothing is missing. `reported`: this gateway has heard what
    it did before, which of one that was taken over may come late. `lost_ms`: when it was lost for
    this gateway; None where it is not, or where that was not noted. `image_of`: the writer that its
    disk, an old copy, said it was.
    """

    writer: WriterId
    name: str
    incarnation: int
    box: str
    state: str
    sealed: bool
    reported: bool
    head: Head
    cursor: int
    heard_ms: int | None
    software: str | None
    reason: str
    enrolled_ms: int
    lost_ms: int | None
    image_of: WriterId | None

    @property
    def is_living(self) -> bool:
        """Whether this box is the register now: it may sell, borrow and be told things."""
        return self.state == LIVING


class RegisterRows:
    """The rows, over one connection, which belongs to one thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def find(self, writer: str) -> RegisterRow | None:
        """One box, or None where this gateway never heard of it."""
        return next(self._rows("WHERE writer = ?", writer), None)

    def latest(self, name: str) -> RegisterRow | None:
        """The last box that was this register, living or not."""
        return next(self._rows("WHERE name = ? ORDER BY incarnation DESC LIMIT 1", name), None)

    def living(self, name: str) -> RegisterRow | None:
        """The box that is this register now; None: none is."""
        return next(self._rows("WHERE name = ? AND state = ?", name, LIVING), None)

    def of_box(self, name: str, box: str) -> RegisterRow | None:
        """What a box became under this name; None: it never asked."""
        return next(self._rows("WHERE name = ? AND box = ?", name, box), None)

    def any(self) -> bool:
        """Whether a register ever sold alone here."""
        return self._connection.execute("SELECT 1 FROM register LIMIT 1").fetchone() is not None

    def all(self) -> list[RegisterRow]:
        """All boxes, by name, the newest of a name first."""
        return list(self._rows("ORDER BY name, incarnation DESC"))

    def open(self) -> list[RegisterRow]:
        """Those that may still have something to tell, in the same order."""
        return list(self._rows("WHERE NOT sealed ORDER BY name, incarnation DESC"))

    def unreported(self) -> list[RegisterRow]:
        """Those that may have rights of which this gateway was not told, in the same order."""
        return list(self._rows("WHERE NOT (sealed OR reported) ORDER BY name, incarnation DESC"))

    def page(self, name: str, incarnation: int, count_max: int) -> list[RegisterRow]:
        """The next boxes after one, in the same order."""
        return list(
            self._rows(
                "WHERE name > ?1 OR name = ?1 AND incarnation < ?2 "
                "ORDER BY name, incarnation DESC LIMIT ?3",
                name, incarnation, count_max,
            )
        )  # fmt: skip

    def of_state(self, state: str) -> list[RegisterRow]:
        """All boxes in one state, by name."""
        return list(self._rows("WHERE state = ? ORDER BY name, incarnation", state))

    def _rows(self, where: str, *values: str | int) -> Iterator[RegisterRow]:
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM register {where}", values):  # noqa: S608
            writer, name, incarnation, box, state, sealed, reported, seq, digest, *rest = row
            yield RegisterRow(
                WriterId(writer), name, incarnation, box, state, bool(sealed),
                bool(reported), Head(seq, digest), *rest,
            )  # fmt: skip

    def add(
        self, writer: WriterId, name: str, incarnation: int, box: str, now_ms: int, *,
        image_of: WriterId | None = None, stays_off: str | None = None,
    ) -> None:  # fmt: skip
        """A box becomes a register; with `stays_off`, which says why, only to hand over."""
        self._connection.execute(
            "INSERT INTO register VALUES "
            "(?, ?, ?, ?, ?, 0, 1, ?, ?, 0, ?, NULL, NULL, ?, NULL, NULL, ?)",
            (
                writer, name, incarnation, box, LIVING if stays_off is None else REPLACED, *EMPTY,
                now_ms, stays_off or "", image_of,
            ),
        )  # fmt: skip

    def adopt(
        self, writer: WriterId, name: str, incarnation: int, box: str, *, state: str, head: Head,
        sealed: bool, now_ms: int,
    ) -> None:  # fmt: skip
        """Take over a register of an earlier gateway of this location, as the hub knows it.

        `head` is the last of its entries that the hub has: the register sends what follows. Of one
        that is `sealed` or lost the earlier gateway may have taken back a part of what it held.
        """
        self._connection.execute(
            "INSERT INTO register VALUES "
            "(?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?, NULL, NULL, '', ?, ?, NULL)",
            (
                writer, name, incarnation, box, state, sealed, *head, now_ms,
                now_ms if state == LOST else None,
                FROM_THE_FIRST if sealed or state == LOST else None,
            ),
        )  # fmt: skip
        if head.seq:
            self._connection.execute(
                "INSERT INTO register_relay VALUES (?, 0, ?, ?)", (writer, *head)
            )

    def note_image(self, writer: WriterId, image_of: WriterId) -> None:
        """One that was taken over had gone on from an old copy of a disk."""
        self._connection.execute(
            "UPDATE register SET image_of = ? WHERE writer = ?", (image_of, writer)
        )

    def replace(self, writer: WriterId, reason: str) -> None:
        """Another box is that register now."""
        self._connection.execute(
            "UPDATE register SET state = ?, reason = ? WHERE writer = ?", (REPLACED, reason, writer)
        )

    def lose(self, writer: WriterId, reason: str, now_ms: int) -> None:
        """It is gone for good, somebody says: what nobody can count comes back."""
        self._connection.execute(
            "UPDATE register SET state = ?, reason = ?, lost_ms = ?, reclaimed_to = ? "
            "WHERE writer = ?",
            (LOST, reason, now_ms, FROM_THE_FIRST, writer),
        )

    def seal(self, writer: WriterId) -> None:
        """Its last entry was heard: what it held comes back."""
        self._connection.execute(
            "UPDATE register SET sealed = 1, reclaimed_to = ? WHERE writer = ?",
            (FROM_THE_FIRST, writer),
        )

    def reclaim_again(self, writer: str) -> None:
        """More was heard of what it had been granted; of one that may still come it is frozen."""
        self._connection.execute(
            "UPDATE register SET reclaimed_to = ? WHERE writer = ? AND (sealed OR state = ?)",
            (FROM_THE_FIRST, writer, LOST),
        )

    def to_reclaim(self) -> list[tuple[RegisterRow, str]]:
        """Whose rights are coming back, and the place of the counter that was looked at last."""
        found = self._connection.execute(
            "SELECT writer, reclaimed_to FROM register WHERE reclaimed_to IS NOT NULL "
            "ORDER BY writer"
        ).fetchall()
        return [(row, str(place)) for writer, place in found if (row := self.find(str(writer)))]

    def keep_reclaimed(self, writer: WriterId, place: str | None) -> None:
        """Its rights are back up to that place; None: all of them."""
        self._connection.execute(
            "UPDATE register SET reclaimed_to = ? WHERE writer = ?", (place, writer)
        )

    def report(self, writer: WriterId) -> None:
        """What it did at an earlier gateway of this location was heard."""
        self._connection.execute("UPDATE register SET reported = 1 WHERE writer = ?", (writer,))

    def arrived(self, writer: WriterId, software: str, now_ms: int) -> None:
        """It opened a link."""
        self._connection.execute(
            "UPDATE register SET software = ?, heard_ms = ? WHERE writer = ?",
            (software, now_ms, writer),
        )

    def keep_cursor(self, writer: WriterId, cursor: int, now_ms: int) -> None:
        """It has the feed up to here."""
        self._connection.execute(
            "UPDATE register SET cursor = ?, heard_ms = ? WHERE writer = ?",
            (cursor, now_ms, writer),
        )

    def keep_head(self, writer: WriterId, head: Head, now_ms: int) -> None:
        """Its journal is held here up to `head`."""
        self._connection.execute(
            "UPDATE register SET head_seq = ?, head_hash = ?, heard_ms = ? WHERE writer = ?",
            (*head, now_ms, writer),
        )

    # What the hub has of it

    def carried(self, writer: WriterId, by_seq: int, upto: Head) -> None:
        """Entry `by_seq` of this gateway's journal carries the register's entries up to there."""
        self._connection.execute(
            "INSERT INTO register_relay VALUES (?, ?, ?, ?)", (writer, by_seq, *upto)
        )

    def at_hub(self, writer: str, acknowledged: int) -> Head:
        """How far the hub has a register's journal, once it has ours up to `acknowledged`."""
        row = self._connection.execute(
            "SELECT seq, hash FROM register_relay WHERE writer = ? AND carried_by <= ? "
            "ORDER BY carried_by DESC LIMIT 1",
            (writer, acknowledged),
        ).fetchone()
        return EMPTY if row is None else Head(*row)

    def forget_carried(self, writer: WriterId, acknowledged: int) -> None:
        """Of what the hub has, only the last is asked for again."""
        self._connection.execute(
            "DELETE FROM register_relay WHERE writer = ?1 AND carried_by < "
            "(SELECT max(carried_by) FROM register_relay WHERE writer = ?1 AND carried_by <= ?2)",
            (writer, acknowledged),
        )
