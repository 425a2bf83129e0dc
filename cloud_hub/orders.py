"""Online orders, on the writer thread: placed, paid, cancelled; fulfilled by the stores' own word.

An order's units are spent from the hub's quota when it is placed: held while its payment is
pending, committed otherwise. Once an allocation has been offered to its location, only that
location's gateway ends its custody (E9): a cancel here is then a request. What was never offered is
released here, at once.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice, quota_store
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument
from replication.errors import PeerViolation
from replication.escrow import CellChange, Minted, QuotaShort, Spent, latest
from replication.ids import WriterId, entry_id, replica_of
from replication.journal import EntryBody
from replication.ledger import PROGRAM
from retail.catalogue import Product, demand
from retail.documents import custody_field, event_texts, order_of, placed_fields
from retail.fulfilment import NotEnough, Share, choose_locations
from retail.orders import (
    Allocation,
    AllocationState,
    EventType,
    Order,
    OrderEvent,
    OrderEventRequest,
    OrderLine,
    OrderRequest,
    OrderStatus,
    Pickup,
    check_event,
)
from retail.pricing import PricedBasket, price_basket
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

ORDER: Final = "order"
ORDER_EVENT: Final = "order_event"

STORE_ONLY: Final = frozenset({EventType.SHIPPED, EventType.COLLECTED, EventType.UNCOLLECTED})
"""Events that move goods: only the gateway that has custody of them tells those."""

PROGRAM_ONLY: Final = frozenset({EventType.PLACED, EventType.EXPIRED, EventType.CANCEL_REQUESTED})
"""Events that follow from others; nobody sends them."""

ORDER_BYTES_MAX: Final = 192 * 1024
"""An order's record, some 500 lines: it also fits into a document, a feed item, and, with its later
events and cells, into an entry."""

CANCELS: Final = frozenset({EventType.CANCELLED, EventType.EXPIRED})


class ShortOnline(NamedTuple):
    """Refusal: the hub's own quota is short. `borrow` would cover it: location -> (SKU, units)."""

    borrow: Mapping[str, list[tuple[str, int]]]
    problem: Problem


def place(
    office: HeadOffice, command: Command, request: OrderRequest, pickup_code: str
) -> Outcome | ShortOnline:
    """Place an order as a whole, or refuse and change nothing. Safe to repeat with the same key."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    lines = _products(office, request)
    if isinstance(lines, Problem):
        return lines
    priced = price_basket(lines, office.taxes, office.settings.jurisdiction, office.today())
    if not isinstance(priced, PricedBasket):
        return Problem.invalid(f"The order has no price: {priced}.", field="$.lines")
    wants = demand(lines, office.catalogue)
    shares = _shares(office, wants, request)
    if isinstance(shares, ShortOnline | Problem):
        return shares
    return _commit(office, command, request, priced, shares, pickup_code)


def _products(office: HeadOffice, request: OrderRequest) -> list[tuple[Product, int]] | Problem:
    if request.coupon is not None:
        return Problem.invalid(f"There is no coupon {request.coupon}.", field="$.coupon")
    if request.reservation is not None:
        return Problem.invalid(
            f"There is no reservation {request.reservation}.", field="$.reservation"
        )
    lines: list[tuple[Product, int]] = []
    for number, line in enumerate(request.lines):
        product = office.catalogue.get(line.sku)
        if product is None:
            return unknown_product(line.sku, field=f"$.lines[{number}].sku")
        lines.append((product, line.quantity))
    return lines


def _shares(
    office: HeadOffice, wants: Mapping[str, int], request: OrderRequest
) -> tuple[Share, ...] | ShortOnline | Problem:
    pickup_at = None
    if isinstance(request.fulfilment, Pickup):
        pickup_at = request.fulfilment.location
        if office.location(pickup_at) is None:
            return Problem.invalid(
                f"There is no location {pickup_at}.", field="$.fulfilment.location"
            )
    if not wants:
        return ()
    own, heard = _offers(office, wants)
    chosen = choose_locations(wants, own, pickup_at=pickup_at)
    if not isinstance(chosen, NotEnough):
        return chosen
    with_loans = choose_locations(wants, heard, pickup_at=pickup_at)
    if isinstance(with_loans, NotEnough):
        return _quota_short(office, with_loans, wants, heard, pickup_at)
    borrow: dict[str, list[tuple[str, int]]] = {}
    for share in with_loans:
        lack = share.quantity - own.get(share.location, {}).get(share.sku, 0)
        if lack > 0:
            borrow.setdefault(share.location, []).append((share.sku, lack))
    return ShortOnline(borrow, _quota_short(office, chosen, wants, own, pickup_at))


def _offers(
    office: HeadOffice, wants: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Per location and SKU: what the hub may promise by itself, and what with a loan."""
    own: dict[str, dict[str, int]] = {}
    heard: dict[str, dict[str, int]] = {}
    for sku in wants:
        product = office.catalogue[sku]
        for counter in office.counters_of(sku):
            location = counter.location
            own.setdefault(location, {})[sku] = office.sellable_online(counter, product)
            heard.setdefault(location, {})[sku] = office.offered_online(
                counter, product, connected=location in office.reachable
            )
    return own, heard


