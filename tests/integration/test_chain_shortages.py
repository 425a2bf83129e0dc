"""Goal: whatever a store has too few of is settled, and each item of the queue ends with an entry.

Units come from where there are some, or money goes back; the deficit is zero in the end.

Method: a hub and two shops in one process (`tests.chain`). Tea breaks, is counted short or is given
back while it is promised; the answers of the store cross with what the hub decides, in every order
that the line allows. After each story the counters balance and no unit is kept twice.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from cloud_hub import lending as hub_lending
from cloud_hub import order_events
from cloud_hub.config import HubSettings
from gateway import lending as shop_lending
from replication.escrow import Moved, Table, check_invariants
from retail.orders import EventType, Order, OrderStatus
from retail.shortages import Action, Shortage
from tests.chain import Chain, ShopSide, order_in
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Tea at Airport (4, all of it promised online) and at Bazaar (8)."""
    return Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar"])


def stocked(chain: Chain, **units: int) -> None:
    """Each shop gets so much tea, and the hub all of its rights."""
    for shop, many in units.items():
        chain.shops[shop].receive(tea=many)
    chain.sync()
    for shop, many in units.items():
        lend_all(chain, chain.shops[shop], many)


def lend_all(chain: Chain, shop: ShopSide, many: int) -> None:
    """The shop gives the hub what it still holds, as it does for a checkout."""
    left = shop.state.quota("tea")
    assert left < many
    if left:
        lent = shop.commit(lambda: shop_lending.lend(shop.state, f"all-{shop}", [("tea", left)]))
        chain.hub.commit(
            lambda: hub_lending.take_grant(chain.hub.state, shop.state.ledger.writer, lent.cells)
        )


def ordered(chain: Chain, units: int, *, pickup: str | None = None) -> Order:
    """An order that is paid and known to its location."""
    order = order_in(chain.hub.place({"tea": units}, pickup=pickup))
    chain.sync()
    return order


def broken(shop: ShopSide, units: int) -> None:
    """So much tea breaks on the shelf."""
    assert isinstance(shop.adjust("tea", -units, "breakage"), Done)


def one(chain: Chain, state: str) -> Shortage:
    """The only item in a state."""
    items = chain.hub.shortages(state=state)
    assert len(items) == 1, items
    return items[0]


def settled(chain: Chain) -> None:
    """Nothing is open, nothing is missing, all agree, and what is committed has its allocations."""
    chain.sync()
    kept: dict[str, int] = {}
    for (data,) in chain.hub.state.connection.execute("SELECT data FROM online_order"):
        for allocation in msgspec.json.decode(str(data), type=Order).allocations:
            if allocation.state == "committed":
                kept[allocation.location] = kept.get(allocation.location, 0) + allocation.quantity
            assert allocation.state != "held"
    for name, shop in chain.shops.items():
        counter = chain.hub.counter(name, "tea")
        assert counter.cells() == shop.state.counter("tea").cells()
        assert check_invariants(counter) == []
        levels = counter.levels()
        assert levels.deficit == 0
        assert levels.held == 0
        assert levels.committed == kept.get(name, 0)
    states = {item.state for item in chain.hub.shortages() if item.kind == "deficit"}
    assert states <= {"resolved"}


def kept_at(order: Order) -> Mapping[str, int]:
    """Units that locations keep for an order."""
    units: dict[str, int] = {}
    for allocation in order.allocations:
        if allocation.state == "committed":
            units[allocation.location] = units.get(allocation.location, 0) + allocation.quantity
    return units


def test_breakage_is_covered_by_what_the_website_has_not_promised(chain: Chain) -> None:
    stocked(chain, airport=4)
    ordered(chain, 2)

    broken(chain.shops["airport"], 2)
    chain.sync()

    item = one(chain, "resolved")
    assert item.kind == "deficit"
    assert item.resolution is not None
    assert item.resolution.action is Action.COVER
    assert "airport.1-" in str(item.resolution.how)
    settled(chain)


def test_a_promise_is_moved_to_a_location_that_has_the_units(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    broken(chain.shops["airport"], 1)
    chain.sync()

    item = one(chain, "open")
    assert item.proposal is not None
    assert item.proposal.action is Action.REALLOCATE
    assert item.proposal.location == "bazaar"
    assert isinstance(chain.hub.resolve(item.id), Done)
    assert kept_at(chain.hub.order(order.id)) == {"airport": 4}, "until Airport has answered"
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 4}
    assert chain.hub.order(order.id).status is OrderStatus.PAID
    assert one(chain, "resolved").id == item.id
    settled(chain)


def test_units_that_left_before_the_request_came_are_not_sent_again(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    assert isinstance(chain.shops["airport"].tell(order.id, EventType.SHIPPED), Done)

    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    told = chain.hub.order(order.id)
    assert told.status is OrderStatus.SHIPPED
    assert [kept.state for kept in told.allocations] == ["fulfilled", "released"]
    assert chain.hub.counter("bazaar", "tea").levels().held == 0
    again = one(chain, "open")
    assert again.id == item.id
    assert again.proposal is not None
    assert again.proposal.action is Action.COUNT, "nothing is promised any more"


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


def test_a_line_that_a_store_gives_back_is_sent_by_another(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 2)
    stocked(chain, bazaar=8)
    assert isinstance(chain.shops["airport"].tell(order.id, EventType.RELEASED, {"tea": 2}), Done)
    chain.sync()

    item = one(chain, "open")
    assert item.kind == "unfulfilled"
    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 2}
    assert one(chain, "resolved").id == item.id
    settled(chain)


