"""Goal: a till sells what stands elsewhere as one order, paid once, whatever breaks in between.

No money is lost or counted twice, and no unit is promised twice.

Method: a hub and two shops in one process (`tests.chain`); a till of Riverside orders tea that
stands at Harbour (`tests.aisle`). The line is cut, answers are lost, commits fail and orders expire
between the steps. After each story the audit has no difference, and what is committed has its
allocations.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.ordering import order_events
from cloud_hub.ordering.order_list import OrdersQuery, orders_page
from replication.adapters.sqlite import ReplicaStore
from retail.ordering.order_money import standing_tenders
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order
from retail.selling.sales import Tender
from tests.aisle import PLENTY, Aisle, ended_well, only_order, paid_in, tea_at_harbour
from tests.chain import Chain
from tests.chain_sides import CommitFailed, command, order_in
from tests.limited_offers import limit
from tests.shortage_stories import kept_at, one
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


def payments(chain: Chain) -> list[str]:
    """The orders that payments in the hub's file are for."""
    rows = chain.hub.state.connection.execute(
        "SELECT json_extract(CAST(body AS TEXT), '$.record.payment.order') FROM entry "
        "WHERE kind = 'order_payment' ORDER BY arrival"
    )
    return [str(row[0]) for row in rows]


def expire(chain: Chain, order: str) -> None:
    """Nobody paid in time."""
    chain.hub.commit(lambda: order_events.expire(chain.hub.state, order))


# The plain way


def test_a_till_sells_what_stands_elsewhere_and_the_other_store_ships_it(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 2}))
    chain.sync()

    order = only_order(chain)
    assert paid.order.id == order.id == paid.payment.order
    assert paid.order.status is order.status is OrderStatus.PAID
    assert order.sold_at == "riverside"
    assert kept_at(order) == {"harbour": 2}
    assert (paid.payment.total_minor, paid.payment.change_minor) == (200, 99_800)
    assert standing_tenders(order, []) == (Tender(type="cash", amount_minor=200),), (
        "less the change"
    )
    assert paid.payment.number == "RIVERSIDE-1-P000001"
    assert isinstance(chain.shops["harbour"].tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    assert only_order(chain).status is OrderStatus.SHIPPED


def test_the_customer_collects_it_in_the_other_store_with_the_code_of_the_receipt(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 1}, fulfilment={"type": "pickup", "location": "harbour"}))
    chain.sync()

    assert paid.order.pickup_code == only_order(chain).pickup_code is not None
    assert isinstance(chain.shops["harbour"].tell(paid.order.id, EventType.COLLECTED), Done)
    chain.sync()
    assert only_order(chain).status is OrderStatus.COLLECTED


def test_the_hub_lists_what_a_stores_tills_sold_from_elsewhere(chain: Chain, aisle: Aisle) -> None:
    sold = paid_in(aisle.order({"tea": 1})).order.id
    online = order_in(chain.hub.place({"tea": 1})).id
    chain.sync()

    def listed(**asked: str) -> list[str]:
        query = msgspec.convert(asked, OrdersQuery)
        page = orders_page(ReplicaStore(chain.hub.state.connection), query)
        return [msgspec.json.decode(item, type=Order).id for item in page.items]

    assert listed() == [sold, online]
    assert listed(sold_at="riverside") == [sold]
    assert listed(sold_at="riverside", location="harbour", status="paid") == [sold]
    assert listed(sold_at="harbour") == []


def test_payments_are_numbered_without_a_gap_over_a_new_start(chain: Chain, aisle: Aisle) -> None:
    first = paid_in(aisle.order({"tea": 1}))
    assert isinstance(aisle.order({"tea": 1}, tenders=[]), Problem)
    chain.shops["riverside"].restart()
    second = paid_in(aisle.order({"tea": 1}))

    assert first.payment.number == "RIVERSIDE-1-P000001"
    assert second.payment.number == "RIVERSIDE-1-P000002"


# Asked again


def test_the_same_request_twice_is_one_order_and_one_payment(chain: Chain, aisle: Aisle) -> None:
    asked = command()

    first, again = (aisle.order({"tea": 2}, asked) for _ in range(2))

    assert first == again
    assert aisle.line.asked.count("/v1/orders") == 1
    chain.sync()
    assert payments(chain) == [only_order(chain).id]


