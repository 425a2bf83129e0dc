"""Orders that this location fulfils, on the writer thread.

The location's gateway has custody (E9): what was sent here is fulfilled or released here and
nowhere else, once per allocation, also while the line is down. A request to cancel, or to give some
units back, is answered from this gateway's own journal: what has not left is released, and its
rights are minted here.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from gateway import spool
from gateway.deficit import cover
from gateway.shop import News, Shop
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument, actor_for
from replication.escrow import CellChange, Minted, Moved, latest
from replication.ids import entry_id
from replication.ledger import PROGRAM
from retail.documents import custody_field, event_texts, order_of
from retail.order_status import EventType, OrderStatus
from retail.orders import (
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
    OrderEventRequest,
    OrderLine,
    asked_back,
    check_event,
    check_lines,
    is_pickup_code,
)
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

FULFILMENT: Final = "fulfilment"
RELEASE: Final = "release"
ORDER_EVENT: Final = "order_event"

HANDS_OVER: Final = frozenset({EventType.SHIPPED, EventType.COLLECTED})
GIVES_BACK: Final = frozenset({EventType.CANCELLED, EventType.UNCOLLECTED, EventType.RELEASED})
WORKED_ON: Final = frozenset(
    {
        EventType.READY_TO_PICK,
        EventType.PICKED,
        EventType.PACKED,
        EventType.READY_FOR_PICKUP,
    }
)
HUB_ONLY: Final = frozenset(
    {
        EventType.PLACED,
        EventType.PAID,
        EventType.EXPIRED,
        EventType.CANCEL_REQUESTED,
        EventType.RELEASE_REQUESTED,
    }
)
"""Events that the hub alone writes: they are about money, or requests to this gateway."""


def hear(shop: Shop, order: Order, document: EntityDocument, change: bytes) -> None:
    """The feed brought an order: keep it as it is now, and answer requests for its units."""
    shop.store.store_document(feed.ORDER, order.id, document, change)
    known = shop.connection.execute("SELECT 1 FROM shop_order WHERE id = ?", (order.id,)).fetchone()
    _keep(shop, order)
    if known is None and order.status not in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
        shop.tell(News(type="order.new", order=order.id))
    open_here = _open_here(shop, order)
    if any(event.type is EventType.CANCEL_REQUESTED for event in order.events):
        answer, given_back = EventType.CANCELLED, open_here
    else:
        asked = asked_back(order)
        answer, given_back = EventType.RELEASED, [one for one in open_here if one.id in asked]
    if len(open_here) > len(given_back):  # there is something to pick
        spool.add_slips(shop, order.id)
    if given_back:
        _write(shop, document, order, answer, given_back, actor="program")


def may_tell(order: Order, event_type: EventType, *, keeps: bool) -> Problem | None:
    """Why nobody here may tell this event now, or None; `keeps`: some of it still waits here."""
    if event_type in HUB_ONLY:
        return Problem(Slug.CONFLICT, f"{event_type} is told at the hub, not in the store.")
    if (refused := check_event(order, event_type)) is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": refused.status})
    if not keeps and event_type in WORKED_ON | HANDS_OVER | GIVES_BACK:
        return Problem(Slug.CONFLICT, "Nothing of this order waits here any more.")
    return None


def tell_event(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop, command: Command, order_id: str, request: OrderEventRequest
) -> Outcome:
    """Somebody in the shop says what happened to an order."""
    known = shop.answered(command)
    if known is not None:
        return known
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    document = shop.store.load_document(feed.ORDER, order_id, actor)
    if document is None:
        return Problem(Slug.NOT_FOUND, f"No order {order_id} is fulfilled here.")
    order = order_of(document.fields(), document.events())
    open_here = _open_here(shop, order)
    if (refused := may_tell(order, request.type, keeps=bool(open_here))) is not None:
        return refused
    if (unfit := check_lines(order, request.lines)) is not None:
        return Problem.invalid(f"{unfit}.", field="$.lines")
    if request.pickup_code is not None and not is_pickup_code(order, request.pickup_code):
        return Problem(
            Slug.CONFLICT,
            f"This is not the pick-up code of order {order.number}.",
            members={"field": "$.pickup_code"},
        )
    touched: list[Allocation] = []
    if request.type in HANDS_OVER | GIVES_BACK:
        chosen = _chosen(open_here, request.lines)
        if isinstance(chosen, Problem):
            return chosen
        touched = chosen
    return _write(
        shop, document, order, request.type, touched,
        actor=command.principal.name, command=command, lines=request.lines,
    )  # fmt: skip


def _write(
    shop: Shop,
    document: EntityDocument,
    order: Order,
    event_type: EventType,
    touched: list[Allocation],
    *,
    actor: str,
    command: Command | None = None,
    lines: tuple[OrderLine, ...] | None = None,
) -> Done:
    """Write the event, end the custody of the touched allocations, journal both."""
    ledger = shop.ledger
    event = OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=event_type,
        at=rfc3339(ledger.now_ms),
        actor=actor,
        lines=lines,
    )
    kind, state, change_cells = _CUSTODY.get(event_type, (ORDER_EVENT, "committed", None))
    fields: dict[str, str] = {}
    cells: list[CellChange] = []
    moves: dict[str, int] = {}
    for one in touched:
        fields |= custody_field(one.id, state)
        if change_cells is not None:
            change_cells(shop, cells, moves, one)
    change = document.put(fields, event_texts((event,)))
    shop.store.store_document(feed.ORDER, order.id, document, change)
    order = order_of(document.fields(), document.events())
    _keep(shop, order)
    record = msgspec.json.encode(order)
    entry = ledger.append(
        kind,
        record,
        actor=command.actor if command else PROGRAM,
        reference=order.id,
        moves=moves.items(),
        cells=latest(cells),
    )
    if command is not None:
        ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def _hand_over(shop: Shop, cells: list[CellChange], moves: dict[str, int], one: Allocation) -> None:
    cells.append(shop.counter(one.sku).move(shop.ledger.writer, Moved.FULFILLED, one.quantity))
    moves[one.sku] = moves.get(one.sku, 0) - one.quantity


def _give_back(
    shop: Shop, cells: list[CellChange], _moves: dict[str, int], one: Allocation
) -> None:
    counter = shop.counter(one.sku)
    cells.append(counter.mint(shop.ledger.writer, Minted.ORDER_RELEASED, one.quantity))
    cover(shop, cells, one.sku)


_Cells = Callable[[Shop, list[CellChange], dict[str, int], Allocation], None]

_CUSTODY: Final[dict[EventType, tuple[str, AllocationState, _Cells | None]]] = {
    **dict.fromkeys(HANDS_OVER, (FULFILMENT, "fulfilled", _hand_over)),
    **dict.fromkeys(GIVES_BACK, (RELEASE, "released", _give_back)),
}
"""What an event that ends custody journals, leaves behind, and does to stock."""


def _keep(shop: Shop, order: Order) -> None:
    """Rebuild the rows of an order from what its document says now."""
    shop.connection.execute(
        "INSERT INTO shop_order VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (id) DO UPDATE SET status = ?2, data = ?4",
        (order.id, order.status, order.placed_at, msgspec.json.encode(order).decode()),
    )
    own = [one for one in order.allocations if one.location == shop.identity.location]
    # Custody begins with `committed`. What was given back before that has no row yet: a payment
    # that comes late commits the same allocation.
    shop.connection.executemany(
        "INSERT INTO allocation VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        [
            (one.id, order.id, one.sku, one.quantity, one.state)
            for one in own
            if one.state == "committed"
        ],
    )
    shop.connection.executemany(
        "UPDATE allocation SET state = ? WHERE id = ? AND state = 'committed'",
        [(one.state, one.id) for one in own if one.state in {"fulfilled", "released"}],
    )


def _open_here(shop: Shop, order: Order) -> list[Allocation]:
    """This location's allocations whose custody has not ended, by this gateway's own rows."""
    rows = shop.connection.execute(
        "SELECT id FROM allocation WHERE order_id = ? AND state = 'committed'", (order.id,)
    )
    open_ids = {row[0] for row in rows}
    return [one for one in order.allocations if one.id in open_ids]


def _chosen(
    open_here: list[Allocation], lines: tuple[OrderLine, ...] | None
) -> list[Allocation] | Problem:
    """The allocations that the event is about: all that are open, or those that the lines name."""
    if not open_here:
        return Problem(Slug.CONFLICT, "Nothing of this order waits here any more.")
    if lines is None:
        return open_here
    named = {line.sku: line.quantity for line in lines}
    chosen = [one for one in open_here if one.sku in named]
    held: dict[str, int] = {}
    for one in chosen:
        held[one.sku] = held.get(one.sku, 0) + one.quantity
    if len(named) != len(lines) or held != named:
        return Problem.invalid(
            "The lines must name whole allocations of this location, each SKU once.",
            field="$.lines",
        )
    return chosen