def _quota_short(
    office: HeadOffice,
    missing: NotEnough,
    wants: Mapping[str, int],
    own: Mapping[str, Mapping[str, int]],
    pickup_at: str | None,
) -> Problem:
    sku = min(missing.missing)
    offered = sum(
        units.get(sku, 0)
        for location, units in own.items()
        if pickup_at is None or location == pickup_at
    )
    elsewhere = [
        {
            "holder": f"{counter.location}",
            "location": counter.location,
            "quantity": units,
            "last_heard": last_heard(office, counter.location),
        }
        for counter in office.counters_of(sku)
        if (units := quota_store(counter)) > 0
    ]
    return Problem.quota_short(sku=sku, wanted=wants[sku], sellable=offered, elsewhere=elsewhere)


def last_heard(office: HeadOffice, location: str) -> str | None:
    """When a location was last heard, for a person."""
    row = office.connection.execute(
        "SELECT last_heard_ms FROM location WHERE id = ?", (location,)
    ).fetchone()
    return None if row is None or row[0] is None else rfc3339(int(str(row[0])))


def _commit(
    office: HeadOffice,
    command: Command,
    request: OrderRequest,
    priced: PricedBasket,
    shares: Sequence[Share],
    pickup_code: str,
) -> Outcome:
    ledger = office.ledger
    order_id = entry_id(ledger.writer, ledger.next_seq)
    pending = request.payment == "pending"
    state: AllocationState = "held" if pending else "committed"
    at = rfc3339(ledger.now_ms)
    first = EventType.PAID if request.payment == "paid" else EventType.PLACED
    event = OrderEvent(id=order_id, type=first, at=at, actor=command.principal.name)
    order = Order(
        id=order_id,
        number=f"W-{office.orders_count + 1:06d}",
        status=OrderStatus.PAID if request.payment == "paid" else OrderStatus.NEW,
        lines=priced.lines,
        allocations=tuple(
            Allocation(
                id=f"{order_id}-{n}", sku=share.sku, location=share.location,
                quantity=share.quantity, state=state,
            )
            for n, share in enumerate(shares, 1)
        ),
        fulfilment=request.fulfilment,
        payment=request.payment,
        total_minor=priced.total_minor,
        tax_minor=priced.tax_minor,
        currency=priced.currency,
        pickup_code=pickup_code if isinstance(request.fulfilment, Pickup) else None,
        customer=request.customer,
        contact=request.contact,
        events=(event,),
        placed_at=at,
    )  # fmt: skip
    record = msgspec.json.encode(order)
    if len(record) > ORDER_BYTES_MAX:
        return Problem.too_large(ORDER_BYTES_MAX, what="An order's record")
    office.orders_count += 1
    reason = Spent.HELD if pending else Spent.COMMITTED
    cells = [_spend(office, one, reason) for one in order.allocations]
    document = EntityDocument.new(office.actor)
    change = document.put(placed_fields(order), event_texts(order.events))
    office.store.store_document(feed.ORDER, order_id, document, change)
    office.connection.execute(
        "INSERT INTO online_order VALUES (?, ?, ?, ?)",
        (order_id, office.orders_count, order.status, record.decode()),
    )
    office.connection.executemany(
        "INSERT INTO allocation VALUES (?, ?, ?, ?, ?, ?, 0)",
        [(a.id, order_id, a.sku, a.location, a.quantity, a.state) for a in order.allocations],
    )
    office.tell_cells(cells)
    if not pending:
        _tell(office, order, document)
    entry = ledger.append(
        ORDER, record, actor=command.actor, reference=order_id, cells=latest(cells)
    )
    ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def tell_event(
    office: HeadOffice, command: Command, order_id: str, request: OrderEventRequest
) -> Outcome:
    """The storefront or back office says what happened to an order."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    document = office.store.load_document(feed.ORDER, order_id, office.actor)
    if document is None:
        return Problem(Slug.NOT_FOUND, f"There is no order {order_id}.")
    order = order_of(document.fields(), document.events())
    refused = _refused(order, request)
    if refused is not None:
        return refused
    if request.type is EventType.PAID and any(a.state != "committed" for a in order.allocations):
        short = _take_again(office, order)
        if short is not None:
            return short
    done = _write(
        office, document, order, request.type,
        actor=command.principal.name, command=command, lines=request.lines,
    )  # fmt: skip
    return Done(201, done)


def _refused(order: Order, request: OrderEventRequest) -> Problem | None:
    if request.type in PROGRAM_ONLY:
        return Problem.invalid(f"{request.type} is not told from outside.", field="$.type")
    if request.type in STORE_ONLY:
        where = ", ".join(sorted({one.location for one in order.allocations}))
        return Problem(
            Slug.CONFLICT, f"Only the gateway that keeps the goods tells that: {where} (E9)."
        )
    refused = check_event(order, request.type)
    if refused is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": order.status})
    if request.lines is not None:
        return Problem.invalid("Events by line are told in the store.", field="$.lines")
    return None


def _take_again(office: HeadOffice, order: Order) -> Problem | None:
    """Whether a late payment finds its units again: those released since must be sellable now."""
    wanted: dict[tuple[str, str], int] = {}
    for one in order.allocations:
        if one.state == "released":
            place = (one.location, one.sku)
            wanted[place] = wanted.get(place, 0) + one.quantity
    for (location, sku), units in wanted.items():
        counter = office.ledger.counter(location, sku)
        sellable = office.sellable_online(counter, office.catalogue[sku])
        if sellable < units:
            return Problem.quota_short(sku=sku, wanted=units, sellable=sellable, elsewhere=[])
    return None


def expire(office: HeadOffice, order_id: str) -> None:
    """Nobody paid in time: the held units are free again."""
    document = office.store.load_document(feed.ORDER, order_id, office.actor)
    if document is None:
        return
    order = order_of(document.fields(), document.events())
    if check_event(order, EventType.EXPIRED) is None:
        _write(office, document, order, EventType.EXPIRED, actor="program")


def _write(
    office: HeadOffice,
    document: EntityDocument,
    order: Order,
    event_type: EventType,
    *,
    actor: str,
    command: Command | None = None,
    lines: tuple[OrderLine, ...] | None = None,
) -> bytes:
    """Write the event, do to units what it means, tell the locations, journal it."""
    ledger = office.ledger
    cells: list[CellChange] = []
    states: dict[str, AllocationState] = {}
    for one in order.allocations:
        _change_custody(office, event_type, one, cells, states)
    asked = event_type in CANCELS and any(
        one.state == "committed" and one.id not in states for one in order.allocations
    )
    event = OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=EventType.CANCEL_REQUESTED if asked else event_type,
        at=rfc3339(ledger.now_ms),
        actor=actor,
        lines=lines,
    )
    order = keep_event(office, document, order.id, event, states)
    office.tell_cells(cells)
    if order.status is not OrderStatus.NEW or order.payment != "pending":
        _tell(office, order, document)
    record = msgspec.json.encode(order)
    entry = ledger.append(
        ORDER_EVENT,
        record,
        actor=command.actor if command else PROGRAM,
        reference=order.id,
        cells=latest(cells),
    )
    if command is not None:
        ledger.remember(command.key, command.digest, 201, entry)
    return record


def _change_custody(
    office: HeadOffice,
    event_type: EventType,
    one: Allocation,
    cells: list[CellChange],
    states: dict[str, AllocationState],
) -> None:
    """What an event does to one allocation's units, where the hub has custody of them."""
    if event_type is EventType.PAID:
        if one.state == "held":
            cells.append(_mint(office, one, Minted.HOLD_RELEASED))
        if one.state in {"held", "released"}:
            cells.append(_spend(office, one, Spent.COMMITTED))
            states[one.id] = "committed"
    elif event_type in CANCELS:
        if one.state == "held":
            cells.append(_mint(office, one, Minted.HOLD_RELEASED))
            states[one.id] = "released"
        elif one.state == "committed" and not _was_offered(office, one):
            cells.append(_mint(office, one, Minted.ORDER_RELEASED))
            states[one.id] = "released"