@pytest.mark.parametrize("expected", [{}, {"expected_total_minor": 200}])
def test_an_answer_that_is_lost_after_placing_is_asked_for_again(
    chain: Chain, aisle: Aisle, expected: dict[str, int]
) -> None:
    asked = command()
    aisle.line.before_answer = lambda: lose_the_order_of(aisle)

    unheard = aisle.order({"tea": 2}, asked, **expected)
    aisle.line.before_answer = lambda: None
    assert isinstance(unheard, Problem)
    assert unheard.slug is Slug.UNAVAILABLE
    assert "Nothing is paid" in unheard.detail
    paid = paid_in(aisle.order({"tea": 2}, asked, **expected))
    chain.sync()

    assert payments(chain) == [paid.order.id] == [only_order(chain).id]
    assert kept_at(only_order(chain)) == {"harbour": 2}


def lose_the_order_of(aisle: Aisle) -> None:
    """The hub's answer to placing does not arrive."""
    aisle.line.loses = int(aisle.line.asked[-1] == "/v1/orders")


def test_a_crash_between_placing_and_payment_is_the_same_order_once(
    chain: Chain, aisle: Aisle
) -> None:
    asked, shop = command(), chain.shops["riverside"]
    aisle.line.before_answer = lambda: crash_at_payment(aisle)
    with pytest.raises(CommitFailed):
        aisle.order({"tea": 2}, asked)
    aisle.line.before_answer = lambda: None
    shop.restart()

    paid = paid_in(aisle.order({"tea": 2}, asked))
    chain.sync()

    assert payments(chain) == [paid.order.id] == [only_order(chain).id]
    assert paid.payment.number.endswith("P000001")


def test_no_money_is_taken_for_an_order_that_expired_while_the_till_was_away(
    chain: Chain, aisle: Aisle
) -> None:
    asked = command()
    aisle.line.before_answer = lambda: crash_at_payment(aisle)
    with pytest.raises(CommitFailed):
        aisle.order({"tea": 2}, asked)
    aisle.line.before_answer = lambda: None
    expire(chain, only_order(chain).id)

    refused = aisle.order({"tea": 2}, asked)

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.members["order_status"]) == (Slug.CONFLICT, "expired")
    chain.sync()
    assert payments(chain) == []


def test_a_coupon_that_is_good_once_is_used_once_by_an_order_that_is_asked_for_again(
    chain: Chain, aisle: Aisle
) -> None:
    limit(chain.hub, 1, coupon="ONCE")
    chain.sync()
    asked, shown = command(), {"coupon": "once", "expected_total_minor": 180}
    aisle.line.before_answer = lambda: crash_at_payment(aisle)
    with pytest.raises(CommitFailed):
        aisle.order({"tea": 2}, asked, **shown)
    aisle.line.before_answer = lambda: None

    paid = paid_in(aisle.order({"tea": 2}, asked, **shown))
    another = aisle.order({"tea": 2}, **shown)
    chain.sync()

    assert paid.payment.total_minor == only_order(chain).total_minor == 180
    assert isinstance(another, Problem)
    assert (another.slug, another.members["coupon"]) == (Slug.INVALID_REQUEST, "ONCE")


def crash_at_payment(aisle: Aisle) -> None:
    """The gateway's disk does not take the payment of the order that was just placed."""
    if aisle.line.asked[-1] == "/v1/orders":
        aisle.shop.refuse_next_commit()


def test_another_body_under_the_same_key_after_a_crash_is_another_order_and_the_first_expires(
    chain: Chain, aisle: Aisle
) -> None:
    asked = command()
    aisle.line.before_answer = lambda: crash_at_payment(aisle)
    with pytest.raises(CommitFailed):
        aisle.order({"tea": 2}, asked)
    aisle.line.before_answer = lambda: None
    other = asked._replace(digest=b"\1" * 16)

    paid = paid_in(aisle.order({"tea": 1}, other))
    chain.sync()
    first = next(
        str(row[0])
        for row in chain.hub.state.connection.execute(
            "SELECT id FROM online_order WHERE id <> ?", (paid.order.id,)
        )
    )
    expire(chain, first)

    assert payments(chain) == [paid.order.id]
    assert chain.hub.order(first).status is OrderStatus.EXPIRED


# Cut off, late, called off


def test_with_the_hub_away_nothing_is_sold_and_nothing_changes(chain: Chain, aisle: Aisle) -> None:
    aisle.line.is_cut = True
    before = aisle.shop.state.ledger.head

    for expected in ({}, {"expected_total_minor": 200}):
        refused = aisle.order({"tea": 2}, **expected)
        assert isinstance(refused, Problem)
        assert refused.slug is Slug.UNAVAILABLE
        assert "again" in refused.detail

    assert aisle.shop.state.ledger.head == before
    assert chain.hub.state.orders_count == 0


