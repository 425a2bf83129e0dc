"""Goods between two locations: what was to go, what left, what came, and what follows from that.

A transfer's number is the journal place where it was created and where it goes to, such as
`riverside.1-57-harbour`: whoever holds the paper knows both ends without asking anybody.

Its history is a grow-only set of events, of which the source alone writes `shipped` and the
destination alone `received`, merged in any order. Nobody writes a status or a sum; both are read
off the set:

    TR1  status and sums do not depend on the order, grouping or repetition of the events
    TR2  a line is received once; what was shipped of it and did not come is lost, what came beyond
         that is surplus
    TR3  what came before the source was heard is unmatched until then
    TR4  it leaves and comes once: what two lives of a box have both told counts by the later one

    E7  shipped + surplus == received + in transit + lost, per SKU, over all transfers, where an
        unmatched unit is in transit minus once: it has come and is not known to have left
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from replication.ids import (
    EntryId,
    LocationId,
    entry_id,
    incarnation_of,
    is_location_id,
    location_of,
    parse_entry_id,
)
from retail.documents import DocumentUnfit
from retail.products.catalogue import QUANTITY_MAX, Quantity, Sku
from retail.selling import sales
from retail.selling.sales import LINES_MAX, Rfc3339

PART_BYTES_MAX: Final = 48 * 1024
"""What the SKUs and quantities of the plan, of what was shipped and of what was received may each
take, as text: `LINES_MAX` lines of ordinary SKUs. All three, counted in line by line and told by
both ends and the hub apart, still fit into one document."""

_PLAN: Final = "transfer"

_encode = msgspec.json.encode
_decode = msgspec.json.decode


class TransferStatus(enum.StrEnum):
    """Where a transfer stands."""

    NEW = "new"
    SHIPPED = "shipped"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"


_STATUS: Final[Mapping[tuple[bool, bool, bool], TransferStatus]] = {
    (False, False, False): TransferStatus.NEW,
    # By paper: whether that was all of it is not known before the source is heard.
    (False, True, False): TransferStatus.PARTLY_RECEIVED,
    (True, False, True): TransferStatus.SHIPPED,
    (True, True, True): TransferStatus.PARTLY_RECEIVED,
    (True, True, False): TransferStatus.RECEIVED,
}
"""(was shipped, something was received, something is in transit) -> status."""


class Route(NamedTuple):
    """What a transfer's number says: who sends it where, and the entry that created it."""

    source: LocationId
    destination: LocationId
    entry: EntryId


def transfer_id(entry: EntryId, destination: str) -> str:
    """The number of the transfer that `entry` creates."""
    return f"{entry}-{destination}"


def parse_transfer_id(text: str) -> Route | None:
    """Read a transfer's number; None when `text` is not one, or goes nowhere."""
    start, dot, rest = text.partition(".")
    incarnation, _, rest = rest.partition("-")
    seq, _, destination = rest.partition("-")
    place = parse_entry_id(f"{start}{dot}{incarnation}-{seq}")
    if place is None or not is_location_id(destination):
        return None
    source = location_of(place[0])
    if not is_location_id(source) or source == destination:
        return None
    return Route(source, LocationId(destination), entry_id(*place))


class TransferLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU, to be shipped or shipped."""

    sku: Sku
    quantity: Quantity


TransferLines = Annotated[tuple[TransferLine, ...], Meta(min_length=1, max_length=LINES_MAX)]

Counted = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]


class CountedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU were on the truck; 0 when none was."""

    sku: Sku
    quantity: Counted


CountedLines = Annotated[tuple[CountedLine, ...], Meta(min_length=1, max_length=LINES_MAX)]


class ReceivedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line as it was counted in; `lost` is what it was short of what was shipped, if known."""

    sku: Sku
    quantity: Counted
    lost: Counted


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the source wrote when it created the transfer; never changed. Each SKU once."""

    lines: TransferLines
    reference: Annotated[str, Meta(max_length=200)] | None
    created_at: Rfc3339
    created_by: str


class Shipped(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="type", tag="shipped",
):  # fmt: skip
    """The truck left with these; `id` is the source's journal place."""

    id: str
    at: Rfc3339
    actor: str
    lines: TransferLines


