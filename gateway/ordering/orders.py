"""Orders that this location fulfils, on the writer thread.

The location's gateway has custody (E9): what was sent here is fulfilled or released here and
nowhere else, once per unit, also while the line is down. An event about fewer units than an
allocation has splits it (`retail.ordering.allocations`). A request to cancel, or to give some units
back, is answered from this gateway's own journal: what has not left is released, and its rights are
minted here.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from gateway.ordering import unsure
from gateway.ordering.sent_back import SENT_BACK, refused_here, take_in
from gateway.printing import spool
from gateway.shop import News, Shop
from gateway.stockroom.adjustments import lose
from gateway.stockroom.deficit import cover
from gateway.stockroom.late_moves import counted_too_late
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument, actor_for
from replication.escrow import CellChange, Minted, Moved, Spent, latest
from replication.ids import LocationId, entry_id
from replication.ledger import PROGRAM
from retail.documents import custody_field, event_texts, order_of, part_field
from retail.ordering.allocations import (
    NotKept,
    Touched,
    goes_on_without,
    part_of,
    too_many_parts,
    touched_by,
)
from retail.ordering.order_status import CALLS_OFF, ENDS_CUSTODY, EventType, OrderStatus
from retail.ordering.ordered_goods import returned_event
from retail.ordering.orders import (
    HANDS_OVER,
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
    OrderEventRequest,
    OrderLine,
    asked_back,
    check_event,
    check_lines,
    is_cancel_requested,
    is_pickup_code,
)
from retail.returning.returns import GoodsReturn
from retail.stock.stock_reasons import Place, standing
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

FULFILMENT: Final = "fulfilment"
RELEASE: Final = "release"
SHORT_PICK: Final = "short_pick"
UNCOLLECTED: Final = "uncollected"
ORDER_EVENT: Final = "order_event"

LEFT_BEFORE: Final = "the box before this one had handed it over"
"""Why goods are booked as handed over that are not here any more."""

GIVES_BACK: Final = frozenset({EventType.CANCELLED, EventType.RELEASED})
"""Events with which units are on sale again."""

WORKED_ON: Final = frozenset(
    {
        EventType.READY_TO_PICK,
        EventType.PICKED,
        EventType.PACKED,
        EventType.READY_FOR_PICKUP,
    }
)
"""Steps of the work between: the goods are here before and after."""

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
    before = {one.id for one in _open_here(shop, order)}
    keep(shop, order)
    if known is None and order.status not in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
        shop.tell(News(type="order.new", order=order.id))
    open_here = _open_here(shop, order)
    if len(open_here) > len(_wanted_back(order, open_here)):  # there is something to pick
        spool.add_slips(shop, order.id, more=any(one.id not in before for one in open_here))
    if not unsure.is_unsure(shop, order.id):
        _answer(shop, document, order)


def _wanted_back(order: Order, kept: list[Allocation]) -> list[Allocation]:
    """What of the kept units is asked for: all of them with a cancel, or some allocations."""
    if is_cancel_requested(order):
        return kept
    asked = asked_back(order)
    return [one for one in kept if one.id in asked]


def _answer(shop: Shop, document: EntityDocument, order: Order) -> None:
    """Give back what is asked for and has not left."""
    answer = EventType.CANCELLED if is_cancel_requested(order) else EventType.RELEASED
    wanted = _wanted_back(order, _open_here(shop, order))
    if touched := [Touched(one, one.quantity) for one in wanted]:
        _write(shop, document, order, answer, touched, actor="program")


def may_tell(
    location: LocationId, order: Order, event_type: EventType, *, keeps: bool
) -> Problem | None:
    """Why nobody at `location`, which `keeps` some of it or not, may tell this now; None: may."""
    if event_type is EventType.PAID:
        return Problem(Slug.CONFLICT, "Money that a till takes goes to /v1/orders/{id}/payments.")
    if event_type in HUB_ONLY:
        return Problem(Slug.CONFLICT, f"{event_type} is told at the hub, not in the store.")
    if (refused := check_event(order, event_type)) is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": refused.status})
    if not keeps and event_type in WORKED_ON | ENDS_CUSTODY:
        return Problem(
            Slug.CONFLICT,
            "Nothing of this order waits here any more.",
            members={"order_status": order.status},
        )
    if event_type is EventType.DELIVERY_REFUSED:
        back = refused_here(location, order, None)
        return back if isinstance(back, Problem) else None
    return None


def document_of(shop: Shop, order_id: str) -> EntityDocument | Problem:
    """The document of an order that is fulfilled here, for an event to be written into it."""
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    document = shop.store.load_document(feed.ORDER, order_id, actor)
    if document is None:
        return Problem(Slug.NOT_FOUND, f"No order {order_id} is fulfilled here.")
    return document


def tell_event(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop, command: Command, order_id: str, request: OrderEventRequest
) -> Outcome:
    """Somebody in the shop says what happened to an order."""
    known = shop.answered(command)
    if known is not None:
        return known
    document = document_of(shop, order_id)
    if isinstance(document, Problem):
        return document
    order = order_of(document.fields(), document.events())
    open_here = _open_here(shop, order)
    if (refused := _why_refused(shop, order, request, keeps=bool(open_here))) is not None:
        return refused
    touched = touched_by(open_here, request.lines) if request.type in ENDS_CUSTODY else []
    if isinstance(touched, NotKept):
        return Problem.invalid(f"{touched}.", field="$.lines")
    if (split := too_many_parts(order, touched)) is not None:
        return Problem.invalid(f"{split}.", field="$.lines")
    lines = request.lines
    if request.type is EventType.DELIVERY_REFUSED:
        back = refused_here(shop.location, order, lines)
        if isinstance(back, Problem):
            return back
        lines = back
    if request.handed_over_before:
        gone = {sku: -units for sku, units in _units(touched).items()}
        counted_too_late(shop, gone, LEFT_BEFORE)
    done = _write(
        shop, document, order, request.type, touched,
        actor=command.principal.name, command=command, lines=lines,
        reason=LEFT_BEFORE if request.handed_over_before else "",
    )  # fmt: skip
    if request.handed_over_before is not None and unsure.is_unsure(shop, order_id):
        unsure.settle(shop, order_id)
        _answer(shop, document, order_of(document.fields(), document.events()))
    return done


def _why_refused(
    shop: Shop, order: Order, request: OrderEventRequest, *, keeps: bool
) -> Problem | None:
    """Why this cannot be told of an order of which the shop `keeps` some or nothing, or None."""
    if (refused := may_tell(shop.location, order, request.type, keeps=keeps)) is not None:
        return refused
    if (unfit := check_lines(order, request.lines)) is not None:
        return Problem.invalid(f"{unfit}.", field="$.lines")
    if request.pickup_code is not None and not is_pickup_code(order, request.pickup_code):
        return Problem(
            Slug.CONFLICT,
            f"This is not the pick-up code of order {order.number}.",
            members={"field": "$.pickup_code"},
        )
    if request.type is EventType.SHORT_PICKED and request.lines is None:
        return Problem.invalid("A short pick names the units that are missing.", field="$.lines")
    return unsure.why_refused(shop, order.id, request)


def _write(  # noqa: PLR0913 - an event's own parts, and who tells it
    shop: Shop,
    document: EntityDocument,
    order: Order,
    event_type: EventType,
    touched: list[Touched],
    *,
    actor: str,
    command: Command | None = None,
    lines: tuple[OrderLine, ...] | None = None,
    reason: str = "",
) -> Done:
    """Write the event, end the custody of the touched units, journal both.

    Units that are called off, while others of the order are kept or gone, are named: they alone
    will not come.
    """
    ledger = shop.ledger
    off: tuple[str, ...] | None = None
    if event_type in CALLS_OFF:
        lines, off = _called_off(order, touched)
    event = OrderEvent(
        id=entry_id(ledger.writer, ledger.next_seq),
        type=event_type,
        at=rfc3339(ledger.now_ms),
        actor=actor,
        lines=lines,
        allocations=off,
    )
    kind, state, change_cells = _CUSTODY.get(event_type, (ORDER_EVENT, "committed", None))
    fields: dict[str, str] = {}
    cells: list[CellChange] = []
    moves: dict[str, int] = {}
    for one in touched:
        if one.is_whole:
            fields |= custody_field(one.allocation.id, state)
        else:
            fields |= part_field(part_of(order, one, state))
        if change_cells is not None:
            change_cells(shop, cells, moves, one)
    change = document.put(fields, event_texts((event,)))
    shop.store.store_document(feed.ORDER, order.id, document, change)
    order = order_of(document.fields(), document.events())
    keep(shop, order)
    record = msgspec.json.encode(order)
    is_sent_back = command is not None and event_type in SENT_BACK
    ledger.append(
        kind,
        record,
        actor=command.actor if command else PROGRAM,
        reason=reason,
        reference=order.id,
        moves=moves.items(),
        cells=latest(cells),
        request=command.mark() if command else None,
        more=1 if is_sent_back else 0,
    )
    if command is not None and is_sent_back:
        told = {line.sku: line.quantity for line in lines or ()}
        take_in(shop, command, order, event_type, _units(touched) or told)
    return Done(201, record)


def _called_off(
    order: Order, touched: list[Touched]
) -> tuple[tuple[OrderLine, ...] | None, tuple[str, ...] | None]:
    """The lines and allocations that are called off; None where nothing of the order goes on."""
    if not goes_on_without(order, touched):
        return None, None
    parts = [one.allocation if one.is_whole else part_of(order, one, "released") for one in touched]
    lines = [OrderLine(sku=sku, quantity=units) for sku, units in _units(touched).items()]
    return tuple(lines), tuple(one.id for one in parts)


def _units(touched: list[Touched]) -> dict[str, int]:
    units: dict[str, int] = {}
    for one in touched:
        sku = one.allocation.sku
        units[sku] = units.get(sku, 0) + one.quantity
    return units


def _hand_over(shop: Shop, cells: list[CellChange], moves: dict[str, int], one: Touched) -> None:
    sku = one.allocation.sku
    cells.append(shop.counter(sku).move(shop.ledger.writer, Moved.FULFILLED, one.quantity))
    moves[sku] = moves.get(sku, 0) - one.quantity


def _give_back(shop: Shop, cells: list[CellChange], _moves: dict[str, int], one: Touched) -> None:
    sku = one.allocation.sku
    cells.append(shop.counter(sku).mint(shop.ledger.writer, Minted.ORDER_RELEASED, one.quantity))
    cover(shop, cells, sku)


def _miss(shop: Shop, cells: list[CellChange], moves: dict[str, int], one: Touched) -> None:
    """Units that were promised are not there: the promise ends, and they are lost.

    What the book knows to be gone already, a deficit that no right covers, is not lost a second
    time: the promise that could not be kept was this one.
    """
    sku = one.allocation.sku
    counter = shop.counter(sku)
    levels = counter.levels()
    known_units = min(one.quantity, max(0, levels.deficit - levels.available))
    lost_units = min(one.quantity - known_units, standing(counter, Place.SHELF))
    cells.append(counter.mint(shop.ledger.writer, Minted.ORDER_RELEASED, one.quantity))
    if lost_units:
        lose(shop, cells, sku, lost_units, Spent.COUNTED_DOWN, Moved.COUNTED_DOWN)
        moves[sku] = moves.get(sku, 0) - lost_units
    cover(shop, cells, sku)


_Cells = Callable[[Shop, list[CellChange], dict[str, int], Touched], None]

_CUSTODY: Final[dict[EventType, tuple[str, AllocationState, _Cells | None]]] = {
    **dict.fromkeys(HANDS_OVER, (FULFILMENT, "fulfilled", _hand_over)),
    **dict.fromkeys(GIVES_BACK, (RELEASE, "released", _give_back)),
    EventType.UNCOLLECTED: (UNCOLLECTED, "released", _hand_over),
    EventType.SHORT_PICKED: (SHORT_PICK, "released", _miss),
}
"""What an event that ends custody journals, leaves behind, and does to stock."""

CUSTODY_KINDS: Final = tuple(sorted({kind for kind, _, _ in _CUSTODY.values()}))
"""The kinds of entries with which goods of an order left, or are this location's again."""


