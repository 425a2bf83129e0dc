"""Goal: whatever a dead box's clock said, no sale of it that is handed in puts goods back wrongly.

Method: a chain in one process on real files, whose one clock is put back and forth. A box is
replaced, its shelf is counted, and its sales are handed in before the count or after it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from retail.selling.sales import Sale
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from web.once import Done

HOUR_MS: Final = 3_600_000


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 10 tea, the hub knows."""
    with opened_life(tmp_path, tea=10) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def sold(shop: ShopSide) -> bytes:
    """Three tea; the answer that the register keeps."""
    done = shop.sell("tea", 3)
    assert isinstance(done, Done), done
    return done.record


def stands(chain: LifeChain, shop: ShopSide, units: int) -> None:
    """So many tea stand there by all books."""
    chain.sync(shop)
    assert shop.state.counter("tea").levels().on_hand == units
    assert chain.hub.counter("riverside", "tea").levels().on_hand == units
    chain.check("tea")


def sold_an_hour_behind(chain: LifeChain, old: ShopSide, *, is_believed: bool) -> bytes:
    """A box whose clock is behind starts, and sells."""
    chain.synchronised = is_believed
    chain.advance(-HOUR_MS)
    old.restart()
    record = sold(old)
    chain.advance(HOUR_MS)
    chain.synchronised = True
    return record


def test_a_sale_says_when_the_clock_of_its_box_could_not_be_believed(
    chain: LifeChain, old: ShopSide
) -> None:
    old.receive(tea=10)
    assert b"clock_synchronised" not in sold(old)

    chain.synchronised = False
    assert msgspec.json.decode(sold(old))["clock_synchronised"] is False

    chain.synchronised = True
    chain.advance(-HOUR_MS)
    assert msgspec.json.decode(sold(old))["clock_synchronised"] is False, "it was wrong once"


def test_a_sale_of_before_a_count_is_put_back_where_all_clocks_can_be_believed(
    chain: LifeChain, old: ShopSide
) -> None:
    record = sold(old)
    new = chain.replace("riverside")
    chain.count_all(new, tea=7)

    chain.recover(new, record)

    stands(chain, new, 7)


def test_a_sale_by_a_clock_that_was_behind_puts_nothing_back(
    chain: LifeChain, old: ShopSide
) -> None:
    new = chain.replace("riverside")
    chain.count_all(new, tea=10)
    record = sold_an_hour_behind(chain, old, is_believed=False)  # it is not heard, and sells on
    chain.recover(new, record)

    stands(chain, new, 7)


def test_what_is_not_said_of_the_clock_before_a_count_hides_goods_and_invents_none(
    chain: LifeChain, old: ShopSide
) -> None:
    chain.synchronised = False
    record = sold(old)
    chain.synchronised = True
    new = chain.replace("riverside")
    chain.count_all(new, tea=7)

    chain.recover(new, record)
    stands(chain, new, 4)

    chain.count_all(new, tea=7)
    stands(chain, new, 7)


def test_no_count_of_a_box_before_the_seller_has_had_the_goods_of_its_sale(
    chain: LifeChain, old: ShopSide
) -> None:
    chain.count_all(old, tea=10)
    chain.sync()
    chain.advance(-HOUR_MS)  # the next box's clock is behind, and nobody knows it
    second = chain.replace("riverside")
    second.receive(tea=3)  # what the first one held is frozen
    chain.sync()
    record = sold(second)
    assert msgspec.json.decode(record, type=Sale).clock_synchronised
    chain.advance(HOUR_MS)
    third = chain.replace("riverside")

    chain.recover(third, record)

    stands(chain, third, 10)
