"""Goal: a register that two boxes of its shop enrolled, the first of them unheard, is one register.

Method: a chain in one process. A box dies with its answer to a register, which asks the next one.
"""

import pytest

from gateway.registers.identity import RegisterIdentity
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.taking_over import replaced, tell_lives
from web.once import Done

TILL = "b" * 16
"""The data directory of the register."""

NOBODYS = "riverside.till-1.1"
OWN = "riverside.till-1.1001"


@pytest.fixture
def second(lives: LifeChain, old: ShopSide) -> ShopSide:
    """The box that enrolled the register again; then the hub hears that the first one had."""
    lives.sync()
    assert isinstance(lives.enrol(old, "till-1", TILL), RegisterIdentity)
    second = replaced(lives)
    who = lives.enrol(second, "till-1", TILL)
    assert isinstance(who, RegisterIdentity)
    assert who.writer == OWN
    lives.sync()
    lives.hand_over(old, sealed=False)
    lives.sync()
    return second


def states(shop: ShopSide) -> dict[str, str]:
    """What a box thinks of each register."""
    return {str(one.writer): one.state for one in shop.state.registers.rows.all()}


def test_the_number_that_it_never_heard_of_can_be_written_off_and_the_dead_box_answered_for(
    lives: LifeChain, second: ShopSide
) -> None:
    tell_lives(lives, second)

    assert states(second) == {OWN: "living", NOBODYS: "replaced"}
    assert isinstance(lives.write_off(second, "till-1", writer=NOBODYS), Done)
    lives.count_all(second, tea=40, jam=10)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)


def test_the_box_after_them_takes_over_and_knows_it_by_its_last_number(
    lives: LifeChain, second: ShopSide
) -> None:
    third = replaced(lives)

    assert third is not second
    assert states(third) == {OWN: "living", NOBODYS: "replaced"}
    who = lives.enrol(third, "till-1", TILL)
    assert isinstance(who, RegisterIdentity)
    assert who.writer == OWN
