"""Goal: a box that lost entries which only registers know becomes another, once, and no other does.

Method: a chain in one process on real files; the requests of a box as the hub decides on them, in
every wrong way too.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.lives.branches import BranchTaken
from cloud_hub.lives.renewing import renew
from replication.ids import WriterId
from replication.journal import Head
from tests.chain_sides import ShopSide
from tests.life_chain import BOX, LifeChain, opened_life
from tests.register_chain import sold
from web.lives import RenewRequest
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    with opened_life(tmp_path, tea=10) as chain:
        yield chain


@pytest.fixture
def box(chain: LifeChain) -> ShopSide:
    return chain.shops["riverside"]


def ask(
    chain: LifeChain, head: Head, *, writer: str = "riverside.1", box: str = BOX, dice: int = 7
) -> BranchTaken | Problem:
    request = RenewRequest(box=box, seq=head.seq, hash=head.hash.hex(), why="till-1 has seen more")
    secret = bytes([dice]) * 32
    return chain.hub.commit(lambda: renew(chain.hub.state, WriterId(writer), request, secret))


def who(taken: BranchTaken | Problem) -> str:
    assert isinstance(taken, BranchTaken), taken
    assert taken.identity is not None
    return taken.identity.writer


def test_a_box_becomes_the_next_incarnation_and_a_lost_answer_is_told_again(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    first, second = ask(chain, head), ask(chain, head, dice=8)
    assert isinstance(second, BranchTaken)
    new = chain.go_on(second)
    new.receive(tea=1)
    chain.sync(new)

    assert who(first) == who(second) == new.state.ledger.writer == "riverside.2"
    assert chain.state_of("riverside.1") == "open"
    assert new.state.quota("tea") == 1
    assert chain.hub.counter("riverside", "tea").levels().on_hand == 11
    chain.check("tea")


def test_a_copy_of_a_box_that_became_another_is_nobody_once_that_one_has_spoken(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    taken = ask(chain, head)
    assert isinstance(taken, BranchTaken)
    chain.go_on(taken)

    refused = ask(chain, head, dice=8)

    assert isinstance(refused, Problem)
    assert "riverside.2 speaks for riverside now" in refused.detail


def test_what_the_hub_has_not_is_handed_over_first(chain: LifeChain, box: ShopSide) -> None:
    sold(box.sell("tea"))
    early = ask(chain, box.state.ledger.head)
    chain.sync()
    late = ask(chain, Head(box.state.ledger.head.seq, b"\0" * 32))

    assert isinstance(early, Problem)
    assert isinstance(late, Problem)
    assert (early.status, late.status) == (409, 409)
    assert who(ask(chain, box.state.ledger.head)) == "riverside.2"


def test_a_box_that_was_replaced_becomes_nobody(chain: LifeChain, box: ShopSide) -> None:
    head = box.state.ledger.head
    chain.replace("riverside")
    refused = ask(chain, head)
    copy = ask(chain, head, box="another-0123456789")

    assert isinstance(refused, Problem)
    assert isinstance(copy, Problem)
    assert "riverside.2 speaks for riverside now" in refused.detail


def test_a_copy_that_asks_after_its_box_became_another_becomes_nobody(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    assert who(ask(chain, head)) == "riverside.2"

    assert isinstance(ask(chain, head, box="another-0123456789"), Problem)
