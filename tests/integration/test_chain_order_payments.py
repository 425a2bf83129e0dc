"""Goal: money for an order is taken where it is handed over, cut off or not, and never kept twice.

Method: a hub and two shops in one process (`tests.chain`), with tills (`tests.aisle`). Stores are
paid that cannot hear of each other, or of units that will not come. After each story the audit has
no difference, and what is committed has its allocations.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from retail.ordering.order_money import standing_tenders
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order
from retail.returning.returns import GoodsReturn
from retail.selling.sales import Tender
from tests.aisle import Aisle, ended_well, only_order, paid_in, tea_at_harbour
from tests.chain import Chain
from tests.chain_sides import order_in
from tests.returns_elsewhere import came, claimed
from tests.shortage_stories import kept_at, lend_all, one
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Tea at Harbour: 8, all of it with the hub. Riverside has none."""
    chain = tea_at_harbour(tmp_path)
    yield chain
    ended_well(chain)


@pytest.fixture
def aisle(chain: Chain) -> Aisle:
    """A till of Riverside."""
    return Aisle(chain, "riverside")


def ordered_of_both(chain: Chain) -> Order:
    """12 tea, of which Harbour sends 8 and Riverside 4, to be paid when they are delivered."""
    chain.shops["riverside"].receive(tea=4)
    chain.sync()
    lend_all(chain, chain.shops["riverside"], 4)
    order = order_in(chain.hub.place({"tea": 12}, payment="on_delivery"))
    chain.sync()
    return order


# Paid twice


def test_an_order_that_was_also_paid_online_gives_the_second_payment_back(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 2}))
    assert isinstance(chain.hub.tell(paid.order.id, EventType.PAID), Done)

    chain.sync()

    order = only_order(chain)
    assert order.status is OrderStatus.PAID
    assert kept_at(order) == {"harbour": 2}
    refund = one(chain, "open")
    assert (refund.kind, refund.amount_minor) == ("refund", 200)
    assert refund.payment == paid.payment.id, "what the hub heard of first stands"
    assert isinstance(chain.hub.resolve(refund.id), Done)
    chain.sync()
    assert one(chain, "resolved").payment == refund.payment


def test_what_was_paid_twice_and_is_cancelled_goes_back_twice(chain: Chain, aisle: Aisle) -> None:
    paid = paid_in(aisle.order({"tea": 2}))
    assert isinstance(chain.hub.tell(paid.order.id, EventType.PAID), Done)
    chain.sync()
    double = one(chain, "open")
    assert isinstance(chain.shops["harbour"].tell(paid.order.id, EventType.PICKED), Done)
    chain.sync()
    assert one(chain, "open") == double, "whatever becomes of the goods"

    assert isinstance(chain.hub.tell(paid.order.id, EventType.CANCELLED), Done)
    chain.sync()

    owed = [(item.amount_minor, item.payment) for item in chain.hub.shortages(state="open")]
    assert owed == [(200, double.payment), (200, None)]


def test_two_stores_that_are_cut_off_and_both_paid_give_one_back(
    chain: Chain, aisle: Aisle
) -> None:
    order = ordered_of_both(chain)
    harbour = Aisle(chain, "harbour")
    first, second = paid_in(aisle.pay(order.id)), paid_in(harbour.pay(order.id))

    chain.sync(chain.shops["harbour"])
    chain.sync(chain.shops["riverside"])
    chain.sync()

    refund = one(chain, "open")
    assert (refund.amount_minor, refund.payment) == (1_200, first.payment.id)
    events = [event.id for event in chain.hub.order(order.id).events[1:]]
    assert events == [first.payment.id, second.payment.id], "the second one was heard of first"
    for shop in chain.shops.values():
        texts = shop.state.connection.execute("SELECT data FROM shop_order").fetchall()
        assert msgspec.json.decode(str(texts[0][0]), type=Order).status is OrderStatus.PAID


def test_what_was_settled_from_one_payment_stays_settled_when_an_earlier_one_is_heard_of(
    chain: Chain, aisle: Aisle
) -> None:
    order = ordered_of_both(chain)
    harbour = Aisle(chain, "harbour")
    assert isinstance(harbour.shop.tell(order.id, EventType.SHIPPED), Done)
    assert isinstance(chain.hub.tell(order.id, EventType.CANCELLED), Done)
    assert isinstance(aisle.shop.tell(order.id, EventType.RELEASED), Done)
    earlier, later = paid_in(aisle.pay(order.id)), paid_in(harbour.pay(order.id))
    assert (earlier.payment.total_minor, later.payment.total_minor) == (800, 1_200)

    chain.sync(harbour.shop)
    chain.sync(aisle.shop)
    chain.sync()

    refunds = [item for item in chain.hub.shortages(state="open") if item.kind == "refund"]
    assert [(one.amount_minor, one.payment) for one in refunds] == [
        (400, None),
        (800, earlier.payment.id),
    ]


