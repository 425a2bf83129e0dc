"""Goal: a register that a dead box had written off and counted sells on, and its rights once.

Method: a chain in one process. The box takes back what the register held and dies with the word of
it; the register goes on at the next one. Then the disk is found.
"""

import pytest

from gateway.registers.identity import RegisterIdentity
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide, sold
from tests.taking_over import replaced, reports, settled, stands, tell_lives
from web.once import Done


@pytest.fixture
def till(lives: LifeChain, old: ShopSide) -> RegisterSide:
    """A register with tea. Its gateway has written it off and counted, unheard by the hub."""
    till = lives.register(old)
    lives.sync()
    assert till.quota("tea") > 3
    lives.lose(till, old)
    lives.count_all(old, tea=40, jam=10)
    return till


@pytest.mark.parametrize("is_heard_first", [False, True])
def test_what_was_taken_from_it_is_there_once(
    lives: LifeChain, old: ShopSide, till: RegisterSide, *, is_heard_first: bool
) -> None:
    new = replaced(lives)
    reports(lives, till, new)
    lives.connect(till)
    if not is_heard_first:
        sold(till.sell("tea", 3))
        lives.replay(till)
    lives.hand_over(old, sealed=True)
    if is_heard_first:
        sold(till.sell("tea", 3))
        lives.replay(till)
    lives.sync()
    tell_lives(lives, new)
    settled(lives)

    assert till.row.is_living
    tea = new.state.counter("tea")
    can_sell = (
        till.quota("tea") + new.state.quota("tea") + lives.hub.state.quota("riverside", "tea")
    )
    assert can_sell - tea.deficit() <= 37
    stands(lives, 37)


def test_what_it_holds_is_no_box_s_before_it_has_sold_it(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    new = replaced(lives)
    reports(lives, till, new)
    lives.hand_over(old, sealed=True)

    settled(lives)

    here, hub = new.state.quota("tea"), lives.hub.state.quota("riverside", "tea")
    assert till.quota("tea") + here + hub == 40


def test_what_the_second_box_had_given_again_is_right_at_the_third(
    lives: LifeChain, old: ShopSide, till: RegisterSide
) -> None:
    second = replaced(lives)
    reports(lives, till, second)
    sold(till.sell("tea", 3))
    lives.replay(till)
    lives.hand_over(old, sealed=True)  # and the second box dies before it hears of that
    third = replaced(lives)
    reports(lives, till, third)

    settled(lives)
    lives.hand_over(second, sealed=True)
    settled(lives)

    stands(lives, 37)


def test_a_box_goes_on_whose_copy_had_written_its_register_off(
    lives: LifeChain, old: ShopSide
) -> None:
    till = lives.register(old)
    lives.sync()
    copy = lives.boot(lives.image(old), old.state.identity)
    old.restart()
    lives.sync()
    assert isinstance(lives.write_off(copy, "till-1"), Done)
    lives.count_all(copy, tea=40, jam=10)
    lives.hub.state.reachable.add("riverside")

    lives.hand_branch(old.state.ledger.writer, lives.branch_of(copy, lives.common(copy)))
    sold(till.sell("tea", 3))
    lives.replay(till)
    settled(lives)

    stands(lives, 37)


def test_a_register_that_only_the_dead_box_knew_has_its_rights_again_when_it_says_who_it_is(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    till = lives.register(old)  # unheard, as what comes next
    lives.lose(till, old)
    lives.count_all(old, tea=40, jam=10)
    new = replaced(lives)
    lives.hand_over(old, sealed=True)
    lives.sync()

    who = lives.enrol(new, "till-1", till.box, writer=till.writer)

    assert isinstance(who, RegisterIdentity), who
    here, hub = new.state.quota("tea"), lives.hub.state.quota("riverside", "tea")
    assert till.quota("tea") + here + hub == 40
    settled(lives)
    stands(lives, 40)
