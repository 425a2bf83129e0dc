"""A sale by the number that is printed on its receipt: RIVERSIDE-1-000012.

A box numbers its sales without a gap, so location, incarnation and number say which entry it is.
"""

import re
from typing import Final

from replication.adapters.sqlite import ReplicaStore
from replication.ids import LocationId, entry_id, writer_id

_SALE_NUMBER: Final = re.compile(r"([A-Z0-9-]{1,63})-([1-9][0-9]{0,8})-([0-9]{6,12})")
"""Location, incarnation and number."""


def location_on_receipt(number: str) -> str | None:
    """The location that a receipt's number names, wherever that is; None: it is no such number."""
    match = _SALE_NUMBER.fullmatch(number)
    return None if match is None else match[1].lower()


def sale_named(store: ReplicaStore, told: str) -> str:
    """The id of the sale that somebody names, by its id or by the number on its receipt.

    It may be typed in small letters; a number that is not here is answered in large ones.
    """
    number = told.strip().upper()
    match = _SALE_NUMBER.fullmatch(number)
    if match is None or int(match[3]) == 0:
        return told
    writer = writer_id(LocationId(match[1].lower()), int(match[2]))
    row = store.connection.execute(
        "SELECT seq FROM entry WHERE writer = ? AND kind = 'sale' ORDER BY seq LIMIT 1 OFFSET ?",
        (writer, int(match[3]) - 1),
    ).fetchone()
    return number if row is None else entry_id(writer, int(str(row[0])))
