"""What a fenced box told that the box which lived then has not heard yet, on the writer thread.

The hub may hear the last entries of a box while the store's next one is cut off, and counts. Such a
count compares what stands there with a book that does not have those entries: what they brought is
found, and is in the book twice once they are heard. So the hub keeps them until the journal of the
living box says that it has them (`web.lives.EarlierHeard`). A line that it counted before that came
without them, and is looked at like one of a count that was closed before they were told (`twice`).
Until all that is over, what came by them is nobody's: its rights stay frozen.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows
from replication.ids import WriterId, location_of
from replication.journal import EntryBody
from web.lives import EarlierHeard

UNTOLD: Final = 0
"""The position of what is not in the feed yet."""


class Unheard(NamedTuple):
    """An entry that a fenced gateway told, of which a box had not heard."""

    place: str
    gateway: WriterId


def keep(
    office: HeadOffice, gateway: WriterId, place: str, moves: Iterable[tuple[str, int]]
) -> None:
    """An entry comes of a fenced gateway, or of a register by it; `moves` are those to be heard."""
    location = location_of(gateway)
    living = office.living_writer(location)
    for sku, units in moves:
        office.connection.execute(
            "INSERT OR IGNORE INTO unheard VALUES (?, ?, ?, ?, ?, ?)",
            (living, sku, place, gateway, units > 0, UNTOLD),
        )
        office.connection.execute(
            "INSERT OR IGNORE INTO counted_without SELECT count, writer, sku, ?, ?, ? "
            "FROM counting WHERE count GLOB ? AND sku = ? AND writer NOT IN ('', ?)",
            (place, gateway, units > 0, f"{location}/*", sku, gateway),
        )


def told(office: HeadOffice, location: str) -> None:
    """The feed has the cells of what was kept since."""
    office.connection.execute(
        "UPDATE unheard SET position = ? WHERE waits_for = ? AND position = ?",
        (office.feed_end(location), office.living_writer(location), UNTOLD),
    )


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A gateway has heard of boxes before it."""
    heard = msgspec.json.decode(body.record, type=EarlierHeard)
    office.connection.executemany(
        "DELETE FROM unheard WHERE waits_for = ? AND sku = ? AND position BETWEEN 1 AND ?",
        [(body.writer, sku, heard.position) for sku in heard.skus],
    )


def silent_on(office: HeadOffice, writer: str, cursor: int) -> set[str]:
    """SKUs of which a box has had the feed's news, up to `cursor`, and has not said so."""
    found = office.connection.execute(
        "SELECT DISTINCT sku FROM unheard WHERE waits_for = ? AND position <= ?", (writer, cursor)
    )
    return {str(sku) for (sku,) in found}


# Counts


def counting(office: HeadOffice, writer: str, count: str, sku: str) -> None:
    """A line of an open count is kept, maybe in the place of an earlier one."""
    office.connection.execute(
        "DELETE FROM counted_without WHERE count = ? AND sku = ?", (count, sku)
    )
    office.connection.execute(
        "INSERT INTO counted_without SELECT ?1, waits_for, sku, place, gateway, came "
        "FROM unheard WHERE waits_for = ?2 AND sku = ?3",
        (count, writer, sku),
    )


def ended(office: HeadOffice, count: str) -> dict[Unheard, set[str]]:
    """A count is over: the entries that its lines came without, with the SKUs of these."""
    without: dict[Unheard, set[str]] = {}
    for place, gateway, sku in office.connection.execute(
        "DELETE FROM counted_without WHERE count = ? RETURNING place, gateway, sku", (count,)
    ):
        one = Unheard(str(place), WriterId(str(gateway)))
        without.setdefault(one, set()).add(str(sku))
    return without


def settled(office: HeadOffice, place: str, skus: Iterable[str]) -> None:
    """Lines that are kept from now on need not have heard of these goods of an entry.

    They are booked back, or what told of them again is. A line that was kept before came without.
    """
    office.connection.executemany(
        "DELETE FROM unheard WHERE place = ? AND sku = ?", [(place, sku) for sku in skus]
    )


# What is nobody's


def came_for(office: HeadOffice, writer: str) -> set[str]:
    """SKUs of which something came that a box has not heard of, or counts without."""
    found = office.connection.execute(
        "SELECT sku FROM unheard WHERE waits_for = ?1 AND came "
        "UNION SELECT sku FROM counted_without WHERE waits_for = ?1 AND came",
        (writer,),
    )
    return {str(sku) for (sku,) in found}


def came(office: HeadOffice, location: str) -> set[str]:
    """SKUs of which something came that a box of a location has not heard of, or counts without.

    One that is over, and heard to its end or answered for, waits for nothing any more.
    """
    if not office.has_fenced(location):
        return set()
    over = [one.writer for one in rows.lives_of(office.connection, location) if one.state == "open"]
    boxes = [*over, office.living_writer(location)]
    return {sku for box in boxes for sku in came_for(office, box)}