class Received(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True,
    tag_field="type", tag="received",
):  # fmt: skip
    """These were counted in; `id` is the destination's journal place.

    `unmatched` says that it was done by paper, before the destination had heard of the shipment.
    """

    id: str
    at: Rfc3339
    actor: str
    lines: Annotated[tuple[ReceivedLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    unmatched: bool


TransferEvent = Shipped | Received


class TransferItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One SKU of a transfer: `quantity` as planned, and what its events say, in base units."""

    sku: Sku
    quantity: int
    shipped: int
    received: int
    in_transit: int
    lost: int
    surplus: int
    unmatched: int


class Discrepancy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A SKU of which something else came than was shipped."""

    sku: Sku
    shipped: int
    received: int
    lost: int
    surplus: int


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A transfer as it is shown and journalled. Every field but the events follows from them.

    `created_at` and `created_by` are None where only its paper is known.
    """

    id: str
    status: TransferStatus
    source: sales.LocationId = msgspec.field(name="from")
    destination: sales.LocationId = msgspec.field(name="to")
    reference: str | None
    created_at: Rfc3339 | None
    created_by: str | None
    lines: tuple[TransferItem, ...]
    discrepancies: tuple[Discrepancy, ...]
    events: tuple[TransferEvent, ...]

    def is_shipped(self) -> bool:
        """Whether the source was heard to have sent it."""
        return any(isinstance(event, Shipped) for event in self.events)


# Documents


def plan_field(plan: Plan) -> dict[str, str]:
    """The one field of a transfer's document; only the source's own writing is put there."""
    return {_PLAN: _encode(plan).decode()}


def event_field(event: TransferEvent) -> dict[str, str]:
    """An event for the events map."""
    return {event.id: _encode(event).decode()}


def plan_of(transfer: Transfer) -> Plan | None:
    """What the source planned, out of the transfer as it is shown; None where it is not known.

    Raises:
        DocumentUnfit: it is said to be planned, and nothing is.
    """
    if transfer.created_at is None or transfer.created_by is None:
        return None
    lines = tuple(
        TransferLine(sku=one.sku, quantity=one.quantity) for one in transfer.lines if one.quantity
    )
    if not lines:
        raise DocumentUnfit(f"transfer {transfer.id} was planned without lines")
    return Plan(
        lines=lines,
        reference=transfer.reference,
        created_at=transfer.created_at,
        created_by=transfer.created_by,
    )


def transfer_of(number: str, fields: Mapping[str, str], events: Mapping[str, str]) -> Transfer:
    """The transfer of that number, as its document describes it; both maps may be empty.

    Raises:
        DocumentUnfit: it does not describe one, or has an event of somebody else's.
    """
    route = parse_transfer_id(number)
    if route is None:
        raise DocumentUnfit(f"{number!r} is no transfer's number")
    try:
        plan = _decode(fields[_PLAN], type=Plan) if _PLAN in fields else None
        history = [_event_of(route, key, text) for key, text in events.items()]
    except msgspec.DecodeError as error:
        raise DocumentUnfit(f"not a transfer: {error}") from None
    return _shown(number, route, plan, tuple(sorted(history, key=lambda one: (one.at, one.id))))


def _event_of(route: Route, key: str, text: str) -> TransferEvent:
    event: TransferEvent = _decode(text, type=Shipped | Received)
    place = parse_entry_id(event.id)
    writer = route.source if isinstance(event, Shipped) else route.destination
    if event.id != key or place is None or location_of(place[0]) != writer:
        raise DocumentUnfit(f"{key} is no event of {writer}")
    return event


def _shown(
    number: str, route: Route, plan: Plan | None, events: tuple[TransferEvent, ...]
) -> Transfer:
    items = _items(plan, events)
    kinds = {type(event) for event in events}
    in_transit = any(one.in_transit for one in items)
    return Transfer(
        id=number,
        status=_STATUS[Shipped in kinds, Received in kinds, in_transit],
        source=route.source,
        destination=route.destination,
        reference=plan.reference if plan else None,
        created_at=plan.created_at if plan else None,
        created_by=plan.created_by if plan else None,
        lines=items,
        discrepancies=tuple(
            Discrepancy(
                sku=one.sku,
                shipped=one.shipped,
                received=one.received,
                lost=one.lost,
                surplus=one.surplus,
            )
            for one in items
            if one.lost or one.surplus
        ),
        events=events,
    )


def _items(plan: Plan | None, events: tuple[TransferEvent, ...]) -> tuple[TransferItem, ...]:
    planned = units_of((line.sku, line.quantity) for line in (plan.lines if plan else ()))
    is_sent = any(isinstance(event, Shipped) for event in events)
    shipped, received = (told_units(events, kind, once=True) for kind in (Shipped, Received))
    skus = dict.fromkeys((*planned, *shipped, *received))
    return tuple(
        _item(sku, planned.get(sku, 0), shipped.get(sku, 0) if is_sent else None, received.get(sku))
        for sku in skus
    )


def told_units(
    events: Iterable[TransferEvent], kind: type[TransferEvent], *, once: bool
) -> dict[str, int]:
    """What events of a kind say moved, per SKU; with `once` what counts of it (TR4)."""
    of_kind = [event for event in events if isinstance(event, kind)]
    last = last_lives(of_kind) if once else {}
    return units_of(
        (line.sku, line.quantity)
        for event in of_kind
        for line in event.lines
        if life_of(event) == last.get(line.sku, life_of(event))
    )


def last_lives(events: Iterable[TransferEvent]) -> dict[str, int]:
    """The last life of an end that tells of a SKU; the events are of one kind."""
    last: dict[str, int] = {}
    for event in events:
        for line in event.lines:
            last[line.sku] = max(life_of(event), last.get(line.sku, 0))
    return last


def life_of(event: TransferEvent) -> int:
    """The incarnation of the box that told it."""
    return incarnation_of(event.id.rpartition("-")[0])


def _item(sku: str, planned: int, shipped: int | None, received: int | None) -> TransferItem:
    """One SKU's sums; `shipped` is None while the source is unheard, `received` until counted."""
    left, came = shipped or 0, received or 0
    is_matched = shipped is not None and received is not None
    return TransferItem(
        sku=sku,
        quantity=planned,
        shipped=left,
        received=came,
        in_transit=left if received is None else 0,
        lost=max(left - came, 0) if is_matched else 0,
        surplus=max(came - left, 0) if is_matched else 0,
        unmatched=came if shipped is None else 0,
    )


def units_of(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Lines summed per SKU, in the order of their first naming."""
    units: dict[str, int] = {}
    for sku, quantity in lines:
        units[sku] = units.get(sku, 0) + quantity
    return units


def is_too_large(transfer: Transfer) -> bool:
    """Whether a part of it has too many lines or too long ones; asked before it is kept.

    What is received of what was shipped is never larger than that: a full part is no dead end.
    """
    told = [told_units(transfer.events, kind, once=True) for kind in (Shipped, Received)]
    planned = {one.sku: one.quantity for one in transfer.lines if one.quantity}
    parts = [list(part.items()) for part in (planned, *told)]
    return any(len(part) > LINES_MAX or len(_encode(part)) > PART_BYTES_MAX for part in parts)
