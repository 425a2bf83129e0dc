"""Returns that an earlier box of this location took, as rows of this one's file.

What came back of a sale must not come back twice, and what waits for an inspection waits here. They
are numbered from below zero, for this box numbers its own credit notes from 1. What the hub hears
of an earlier box later comes by the feed.
"""

from typing import Final

import msgspec
from msgspec import structs

from gateway.returning.return_rows import RETURN, find_return, keep_return
from gateway.returning.returns import INSPECTION
from gateway.returning.unverified import REJECTED
from gateway.shop import Shop
from replication.errors import PeerViolation
from replication.journal import EntryBody
from retail.returning.returns import GoodsReturn

_KINDS: Final = (RETURN, INSPECTION, REJECTED)
"""The kinds of entries whose record is a return as it is then."""


def keep_earlier(shop: Shop) -> None:
    """Write the rows of all returns in the journals before ours; again is harmless."""
    found: dict[str, GoodsReturn] = {}
    for (body,) in shop.connection.execute(
        "SELECT body FROM entry WHERE kind IN (?, ?, ?) AND writer <> ? ORDER BY arrival",
        (*_KINDS, shop.ledger.writer),
    ):
        entry = msgspec.json.decode(body, type=EntryBody)
        record = msgspec.json.decode(entry.record, type=GoodsReturn)
        found[record.id] = record
        waited = found.get(record.settles or "")
        if waited is not None and waited.unverified is not None:
            settled = structs.replace(waited.unverified, settled_by=record.id)
            found[waited.id] = structs.replace(waited, unverified=settled)
    for number, record in enumerate(found.values(), -len(found)):
        keep_return(shop, number, record)


HEARD_LATE: Final = -(2**40)
"""Returns that were heard late are numbered below this, those that were taken over above it."""


def read(key: str, data: bytes) -> GoodsReturn:
    """A return of a box of before, as the hub tells it.

    Raises:
        PeerViolation: it is another one than the item says.
    """
    record = msgspec.json.decode(data, type=GoodsReturn)
    if record.id != key:
        raise PeerViolation(f"the item {key} tells of the return {record.id}")
    return record


def take_in(shop: Shop, record: GoodsReturn) -> None:
    """Keep a return that a box of before told late, so that its goods come back once.

    What was known of its sale is asked of the hub anew. Where goods of it were looked at here too,
    whoever is further is believed.
    """
    known = find_return(shop, record.id)
    if known is None:
        row = shop.connection.execute("SELECT min(number) FROM goods_return").fetchone()
        lowest = int(str((row and row[0]) or 0))
        keep_return(shop, min(lowest, HEARD_LATE) - 1, record)
    elif _is_further(record, known[1]):
        keep_return(shop, known[0], record)
    _forget_claim(shop, record.sale)


def take_away(shop: Shop, return_id: str) -> None:
    """It was told a second time by this box, and is booked back: that one counts."""
    known = find_return(shop, return_id)
    if known is not None and known[0] < 0:
        shop.connection.execute("DELETE FROM goods_return WHERE number = ?", (known[0],))
        _forget_claim(shop, known[1].sale)


def _is_further(told: GoodsReturn, known: GoodsReturn) -> bool:
    def waiting(record: GoodsReturn) -> int:
        is_unsettled = record.unverified is not None and record.unverified.settled_by is None
        return is_unsettled + sum(record.in_quality_control().values())

    return waiting(told) < waiting(known)


def _forget_claim(shop: Shop, sale: str) -> None:
    shop.connection.execute("DELETE FROM claimed_sale WHERE id = ?", (sale,))
