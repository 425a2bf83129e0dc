"""Goal: what a register sold before a count is put right once, by whichever box it is heard.

Method: a chain in one process. A box dies with what its register sold, the register is written off
at the next one, and all is counted there. Then both are found, the register and the dead box.
"""

import pytest

from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide, sold
from tests.taking_over import replaced, reports, settled, stands


@pytest.fixture
def new(lives: LifeChain, own_till: RegisterSide) -> ShopSide:
    """The box that was counted, with 37 tea: of the sale of three it has not heard."""
    lives.sync()
    sold(own_till.sell("tea", 3))
    lives.replay(own_till)
    new = replaced(lives)
    lives.lose(own_till, new)
    lives.count_all(new, tea=37, jam=10)
    lives.sync()
    assert new.state.counter("tea").physical() == 37
    return new


@pytest.mark.parametrize("is_told_first", [True, False])
def test_a_sale_that_a_found_register_and_a_found_box_tell_of_is_put_back_once(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, new: ShopSide, *, is_told_first: bool
) -> None:
    if is_told_first:
        reports(lives, own_till, new)  # behind a line that is cut
    lives.hand_over(old, sealed=True)
    lives.sync()
    if not is_told_first:
        reports(lives, own_till, new)
    settled(lives)

    assert new.state.counter("tea").physical() == 37
    stands(lives, 37)
    lives.check("tea", "jam")


def test_a_sale_of_which_only_the_found_box_tells_is_put_back(
    lives: LifeChain, old: ShopSide, new: ShopSide
) -> None:
    lives.hand_over(old, sealed=True)
    settled(lives)

    assert new.state.counter("tea").physical() == 37
    stands(lives, 37)
    lives.check("tea", "jam")


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_sale_that_was_in_the_book_when_it_was_counted_is_not_put_back_by_its_register(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, *, is_lost: bool
) -> None:
    lives.sync()
    sold(own_till.sell("tea", 3))
    lives.replay(own_till)
    new = replaced(lives)
    if is_lost:
        lives.lose(own_till, new)
    lives.hand_over(old, sealed=True)
    settled(lives)
    count = sold(new.start_count("tea"))
    new.count(count, ScannedLine(sku="tea", counted=37))
    if is_lost:
        new.close_count(count)
    reports(lives, own_till, new)
    if not is_lost:
        new.close_count(count)
    settled(lives)

    assert new.state.counter("tea").physical() == 37
    stands(lives, 37)


@pytest.mark.parametrize("is_told_first", [True, False])
def test_a_sale_of_a_register_that_lives_is_put_back_once_as_well(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, *, is_told_first: bool
) -> None:
    lives.sync()
    sold(own_till.sell("tea", 3))
    lives.replay(own_till)
    new = replaced(lives)
    count = sold(new.start_count("tea"))
    new.count(count, ScannedLine(sku="tea", counted=37))
    if is_told_first:
        reports(lives, own_till, new)
        new.close_count(count)
        lives.hand_over(old, sealed=True)
    else:
        lives.hand_over(old, sealed=True)
        lives.sync()
        reports(lives, own_till, new)
        new.close_count(count)
    settled(lives)

    assert new.state.counter("tea").physical() == 37
    stands(lives, 37)
