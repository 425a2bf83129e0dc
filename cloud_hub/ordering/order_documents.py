"""An order at the hub: its document, and the rows that are rebuilt from it."""

from collections.abc import Mapping, Sequence

import msgspec

from cloud_hub.head_office import HeadOffice
from replication import feed
from replication.document import EntityDocument
from retail.documents import added_field, custody_field, event_texts, order_of, part_field
from retail.ordering.orders import Allocation, AllocationState, Order, OrderEvent


def find(office: HeadOffice, order_id: str) -> EntityDocument | None:
    """An order's document, or None.

    Raises:
        DocumentCorrupt: its rows do not load.
    """
    return office.store.load_document(feed.ORDER, order_id, office.actor)


def load(office: HeadOffice, order_id: str) -> EntityDocument:
    """The document of an order that is known to exist."""
    document = find(office, order_id)
    assert document is not None, f"order {order_id} has rows and no document"
    return document


def read(office: HeadOffice, order_id: str) -> Order:
    """An order that is known to exist, as its document says it now."""
    document = load(office, order_id)
    return order_of(document.fields(), document.events())


def keep_event(
    office: HeadOffice,
    document: EntityDocument,
    order_id: str,
    event: OrderEvent | None,
    states: Mapping[str, AllocationState],
    added: Sequence[Allocation] = (),
) -> Order:
    """Add an event, allocations and custody changes to the document; rebuild the order's rows.

    Of what is `added`, parts are split off others, which are less by as much.
    """
    fields: dict[str, str] = {}
    for one in added:
        fields |= added_field(one) if one.part_of is None else part_field(one)
    for allocation, state in states.items():
        fields |= custody_field(allocation, state)
    change = document.put(fields, event_texts((event,) if event else ()))
    office.store.store_document(feed.ORDER, order_id, document, change)
    order = order_of(document.fields(), document.events())
    office.connection.execute(
        "UPDATE online_order SET status = ?, data = ? WHERE id = ?",
        (order.status, msgspec.json.encode(order).decode(), order_id),
    )
    keep_allocations(office, order_id, added)
    split = {one.part_of for one in added}
    office.connection.executemany(
        "UPDATE allocation SET quantity = ? WHERE id = ?",
        [(one.quantity, one.id) for one in order.allocations if one.id in split],
    )
    office.news.tell("orders")
    office.connection.executemany(
        "UPDATE allocation SET state = ? WHERE id = ?",
        [(state, allocation) for allocation, state in states.items()],
    )
    return order


def keep_allocations(office: HeadOffice, order_id: str, added: Sequence[Allocation]) -> None:
    """Insert the rows of new allocations; no location has heard of them yet.

    What is split off another was told with that one.
    """
    office.connection.executemany(
        "INSERT INTO allocation VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
        "coalesce((SELECT position FROM allocation WHERE id = ?7), 0))",
        [
            (one.id, order_id, one.sku, one.location, one.quantity, one.state, one.part_of)
            for one in added
        ],
    )
