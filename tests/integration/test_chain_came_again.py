"""Goal: goods that came once, and that a count has found, are not there twice by any book.

Method: a chain in one process on real files. A box books what came and dies unheard; at the next
one the shelf is counted, and the program asks again with its key. Then the old box is found.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.stockroom import adjustments, stock
from replication.escrow import check_invariants
from retail.returning.returns import Disposition
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import sold
from tests.taking_over import replaced
from web.once import Done

Ask = Callable[[ShopSide], object]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 10 tea and 10 jam, the hub knows."""
    with opened_life(tmp_path, tea=10, jam=10) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def delivery(**units: int) -> Ask:
    """A program books a delivery, and asks with its key."""
    asked = command()
    lines = tuple(stock.ReceiptLine(sku=sku, quantity=many) for sku, many in units.items())
    request = stock.ReceiptRequest(lines=lines, reference="paper")
    return lambda shop: shop.commit(lambda: stock.receive(shop.state, asked, request))


def found(**units: int) -> Ask:
    """Somebody says that goods were found."""
    ((sku, many),) = units.items()
    asked = command()
    request = adjustments.AdjustmentRequest(sku=sku, delta=many, reason="found")
    return lambda shop: shop.commit(lambda: adjustments.adjust(shop.state, asked, request))


def stands(chain: LifeChain, **units: int) -> None:
    """So many units stand there by all books, and no more are sold."""
    for _ in range(3):
        chain.sync()
    for sku, many in units.items():
        counter = chain.hub.counter("riverside", sku)
        assert counter.cells() == chain.shops["riverside"].state.counter(sku).cells()
        assert check_invariants(counter) == []
        assert (counter.physical(), counter.available(), counter.deficit()) == (many, many, 0)
    chain.check(*units)


def heard(chain: LifeChain, old: ShopSide, ask: Ask, *, is_heard_first: bool) -> None:
    """The old box is found before the next one is asked, or after the hub has heard of that."""
    new = chain.shops["riverside"]
    if is_heard_first:
        chain.sync()
        chain.hand_over(old, sealed=True)
    assert isinstance(ask(new), Done)
    chain.sync()
    if not is_heard_first:
        chain.hand_over(old, sealed=True)


@pytest.mark.parametrize("come", [delivery, found])
@pytest.mark.parametrize("is_heard_first", [True, False])
def test_what_a_count_has_found_and_somebody_books_again_is_there_once(
    chain: LifeChain, old: ShopSide, come: Callable[..., Ask], *, is_heard_first: bool
) -> None:
    ask = come(tea=5)
    assert isinstance(ask(old), Done)
    assert isinstance(old.sell("tea", 2), Done)
    new = replaced(chain)
    chain.count_all(new, tea=13)

    heard(chain, old, ask, is_heard_first=is_heard_first)

    stands(chain, tea=13)


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_of_what_nobody_has_counted_the_later_booking_counts(
    chain: LifeChain, old: ShopSide, *, is_heard_first: bool
) -> None:
    ask = delivery(tea=5, jam=4)
    assert isinstance(ask(old), Done)
    new = replaced(chain)
    chain.count_all(new, tea=15)

    heard(chain, old, ask, is_heard_first=is_heard_first)

    stands(chain, tea=15, jam=14)


@pytest.mark.parametrize("counts", [1, 2])
def test_what_was_booked_again_before_the_last_count_the_count_has_put_right(
    chain: LifeChain, old: ShopSide, counts: int
) -> None:
    ask = delivery(tea=5)
    assert isinstance(ask(old), Done)
    new = replaced(chain)
    if counts == 2:
        chain.count_all(new, tea=15)
    assert isinstance(ask(new), Done)
    chain.count_all(new, tea=15)
    chain.sync()

    chain.hand_over(old, sealed=True)

    stands(chain, tea=15)


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_what_was_counted_once_more_before_the_hub_hears_of_it_is_not_taken_off(
    chain: LifeChain, old: ShopSide, *, is_heard_first: bool
) -> None:
    ask = delivery(tea=5, jam=4)
    assert isinstance(ask(old), Done)
    new = replaced(chain)
    chain.count_all(new, tea=15, jam=14)
    chain.sync()
    if is_heard_first:
        chain.hand_over(old, sealed=True)
    assert isinstance(ask(new), Done)
    if not is_heard_first:
        chain.sync()
    chain.count_all(new, tea=15)
    if not is_heard_first:
        chain.hand_over(old, sealed=True)

    stands(chain, tea=15, jam=14)


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_what_was_first_counted_after_it_was_booked_again_is_there_once(
    chain: LifeChain, old: ShopSide, *, is_heard_first: bool
) -> None:
    ask = delivery(tea=5, jam=4)
    assert isinstance(ask(old), Done)
    new = replaced(chain)
    chain.count_all(new, tea=15)
    chain.sync()
    if is_heard_first:
        chain.hand_over(old, sealed=True)
    assert isinstance(ask(new), Done)
    chain.count_all(new, jam=14)
    if not is_heard_first:
        chain.sync()
        chain.hand_over(old, sealed=True)

    stands(chain, tea=15, jam=14)


def test_a_count_of_a_box_in_between_has_found_it_too(chain: LifeChain, old: ShopSide) -> None:
    ask = delivery(tea=5)
    assert isinstance(ask(old), Done)
    second = replaced(chain)
    chain.count_all(second, tea=15)
    chain.sync()
    third = replaced(chain)
    assert isinstance(ask(third), Done)
    chain.sync()

    chain.hand_over(old, sealed=True)

    stands(chain, tea=15)


@pytest.mark.parametrize("first", [0, 1])
def test_what_three_boxes_have_booked_is_there_once_whoever_is_found_first(
    chain: LifeChain, old: ShopSide, first: int
) -> None:
    ask = delivery(tea=5)
    assert isinstance(ask(old), Done)
    second = replaced(chain)
    chain.count_all(second, tea=15)
    chain.sync()
    assert isinstance(ask(second), Done)  # and dies as well before that is heard
    third = replaced(chain)
    assert isinstance(ask(third), Done)
    chain.sync()

    dead = [old, second]
    for box in (dead[first], dead[1 - first]):
        chain.hand_over(box, sealed=True)
        chain.sync()

    stands(chain, tea=15)


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_what_a_customer_brought_back_waits_once_for_its_inspection(
    chain: LifeChain, old: ShopSide, *, is_heard_first: bool
) -> None:
    sale = sold(old.sell("tea", 3))
    chain.sync()
    asked = command()

    def ask(shop: ShopSide) -> object:
        return shop.take_back(sale, "tea", 2, asked=asked)

    assert isinstance(ask(old), Done)
    new = replaced(chain)
    chain.count_all(new, tea=9)

    heard(chain, old, ask, is_heard_first=is_heard_first)
    for _ in range(3):
        chain.sync()
    assert chain.hub.counter("riverside", "tea").levels().quality_control == 2
    back = sold(ask(new))
    assert isinstance(new.inspect(back, "tea", 2, Disposition.RESTOCK), Done)

    stands(chain, tea=9)
