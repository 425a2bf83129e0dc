"""Goal: what is missing when an order is picked is settled unit by unit, whatever the line does.

Method: a hub and its shops in one process (`tests.chain`). A picker finds fewer than were promised,
before, while and after the hub moves, cancels or asks for units; then both sides are compared cell
by cell and row by row, and what was ordered with what is kept, has gone, or is paid back.
"""

from collections import Counter
from pathlib import Path

import apsw
import msgspec
import pytest

from cloud_hub.audit import audit
from devices.paper import Document
from gateway import order_payments
from gateway.orders import SHORT_PICK
from gateway.shop import SET_ASIDE
from replication.escrow import Moved, Spent, Table, check_invariants
from replication.journal import EntryBody
from retail.allocations import missing_units
from retail.order_payments import OrderPaymentRequest
from retail.order_status import EventType, OrderStatus
from retail.orders import Order
from retail.sales import Tender
from retail.shortages import Action
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in
from tests.shortage_stories import broken, kept_at, one, ordered, settled, stocked
from tests.tampered_hub import TamperedHub
from tests.tampers import grow
from web.once import Done
from web.problems import Problem, Slug

SHORT, SHIPPED, COLLECTED = EventType.SHORT_PICKED, EventType.SHIPPED, EventType.COLLECTED
RELEASED, CANCELLED, PICKED = EventType.RELEASED, EventType.CANCELLED, EventType.PICKED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub that sells tea at 3.33, and two shops that have none yet."""
    chain = Chain(tmp_path, shops=["airport", "bazaar"])
    chain.hub.product("tea", price_minor=333)
    chain.sync()
    return chain


def sound(chain: Chain, order: Order) -> Order:
    """All is settled and agrees, no unit is counted twice, and the audit has nothing to say."""
    settled(chain)
    rows_agree(chain)
    report = audit(chain.hub.state.store, None)
    assert report.differences == []
    order = chain.hub.order(order.id)
    there: Counter[str] = Counter(missing_units(order))
    for allocation in order.allocations:
        if allocation.state in {"committed", "fulfilled"}:
            there[allocation.sku] += allocation.quantity
    assert there == Counter({line.sku: line.quantity for line in order.lines})
    return order


def rows_agree(chain: Chain) -> None:
    """The rows of both sides are what the order says."""
    for (data,) in chain.hub.state.connection.execute("SELECT data FROM online_order"):
        order = msgspec.json.decode(str(data), type=Order)
        told = {(part.id, part.quantity, part.state) for part in order.allocations}
        assert rows(chain.hub.state.connection, order) == told
        for name, shop in chain.shops.items():
            own = {(part.id, part.quantity, part.state) for part in order.allocations
                   if part.location == name}  # fmt: skip
            assert rows(shop.state.connection, order) <= own


def rows(connection: apsw.Connection, order: Order) -> set[tuple[object, ...]]:
    """An order's allocations, as a side has them as rows."""
    found = connection.execute(
        "SELECT id, quantity, state FROM allocation WHERE order_id = ?", (order.id,)
    )
    return set(found)


def gone(order: Order) -> int:
    """Units that went out."""
    return sum(part.quantity for part in order.allocations if part.state == "fulfilled")


def test_what_is_missing_is_split_off_and_lost_and_the_rest_goes_out(chain: Chain) -> None:
    stocked(chain, airport=5)
    order = ordered(chain, 3)
    airport = chain.shops["airport"]

    told = order_in(airport.tell(order.id, SHORT, {"tea": 1}))

    whole, part = told.allocations
    assert (whole.quantity, whole.state) == (2, "committed")
    assert (part.id, part.quantity, part.state) == (f"{whole.id}-1", 1, "released")
    assert (part.part_of, part.location) == (whole.id, "airport")
    assert told.status is OrderStatus.PAID, "a short pick is no step of the order"
    levels = airport.state.counter("tea").levels()
    assert (levels.on_hand, levels.committed, levels.deficit) == (4, 2, 0)
    entry = last_entry(airport)
    assert (entry.kind, entry.moves) == (SHORT_PICK, [("tea", -1)])
    assert airport.state.counter("tea").total(Table.SPENT, Spent.COUNTED_DOWN) == 1

    order_in(airport.tell(order.id, SHIPPED))
    after = sound(chain, order)

    assert gone(after) == 2
    assert missing_units(after) == {"tea": 1}


def last_entry(shop: ShopSide) -> EntryBody:
    """What a shop journalled last."""
    (body,) = next(
        shop.state.connection.execute("SELECT body FROM entry ORDER BY arrival DESC LIMIT 1")
    )
    assert isinstance(body, bytes)
    return msgspec.json.decode(body, type=EntryBody)


