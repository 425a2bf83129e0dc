"""Uses of limited promotions at the hub, on the writer thread (`replication.allowances`).

The hub allows them, hands connected stores a few, spends its own for online orders, and asks a
store for some of what it holds when its own are gone.

An order that nobody paid and that is cancelled or expires gives its use back; paid late it takes
one again, or is refunded. Whatever was paid or sent out has used it for good, also when the goods
come back: else a coupon that is good once would be good once a day.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.stores import lending
from cloud_hub.stores.lending import give
from replication.allowances import allowed, set_limit, usage_of, use
from replication.escrow import CellChange, EscrowCounter, Minted, Spent, Table
from replication.ids import EVERYWHERE, WriterId, location_of, parse_entry_id
from replication.journal import EntryBody
from replication.quota import allowance_recalled, uses_handed_out
from retail.ordering.orders import Order, is_paid
from retail.prices.promotions import Promotion

TAKEN_BACK: Final = "uses_taken_back"
"""The kind of an entry that takes off what came back above a lowered limit."""


class PromotionUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Uses of a limited promotion, as far as the hub has heard.

    `allowed` may be above a limit that was lowered: uses that were had, or lie with stores, are not
    taken back. `with_stores` counts what they hold to offer it while they are cut off.
    """

    allowed: int
    used: int
    with_hub: int
    with_stores: int


