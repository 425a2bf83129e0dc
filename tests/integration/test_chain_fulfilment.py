"""Goal: an online order is sent from where the chain's rule says, as far as places are known.

Method: a hub and three shops in one process (`tests.chain`). The customer is in Cairo; Giza is next
door and has little, Alexandria has more, and Aswan, far away, has most.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.ordering import orders, reservations
from cloud_hub.ordering.orders import ShortOnline
from cloud_hub.stores import lending as hub_lending
from cloud_hub.stores import locations
from cloud_hub.stores.locations import LocationBody
from gateway.link import lending as shop_lending
from retail.ordering.fulfilment import RuleName
from retail.ordering.holds import ReservationRequest
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, OrderRequest, Pickup, Ship
from retail.places import Coordinates
from tests.chain import Chain
from tests.chain_sides import command, lines_of, order_in, reservation_in
from tests.holds_seen import slug_of
from tests.uses_asked import CUT_OFF
from web.once import Done, Outcome
from web.problems import Problem, Slug

CAIRO = Coordinates(latitude=30.04, longitude=31.24)
TO_CAIRO = Ship(near=CAIRO)
PLACES = {
    "alexandria": Coordinates(latitude=31.20, longitude=29.92),
    "aswan": Coordinates(latitude=24.09, longitude=32.90),
    "giza": Coordinates(latitude=30.01, longitude=31.21),
}
STOCK = {"alexandria": 16, "aswan": 80, "giza": 8}
"""Of which the hub may promise a quarter without asking."""


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain that sends from the nearest; all three shops are heard."""
    made = Chain(tmp_path, skus=["tea", "jam"], shops=sorted(PLACES))
    for location, units in STOCK.items():
        made.shops[location].receive(tea=units)
        describe(made, location, coordinates=PLACES[location])
    made.sync()
    made.hub.state.reachable.update(PLACES)
    follow(made, "nearest")
    yield made
    made.close()


def follow(chain: Chain, rule: RuleName) -> None:
    """The hub was started with this rule."""
    office = chain.hub.state
    office.settings = msgspec.structs.replace(office.settings, fulfilment_rule=rule)


def describe(
    chain: Chain,
    location: str,
    *,
    address: str | None = None,
    coordinates: Coordinates | None = None,
) -> Outcome:
    """Head office says all there is to say of a location."""
    office, body = chain.hub.state, LocationBody(address=address, coordinates=coordinates)
    return chain.hub.commit(lambda: locations.put_location(office, command(), location, body))


def place(
    chain: Chain,
    tea: int,
    *,
    fulfilment: Ship | Pickup = TO_CAIRO,
    may_wait: bool = False,
    reservation: str | None = None,
) -> Outcome | ShortOnline:
    """The storefront orders tea for a customer in Cairo."""
    office = chain.hub.state
    request = OrderRequest(
        lines=lines_of({"tea": tea}),
        fulfilment=fulfilment,
        payment="paid",
        reservation=reservation,
    )
    placed = chain.hub.commit(
        lambda: orders.place(office, command(), request, "ABC123", CUT_OFF, may_wait=may_wait)
    )
    assert isinstance(placed, Done | Problem | ShortOnline), placed
    return placed


def sent_from(order: Order) -> dict[str, int]:
    """Units by location."""
    return {one.location: one.quantity for one in order.allocations}


def lend(chain: Chain, location: str, wants: list[tuple[str, int]]) -> None:
    """A store gives what it is asked for."""
    shop, office = chain.shops[location], chain.hub.state
    lent = shop.commit(lambda: shop_lending.lend(shop.state, "hub.1/1", wants))
    writer = shop.state.ledger.writer
    chain.hub.commit(lambda: hub_lending.take_grant(office, writer, lent.cells))


@pytest.mark.parametrize(("tea", "location"), [(2, "giza"), (3, "alexandria"), (5, "aswan")])
def test_the_nearest_that_the_hub_may_promise_all_of_it_for_sends_it(
    chain: Chain, tea: int, location: str
) -> None:
    assert sent_from(order_in(place(chain, tea))) == {location: tea}


def test_who_does_not_say_where_to_gets_it_from_where_there_is_most(chain: Chain) -> None:
    assert sent_from(order_in(place(chain, 1, fulfilment=Ship()))) == {"aswan": 1}
    follow(chain, "fewest_parcels")
    assert sent_from(order_in(place(chain, 1))) == {"aswan": 1}


