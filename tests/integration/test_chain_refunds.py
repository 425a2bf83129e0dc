"""Goal: goods that will not come are paid back, or the customer is told, once and with an entry.

Method: a hub and two shops in one process (`tests.chain`); orders are cancelled, paid too late, or
lose a part, while the store's answers cross with what the hub decides.
"""

from pathlib import Path

import pytest

from cloud_hub.ordering import order_events
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.shortages import Action
from tests.chain import Chain
from tests.chain_sides import order_in
from tests.shortage_stories import broken, kept_at, one, ordered, settled, stocked
from web.once import Done
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Tea at Airport (4, all of it promised online) and at Bazaar (8)."""
    return Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar"])


def test_the_customer_cancels_while_the_units_are_being_moved(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    broken(chain.shops["airport"], 1)
    chain.sync()
    assert isinstance(chain.hub.resolve(one(chain, "open").id), Done)
    chain.shops["airport"].apply(chain.offer(chain.shops["airport"]))

    assert isinstance(chain.hub.tell(order.id, EventType.CANCELLED), Done)
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.CANCELLED
    assert kept_at(chain.hub.order(order.id)) == {}
    refund = one(chain, "open")
    assert refund.kind == "refund"
    assert refund.amount_minor == order.total_minor
    settled(chain)


def test_what_no_location_can_send_is_cancelled_and_paid_back(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4, pickup="airport")
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    assert item.proposal is not None
    assert item.proposal.action is Action.CANCEL

    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.CANCELLED
    refund = one(chain, "open")
    assert (refund.kind, refund.amount_minor) == ("refund", order.total_minor)
    assert refund.notice is not None
    assert isinstance(chain.hub.resolve(refund.id, reference="R-1"), Done)
    closed = chain.hub.shortages()[-1]
    assert closed.resolution is not None
    assert closed.resolution.how == "paid back as R-1"
    settled(chain)


def test_money_that_comes_too_late_for_the_goods_goes_back(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = order_in(chain.hub.place({"tea": 4}, payment="pending"))
    chain.hub.commit(lambda: order_events.expire(chain.hub.state, order.id))
    ordered(chain, 4)

    paid = chain.hub.tell(order.id, EventType.PAID)

    assert order_in(paid).status is OrderStatus.CANCELLED
    refund = one(chain, "open")
    assert (refund.kind, refund.order) == ("refund", order.id)
    assert refund.amount_minor == order.total_minor
    settled(chain)


def test_who_has_not_paid_is_told_that_a_part_will_not_come(chain: Chain) -> None:
    stocked(chain, airport=8, bazaar=4)
    order = order_in(chain.hub.place({"tea": 12}, payment="on_delivery"))
    chain.sync()
    broken(chain.shops["bazaar"], 1)
    chain.sync()
    item = one(chain, "open")
    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    told = chain.hub.order(order.id)
    notice = one(chain, "open")
    assert told.status is OrderStatus.NEW
    assert kept_at(told) == {"airport": 8}
    assert (notice.kind, notice.order, notice.amount_minor) == ("notice", order.id, None)
    assert "4 x tea" in str(notice.notice)
    assert isinstance(chain.hub.resolve(notice.id), Done)
    chain.sync()
    assert chain.hub.shortages(state="open") == []
    settled(chain)


def test_the_rest_of_an_order_that_is_cancelled_half_way_is_paid_back_and_not_sent(
    chain: Chain,
) -> None:
    stocked(chain, airport=8, bazaar=8)
    order = ordered(chain, 12)
    first, second = order.allocations
    assert isinstance(chain.shops[first.location].tell(order.id, EventType.SHIPPED), Done)
    assert isinstance(chain.hub.tell(order.id, EventType.CANCELLED), Done)
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {}
    refund = one(chain, "open")
    assert (refund.kind, refund.allocation) == ("refund", second.id)
    assert refund.amount_minor == 100 * second.quantity
    assert isinstance(chain.hub.resolve(refund.id), Done)
    settled(chain)


def test_an_order_ends_when_the_last_of_its_parts_is_given_up(chain: Chain) -> None:
    stocked(chain, airport=8, bazaar=8)
    order = ordered(chain, 12)
    for shop in chain.shops.values():
        assert isinstance(shop.tell(order.id, EventType.RELEASED), Done)
    chain.sync()
    for item in chain.hub.shortages(state="open"):
        assert isinstance(chain.hub.resolve(item.id, action="cancel"), Done)
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.CANCELLED
    owed = [item.amount_minor for item in chain.hub.shortages(state="open")]
    assert sum(one or 0 for one in owed) == order.total_minor
    for shop in chain.shops.values():
        assert isinstance(shop.tell(order.id, EventType.PICKED), Problem)
    settled(chain)
