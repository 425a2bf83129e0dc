"""Goal: what a dead box had said of its registers, heard late, changes nothing that holds since.

Method: a chain in one process. A box writes a register off, or gives its name to another, and dies
before the hub hears of it; the register goes on at the next box, or is written off there as well.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from replication.errors import PeerViolation
from replication.escrow import CellChange, Spent, Table
from replication.ids import EVERYWHERE, WriterId
from tests.allowances_over_lives import (
    answer_for,
    had_of_all,
    had_reduced,
    register_with_uses,
    two_shops,
)
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.limited_offers import SUMMER, sells_reduced
from tests.register_chain import RegisterSide
from tests.taking_over import tell_lives
from web.once import Done


class GivenUp(NamedTuple):
    """A register that a box wrote off, unheard, and that lives on with the next one."""

    till: RegisterSide
    old: ShopSide
    new: ShopSide


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops with tea and jam, whose boxes may die."""
    yield from two_shops(tmp_path)


def replaced(chain: LifeChain, till: RegisterSide) -> ShopSide:
    """Another box takes over, and the register tells it all that it did."""
    new = chain.replace("riverside")
    tell_lives(chain, new)
    chain.show(till, new)
    chain.meet(till)
    chain.report(till)
    chain.sync()
    assert till.row.is_living
    return new


@pytest.fixture
def with_uses(chain: LifeChain) -> GivenUp:
    """Such a register, with two of eight uses, which the dead box had taken back."""
    old = chain.shops["riverside"]
    till = register_with_uses(chain, old, 2, of=8)
    chain.lose(till, old)  # the hub does not hear it
    return GivenUp(till, old, replaced(chain, till))


def test_the_sales_of_a_living_register_are_taken_in_whatever_a_dead_box_tells(
    chain: LifeChain, with_uses: GivenUp
) -> None:
    till, old, new = with_uses
    assert sells_reduced(till)
    assert sells_reduced(till)
    chain.hand_over(old, sealed=True)  # its last entries come first
    chain.sync()
    tell_lives(chain, new)

    chain.replay(till)
    chain.sync()

    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.ledger.head


def test_the_hub_hears_a_store_whatever_a_dead_box_tells(
    chain: LifeChain, with_uses: GivenUp
) -> None:
    till, old, _ = with_uses
    assert sells_reduced(till)
    assert sells_reduced(till)
    chain.replay(till)  # the store has it; the hub hears the dead box first

    chain.hand_over(old, sealed=True)
    chain.sync()

    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.ledger.head


def test_a_register_that_was_given_up_unheard_cannot_spend_more_than_it_ever_had(
    chain: LifeChain, with_uses: GivenUp
) -> None:
    till, old, new = with_uses
    had = till.quota(SUMMER)
    too_many = CellChange(EVERYWHERE, SUMMER, Table.SPENT, till.writer, Spent.USED, had + 1)
    till.commit(lambda: till.state.ledger.append("adjustment", b"{}", cells=[too_many]))
    chain.hand_over(old, sealed=True)
    chain.sync()
    tell_lives(chain, new)

    with pytest.raises(PeerViolation, match="E1"):
        chain.replay(till)


def test_a_register_that_sells_is_not_taken_for_lost_by_the_next_box(
    chain: LifeChain, with_uses: GivenUp
) -> None:
    till, old, new = with_uses
    chain.hand_over(old, sealed=False)
    chain.sync()
    tell_lives(chain, new)
    third = chain.replace("riverside")
    tell_lives(chain, third)
    chain.reclaim_all(third)

    had = had_reduced(till)  # it sells alone meanwhile
    third.receive(tea=40)

    assert had + had_of_all(chain, third) <= 8


@pytest.mark.parametrize("hub_first", [False, True])
def test_goods_of_a_register_that_a_dead_box_had_given_up_and_counted_are_sold_and_conceded(
    chain: LifeChain, *, hub_first: bool
) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    chain.meet(till)
    units = till.quota("tea")
    chain.sync()
    chain.lose(till, old)
    chain.count_all(old, tea=40)  # its goods come back to the box; the hub does not hear it
    assert old.state.counter("tea").quota(till.writer) == 0
    new = replaced(chain, till)
    assert isinstance(till.sell("tea", units), Done)

    if hub_first:
        chain.replay(till)
    chain.hand_over(old, sealed=True)
    if not hub_first:
        chain.sync()
        tell_lives(chain, new)
        chain.replay(till)
    chain.sync()

    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.ledger.head
    assert all(one >= 0 for one in chain.hub.counter("riverside", "tea").holders().values())
    chain.check("tea")


def test_a_register_that_was_written_off_stays_so_whatever_a_dead_box_tells_late(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    chain.sync()
    old.state.registers.reachable.discard(WriterId(till.writer))
    chain.register(old)  # another box takes the name; the hub does not hear it
    new = chain.replace("riverside")
    tell_lives(chain, new)
    chain.lose(till, new)
    chain.sync()

    chain.hand_over(old, sealed=False)  # its disk is read as far as it can be
    chain.sync()
    tell_lives(chain, new)

    assert chain.state_of_register(till.writer)[0] == "lost"
    second = next(one for one in new.state.registers.rows.all() if one.writer != till.writer)
    assert isinstance(chain.write_off(new, "till-1", writer=second.writer), Done)
    answer_for(chain, "riverside.1")