def _was_offered(office: HeadOffice, one: Allocation) -> bool:
    """Whether the location may have been told of this allocation (E9)."""
    row = office.connection.execute(
        "SELECT allocation.position <= location.offered FROM allocation "
        "JOIN location ON location.id = allocation.location WHERE allocation.id = ?",
        (one.id,),
    ).fetchone()
    return row is None or bool(row[0])


def hear_from_store(office: HeadOffice, body: EntryBody) -> None:
    """A gateway's entry about an order: its event, and the custody that it ended."""
    try:
        told = msgspec.json.decode(body.record, type=Order)
    except msgspec.DecodeError as error:
        raise PeerViolation(f"{body.kind} {body.seq} of {body.writer}: {error}") from None
    document = office.store.load_document(feed.ORDER, told.id, office.actor)
    if document is None:
        return
    place = entry_id(WriterId(body.writer), body.seq)
    event = next((one for one in told.events if one.id == place), None)
    if event is None:
        raise PeerViolation(f"{body.kind} {body.seq} of {body.writer} has no event of its own")
    own = replica_of(body.writer)
    ended: dict[str, AllocationState] = {
        one.id: one.state
        for one in told.allocations
        if one.location == own and one.state in {"fulfilled", "released"}
    }
    order = keep_event(office, document, told.id, event, ended)
    _tell(office, order, document)