def stand_in_that_riverside_does_not_hear_of(chain: Chain, aisle: Aisle) -> tuple[Order, Aisle]:
    """Riverside gave 2 of 12 tea back, Harbour keeps them now, and Riverside has not heard."""
    order = ordered_of_both(chain)
    harbour = Aisle(chain, "harbour")
    assert isinstance(aisle.shop.tell(order.id, EventType.RELEASED, {"tea": 2}), Done)
    harbour.shop.receive(tea=16)
    chain.sync()
    missing = next(item for item in chain.hub.shortages() if item.kind == "unfulfilled")
    assert isinstance(chain.hub.resolve(missing.id, action="reallocate"), Done)
    chain.sync(harbour.shop)
    assert kept_at(chain.hub.order(order.id)) == {"harbour": 10, "riverside": 2}
    return order, harbour


def test_what_was_not_paid_for_is_asked_back_of_a_store_that_has_it_already(
    chain: Chain, aisle: Aisle
) -> None:
    order, _ = stand_in_that_riverside_does_not_hear_of(chain, aisle)

    assert paid_in(aisle.pay(order.id)).payment.total_minor == 1_000
    chain.sync()
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"harbour": 8, "riverside": 2}
    assert [(item.kind, item.units) for item in chain.hub.shortages(state="open")] == [
        ("notice", 2)
    ]


def test_what_went_out_unpaid_is_named_with_the_money_that_is_owed(
    chain: Chain, aisle: Aisle
) -> None:
    order, harbour = stand_in_that_riverside_does_not_hear_of(chain, aisle)
    assert isinstance(harbour.shop.tell(order.id, EventType.SHIPPED), Done)

    paid = paid_in(aisle.pay(order.id))
    chain.sync(aisle.shop)
    chain.sync()

    told = one(chain, "open")
    assert (told.kind, told.amount_minor, told.payment) == ("notice", 200, paid.payment.id)
    assert told.notice is not None
    assert "you still owe 2.00" in told.notice


def test_a_second_payment_pays_what_the_first_left_out(chain: Chain, aisle: Aisle) -> None:
    order, harbour = stand_in_that_riverside_does_not_hear_of(chain, aisle)
    assert isinstance(harbour.shop.tell(order.id, EventType.SHIPPED), Done)
    first, second = paid_in(aisle.pay(order.id)), paid_in(harbour.pay(order.id))
    assert (first.payment.total_minor, second.payment.total_minor) == (1_000, 1_200)

    chain.sync(aisle.shop)
    chain.sync()

    refunds = [item for item in chain.hub.shortages(state="open") if item.kind == "refund"]
    assert [(one.amount_minor, one.payment) for one in refunds] == [(1_000, second.payment.id)]
    assert {item.kind for item in chain.hub.shortages(state="open")} <= {"refund", "notice"}


def brought_back(chain: Chain, order: Order, units: int) -> GoodsReturn:
    """Riverside asks the hub, and takes so many tea of an order back."""
    riverside = chain.shops["riverside"]
    chain.hub.state.reachable.update(chain.shops)
    claimed(chain, riverside, order.id)
    return came(riverside.take_back(order.id, "tea", units, has_asked=True))


def test_what_two_payments_paid_together_goes_back_over_the_counter(
    chain: Chain, aisle: Aisle
) -> None:
    order, harbour = stand_in_that_riverside_does_not_hear_of(chain, aisle)
    assert isinstance(harbour.shop.tell(order.id, EventType.SHIPPED), Done)
    paid_in(aisle.pay(order.id))
    by_card = [{"type": "card", "amount_minor": 300}, {"type": "cash", "amount_minor": 900}]
    paid_in(harbour.pay(order.id, tenders=by_card))
    chain.sync(aisle.shop)
    assert isinstance(aisle.shop.tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    before = [item.id for item in chain.hub.shortages()]

    back = brought_back(chain, order, 12)

    assert back.total_minor == 1_200
    assert back.refunds == (Tender(type="cash", amount_minor=1_200),), "of the second payment 200"
    chain.sync()
    assert [item.id for item in chain.hub.shortages()] == before, "nothing goes back by the queue"


# Paid when it is handed over


def collected_order(chain: Chain, units: int = 2) -> Order:
    """An order that waits at Harbour, to be paid when it is collected."""
    order = order_in(chain.hub.place({"tea": units}, pickup="harbour", payment="on_collection"))
    chain.sync()
    return order


def test_money_at_collection_is_taken_while_the_store_is_cut_off(chain: Chain) -> None:
    order = collected_order(chain)
    harbour = Aisle(chain, "harbour")

    paid = paid_in(harbour.pay(order.id, expected_total_minor=200))
    assert harbour.shop.state.connection.execute(
        "SELECT status, json_array_length(data, '$.events') FROM shop_order WHERE id = ?",
        (order.id,),
    ).fetchone() == (OrderStatus.PAID, 2)
    again = harbour.pay(order.id)
    assert isinstance(harbour.shop.tell(order.id, EventType.COLLECTED), Done)
    assert chain.hub.order(order.id).status is OrderStatus.NEW

    chain.sync()
    told = chain.hub.order(order.id)
    assert told.status is OrderStatus.COLLECTED
    assert standing_tenders(told, []) == (Tender(type="cash", amount_minor=200),)
    assert paid.payment.tax_minor == order.tax_minor
    assert isinstance(again, Problem)
    assert again.slug is Slug.CONFLICT
    assert "already paid" in again.detail


def test_money_may_be_taken_after_the_goods_were_handed_over(chain: Chain) -> None:
    order = collected_order(chain)
    harbour = Aisle(chain, "harbour")
    assert isinstance(harbour.shop.tell(order.id, EventType.COLLECTED), Done)

    paid = paid_in(harbour.pay(order.id))
    chain.sync()

    assert paid.order.status is OrderStatus.COLLECTED
    paid_with = standing_tenders(chain.hub.order(order.id), [])
    assert paid_with == (Tender(type="cash", amount_minor=200),)


def test_what_will_not_come_is_not_paid_for(chain: Chain) -> None:
    order = ordered_of_both(chain)
    riverside, harbour = Aisle(chain, "riverside"), Aisle(chain, "harbour")
    assert isinstance(riverside.shop.tell(order.id, EventType.RELEASED), Done)
    chain.sync()
    assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)
    chain.sync()

    paid = paid_in(harbour.pay(order.id))
    chain.sync()

    assert (paid.payment.total_minor, paid.payment.tax_minor) == (800, None)
    assert {item.kind for item in chain.hub.shortages(state="open")} == {"notice"}


