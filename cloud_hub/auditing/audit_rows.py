"""What stands beside the journals: does each remembered request and order follow from them?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import apsw
import msgspec

from cloud_hub.auditing.audit_findings import Findings
from cloud_hub.auditing.audit_payments import check_paid
from cloud_hub.auditing.audit_stock import Place, Promised
from cloud_hub.head_office import HUB_WRITER
from replication import feed
from replication.adapters.sqlite import ReplicaStore
from replication.document import actor_for
from replication.errors import DocumentCorrupt
from replication.escrow import Moved
from replication.ids import parse_entry_id
from retail.documents import DocumentUnfit, order_of
from retail.ordering.holds import Reservation
from retail.ordering.orders import Order
from retail.stock.transfer_totals import check_conservation
from retail.stock.transfers import Transfer, parse_transfer_id, transfer_of

_READER: Final = actor_for(HUB_WRITER, "audit")
"""Who opens the documents; nothing is written as it."""


def check_requests(store: ReplicaStore, findings: Findings) -> None:
    """E5: whoever repeats a request is answered from the entry of its first success."""
    for path, key, entry in store.connection.execute("SELECT path, key, entry FROM request"):
        place = parse_entry_id(str(entry))
        if place is None or store.load_hash(*place) is None:
            what = f"the request {key!r} to {path} was answered from {entry}, which is not there"
            findings.add("E5", what, [str(entry)])


def promised(store: ReplicaStore, findings: Findings) -> Mapping[Place, Promised]:
    """What orders and open reservations say is kept, per (location, SKU)."""
    held: Counter[Place] = Counter()
    committed: Counter[Place] = Counter()
    for location, sku, units, state in store.connection.execute(
        "SELECT location, sku, quantity, state FROM allocation WHERE state IN ('held', 'committed')"
    ):
        (held if state == "held" else committed)[str(location), str(sku)] += int(str(units))
    for reservation, data in store.connection.execute(
        "SELECT id, data FROM reservation WHERE status = 'open'"
    ):
        try:
            allocations = msgspec.json.decode(str(data), type=Reservation).allocations
        except msgspec.DecodeError as broken:
            what = f"the reservation {reservation} cannot be read: {broken}"
            findings.add("rows", what, [str(reservation)])
            continue
        for one in allocations:
            held[one.location, one.sku] += one.quantity
    return {place: Promised(held[place], committed[place]) for place in held.keys() | committed}


def check_orders(store: ReplicaStore, findings: Findings, location: str | None) -> int:
    """Each order's rows are what its document says; returns how many orders there are."""
    orders = 0
    for order_id, status, data in _orders(store.connection, location):
        orders += 1
        _check_order(store, findings, order_id, status, data)
    for (orphan,) in store.connection.execute(
        "SELECT writer || '-' || seq FROM entry WHERE kind = 'order' "
        "AND NOT EXISTS (SELECT 1 FROM online_order WHERE id = writer || '-' || seq)"
    ):
        findings.add("rows", f"the order {orphan} was placed and has no row", [str(orphan)])
    return orders


def check_transfers(
    store: ReplicaStore, findings: Findings, moved: Mapping[Moved, Mapping[str, int]]
) -> None:
    """E7: what left anywhere has arrived somewhere, is on its way, or is known to be lost.

    `moved` has what the cells of all locations say, per SKU.
    """
    transfers = list(_transfers(store, findings))
    for broken in check_conservation(
        transfers,
        transferred_out=moved[Moved.TRANSFERRED_OUT],
        transferred_in=moved[Moved.TRANSFERRED_IN],
    ):
        subject, _, what = broken.removeprefix("E7 ").partition(": ")
        entries = [
            entry
            for one in transfers
            if one.id == subject or any(line.sku == subject for line in one.lines)
            for entry in _entries_of(one)
        ]
        findings.add("E7", f"{subject}: {what}", entries)


def _transfers(store: ReplicaStore, findings: Findings) -> Iterator[Transfer]:
    """All transfers as their documents say; their rows are compared on the way."""
    for number, data in store.connection.execute("SELECT id, data FROM transfer ORDER BY number"):
        try:
            document = store.load_document(feed.TRANSFER, str(number), _READER)
            fields, events = (document.fields(), document.events()) if document else ({}, {})
            told = transfer_of(str(number), fields, events)
            shown = msgspec.json.decode(str(data), type=Transfer)
        except (DocumentCorrupt, DocumentUnfit, msgspec.DecodeError) as broken:
            findings.add("rows", f"the transfer {number} cannot be read: {broken}", [])
            continue
        if shown != told:
            what = f"the row of transfer {number} is not its document"
            findings.add("rows", what, _entries_of(told))
        yield told


def _entries_of(transfer: Transfer) -> list[str]:
    route = parse_transfer_id(transfer.id)
    return [*([route.entry] if route else []), *(event.id for event in transfer.events)]


def _orders(connection: apsw.Connection, location: str | None) -> Iterator[tuple[str, str, str]]:
    for order_id, status, data in connection.execute(
        "SELECT id, status, data FROM online_order WHERE ?1 IS NULL "
        "OR id IN (SELECT order_id FROM allocation WHERE location = ?1) ORDER BY number",
        (location,),
    ):
        yield str(order_id), str(status), str(data)


def _check_order(
    store: ReplicaStore, findings: Findings, order_id: str, status: str, data: str
) -> None:
    try:
        document = store.load_document(feed.ORDER, order_id, _READER)
        if document is None:
            findings.add("rows", f"the order {order_id} has no document", [order_id])
            return
        order = order_of(document.fields(), document.events())
        shown = msgspec.json.decode(data, type=Order)
    except (DocumentCorrupt, DocumentUnfit, msgspec.DecodeError) as broken:
        findings.add("rows", f"the order {order_id} cannot be read: {broken}", [order_id])
        return
    check_paid(store, findings, order)
    entries = [order_id, *(event.id for event in order.events)]
    if shown != order or status != order.status:
        findings.add("rows", f"the row of order {order_id} is not its document", entries)
    rows = {
        row[0]: row[1:]
        for row in store.connection.execute(
            "SELECT id, sku, location, quantity, state FROM allocation WHERE order_id = ?",
            (order_id,),
        )
    }
    told = {one.id: (one.sku, one.location, one.quantity, one.state) for one in order.allocations}
    for allocation in sorted(told.keys() | rows.keys()):
        row, due = rows.get(allocation), told.get(allocation)
        if row != due:
            what = f"allocation {allocation} is {row} in its row and {due} in its order"
            place = due or row
            assert place is not None, "it is in one of the two"
            findings.add("E9", what, entries, location=str(place[1]), sku=str(place[0]))
