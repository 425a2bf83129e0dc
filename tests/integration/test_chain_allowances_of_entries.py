"""Goal: a store credit, or what may come back of a sale, outlives the box that wrote its entry.

Method: a chain in one process. A box gives such rights on ahead of its journal and burns, or a
register borrows them twice; whoever holds them then has all of them, once.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.registers.identity import RegisterIdentity
from retail.selling.sales import Sale
from tests.allowances_over_lives import answer_for, held, left, two_shops
from tests.credits_seen import fetch, give_back, issue, lend, pay
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.credits import key_of
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops with tea and jam, whose boxes may die."""
    yield from two_shops(tmp_path)


# Whose entry burnt


def test_a_credit_that_the_hub_holds_outlives_the_box_that_issued_it(chain: LifeChain) -> None:
    old, hillside = chain.shops["riverside"], chain.shops["hillside"]
    code = issue(old, 2)  # the hub does not hear the entry: there is a backlog
    assert give_back(chain, old, code, 200)  # but the grant travels ahead

    chain.replace("riverside")

    chain.hub.state.reachable.update(chain.shops)
    assert fetch(chain, hillside, code, 200)


def test_what_is_left_of_such_a_credit_comes_back_from_the_next_box_that_dies(
    chain: LifeChain,
) -> None:
    old, hillside = chain.shops["riverside"], chain.shops["hillside"]
    code = issue(old, 2)
    assert give_back(chain, old, code, 200)
    assert lend(chain, hillside, code, 200)
    assert isinstance(pay(hillside, code, 50), Sale)
    chain.sync(hillside)
    chain.replace("riverside")

    new = chain.replace("hillside")
    answer_for(chain, "hillside.1", "hillside")

    chain.hub.state.reachable.update(chain.shops)
    assert fetch(chain, new, code, 150)


def test_goods_may_come_back_whose_sale_burnt_with_the_box_that_sold_them(chain: LifeChain) -> None:
    old, hillside = chain.shops["riverside"], chain.shops["hillside"]
    sale = sold(old.sell("tea", 2))
    chain.sync()
    assert chain.lend_returnables(old, ((f"returnable/{sale}/1", 2),))  # ahead of its journal

    chain.replace("riverside")

    chain.hub.state.reachable.update(chain.shops)
    outcome = chain.claim(hillside, sale)
    assert not isinstance(outcome, Problem), outcome
    assert outcome.left == (2,)


def test_the_audit_finds_nothing_wrong_with_a_credit_whose_issue_burnt_or_is_heard_late(
    chain: LifeChain,
) -> None:
    old, hillside = chain.shops["riverside"], chain.shops["hillside"]
    code = issue(old, 2)
    assert give_back(chain, old, code, 200)
    assert lend(chain, hillside, code, 200)
    chain.sync(hillside)
    chain.replace("riverside")
    assert isinstance(pay(hillside, code, 200), Sale)
    chain.sync()
    assert [one.detail for one in chain.audit().differences] == []

    chain.hand_over(old, sealed=True)
    chain.sync()

    assert [one.detail for one in chain.audit().differences] == []
    assert (held(chain, key_of(code)), left(chain, key_of(code))) == ({}, (0, 0))


# At a register


def test_a_credit_comes_back_whole_from_a_register(chain: LifeChain) -> None:
    shop = chain.shops["riverside"]
    till = chain.register(shop)
    code = issue(shop, 10)
    chain.hear(till)
    assert chain.borrow(till, (key_of(code), 100))
    assert (shop.state.quota(key_of(code)), till.quota(key_of(code))) == (0, 1000)

    chain.recall(shop, (key_of(code), 20))

    assert (shop.state.quota(key_of(code)), till.quota(key_of(code))) == (1000, 0)


def test_a_credit_that_a_lost_register_had_borrowed_twice_is_there_once_and_whole(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    code = issue(old, 1)
    key = key_of(code)
    chain.hear(till)
    assert chain.borrow(till, (key, 10))
    chain.sync()
    chain.give(till, chain.lend_back(till, (key, 100)))
    assert chain.borrow(till, (key, 10))
    new = chain.replace("riverside")
    who = chain.enrol(new, "till-1", till.box, writer=till.writer)
    assert isinstance(who, RegisterIdentity), who
    chain.show(till, new)
    chain.sync()

    chain.lose(till, new)
    chain.sync()
    answer_for(chain, "riverside.1")
    assert (held(chain, key), left(chain, key)) == ({"riverside.2": 100}, (100, 0))
    assert [one.detail for one in chain.audit().differences] == []
