"""Goal: what a dead box took back and told late does not come back again, and is looked at once.

Method: a chain in one process on real files. A box takes goods back that nobody hears of and is
replaced; the new box goes on with what the hub had. Then the old disk is found.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.lives import earlier_returns
from gateway.returning.return_rows import last_number
from gateway.returning.returnables import Elsewhere
from replication.allowances import all_returnable, returnable
from replication.errors import PeerViolation
from retail.returning.returns import Disposition
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain
from tests.register_chain import sold
from tests.returns_elsewhere import came, claimed, differences
from tests.taking_over import replaced
from web.once import Done
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 10 tea, of which it sold 3, and the hub knows; Hillside has none."""
    chain = LifeChain(tmp_path, skus=("tea",), shops=("riverside", "hillside"))
    chain.shops["riverside"].receive(tea=10)
    chain.sync()
    chain.hub.state.reachable.update(chain.shops)
    yield chain
    chain.check("tea")
    chain.close()


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def in_control(shop: ShopSide) -> int:
    """Tea that waits for somebody to look at it."""
    return shop.state.counter("tea").levels().quality_control


def test_a_return_that_is_told_late_is_counted_off_by_the_new_box(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old.sell("tea", 3))
    chain.sync()
    back = sold(old.take_back(sale, "tea", 2))
    new = replaced(chain)
    chain.hand_over(old, sealed=True)
    chain.sync()

    too_many = new.take_back(sale, "tea", 2)
    more = came(new.take_back(sale, "tea", 1))

    assert isinstance(too_many, Problem)
    assert "1 of the sale are left" in too_many.detail
    assert (more.number, last_number(new.state)) == ("RIVERSIDE-2-R000001", 1)
    assert in_control(new) == 3
    for one in (back, more.id):
        many = 2 if one == back else 1
        assert isinstance(new.inspect(one, "tea", many, Disposition.RESTOCK), Done)
    chain.sync()
    assert in_control(new) == 0


def test_rights_that_went_elsewhere_before_it_was_told_do_not_bring_it_back_again(
    chain: LifeChain, old: ShopSide
) -> None:
    sale, hillside = sold(old.sell("tea", 3)), chain.shops["hillside"]
    chain.sync()
    sold(old.take_back(sale, "tea", 2))
    new = replaced(chain)
    chain.count_all(new, tea=9)
    chain.sync()
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    assert claimed(chain, hillside, sale).left == (3,)
    claimed(chain, new, sale)
    chain.hand_over(old, sealed=True)
    chain.sync()

    claim = claimed(chain, new, sale)

    assert (claim.came.units, claim.left) == ((2,), (1,))
    assert isinstance(new.take_back(sale, "tea", 2), Problem)
    came(new.take_back(sale, "tea", 1))
    chain.sync()


def test_what_the_old_box_looked_at_is_not_looked_at_again(chain: LifeChain, old: ShopSide) -> None:
    sale = sold(old.sell("tea", 3))
    back = sold(old.take_back(sale, "tea", 2))
    chain.sync()
    assert isinstance(old.inspect(back, "tea", 1, Disposition.RESTOCK), Done)
    new = replaced(chain)

    chain.hand_over(old, sealed=True)
    chain.sync()

    assert isinstance(new.inspect(back, "tea", 2, Disposition.RESTOCK), Problem)
    assert isinstance(new.inspect(back, "tea", 1, Disposition.RESTOCK), Done)
    chain.sync()


