"""Goal: what a register asked of a box and of an old copy of its disk is done once.

Method: a chain in one process on real files. A box answers a request and the hub hears of it, but
not the register, which asks again with the same key: of the box that was put back to an image from
before, or of a second one that runs from it. Then the branch is handed over; or it burns, and the
register hands in what it was told.
"""

from functools import partial

import msgspec
import pytest
from msgspec.structs import replace

from cloud_hub.lives.branches import BranchTaken
from gateway.lives.recovered import recover
from gateway.selling import sales
from gateway.stockroom import stock
from retail.selling.sales import Sale
from tests.chain_sides import ShopSide, command, sale_of
from tests.life_chain import LifeChain
from tests.register_chain import sold
from tests.taking_over import new_box, take_over
from web.once import Command, Done


@pytest.fixture
def asked() -> Command:
    """A request, which is asked as often as its answer is lost."""
    asked = command(role="cashier")
    return asked._replace(key=asked.key._replace(path="/v1/sales"))


@pytest.fixture
def copy(lives: LifeChain, old: ShopSide) -> ShopSide:
    """A box that runs from an image of the first one's disk."""
    return lives.boot(lives.image(old), old.state.identity)


@pytest.fixture
def image(lives: LifeChain, old: ShopSide, copy: ShopSide) -> ShopSide:
    """Another one, of the same moment."""
    del copy
    return lives.boot(lives.image(old), old.state.identity)


def sell(shop: ShopSide, asked: Command) -> str:
    """Two tea are sold."""
    return sold(shop.commit(partial(sales.sell, shop.state, asked, sale_of("tea", 2))))


def receive(shop: ShopSide, asked: Command) -> None:
    """Five tea are counted in."""
    line = stock.ReceiptLine(sku="tea", quantity=5)
    request = stock.ReceiptRequest(lines=(line,), reference="paper")
    assert isinstance(shop.commit(partial(stock.receive, shop.state, asked, request)), Done)


def hand_over(lives: LifeChain, copy: ShopSide) -> None:
    """A copy hands its branch over, and is the store's box from then on."""
    taken = lives.hand_branch(copy.state.ledger.writer, lives.branch_of(copy, lives.common(copy)))
    assert isinstance(taken, BranchTaken), taken
    lives.sync(lives.go_on(taken))


def check_tea(lives: LifeChain, units: int) -> None:
    """So much tea stands there, as the hub and the shop have it; all books are right."""
    books = (lives.hub.counter("riverside", "tea"), lives.shops["riverside"].state.counter("tea"))
    assert [book.physical() for book in books] == [units, units]
    lives.check("tea", "jam")


def test_a_sale_that_was_asked_again_of_an_image_is_the_one_that_the_till_was_told_of(
    lives: LifeChain, old: ShopSide, copy: ShopSide, asked: Command
) -> None:
    unseen = sell(old, asked)
    lives.sync()
    other, seen = sold(copy.sell("jam")), sell(copy, asked)

    hand_over(lives, copy)

    assert sorted(lives.sales()) == sorted([other, seen])
    assert unseen != seen
    check_tea(lives, 40 - 2)


def test_a_sale_that_a_copy_had_answered_before_the_box_did_is_the_box_s(
    lives: LifeChain, old: ShopSide, copy: ShopSide, asked: Command
) -> None:
    unseen = sell(copy, asked)
    others, seen = [sold(old.sell("jam")) for _ in range(2)], sell(old, asked)
    lives.sync()

    hand_over(lives, copy)

    assert sorted(lives.sales()) == sorted([*others, seen])
    assert unseen != seen
    check_tea(lives, 40 - 2)


def test_goods_that_were_counted_in_on_both_came_once(
    lives: LifeChain, old: ShopSide, copy: ShopSide, asked: Command
) -> None:
    receive(old, asked)
    lives.sync()
    receive(copy, asked)

    hand_over(lives, copy)

    check_tea(lives, 40 + 5)


def test_a_sale_that_was_handed_in_on_both_is_told_once(
    lives: LifeChain, old: ShopSide, asked: Command
) -> None:
    done = old.sell("tea", 2)
    assert isinstance(done, Done)
    sale = msgspec.json.decode(done.record, type=Sale)
    new = lives.replace("riverside")
    copy = lives.boot(lives.image(new), new.state.identity)
    assert isinstance(new.commit(partial(recover, new.state, asked, sale)), Done)
    lives.sync()
    assert isinstance(copy.commit(partial(recover, copy.state, asked, sale)), Done)

    hand_over(lives, copy)

    assert lives.sales() == [sale.id]
    check_tea(lives, 40 - 2)


