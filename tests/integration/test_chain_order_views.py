"""Goal: the team's queue says what waits here, what comes next and what will be taken, and no more.

Method: a hub and its shops in one process (`tests.chain`), orders in every state that a store can
bring them to. What is said to be allowed is tried, event by event, on orders of the same history.
"""

import datetime
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from gateway.ordering.order_views import OrdersQuery, ShopOrder, orders_page, shop_order
from gateway.reads import ShopReads
from retail.business_day import date_at, zone_of
from retail.ordering.order_status import EventType
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.once import Done
from web.problems import Problem

ZONE = zone_of("UTC")
PICKED, PACKED, READY = EventType.PICKED, EventType.PACKED, EventType.READY_FOR_PICKUP
SHIPPED, COLLECTED, UNCOLLECTED = EventType.SHIPPED, EventType.COLLECTED, EventType.UNCOLLECTED
CANCELLED, RELEASED, DELIVERED = EventType.CANCELLED, EventType.RELEASED, EventType.DELIVERED

HISTORIES: Mapping[str, tuple[str | None, tuple[EventType, ...]]] = {
    "placed": (None, ()),
    "picked": (None, (PICKED,)),
    "packed": (None, (PICKED, PACKED)),
    "shipped": (None, (SHIPPED,)),
    "delivered": (None, (SHIPPED, DELIVERED)),
    "refused at the door": (None, (SHIPPED, EventType.DELIVERY_REFUSED)),
    "given back": (None, (RELEASED,)),
    "cancelled": (None, (CANCELLED,)),
    "to be collected": ("riverside", ()),
    "ready": ("riverside", (PICKED, READY)),
    "collected": ("riverside", (READY, COLLECTED)),
    "not collected": ("riverside", (READY, UNCOLLECTED)),
}
"""Where an order is collected, and what the store has told of it."""


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Two shops: Riverside has tea and jam, Bazaar has coffee."""
    chain = Chain(tmp_path, skus=["tea", "jam", "coffee"], shops=["riverside", "bazaar"])
    chain.shops["riverside"].receive(tea=400, jam=400)
    chain.shops["bazaar"].receive(coffee=400)
    chain.sync()
    return chain


def seen(shop: ShopSide, order: str) -> ShopOrder:
    """The order as this shop's team sees it."""
    found = shop_order(ShopReads(shop.state.store), shop.state.identity.location, order)
    assert found is not None
    return found


def queue(chain: Chain, shop: ShopSide, *, day: int = 0, **asked: object) -> list[ShopOrder]:
    """The queue that many days later, page by page."""
    state, items, cursor = shop.state, list[ShopOrder](), None
    today = date_at(chain.now_ms(), ZONE) + datetime.timedelta(days=day)
    while True:
        query = msgspec.convert({"queue": True, "cursor": cursor} | asked, OrdersQuery)
        page = orders_page(
            ShopReads(state.store), query, writer=state.identity.writer_id, today=today, zone=ZONE
        )
        items += page.items
        if (cursor := page.next_cursor) is None:
            return items


def told(chain: Chain, pickup: str | None, history: tuple[EventType, ...]) -> str:
    """The id of a new order of which the store has told these events."""
    order = order_in(chain.hub.place({"tea": 2}, pickup=pickup))
    chain.sync()
    for event in history:
        order_in(chain.shops["riverside"].tell(order.id, event))
    return order.id


@pytest.mark.parametrize(("pickup", "history"), HISTORIES.values(), ids=list(HISTORIES))
def test_whatever_is_said_to_be_allowed_is_taken_and_nothing_else(
    chain: Chain, riverside: ShopSide, pickup: str | None, history: tuple[EventType, ...]
) -> None:
    taken = set()
    for event in EventType:
        order = told(chain, pickup, history)
        outcome = riverside.tell(order, event, {"tea": 1} if event == "short_picked" else None)
        assert isinstance(outcome, Done | Problem)
        if isinstance(outcome, Done):
            taken.add(event)

    assert set(seen(riverside, told(chain, pickup, history)).allowed_events) == taken


def test_the_stages_of_an_order_that_is_shipped(chain: Chain, riverside: ShopSide) -> None:
    order = told(chain, None, ())
    stages = [(seen(riverside, order).stage, seen(riverside, order).next_event)]
    for event in (PICKED, PACKED, SHIPPED):
        order_in(riverside.tell(order, event))
        stages.append((seen(riverside, order).stage, seen(riverside, order).next_event))

    assert stages == [
        ("to_pick", PICKED), ("to_pack", PACKED), ("to_ship", SHIPPED), ("done", None),
    ]  # fmt: skip


