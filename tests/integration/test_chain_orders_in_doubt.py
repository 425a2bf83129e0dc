"""Goal: an order that a dead box may have handed over is not handed over twice, and not refunded.

Method: a chain in one process on real files, whose box dies with its last entries unheard and is
replaced; after each story both sides have the same cells, and the book is what stands there.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from replication.escrow import check_invariants
from retail.ordering.order_status import EventType, OrderStatus
from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide, order_in
from tests.life_chain import LifeChain, opened_life
from web.once import Done
from web.problems import Problem

CANCELLED, COLLECTED = EventType.CANCELLED, EventType.COLLECTED


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        yield chain


@pytest.fixture
def order(chain: LifeChain) -> str:
    """An order for 5 tea that the shop keeps."""
    order = order_in(chain.hub.place({"tea": 5}, pickup="riverside"))
    chain.sync()
    return order.id


def collected(chain: LifeChain, order: str, units: int = 5) -> ShopSide:
    """The box hands it over, dies before anybody hears of it, and is replaced."""
    order_in(chain.shops["riverside"].tell(order, COLLECTED, {"tea": units}))
    return chain.replace("riverside")


def stands(chain: LifeChain, units: int, committed: int = 0) -> None:
    """So many tea stand in the shop by all books, and so many of them are kept for orders."""
    chain.sync()
    counter = chain.hub.counter("riverside", "tea")
    assert counter.cells() == chain.shops["riverside"].state.counter("tea").cells()
    assert check_invariants(counter) == []
    levels = counter.levels()
    assert (levels.on_hand, counter.physical()) == (units, units)
    assert (levels.committed, levels.deficit) == (committed, 0)


def test_it_is_neither_handed_over_nor_given_back_before_somebody_says_what_became_of_it(
    chain: LifeChain, order: str
) -> None:
    new = collected(chain, order)

    for event in (COLLECTED, CANCELLED, EventType.RELEASED):
        refused = new.tell(order, event)
        assert isinstance(refused, Problem), event
        assert "may have handed this order over" in refused.detail
    stands(chain, 40, committed=5)
    order_in(new.tell(order, COLLECTED, before=True))

    stands(chain, 35)
    assert chain.hub.order(order).status is OrderStatus.COLLECTED
    assert isinstance(new.tell(order, COLLECTED, before=True), Problem)
    stands(chain, 35)


def test_its_cancel_waits_for_that_and_the_money_stays_where_the_goods_are_gone(
    chain: LifeChain, order: str
) -> None:
    new = collected(chain, order)
    order_in(chain.hub.tell(order, CANCELLED))
    chain.sync()
    assert chain.hub.order(order).status is OrderStatus.CANCEL_REQUESTED
    stands(chain, 40, committed=5)

    order_in(new.tell(order, COLLECTED, before=True))

    stands(chain, 35)
    assert chain.hub.order(order).status is OrderStatus.COLLECTED
    assert not [one for one in chain.hub.shortages() if one.kind == "refund"]


def test_what_is_here_after_all_goes_its_way_once_that_is_said(
    chain: LifeChain, order: str
) -> None:
    new = chain.replace("riverside")

    order_in(new.tell(order, EventType.PICKED, before=False))
    order_in(new.tell(order, COLLECTED))

    stands(chain, 35)
    assert chain.hub.order(order).status is OrderStatus.COLLECTED


def test_of_a_cancelled_order_of_which_a_part_had_gone_the_rest_comes_back_by_itself(
    chain: LifeChain, order: str
) -> None:
    new = collected(chain, order, units=2)
    order_in(chain.hub.tell(order, CANCELLED))
    chain.sync()

    order_in(new.tell(order, COLLECTED, {"tea": 2}, before=True))

    stands(chain, 38)
    assert chain.hub.counter("riverside", "tea").available() >= 33


@pytest.mark.parametrize("said", ["before the count is closed", "after it"])
def test_a_count_that_found_it_missing_is_put_right(
    chain: LifeChain, order: str, said: str
) -> None:
    new = collected(chain, order)
    started = new.start_count("tea")
    assert isinstance(started, Done)
    count = str(msgspec.json.decode(started.record)["id"])
    new.count(count, ScannedLine(sku="tea", counted=35))
    if said == "after it":
        new.close_count(count)
        chain.sync()

    order_in(new.tell(order, COLLECTED, before=True))
    new.close_count(count)

    stands(chain, 35)
    chain.check("tea")


def test_what_no_box_before_was_told_of_is_in_no_doubt(chain: LifeChain) -> None:
    new = chain.replace("riverside")
    order = order_in(chain.hub.place({"tea": 5}, pickup="riverside")).id
    chain.sync()

    refused = new.tell(order, COLLECTED, before=True)
    assert isinstance(refused, Problem)
    assert "No box before this one" in refused.detail
    order_in(new.tell(order, COLLECTED))

    stands(chain, 35)


def test_only_goods_that_left_can_have_left_before(chain: LifeChain, order: str) -> None:
    new = collected(chain, order)

    refused = new.tell(order, CANCELLED, before=True)

    assert isinstance(refused, Problem)
    assert "Only what was shipped or collected" in refused.detail
    stands(chain, 40, committed=5)


def test_what_a_found_box_had_given_back_of_an_order_that_others_go_on_with_waits_here_no_more(
    chain: LifeChain,
) -> None:
    chain.hub.product("jam")
    chain.sync()
    chain.shops["hillside"].receive(jam=10)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 5, "jam": 2})).id
    chain.sync()
    old = chain.shops["riverside"]
    order_in(old.tell(order, EventType.RELEASED))  # of which nobody hears
    new = chain.replace("riverside")

    chain.hand_over(old, sealed=True)
    chain.sync()

    refused = new.tell(order, EventType.SHIPPED, before=False)
    assert isinstance(refused, Problem)
    assert refused.detail == "Nothing of this order waits here any more."
    stands(chain, 40)


def test_what_the_box_that_lives_has_handed_over_stays_so_though_a_found_one_had_given_it_back(
    chain: LifeChain, order: str
) -> None:
    old = chain.shops["riverside"]
    order_in(old.tell(order, EventType.RELEASED))  # of which nobody hears
    new = chain.replace("riverside")
    order_in(new.tell(order, COLLECTED, before=False))
    chain.sync()

    chain.hand_over(old, sealed=True)
    chain.sync()

    told = chain.hub.order(order)
    assert [one.state for one in told.allocations] == ["fulfilled"]
    assert told.status is OrderStatus.COLLECTED
    assert [one.kind for one in chain.hub.shortages(state="open")] == []
    stands(chain, 35)


def test_what_left_in_parts_and_was_said_as_a_whole_is_no_error_when_the_box_is_found(
    chain: LifeChain, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = chain.shops["riverside"]
    order_in(old.tell(order, COLLECTED, {"tea": 2}))
    order_in(old.tell(order, COLLECTED, {"tea": 3}))
    new = chain.replace("riverside")
    order_in(new.tell(order, COLLECTED, before=True))
    chain.sync()

    chain.hand_over(old, sealed=True)
    chain.sync()

    told = chain.hub.order(order)
    assert [(one.quantity, one.state) for one in told.allocations] == [(5, "fulfilled")]
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
