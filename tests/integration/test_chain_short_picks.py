"""Goal: what is missing when an order is picked is settled unit by unit, whatever the line does.

Method: a hub and its shops in one process (`tests.chain`). A picker finds fewer than were promised;
then both sides are compared cell by cell and row by row, and what was ordered with what is kept,
has gone, or is paid back (`tests.short_stories`). What crosses the hub's own doing is in
`test_chain_short_picks_crossed`.
"""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from devices.paper import Document
from gateway.ordering import order_payments
from gateway.ordering.orders import SHORT_PICK
from replication.escrow import Moved, Spent, Table, check_invariants
from replication.journal import EntryBody
from retail.ordering import allocations
from retail.ordering.allocations import missing_units
from retail.ordering.order_payments import OrderPaymentRequest
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.shortages import Action
from retail.products.catalogue import ProductBody
from retail.selling.sales import Tender
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in
from tests.short_stories import gone, rows_agree, sound, tea_chain
from tests.shortage_stories import broken, kept_at, one, ordered, stocked
from tests.tampered_hub import TamperedHub
from tests.tampers import grow
from web.once import Done
from web.problems import Problem, Slug

SHORT, SHIPPED, COLLECTED = EventType.SHORT_PICKED, EventType.SHIPPED, EventType.COLLECTED
RELEASED, CANCELLED, PICKED = EventType.RELEASED, EventType.CANCELLED, EventType.PICKED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Nobody has any tea yet."""
    return tea_chain(tmp_path)


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
    chain.hub.put(
        "tea", ProductBody(name="tea", price_minor=100, price_per_quantity=3, currency="USD")
    )
    chain.sync()
    stocked(chain, airport=4)
    order = ordered(chain, 4)
    assert order.total_minor == 133
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
    assert refunds == [33, 33, 34]


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

    told = one(chain, "open")
    assert (told.kind, told.amount_minor) == ("notice", None)
    sound(chain, order)


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


def test_an_order_is_split_so_often_and_then_ends_as_a_whole(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocations, "PARTS_MAX", 2)
    stocked(chain, airport=8)
    order = ordered(chain, 5)
    airport = chain.shops["airport"]
    for event in (SHIPPED, SHORT):
        order_in(airport.tell(order.id, event, {"tea": 1}))
    head = airport.state.ledger.head

    refused = airport.tell(order.id, SHIPPED, {"tea": 1})

    assert isinstance(refused, Problem)
    assert "in 2 parts, of at most 2: tell what is left as a whole" in refused.detail
    assert airport.state.ledger.head == head
    order_in(airport.tell(order.id, SHIPPED, {"tea": 3}))
    assert gone(sound(chain, order)) == 4


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
