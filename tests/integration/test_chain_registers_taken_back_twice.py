"""Goal: what two boxes took back from a register that is gone, or conceded to it, counts once.

Method: a chain in one process. A box takes back what a register held and dies with the word of it,
and the next one does the same. Then the disk is found, or not.
"""

import pytest

from cloud_hub.lives.branches import BranchTaken
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.limited_offers import SUMMER, at_hub, lend_to, limit
from tests.register_chain import RegisterSide, sold
from tests.taking_over import replaced, settled, stands, tell_lives
from web.once import Done


@pytest.fixture
def till(lives: LifeChain, old: ShopSide) -> RegisterSide:
    """A register with tea, of which the hub knows."""
    till = lives.register(old)
    lives.sync()
    assert till.quota("tea") > 4
    return till


def counted_by_both(lives: LifeChain, old: ShopSide, till: RegisterSide) -> ShopSide:
    """The register is lost, its box counts unheard, and so does the box after it, heard."""
    lives.cut(till)
    assert isinstance(lives.write_off(old, "till-1"), Done)
    lives.sync()
    lives.count_all(old, tea=40, jam=10)
    new = replaced(lives)
    lives.count_all(new, tea=40, jam=10)
    lives.sync()
    return new


def test_what_two_boxes_took_back_of_a_lost_register_is_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    counted_by_both(lives, old, till)

    lives.hand_over(old, sealed=True)
    settled(lives)

    stands(lives, 40)


def test_nothing_of_it_is_sold_twice_in_between(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    new = counted_by_both(lives, old, till)
    lives.hand_over(old, sealed=True)
    share = lives.hub.state.quota("riverside", "tea")

    while items := lives.offer(new):
        new.apply(items[:1])
        assert new.state.quota("tea") + share <= 40


def test_a_third_box_that_hears_of_both_has_it_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    counted_by_both(lives, old, till)
    lives.hand_over(old, sealed=True)  # the second box dies before it hears of that

    third = replaced(lives)
    lives.count_all(third, tea=40, jam=10)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.2"), Done)
    settled(lives)

    stands(lives, 40)


def test_what_two_boxes_conceded_to_a_register_is_not_stranded(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    lives.cut(till)
    assert isinstance(lives.write_off(old, "till-1"), Done)
    for _ in range(4):
        sold(till.sell("tea"))
    lives.count_all(old, tea=36, jam=10)
    lives.sync()
    till.seal()
    lives.fold(till, lives.entries(till))  # the first box concedes what it lacks, unheard
    new = replaced(lives)
    till.gateway = new
    lives.replay(till)
    settled(lives)

    lives.hand_over(old, sealed=True)
    settled(lives)

    tea = lives.hub.counter("riverside", "tea")
    assert (tea.quota(till.writer), tea.available()) == (0, 36)
    stands(lives, 36)


def test_what_two_boxes_took_back_of_a_register_that_ended_its_journal_is_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell("tea", 2))
    lives.register(old)  # takes its name
    lives.sync()
    till.seal()
    lives.fold(till, lives.entries(till))
    new = replaced(lives)
    till.gateway = new
    lives.replay(till)
    settled(lives)

    lives.hand_over(old, sealed=True)
    settled(lives)

    stands(lives, 38)


def test_what_a_box_and_an_image_of_it_took_back_is_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    lives.cut(till)
    assert isinstance(lives.write_off(old, "till-1"), Done)
    lives.sync()
    copy = lives.boot(lives.image(old), old.state.identity)
    for box in (old, copy):
        lives.count_all(box, tea=40, jam=10)
    lives.sync(old)
    lives.shops["riverside"] = copy
    taken = lives.hand_branch(copy.state.ledger.writer, lives.branch_of(copy, lives.common(copy)))
    assert isinstance(taken, BranchTaken), taken
    new = lives.go_on(taken)
    tell_lives(lives, new)
    settled(lives)
    lives.count_all(new, tea=40, jam=10)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    settled(lives)

    stands(lives, 40)


def test_a_register_that_was_counted_at_the_second_box_and_is_found_at_the_third_is_right(
    lives: LifeChain, till: RegisterSide
) -> None:
    for _ in range(3):
        sold(till.sell("tea"))
    second = replaced(lives)
    till.gateway = second
    assert isinstance(lives.write_off(second, "till-1"), Done)
    lives.count_all(second, tea=37, jam=10)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    third = replaced(lives)
    till.gateway = third
    till.seal()
    lives.replay(till)
    settled(lives)
    lives.count_all(third, tea=37, jam=10)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.2"), Done)
    settled(lives)

    stands(lives, 37)


@pytest.mark.parametrize("is_found", [False, True])
def test_goods_that_a_lost_register_had_given_back_to_a_dead_box_are_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide, *, is_found: bool
) -> None:
    other = lives.register(old, "till-2")
    lives.sync()
    lives.give(till, lives.lend_back(till, ("tea", 5)))  # unheard
    second = replaced(lives)
    for one in (till, other):
        one.gateway = second
        lives.lose(one, second)
    lives.count_all(second, tea=40, jam=10)
    lives.sync()
    third = replaced(lives)
    lives.count_all(third, tea=40, jam=10)
    lives.sync()
    till.gateway = third
    till.seal()
    lives.replay(till)
    settled(lives)
    if is_found:
        lives.hand_over(old, sealed=True)
    else:
        assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.sync()
    lives.hand_over(second, sealed=True)
    settled(lives)

    stands(lives, 40)


@pytest.mark.parametrize("has_third", [False, True])
def test_uses_that_two_boxes_took_back_of_a_lost_register_are_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide, *, has_third: bool
) -> None:
    limit(lives.hub, 4)
    lives.sync()
    assert lend_to(lives, old, 4)
    lives.hear(till)
    assert lives.borrow(till, (SUMMER, 3))
    lives.cut(till)
    assert isinstance(lives.write_off(old, "till-1"), Done)
    lives.sync()
    lives.reclaim_all(old)  # unheard
    replaced(lives)
    lives.hand_over(old, sealed=True)
    if has_third:
        third = replaced(lives)
        lives.count_all(third, tea=40, jam=10)
        settled(lives)
        assert isinstance(lives.attest("riverside", "riverside.2"), Done)
    settled(lives)

    uses = at_hub(lives.hub)
    assert sum(max(0, one) for one in uses.holders().values()) <= 4
    lives.check("tea")