def test_money_that_is_heard_after_the_order_expired_takes_its_units_again(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 8}))
    expire(chain, paid.order.id)
    assert chain.hub.order(paid.order.id).status is OrderStatus.EXPIRED

    chain.sync()

    assert only_order(chain).status is OrderStatus.PAID
    assert kept_at(only_order(chain)) == {"harbour": 8}
    assert chain.hub.shortages() == []


def test_money_for_an_expired_order_whose_units_are_sold_goes_back(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 8}))
    expire(chain, paid.order.id)
    order_in(chain.hub.place({"tea": 5}))

    chain.sync()

    assert chain.hub.order(paid.order.id).status is OrderStatus.CANCELLED
    refund = one(chain, "open")
    assert (refund.kind, refund.order, refund.amount_minor) == ("refund", paid.order.id, 800)


def test_money_for_an_order_that_was_cancelled_meanwhile_goes_back(
    chain: Chain, aisle: Aisle
) -> None:
    paid = paid_in(aisle.order({"tea": 3}))
    assert isinstance(chain.hub.tell(paid.order.id, EventType.CANCELLED), Done)

    chain.sync()

    assert only_order(chain).status is OrderStatus.CANCELLED
    assert kept_at(only_order(chain)) == {}
    refund = one(chain, "open")
    assert (refund.kind, refund.amount_minor, refund.payment) == ("refund", 300, None)
    assert isinstance(chain.hub.resolve(refund.id), Done)


def test_a_payment_that_is_sent_again_is_heard_once(chain: Chain, aisle: Aisle) -> None:
    paid_in(aisle.order({"tea": 2}))
    chain.sync()
    before = chain.hub.state.ledger.head

    aisle.shop.restart()
    chain.sync()

    assert chain.hub.state.ledger.head == before
    assert len(payments(chain)) == 1


# Bad input


@pytest.mark.parametrize(
    ("more", "slug", "field"),
    [
        ({"tenders": []}, Slug.INVALID_REQUEST, "$.tenders"),
        ({"tenders": [{"type": "card", "amount_minor": 201}]}, Slug.INVALID_REQUEST, "$.tenders"),
        ({"expected_total_minor": 199}, Slug.PRICE_CHANGED, None),
        ({"lines": [{"sku": "coal", "quantity": 1}]}, Slug.UNKNOWN_PRODUCT, "$.lines[0]"),
        ({"lines": [{"sku": "tea", "quantity": 9}]}, Slug.QUOTA_SHORT, None),
        ({"coupon": "NONE"}, Slug.INVALID_REQUEST, "$.coupon"),
        (
            {"fulfilment": {"type": "pickup", "location": "moon"}},
            Slug.INVALID_REQUEST,
            "$.fulfilment.location",
        ),
    ],
)
def test_what_cannot_be_ordered_is_refused_and_changes_nothing(
    chain: Chain, aisle: Aisle, more: dict[str, object], slug: Slug, field: str | None
) -> None:
    before = aisle.shop.state.ledger.head, chain.hub.state.ledger.head

    refused = aisle.order({"tea": 2}, **more)

    assert isinstance(refused, Problem)
    assert refused.slug is slug
    assert refused.members.get("field") == field
    assert (aisle.shop.state.ledger.head, chain.hub.state.ledger.head) == before


def test_a_price_that_is_not_the_customers_is_told_with_the_new_one(
    chain: Chain, aisle: Aisle
) -> None:
    refused = aisle.order({"tea": 2}, expected_total_minor=150)

    assert isinstance(refused, Problem)
    assert refused.members["total_minor"] == 200
    assert chain.hub.state.orders_count == 0


def test_a_gateway_sells_for_its_own_location_and_on_its_own_money(aisle: Aisle) -> None:
    paid_in(aisle.order({"tea": 1}, tenders=PLENTY))
    for wrong in ({"sold_at": "harbour"}, {"sold_at": None}, {"payment": "paid"}):
        body = {
            "lines": [{"sku": "tea", "quantity": 1}],
            "fulfilment": {"type": "ship"},
            "payment": "pending",
            "sold_at": "riverside",
        }
        answer = aisle.line._place(msgspec.json.encode(body | wrong), "key")
        assert isinstance(answer, Problem), wrong
        assert answer.slug is Slug.INVALID_REQUEST
