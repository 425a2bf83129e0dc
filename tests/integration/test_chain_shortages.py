"""Goal: whatever a store has too few of is settled, and each item of the queue ends with an entry.

Units come from where there are some, or money goes back; the deficit is zero in the end.

Method: a hub and two shops in one process (`tests.chain`). Tea breaks, is counted short or is given
back while it is promised; the answers of the store cross with what the hub decides, in every order
that the line allows. After each story the counters balance and no unit is kept twice.
"""

from pathlib import Path

import pytest

from cloud_hub.config import HubSettings
from replication.escrow import Moved, Table
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.shortages import Action
from tests.chain import Chain
from tests.chain_sides import order_in, reservation_in
from tests.shortage_stories import broken, kept_at, one, ordered, settled, stocked
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Tea at Airport (4, all of it promised online) and at Bazaar (8)."""
    return Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar"])


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
        {"location": "bazaar"},
        {"action": "reallocate", "location": "airport"},
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


def test_a_promise_that_comes_after_a_count_was_asked_for_opens_the_item_again(
    chain: Chain,
) -> None:
    stocked(chain, airport=4)
    order = order_in(chain.hub.place({"tea": 4}, payment="pending"))
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    assert item.proposal is not None
    assert item.proposal.action is Action.COUNT, "what is only held is no promise yet"
    assert isinstance(chain.hub.resolve(item.id), Done)

    assert isinstance(chain.hub.tell(order.id, EventType.PAID), Done)
    chain.sync()

    again = one(chain, "open")
    assert again.id == item.id
    assert again.proposal is not None
    assert again.proposal.action is Action.CANCEL
    assert isinstance(chain.hub.resolve(again.id), Done)
    settled(chain)


def test_a_reservation_that_becomes_an_order_where_units_are_short_opens_a_proposal(
    chain: Chain,
) -> None:
    stocked(chain, airport=4)
    held = reservation_in(chain.hub.reserve({"tea": 4}))
    broken(chain.shops["airport"], 1)
    chain.sync()
    item = one(chain, "open")
    assert item.proposal is not None
    assert item.proposal.action is Action.COUNT

    order = order_in(chain.hub.place({"tea": 4}, reservation=held.id))

    again = one(chain, "open")
    assert again.id == item.id
    assert again.proposal is not None
    assert (again.proposal.action, again.proposal.order) == (Action.CANCEL, order.id)
    assert isinstance(chain.hub.resolve(again.id), Done)
    settled(chain)


def test_a_proposal_follows_what_arrives_elsewhere(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 2)
    assert isinstance(chain.shops["airport"].tell(order.id, EventType.RELEASED), Done)
    chain.sync()
    before = one(chain, "open")
    assert before.proposal is not None
    assert before.proposal.action is Action.CANCEL

    stocked(chain, bazaar=8)

    now = one(chain, "open")
    assert now.proposal is not None
    assert (now.proposal.action, now.proposal.location) == (Action.REALLOCATE, "bazaar")
    refused = chain.hub.resolve(now.id, allocation="nope")
    assert isinstance(refused, Problem)
    assert one(chain, "open") == now


def test_the_rest_of_an_order_of_which_a_store_called_its_part_off_may_come_from_elsewhere(
    chain: Chain,
) -> None:
    stocked(chain, airport=8, bazaar=8)
    order = ordered(chain, 12)
    assert isinstance(chain.shops["airport"].tell(order.id, EventType.CANCELLED), Done)
    chain.sync()
    (left,) = kept_at(chain.hub.order(order.id)).items()
    assert left[0] == "bazaar"
    broken(chain.shops["bazaar"], 8)
    chain.sync()
    chain.shops["airport"].receive(tea=8)
    chain.sync()

    (item,) = [item for item in chain.hub.shortages(state="open") if item.kind == "deficit"]
    assert item.proposal is not None
    assert (item.proposal.action, item.proposal.order) == (Action.REALLOCATE, order.id)
    assert isinstance(chain.hub.resolve(item.id), Done)
    settled(chain)
    assert kept_at(chain.hub.order(order.id)) == {"airport": left[1]}


def test_a_stand_in_that_nobody_needs_any_more_covers_what_broke_beside_it(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    stocked(chain, bazaar=4)
    assert isinstance(chain.shops["airport"].tell(order.id, EventType.SHIPPED), Done)
    moved = chain.hub.reallocate(order.id, order.allocations[0].id, location="bazaar")
    assert isinstance(moved, Done), moved
    broken(chain.shops["bazaar"], 2)
    chain.sync(chain.shops["bazaar"])
    assert one(chain, "open").units == 2

    chain.sync()

    assert one(chain, "resolved").kind == "deficit"
    settled(chain)


def test_what_is_asked_back_already_is_not_proposed_to_be_moved_though_a_part_has_gone(
    chain: Chain,
) -> None:
    stocked(chain, airport=4, bazaar=8)
    order = ordered(chain, 12)
    airport, bazaar = chain.shops["airport"], chain.shops["bazaar"]
    kept = kept_at(order)
    assert isinstance(airport.tell(order.id, EventType.SHIPPED), Done)
    assert isinstance(chain.hub.tell(order.id, EventType.CANCELLED), Done)
    chain.sync(airport)
    assert chain.hub.order(order.id).status is OrderStatus.SHIPPED
    broken(bazaar, 8 - kept["bazaar"] + 1)

    chain.sync(bazaar)

    item = next(item for item in chain.hub.shortages() if item.kind == "deficit")
    assert item.proposal is None or item.proposal.order != order.id
