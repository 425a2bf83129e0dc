"""Goal: what `docs/what-happens-when.md` says of goods that two people want is what happens.

Method: a hub and two shops in one process (`tests.chain`). Each test is a row of that page, a story
in which somebody is cut off: nothing travels until the test says so. When everybody has talked, the
shelf, as a clerk would count it, is what all counters say. Rows that need HTTP, a line or processes
of their own are shown in `tests/integration/programs`.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.ordering.orders import ShortOnline
from gateway.link import lending as shop_lending
from gateway.selling import sales
from gateway.selling.sales import Short
from replication.escrow import check_invariants
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order
from retail.ordering.shortages import Action, Shortage
from retail.selling.sales import OverrideRequest
from retail.stock.counts import CountClosed, ScannedLine
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in, sale_of
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Eight of tea at Airport, two of them the website's; Bazaar has none yet."""
    chain = Chain(tmp_path, skus=["tea"], shops=["airport", "bazaar"])
    chain.shops["airport"].receive(tea=8)
    chain.sync()
    assert quotas(chain, "airport") == (6, 2)
    return chain


def quotas(chain: Chain, location: str) -> tuple[int, int]:
    """Units that the shop, and that the website, may sell there without asking anyone."""
    return chain.shops[location].state.quota("tea"), chain.hub.state.quota(location, "tea")


def agreed(chain: Chain, location: str, *, on_the_shelf: int) -> None:
    """Everybody talks; then all counters say what stands there, and nothing is missing."""
    chain.sync()
    counter = chain.hub.counter(location, "tea")
    assert counter.cells() == chain.shops[location].state.counter("tea").cells()
    assert check_invariants(counter) == []
    assert counter.physical() == counter.levels().on_hand == on_the_shelf
    assert counter.levels().deficit == 0


def overdrawn(shop: ShopSide, units: int) -> Any:  # noqa: ANN401 - whatever the shop answers
    """A supervisor sells what a customer holds, while nobody can be asked for rights."""
    request = msgspec.structs.replace(
        sale_of("tea", units), override=OverrideRequest(reason="in the customer's hand")
    )
    return shop.commit(
        lambda: sales.sell(shop.state, command(role="supervisor"), request, asked_hub=True)
    )


def counted(shop: ShopSide, units: int) -> CountClosed:
    """A clerk counts so much tea, and closes the count."""
    started = shop.start_count("tea")
    assert isinstance(started, Done)
    count = msgspec.json.decode(started.record)["id"]
    assert isinstance(shop.count(count, ScannedLine(sku="tea", counted=units)), Done)
    closed = shop.close_count(count)
    assert isinstance(closed, Done)
    return msgspec.json.decode(closed.record, type=CountClosed)


def only(chain: Chain, *, state: str) -> Shortage:
    """The only item of the shortage queue in a state."""
    items = chain.hub.shortages(state=state)
    assert len(items) == 1, items
    return items[0]


def sent_from(order: Order) -> list[tuple[str, int]]:
    """Where the units of an order are kept now."""
    return [(one.location, one.quantity) for one in order.allocations if one.state == "committed"]


def test_cut_off_till_and_website_sell_what_each_holds_and_no_unit_twice(chain: Chain) -> None:
    airport = chain.shops["airport"]

    sold = [airport.sell("tea") for _ in range(6)]
    ordered = order_in(chain.hub.place({"tea": 2}, pickup="airport"))
    one_more = airport.sell("tea")
    another = chain.hub.place({"tea": 1})

    assert all(isinstance(sale, Done) for sale in sold)
    assert isinstance(one_more, Short)
    assert (one_more.lacks[0].sellable, one_more.lacks[0].holders["hub.1"]) == (0, 2)
    assert isinstance(another, Problem)
    assert another.slug is Slug.QUOTA_SHORT
    chain.sync()
    assert isinstance(airport.tell(ordered.id, EventType.COLLECTED), Done)
    agreed(chain, "airport", on_the_shelf=0)


