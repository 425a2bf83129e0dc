"""Stories of orders that are not all there: a chain that sells tea, and what must hold in them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import apsw
import msgspec

from cloud_hub.auditing.audit import audit
from retail.ordering.allocations import missing, missing_units
from retail.ordering.order_money import standing_tenders
from retail.ordering.orders import Order, is_paid
from retail.ordering.shortages import Shortage
from tests.chain import Chain
from tests.shortage_stories import settled


def tea_chain(directory: Path) -> Chain:
    """A hub that sells tea at 3.33, and two shops that have none yet."""
    chain = Chain(directory, shops=["airport", "bazaar"])
    chain.hub.product("tea", price_minor=333)
    chain.sync()
    return chain


def sound(chain: Chain, order: Order) -> Order:
    """All is settled and agrees, no unit is counted twice, and the audit has nothing to say."""
    settled(chain)
    rows_agree(chain)
    report = audit(chain.hub.state.store, None)
    assert report.differences == []
    order = chain.hub.order(order.id)
    adds_up(order)
    return order


def adds_up(order: Order) -> None:
    """What was ordered is kept, has gone, or is missing: no unit twice, and none forgotten (P3)."""
    there = Counter(missing_units(order))
    for one in order.allocations:
        if one.state != "released" and (one.state != "held" or one.replaces is None):
            there[one.sku] += one.quantity
    assert there == Counter({line.sku: line.quantity for line in order.lines})


def rows_agree(chain: Chain) -> None:
    """The rows of both sides are what the order says."""
    for (data,) in chain.hub.state.connection.execute("SELECT data FROM online_order"):
        order = msgspec.json.decode(str(data), type=Order)
        told = {(part.id, part.quantity, part.state) for part in order.allocations}
        assert rows(chain.hub.state.connection, order) == told
        for name, shop in chain.shops.items():
            own = {(part.id, part.quantity, part.state) for part in order.allocations
                   if part.location == name}  # fmt: skip
            assert rows(shop.state.connection, order) <= own


def rows(connection: apsw.Connection, order: Order) -> set[tuple[object, ...]]:
    """An order's allocations, as a side has them as rows."""
    found = connection.execute(
        "SELECT id, quantity, state FROM allocation WHERE order_id = ?", (order.id,)
    )
    return set(found)


def gone(order: Order) -> int:
    """Units that went out."""
    return sum(part.quantity for part in order.allocations if part.state == "fulfilled")


def pays_back(order: Order, queue: Iterable[Shortage], price_minor: int) -> None:
    """What was paid for units that will not come goes back once; each unit costs the same."""
    items = [one for one in queue if one.order == order.id and one.payment is None]
    owed = [
        one
        for one in items
        if one.kind == "refund"
        and not (one.resolution and str(one.resolution.how).startswith("not owed"))
    ]
    back_minor = sum(one.amount_minor or 0 for one in owed)
    if not is_paid(order):
        assert owed == []
    elif all(one.state == "released" for one in order.allocations) and order.status == "cancelled":
        assert back_minor == sum(tender.amount_minor for tender in standing_tenders(order, []))
    elif order.status != "cancelled":
        decided = {one.allocation for one in items if one.kind in {"refund", "notice"}}
        units = sum(one.quantity for one in missing(order) if one.id in decided)
        assert back_minor == units * price_minor
