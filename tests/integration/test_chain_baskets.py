"""Goal: what a basket holds at the till is nobody else's, ends once, and is never lost (E6).

Method: a hub and a shop in one process (`tests.chain`); after each story both sides are compared
cell by cell, and what is held with the rows that are still open (`tests.holds_seen`).
"""

from pathlib import Path

import msgspec
import pytest

from gateway.selling import baskets, sales
from gateway.selling.sales import Short
from replication.escrow import Spent, Table
from retail.ordering.holds import HoldStatus
from tests.chain import Chain
from tests.chain_sides import basket_in, command, sale_of
from tests.holds_seen import held, last_entry, shop_of, slug_of, status_of, stocked
from web.once import Done
from web.problems import Slug

OPEN, RELEASED, EXPIRED, USED = HoldStatus


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Riverside has 40 tea and jam, and the hub may sell 10 of them."""
    return stocked(tmp_path)


def test_a_basket_is_sold_though_nobody_else_could_have_its_units(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 30}))  # all that the shop may sell unasked
    assert held(chain) == {"tea": 30}
    assert isinstance(shop.sell("tea"), Short)
    assert isinstance(shop.hold({"tea": 1}), Short)
    before = shop.state.ledger.head.seq

    sold = shop.sell("tea", 30, basket=basket.id)

    assert isinstance(sold, Done)
    entry = last_entry(shop)
    assert entry.seq == before + 1
    assert (entry.kind, entry.reference, entry.moves) == ("sale", basket.id, [("tea", -30)])
    assert status_of(shop, basket.id) == (USED, msgspec.json.decode(sold.record)["id"])
    assert held(chain) == {}
    assert shop.state.counter("tea").physical() == 10


@pytest.mark.parametrize(("sku", "many", "free"), [("tea", 3, 27), ("tea", 12, 18), ("jam", 5, 30)])
def test_a_sale_may_differ_from_its_basket(chain: Chain, sku: str, many: int, free: int) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 10}))

    assert isinstance(shop.sell(sku, many, basket=basket.id), Done)

    assert held(chain) == {}
    assert shop.state.quota("tea") == free
    assert shop.state.counter(sku).physical() == 40 - many


def test_what_a_basket_holds_counts_as_quota_of_its_sale(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 10}))

    short = shop.sell("tea", 31, basket=basket.id)

    assert isinstance(short, Short)
    assert short.wants() == [("tea", 1)]
    assert held(chain) == {"tea": 10}


def test_a_basket_is_sold_once(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 2}))
    assert isinstance(shop.sell("tea", 2, basket=basket.id), Done)
    cells = shop.state.counter("tea").cells()

    twice = shop.sell("tea", 2, basket=basket.id)
    dropped = shop.drop(basket.id)
    shop.expire(basket.id)

    assert slug_of(twice) == slug_of(dropped) == Slug.CONFLICT
    assert slug_of(shop.sell("tea", 2, basket="riverside.1-999")) == Slug.INVALID_REQUEST
    assert slug_of(shop.drop("riverside.1-999")) == Slug.NOT_FOUND
    assert shop.state.counter("tea").cells() == cells


@pytest.mark.parametrize("ended", [RELEASED, EXPIRED])
def test_an_ended_basket_is_sold_as_without_it(chain: Chain, ended: HoldStatus) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 30}))
    (shop.drop if ended is RELEASED else shop.expire)(basket.id)
    assert last_entry(shop).reason == ("deleted" if ended is RELEASED else "expired")
    assert isinstance(shop.sell("tea", 1), Done)

    short = shop.sell("tea", 30, basket=basket.id)
    sold = shop.sell("tea", 29, basket=basket.id)

    assert isinstance(short, Short)
    assert isinstance(sold, Done)
    assert slug_of(shop.sell("tea", 1, basket=basket.id)) == Slug.CONFLICT
    assert held(chain) == {}


def test_a_registers_token_ends_the_baskets_of_its_own_register_only(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 2}, register="till-2"))
    foreign = command(role="cashier", register="till-1")

    sold = shop.commit(lambda: sales.sell(shop.state, foreign, sale_of("tea", 2, basket.id)))
    dropped = shop.commit(lambda: baskets.release(shop.state, foreign, basket.id))

    assert slug_of(sold) == slug_of(dropped) == Slug.FORBIDDEN
    assert held(chain) == {"tea": 2}
    own = command(role="cashier", register="till-2")
    assert isinstance(shop.commit(lambda: baskets.release(shop.state, own, basket.id)), Done)


def test_units_that_come_back_first_cover_what_was_overdrawn(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 25}))
    assert isinstance(shop.adjust("tea", -8, "breakage"), Done)  # 5 had a right
    chain.hub.place({"tea": 10})
    chain.sync()
    assert shop.state.counter("tea").deficit() == 3

    shop.drop(basket.id)

    counter = shop.state.counter("tea")
    assert counter.deficit() == 0
    assert counter.total(Table.SPENT, Spent.COVERED) == 3
    assert shop.state.quota("tea") == 22
    assert held(chain) == {}


def test_what_a_sale_leaves_of_its_basket_covers_what_was_overdrawn(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 25}))
    assert isinstance(shop.adjust("tea", -8, "breakage"), Done)
    chain.hub.place({"tea": 10})
    chain.sync()

    assert isinstance(shop.sell("tea", 24, basket=basket.id), Done)

    assert shop.state.counter("tea").deficit() == 2
    assert shop.state.quota("tea") == 0
    assert held(chain) == {}


def test_a_shop_holds_so_many_baskets_and_no_more(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baskets, "BASKETS_MAX", 2)
    shop = shop_of(chain)
    first = basket_in(shop.hold({"tea": 1}))
    basket_in(shop.hold({"tea": 1}))

    refused = shop.hold({"tea": 1})
    shop.drop(first.id)

    assert slug_of(refused) == Slug.CONFLICT
    basket_in(shop.hold({"tea": 1}))
    assert held(chain) == {"tea": 2}
