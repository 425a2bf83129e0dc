"""Goal: a truck that two lives of a box have told of left once, and came once, by all books.

Method: a chain of two shops in one process on real files. A box sends a truck off or counts one in,
and dies before anybody hears of it; somebody types it in again at the next box, or at the image
that was put in its place. Then the hub hears both.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.stock.transfers import incoming
from tests.chain_sides import ShopSide, transfer_in
from tests.life_chain import LifeChain, opened_life
from tests.two_lives import found, put_back
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 40 tea, Hillside 8."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        chain.shops["hillside"].receive(tea=8)
        chain.sync()
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Riverside's first box."""
    return chain.shops["riverside"]


@pytest.fixture
def leaving(chain: LifeChain, old: ShopSide) -> str:
    """A transfer of 4 tea to Hillside, as everybody knows."""
    number = transfer_in(old.create_transfer("hillside", tea=4)).id
    chain.sync()
    return number


@pytest.fixture
def coming(chain: LifeChain) -> str:
    """A truck from Hillside with 3 tea, which everybody knows to be on its way."""
    hillside = chain.shops["hillside"]
    number = transfer_in(hillside.create_transfer("riverside", tea=3)).id
    transfer_in(hillside.ship_transfer(number))
    chain.sync()
    chain.sync()
    return number


def stands(chain: LifeChain, units: int) -> None:
    """So many tea stand at Riverside by all books, and no more are sold."""
    shop = chain.shops["riverside"]
    books = (chain.hub.counter("riverside", "tea"), shop.state.counter("tea"))
    assert [book.physical() for book in books] == [units, units]
    assert books[0].cells() == books[1].cells()
    assert (books[0].available(), books[0].deficit()) == (units, 0)
    chain.check("tea")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_a_truck_that_two_boxes_have_sent_off_left_once(
    chain: LifeChain, old: ShopSide, leaving: str, *, is_heard_first: bool
) -> None:
    def ship(shop: ShopSide) -> None:
        transfer_in(shop.ship_transfer(leaving))

    found(chain, old, ship, is_heard_first=is_heard_first, received=4)

    stands(chain, 40 + 4 - 4)
    assert incoming(chain.hub.state, "tea") == {"hillside": 4}
    there = transfer_in(chain.shops["hillside"].receive_transfer(leaving))
    assert there.lines[0].received == 4, "what its paper says"
    chain.sync()
    chain.check("tea", location="hillside")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_a_truck_that_two_boxes_have_counted_in_came_once(
    chain: LifeChain, old: ShopSide, coming: str, *, is_heard_first: bool
) -> None:
    def receive(shop: ShopSide) -> None:
        transfer_in(shop.receive_transfer(coming))

    new = found(chain, old, receive, is_heard_first=is_heard_first, received=4)

    stands(chain, 40 + 4 + 3)
    assert not isinstance(new.sell("tea", 40 + 4 + 3 + 1), Done)


def test_of_two_counts_of_a_truck_the_later_one_is_in_the_book(
    chain: LifeChain, old: ShopSide, coming: str
) -> None:
    units = iter([2, 3])

    def receive(shop: ShopSide) -> None:
        transfer_in(shop.receive_transfer(coming, {"tea": next(units)}))

    found(chain, old, receive, is_heard_first=False, received=4)

    stands(chain, 40 + 4 + 3)


def test_a_truck_that_an_image_has_sent_off_again_left_once(
    chain: LifeChain, old: ShopSide, leaving: str
) -> None:
    def ship(shop: ShopSide) -> None:
        transfer_in(shop.ship_transfer(leaving))

    put_back(chain, old, ship)

    stands(chain, 40 - 4)
    assert incoming(chain.hub.state, "tea") == {"hillside": 4}


def test_a_truck_that_an_image_has_counted_in_again_came_once(
    chain: LifeChain, old: ShopSide, coming: str
) -> None:
    def receive(shop: ShopSide) -> None:
        transfer_in(shop.receive_transfer(coming))

    put_back(chain, old, receive)

    stands(chain, 40 + 3)


def test_a_truck_that_a_count_had_found_and_that_is_told_twice_came_once(
    chain: LifeChain, old: ShopSide, coming: str
) -> None:
    transfer_in(old.receive_transfer(coming))
    new = chain.replace("riverside")
    chain.sync()
    chain.count_all(new, tea=40 + 3)
    transfer_in(new.receive_transfer(coming, before=True))
    chain.sync()

    chain.hand_over(old, sealed=True)
    chain.sync()
    chain.sync()

    stands(chain, 40 + 3)
