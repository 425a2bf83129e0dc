"""Goal: what a till told two lives of a box of one order is true once: money, and parcels.

Method: a chain of two shops in one process on real files. A box answers a request, and the till
does not hear it: it asks again with the same key, the next box, or the image that was put in its
place. Then the hub hears both.
"""

from functools import partial

import pytest

from cloud_hub.ordering import order_events
from gateway.ordering import orders
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order, OrderEventRequest, payments_of
from retail.returning.returns import Disposition
from tests.aisle import Aisle, paid_in
from tests.chain_sides import ShopSide, command, order_in
from tests.life_chain import LifeChain
from tests.two_lives import Tell, found, put_back
from web.once import Command, Done


@pytest.fixture
def asked() -> Command:
    """A request, which is asked until somebody answers."""
    return command()


# Money


@pytest.fixture
def order(lives: LifeChain) -> Order:
    """Two tea, to be paid when they are collected at Riverside."""
    order = order_in(lives.hub.place({"tea": 2}, pickup="riverside", payment="on_collection"))
    lives.sync()
    return order


def pay(lives: LifeChain, order: Order, asked: Command, shop: ShopSide) -> None:
    """The till takes the money."""
    lives.shops["riverside"] = shop
    paid_in(Aisle(lives, "riverside").pay(order.id, asked))


def paid_once(lives: LifeChain, order: str) -> None:
    """One payment stands and none goes back; the books agree."""
    told = lives.hub.order(order)
    assert (told.status, len(payments_of(told))) == (OrderStatus.PAID, 1)
    assert [one.kind for one in lives.hub.shortages() if one.kind == "refund"] == []
    lives.check("tea")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_money_that_two_boxes_have_booked_came_once(
    lives: LifeChain, old: ShopSide, order: Order, asked: Command, *, is_heard_first: bool
) -> None:
    found(lives, old, partial(pay, lives, order, asked), is_heard_first=is_heard_first)

    paid_once(lives, order.id)


def test_money_that_an_image_has_booked_again_came_once(
    lives: LifeChain, old: ShopSide, order: Order, asked: Command
) -> None:
    put_back(lives, old, partial(pay, lives, order, asked))

    paid_once(lives, order.id)


def test_money_that_a_till_took_twice_goes_back(
    lives: LifeChain, old: ShopSide, order: Order
) -> None:
    def pay_anew(shop: ShopSide) -> None:
        pay(lives, order, command(), shop)

    found(lives, old, pay_anew, is_heard_first=False)

    assert [one.kind for one in lives.hub.shortages(state="open")] == ["refund"]
    lives.check("tea")


def test_goods_from_elsewhere_that_were_ordered_of_two_boxes_are_sent_once(
    lives: LifeChain, old: ShopSide, asked: Command
) -> None:
    seen: list[str] = []

    def buy(shop: ShopSide) -> None:
        lives.shops["riverside"] = shop
        seen.append(paid_in(Aisle(lives, "riverside").order({"tea": 2}, asked)).order.id)

    found(lives, old, buy, is_heard_first=False)

    first, told = (lives.hub.order(one) for one in seen)
    assert (first.status, told.status) == (OrderStatus.NEW, OrderStatus.PAID)
    lives.hub.commit(partial(order_events.expire, lives.hub.state, first.id))
    lives.sync()
    assert lives.hub.counter("riverside", "tea").levels().committed == 2
    paid_once(lives, told.id)


# Parcels


@pytest.fixture
def refused(lives: LifeChain, old: ShopSide, asked: Command) -> Tell:
    """Two tea were shipped, nobody took them, and somebody says that they are back."""
    order = order_in(lives.hub.place({"tea": 2}))
    lives.sync()
    order_in(old.tell(order.id, EventType.SHIPPED))
    lives.sync()
    request = OrderEventRequest(type=EventType.DELIVERY_REFUSED)

    def tell(shop: ShopSide) -> None:
        told = partial(orders.tell_event, shop.state, asked, order.id, request)
        order_in(shop.commit(told))

    return tell


def back_once(lives: LifeChain) -> None:
    """The two tea stand there once, and are on sale once somebody has looked at them."""
    shop = lives.shops["riverside"]
    levels = lives.hub.counter("riverside", "tea").levels()
    assert (levels.on_hand, levels.quality_control, levels.available) == (40, 2, 38)
    rows = lives.hub.state.connection.execute(
        "SELECT id FROM goods_return WHERE id NOT IN (SELECT entry FROM sale_again)"
    ).fetchall()
    assert len(rows) == 1, rows
    assert isinstance(shop.inspect(str(rows[0][0]), "tea", 2, Disposition.RESTOCK), Done)
    lives.sync()
    assert shop.state.counter("tea").available() == 40
    refunds = [one for one in lives.hub.shortages() if one.kind == "refund"]
    assert [one.amount_minor for one in refunds] == [200]
    lives.check("tea")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_a_parcel_that_two_boxes_have_taken_back_in_is_there_once(
    lives: LifeChain, old: ShopSide, refused: Tell, *, is_heard_first: bool
) -> None:
    found(lives, old, refused, is_heard_first=is_heard_first)

    back_once(lives)


def test_a_parcel_that_an_image_has_taken_back_in_again_is_there_once(
    lives: LifeChain, old: ShopSide, refused: Tell
) -> None:
    put_back(lives, old, refused)

    back_once(lives)
