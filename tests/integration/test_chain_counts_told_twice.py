"""Goal: what a count has found or missed is booked once, also where a box and its image closed it.

Method: a chain in one process on real files. A count is under way, and the box's disk is copied;
then the count is closed on both, and the hub hears both.
"""

import msgspec
import pytest

from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.two_lives import hand_branch, image_of
from web.once import Done


@pytest.fixture
def count(lives: LifeChain, old: ShopSide) -> str:
    """A count of tea and jam, of which nothing is typed in yet."""
    started = old.start_count("tea", "jam")
    assert isinstance(started, Done)
    lives.sync()
    return str(msgspec.json.decode(started.record)["id"])


def counted(shop: ShopSide, count: str, **there: int) -> None:
    """Somebody counts."""
    lines = [ScannedLine(sku=sku, counted=units) for sku, units in there.items()]
    assert isinstance(shop.count(count, *lines), Done)


def close(shop: ShopSide, count: str) -> None:
    """The count ends."""
    assert isinstance(shop.close_count(count), Done)


def hand_over(lives: LifeChain, copy: ShopSide) -> None:
    """The hub hears the box, and then its image."""
    lives.sync()
    hand_branch(lives, copy)


def stands(lives: LifeChain, **units: int) -> None:
    """So many units stand there by all books, and no more are sold."""
    for sku, many in units.items():
        counter = lives.hub.counter("riverside", sku)
        assert (counter.physical(), counter.available(), counter.deficit()) == (many, many, 0)
        assert counter.cells() == lives.shops["riverside"].state.counter(sku).cells()
    lives.check(*units)


@pytest.mark.parametrize("there", [42, 37])
@pytest.mark.parametrize("is_image_first", [True, False])
def test_a_count_that_an_image_closes_too_is_booked_once(
    lives: LifeChain, old: ShopSide, count: str, there: int, *, is_image_first: bool
) -> None:
    counted(old, count, tea=there)
    copy = image_of(lives, old)
    for shop in (copy, old) if is_image_first else (old, copy):
        close(shop, count)

    hand_over(lives, copy)

    stands(lives, tea=there)


def test_what_was_typed_in_on_both_is_booked_once(
    lives: LifeChain, old: ShopSide, count: str
) -> None:
    copy = image_of(lives, old)
    for shop in (old, copy):
        counted(shop, count, tea=42)
        close(shop, count)

    hand_over(lives, copy)

    stands(lives, tea=42)


def test_what_only_one_of_them_counted_is_booked(
    lives: LifeChain, old: ShopSide, count: str
) -> None:
    copy = image_of(lives, old)
    counted(old, count, tea=42)
    counted(copy, count, tea=42, jam=9)
    for shop in (old, copy):
        close(shop, count)

    hand_over(lives, copy)

    stands(lives, tea=42, jam=9)
