"""Goal: goods that no customer took are looked at before they are sold again, and paid back once.

Method: a hub and its shops in one process (`tests.chain`). Pick-ups that nobody comes for and
parcels that are refused at the door, whole and in part; then stock on both sides, what waits for
an inspection, what is owed, and what the audit says.
"""

from pathlib import Path

import msgspec
import pytest

from cloud_hub.auditing.audit import audit
from replication.escrow import check_invariants
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order, refused_units
from retail.ordering.shortages import Shortage
from retail.returning.returns import Disposition, GoodsReturn
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, order_in
from tests.tampered_hub import TamperedHub
from tests.tampers import grow
from web.once import Done
from web.problems import Problem, Slug

UNCOLLECTED, REFUSED = EventType.UNCOLLECTED, EventType.DELIVERY_REFUSED
SHIPPED, COLLECTED = EventType.SHIPPED, EventType.COLLECTED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Tea at 3.33; Riverside has 40, Airport none."""
    chain = Chain(tmp_path, shops=["riverside", "airport"])
    chain.hub.product("tea", price_minor=333)
    chain.sync()
    chain.shops["riverside"].receive(tea=40)
    chain.sync()
    return chain


def placed(chain: Chain, units: int, *, pickup: str | None = None) -> Order:
    """A paid order that its store has heard of."""
    order = order_in(chain.hub.place({"tea": units}, pickup=pickup))
    chain.sync()
    return order


def came_back(shop: ShopSide) -> list[GoodsReturn]:
    """The returns of a shop, oldest first."""
    rows = shop.state.connection.execute("SELECT data FROM goods_return ORDER BY number")
    return [msgspec.json.decode(str(data), type=GoodsReturn) for (data,) in rows]


def refunds(chain: Chain) -> list[Shortage]:
    """What is owed back."""
    chain.sync()
    return [one for one in chain.hub.shortages() if one.kind == "refund"]


def levels(shop: ShopSide) -> tuple[int, int, int, int]:
    """On hand, committed, in quality control, available."""
    known = shop.state.counter("tea").levels()
    return known.on_hand, known.committed, known.quality_control, known.available


def agrees(chain: Chain) -> None:
    """Both sides know the same, and the audit has nothing to say."""
    chain.sync()
    for name, shop in chain.shops.items():
        counter = chain.hub.counter(name, "tea")
        assert counter.cells() == shop.state.counter("tea").cells()
        assert check_invariants(counter) == []
    assert audit(chain.hub.state.store, None).differences == []


def test_what_nobody_came_for_waits_for_an_inspection_and_is_paid_back(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3, pickup="riverside")
    order_in(shop.tell(order.id, EventType.READY_FOR_PICKUP))

    told = order_in(shop.tell(order.id, UNCOLLECTED))

    assert told.status is OrderStatus.CANCELLED
    assert [one.state for one in told.allocations] == ["released"]
    assert levels(shop) == (40, 0, 3, 37)
    (came,) = came_back(shop)
    assert (came.sale, came.sale_number, came.reason) == (order.id, order.number, "uncollected")
    assert (came.goods, came.lines, came.total_minor, came.refunds) == ({"tea": 3}, (), 0, ())
    (refund,) = refunds(chain)
    assert (refund.amount_minor, refund.allocation) == (999, None)

    assert isinstance(shop.inspect(came.id, "tea", 2, Disposition.RESTOCK), Done)
    assert isinstance(shop.inspect(came.id, "tea", 1, Disposition.DAMAGED), Done)
    assert levels(shop) == (40, 0, 0, 39)
    assert isinstance(shop.inspect(came.id, "tea", 1, Disposition.RESTOCK), Problem)
    agrees(chain)


def test_who_collected_a_part_is_paid_back_the_rest(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3, pickup="riverside")
    order_in(shop.tell(order.id, COLLECTED, {"tea": 1}))

    told = order_in(shop.tell(order.id, UNCOLLECTED, {"tea": 1}))
    assert levels(shop) == (39, 1, 1, 37)
    order_in(shop.tell(order.id, UNCOLLECTED))

    assert told.status is OrderStatus.COLLECTED
    assert levels(shop) == (39, 0, 2, 37)
    assert [one.amount_minor for one in refunds(chain)] == [333, 333]
    assert [one for one in chain.hub.shortages() if one.kind == "unfulfilled"] == []
    agrees(chain)


def test_a_refused_parcel_goes_into_quality_control_and_is_paid_back(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3)
    order_in(shop.tell(order.id, SHIPPED))
    chain.sync()
    on_its_way = order_in(chain.hub.tell(order.id, REFUSED))
    assert refunds(chain) == [], "the goods are still with the carrier"

    told = order_in(shop.tell(order.id, REFUSED))

    assert on_its_way.status is told.status is OrderStatus.RETURNED
    assert [one.state for one in told.allocations] == ["fulfilled"], "they had gone out"
    assert refused_units(told) == {"tea": 3}
    assert levels(shop) == (40, 0, 3, 37)
    assert [one.goods for one in came_back(shop)] == [{"tea": 3}]
    (refund,) = refunds(chain)
    assert (refund.amount_minor, refund.units, refund.sku) == (999, 3, "tea")
    agrees(chain)


def test_a_parcel_that_is_refused_in_part_is_paid_back_in_part_and_once(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3)
    order_in(shop.tell(order.id, SHIPPED))

    for _ in range(2):
        order_in(shop.tell(order.id, REFUSED, {"tea": 1}))
        assert [one.amount_minor for one in refunds(chain)] in ([333], [333, 333])
    refused = shop.tell(order.id, REFUSED, {"tea": 2})
    chain.hub.restart()

    assert isinstance(refused, Problem)
    assert "2 of tea are named, and 1 that were sent from here are not back yet" in refused.detail
    assert [one.amount_minor for one in refunds(chain)] == [333, 333]
    assert chain.hub.order(order.id).status is OrderStatus.SHIPPED
    agrees(chain)


def test_missing_and_refused_units_of_a_line_come_to_what_it_cost(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3)
    order_in(shop.tell(order.id, EventType.SHORT_PICKED, {"tea": 1}))
    chain.sync()
    (open_item,) = chain.hub.shortages(state="open")
    assert isinstance(chain.hub.resolve(open_item.id, action="cancel"), Done)
    order_in(shop.tell(order.id, SHIPPED))
    order_in(shop.tell(order.id, REFUSED))

    assert sum(one.amount_minor or 0 for one in refunds(chain)) == order.total_minor
    agrees(chain)


@pytest.mark.parametrize("when", ["never sent", "sent by another", "back already"])
def test_what_was_not_sent_from_here_is_not_refused_here(chain: Chain, when: str) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3)
    if when == "back already":
        order_in(shop.tell(order.id, SHIPPED))
        order_in(shop.tell(order.id, REFUSED))
    elif when == "sent by another":
        chain.shops["airport"].receive(tea=40)
        chain.sync()
        order = placed(chain, 16)
        chain.sync()
        order_in(shop.tell(order.id, SHIPPED))
        chain.sync()
        shop = chain.shops["airport"]
    head = shop.state.ledger.head

    refused = shop.tell(order.id, REFUSED)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.CONFLICT
    assert shop.state.ledger.head == head
    assert len(came_back(shop)) == (when == "back already")


def test_each_store_takes_back_what_it_sent_and_no_more(chain: Chain) -> None:
    chain.shops["airport"].receive(tea=40)
    chain.sync()
    order = placed(chain, 16)
    sent = {one.location: one.quantity for one in order.allocations}
    assert set(sent) == {"riverside", "airport"}
    for shop in chain.shops.values():
        order_in(shop.tell(order.id, SHIPPED))
    chain.sync()

    for name, shop in chain.shops.items():
        assert isinstance(shop.tell(order.id, REFUSED, {"tea": sent[name] + 1}), Problem)
        order_in(shop.tell(order.id, REFUSED))
        assert isinstance(shop.tell(order.id, REFUSED), Problem)
        assert [one.goods for one in came_back(shop)] == [{"tea": sent[name]}]
        chain.sync()

    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert sum(one.amount_minor or 0 for one in refunds(chain)) == order.total_minor
    agrees(chain)


@pytest.mark.parametrize("first", ["the customer", "the carrier"])
def test_a_unit_comes_back_from_its_customer_or_from_the_carrier_and_not_from_both(
    chain: Chain, first: str
) -> None:
    shop, other = chain.shops["riverside"], chain.shops["airport"]
    order = placed(chain, 3)
    order_in(shop.tell(order.id, SHIPPED))
    if first == "the carrier":
        order_in(shop.tell(order.id, REFUSED, {"tea": 2}))
    chain.sync()
    chain.claim(other, order.id)
    if first == "the carrier":
        assert isinstance(other.take_back(order.id, "tea", 2, has_asked=True), Problem)
    assert isinstance(other.take_back(order.id, "tea", 1, has_asked=True), Done)
    chain.sync()
    if first == "the customer":
        assert isinstance(shop.tell(order.id, REFUSED, {"tea": 3}), Problem)
        order_in(shop.tell(order.id, REFUSED))
    assert isinstance(shop.tell(order.id, REFUSED), Problem)

    assert sum(one.goods["tea"] for one in came_back(shop)) == 2
    paid_back = sum(one.amount_minor or 0 for one in refunds(chain))
    assert paid_back == order.total_minor
    agrees(chain)


def test_the_audit_names_goods_that_nobody_came_for_and_that_are_more_than_were_kept(
    chain: Chain, tmp_path: Path
) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3, pickup="riverside")
    order_in(shop.tell(order.id, EventType.READY_FOR_PICKUP))
    order_in(shop.tell(order.id, UNCOLLECTED))
    agrees(chain)
    hub = TamperedHub(tmp_path / "hub" / "hub.db")
    place = hub.last("uncollected")

    hub.rewrite(place, grow("tea", ("moved", "fulfilled"), 1))

    found = [one for one in hub.report().differences if one.invariant == "E9"]
    assert any(place in one.entries for one in found), hub.report().differences


def test_the_same_refusal_twice_books_the_goods_once(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = placed(chain, 3)
    order_in(shop.tell(order.id, SHIPPED))
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        shop.tell(order.id, REFUSED)
    assert came_back(shop) == []

    order_in(shop.tell(order.id, REFUSED))
    again = shop.tell(order.id, REFUSED)

    assert isinstance(again, Problem)
    assert levels(shop) == (40, 0, 3, 37)
    agrees(chain)


def test_nobody_is_paid_back_what_nobody_paid(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 3}, payment="on_delivery"))
    chain.sync()
    order_in(shop.tell(order.id, SHIPPED))
    order_in(shop.tell(order.id, REFUSED))

    assert refunds(chain) == []
    agrees(chain)