def hear_returned(shop: Shop, record: GoodsReturn) -> None:
    """Goods of an order that is kept here came back to this shop: its document says so at once.

    The hub writes the same event when it hears of the return.
    """
    document = document_of(shop, record.sale)
    if isinstance(document, Problem):
        return
    change = document.put({}, event_texts((returned_event(record),)))
    shop.store.store_document(feed.ORDER, record.sale, document, change)
    keep(shop, order_of(document.fields(), document.events()))


def keep(shop: Shop, order: Order) -> None:
    """Rebuild the rows of an order from what its document says now."""
    shop.tell(News(type="order.changed", order=order.id))
    shop.connection.execute(
        "INSERT INTO shop_order VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (id) DO UPDATE SET status = ?2, data = ?4",
        (order.id, order.status, order.placed_at, msgspec.json.encode(order).decode()),
    )
    own = [one for one in order.allocations if one.location == shop.identity.location]
    # Custody begins with `committed`. What was given back before that has no row yet: a payment
    # that comes late commits the same allocation. A part is split off once, and what is left of the
    # whole is less.
    shop.connection.executemany(
        "INSERT INTO allocation VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity",
        [
            (one.id, order.id, one.sku, one.quantity, one.state)
            for one in own
            if one.state == "committed" or one.part_of is not None
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
