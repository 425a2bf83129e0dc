"""Goal: what a box may have taken back from a register that is gone, nobody has a second time.

Method: a chain in one process. A box hears that a register has ended, or a manager gives it up; the
box takes back what it held, uses it up and burns, and the hub hears none of that. The box after it
knows the register, and what it held by the hub's books.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.registers import journals
from replication.ids import EVERYWHERE, WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from tests.limited_offers import SUMMER, at_hub, lend_to, limit, sells_reduced
from tests.register_chain import ACKNOWLEDGED_NOTHING, RegisterSide
from tests.taking_over import tell_lives
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops, one with 40 tea."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """The box that will burn."""
    return chain.shops["riverside"]


@pytest.fixture
def till(chain: LifeChain, old: ShopSide) -> RegisterSide:
    """A register with a part of the tea and two uses of four, as the hub knows; it is away."""
    till = chain.register(old)
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 2)
    chain.meet(till)
    assert chain.borrow(till, (SUMMER, 2))
    chain.sync()
    assert till.quota("tea") > 0
    old.state.registers.reachable.discard(WriterId(till.writer))
    return till


def next_box(chain: LifeChain) -> ShopSide:
    """A box takes the place, and the registers that the hub knows."""
    new = chain.replace("riverside")
    tell_lives(chain, new)
    return new


def end(chain: LifeChain, till: RegisterSide) -> None:
    """The register's last entry is heard, by the hub as well."""
    till.seal()
    shop, entries = till.gateway.state, chain.entries(till)
    till.gateway.commit(
        lambda: journals.fold(
            shop, WriterId(till.writer), entries, acknowledged=ACKNOWLEDGED_NOTHING
        )
    )
    chain.sync(till.gateway)


def give_up(chain: LifeChain, till: RegisterSide, shop: ShopSide) -> None:
    """A manager gives it up."""
    assert isinstance(chain.write_off(shop, "till-1", writer=till.writer), Done)


def sell_out(shop: ShopSide) -> int:
    """The shop sells all tea that it may; how many."""
    units = shop.state.quota("tea")
    assert isinstance(shop.sell("tea", units), Done)
    return units


def promised(chain: LifeChain, shop: ShopSide) -> int:
    """Tea that can be sold at once."""
    return shop.state.quota("tea") + chain.hub.state.quota("riverside", "tea")


def ended_and_sold(chain: LifeChain, till: RegisterSide) -> int:
    """It ends, and its box takes back and sells all that it may; how many tea are gone."""
    end(chain, till)
    chain.reclaim_all(till.gateway)
    return sell_out(till.gateway)


def assert_all_is_back(chain: LifeChain, till: RegisterSide, shop: ShopSide, *, there: int) -> None:
    """The register holds nothing any more, and just what stands there can be sold."""
    counter = chain.hub.counter("riverside", "tea")
    assert (counter.quota(till.writer), counter.deficit()) == (0, 0)
    assert promised(chain, shop) == there


def test_goods_of_a_register_that_has_ended_wait_for_the_box_that_may_have_sold_them(
    chain: LifeChain, till: RegisterSide
) -> None:
    gone = ended_and_sold(chain, till)
    new = next_box(chain)
    chain.reclaim_all(new)
    chain.sync()
    assert promised(chain, new) <= 40 - gone

    chain.count_all(new, tea=40 - gone)
    chain.sync()
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync()
    tell_lives(chain, new)
    chain.reclaim_all(new)
    chain.sync()
    assert_all_is_back(chain, till, new, there=40 - gone)


def test_uses_of_a_register_that_has_ended_wait_for_the_box_that_may_have_used_them(
    chain: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    end(chain, till)
    chain.reclaim_all(old)
    had = sum(sells_reduced(old) for _ in range(4))
    new = next_box(chain)
    chain.reclaim_all(new)
    new.receive(tea=40)
    lend_to(chain, new, chain.hub.state.quota(EVERYWHERE, SUMMER))
    had += sum(sells_reduced(new) for _ in range(8))
    assert had == 4


def test_uses_of_a_register_that_two_boxes_were_told_to_give_up_are_had_once(
    chain: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    give_up(chain, till, old)
    chain.reclaim_all(old)
    had = sum(sells_reduced(old) for _ in range(2))
    new = next_box(chain)
    give_up(chain, till, new)
    chain.reclaim_all(new)
    chain.sync()
    chain.hand_over(old, sealed=True)  # it is found after all
    chain.sync()
    tell_lives(chain, new)
    chain.reclaim_all(new)
    chain.sync()
    uses = at_hub(chain.hub)
    assert all(units >= 0 for units in uses.holders().values()), uses.holders()
    lend_to(chain, new, chain.hub.state.quota(EVERYWHERE, SUMMER))
    had += sum(sells_reduced(new) for _ in range(8))
    assert had == 4


def test_what_a_register_held_waits_until_what_was_heard_of_the_box_before_is_here(
    chain: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    gone = ended_and_sold(chain, till)
    new = next_box(chain)
    chain.hand_over(old, sealed=True)
    tell_lives(chain, new)  # it is over, and what it did has not come here yet
    chain.reclaim_all(new)
    assert new.state.quota("tea") <= 40 - gone

    chain.sync()
    chain.reclaim_all(new)
    chain.sync()
    assert_all_is_back(chain, till, new, there=40 - gone)


def test_what_a_register_of_this_box_held_comes_back_whatever_is_open_of_those_before(
    chain: LifeChain,
) -> None:
    limit(chain.hub, 4)
    new = next_box(chain)
    other = chain.register(new, "till-2")
    assert lend_to(chain, new, 1)
    chain.meet(other)
    assert chain.borrow(other, (SUMMER, 1))
    new.state.registers.reachable.discard(WriterId(other.writer))
    assert isinstance(chain.write_off(new, "till-2", writer=other.writer), Done)
    chain.reclaim_all(new)
    assert new.state.quota(SUMMER) >= 1
    assert new.state.counter(SUMMER).quota(other.writer) == 0
