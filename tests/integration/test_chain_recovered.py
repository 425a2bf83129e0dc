"""Goal: a sale that only a register knows is booked once, and nothing that is none is booked.

Method: a chain in one process on real files. A box sells without being heard and is replaced; its
sales are handed in to the new box, in every wrong way too. Then the old box is heard after all.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.link.cursor import cursor_of
from gateway.lives import told_twice
from gateway.lives.recovered import RecoveredSale, recover
from gateway.lives.sealing import is_to_end, seal
from gateway.stockroom import stock
from replication.feed import FeedItem
from retail.products.catalogue import ProductBody
from retail.selling.sales import Sale
from tests import uses_asked
from tests.chain_sides import ShopSide, command, sale_of
from tests.life_chain import LifeChain, opened_life
from web.lives import RECOVERED_SALE, TOLD_TWICE, ToldTwice
from web.once import Done, Outcome
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    with opened_life(tmp_path, tea=10, jam=10) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    return chain.shops["riverside"]


def sold(shop: ShopSide, sku: str = "tea", units: int = 3) -> Sale:
    done = shop.sell(sku, units)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.record, type=Sale)


def hand_in(shop: ShopSide, sale: Sale) -> Outcome:
    return shop.commit(lambda: recover(shop.state, command(), sale))


def answer(outcome: Outcome) -> RecoveredSale:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=RecoveredSale)


def on_hand(chain: LifeChain, shop: ShopSide, sku: str = "tea") -> tuple[int, int]:
    """As the shop and as the hub have it."""
    here = shop.state.counter(sku).levels().on_hand
    return here, chain.hub.counter("riverside", sku).levels().on_hand


def test_a_sale_is_booked_once_however_often_and_by_whomever_it_is_handed_in(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old)
    new = chain.replace("riverside")

    def both() -> tuple[Outcome, Outcome]:
        return recover(new.state, command(), sale), recover(new.state, command(), sale)

    first, second = map(answer, new.commit(both))
    new.restart()
    third = answer(hand_in(new, sale))
    # another branch's, of one id: a manager hands it in
    other = answer(hand_in(new, replace(sale, cashier="Bob")))
    assert (other.is_new, answer(hand_in(new, replace(sale, cashier="Bob"))).is_new) == (
        True,
        False,
    )
    chain.sync(new)

    assert (first.is_new, second.is_new, third.is_new) == (True, False, False)
    assert first.entry == second.entry == third.entry
    assert on_hand(chain, new) == (4, 4)
    assert chain.sales() == [sale.id, sale.id]
    assert [one.entries for one in chain.audit().differences] == [[first.entry, other.entry]]


def test_the_next_box_knows_what_the_one_before_it_recovered(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old)
    second = chain.replace("riverside")
    hand_in(second, sale)
    chain.sync(second)
    third = chain.replace("riverside")
    hand_in(third, sale)
    chain.sync(third)

    assert chain.sales() == [sale.id]
    assert on_hand(chain, third) == (7, 7)
    chain.check("tea", "jam")


def test_a_sale_by_a_clock_that_had_gone_back_is_not_one_before_its_own_boxs_count(
    chain: LifeChain, old: ShopSide
) -> None:
    chain.count_all(old, tea=10)
    chain.sync(old)
    chain.advance(-3_600_000)
    sale = sold(old)
    new = chain.replace("riverside")

    assert isinstance(hand_in(new, sale), Done)
    chain.sync(new)

    assert on_hand(chain, new) == (7, 7)
    chain.check("tea", "jam")


WRONG: dict[str, Callable[[Sale], Sale]] = {
    "another store": lambda one: replace(one, location="harbour"),
    "another store's writer": lambda one: replace(one, writer="harbour.1", id="harbour.1-4"),
    "another store's number": lambda one: replace(one, number="HARBOUR-1-000001"),
    "no number": lambda one: replace(one, number="7"),
    "an id that is another entry's": lambda one: replace(one, id="riverside.1-99999"),
    "no id": lambda one: replace(one, id="x"),
    "a register's": lambda one: replace(
        one, writer="riverside.till-1.1", id=f"riverside.till-1.1-{one.seq}"
    ),
    "of a box to come": lambda one: replace(one, writer="riverside.9", id=f"riverside.9-{one.seq}"),
    "of this box": lambda one: replace(one, writer="riverside.2", id=f"riverside.2-{one.seq}"),
    "no lines": lambda one: replace(one, lines=(), total_minor=0, tax_minor=0),
    "another total": lambda one: replace(one, total_minor=one.total_minor + 1),
    "not paid": lambda one: replace(one, change_minor=one.change_minor + 1),
    "no instant": lambda one: replace(one, at="yesterday, at teatime"),
    "on another day": lambda one: replace(one, at="2999-01-01T00:00:00.000Z"),
    "too many": lambda one: replace(
        one, lines=tuple(replace(line, quantity=10**9) for line in one.lines) * 2,
        total_minor=one.total_minor * 2, tax_minor=one.tax_minor * 2,
        change_minor=one.change_minor - one.total_minor,
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_no_box_of_this_shop_can_have_answered_changes_nothing(
    chain: LifeChain, old: ShopSide, wrong: str
) -> None:
    sale = sold(old)
    new = chain.replace("riverside")
    before = new.state.ledger.head

    outcome = hand_in(new, WRONG[wrong](sale))

    assert isinstance(outcome, Problem), outcome
    assert new.state.ledger.head == before
    assert isinstance(hand_in(new, sale), Done)


def test_a_sale_of_what_nobody_knows_any_more_is_kept_and_moves_no_stock(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old)
    gone = replace(sale, lines=tuple(replace(line, sku="coal") for line in sale.lines))
    new = chain.replace("riverside")

    assert isinstance(hand_in(new, gone), Done)
    chain.sync(new)

    assert chain.sales() == [sale.id]
    assert on_hand(chain, new) == (10, 10)
    chain.check("tea", "jam")


@pytest.mark.parametrize("is_sealed", [True, False])
def test_the_original_that_comes_later_is_booked_back_once(
    chain: LifeChain,
    old: ShopSide,
    is_sealed: bool,  # noqa: FBT001
) -> None:
    sale = sold(old)
    new = chain.replace("riverside")
    hand_in(new, sale)
    chain.sync(new)
    assert on_hand(chain, new) == (7, 7)

    chain.hand_over(old, sealed=is_sealed)
    chain.sync(new)
    chain.sync(new)

    assert on_hand(chain, new) == (7, 7)
    assert chain.sales() == [sale.id]
    assert len(kinds(new, TOLD_TWICE)) == 1
    chain.check("tea", "jam")


def test_a_sale_of_goods_without_stock_is_listed_once_when_its_original_comes(
    chain: LifeChain, old: ShopSide
) -> None:
    bag = ProductBody(name="bag", price_minor=20, currency="USD", stock_policy="untracked")
    chain.hub.put("bag", bag)
    chain.sync()
    done = old.sell("bag", 1)
    assert isinstance(done, Done)
    new = chain.replace("riverside")
    chain.recover(new, done.record)
    chain.sync(new)

    chain.hand_over(old, sealed=True)
    chain.sync(new)

    assert len(chain.sales()) == 1
    assert kinds(new, TOLD_TWICE) == []


def kinds(shop: ShopSide, kind: str) -> list[bytes]:
    entries = shop.state.store.entries_of(
        arrived_from=0, kind=kind, location=None, writer=shop.state.ledger.writer
    )
    return [body for _, body in entries]


def test_what_is_to_be_booked_back_is_booked_once_per_key(chain: LifeChain, old: ShopSide) -> None:
    asked = ToldTwice(
        key="riverside.1-9", why="it was counted since", moves=[("tea", 2), ("jam", -3)],
        entries=["riverside.1-9"],
    )  # fmt: skip

    def twice() -> None:
        told_twice.book_back(old.state, asked)
        told_twice.book_back(old.state, asked)

    for _ in range(2):
        old.commit(twice)
        old.restart()
    chain.sync()

    assert on_hand(chain, old) == (12, 12)
    assert on_hand(chain, old, "jam") == (7, 7)
    chain.check("tea", "jam")


@pytest.mark.parametrize(
    "data",
    [
        {"key": "another", "why": "", "moves": [["tea", 1]], "entries": []},
        {"key": "k", "why": "", "moves": [["tea", 0]], "entries": []},
        {"key": "k", "why": "", "moves": [["tea", 10**12]], "entries": []},
        {"key": "k"},
    ],
    ids=str,
)
def test_an_item_that_asks_for_nonsense_is_set_aside(
    chain: LifeChain,
    old: ShopSide,
    data: Any,  # noqa: ANN401
) -> None:
    item = FeedItem(
        kind="told_twice", key="k", data=msgspec.json.encode(data),
        position=cursor_of(old.state.store) + 1,
    )  # fmt: skip
    old.apply([item])

    assert on_hand(chain, old) == (10, 10)
    assert kinds(old, TOLD_TWICE) == []


def test_a_box_that_ends_its_journal_frees_its_baskets_and_ends_it_once(
    chain: LifeChain, old: ShopSide
) -> None:
    held = old.hold({"tea": 4})
    assert isinstance(held, Done)
    new = chain.replace("riverside")

    def owes() -> bool:
        state = old.state
        return is_to_end(state.store, state.ledger.writer, state.stopped)

    def stop_and_look() -> bool:
        seal(old.state)
        return owes()

    assert not owes()  # it sells
    assert old.commit(stop_and_look)  # stopped, and nothing of it is on the disk
    assert not owes()
    for _ in range(2):
        old.commit(lambda: seal(old.state))
    chain.hand_over(old, sealed=False)
    chain.sync(new)

    refused = old.sell("tea", 1)
    assert isinstance(refused, Problem)
    assert refused.status == 503
    assert len(kinds(old, "sealed")) == len(kinds(old, "basket_released")) == 1
    assert chain.state_of("riverside.1") == "sealed"
    assert new.state.quota("tea") + chain.hub.state.quota("riverside", "tea") == 10
    assert kinds(new, RECOVERED_SALE) == []
    chain.check("tea", "jam")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_what_a_register_asked_of_two_boxes_is_done_once(
    chain: LifeChain,
    old: ShopSide,
    is_heard_first: bool,  # noqa: FBT001
) -> None:
    asked, received = command(), command()
    goods = stock.ReceiptRequest(
        lines=(stock.ReceiptLine(sku="jam", quantity=5),), reference="paper"
    )

    def ask(shop: ShopSide) -> None:
        done = shop.commit(lambda: uses_asked.sell(shop.state, asked, sale_of("tea", 3)))
        assert isinstance(done, Done), done
        more = shop.commit(lambda: stock.receive(shop.state, received, goods))
        assert isinstance(more, Done), more

    ask(old)
    new = chain.replace("riverside")
    new.receive(tea=5)  # what the other box held is frozen
    ask(new)
    for _ in range(2):
        if is_heard_first:
            chain.hand_over(old, sealed=True)
        chain.sync(new)
        is_heard_first = not is_heard_first
    chain.sync(new)
    chain.sync(new)

    assert on_hand(chain, new) == (12, 12)
    assert on_hand(chain, new, "jam") == (15, 15)
    assert [sale.split("-")[0] for sale in chain.sales()] == ["riverside.2"], "its answer was seen"
    assert len(kinds(new, TOLD_TWICE)) == 2
    assert new.state.counter("tea").levels().deficit == 0
    chain.check("tea", "jam")