class PromotionAtHub(Promotion, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A promotion with its uses; None where they have no limit."""

    usage: PromotionUsage | None


def shown(office: HeadOffice, promotion: Promotion) -> PromotionAtHub:
    """A promotion as head office sees it."""
    usage: PromotionUsage | None = None
    if (key := office.rules.limited.get(promotion.id)) is not None:
        told = usage_of(_counter(office, key))
        with_hub = told.held.get(HUB_WRITER, 0)
        usage = PromotionUsage(
            allowed=told.allowed,
            used=told.used,
            with_hub=with_hub,
            with_stores=sum(told.held.values()) - with_hub,
        )
    return PromotionAtHub(**msgspec.structs.asdict(promotion), usage=usage)


def limit_cells(office: HeadOffice, key: str, limit: int) -> list[CellChange]:
    """Bring what is allowed to the limit, for the entry of the promotion that names it."""
    return set_limit(_counter(office, key), HUB_WRITER, limit)


def take_grant(office: HeadOffice, writer: WriterId, cells: Sequence[CellChange]) -> None:
    """Merge a gateway's grant (`lending.take_grant`).

    Uses that come back after their limit was lowered are used by nobody: they were too many when
    they were out of reach, and still are.
    """
    lending.take_grant(office, writer, cells)
    keep_limits(office, {change.sku for change in cells})


def keep_limits(office: HeadOffice, touched: Container[str]) -> None:
    """Take off what came back of these above a limit that was lowered meanwhile."""
    for promotion, key in office.rules.limited.items():
        limit = office.rules.promotions[promotion].max_usage
        assert limit is not None, "a limited promotion has a limit"
        if key in touched and allowed(_counter(office, key)) > limit:
            back = limit_cells(office, key, limit)
            if back:
                record = msgspec.json.encode({"promotion": promotion, "limit": limit})
                office.ledger.append(TAKEN_BACK, record, reference=promotion, cells=back)


def uses_held(office: HeadOffice, key: str) -> int:
    """Uses that the hub has a right to itself."""
    return _counter(office, key).quota(HUB_WRITER)


def use_cells(office: HeadOffice, keys: Iterable[str]) -> list[CellChange]:
    """Spend a use of each; the caller has seen that the hub holds them."""
    return [use(_counter(office, key), HUB_WRITER) for key in keys]


def _counter(office: HeadOffice, key: str) -> EscrowCounter:
    return office.ledger.counter(EVERYWHERE, key)


# Handing out


def hand_out(
    office: HeadOffice, writer: WriterId, keys: Iterable[str] | None = None
) -> list[CellChange]:
    """Fill up what a connected store holds of these allowances, or of all."""
    touched = None if keys is None else frozenset(keys)
    lines = [
        (key, units)
        for promotion, key in office.rules.limited.items()
        if (touched is None or key in touched)
        and (units := _units_for(office, office.rules.promotions[promotion], key, writer))
    ]
    return give(office, writer, "", lines) if lines else []


def hand_out_to_all(office: HeadOffice, key: str) -> None:
    """The same to each store that is connected now, of one allowance."""
    for location in sorted(office.reachable):
        hand_out(office, office.living_writer(location), [key])


def _units_for(office: HeadOffice, promotion: Promotion, key: str, writer: WriterId) -> int:
    stores = _stores_of(office, promotion)
    if location_of(writer) not in stores:
        return 0
    counter = _counter(office, key)
    return uses_handed_out(
        quota_hub=counter.quota(HUB_WRITER),
        quota_store=counter.quota(writer),
        stores=len(stores),
    )


def _stores_of(office: HeadOffice, promotion: Promotion) -> frozenset[str]:
    """The stores whose tills may offer it."""
    if promotion.channels is not None and "store" not in promotion.channels:
        return frozenset()
    rows = office.connection.execute(
        "SELECT id FROM location WHERE kind = 'store' AND incarnation > 0"
    )
    stores = frozenset(str(location) for (location,) in rows)
    return stores if promotion.locations is None else stores & frozenset(promotion.locations)


# Asking back


class Recall(NamedTuple):
    """Whom to ask for rights, and for how many; `location` is None where nobody can be asked.

    `are_out`: some are held by stores, whether they can be asked or not.
    """

    location: str | None
    units: int
    are_out: bool


def whom_to_ask(office: HeadOffice, key: str, wanted: int = 1, *, but: str | None = None) -> Recall:
    """The connected store that was last heard to hold the most of it, other than `but`."""
    held = {
        location_of(holder): units
        for holder, units in _counter(office, key).holders().items()
        if units > 0
        and holder != HUB_WRITER
        and holder == office.living_writer(location_of(holder))  # what a lost box held is frozen
    }
    near = {
        location: units
        for location, units in held.items()
        if location in office.reachable and location != but
    }
    if not near:
        return Recall(None, 0, bool(held))
    location = max(sorted(near), key=lambda one: near[one])
    units = allowance_recalled(key, quota_store=near[location], wanted=wanted)
    return Recall(location if units else None, units, are_out=True)


# Orders


class OrderUses(NamedTuple):
    """The allowances of which an order took a use, and whether it has them now."""

    keys: tuple[str, ...]
    are_spent: bool


def uses_of_order(office: HeadOffice, order: Order) -> OrderUses:
    """What the entry that placed the order spent; an order that gave all back has none now."""
    place = parse_entry_id(order.id)
    data = None if place is None else office.ledger.body_of(*place)
    assert data is not None, f"{order.id} is an order and no entry"
    cells = msgspec.json.decode(data, type=EntryBody).cells
    keys = tuple(
        one.sku
        for one in cells
        if (one.location, one.table, one.detail) == (EVERYWHERE, Table.SPENT, Spent.USED)
    )
    return OrderUses(keys, not all(one.state == "released" for one in order.allocations))


def is_unpaid(order: Order) -> bool:
    """Whether its units are set aside until it is paid."""
    return order.payment == "pending" and not is_paid(order)


def release_cells(office: HeadOffice, keys: Iterable[str]) -> list[CellChange]:
    """Uses that did not come about are the hub's again, or gone with a limit that was lowered."""
    cells: list[CellChange] = []
    for key in keys:
        counter = _counter(office, key)
        cells.append(counter.mint(HUB_WRITER, Minted.USE_RELEASED, 1))
        for promotion, limited in office.rules.limited.items():
            limit = office.rules.promotions[promotion].max_usage
            if limited == key and limit is not None:
                cells += set_limit(counter, HUB_WRITER, limit)
    return cells
