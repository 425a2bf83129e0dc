"""Deeds that a box of riverside may be asked for, and the boxes after it once more.

Each begins in a chain (`tests.life_chain`) where riverside has tea, and comes with how many units
of it move. What a box says the second time is its own affair: it does it again, or refuses.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gateway.stockroom import adjustments, stock
from retail.ordering.order_status import EventType
from retail.returning.returns import Disposition
from tests import uses_asked
from tests.chain_sides import ShopSide, command, order_in, sale_of
from tests.life_chain import LifeChain
from tests.register_chain import sold
from tests.taking_over import reports
from web.once import Done
from web.problems import Problem


class Deed(NamedTuple):
    """Who is asked for it, and the units that it moves."""

    ask: Callable[[ShopSide], object]
    moved: int


def sale(_chain: LifeChain) -> Deed:
    """A thin register sells, and asks with its key."""
    asked, request = command(), sale_of("tea", 3, None)
    return Deed(lambda shop: shop.commit(lambda: uses_asked.sell(shop.state, asked, request)), -3)


def receipt(_chain: LifeChain) -> Deed:
    """A program books a delivery, and asks with its key."""
    asked, lines = command(), (stock.ReceiptLine(sku="tea", quantity=6),)
    request = stock.ReceiptRequest(lines=lines, reference="p")
    return Deed(lambda shop: shop.commit(lambda: stock.receive(shop.state, asked, request)), 6)


def stolen(_chain: LifeChain) -> Deed:
    """Somebody says that goods are gone."""
    asked = command()
    request = adjustments.AdjustmentRequest(sku="tea", delta=-3, reason="theft")
    return Deed(
        lambda shop: shop.commit(lambda: adjustments.adjust(shop.state, asked, request)), -3
    )


def truck_in(chain: LifeChain) -> Deed:
    """A truck came; it is typed in again by its paper."""
    hillside = chain.shops["hillside"]
    hillside.receive(tea=10)
    number = sold(hillside.create_transfer("riverside", tea=6))
    assert isinstance(hillside.ship_transfer(number), Done)
    chain.sync()

    def ask(shop: ShopSide) -> object:
        outcome = shop.receive_transfer(number)
        return shop.receive_transfer(number, before=True) if _is_refused(outcome) else outcome

    return Deed(ask, 6)


def truck_out(chain: LifeChain) -> Deed:
    """A truck left."""
    number = sold(chain.shops["riverside"].create_transfer("hillside", tea=3))
    chain.sync()
    return Deed(lambda shop: shop.ship_transfer(number), -3)


def inspected(chain: LifeChain, disposition: Disposition, moved: int) -> Deed:
    """Goods came back, and somebody looks at them."""
    shop = chain.shops["riverside"]
    came = sold(shop.take_back(sold(shop.sell("tea", 3)), "tea", 3))
    chain.sync()
    return Deed(lambda shop: shop.inspect(came, "tea", 3, disposition), moved)


def basket(chain: LifeChain) -> Deed:
    """A customer lets go of what was put aside."""
    held = sold(chain.shops["riverside"].hold({"tea": 3}))
    chain.sync()
    return Deed(lambda shop: shop.drop(held), 0)


def told_of_order(
    chain: LifeChain, event: EventType, moved: int, units: Mapping[str, int] | None = None
) -> Deed:
    """The team tells of an order, and answers the next boxes that it was so before, or was not."""
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside")).id
    chain.sync()
    first = chain.shops["riverside"]
    if event is EventType.UNCOLLECTED:
        assert isinstance(first.tell(order, EventType.READY_FOR_PICKUP), Done)
        chain.sync()

    def ask(shop: ShopSide) -> object:
        before = None if shop is first else event is EventType.COLLECTED
        return shop.tell(order, event, units, before=before)

    return Deed(ask, moved)


def alone(chain: LifeChain) -> Deed:
    """A register sells alone, and tells each box."""
    till = chain.register(chain.shops["riverside"])
    chain.sync()
    sold(till.sell("tea", 3))
    return Deed(lambda shop: reports(chain, till, shop), -3)


def alone_and_lost(chain: LifeChain) -> Deed:
    """So it does, and each box has written it off first."""
    till = chain.register(chain.shops["riverside"])
    chain.sync()
    sold(till.sell("tea", 3))

    def ask(shop: ShopSide) -> None:
        till.gateway = shop
        chain.cut(till)
        chain.write_off(shop, "till-1")
        chain.replay(till)

    return Deed(ask, -3)


def alone_and_over(chain: LifeChain) -> Deed:
    """So it does, and has ended its journal: each box takes back what it held."""
    first = chain.shops["riverside"]
    till = chain.register(first)
    chain.sync()
    sold(till.sell("tea", 3))
    chain.cut(till)
    chain.cut(chain.register(first))
    chain.sync()
    till.seal()

    def ask(shop: ShopSide) -> None:
        for one in chain.registers:
            reports(chain, one, shop)

    return Deed(ask, -3)


def given_back(chain: LifeChain) -> Deed:
    """A register gives a unit back to each box."""
    till = chain.register(chain.shops["riverside"])
    chain.sync()

    def ask(shop: ShopSide) -> None:
        reports(chain, till, shop)
        chain.give(till, chain.lend_back(till, ("tea", 1)))

    return Deed(ask, 0)


def _is_refused(outcome: object) -> bool:
    return isinstance(outcome, Problem)


DEEDS: Final[Mapping[str, Callable[[LifeChain], Deed]]] = {
    "sale": sale,
    "receipt": receipt,
    "stolen": stolen,
    "truck in": truck_in,
    "truck out": truck_out,
    "put on sale again": lambda chain: inspected(chain, Disposition.RESTOCK, 0),
    "thrown away": lambda chain: inspected(chain, Disposition.WRITE_OFF, -3),
    "basket": basket,
    "collected": lambda chain: told_of_order(chain, EventType.COLLECTED, -3),
    "short": lambda chain: told_of_order(chain, EventType.SHORT_PICKED, -3, {"tea": 3}),
    "uncollected": lambda chain: told_of_order(chain, EventType.UNCOLLECTED, 0),
    "alone": alone,
    "alone and lost": alone_and_lost,
    "alone and over": alone_and_over,
    "given back": given_back,
}
