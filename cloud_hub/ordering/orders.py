"""Placing online orders, on the writer thread.

An order's units are spent from the hub's quota when it is placed: held while its payment is
pending, committed otherwise. `order_events` has what happens to it later.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.custody import spend_for, tell_locations
from cloud_hub.ordering.order_documents import keep_allocations, read
from cloud_hub.ordering.reserved import end, reservation_for, shares_held
from cloud_hub.ordering.shortages import rights_changed
from cloud_hub.prices.allowances import use_cells
from cloud_hub.prices.priced import price_order
from cloud_hub.roles import GATEWAY
from cloud_hub.stores.locations import places
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument
from replication.escrow import CellChange, Spent, latest
from replication.ids import WriterId, entry_id, location_of
from retail.documents import event_texts, placed_fields
from retail.ordering.fulfilment import MINDS_DISTANCE, RULES, NotEnough, Share
from retail.ordering.holds import HoldStatus, Reservation
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    AllocationState,
    Fulfilment,
    Order,
    OrderEvent,
    OrderLine,
    OrderRequest,
    Pickup,
    as_kept,
)
from retail.prices.pricing import PricedBasket
from retail.products.catalogue import Product, archived_part, demand
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug
from web.tokens import Principal
from web.uses import NOBODY, Asked, UsesShort, uses_of

ORDER: Final = "order"

ORDER_BYTES_MAX: Final = 192 * 1024
"""An order's record, some 500 lines: it also fits into a document, a feed item, and, with its later
events and cells, into an entry."""


class ShortOnline(NamedTuple):
    """Refusal: the hub's own quota is short. `borrow` would cover it: location -> (SKU, units).

    Without a `problem` the hub can do without the loan: only from farther away.
    """

    borrow: Mapping[str, list[tuple[str, int]]]
    problem: Problem | None


def place(
    office: HeadOffice,
    command: Command,
    request: OrderRequest,
    pickup_code: str,
    asked: Asked = NOBODY,
    *,
    may_wait: bool = False,
) -> Outcome | ShortOnline | UsesShort:
    """Place an order as a whole, or refuse and change nothing. Safe to repeat with the same key.

    `may_wait`: see `find_shares`.
    """
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return _as_it_is(office, command, known)
    lines = products_of(office, request.lines)
    if isinstance(lines, Problem):
        return lines
    priced = price_order(office, lines, request, asked)
    if not isinstance(priced, PricedBasket):
        return priced
    wants = demand(lines, office.catalogue)
    reservation = reservation_for(office, request, wants)
    if isinstance(reservation, Problem):
        return reservation
    shares = shares_held(reservation) or find_shares(
        office, wants, request.fulfilment, sold_at=request.sold_at, may_wait=may_wait
    )
    if isinstance(shares, ShortOnline | Problem):
        return shares
    return _commit(office, command, request, priced, shares, pickup_code, reservation)


def _as_it_is(office: HeadOffice, command: Command, known: Outcome) -> Outcome:
    """The first success again; to a till, which takes the money next, only while it stands."""
    if not isinstance(known, Done) or command.principal.role != "gateway":
        return known
    order = read(office, msgspec.json.decode(known.record, type=Order).id)
    if order.status not in {OrderStatus.EXPIRED, OrderStatus.CANCELLED}:
        return known
    return Problem(
        Slug.CONFLICT,
        f"Order {order.number} is {order.status}: its goods may be sold. Nothing is paid; ring it "
        "up anew.",
        members={"order_status": order.status},
    )


def products_of(
    office: HeadOffice, asked: Sequence[OrderLine]
) -> list[tuple[Product, int]] | Problem:
    """What the lines name, each with its quantity, or the first that nobody knows."""
    lines: list[tuple[Product, int]] = []
    for number, line in enumerate(asked):
        product = office.catalogue.get(line.sku)
        if product is None:
            return unknown_product(line.sku, field=f"$.lines[{number}].sku")
        if (refused := _why_not_online(office, product)) is not None:
            return Problem.invalid(f"{refused}.", field=f"$.lines[{number}].sku")
        lines.append((product, line.quantity))
    return lines


def _why_not_online(office: HeadOffice, product: Product) -> str | None:
    if (archived := archived_part(product, office.catalogue)) is not None:
        return f"{archived} is archived: it is sold no more"
    if product.draft:
        return f"{product.sku} is a draft of a store: head office has not completed it"
    return None


def strange_seller(principal: Principal, request: OrderRequest) -> Problem | None:
    """That whoever asks may not say so where an order was sold, or None.

    A gateway sells for its own location, and tells of the money in its own journal.
    """
    own = location_of(WriterId(principal.name)) if principal.role in GATEWAY else None
    if request.sold_at != own:
        who = "Only a gateway says" if own is None else f"The gateway of {own} says {own} as"
        return Problem.invalid(f"{who} where an order was sold.", field="$.sold_at")
    if own is not None and request.payment != "pending":
        return Problem.invalid(
            "What a till sells waits for its payment, which the till's journal tells: pending.",
            field="$.payment",
        )
    return None


def strange_pickup(office: HeadOffice, fulfilment: Fulfilment) -> Problem | None:
    """That nobody can collect goods there, or None."""
    if not isinstance(fulfilment, Pickup) or office.location(fulfilment.location) is not None:
        return None
    return Problem.invalid(
        f"There is no location {fulfilment.location}.", field="$.fulfilment.location"
    )


def find_shares(
    office: HeadOffice,
    wants: Mapping[str, int],
    fulfilment: Fulfilment,
    *,
    sold_at: str | None = None,
    may_wait: bool = False,
) -> tuple[Share, ...] | ShortOnline | Problem:
    """Where the units come from that the hub may promise now, above each safety stock.

    Its own quota goes first, so that a customer waits for a loan only where it is short; or, if the
    caller `may_wait`, where the chain's rule minds the distance and a loan makes it less.
    """
    if (nowhere := strange_pickup(office, fulfilment)) is not None:
        return nowhere
    if not wants:
        return Problem.invalid(
            "Nothing of this has stock: what is untracked is not sold online by itself.",
            field="$.lines",
        )
    own, heard = _offers(office, wants)
    choose, minds_distance = _rule(office, wants, fulfilment, sold_at)
    chosen = choose(own)
    if not isinstance(chosen, NotEnough) and not (may_wait and minds_distance):
        return chosen
    with_loans = choose(heard)
    if isinstance(with_loans, NotEnough):
        return _quota_short(office, with_loans, wants, heard)
    if not (borrow := _loans(with_loans, own)):
        return with_loans
    return ShortOnline(
        borrow,
        _quota_short(office, chosen, wants, own) if isinstance(chosen, NotEnough) else None,
    )


def _loans(
    shares: Sequence[Share], own: Mapping[str, Mapping[str, int]]
) -> dict[str, list[tuple[str, int]]]:
    """What of these shares the hub may not promise by itself: location -> (SKU, units)."""
    borrow: dict[str, list[tuple[str, int]]] = {}
    for share in shares:
        lack = share.quantity - own.get(share.location, {}).get(share.sku, 0)
        if lack > 0:
            borrow.setdefault(share.location, []).append((share.sku, lack))
    return borrow


def _rule(
    office: HeadOffice, wants: Mapping[str, int], fulfilment: Fulfilment, sold_at: str | None
) -> tuple[Callable[[Mapping[str, Mapping[str, int]]], tuple[Share, ...] | NotEnough], bool]:
    """The chain's rule for this order, still to be told the offers; whether it minds distance.

    What a till sells goes to where its customer stands, unless it is said where else.
    """
    rule = office.settings.fulfilment_rule
    if isinstance(fulfilment, Pickup):
        return partial(RULES[rule], wants, pickup_at=fulfilment.location), False
    if rule not in MINDS_DISTANCE:
        return partial(RULES[rule], wants), False
    known = places(office)
    destination = fulfilment.near or known.get(sold_at or "")
    choose = partial(RULES[rule], wants, places=known, destination=destination)
    return choose, destination is not None and bool(known)


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
    offers: Mapping[str, Mapping[str, int]],
) -> Problem:
    sku = min(missing.missing)
    offered = {
        location: units.get(sku, 0)
        for location, units in offers.items()
        if missing.location in {None, location}
    }
    elsewhere = [
        {
            "holder": f"{counter.location}",
            "location": counter.location,
            "quantity": units,
            "last_heard": last_heard(office, counter.location),
        }
        for counter in office.counters_of(sku)
        # a unit that is offered is not told a second time
        if (units := office.promisable(counter) - offered.get(counter.location, 0)) > 0
    ]
    return Problem.quota_short(
        sku=sku,
        wanted=wants[sku],
        sellable=wants[sku] - missing.missing[sku],
        elsewhere=elsewhere,
    )


def last_heard(office: HeadOffice, location: str) -> str | None:
    """When a location was last heard, for a person."""
    row = office.connection.execute(
        "SELECT last_heard_ms FROM location WHERE id = ?", (location,)
    ).fetchone()
    return None if row is None or row[0] is None else rfc3339(int(str(row[0])))


def _new_order(
    office: HeadOffice,
    command: Command,
    request: OrderRequest,
    priced: PricedBasket,
    shares: Sequence[Share],
    pickup_code: str,
) -> Order:
    """The order as it is going to be the next entry; nothing is changed."""
    ledger = office.ledger
    order_id, at = entry_id(ledger.writer, ledger.next_seq), rfc3339(ledger.now_ms)
    state: AllocationState = "held" if request.payment == "pending" else "committed"
    first = EventType.PAID if request.payment == "paid" else EventType.PLACED
    event = OrderEvent(id=order_id, type=first, at=at, actor=command.principal.name)
    return Order(
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
        fulfilment=as_kept(request.fulfilment),
        payment=request.payment,
        total_minor=priced.total_minor,
        tax_minor=priced.tax_minor,
        currency=priced.currency,
        pickup_code=pickup_code if isinstance(request.fulfilment, Pickup) else None,
        customer=request.customer,
        contact=request.contact,
        events=(event,),
        placed_at=at,
        sold_at=request.sold_at,
    )  # fmt: skip


def _commit(
    office: HeadOffice,
    command: Command,
    request: OrderRequest,
    priced: PricedBasket,
    shares: Sequence[Share],
    pickup_code: str,
    reservation: Reservation | None,
) -> Outcome:
    ledger = office.ledger
    order = _new_order(office, command, request, priced, shares, pickup_code)
    order_id, pending = order.id, order.payment == "pending"
    record = msgspec.json.encode(order)
    if len(record) > ORDER_BYTES_MAX:
        return Problem.too_large(ORDER_BYTES_MAX, what="An order's record")
    office.orders_count += 1
    reason = Spent.HELD if pending else Spent.COMMITTED
    cells: list[CellChange] = []
    if reservation is not None:
        _, cells = end(office, reservation, HoldStatus.USED, used_by=order_id)
    cells += [spend_for(office, one, reason) for one in order.allocations]
    cells += use_cells(office, uses_of(priced, office.rules.limited))
    document = EntityDocument.new(office.actor)
    change = document.put(placed_fields(order), event_texts(order.events))
    office.store.store_document(feed.ORDER, order_id, document, change)
    office.connection.execute(
        "INSERT INTO online_order VALUES (?, ?, ?, ?)",
        (order_id, office.orders_count, order.status, record.decode()),
    )
    keep_allocations(office, order_id, order.allocations)
    office.news.tell("orders")
    office.tell_cells(cells)
    if not pending:
        tell_locations(office, order, document)
    entry = ledger.append(
        ORDER,
        record,
        actor=command.actor,
        reason="" if reservation is None else f"reservation {reservation.id} used",
        reference=order_id,
        cells=latest(cells),
    )
    ledger.remember(command.key, command.digest, 201, entry)
    rights_changed(office, [(one.location, one.sku) for one in order.allocations])
    return Done(201, record)
