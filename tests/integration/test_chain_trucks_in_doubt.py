"""Goal: a truck that only a dead box had counted in is in the book once, counted before or after.

Method: a chain of two shops in one process on real files; the box that counted a truck in dies
before anybody heard of it, and is replaced.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from gateway.stockroom.stock import ReceiptLine, ReceiptRequest
from gateway.stockroom.transfers import receive_by_receipt
from replication.escrow import check_invariants
from tests.chain_sides import ShopSide, command, transfer_in
from tests.life_chain import LifeChain, opened_life
from web.once import Done, Outcome
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 40 tea; Harbour has nothing."""
    with opened_life(tmp_path, "harbour", tea=40) as chain:
        yield chain


@pytest.fixture
def truck(chain: LifeChain) -> str:
    """A truck with 10 tea, of which 9 have come; only the dead box knew that."""
    riverside, harbour = chain.shops["riverside"], chain.shops["harbour"]
    truck = transfer_in(riverside.create_transfer("harbour", tea=10)).id
    transfer_in(riverside.ship_transfer(truck))
    chain.sync()
    transfer_in(harbour.receive_transfer(truck, {"tea": 9}))
    return truck


def stands(chain: LifeChain, units: int) -> None:
    """So many tea stand at Harbour by all books, and as many rights are there."""
    chain.sync()
    counter = chain.hub.counter("harbour", "tea")
    assert counter.cells() == chain.shops["harbour"].state.counter("tea").cells()
    assert check_invariants(counter) == []
    assert (counter.physical(), counter.available(), counter.deficit()) == (units, units, 0)
    assert sum(counter.holders().values()) == units
    chain.check("tea", location="harbour")


def counted(chain: LifeChain, units: int) -> ShopSide:
    """The new box, where somebody has counted."""
    new = chain.replace("harbour")
    chain.count_all(new, tea=units)
    return new


def test_it_is_counted_in_again_as_if_nothing_was(chain: LifeChain, truck: str) -> None:
    new = chain.replace("harbour")

    transfer_in(new.receive_transfer(truck, {"tea": 9}))

    stands(chain, 9)


def test_its_goods_that_a_count_has_found_are_not_there_twice(chain: LifeChain, truck: str) -> None:
    new = counted(chain, 9)

    asked = new.receive_transfer(truck, {"tea": 9})
    assert isinstance(asked, Problem)
    assert "may have come before" in asked.detail
    stands(chain, 9)
    seen = transfer_in(new.receive_transfer(truck, {"tea": 9}, before=True))

    stands(chain, 9)
    assert [one.lost for one in seen.lines] == [1]
    assert isinstance(new.receive_transfer(truck, {"tea": 9}, before=True), Problem)


def test_a_receipt_that_names_it_may_say_so_too(chain: LifeChain, truck: str) -> None:
    new = counted(chain, 9)
    paper = ReceiptRequest(
        lines=(ReceiptLine(sku="tea", quantity=9),), reference="note", transfer=truck
    )

    def book(request: ReceiptRequest) -> Outcome:
        return new.commit(lambda: receive_by_receipt(new.state, command(), request))

    assert isinstance(book(paper), Problem)
    assert isinstance(book(structs.replace(paper, came_before=True)), Done)

    stands(chain, 9)


def test_one_that_came_after_the_count_is_counted_in(chain: LifeChain) -> None:
    riverside = chain.shops["riverside"]
    truck = transfer_in(riverside.create_transfer("harbour", tea=10)).id
    transfer_in(riverside.ship_transfer(truck))
    new = counted(chain, 0)

    transfer_in(new.receive_transfer(truck, {"tea": 10}, before=False))

    stands(chain, 10)


def test_of_goods_that_the_first_box_has_counted_nothing_is_asked(chain: LifeChain) -> None:
    riverside, harbour = chain.shops["riverside"], chain.shops["harbour"]
    truck = transfer_in(riverside.create_transfer("harbour", tea=10)).id
    transfer_in(riverside.ship_transfer(truck))
    chain.count_all(harbour, tea=0)

    refused = harbour.receive_transfer(truck, {"tea": 10}, before=True)
    assert isinstance(refused, Problem)
    assert "No box before this one" in refused.detail
    transfer_in(harbour.receive_transfer(truck, {"tea": 10}))

    stands(chain, 10)
