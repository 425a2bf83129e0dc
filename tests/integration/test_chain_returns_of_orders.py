"""Goal: goods of an online order come back once, and no cent more goes back than came for it.

Method: a hub and two shops on real files; orders are paid, sent, refused at the door and brought
back in every order of hearing, and the queue and the papers are added up.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.returning.returnables import Elsewhere
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order, Payment
from retail.products.catalogue import ProductBody
from tests.aisle import Aisle
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from tests.returns_elsewhere import came, claimed, differences, two_shops
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = two_shops(tmp_path)
    yield chain
    chain.close()


def handed_over(chain: Chain, *, payment: Payment = "paid") -> Order:
    """Three tea that a customer has collected at Riverside, as everybody knows."""
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside", payment=payment))
    chain.sync()
    assert isinstance(chain.shops["riverside"].tell(order.id, EventType.COLLECTED), Done)
    chain.sync()
    return order


def test_goods_of_an_online_order_come_back_in_a_store(chain: Chain, harbour: ShopSide) -> None:
    order = handed_over(chain)

    claimed(chain, harbour, order.id)
    back = came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()

    assert [(one.type, one.amount_minor) for one in back.refunds] == [("online", 100)]
    known = chain.hub.order(order.id)
    assert known.status is OrderStatus.COLLECTED, "a part of it is still with the customer"
    assert known.events[-1].type is EventType.RETURNED
    (owed,) = chain.hub.shortages(state="open")
    assert (owed.kind, owed.amount_minor, owed.payment) == ("refund", 100, back.id)
    assert harbour.take_back(order.id, "tea", 2) == Elsewhere(order.id), "the hub is asked anew"
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 2, has_asked=True))
    assert differences(chain) == []
    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert isinstance(chain.hub.resolve(owed.id), Done)


def test_what_never_went_out_of_an_order_cannot_come_back(chain: Chain, harbour: ShopSide) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    chain.sync()

    assert claimed(chain, harbour, order.id).left == (0,)

    refused = harbour.take_back(order.id, "tea", 1, has_asked=True)
    assert isinstance(refused, Problem)
    assert "0 of the sale are left" in refused.detail


def test_what_goes_out_of_an_order_after_a_claim_comes_back_with_the_next(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    claimed(chain, harbour, order.id)
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()

    assert harbour.take_back(order.id, "tea", 1) == Elsewhere(order.id)
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 3, has_asked=True))

    assert differences(chain) == []


@pytest.mark.parametrize("first", ["riverside", "harbour"])
def test_goods_that_came_back_before_anybody_knew_that_they_are_paid_are_paid_for_by_the_queue(
    chain: Chain, harbour: ShopSide, first: str
) -> None:
    order = handed_over(chain, payment="on_collection")
    assert isinstance(Aisle(chain, "riverside").pay(order.id), Done)  # the hub has not heard of it
    claimed(chain, harbour, order.id)

    back = came(harbour.take_back(order.id, "tea", 1, has_asked=True))

    assert (back.total_minor, back.refunds) == (100, ())
    chain.sync(chain.shops[first])
    chain.sync()
    (owed,) = chain.hub.shortages(state="open")
    assert (owed.kind, owed.amount_minor, owed.payment) == ("refund", 100, back.id)
    assert differences(chain) == []


def test_what_is_paid_after_a_claim_is_asked_for_again_and_goes_back_over_the_counter(
    chain: Chain, harbour: ShopSide
) -> None:
    order = handed_over(chain, payment="on_collection")
    claimed(chain, harbour, order.id)
    assert isinstance(Aisle(chain, "riverside").pay(order.id), Done)
    chain.sync()

    assert harbour.take_back(order.id, "tea", 3) == Elsewhere(order.id)
    claimed(chain, harbour, order.id)
    back = came(harbour.take_back(order.id, "tea", 3, has_asked=True))

    assert [(one.type, one.amount_minor) for one in back.refunds] == [("cash", 300)]
    assert differences(chain) == []
    assert chain.hub.shortages() == []


def test_what_came_back_unpaid_is_not_owed_any_more(chain: Chain, harbour: ShopSide) -> None:
    order = handed_over(chain, payment="on_collection")
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()

    paid = Aisle(chain, "riverside").pay(order.id)

    assert isinstance(paid, Done)
    assert msgspec.json.decode(paid.record)["payment"]["total_minor"] == 200
    chain.sync()
    assert chain.hub.shortages() == [], "nothing goes back of what was never paid"
    assert differences(chain) == []


@pytest.mark.parametrize("wanted", [1, 3])
def test_goods_that_nobody_paid_for_pay_for_no_others(
    chain: Chain, harbour: ShopSide, wanted: int
) -> None:
    order = handed_over(chain, payment="on_collection")
    claimed(chain, harbour, order.id)

    refused = harbour.exchange(order.id, ("tea", 3), ("jam", wanted))

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.detail) == (
        Slug.CONFLICT,
        "Of these goods only 0 of 300 are paid: they pay for no others.",
    )


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_was_refused_at_the_door_is_not_brought_back_and_paid_for_once(
    chain: Chain, *, is_heard: bool
) -> None:
    order = order_in(chain.hub.place({"tea": 3}))
    chain.sync()
    sender = chain.shops[order.allocations[0].location]
    assert isinstance(sender.tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    claimed(chain, sender, order.id)
    came(sender.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()
    assert isinstance(sender.tell(order.id, EventType.DELIVERY_REFUSED), Done)
    if is_heard:
        chain.sync()

    claimed(chain, sender, order.id)
    refused = sender.take_back(order.id, "tea", 2, has_asked=True)

    assert isinstance(refused, Problem)
    assert "0 of the sale are left" in refused.detail
    chain.sync()
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 300
    assert differences(chain) == []


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_a_customer_brought_back_is_not_back_from_the_carrier_too(
    chain: Chain, *, is_heard: bool
) -> None:
    order = order_in(chain.hub.place({"tea": 3}))
    chain.sync()
    sender = chain.shops[order.allocations[0].location]
    taker = sender if is_heard else next(s for s in chain.shops.values() if s is not sender)
    assert isinstance(sender.tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    claimed(chain, taker, order.id)
    came(taker.take_back(order.id, "tea", 1, has_asked=True))

    told = sender.tell(order.id, EventType.DELIVERY_REFUSED)  # the hub has heard of no return yet

    assert isinstance(told, Done)
    back = next(one for one in order_in(told).events if one.type is EventType.DELIVERY_REFUSED)
    assert [line.quantity for line in back.lines or ()] == [2 if is_heard else 3]
    chain.sync()
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 300, "and no cent more"
    assert differences(chain) == []


def test_a_supervisors_advance_on_what_nobody_paid_is_no_difference(
    chain: Chain, harbour: ShopSide
) -> None:
    order = handed_over(chain, payment="on_collection")
    waiting = came(harbour.take_in(order.id, "tea", 1, advance_minor=50))
    claimed(chain, harbour, order.id)

    paid = came(harbour.settle(waiting.id, order.id))

    assert [(one.type, one.amount_minor) for one in paid.refunds] == [("cash", 50)]
    assert differences(chain) == []


# All of it is back


def test_an_order_is_returned_when_all_that_was_collected_is_back(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    chain.sync()
    order_in(riverside.tell(order.id, EventType.SHORT_PICKED, {"tea": 1}))
    order_in(riverside.tell(order.id, EventType.COLLECTED))
    chain.sync()
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 2, has_asked=True))
    chain.sync()
    assert chain.hub.order(order.id).status is OrderStatus.COLLECTED, "one may still come"

    (missing,) = [one for one in chain.hub.shortages(state="open") if one.kind == "unfulfilled"]
    assert isinstance(chain.hub.resolve(missing.id, action="cancel"), Done)
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 300
    assert differences(chain) == []


def test_a_delivery_fee_does_not_keep_an_order_from_being_returned(
    chain: Chain, harbour: ShopSide
) -> None:
    fee = ProductBody(name="fee", price_minor=500, currency="USD", stock_policy="untracked")
    chain.hub.put("fee", fee)
    order = order_in(chain.hub.place({"tea": 2, "fee": 1}))
    chain.sync()
    sender = chain.shops[order.allocations[0].location]
    order_in(sender.tell(order.id, EventType.SHIPPED))
    chain.sync()

    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()
    assert chain.hub.order(order.id).status is OrderStatus.SHIPPED
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 200
    assert differences(chain) == []


def test_what_is_back_is_not_all_while_another_store_keeps_some_of_it(chain: Chain) -> None:
    order = order_in(chain.hub.place({"tea": 10}))
    chain.sync()
    assert {one.location for one in order.allocations} == {"riverside", "harbour"}
    first, second = (chain.shops[one.location] for one in order.allocations)
    order_in(first.tell(order.id, EventType.SHIPPED))
    chain.sync()
    claimed(chain, first, order.id)
    came(first.take_back(order.id, "tea", order.allocations[0].quantity, has_asked=True))
    chain.sync()
    assert chain.hub.order(order.id).status is OrderStatus.SHIPPED

    order_in(second.tell(order.id, EventType.CANCELLED))
    chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 1_000
    assert differences(chain) == []
