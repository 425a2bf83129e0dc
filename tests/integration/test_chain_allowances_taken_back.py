"""Goal: uses that a register which is gone had are taken back once, however many boxes do so.

Method: a chain in one process. A box takes back what a register held, or is given it back, and
dies unheard; the next one does the same. In the end the hub hears of all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.lives.branches import BranchTaken
from gateway.registers.identity import RegisterIdentity
from replication.escrow import Table
from replication.ids import EVERYWHERE, WriterId
from tests.allowances_over_lives import (
    answer_for,
    had_of_all,
    had_reduced,
    held,
    left,
    register_with_uses,
    two_shops,
)
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.limited_offers import SUMMER, lend_to, limit
from tests.limited_offers import at_hub as uses_at_hub
from tests.register_chain import RegisterSide
from tests.taking_over import tell_lives


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops with tea and jam, whose boxes may die."""
    yield from two_shops(tmp_path)


def comes_back(chain: LifeChain, till: RegisterSide, new: ShopSide) -> None:
    """A register of the dead box enrols again, and shows what it had of it."""
    who = chain.enrol(new, "till-1", till.box, writer=till.writer)
    assert isinstance(who, RegisterIdentity), who
    chain.show(till, new)


def hears_the_dead(chain: LifeChain, old: ShopSide, new: ShopSide) -> None:
    """The dead box's journal is heard to its end, and the living one takes back what it may."""
    chain.hand_over(old, sealed=True)
    chain.sync()
    tell_lives(chain, new)
    chain.reclaim_all(new)
    chain.sync()


# By two boxes


@pytest.mark.parametrize("answered_for", [False, True])
def test_what_two_boxes_took_back_from_one_register_is_had_once(
    chain: LifeChain, *, answered_for: bool
) -> None:
    old = chain.shops["riverside"]
    till = register_with_uses(chain, old, 2, of=4)
    chain.lose(till, old)  # the hub does not hear it
    had = had_reduced(old)
    assert had == 2
    new = chain.replace("riverside")
    tell_lives(chain, new)
    chain.lose(till, new)
    chain.sync()
    if answered_for:
        answer_for(chain, "riverside.1")

    hears_the_dead(chain, old, new)

    assert all(units >= 0 for units in held(chain).values())
    assert had + had_of_all(chain, new) <= 4


def test_what_an_image_took_back_that_its_box_had_taken_back_is_conceded(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    limit(chain.hub, 8)
    chain.sync()
    assert lend_to(chain, old, 2)
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, old.state.quota(SUMMER)))
    chain.sync()
    image = chain.image(old)
    chain.lose(till, old)
    assert had_reduced(old)
    chain.sync()
    copy = chain.boot(image, old.state.identity)
    chain.lose(till, copy)
    assert had_reduced(copy)

    pieces = chain.branch_of(copy, chain.common(copy))
    taken = chain.hand_branch(WriterId("riverside.1"), pieces)
    assert isinstance(taken, BranchTaken), taken
    new = chain.go_on(taken)
    hears_the_dead(chain, old, new)

    assert all(units >= 0 for units in held(chain).values())


