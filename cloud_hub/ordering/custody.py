"""Units that locations keep for orders: taken from the quota, told, given back.

Custody (E9) passes when an allocation is offered: `allocation.position` notes where the feed first
says so, and from then on only the location's gateway fulfils or releases the units.
"""

from cloud_hub.head_office import HeadOffice
from replication import feed
from replication.document import EntityDocument
from replication.escrow import CellChange, Minted, QuotaShort, Spent
from replication.ids import location_of, parse_entry_id
from retail.ordering.orders import Allocation, Order


def tell_locations(office: HeadOffice, order: Order, document: EntityDocument) -> None:
    """Tell each location that keeps units for the order, or ever did; note where it first says so.

    Units that are only held, because nobody paid yet or another location still has those that they
    stand in for, are no news to their location. From one that gave all of its units back, while
    others go on with the order, it is taken away; not where a box said so that was replaced: the
    one that lives still keeps these units, by its own rows, until it reads that they are not kept.
    """
    rows = office.connection.execute(
        "SELECT location, max(state <> 'released') FROM allocation "
        "WHERE order_id = ? AND (state = 'committed' OR position > 0) "
        "GROUP BY location ORDER BY location",
        (order.id,),
    ).fetchall()
    goes_on = any(one.state in {"committed", "fulfilled"} for one in order.allocations)
    for location, has_part in rows:
        if goes_on and not has_part and not _is_ended_before(office, order, str(location)):
            office.tell(feed.ORDER, order.id, str(location), b"")
            continue
        position = office.tell_document(feed.ORDER, order.id, str(location), document)
        office.connection.execute(
            "UPDATE allocation SET position = ? "
            "WHERE order_id = ? AND location = ? AND position = 0 AND state = 'committed'",
            (position, order.id, location),
        )


def _is_ended_before(office: HeadOffice, order: Order, location: str) -> bool:
    """Whether a box before the one that lives has ended a location's part in an order, or some."""
    if not office.has_fenced(location):
        return False
    writers = [place[0] for event in order.events if (place := parse_entry_id(event.id))]
    return any(location_of(one) == location and office.is_fenced(one) for one in writers)


def spend_for(office: HeadOffice, one: Allocation, reason: Spent) -> CellChange:
    """Take an allocation's units from the hub's quota, which was checked before."""
    counter = office.ledger.counter(one.location, one.sku)
    spent = counter.spend(office.ledger.writer, reason, one.quantity)
    assert not isinstance(spent, QuotaShort), "the quota was checked before"
    return spent


def mint_for(office: HeadOffice, one: Allocation, reason: Minted) -> CellChange:
    """Give an allocation's units back to the hub's quota."""
    counter = office.ledger.counter(one.location, one.sku)
    return counter.mint(office.ledger.writer, reason, one.quantity)


def was_offered(office: HeadOffice, one: Allocation) -> bool:
    """Whether the location may have been told of this allocation (E9)."""
    row = office.connection.execute(
        "SELECT allocation.position <= location.offered FROM allocation "
        "JOIN location ON location.id = allocation.location WHERE allocation.id = ?",
        (one.id,),
    ).fetchone()
    return row is None or bool(row[0])
