"""Goal: what a dead box lent to the hub with its last word is no right that nobody had.

Method: a chain in one process on real files; a loan overtakes the entries that it is of, and then
the box dies with these.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from tests.life_chain import LifeChain
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop that has lent 5 tea of 10 that nobody has heard of, and is dead."""
    chain = LifeChain(tmp_path, skus=("tea",), shops=("riverside",))
    old = chain.shops["riverside"]
    old.receive(tea=10)
    lent = old.commit(lambda: shop_lending.lend(old.state, "hub.1/1", [("tea", 5)]))
    office = chain.hub.state
    chain.hub.commit(lambda: hub_lending.take_grant(office, old.state.ledger.writer, lent.cells))
    yield chain
    chain.close()


def test_the_goods_are_counted_and_no_more_can_be_sold_than_stand_there(chain: LifeChain) -> None:
    new = chain.replace("riverside")
    chain.count_all(new, tea=10)
    chain.sync()

    counter = chain.hub.counter("riverside", "tea")
    assert sum(units for units in counter.holders().values() if units > 0) == 10
    assert counter.quota("riverside.1") == 0
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync()
    chain.check("tea")


def test_before_somebody_has_counted_nobody_promises_it(chain: LifeChain) -> None:
    lent = chain.hub.state.quota("riverside", "tea")

    chain.replace("riverside")

    counter = chain.hub.counter("riverside", "tea")
    assert counter.deficit() == counter.available() == lent
    assert (counter.physical(), chain.hub.state.promisable(counter)) == (0, 0)
    assert counter.cells() == chain.shops["riverside"].state.counter("tea").cells()
    chain.check("tea")


def test_the_entries_come_after_all_and_make_it_good(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    new = chain.replace("riverside")

    chain.hand_over(old, sealed=True)
    chain.sync()

    counter = chain.hub.counter("riverside", "tea")
    assert (counter.available(), counter.deficit(), counter.physical()) == (10, 0, 10)
    assert counter.cells() == new.state.counter("tea").cells()
    chain.check("tea")
