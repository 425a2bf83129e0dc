"""A limited promotion in a chain, and what travels when somebody asks another for a use of it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cloud_hub.auditing.audit import audit
from cloud_hub.ordering import order_events
from cloud_hub.prices import allowances, price_rules
from cloud_hub.prices.allowances import PromotionUsage
from cloud_hub.stores import arrival
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from replication import wire
from replication.allowances import promotion_uses
from replication.escrow import EscrowCounter, check_invariants
from replication.ids import EVERYWHERE
from retail.ordering.orders import Order, Payment
from retail.selling.sales import Sale
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command, order_in
from tests.price_asking import TENTH, open_chain, put_promotion, sell
from web.once import Done

SUMMER: Final = promotion_uses("summer")
_numbers = itertools.count(1)


def chain_of_offers(directory: Path) -> Iterator[Chain]:
    """Two shops with plenty of tea at 1.00; in the end the books of the uses agree."""
    chain = open_chain(directory)
    yield chain
    chain.sync()
    assert check_invariants(at_hub(chain.hub)) == []
    assert audit(chain.hub.state.store, None).differences == []
    chain.close()


def limit(hub: HubSide, uses: int | None, **more: object) -> PromotionUsage | None:
    """Head office offers a tenth off tea, so many times; returns what it is told of the uses."""
    done = put_promotion(hub, "summer", TENTH, max_usage=uses, **more)
    assert isinstance(done, Done), done
    return usage(hub)


def withdraw(hub: HubSide) -> None:
    """Head office takes the offer back."""
    done = hub.commit(lambda: price_rules.withdraw(hub.state, command(), "promotion", "summer"))
    assert isinstance(done, Done), done


def usage(hub: HubSide) -> PromotionUsage | None:
    """What head office sees of the uses."""
    promotion = hub.state.rules.promotions["summer"]
    return hub.commit(lambda: allowances.shown(hub.state, promotion).usage)


def at_hub(hub: HubSide) -> EscrowCounter:
    """The counter of uses as the hub knows it."""
    return hub.state.ledger.counter(EVERYWHERE, SUMMER)


def arrive(chain: Chain, shop: ShopSide) -> None:
    """A gateway greets the hub, which has all of its journal, on a new link, and both talk."""
    chain.sync(shop)
    ledger = shop.state.ledger
    hello = wire.Hello(
        versions=list(wire.VERSIONS), writer=ledger.writer, seq=shop.state.head.seq,
        hash=shop.state.head.hash, cursor=0, boot=ledger.boot, software="0", now_ms=0,
    )  # fmt: skip
    chain.hub.commit(lambda: arrival.arrive(chain.hub.state, ledger.writer, hello))
    chain.sync(shop)


def lend_to(chain: Chain, shop: ShopSide, units: int = 1) -> bool:
    """A gateway asks the hub for uses."""
    writer, request = shop.state.ledger.writer, f"{shop.state.location}/{next(_numbers)}"
    lent = chain.hub.commit(
        lambda: hub_lending.lend(chain.hub.state, writer, request, [(SUMMER, units)])
    )
    shop_lending.check_grant(shop.state, lent.cells)
    shop.commit(lambda: shop_lending.take_grant(shop.state, lent.cells))
    return bool(lent.cells)


def lend_back(chain: Chain, shop: ShopSide, units: int = 1) -> bool:
    """The hub asks a gateway for uses."""
    writer, request = shop.state.ledger.writer, f"hub/{next(_numbers)}"
    lent = shop.commit(lambda: shop_lending.lend(shop.state, request, [(SUMMER, units)]))
    chain.hub.commit(lambda: allowances.take_grant(chain.hub.state, writer, lent.cells))
    return bool(lent.cells)


def sells_reduced(shop: ShopSide) -> bool:
    """A till that asks nobody sells tea at 1.00; whether a tenth came off."""
    sale = sell(shop, "tea")
    assert isinstance(sale, Sale), sale
    assert sale.total_minor in {90, 100}
    return sale.total_minor == 90


def order_online(chain: Chain, *, payment: Payment = "paid") -> Order:
    """The website sells one tea."""
    return order_in(chain.hub.place({"tea": 1}, payment=payment))


def expire(chain: Chain, placed: Order) -> None:
    """Nobody has paid in time."""
    chain.hub.commit(lambda: order_events.expire(chain.hub.state, placed.id))