def test_all_of_an_allocation_that_is_missing_is_released_as_it_is(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)

    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    told = order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 2}))

    assert [(part.quantity, part.state) for part in told.allocations] == [
        (2, "released"), (1, "released")
    ]  # fmt: skip
    assert chain.shops["airport"].state.counter("tea").physical() == 1
    after = sound(chain, order)
    assert missing_units(after) == {"tea": 3}
    assert Counter(item.units for item in chain.hub.shortages(state="open")) == {1: 1, 2: 1}


@pytest.mark.parametrize("event", [SHIPPED, RELEASED, CANCELLED])
def test_an_event_about_some_units_leaves_the_rest_where_it_is(
    chain: Chain, event: EventType
) -> None:
    stocked(chain, airport=5)
    order = ordered(chain, 4)
    airport = chain.shops["airport"]

    for _ in range(2):
        order_in(airport.tell(order.id, event, {"tea": 1}))
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"airport": 2}
    levels = airport.state.counter("tea").levels()
    assert (levels.committed, levels.on_hand) == (2, 3 if event is SHIPPED else 5)
    rest = SHIPPED if event is SHIPPED else EventType.CANCELLED
    order_in(airport.tell(order.id, rest))
    sound(chain, order)


def test_a_part_of_a_pickup_is_collected_and_the_rest_another_day(chain: Chain) -> None:
    stocked(chain, airport=5)
    order = ordered(chain, 3, pickup="airport")
    airport = chain.shops["airport"]

    order_in(airport.tell(order.id, COLLECTED, {"tea": 2}))
    chain.sync()
    order_in(airport.tell(order.id, COLLECTED))

    assert gone(sound(chain, order)) == 3
    assert airport.state.counter("tea").total(Table.MOVED, Moved.FULFILLED) == 3


def test_what_is_missing_comes_from_elsewhere(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    stocked(chain, bazaar=4)
    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    chain.sync()

    item = one(chain, "open")
    assert (item.kind, item.units, item.location) == ("unfulfilled", 1, "airport")
    assert item.proposal is not None
    assert (item.proposal.action, item.proposal.location) == (Action.REALLOCATE, "bazaar")
    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    assert kept_at(chain.hub.order(order.id)) == {"airport": 2, "bazaar": 1}
    for shop in chain.shops.values():
        order_in(shop.tell(order.id, SHIPPED))
    assert gone(sound(chain, order)) == 3


def test_what_nobody_has_is_paid_back_to_the_cent_part_by_part(chain: Chain) -> None:
    chain.hub.product("tea", price_minor=50)
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    assert order.total_minor == 200
    for _ in range(3):
        order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
        chain.sync()
        assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)
        refund = one(chain, "open")
        assert refund.kind == "refund"
        assert isinstance(chain.hub.resolve(refund.id), Done)

    order_in(chain.shops["airport"].tell(order.id, SHIPPED))
    sound(chain, order)
    refunds = [item.amount_minor for item in chain.hub.shortages() if item.kind == "refund"]
    assert refunds == [50, 50, 50]


def test_a_line_that_does_not_come_at_all_is_paid_back_whole(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    for _ in range(3):
        order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
        chain.sync()
        assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)
        assert isinstance(chain.hub.resolve(one(chain, "open").id), Done)

    after = sound(chain, order)

    assert after.status is OrderStatus.CANCELLED
    assert [i.amount_minor for i in chain.hub.shortages() if i.kind == "refund"] == [333] * 3


def test_what_the_book_knows_to_be_gone_is_not_lost_twice(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    airport = chain.shops["airport"]
    broken(airport, 1)
    assert airport.state.counter("tea").deficit() == 1

    order_in(airport.tell(order.id, SHORT, {"tea": 2}))

    levels = airport.state.counter("tea").levels()
    assert (levels.on_hand, levels.committed, levels.deficit, levels.available) == (2, 2, 0, 0)
    assert last_entry(airport).moves == [("tea", -1)], "the other one is known to be broken"
    order_in(airport.tell(order.id, SHIPPED))
    sound(chain, order)


def test_all_of_it_is_broken_and_then_missing(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    broken(chain.shops["airport"], 4)

    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 4}))

    assert chain.shops["airport"].state.counter("tea").physical() == 0
    assert last_entry(chain.shops["airport"]).moves == []
    sound(chain, order)


def unprinted(_: object) -> Document:
    """What a till prints of a payment here."""
    return Document(language="en", blocks=())


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
    assert chain.hub.counter("bazaar", "tea").levels().held == 0

    after = sound(chain, order)

    assert kept_at(after) == {}
    assert after.status is OrderStatus.CANCELLED
    assert sum(item.amount_minor or 0 for item in chain.hub.shortages()) == 999