def test_the_stages_of_an_order_that_is_collected(chain: Chain, riverside: ShopSide) -> None:
    order = told(chain, "riverside", ())
    stages = [(seen(riverside, order).stage, seen(riverside, order).next_event)]
    for event in (PICKED, READY, COLLECTED):
        order_in(riverside.tell(order, event))
        stages.append((seen(riverside, order).stage, seen(riverside, order).next_event))

    assert stages == [
        ("to_pick", PICKED), ("to_pack", READY), ("to_collect", COLLECTED), ("done", None),
    ]  # fmt: skip


def test_a_part_that_is_picked_leaves_the_rest_to_pick(chain: Chain, riverside: ShopSide) -> None:
    order = order_in(chain.hub.place({"tea": 2, "jam": 3}))
    chain.sync()

    order_in(riverside.tell(order.id, PICKED, {"jam": 3}))

    half = seen(riverside, order.id)
    assert [(line.sku, line.picked, line.quantity) for line in half.kept] == [
        ("jam", 3, 3), ("tea", 0, 2),
    ]  # fmt: skip
    assert half.stage == "to_pick"
    order_in(riverside.tell(order.id, PICKED, {"tea": 2}))
    assert seen(riverside, order.id).stage == "to_pack"


def test_of_a_split_order_each_store_sees_its_own_part(chain: Chain, riverside: ShopSide) -> None:
    bazaar = chain.shops["bazaar"]
    order = order_in(chain.hub.place({"tea": 2, "coffee": 3}))
    chain.sync()

    for event in (PICKED, PACKED, SHIPPED):
        order_in(bazaar.tell(order.id, event))
    chain.sync()

    here, there = seen(riverside, order.id), seen(bazaar, order.id)
    assert here.status == there.status == "shipped"
    assert (here.stage, here.next_event) == ("to_pick", PICKED)
    assert [(line.sku, line.quantity) for line in here.kept] == [("tea", 2)]
    assert (there.stage, there.kept) == ("done", ())
    assert SHIPPED in here.allowed_events
    assert SHIPPED not in there.allowed_events


def test_money_is_due_of_what_is_paid_here_until_it_has_come(
    chain: Chain, riverside: ShopSide
) -> None:
    paid = told(chain, "riverside", ())
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside", payment="on_collection"))
    chain.sync()

    assert seen(riverside, paid).due_minor == 0
    assert seen(riverside, order.id).due_minor == order.total_minor > 0
    order_in(chain.hub.tell(order.id, EventType.PAID))
    chain.sync()
    assert seen(riverside, order.id).due_minor == 0


def test_the_queue_has_what_waits_and_what_left_today(chain: Chain, riverside: ShopSide) -> None:
    old = told(chain, None, (SHIPPED,))
    chain.advance(by_ms=86_400_000)
    waits, left = told(chain, None, (PICKED,)), told(chain, None, (SHIPPED,))
    back = told(chain, None, (RELEASED,))

    today = {one.id: (one.stage, one.last_event) for one in queue(chain, riverside, limit=1)}

    assert today == {
        waits: ("to_pack", PICKED), left: ("done", SHIPPED), back: ("done", RELEASED),
    }  # fmt: skip
    assert old not in today
    assert [one.id for one in queue(chain, riverside, day=1)] == [waits]


@pytest.mark.parametrize("is_queue", [False, True], ids=["all", "queue"])
def test_orders_are_listed_as_they_were_placed(
    chain: Chain, riverside: ShopSide, *, is_queue: bool
) -> None:
    placed = [told(chain, None, ()) for _ in range(12)]

    listed = [one.id for one in queue(chain, riverside, queue=is_queue, limit=5)]

    assert len({len(one) for one in placed}) > 1, "as text, the tenth comes before the second"
    assert listed == placed


def test_a_cancel_is_answered_here_at_once(chain: Chain, riverside: ShopSide) -> None:
    order = told(chain, None, (PICKED,))
    order_in(chain.hub.tell(order, CANCELLED))

    riverside.apply(chain.offer(riverside))

    assert (seen(riverside, order).stage, seen(riverside, order).kept) == ("done", ())
    assert [one.status for one in queue(chain, riverside)] == ["cancelled"]


def test_each_change_is_told_to_whoever_listens(chain: Chain, riverside: ShopSide) -> None:
    riverside.state.news.clear()
    order = order_in(chain.hub.place({"tea": 2, "coffee": 3})).id
    chain.sync()
    order_in(riverside.tell(order, PICKED))

    heard = [one.type for one in riverside.state.news if one.order == order]

    assert heard.count("order.new") == 1
    assert heard[-1] == "order.changed"
    order_in(chain.hub.tell(order, CANCELLED))
    riverside.state.news.clear()
    chain.sync()
    assert "order.changed" in {one.type for one in riverside.state.news if one.order == order}