def test_while_a_customer_waits_at_the_till_the_shop_lends_the_website_nothing(
    chain: Chain,
) -> None:
    airport = chain.shops["airport"].state
    lend = chain.shops["airport"].commit

    airport.wanted["tea"] = 1  # a till has asked the hub and waits for its answer
    refused = lend(lambda: shop_lending.lend(airport, "checkout-1", [("tea", 1)]))
    airport.wanted.clear()
    granted = lend(lambda: shop_lending.lend(airport, "checkout-2", [("tea", 1)]))

    assert (refused.cells, refused.sellable) == ([], [("tea", 6)])
    assert (len(granted.cells), granted.sellable) == (1, [("tea", 5)])


def test_an_overdraw_of_promised_units_is_settled_from_another_location(chain: Chain) -> None:
    airport, bazaar = chain.shops["airport"], chain.shops["bazaar"]
    order = order_in(chain.hub.place({"tea": 2}))
    bazaar.receive(tea=8)
    chain.sync()

    assert isinstance(airport.sell("tea", 7), Short), "a cashier's till says no"
    assert isinstance(overdrawn(airport, 7), Done)
    assert airport.state.counter("tea").levels().deficit == 1
    chain.sync()

    short = only(chain, state="open")
    assert (short.kind, short.location, short.units) == ("deficit", "airport", 1)
    assert short.proposal is not None
    assert (short.proposal.action, short.proposal.location) == (Action.REALLOCATE, "bazaar")
    assert isinstance(chain.hub.resolve(short.id), Done)
    agreed(chain, "airport", on_the_shelf=1)
    assert sent_from(chain.hub.order(order.id)) == [("bazaar", 2)]
    assert only(chain, state="resolved").id == short.id


def test_a_count_below_what_was_promised_is_settled_from_another_location(chain: Chain) -> None:
    airport, bazaar = chain.shops["airport"], chain.shops["bazaar"]
    order = order_in(chain.hub.place({"tea": 2}))
    bazaar.receive(tea=8)
    chain.sync()

    [line] = counted(airport, 1).differences
    assert (line.expected, line.difference, line.on_hand, line.deficit) == (8, -7, 1, 1)
    chain.sync()

    short = only(chain, state="open")
    assert (short.kind, short.location, short.units) == ("deficit", "airport", 1)
    assert isinstance(chain.hub.resolve(short.id), Done)
    agreed(chain, "airport", on_the_shelf=1)
    assert sent_from(chain.hub.order(order.id)) == [("bazaar", 2)]


@pytest.mark.parametrize("collected", [True, False], ids=["collected", "still there"])
def test_money_of_a_cancelled_order_is_owed_only_when_the_store_says_that_it_has_the_goods(
    chain: Chain, *, collected: bool
) -> None:
    airport = chain.shops["airport"]
    order = order_in(chain.hub.place({"tea": 2}, pickup="airport"))
    chain.sync()

    asked = order_in(chain.hub.tell(order.id, EventType.CANCELLED))
    assert asked.status is OrderStatus.CANCEL_REQUESTED
    assert chain.hub.shortages() == [], "nothing is owed on a request"
    assert isinstance(chain.hub.place({"tea": 1}), Problem | ShortOnline), "nor sold again"
    if collected:
        assert isinstance(airport.tell(order.id, EventType.COLLECTED), Done)
    agreed(chain, "airport", on_the_shelf=6 if collected else 8)

    told = chain.hub.order(order.id)
    owed = [(one.kind, one.amount_minor) for one in chain.hub.shortages()]
    if collected:
        assert (told.status, owed) == (OrderStatus.COLLECTED, [])
    else:
        assert (told.status, owed) == (OrderStatus.CANCELLED, [("refund", order.total_minor)])


def test_the_rights_of_a_box_that_burnt_are_sold_by_nobody(chain: Chain) -> None:
    new = chain.box("airport", replace=True)
    chain.sync(new)

    assert isinstance(new.sell("tea"), Short)
    assert isinstance(chain.hub.place({"tea": 3}), Problem)
    order_in(chain.hub.place({"tea": 2}))
    assert isinstance(chain.hub.place({"tea": 1}), Problem), "only the website's own two"
    new.receive(tea=4)
    assert isinstance(new.sell("tea", new.state.quota("tea")), Done)
    chain.sync(new)

    counter = chain.hub.counter("airport", "tea")
    assert counter.quota(chain.shops["airport"].state.ledger.writer) == 6
    assert check_invariants(counter) == []