def test_goods_of_a_sale_that_only_its_till_knows_wait_until_the_till_has_handed_it_in(
    chain: LifeChain, old: ShopSide
) -> None:
    done = old.sell("tea", 3)
    assert isinstance(done, Done)
    sale, number = sold(done), "RIVERSIDE-1-000001"
    new = replaced(chain)
    for told in (sale, number):
        refused = chain.claim(new, told)
        assert isinstance(refused, Problem)
        assert (refused.status, "a box of riverside that is gone" in refused.detail) == (503, True)
    waiting = came(new.take_in(number, "tea", 1, advance_minor=50))

    chain.recover(new, done.record)
    paid = came(new.settle(waiting.id, sale))

    assert [(one.type, one.amount_minor) for one in paid.refunds] == [("cash", 50), ("cash", 50)]
    too_many = new.take_back(sale, "tea", 3)
    assert isinstance(too_many, Problem)
    assert "2 of the sale are left" in too_many.detail
    chain.sync()


def test_a_sale_that_was_told_late_comes_back_to_the_new_box_and_to_others(
    chain: LifeChain, old: ShopSide
) -> None:
    sale, number = sold(old.sell("tea", 3)), "RIVERSIDE-1-000001"
    sold(old.take_back(sale, "tea", 1))
    new, hillside = replaced(chain), chain.shops["hillside"]
    chain.hand_over(old, sealed=True)
    chain.sync()
    for told in (sale, number):
        assert new.take_back(told, "tea", 1) == Elsewhere(told)

    claim = claimed(chain, new, sale)
    back = came(new.take_back(sale, "tea", 1, has_asked=True, named=number))
    elsewhere = claimed(chain, hillside, sale)
    came(hillside.take_back(sale, "tea", 1, has_asked=True))
    chain.sync()

    assert (claim.came.units, claim.left) == ((1,), (2,))
    assert back.sale_number == number
    assert (elsewhere.came.units, elsewhere.left) == ((2,), (1,))
    nothing = chain.claim(new, sale)
    assert isinstance(nothing, Problem)
    assert "all of it came back" in nothing.detail
    assert differences(chain) == []


def test_rights_to_a_sale_that_is_not_held_are_made_once_and_only_of_a_box_before(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old.sell("tea", 3))
    new, hillside = replaced(chain), chain.shops["hillside"]
    chain.hand_over(old, sealed=True)
    chain.sync()
    wants = [(returnable(sale, 1), 3)]

    assert not chain.lend_returnables(new, [(all_returnable(sale), 1)])
    assert not chain.lend_returnables(new, [(returnable("riverside.2-999", 1), 3)])
    assert not chain.lend_returnables(hillside, wants)
    assert chain.lend_returnables(new, wants)
    assert not chain.lend_returnables(new, wants)
    chain.sync()
    assert claimed(chain, hillside, sale).left == (3,)


def test_a_return_of_another_id_than_its_item_is_set_aside(chain: LifeChain, old: ShopSide) -> None:
    outcome = old.take_back(sold(old.sell("tea", 3)), "tea", 1)
    assert isinstance(outcome, Done)
    chain.sync()

    assert earlier_returns.read(came(outcome).id, outcome.record) == came(outcome)
    with pytest.raises(PeerViolation):
        earlier_returns.read("riverside.1-999", outcome.record)


def test_goods_that_two_boxes_took_off_what_waits_wait_for_their_inspection_again(
    chain: LifeChain, old: ShopSide
) -> None:
    sale, asked = sold(old.sell("tea", 3)), command()
    chain.sync()
    came(old.take_back(sale, "tea", 2, asked=asked))
    second = replaced(chain)
    back = came(second.take_back(sale, "tea", 2, asked=asked))
    chain.sync()
    chain.hand_over(old, sealed=False)
    while items := chain.offer(second):
        second.apply(items)  # it books one of the two back, and dies with that
    third = replaced(chain)
    chain.sync()  # and the third one does the same

    chain.hand_over(second, sealed=True)
    chain.sync()

    assert (in_control(third), third.state.quota("tea") <= 7) == (2, True)
    assert isinstance(third.inspect(back.id, "tea", 2, Disposition.RESTOCK), Done)
    chain.sync()
    tea = chain.hub.counter("riverside", "tea")
    assert (tea.available(), tea.physical(), tea.deficit()) == (9, 9, 0)
