"""The numbers that are printed on receipts: RIVERSIDE-1-000012, RIVERSIDE.TILL-1-1-000012.

A writer numbers its sales without a gap, so its name and the number say which entry it is.
"""

import re
from typing import Final, NamedTuple

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.ids import WriterId, entry_id, incarnation_of, location_of, replica_of
from replication.journal import decode_body
from web.journal_pages import listed_id

_SALE_NUMBER: Final = re.compile(
    r"([A-Z0-9-]{1,63}(?:\.[A-Z0-9-]{1,31})?)-([1-9][0-9]{0,8})-([0-9]{6,12})"
)
"""Replica, incarnation and number."""


def printed_number(writer: str, number: int, series: str = "") -> str:
    """What a receipt calls the writer's document of that number; sales have no `series` letter."""
    return f"{replica_of(writer).upper()}-{incarnation_of(writer)}-{series}{number:06d}"


def location_on_receipt(number: str) -> str | None:
    """The location that a receipt's number names, wherever that is; None: it is no such number."""
    writer = writer_on_receipt(number)
    return None if writer is None else location_of(writer)


def writer_on_receipt(number: str) -> WriterId | None:
    """Who wrote the receipt of that number; None: it is no such number."""
    match = _SALE_NUMBER.fullmatch(number)
    return None if match is None else WriterId(f"{match[1].lower()}.{match[2]}")


def sale_named(store: ReplicaStore, told: str) -> str:
    """The id of the sale that somebody names, by its id or by the number on its receipt.

    It may be typed in small letters; a number that is not here is answered in large ones.
    """
    number = told.strip().upper()
    match = _SALE_NUMBER.fullmatch(number)
    if match is None or int(match[3]) == 0:
        return told
    writer = WriterId(f"{match[1].lower()}.{match[2]}")
    first = _nth_sale(store, writer, 0)
    found = None if first is None else _nth_sale(store, writer, int(match[3]) - first.number)
    if found is not None and found.number == int(match[3]):
        return entry_id(writer, found.seq)
    return _recovered(store, number) or number


def _recovered(store: ReplicaStore, number: str) -> str | None:
    """The id of a sale that somebody booked in the place of its writer.

    There are few of these, and both programs have an index that finds them.
    """
    row = store.connection.execute(
        "SELECT body FROM entry "
        "WHERE kind = 'recovered_sale' AND CASE WHEN json_valid(CAST(body AS TEXT)) "
        "THEN json_extract(CAST(body AS TEXT), '$.record.number') END = ? "
        "ORDER BY arrival LIMIT 1",
        (number,),
    ).fetchone()
    if row is None:
        return None
    return listed_id(store, decode_body(msgspec.convert(row[0], bytes)))


class _Sold(NamedTuple):
    seq: int
    number: int


def _nth_sale(store: ReplicaStore, writer: str, nth: int) -> _Sold | None:
    """The writer's nth sale of those that are held here, counted from 0.

    A file may hold only the end of another writer's journal, so the first is not always number 1.
    """
    if nth < 0:
        return None
    row = store.connection.execute(
        "SELECT seq, json_extract(CAST(body AS TEXT), '$.record.number') FROM entry "
        "WHERE writer = ? AND kind = 'sale' ORDER BY seq LIMIT 1 OFFSET ?",
        (writer, nth),
    ).fetchone()
    return None if row is None else _Sold(int(str(row[0])), int(str(row[1]).rpartition("-")[2]))
