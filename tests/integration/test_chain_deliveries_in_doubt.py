"""Goal: of a delivery that only a dead box had booked no more is sold than is left of it.

Method: a chain of two shops in one process on real files; the box that booked a delivery, and sold
some of it, dies before anybody heard of it, and is replaced.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from gateway.stockroom.came_before import receive_counted
from gateway.stockroom.stock import ReceiptLine, ReceiptRequest
from replication.escrow import check_invariants
from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from web.once import Done, Outcome
from web.problems import Problem

CAME: Final = 11
SOLD: Final = 3
LEFT: Final = CAME - SOLD


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """At Harbour came a delivery of tea, and a part of it is sold."""
    with opened_life(tmp_path, "harbour", tea=40) as chain:
        harbour = chain.shops["harbour"]
        harbour.receive(tea=CAME)
        assert isinstance(harbour.sell("tea", SOLD), Done)
        yield chain


def came_before(shop: ShopSide, **units: int) -> Outcome:
    """Somebody books the paper of goods that had come before they were counted."""
    lines = tuple(ReceiptLine(sku=sku, quantity=many) for sku, many in units.items())
    request = ReceiptRequest(lines=lines, reference="paper", came_before=True)
    return shop.commit(lambda: receive_counted(shop.state, command(), request))


def stands(chain: LifeChain, units: int) -> None:
    """So many tea stand at Harbour by all books, and as many rights are there."""
    chain.sync()
    counter = chain.hub.counter("harbour", "tea")
    assert counter.cells() == chain.shops["harbour"].state.counter("tea").cells()
    assert check_invariants(counter) == []
    assert (counter.physical(), counter.available(), counter.deficit()) == (units, units, 0)
    chain.check("tea", location="harbour")


def counted(chain: LifeChain) -> ShopSide:
    """The new box, where somebody has counted what is left."""
    new = chain.replace("harbour")
    chain.count_all(new, tea=LEFT)
    return new


def test_what_came_before_is_not_booked_before_it_is_counted(chain: LifeChain) -> None:
    new = chain.replace("harbour")

    refused = came_before(new, tea=CAME)

    assert isinstance(refused, Problem)
    assert "Count tea first" in refused.detail
    stands(chain, 0)


def test_its_paper_adds_nothing_to_what_the_count_has_found(chain: LifeChain) -> None:
    new = counted(chain)

    assert isinstance(came_before(new, tea=CAME), Done)

    stands(chain, LEFT)


def test_it_is_there_once_when_the_old_box_is_found_after_all(chain: LifeChain) -> None:
    old = chain.shops["harbour"]
    new = counted(chain)
    assert isinstance(came_before(new, tea=CAME), Done)
    chain.sync()

    chain.hand_over(old, sealed=True)
    chain.sync(new)

    stands(chain, LEFT)


def test_of_a_product_that_was_not_counted_nothing_of_the_paper_is_booked(
    chain: LifeChain,
) -> None:
    chain.hub.product("jam")
    chain.sync()
    new = counted(chain)

    refused = came_before(new, tea=CAME, jam=2)

    assert isinstance(refused, Problem)
    assert "Count jam first" in refused.detail
    stands(chain, LEFT)


def test_the_first_box_of_a_store_knows_of_none_before_it(chain: LifeChain) -> None:
    harbour = chain.shops["harbour"]
    chain.count_all(harbour, tea=LEFT)

    refused = came_before(harbour, tea=CAME)

    assert isinstance(refused, Problem)
    assert "No box before this one" in refused.detail
    stands(chain, LEFT)


def test_nobody_gets_a_share_of_what_is_not_there_any_more(chain: LifeChain) -> None:
    new = counted(chain)
    chain.sync()
    online = chain.hub.counter("harbour", "tea").quota(chain.hub.state.ledger.writer)

    assert isinstance(came_before(new, tea=10 * CAME), Done)

    counter = new.state.counter("tea")
    assert counter.quota(chain.hub.state.ledger.writer) == online
    assert (counter.available(), counter.deficit()) == (LEFT, 0)


def test_a_count_that_is_open_has_found_nothing_yet(chain: LifeChain) -> None:
    new = chain.replace("harbour")
    started = new.start_count("tea")
    assert isinstance(started, Done)
    count = str(msgspec.json.decode(started.record)["id"])
    new.count(count, ScannedLine(sku="tea", counted=LEFT))

    refused = came_before(new, tea=CAME)

    assert isinstance(refused, Problem)
    assert isinstance(new.close_count(count), Done)
    assert isinstance(came_before(new, tea=CAME), Done)
    stands(chain, LEFT)