def test_what_is_missing_and_was_not_paid_for_is_not_sent_from_elsewhere(chain: Chain) -> None:
    order = ordered_of_both(chain)
    riverside, harbour = Aisle(chain, "riverside"), Aisle(chain, "harbour")
    assert isinstance(riverside.shop.tell(order.id, EventType.RELEASED), Done)
    harbour.shop.receive(tea=4)
    chain.sync()
    missing = one(chain, "open")
    assert missing.kind == "unfulfilled"

    paid = paid_in(harbour.pay(order.id))
    chain.sync()

    assert paid.payment.total_minor == 800
    told = one(chain, "open")
    assert (told.kind, told.allocation) == ("notice", missing.allocation)
    assert kept_at(chain.hub.order(order.id)) == {"harbour": 8}


def test_what_is_missing_and_was_paid_for_may_still_come_from_elsewhere(chain: Chain) -> None:
    order = ordered_of_both(chain)
    riverside, harbour = Aisle(chain, "riverside"), Aisle(chain, "harbour")
    assert isinstance(riverside.shop.tell(order.id, EventType.RELEASED), Done)

    assert paid_in(harbour.pay(order.id)).payment.total_minor == 1_200
    chain.sync()

    assert one(chain, "open").kind == "unfulfilled"
    assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)
    assert one(chain, "open").amount_minor == 400


def test_a_till_that_could_not_hear_of_units_that_will_not_come_gives_their_money_back(
    chain: Chain,
) -> None:
    order = ordered_of_both(chain)
    riverside, harbour = Aisle(chain, "riverside"), Aisle(chain, "harbour")
    assert isinstance(riverside.shop.tell(order.id, EventType.RELEASED), Done)
    chain.sync(riverside.shop)
    assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)
    chain.sync(riverside.shop)

    paid = paid_in(harbour.pay(order.id))
    chain.sync()

    assert paid.payment.total_minor == 1_200
    refund = next(item for item in chain.hub.shortages(state="open") if item.kind == "refund")
    assert refund.amount_minor == 400


def test_only_what_is_paid_on_the_spot_is_paid_at_a_till(chain: Chain) -> None:
    harbour = Aisle(chain, "harbour")
    online = order_in(chain.hub.place({"tea": 1}, pickup="harbour"))
    cancelled = collected_order(chain)
    chain.sync()
    assert isinstance(chain.hub.tell(cancelled.id, EventType.CANCELLED), Done)
    chain.sync()
    short = collected_order(chain)
    before = harbour.shop.state.ledger.head

    refused = {
        "unknown": harbour.pay("hub.1-999"),
        "online": harbour.pay(online.id),
        "cancelled": harbour.pay(cancelled.id),
        "short": harbour.pay(short.id, tenders=[{"type": "card", "amount_minor": 199}]),
        "above": harbour.pay(short.id, tenders=[{"type": "card", "amount_minor": 201}]),
        "other total": harbour.pay(short.id, expected_total_minor=100),
    }

    slugs = {name: one.slug for name, one in refused.items() if isinstance(one, Problem)}
    assert slugs == {
        "unknown": Slug.NOT_FOUND,
        "online": Slug.CONFLICT,
        "cancelled": Slug.CONFLICT,
        "short": Slug.INVALID_REQUEST,
        "above": Slug.INVALID_REQUEST,
        "other total": Slug.PRICE_CHANGED,
    }
    assert harbour.shop.state.ledger.head == before