def test_a_shortage_is_settled_once(chain: Chain) -> None:
    stocked(chain, airport=4)
    ordered(chain, 4)
    stocked(chain, bazaar=8)
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    assert isinstance(chain.hub.resolve(item.id), Done)
    before = chain.hub.state.ledger.head

    for _ in range(2):
        refused = chain.hub.resolve(item.id)
        assert isinstance(refused, Problem)
        assert refused.slug is Slug.CONFLICT
        assert chain.hub.state.ledger.head == before
        chain.sync()
        before = chain.hub.state.ledger.head


@pytest.mark.parametrize(
    "decided",
    [
        {"action": "refund"},
        {"action": "reallocate", "location": "nowhere"},
        {"action": "cancel", "allocation": "hub.1-999-1"},
        {"action": "cover"},
    ],
)
def test_a_decision_that_cannot_be_done_changes_nothing(
    chain: Chain, decided: dict[str, str]
) -> None:
    stocked(chain, airport=4)
    ordered(chain, 4)
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    head = chain.hub.state.ledger.head

    assert isinstance(chain.hub.resolve(item.id, **decided), Problem)

    assert chain.hub.state.ledger.head == head
    assert one(chain, "open") == item


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


def test_goods_that_arrive_end_a_deficit_by_themselves(chain: Chain) -> None:
    stocked(chain, airport=4)
    ordered(chain, 4)
    broken(chain.shops["airport"], 2)
    chain.sync()
    item = one(chain, "open")

    chain.shops["airport"].receive(tea=3)
    chain.sync()

    closed = one(chain, "resolved")
    assert closed.id == item.id
    assert closed.resolution is not None
    assert "worked off by airport.1-" in str(closed.resolution.how)
    settled(chain)


def test_with_a_rule_nobody_is_asked(tmp_path: Path) -> None:
    chain = Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar"])
    chain.hub.state.settings = HubSettings(data=tmp_path, settle_shortages=True)
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)

    broken(chain.shops["airport"], 1)
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 4}
    closed = one(chain, "resolved")
    assert closed.resolution is not None
    assert closed.resolution.by == "program"
    settled(chain)


def test_the_queue_survives_a_restart_in_every_state(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    broken(chain.shops["airport"], 1)
    chain.sync()
    chain.hub.restart()
    assert isinstance(chain.hub.resolve(one(chain, "open").id), Done)
    chain.hub.restart()
    chain.shops["airport"].restart()
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 4}
    assert one(chain, "resolved").kind == "deficit"
    settled(chain)


@pytest.mark.parametrize("answers", ["released", "shipped"])
@pytest.mark.parametrize("heard", ["before the request", "after the request", "after a restart"])
def test_a_part_of_an_order_is_moved_whatever_the_line_does(
    chain: Chain, answers: str, heard: str
) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    airport = chain.shops["airport"]
    if answers == "shipped" and heard == "before the request":
        assert isinstance(airport.tell(order.id, EventType.SHIPPED), Done)

    moved = chain.hub.reallocate(order.id, order.allocations[0].id)
    assert isinstance(moved, Done), moved
    if answers == "shipped" and heard != "before the request":
        assert isinstance(airport.tell(order.id, EventType.SHIPPED), Done)
    if heard == "after a restart":
        airport.restart()
        chain.hub.restart()
    chain.sync()

    kept = {"bazaar": 4} if answers == "released" else {}
    assert kept_at(chain.hub.order(order.id)) == kept
    went = sum(
        chain.hub.counter(shop, "tea").total(Table.MOVED, Moved.FULFILLED) for shop in chain.shops
    )
    assert went == (4 if answers == "shipped" else 0)
    settled(chain)


def test_what_is_asked_back_once_is_not_asked_back_again(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=8)
    one_of = order.allocations[0].id
    assert isinstance(chain.hub.reallocate(order.id, one_of), Done)

    again = chain.hub.reallocate(order.id, one_of)
    chain.sync()
    gone = chain.hub.reallocate(order.id, one_of)

    assert isinstance(again, Problem)
    assert isinstance(gone, Problem)
    assert (again.slug, gone.slug) == (Slug.CONFLICT, Slug.CONFLICT)
    settled(chain)


def test_an_order_that_no_store_has_heard_of_moves_at_once(chain: Chain) -> None:
    stocked(chain, airport=4, bazaar=8)
    order = order_in(chain.hub.place({"tea": 4}))
    first = order.allocations[0].location
    other = "bazaar" if first == "airport" else "airport"

    moved = chain.hub.reallocate(order.id, order.allocations[0].id, location=other)

    assert isinstance(moved, Done), moved
    assert kept_at(chain.hub.order(order.id)) == {other: 4}
    chain.sync()
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