@pytest.fixture
def seen(old: ShopSide, copy: ShopSide, asked: Command) -> Sale:
    """Two tea by the answer that the register was told of, of an image that burns then.

    The box itself had answered before.
    """
    sell(old, asked)
    copy.receive(jam=1)  # the places differ, the numbers do not
    done = copy.commit(partial(sales.sell, copy.state, asked, sale_of("tea", 2)))
    assert isinstance(done, Done)
    return msgspec.json.decode(done.record, type=Sale)


def hand_in(shop: ShopSide, asked: Command, sale: Sale) -> None:
    """The register keeps the rules: with the key that it had asked with, of another endpoint."""
    key = asked.key._replace(path="/v1/recovered-sales")
    again = asked._replace(key=key, digest=b"another body")
    assert isinstance(shop.commit(partial(recover, shop.state, again, sale)), Done)


def as_cashier(asked: Command) -> Command:
    """The same till hands in what a supervisor had asked for."""
    return asked._replace(key=asked.key._replace(principal="another/cashier"))


def another_box(lives: LifeChain, image: ShopSide) -> ShopSide:
    """An image hands its branch over, three jam, and is the store's box from then on."""
    for _ in range(3):
        assert isinstance(image.sell("jam"), Done)
    hand_over(lives, image)
    return lives.shops["riverside"]


def test_a_sale_that_is_handed_in_is_told_instead_of_the_one_that_the_hub_has(
    lives: LifeChain, image: ShopSide, seen: Sale, asked: Command
) -> None:
    lives.sync()
    new = another_box(lives, image)

    hand_in(new, asked, seen)
    lives.sync()

    assert seen.id in lives.sales()
    assert len(lives.sales()) == 3 + 1
    check_tea(lives, 40 - 2)


def test_it_is_told_instead_of_one_that_is_heard_of_later(
    lives: LifeChain, old: ShopSide, seen: Sale, asked: Command
) -> None:
    new = lives.replace("riverside")
    hand_in(new, asked, seen)
    lives.sync()

    lives.hand_over(old, sealed=True)
    lives.sync()

    assert lives.sales() == [seen.id]
    check_tea(lives, 40 - 2)


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_it_is_the_same_one_where_another_person_hands_it_in(
    lives: LifeChain, old: ShopSide, seen: Sale, asked: Command, *, is_heard_first: bool
) -> None:
    new = lives.replace("riverside")
    if is_heard_first:
        lives.hand_over(old, sealed=True)
        lives.sync()
    hand_in(new, as_cashier(asked), seen)
    lives.sync()
    if not is_heard_first:
        lives.hand_over(old, sealed=True)
        lives.sync()

    assert lives.sales() == [seen.id]
    check_tea(lives, 40 - 2)


def test_what_a_count_had_by_then_is_not_put_back(
    lives: LifeChain, image: ShopSide, seen: Sale, asked: Command
) -> None:
    lives.sync()
    new = another_box(lives, image)
    lives.advance(60_000)
    lives.count_all(new, tea=40 - 2)
    lives.sync()

    hand_in(new, asked, seen)
    lives.sync()

    assert len(lives.sales()) == 3 + 1
    check_tea(lives, 40 - 2)


@pytest.mark.parametrize("knows_tea", [True, False], ids=["knows it", "has not heard of it"])
def test_it_is_taken_from_a_till_where_the_box_burnt_and_another_one_took_its_place(
    lives: LifeChain, seen: Sale, asked: Command, *, knows_tea: bool
) -> None:
    lives.sync()
    new = new_box(lives)
    take_over(lives, new)
    if knows_tea:
        lives.sync()

    hand_in(new, asked, seen)
    lives.sync()

    assert lives.sales() == [seen.id]
    check_tea(lives, 40 - 2)


def test_a_key_puts_no_other_sale_in_the_place_of_one_that_the_hub_has(
    lives: LifeChain, image: ShopSide, seen: Sale, asked: Command
) -> None:
    lives.sync()
    new = another_box(lives, image)
    cheap = replace(seen.lines[0], sku="jam", name="jam")

    hand_in(new, asked, replace(seen, lines=(cheap,)))
    lives.sync()

    assert len(lives.sales()) == 3 + 2
    check_tea(lives, 40 - 2)
