"""Orders as the store's team sees them: what this location keeps, and what is to be done next.

A status is the whole order's. Of a split order it says nothing about this store's part: another
store's parcel may be on its way while these goods still stand on the shelf. What is left to do here
is read off the events that this location wrote and the units that it keeps.

What may be told next is not written down a second time: each event is asked of the function that
refuses it (`gateway.ordering.orders.may_tell`).
"""

import datetime
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from gateway.ordering.order_payments import due_now
from gateway.ordering.orders import CUSTODY_KINDS, may_tell
from gateway.reads import ShopReads
from replication.ids import LocationId, WriterId, location_of, location_of_entry
from replication.journal import EntryBody
from retail.business_day import date_at
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, OrderEvent, Pickup
from retail.products.catalogue import Product
from web.paging import Cursor, Page, Paged

DONE_ENTRIES_MAX: Final = 5_000
"""So far back the journal is looked through for what left today; a busy day of a large store."""

Stage = Literal["to_pick", "to_pack", "to_ship", "to_collect", "done"]
"""What the team has to do: `to_pack` is also to set out for whoever collects. A cancel is answered
by the gateway itself, so nobody ever has to do that."""

_ID: Final = Cursor(tuple[str])
_decode_order = msgspec.json.Decoder(Order).decode
_decode_entry = msgspec.json.Decoder(EntryBody).decode


class OrdersQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders in one status, or all. With `queue` only what waits here or left here today."""

    status: str | None = None
    queue: bool = False


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """Base units of a SKU that this location keeps for the order, and how many are picked.

    Of a bundle its components. `translations` has the name in other languages.
    """

    sku: str
    name: str
    translations: dict[str, str]
    unit: str
    quantity: int
    picked: int


class ShopOrder(Order, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order, and what of it is this location's.

    `kept` is what it still has to hand over, `due_minor` what a till here may take for it now: of
    an order that is paid where it is handed over. `next_event` is the usual next step,
    `allowed_events` are all that are taken now; `last_event` is the last that was written here, at
    `touched_at`. `is_unsure`: the box before this one may have handed it over, and nobody has said
    yet whether it did (`handed_over_before`).
    """

    stage: Stage
    kept: tuple[KeptLine, ...]
    due_minor: int
    next_event: EventType | None
    allowed_events: tuple[EventType, ...]
    last_event: EventType | None
    touched_at: str | None
    is_unsure: bool


def shop_order(reads: ShopReads, location: LocationId, order_id: str) -> ShopOrder | None:
    """One order; None where it is not fulfilled here."""
    row = reads.store.connection.execute(
        "SELECT data FROM shop_order WHERE id = ?", (order_id,)
    ).fetchone()
    if row is None:
        return None
    rows = reads.store.connection.execute(
        "SELECT sku, sum(quantity) FROM allocation WHERE order_id = ? AND state = 'committed' "
        "GROUP BY sku ORDER BY sku",
        (order_id,),
    )
    units = {str(sku): int(str(quantity)) for sku, quantity in rows}
    asked = reads.store.connection.execute(
        "SELECT 1 FROM unsure_order WHERE id = ?", (order_id,)
    ).fetchone()
    is_unsure = asked is not None and bool(units)
    return seen_from(
        location, _decode_order(str(row[0])), units, reads.catalogue, is_unsure=is_unsure
    )


def orders_page(
    reads: ShopReads,
    query: OrdersQuery,
    *,
    writer: WriterId,
    today: datetime.date,
    zone: zoneinfo.ZoneInfo,
) -> Paged[ShopOrder]:
    """Orders that this location fulfils, as they were placed; `today` is the shop's, in `zone`."""
    place = _ID.decode(query.cursor)
    after = place[0] if place else ""
    chosen = _queued(reads, writer, today, zone) if query.queue else _all(reads, query, after)
    later = (one for one in chosen if _placed(one) > _placed(after))
    ids = sorted(later, key=_placed)[: query.limit + 1]
    location = location_of(writer)
    reads.catalogue.forget()
    found = [shop_order(reads, location, one) for one in ids[: query.limit]]
    items = [
        one
        for one in found
        if one is not None and (query.status is None or one.status == query.status)
    ]
    more = len(ids) > query.limit
    return Paged(items=items, next_cursor=_ID.encode((ids[query.limit - 1],)) if more else None)


def _placed(order_id: str) -> tuple[int, str]:
    """A key that sorts the hub's entries as it wrote them: "hub.1-10" comes after "hub.1-9"."""
    return len(order_id), order_id


def _all(reads: ShopReads, query: OrdersQuery, after: str) -> set[str]:
    rows = reads.store.connection.execute(
        "SELECT id FROM shop_order WHERE (length(id), id) > (length(?1), ?1) "
        "AND (?2 IS NULL OR status = ?2) ORDER BY length(id), id LIMIT ?3",
        (after, query.status, query.limit + 1),
    )
    return {str(one) for (one,) in rows}


