"""A chain after a busy day: every kind of deed that moves stock, all of it heard by the hub."""

from pathlib import Path
from typing import Final

import msgspec

from retail.ordering.order_status import EventType
from retail.returning.returns import Disposition
from retail.stock.counts import ScannedLine
from tests.chain import Chain
from tests.chain_sides import basket_in, order_in, reservation_in, transfer_in
from web.once import Done

SHOPS: Final = ("harbour", "riverside")
SKUS: Final = ("jam", "tea")


def busy_chain(directory: Path) -> Chain:
    """Deliveries, sales, a basket, checkouts, orders, a truck, breakage, a count, two returns."""
    chain = Chain(directory, skus=SKUS, shops=SHOPS)
    busy_day(chain)
    return chain


def busy_day(chain: Chain) -> None:
    """The day itself, in a chain that has these shops and SKUs and no stock yet."""
    hub, riverside, harbour = chain.hub, chain.shops["riverside"], chain.shops["harbour"]
    hub.state.reachable.update(SHOPS)
    _done(riverside.receive(tea=40, jam=40))
    _done(harbour.receive(tea=8))
    chain.sync()
    _, _, of_three = [_place_of(riverside.sell("tea", units)) for units in (1, 2, 3)]
    _done(harbour.sell("tea", 2))
    basket = basket_in(riverside.hold({"jam": 3}))
    riverside.expire(basket_in(riverside.hold({"jam": 1})).id)
    _done(riverside.sell("jam", 2, basket=basket.id))
    _done(riverside.adjust("jam", -2, "broken"))
    _done(riverside.adjust("jam", -1, "damaged"))
    _done(riverside.adjust("tea", 1, "found"))
    order = order_in(hub.place({"tea": 2, "jam": 1}, pickup="riverside"))
    pending = order_in(hub.place({"tea": 1}, pickup="riverside", payment="pending"))
    cancelled = order_in(hub.place({"jam": 2}, pickup="riverside"))
    order_in(hub.place({"tea": 1}, pickup="riverside"))
    order_in(hub.place({"tea": 1}, pickup="riverside", payment="pending"))
    reserved = reservation_in(hub.reserve({"jam": 1}, pickup="riverside"))
    order_in(hub.place({"jam": 1}, pickup="riverside", reservation=reserved.id))
    reservation_in(hub.reserve({"tea": 1}, pickup="riverside"))
    chain.sync()
    _done(hub.tell(pending.id, EventType.PAID))
    _done(hub.tell(cancelled.id, EventType.CANCELLED))
    _done(riverside.tell(order.id, EventType.READY_FOR_PICKUP))
    _done(riverside.tell(order.id, EventType.COLLECTED))
    truck = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(truck))
    chain.sync()
    transfer_in(harbour.receive_transfer(truck, {"tea": 5}))
    count = msgspec.json.decode(_done(riverside.start_count("jam")).record)["id"]
    on_shelf = riverside.state.counter("jam").physical()
    _done(riverside.count(count, ScannedLine(sku="jam", counted=on_shelf - 1)))
    _done(riverside.close_count(count))
    _done(riverside.take_back(of_three, "tea", 1))
    came = _place_of(riverside.take_back(of_three, "tea", 2))
    _done(riverside.inspect(came, "tea", 1, Disposition.RESTOCK))
    _done(riverside.inspect(came, "tea", 1, Disposition.WRITE_OFF))
    chain.sync()


def _place_of(outcome: object) -> str:
    return str(msgspec.json.decode(_done(outcome).record)["id"])


def _done(outcome: object) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome
