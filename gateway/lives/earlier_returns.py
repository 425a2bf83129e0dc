"""Returns that an earlier box of this location took, as rows of this one's file.

What came back of a sale must not come back twice, and what waits for an inspection waits here. They
are numbered from below zero, for this box numbers its own credit notes from 1.
"""

from typing import Final

import msgspec
from msgspec import structs

from gateway.returning.return_rows import RETURN, keep_return
from gateway.returning.returns import INSPECTION
from gateway.returning.unverified import REJECTED
from gateway.shop import Shop
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
