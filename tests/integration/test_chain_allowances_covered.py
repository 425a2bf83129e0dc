"""Goal: uses beyond any right are covered once, and no limit is passed by what comes back.

Method: a chain in one process. Registers that were written off are found, and had uses that were
taken back; the gateway, the next one and the hub cover, in any order, with what they have.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.link import lending as shop_lending
from tests.allowances_over_lives import (
    answer_for,
    had_of_all,
    had_reduced,
    held,
    left,
    register_with_uses,
    two_shops,
)
from tests.life_chain import LifeChain
from tests.limited_offers import SUMMER, lend_to, limit, sells_reduced
from tests.taking_over import tell_lives
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops with tea and jam, whose boxes may die."""
    yield from two_shops(tmp_path)


def test_the_hub_covers_what_a_gateway_could_not(chain: LifeChain) -> None:
    shop = chain.shops["riverside"]
    till = register_with_uses(chain, shop, 1, of=3)
    chain.lose(till, shop)
    assert sells_reduced(shop)
    assert sells_reduced(till)

    chain.replay(till)
    chain.sync()

    assert 2 + had_of_all(chain, shop) <= 3


def test_what_the_hub_and_a_first_box_have_covered_is_given_back_to_that(chain: LifeChain) -> None:
    shop = chain.shops["riverside"]
    limit(chain.hub, 7)
    chain.sync()
    one, two = chain.register(shop, "till-1"), chain.register(shop, "till-2")
    assert lend_to(chain, shop, 2)
    for till in (one, two):
        chain.hear(till)
        assert chain.borrow(till, (SUMMER, 1))
    assert lend_to(chain, chain.shops["hillside"], 3)
    chain.sync()
    chain.lose(one, shop)
    assert sells_reduced(shop)
    assert sells_reduced(one)
    chain.replay(one)  # conceded; the shop has no use to cover it with
    chain.sync()
    chain.replace("hillside")
    answer_for(chain, "hillside.1", "hillside")  # and the hub covers
    assert left(chain)[1] == 0

    chain.lose(two, shop)
    chain.sync()

    assert left(chain) == (5, 0)
    assert shop.state.quota(SUMMER) == held(chain)["riverside.1"], "it was told"


def test_what_two_boxes_conceded_to_a_register_comes_back(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    till = register_with_uses(chain, old, 2, of=8, lent=4)
    chain.lose(till, old)
    chain.sync()  # the hub has heard that it is lost, and that its uses are back
    assert sells_reduced(till)
    assert sells_reduced(till)
    chain.fold(till, chain.entries(till))  # the old box concedes and covers, unheard
    new = chain.replace("riverside")
    tell_lives(chain, new)
    assert lend_to(chain, new, 3)
    till.gateway = new
    chain.replay(till)  # so does the new one
    chain.sync()

    chain.hand_over(old, sealed=True)
    chain.sync()
    tell_lives(chain, new)
    chain.reclaim_all(new)
    chain.sync()

    assert left(chain) == (6, 0)
    assert held(chain).get(till.writer, 0) == 0, "nobody can have these"


def test_what_the_hub_covered_for_another_store_is_not_conceded_to_a_register(
    chain: LifeChain,
) -> None:
    riverside, hillside = chain.shops["riverside"], chain.shops["hillside"]
    till = chain.register(riverside)
    limit(chain.hub, 13)
    chain.sync()
    assert lend_to(chain, riverside, 3)
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, 2))
    assert lend_to(chain, hillside, 2)
    other = chain.register(hillside, "till-9")
    assert chain.borrow(other, (SUMMER, 2))
    chain.sync()
    assert sells_reduced(riverside)  # unheard
    new = chain.replace("riverside")
    tell_lives(chain, new)
    assert lend_to(chain, new, 5)
    chain.sync()
    chain.lose(other, hillside)
    had_reduced(hillside)
    assert sells_reduced(other)
    assert sells_reduced(other)
    chain.replay(other)  # conceded, and nothing is there to cover it
    chain.sync()
    lend_to(chain, hillside, 2)
    chain.sync()
    chain.replace("hillside")
    answer_for(chain, "hillside.1", "hillside")  # two come back to the hub, which covers
    assert left(chain)[1] == 0
    chain.hand_over(riverside, sealed=False)  # the new box hears of the cover
    chain.sync()
    chain.show(till, new)
    chain.lose(till, new)  # two uses come back

    for _ in range(3):
        assert isinstance(till.sell("tea", 1), Done)  # it is found, and had both
        chain.replay(till)
        chain.sync()

    assert held(chain).get(till.writer, 0) == 0, "nobody can have these"
    assert left(chain)[1] == 0


# A limit that was lowered


def test_a_lowered_limit_holds_for_uses_that_come_back_from_a_dead_box(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    limit(chain.hub, 10)
    chain.sync()
    assert lend_to(chain, old, 4)
    chain.sync()
    new = chain.replace("riverside")
    limit(chain.hub, 2)

    answer_for(chain, "riverside.1")

    assert had_of_all(chain, new) <= 2


def test_a_lowered_limit_holds_for_uses_that_the_journal_alone_gives_back(chain: LifeChain) -> None:
    shop = chain.shops["riverside"]
    limit(chain.hub, 10)
    chain.sync()
    assert lend_to(chain, shop, 4)
    chain.sync()
    limit(chain.hub, 2)
    shop.commit(lambda: shop_lending.lend(shop.state, "hub/77", [(SUMMER, 4)]))
    chain.sync()  # the frame that answered the hub is lost

    assert had_of_all(chain, shop) <= 2
