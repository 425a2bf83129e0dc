"""Goal: what is missing is settled unit by unit also where it crosses what the hub does meanwhile.

Method: a hub and its shops in one process (`tests.chain`). A picker finds fewer than were promised,
or sends a part, before, while and after the hub has the units sent from elsewhere, cancels, or
gives them up; then both sides are compared row by row (`tests.short_stories`).
"""

from pathlib import Path

import pytest

from gateway.shop import SET_ASIDE
from retail.ordering.allocations import missing_units
from retail.ordering.order_status import EventType, OrderStatus
from tests.chain import Chain
from tests.chain_sides import order_in
from tests.short_stories import gone, sound, tea_chain
from tests.shortage_stories import broken, kept_at, one, ordered, stocked
from web.once import Done

SHORT, SHIPPED = EventType.SHORT_PICKED, EventType.SHIPPED
RELEASED, CANCELLED = EventType.RELEASED, EventType.CANCELLED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Nobody has any tea yet."""
    return tea_chain(tmp_path)


CROSSINGS = ("told before", "crosses the request", "after a restart")


@pytest.mark.parametrize("rest", ["released", "shipped", "nothing yet"])
@pytest.mark.parametrize("first", [SHORT, SHIPPED])
@pytest.mark.parametrize("when", CROSSINGS)
def test_a_part_that_crosses_a_request_to_send_it_from_elsewhere_is_settled_once(
    chain: Chain, when: str, first: EventType, rest: str
) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=8)
    airport = chain.shops["airport"]
    if when == "told before":
        order_in(airport.tell(order.id, first, {"tea": 1}))
        chain.sync()

    moved = chain.hub.reallocate(order.id, order.allocations[0].id)
    assert isinstance(moved, Done), moved
    if when != "told before":
        order_in(airport.tell(order.id, first, {"tea": 1}))
        if rest == "shipped":
            order_in(airport.tell(order.id, SHIPPED))
        elif rest == "nothing yet":
            chain.send(airport)
            split = [part for part in chain.hub.order(order.id).allocations if part.part_of]
            assert {part.location for part in split} == {"airport", "bazaar"}
    if when == "after a restart":
        airport.restart()
        chain.hub.restart()
    chain.sync()
    for item in chain.hub.shortages(state="open"):
        assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()
    bazaar = chain.shops["bazaar"]
    if kept_at(chain.hub.order(order.id)):
        order_in(bazaar.tell(order.id, SHIPPED))

    after = sound(chain, order)

    assert gone(after) == 3
    assert kept_at(after) == {}


@pytest.mark.parametrize("heard", ["the cancel", "the short pick"])
@pytest.mark.parametrize("asked", [False, True])
def test_a_short_pick_that_crosses_a_cancel_pays_back_everything_once(
    chain: Chain, heard: str, *, asked: bool
) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=8)
    if asked:
        assert isinstance(chain.hub.reallocate(order.id, order.allocations[0].id), Done)
    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    if heard == "the short pick":
        chain.send(chain.shops["airport"])
    order_in(chain.hub.tell(order.id, CANCELLED))
    chain.sync()

    after = chain.hub.order(order.id)
    assert after.status is OrderStatus.CANCELLED
    assert all(part.state == "released" for part in after.allocations)
    refund = one(chain, "open")
    assert (refund.kind, refund.amount_minor) == ("refund", 999)
    sound(chain, order)


def test_a_store_that_calls_a_part_off_while_it_is_moved_has_nothing_sent_in_its_place(
    chain: Chain,
) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=8)
    assert isinstance(chain.hub.reallocate(order.id, order.allocations[0].id), Done)
    order_in(chain.shops["airport"].tell(order.id, CANCELLED, {"tea": 1}))
    chain.send(chain.shops["airport"])
    chain.sync(chain.shops["bazaar"])
    assert chain.hub.counter("bazaar", "tea").levels().held == 2

    after = sound(chain, order)

    assert kept_at(after) == {"bazaar": 2}
    assert after.status is OrderStatus.PAID
    assert sum(item.amount_minor or 0 for item in chain.hub.shortages()) == 333


def test_a_short_pick_of_what_was_to_be_given_up_is_paid_back_without_asking(chain: Chain) -> None:
    stocked(chain, airport=7)
    kept = ordered(chain, 4)
    order = ordered(chain, 3)
    airport = chain.shops["airport"]
    broken(airport, 1)
    chain.sync()
    item = one(chain, "open")
    assert isinstance(
        chain.hub.resolve(item.id, action="cancel", allocation=order.allocations[0].id), Done
    )
    order_in(airport.tell(order.id, SHORT, {"tea": 1}))
    chain.sync()

    after = chain.hub.order(order.id)
    assert after.status is OrderStatus.CANCELLED
    refunds = [one for one in chain.hub.shortages() if one.kind == "refund"]
    assert sum(one.amount_minor or 0 for one in refunds) == order.total_minor
    assert kept_at(chain.hub.order(kept.id)) == {"airport": 4}
    sound(chain, order)


def test_who_sent_a_part_and_gave_back_the_rest_keeps_the_order(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=8)
    airport = chain.shops["airport"]
    order_in(airport.tell(order.id, SHIPPED, {"tea": 1}))
    order_in(airport.tell(order.id, RELEASED))
    chain.sync()

    assert isinstance(chain.hub.resolve(one(chain, "open").id), Done)
    chain.sync()

    assert kept_at(sound(chain, order)) == {"bazaar": 2}
    seen = airport.state.connection.execute("SELECT data FROM shop_order").fetchall()
    assert len(seen) == 1, "its parcel is on its way"
    assert airport.state.store.meta(SET_ASIDE) is None, "and nobody wanted to take it away"


def test_a_stand_in_is_short_picked_in_its_turn(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=8)
    assert isinstance(chain.hub.reallocate(order.id, order.allocations[0].id), Done)
    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    chain.sync()
    assert kept_at(chain.hub.order(order.id)) == {"bazaar": 3}

    order_in(chain.shops["bazaar"].tell(order.id, SHORT, {"tea": 2}))
    chain.sync()

    after = sound(chain, order)
    assert kept_at(after) == {"bazaar": 1}
    assert missing_units(after) == {"tea": 2}
    assert sum(item.units for item in chain.hub.shortages(state="open")) == 2
