"""Goods between locations, as the hub hears of them, on the writer thread.

The hub moves no goods. It brings the two ends together: what either tells in its journal goes into
the transfer's document, and the document to both. The destination may be heard first; its events
wait in the document until the source is heard.
"""

import logging
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from replication import feed
from replication.document import EntityDocument
from replication.errors import DocumentCorrupt
from replication.ids import WriterId, entry_id, location_of
from replication.journal import EntryBody
from retail.documents import DocumentUnfit
from retail.stock.transfers import (
    Transfer,
    event_field,
    is_too_large,
    parse_transfer_id,
    plan_field,
    plan_of,
    transfer_of,
)

log: Final = logging.getLogger(__name__)


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A gateway's entry about a transfer: its own part goes into the document, for both ends.

    The entry is kept and its cells are merged whatever comes of this: what it means to the transfer
    must not decide whether the journal goes on.
    """
    try:
        told = msgspec.json.decode(body.record, type=Transfer)
        document = office.store.load_document(feed.TRANSFER, told.id, office.actor)
        if document is None:
            document = EntityDocument.new(office.actor)
        change = _put(document, told, body)
        transfer = transfer_of(told.id, document.fields(), document.events())
    except (msgspec.DecodeError, DocumentCorrupt, DocumentUnfit) as error:
        _set_aside(body, str(error))
        return
    if is_too_large(transfer):
        _set_aside(body, "it is larger than a transfer may be")
        return
    office.store.store_document(feed.TRANSFER, told.id, document, change)
    _keep(office, transfer)
    for location in (transfer.source, transfer.destination):
        office.tell_document(feed.TRANSFER, told.id, location, document)


def _put(document: EntityDocument, told: Transfer, body: EntryBody) -> bytes:
    """Take over what the entry's writer may say: its plan, if it is the source, and its event.

    Raises:
        DocumentUnfit: it says nothing of its own.
    """
    route, place = parse_transfer_id(told.id), entry_id(WriterId(body.writer), body.seq)
    fields: dict[str, str] = {}
    events: dict[str, str] = {}
    for event in told.events:
        if event.id == place:
            events |= event_field(event)
    known = transfer_of(told.id, document.fields(), document.events())
    plan = plan_of(told)
    if plan is not None and known.created_at is None and known.source == location_of(body.writer):
        fields = plan_field(plan)
    is_new = route is not None and route.entry == place
    if not events and not (is_new and fields):
        raise DocumentUnfit(f"{place} has no event of its own in transfer {told.id}")
    return document.put(fields, events)


def _set_aside(body: EntryBody, reason: str) -> None:
    log.error(
        "a transfer's entry means nothing here: %s",
        reason,
        extra={"action": "transfer_entry_set_aside", "entry": f"{body.writer}-{body.seq}"},
    )


def _keep(office: HeadOffice, transfer: Transfer) -> None:
    """Rebuild the rows of a transfer from what its document says now."""
    office.connection.execute(
        "INSERT INTO transfer (id, source, destination, status, data) VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT (id) DO UPDATE SET status = ?4, data = ?5",
        (
            transfer.id,
            transfer.source,
            transfer.destination,
            transfer.status,
            msgspec.json.encode(transfer).decode(),
        ),
    )
    office.connection.execute("DELETE FROM transfer_line WHERE transfer = ?", (transfer.id,))
    office.connection.executemany(
        "INSERT INTO transfer_line VALUES (?, ?, ?, ?)",
        [
            (one.sku, transfer.destination, transfer.id, one.in_transit)
            for one in transfer.lines
            if one.in_transit
        ],
    )


def incoming(office: HeadOffice, sku: str) -> dict[str, int]:
    """Units of a SKU on their way, per location that the hub knows, as far as it has heard."""
    rows = office.connection.execute(
        "SELECT destination, sum(in_transit) FROM transfer_line "
        "JOIN location ON location.id = destination WHERE sku = ? GROUP BY destination",
        (sku,),
    )
    return {str(location): int(str(units)) for location, units in rows}
