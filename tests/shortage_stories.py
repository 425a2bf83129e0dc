"""Stories of a chain that has too few: what happens in them, and what must hold in the end."""

from collections.abc import Mapping

import msgspec

from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from replication.escrow import check_invariants
from retail.ordering.orders import Order
from retail.ordering.shortages import Shortage
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.once import Done


def stocked(chain: Chain, **units: int) -> None:
    """Each shop gets so much tea, and the hub all of its rights."""
    for shop, many in units.items():
        chain.shops[shop].receive(tea=many)
    chain.sync()
    for shop, many in units.items():
        lend_all(chain, chain.shops[shop], many)


def lend_all(chain: Chain, shop: ShopSide, many: int) -> None:
    """The shop gives the hub what it still holds, as it does for a checkout."""
    left = shop.state.quota("tea")
    assert left < many
    if left:
        lent = shop.commit(lambda: shop_lending.lend(shop.state, f"all-{shop}", [("tea", left)]))
        chain.hub.commit(
            lambda: hub_lending.take_grant(chain.hub.state, shop.state.ledger.writer, lent.cells)
        )


def ordered(chain: Chain, units: int, *, pickup: str | None = None) -> Order:
    """An order that is paid and known to its location."""
    order = order_in(chain.hub.place({"tea": units}, pickup=pickup))
    chain.sync()
    return order


def broken(shop: ShopSide, units: int) -> None:
    """So much tea breaks on the shelf."""
    assert isinstance(shop.adjust("tea", -units, "breakage"), Done)


def one(chain: Chain, state: str) -> Shortage:
    """The only item in a state."""
    items = chain.hub.shortages(state=state)
    assert len(items) == 1, items
    return items[0]


def settled(chain: Chain) -> None:
    """Nothing is open, nothing is missing, all agree, and what is committed has its allocations."""
    chain.sync()
    kept: dict[str, int] = {}
    for (data,) in chain.hub.state.connection.execute("SELECT data FROM online_order"):
        for allocation in msgspec.json.decode(str(data), type=Order).allocations:
            if allocation.state == "committed":
                kept[allocation.location] = kept.get(allocation.location, 0) + allocation.quantity
            assert allocation.state != "held"
    for name, shop in chain.shops.items():
        counter = chain.hub.counter(name, "tea")
        assert counter.cells() == shop.state.counter("tea").cells()
        assert check_invariants(counter) == []
        levels = counter.levels()
        assert levels.deficit == 0
        assert levels.held == 0
        assert levels.committed == kept.get(name, 0)
    states = {item.state for item in chain.hub.shortages() if item.kind == "deficit"}
    assert states <= {"resolved"}


def kept_at(order: Order) -> Mapping[str, int]:
    """Units that locations keep for an order."""
    units: dict[str, int] = {}
    for allocation in order.allocations:
        if allocation.state == "committed":
            units[allocation.location] = units.get(allocation.location, 0) + allocation.quantity
    return units
