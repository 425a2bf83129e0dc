"""Goal: who calls its part of an order off speaks for that part, and its money goes back once.

Method: a hub and its shops in one process (`tests.chain`); parts of an order are called off while
others keep, give back or send theirs, and while nobody hears of anybody. After each story both
sides agree, and the audit finds nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ordering.orders import document_of
from replication.document import EntityDocument
from retail.documents import order_of
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order, Payment, is_cancel_requested
from tests.aisle import Aisle, ended_well, paid_in
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from tests.shortage_stories import kept_at, lend_all, one, stocked
from web.once import Done

CANCELLED, RELEASED, SHIPPED = EventType.CANCELLED, EventType.RELEASED, EventType.SHIPPED


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Tea at Airport (4) and Bazaar (8), all of it with the hub; none at Corniche."""
    chain = Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar", "corniche"])
    stocked(chain, airport=4, bazaar=8)
    yield chain
    ended_well(chain)
    chain.close()


def ordered_of_both(chain: Chain, payment: Payment = "paid") -> Order:
    """12 tea, of which Airport keeps 4 and Bazaar 8."""
    order = order_in(chain.hub.place({"tea": 12}, payment=payment))
    chain.sync()
    assert kept_at(order) == {"airport": 4, "bazaar": 8}
    return order


def known_at(shop: ShopSide, order: str) -> Order:
    """An order as a shop has it."""
    document = shop.commit(lambda: document_of(shop.state, order))
    assert isinstance(document, EntityDocument)
    return order_of(document.fields(), document.events())


def owed_minor(chain: Chain) -> int:
    """What goes back by the queue."""
    items = [item for item in chain.hub.shortages() if item.kind == "refund"]
    return sum(item.amount_minor or 0 for item in items)


@pytest.mark.parametrize("event", [CANCELLED, SHIPPED, None])
def test_who_paid_for_a_part_that_a_store_calls_off_is_told_and_gets_it_back(
    chain: Chain, event: EventType | None
) -> None:
    order = ordered_of_both(chain)

    told = order_in(chain.shops["airport"].tell(order.id, CANCELLED))
    chain.sync()

    assert told.status is chain.hub.order(order.id).status is OrderStatus.PAID
    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 8}
    refund = one(chain, "open")
    assert (refund.kind, refund.units, refund.amount_minor) == ("refund", 4, 400)
    if event is None:
        return
    order_in(chain.shops["bazaar"].tell(order.id, event))
    chain.sync()
    is_off = event is CANCELLED
    status = chain.hub.order(order.id).status
    assert status is (OrderStatus.CANCELLED if is_off else OrderStatus.SHIPPED)
    assert owed_minor(chain) == (1_200 if is_off else 400)


def test_two_stores_that_call_off_their_parts_unheard_call_off_all_of_it(chain: Chain) -> None:
    order = ordered_of_both(chain)
    for shop in ("airport", "bazaar"):
        order_in(chain.shops[shop].tell(order.id, CANCELLED))
    assert known_at(chain.shops["bazaar"], order.id).status is OrderStatus.PAID, "the rest goes on"

    chain.sync(chain.shops["bazaar"])
    assert chain.hub.order(order.id).status is OrderStatus.PAID
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.CANCELLED
    assert owed_minor(chain) == 1_200


def test_who_calls_off_what_it_takes_for_the_last_calls_off_what_it_could_not_know_of(
    chain: Chain,
) -> None:
    order = ordered_of_both(chain)
    airport, corniche = chain.shops["airport"], chain.shops["corniche"]
    corniche.receive(tea=8)
    chain.sync()
    lend_all(chain, corniche, 8)
    order_in(chain.shops["bazaar"].tell(order.id, RELEASED))
    chain.sync()
    missing = one(chain, "open")

    assert isinstance(chain.hub.resolve(missing.id, action="reallocate"), Done)
    chain.sync(corniche)
    assert kept_at(known_at(airport, order.id)) == {"airport": 4}, "it has not heard of the rest"
    told = order_in(airport.tell(order.id, CANCELLED))
    assert told.status is OrderStatus.CANCELLED
    chain.sync(airport)

    asked = chain.hub.order(order.id)
    assert is_cancel_requested(asked)
    assert kept_at(asked) == {"corniche": 8}
    chain.sync()
    assert kept_at(chain.hub.order(order.id)) == {}
    assert owed_minor(chain) == 1_200


def test_an_order_that_its_customer_cancels_is_cancelled_when_all_stores_have_answered(
    chain: Chain,
) -> None:
    order = ordered_of_both(chain)
    order_in(chain.hub.tell(order.id, CANCELLED))

    chain.sync(chain.shops["airport"])

    asked = chain.hub.order(order.id)
    assert (asked.status, kept_at(asked)) == (OrderStatus.CANCEL_REQUESTED, {"bazaar": 8})
    assert chain.hub.shortages() == []
    chain.sync()
    assert chain.hub.order(order.id).status is OrderStatus.CANCELLED
    assert owed_minor(chain) == 1_200


@pytest.mark.parametrize("event", [CANCELLED, EventType.UNCOLLECTED])
def test_the_rest_of_a_pickup_waits_when_a_part_of_it_is_called_off(
    chain: Chain, event: EventType
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="bazaar"))
    chain.sync()
    bazaar = chain.shops["bazaar"]
    order_in(bazaar.tell(order.id, EventType.READY_FOR_PICKUP))

    told = order_in(bazaar.tell(order.id, event, {"tea": 1}))
    chain.sync()

    assert told.status is chain.hub.order(order.id).status is OrderStatus.READY_FOR_PICKUP
    assert (owed_minor(chain), kept_at(told)) == (100, {"bazaar": 2})
    order_in(bazaar.tell(order.id, EventType.COLLECTED))
    chain.sync()
    assert chain.hub.order(order.id).status is OrderStatus.COLLECTED
    assert owed_minor(chain) == 100


def test_what_a_store_calls_off_is_not_owed_at_the_door(chain: Chain) -> None:
    order = ordered_of_both(chain, "on_delivery")
    order_in(chain.shops["airport"].tell(order.id, CANCELLED))
    chain.sync()

    paid = paid_in(Aisle(chain, "bazaar").pay(order.id))
    chain.sync()

    assert paid.payment.total_minor == 800
    assert owed_minor(chain) == 0