def keep_event(
    office: HeadOffice,
    document: EntityDocument,
    order_id: str,
    event: OrderEvent,
    states: Mapping[str, AllocationState],
) -> Order:
    """Add an event and custody changes to the document, and rebuild the order's rows."""
    fields: dict[str, str] = {}
    for allocation, state in states.items():
        fields |= custody_field(allocation, state)
    change = document.put(fields, event_texts((event,)))
    office.store.store_document(feed.ORDER, order_id, document, change)
    order = order_of(document.fields(), document.events())
    office.connection.execute(
        "UPDATE online_order SET status = ?, data = ? WHERE id = ?",
        (order.status, msgspec.json.encode(order).decode(), order_id),
    )
    office.connection.executemany(
        "UPDATE allocation SET state = ? WHERE id = ?",
        [(state, allocation) for allocation, state in states.items()],
    )
    return order


def _tell(office: HeadOffice, order: Order, document: EntityDocument) -> None:
    """Tell each location that keeps units for the order; note where the feed first says so."""
    for location in sorted({one.location for one in order.allocations}):
        position = office.tell_document(feed.ORDER, order.id, location, document)
        office.connection.execute(
            "UPDATE allocation SET position = ? "
            "WHERE order_id = ? AND location = ? AND position = 0",
            (position, order.id, location),
        )


def _spend(office: HeadOffice, one: Allocation, reason: Spent) -> CellChange:
    counter = office.ledger.counter(one.location, one.sku)
    spent = counter.spend(office.ledger.writer, reason, one.quantity)
    assert not isinstance(spent, QuotaShort), "the quota was checked before"
    return spent


def _mint(office: HeadOffice, one: Allocation, reason: Minted) -> CellChange:
    counter = office.ledger.counter(one.location, one.sku)
    return counter.mint(office.ledger.writer, reason, one.quantity)