def test_who_paid_only_for_what_was_there_is_owed_nothing(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = order_in(chain.hub.place({"tea": 3}, pickup="airport", payment="on_collection"))
    chain.sync()
    airport = chain.shops["airport"]
    order_in(airport.tell(order.id, SHORT, {"tea": 1}))
    request = OrderPaymentRequest(
        register="till-1", tenders=(Tender(type="cash", amount_minor=666),)
    )
    paid = airport.commit(
        lambda: order_payments.pay_here(airport.state, command(), order.id, request, unprinted)
    )
    assert isinstance(paid, Done), paid
    order_in(airport.tell(order.id, COLLECTED))
    chain.sync()

    assert isinstance(chain.hub.resolve(one(chain, "open").id, action="cancel"), Done)

    told = one(chain, "open")
    assert (told.kind, told.amount_minor) == ("notice", None)
    sound(chain, order)


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


def test_a_replaced_box_knows_the_parts_of_the_one_before(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    chain.sync()

    new = chain.box("airport", replace=True)
    chain.shops["airport"] = new
    chain.sync()
    again = order_in(new.tell(order.id, SHORT, {"tea": 1}))
    order_in(new.tell(order.id, SHIPPED))

    assert len({part.id for part in again.allocations}) == 3
    chain.sync()
    after = chain.hub.order(order.id)
    assert (gone(after), missing_units(after)) == (1, {"tea": 2})
    assert check_invariants(chain.hub.counter("airport", "tea")) == []
    rows_agree(chain)


@pytest.mark.parametrize(
    ("units", "says"),
    [
        (None, "names the units that are missing"),
        ({"tea": 4}, "4 of tea are more than the 3 of this order"),
        ({"jam": 1}, "the lines must name SKUs of this order"),
        ({"tea": 3}, "3 of tea are named, and 2 wait here"),
    ],
)
def test_a_short_pick_that_cannot_be_changes_nothing(
    chain: Chain, units: dict[str, int] | None, says: str
) -> None:
    chain.hub.product("jam")
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    airport = chain.shops["airport"]
    if units == {"tea": 3}:
        order_in(airport.tell(order.id, SHIPPED, {"tea": 1}))
    head, cells = airport.state.ledger.head, airport.state.counter("tea").cells()

    refused = airport.tell(order.id, SHORT, units)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.INVALID_REQUEST
    assert says in refused.detail
    assert airport.state.ledger.head == head
    assert airport.state.counter("tea").cells() == cells


def test_a_sku_that_another_store_sends_is_not_missing_here(chain: Chain) -> None:
    chain.hub.product("jam")
    chain.sync()
    chain.shops["airport"].receive(tea=40)
    chain.shops["bazaar"].receive(jam=40)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 2, "jam": 1}))
    chain.sync()

    refused = chain.shops["airport"].tell(order.id, SHORT, {"jam": 1})

    assert isinstance(refused, Problem)
    assert "1 of jam are named, and 0 wait here" in refused.detail


@pytest.mark.parametrize("end", [SHIPPED, COLLECTED, CANCELLED])
def test_nothing_is_missing_of_what_has_left(chain: Chain, end: EventType) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3, pickup="airport" if end is COLLECTED else None)
    airport = chain.shops["airport"]
    order_in(airport.tell(order.id, end))
    head = airport.state.ledger.head

    refused = airport.tell(order.id, SHORT, {"tea": 1})

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.detail) == (
        Slug.CONFLICT, "Nothing of this order waits here any more."
    )  # fmt: skip
    assert airport.state.ledger.head == head


@pytest.mark.parametrize("cell", [("minted", "order_released"), ("moved", "counted_down")])
def test_the_audit_names_a_short_pick_of_more_than_it_says(
    chain: Chain, tmp_path: Path, cell: tuple[str, str]
) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)
    order_in(chain.shops["airport"].tell(order.id, SHORT, {"tea": 1}))
    sound(chain, order)
    hub = TamperedHub(tmp_path / "hub" / "hub.db")
    place = hub.last(SHORT_PICK, "airport.1")

    hub.rewrite(place, grow("tea", cell, 1))

    invariant = "E9" if cell[0] == "minted" else "moves"
    found = [one for one in hub.report().differences if one.invariant == invariant]
    assert any(place in one.entries for one in found), hub.report().differences


def test_the_hub_does_not_miss_units(chain: Chain) -> None:
    stocked(chain, airport=4)
    order = ordered(chain, 3)

    refused = chain.hub.tell(order.id, SHORT)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.CONFLICT