def _queued(
    reads: ShopReads, writer: WriterId, today: datetime.date, zone: zoneinfo.ZoneInfo
) -> set[str]:
    """The ids of what waits here and of what left today."""
    rows = reads.store.connection.execute(
        "SELECT order_id FROM allocation WHERE state = 'committed'"
    )
    return {str(one) for (one,) in rows} | set(_left_on(reads, writer, today, zone))


def _left_on(
    reads: ShopReads, writer: WriterId, day: datetime.date, zone: zoneinfo.ZoneInfo
) -> Iterator[str]:
    """Orders of which something was handed over or given back here on that day, newest first."""
    rows = reads.store.connection.execute(
        "SELECT body FROM entry WHERE arrival IN ("
        "  SELECT arrival FROM (SELECT arrival, kind FROM entry WHERE writer = ?1 "
        "  ORDER BY seq DESC LIMIT ?2) WHERE kind IN (SELECT value FROM json_each(?3))"
        ") ORDER BY arrival DESC",
        (writer, DONE_ENTRIES_MAX, msgspec.json.encode(CUSTODY_KINDS).decode()),
    )
    for (body,) in rows:
        entry = _decode_entry(bytes(body))
        if date_at(entry.at_ms, zone) < day:
            return
        yield entry.reference


def seen_from(
    location: LocationId,
    order: Order,
    units: Mapping[str, int],
    products: Mapping[str, Product],
    *,
    is_unsure: bool = False,
) -> ShopOrder:
    """An order as `location` sees it, which still keeps so many `units` of each SKU. Pure."""
    own = [one for one in order.events if location_of_entry(one.id) == location]
    work = {step: _units_of(own, _REACHED[step], units) for step in _REACHED}
    stage = _stage(order, units, work)
    allowed = tuple(
        event for event in EventType if may_tell(location, order, event, keeps=bool(units)) is None
    )
    usual = next((event for event in _usual(order, stage) if event in allowed), None)
    names = {line.sku: line.name for line in order.lines}
    return ShopOrder(
        **msgspec.structs.asdict(order),
        stage=stage,
        kept=tuple(
            _kept(sku, many, work[EventType.PICKED][sku], names, products)
            for sku, many in units.items()
        ),
        due_minor=due if isinstance(due := due_now(order), int) else 0,
        next_event=usual,
        allowed_events=allowed,
        last_event=own[-1].type if own else None,
        touched_at=own[-1].at if own else None,
        is_unsure=is_unsure,
    )


_REACHED: Final[Mapping[EventType, frozenset[EventType]]] = {
    EventType.PICKED: frozenset({EventType.PICKED, EventType.PACKED, EventType.READY_FOR_PICKUP}),
    EventType.PACKED: frozenset({EventType.PACKED, EventType.READY_FOR_PICKUP}),
    EventType.READY_FOR_PICKUP: frozenset({EventType.READY_FOR_PICKUP}),
}
"""The steps of work in the store, and the events after which each is done: some may be skipped."""


def _units_of(
    own: list[OrderEvent], events: frozenset[EventType], units: Mapping[str, int]
) -> dict[str, int]:
    """How many of the kept units those events were about; without lines about all."""
    told = dict.fromkeys(units, 0)
    for event in own:
        if event.type not in events:
            continue
        about = units if event.lines is None else {one.sku: one.quantity for one in event.lines}
        for sku in told:
            told[sku] += about.get(sku, 0)
    return {sku: min(many, units[sku]) for sku, many in told.items()}


def _stage(
    order: Order, units: Mapping[str, int], work: Mapping[EventType, Mapping[str, int]]
) -> Stage:
    if not units:
        return "done"
    if work[EventType.PICKED] != units:
        return "to_pick"
    if isinstance(order.fulfilment, Pickup):
        return "to_collect" if work[EventType.READY_FOR_PICKUP] == units else "to_pack"
    return "to_ship" if work[EventType.PACKED] == units else "to_pack"


def _usual(order: Order, stage: Stage) -> tuple[EventType, ...]:
    """What usually comes next, the first that is allowed.

    Of an order that was called off after these goods had been promised there is no work to tell any
    more; they may still be handed over.
    """
    pickup = isinstance(order.fulfilment, Pickup)
    leaves = EventType.COLLECTED if pickup else EventType.SHIPPED
    match stage:
        case "to_pick":
            return EventType.PICKED, leaves
        case "to_pack":
            return EventType.READY_FOR_PICKUP if pickup else EventType.PACKED, leaves
        case "to_ship" | "to_collect":
            return (leaves,)
        case "done":
            return ()


def _kept(
    sku: str, units: int, picked: int, names: Mapping[str, str], products: Mapping[str, Product]
) -> KeptLine:
    product = products.get(sku)
    if product is None:
        return KeptLine(
            sku=sku, name=names.get(sku, sku), translations={}, unit="piece", quantity=units,
            picked=picked,
        )  # fmt: skip
    return KeptLine(
        sku=sku,
        name=product.name,
        translations={tag: one.name for tag, one in product.translations.items()},
        unit=product.unit,
        quantity=units,
        picked=picked,
    )
