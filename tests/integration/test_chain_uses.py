"""Goal: no promotion is used more often than head office allows, over stores, website and cuts.

Nobody is refused a use that somebody at hand has.

Method: a hub and two shops in one process (`tests.chain`); what travels travels when a test says
so. Uses are counted from outside: by the sales and orders that came out cheaper.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.prices.allowances import PromotionUsage, Recall, whom_to_ask
from gateway.selling import sales
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, sale_of
from tests.limited_offers import (
    SUMMER,
    arrive,
    chain_of_offers,
    lend_back,
    lend_to,
    limit,
    order_online,
    sells_reduced,
    usage,
)
from tests.price_asking import cost, cost_online, sell


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops with tea; see `chain_of_offers`."""
    yield from chain_of_offers(tmp_path)


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """One of the two."""
    return chain.shops["riverside"]


# What stores hold


def test_connected_stores_are_given_a_few_uses_and_the_hub_keeps_most(chain: Chain) -> None:
    limit(chain.hub, 100)
    for shop in chain.shops.values():
        arrive(chain, shop)

    told = usage(chain.hub)

    assert told == PromotionUsage(allowed=100, used=0, with_hub=77, with_stores=23)
    assert [shop.state.quota(SUMMER) for shop in chain.shops.values()] == [12, 11]


def test_what_is_connected_when_the_offer_is_made_is_given_its_share_at_once(
    chain: Chain, shop: ShopSide
) -> None:
    chain.hub.state.reachable.add("riverside")

    limit(chain.hub, 100)
    chain.sync()

    assert shop.state.quota(SUMMER) == 12


def test_a_share_is_filled_up_when_half_of_it_is_used(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    assert shop.state.quota(SUMMER) == 5

    for _ in range(3):
        assert sells_reduced(shop)
    chain.sync()

    assert shop.state.quota(SUMMER) == 4
    assert usage(chain.hub) == PromotionUsage(allowed=40, used=3, with_hub=33, with_stores=4)


def test_uses_that_are_scarcer_than_stores_stay_with_the_hub(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)

    arrive(chain, shop)

    assert shop.state.quota(SUMMER) == 0
    assert lend_to(chain, shop)
    assert sells_reduced(shop)


@pytest.mark.parametrize("more", [{"channels": ["online"]}, {"locations": ["harbour"]}])
def test_a_store_that_may_not_offer_it_holds_none(
    chain: Chain, shop: ShopSide, more: dict[str, object]
) -> None:
    limit(chain.hub, 100, **more)

    arrive(chain, shop)

    assert shop.state.quota(SUMMER) == 0


# Never more than allowed


def test_a_basket_takes_one_use_whatever_is_in_it(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 100)
    arrive(chain, shop)

    sell(shop, "tea", 20)
    sell(shop, "jam", 20)
    chain.sync()

    told = usage(chain.hub)
    assert told is not None
    assert told.used == 1


def test_stores_that_are_cut_off_use_what_they_hold_and_no_more(chain: Chain) -> None:
    limit(chain.hub, 10)
    for shop in chain.shops.values():
        arrive(chain, shop)

    reduced = [sells_reduced(shop) for shop in chain.shops.values() for _ in range(6)]
    cheap_orders = [order_online(chain).total_minor for _ in range(12)].count(90)

    assert sum(reduced) == 2
    assert cheap_orders == 8
    chain.sync()
    assert usage(chain.hub) == PromotionUsage(allowed=10, used=10, with_hub=0, with_stores=0)


def test_the_last_use_is_the_tills_or_the_websites(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)
    chain.sync()

    assert lend_to(chain, shop)
    assert sells_reduced(shop)
    assert order_online(chain).total_minor == 90

    assert not lend_to(chain, shop)
    assert cost(shop, "tea") == 100
    assert cost_online(chain.hub, "tea") == 100
    assert order_online(chain).total_minor == 100
    assert not sells_reduced(shop)


def test_a_use_that_a_store_does_not_need_can_be_had_back(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)
    chain.sync()
    assert lend_to(chain, shop, 2)
    assert cost_online(chain.hub, "tea") == 100

    assert lend_back(chain, shop)

    assert order_online(chain).total_minor == 90
    assert sells_reduced(shop)
    assert not lend_back(chain, shop)


def test_the_store_that_holds_most_is_asked_back_first(chain: Chain) -> None:
    limit(chain.hub, 9)
    chain.sync()
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]
    assert lend_to(chain, harbour, 4)
    assert lend_to(chain, riverside, 5)
    office = chain.hub.state

    assert whom_to_ask(office, SUMMER) == Recall(None, 0, are_out=True)
    office.reachable.update({"harbour", "riverside"})
    assert whom_to_ask(office, SUMMER) == Recall("riverside", 3, are_out=True)
    assert whom_to_ask(office, SUMMER, but="riverside") == Recall("harbour", 2, are_out=True)


def test_what_a_lost_box_held_is_not_asked_back(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)
    chain.sync()
    assert lend_to(chain, shop, 2)
    shop.close()
    chain.shops["riverside"] = chain.box("riverside", replace=True)
    chain.hub.state.reachable.add("riverside")

    assert whom_to_ask(chain.hub.state, SUMMER) == Recall(None, 0, are_out=False)


def test_a_use_that_a_customer_waits_for_is_not_lent_away(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)
    chain.sync()
    assert lend_to(chain, shop)
    shop.state.wanted[SUMMER] = 1

    assert not lend_back(chain, shop)


def test_rights_and_uses_outlive_restarts(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    assert sells_reduced(shop)
    chain.sync()
    before = usage(chain.hub)

    shop.restart()
    chain.hub.restart()

    assert usage(chain.hub) == before
    assert shop.state.quota(SUMMER) == 4
    assert [sells_reduced(shop) for _ in range(5)] == [True] * 4 + [False]


def test_what_a_lost_box_held_is_used_by_nobody(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)

    successor = chain.box("riverside", replace=True)
    chain.shops["riverside"] = successor
    arrive(chain, successor)

    assert successor.state.quota(SUMMER) == 4
    assert usage(chain.hub) == PromotionUsage(allowed=40, used=0, with_hub=31, with_stores=9)
    shop.close()


def test_a_commit_that_fails_takes_no_use(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    shop.refuse_next_commit()

    with pytest.raises(Exception, match=r"^$"):
        sell(shop, "tea")

    assert shop.state.quota(SUMMER) == 5


def test_a_repeated_request_takes_one_use(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    by = command()

    for _ in range(2):
        shop.commit(lambda: sales.sell(shop.state, by, sale_of("tea", 1)))

    assert shop.state.quota(SUMMER) == 4