def test_a_pickup_is_kept_where_the_customer_collects(chain: Chain) -> None:
    order = order_in(place(chain, 1, fulfilment=Pickup(location="aswan")))

    assert sent_from(order) == {"aswan": 1}


def test_the_nearer_store_is_asked_first_and_without_its_loan_the_farther_one_sends(
    chain: Chain,
) -> None:
    asked = place(chain, 5, may_wait=True)

    assert isinstance(asked, ShortOnline)
    assert (asked.borrow, asked.problem) == ({"giza": [("tea", 3)]}, None)
    assert sent_from(order_in(place(chain, 5))) == {"aswan": 5}, "it did not answer"
    lend(chain, "giza", asked.borrow["giza"])
    assert sent_from(order_in(place(chain, 5))) == {"giza": 5}


def test_nobody_is_asked_for_what_the_hub_may_promise_nearby(chain: Chain) -> None:
    assert sent_from(order_in(place(chain, 2, may_wait=True))) == {"giza": 2}


def test_a_store_that_is_not_heard_is_not_asked(chain: Chain) -> None:
    chain.hub.state.reachable.discard("giza")

    asked = place(chain, 5, may_wait=True)

    assert isinstance(asked, ShortOnline)
    assert set(asked.borrow) == {"alexandria"}


def test_where_the_customer_is_is_not_kept(chain: Chain) -> None:
    ship = Ship(address="12 Corniche", near=CAIRO)
    office = chain.hub.state
    request = ReservationRequest(lines=lines_of({"tea": 2}), fulfilment=ship)
    reserved = reservation_in(
        chain.hub.commit(lambda: reservations.reserve(office, command(), request))
    )

    placed = order_in(place(chain, 2, fulfilment=ship, reservation=reserved.id))

    assert sent_from(placed) == {"giza": 2}, "what was reserved near the customer"
    assert placed.fulfilment == reserved.fulfilment == Ship(address="12 Corniche")
    assert b"near" not in msgspec.json.encode(chain.hub.order(placed.id))
    assert b"near" not in msgspec.json.encode(reserved)
    chain.sync()
    assert (
        order_in(chain.shops["giza"].tell(placed.id, EventType.SHIPPED)).fulfilment
        == placed.fulfilment
    )


def test_a_chain_that_never_splits_says_what_its_best_location_has(chain: Chain) -> None:
    follow(chain, "one_location")

    refused = place(chain, 90)

    assert isinstance(refused, Problem)
    assert slug_of(refused) == Slug.QUOTA_SHORT
    assert (refused.members["wanted"], refused.members["sellable"]) == (90, 80)
    elsewhere = refused.members["elsewhere"]
    assert isinstance(elsewhere, list)
    assert {one["location"]: one["quantity"] for one in elsewhere} == {"alexandria": 16, "giza": 8}
    follow(chain, "nearest")
    split = place(chain, 90)
    assert isinstance(split, ShortOnline)
    assert set(split.borrow) == {"alexandria", "aswan"}


# What is said of a location


def test_what_is_said_of_a_location_is_written_once_and_can_be_taken_back(chain: Chain) -> None:
    head = chain.hub.state.ledger.head

    assert isinstance(describe(chain, "giza", coordinates=PLACES["giza"]), Done)
    assert chain.hub.state.ledger.head == head, "nothing new"

    told = describe(chain, "giza", address="3 Pyramids Road")
    assert isinstance(told, Done)
    assert msgspec.json.decode(told.record) == {
        "id": "giza", "name": "giza", "kind": "store", "timezone": "UTC",
        "address": "3 Pyramids Road", "hours": None, "coordinates": None,
    }  # fmt: skip
    assert chain.hub.state.ledger.head.seq == head.seq + 1
    assert sent_from(order_in(place(chain, 2))) == {"alexandria": 2}, "nobody knows where Giza is"


def test_nothing_is_said_of_a_location_that_is_not_there(chain: Chain) -> None:
    refused = describe(chain, "mars", address="Olympus Mons")

    assert isinstance(refused, Problem)
    assert slug_of(refused) == Slug.NOT_FOUND


def test_it_is_still_known_after_a_restart(chain: Chain) -> None:
    chain.hub.restart()

    assert locations.places(chain.hub.state) == PLACES
