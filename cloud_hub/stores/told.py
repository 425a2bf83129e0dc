"""What a store is told: the next items of the feed for it, and how far it has got.

Items are marked as offered in the database before they leave, because custody of an order passes
with them (E9).
"""

from typing import Final, NamedTuple

from cloud_hub.head_office import HeadOffice
from cloud_hub.stores import fold
from replication import wire
from replication.feed import FeedItem
from replication.ids import WriterId, location_of
from replication.session import BATCH_BYTES_MAX

BATCH_ITEMS_MAX: Final = 500


def offer(
    office: HeadOffice, writer: WriterId, after: int, version: int = wire.VERSIONS[0]
) -> list[FeedItem]:
    """The next items for a location, marked as offered before they leave (E9)."""
    office.check_living(writer)
    location = location_of(writer)
    items: list[FeedItem] = []
    size = 0
    for told in office.feed_after(location, after, BATCH_ITEMS_MAX):
        item = office.as_document(told) if version == 1 else told
        size += len(item.data)
        if items and size > BATCH_BYTES_MAX:
            break
        items.append(item)
    if items:
        office.connection.execute(
            "UPDATE location SET offered = max(offered, ?) WHERE id = ?",
            (items[-1].position, location),
        )
    return items


class Batch(NamedTuple):
    """Items to offer, and how many more there are for the location after them."""

    items: list[FeedItem]
    ahead: int


def next_batch(office: HeadOffice, writer: WriterId, after: int, version: int, ahead: int) -> Batch:
    """The next items for a location, as its version has them.

    `ahead` of the batch before is counted down; they are counted only where it says nothing, for
    counting a whole catalogue takes as long as telling some batches of it.
    """
    items = offer(office, writer, after, version)
    if not items:
        return Batch(items, 0)
    last, location = items[-1].position, location_of(writer)
    if ahead > len(items):
        ahead -= len(items)
    else:
        ahead = office.feed_count(location, last)
    return Batch(items, ahead)


def keep_cursor(office: HeadOffice, writer: WriterId, cursor: int) -> None:
    """A store has made all items up to `cursor` durable.

    It may have said so by the link before this one, whose last frames are looked at late: what it
    said when it greeted since is newer.
    """
    office.check_living(writer)
    location = location_of(writer)
    office.connection.execute(
        "UPDATE location SET cursor = max(cursor, ?) WHERE id = ?", (cursor, location)
    )
    fold.heard(office, location, office.ledger.now_ms)