def test_what_was_covered_for_two_boxes_that_took_one_register_back_stays_covered(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till, other = chain.register(old), chain.register(old, "till-2")
    limit(chain.hub, 8)
    chain.sync()
    assert lend_to(chain, old, 5)
    for one, units in ((till, 2), (other, 3)):
        chain.hear(one)
        assert chain.borrow(one, (SUMMER, units))
    assert lend_to(chain, chain.shops["hillside"], 1)
    chain.sync()
    chain.lose(till, old)  # the hub does not hear it
    had = had_reduced(old)
    new = chain.replace("riverside")
    tell_lives(chain, new)
    chain.lose(till, new)
    chain.sync()
    chain.hand_over(old, sealed=True)
    chain.sync()
    tell_lives(chain, new)

    chain.lose(other, new)  # with what comes back, what lacks at the location is covered
    chain.sync()

    assert had + sum(max(0, units) for units in held(chain).values()) <= 8


def test_what_the_hub_gave_back_is_not_covered_again_with_each_register_that_is_lost(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till = register_with_uses(chain, old, 1, of=9, lent=2)
    chain.give(till, chain.lend_back(till, (SUMMER, 1)))
    assert chain.borrow(till, (SUMMER, old.state.quota(SUMMER)))
    new = chain.replace("riverside")
    comes_back(chain, till, new)
    chain.sync()  # the hub concedes and covers
    chain.lose(till, new)
    chain.sync()
    answer_for(chain, "riverside.1")  # so does the new box, and the hub gives it back
    frozen = held(chain).get("riverside.1", 0)

    for name in ("till-3", "till-4", "till-5"):
        other = chain.register(new, name)
        assert lend_to(chain, new, 1) or new.state.quota(SUMMER)
        chain.hear(other)
        assert chain.borrow(other, (SUMMER, 1))
        chain.sync()
        chain.lose(other, new)
        chain.sync()

    assert held(chain).get("riverside.1", 0) == frozen, "each of them takes one more out of use"


# After it had been given back


def test_a_use_that_went_to_a_register_and_back_twice_is_one_use_when_the_box_has_died(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 1)
    chain.hear(till)
    for _ in range(2):
        assert chain.borrow(till, (SUMMER, 1))
        chain.give(till, chain.lend_back(till, (SUMMER, 1)))
    new = chain.replace("riverside")
    comes_back(chain, till, new)
    chain.sync()  # the hub hears what it was given, and not yet that it gave it back
    uses = uses_at_hub(chain.hub)
    assert uses.value("conceded", "hub.1", "riverside.1") == 1

    chain.replay(till)
    chain.report(till)
    chain.sync()
    answer_for(chain, "riverside.1")

    assert left(chain) == (4, 0), "nobody has had one, and there are no more"
    assert new.state.quota(SUMMER) == uses.quota(new.state.ledger.writer)


def test_a_use_that_a_dead_register_had_given_to_a_dead_box_is_not_had_twice(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    gone, till = chain.register(old, "till-1"), chain.register(old, "till-2")
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 1)
    chain.hear(gone)
    assert chain.borrow(gone, (SUMMER, 1))
    chain.sync()  # and what comes now the hub does not hear
    chain.give(gone, chain.lend_back(gone, (SUMMER, 1)))
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, old.state.quota(SUMMER)))
    new = chain.replace("riverside")
    tell_lives(chain, new)
    chain.lose(gone, new)
    assert new.state.quota(SUMMER) == 0, "the old box may have had it back, as it had"
    chain.show(till, new)
    chain.report(till)
    chain.sync()
    assert uses_at_hub(chain.hub).value("conceded", "hub.1", "riverside.1") == 1
    answer_for(chain, "riverside.1")

    assert left(chain) == (4, 0)


@pytest.fixture
def twice(chain: LifeChain) -> RegisterSide:
    """A register that gave a use back to a box and borrowed it again, which burnt with the box.

    Of four uses the box had two, and the register has them now; the hub has the others.
    """
    old = chain.shops["riverside"]
    till = register_with_uses(
        chain, old, 1, of=4, lent=2
    )  # and what comes now the hub does not hear
    chain.give(till, chain.lend_back(till, (SUMMER, 1)))
    assert chain.borrow(till, (SUMMER, 2))
    assert chain.hub.state.quota(EVERYWHERE, SUMMER) == 2
    return till


def replace_and_lose(chain: LifeChain, till: RegisterSide, *, hears_first: bool) -> ShopSide:
    """A new box takes over and sees the register's grants, which is lost; people answer for all.

    With `hears_first` it has heard before what the hub conceded.
    """
    new = chain.replace("riverside")
    comes_back(chain, till, new)
    if hears_first:
        chain.sync()
    chain.lose(till, new)
    answer_for(chain, "riverside.1")
    return new


@pytest.mark.parametrize("hears_first", [False, True])
def test_a_use_that_a_lost_register_had_borrowed_twice_is_taken_back_once(
    chain: LifeChain, twice: RegisterSide, *, hears_first: bool
) -> None:
    assert lend_to(chain, chain.shops["hillside"], 2), "so that the hub can cover nothing"
    new = replace_and_lose(chain, twice, hears_first=hears_first)

    assert new.state.quota(SUMMER) == 2, "there never were more"
    chain.sync()
    assert left(chain) == (4, 0)


def test_a_use_that_the_hub_and_a_box_have_covered_is_not_gone_for_good(
    chain: LifeChain, twice: RegisterSide
) -> None:
    replace_and_lose(chain, twice, hears_first=True)

    assert uses_at_hub(chain.hub).total(Table.SPENT, "covered") == 2
    assert left(chain) == (4, 0)
    assert uses_at_hub(chain.hub).quota("riverside.1") == 0
