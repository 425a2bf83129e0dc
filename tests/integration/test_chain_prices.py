"""Goal: a price list that head office writes is what every channel charges, at last.

Method: the hub and two shops in one process (`tests.chain`). A cut is a shop that is not synced.
Time stands at a Sunday's noon, or is put where a test needs it.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from replication import feed
from retail.prices.price_rises import KeptPriceList
from retail.selling.sales import Sale
from tests.chain import Chain
from tests.chain_sides import CommitFailed, order_in
from tests.price_asking import (
    DAY_MS,
    MINUTE_MS,
    TENTH,
    cost,
    cost_online,
    hours,
    open_chain,
    put_list,
    put_promotion,
    rules_of,
    sell,
    withdraw,
)
from web.once import Done
from web.problems import Problem, Slug

HOUR_MS: Final = 60 * MINUTE_MS


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.close()


# Both ends


def test_what_was_written_during_a_cut_is_charged_after_it_and_equal_at_both_ends(
    chain: Chain,
) -> None:
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync(harbour)

    cut_off, connected = cost(riverside, "tea", 10), cost(harbour, "tea", 10)
    chain.sync()

    assert (cut_off, connected) == (1000, 720)
    assert cost(riverside, "tea", 10) == cost_online(chain.hub, "tea", 10) == 720
    assert rules_of(riverside) == rules_of(harbour) == rules_of(chain.hub)


def test_a_sale_keeps_its_discounts_and_the_hub_shows_the_same_sale(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH | {"skus": "all"}, name="A tenth off")
    chain.sync()

    sale = sell(shop, "tea", 3, expected_total_minor=270)
    chain.sync()

    assert isinstance(sale, Sale)
    (line,) = sale.lines
    (discount,) = line.discounts
    assert (discount.promotion, discount.name, discount.amount_minor) == (
        "tenth",
        "A tenth off",
        30,
    )
    assert chain.hub.sale_ids() == [sale.id]


def test_another_total_than_the_one_that_was_shown_is_told(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()

    refused = sell(shop, "tea", expected_total_minor=100)

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.members["total_minor"]) == (Slug.PRICE_CHANGED, 90)


def test_what_was_taken_back_is_charged_no_more(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()
    before = cost(shop, "tea", 10)

    withdraw(chain.hub, feed.PRICE_LIST, "autumn")
    withdraw(chain.hub, feed.PROMOTION, "tenth")
    chain.sync()

    assert (before, cost(shop, "tea", 10), cost_online(chain.hub, "tea", 10)) == (720, 1000, 1000)


def test_both_ends_price_alike_after_a_restart(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()

    shop.restart()
    chain.hub.restart()

    assert cost(shop, "tea", 10) == cost_online(chain.hub, "tea", 10) == 720


def test_a_rule_of_a_batch_that_was_not_committed_is_not_charged(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH)
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        chain.sync()

    assert cost(shop, "tea", 10) == 1000
    chain.sync()
    assert cost(shop, "tea", 10) == 900

    chain.hub.refuse_next_commit()
    with pytest.raises(CommitFailed):
        put_list(chain.hub, "autumn", {"tea": 50})
    assert cost_online(chain.hub, "tea", 10) == 900


# Whose price


def test_a_list_is_for_its_channel_its_places_and_its_customers(chain: Chain) -> None:
    put_list(chain.hub, "web", {"tea": 95}, channel="online")
    put_list(chain.hub, "quay", {"tea": 90}, locations=["harbour"])
    put_list(chain.hub, "trade", {"tea": 60}, customer_group="trade")
    chain.sync()
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]

    assert (cost(harbour, "tea"), cost(riverside, "tea")) == (90, 100)
    assert cost(riverside, "tea", customer_group="trade") == 60
    assert cost_online(chain.hub, "tea") == 95
    collected = {"type": "pickup", "location": "harbour"}
    assert cost_online(chain.hub, "tea", fulfilment=collected) == 90


def test_an_order_is_priced_online_and_keeps_its_discounts(chain: Chain) -> None:
    put_promotion(chain.hub, "web", TENTH, channels=["online"])
    chain.sync()

    order = order_in(chain.hub.place({"tea": 10}))

    assert order.total_minor == 900
    assert order.lines[0].discounts[0].promotion == "web"
    assert cost(chain.shops["riverside"], "tea", 10) == 1000


# Increases


def test_an_increase_begins_the_next_business_day_and_a_decrease_at_once(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 150, "jam": 50})
    chain.sync()
    at_first = cost(shop, "tea"), cost(shop, "jam"), cost_online(chain.hub, "tea")

    chain.advance(DAY_MS)

    assert at_first == (100, 50, 100)
    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (150, 150)


def test_the_list_keeps_the_old_price_with_its_last_day(chain: Chain) -> None:
    done = put_list(chain.hub, "autumn", {"tea": 150, "jam": 50})

    assert isinstance(done, Done)
    kept = msgspec.json.decode(done.record, type=KeptPriceList)
    assert list(kept.rises) == ["tea"]
    assert kept.rises["tea"].price_minor == 100
    assert kept.rises["tea"].until - chain.hub.state.today() == datetime.timedelta(days=1)


def test_what_a_price_rises_from_is_the_lists_own_price_of_before(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_list(chain.hub, "autumn", {"tea": 90})
    chain.sync()

    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (80, 80)
    chain.advance(DAY_MS)
    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (90, 90)


def test_a_forced_increase_begins_at_once(chain: Chain) -> None:
    put_list(chain.hub, "autumn", {"tea": 150}, force=True)
    chain.sync()

    assert cost(chain.shops["riverside"], "tea") == 150
    assert cost_online(chain.hub, "tea") == 150


def test_a_store_that_hears_late_raises_its_price_on_its_own_next_day(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 100})
    chain.sync()
    put_list(chain.hub, "autumn", {"tea": 150})
    chain.advance(2 * DAY_MS)
    chain.sync()

    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (100, 150)
    chain.advance(DAY_MS)
    assert cost(shop, "tea") == 150


def test_an_open_basket_keeps_the_lower_price_and_nobody_names_another(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.hub.product("tea", price_minor=120)
    chain.sync()

    kept = sell(shop, "tea", shown_price_minor=100)
    invented = sell(shop, "tea", shown_price_minor=1)
    new = sell(shop, "tea")

    assert [one.total_minor for one in (kept, invented, new) if isinstance(one, Sale)] == [
        100, 120, 120,
    ]  # fmt: skip


def test_an_open_basket_keeps_the_price_of_yesterday_where_the_day_alone_raised_it(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 150, "jam": 150})
    chain.sync()
    chain.advance(20 * HOUR_MS)  # Monday, eight in the morning
    shop.restart()

    kept = sell(shop, "tea", shown_price_minor=100)
    invented = sell(shop, "tea", shown_price_minor=99)
    chain.advance(6 * HOUR_MS)
    too_late = sell(shop, "tea", shown_price_minor=100)

    assert [one.total_minor for one in (kept, invented, too_late) if isinstance(one, Sale)] == [
        100, 150, 150,
    ]  # fmt: skip


def test_an_open_basket_keeps_the_price_of_yesterday_though_its_list_is_written_anew(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 150, "jam": 150})
    chain.sync()
    chain.advance(20 * HOUR_MS)
    put_list(chain.hub, "autumn", {"tea": 150, "jam": 140})
    chain.sync()

    kept = sell(shop, "tea", shown_price_minor=100)

    assert isinstance(kept, Sale)
    assert (kept.total_minor, cost(shop, "tea")) == (100, 150)


def test_an_open_basket_keeps_the_price_of_a_list_whose_hour_is_over(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "sunday", {"tea": 80}, **hours(chain, -60, 60))
    chain.sync()
    shown = cost(shop, "tea")
    chain.advance(2 * HOUR_MS)

    kept = sell(shop, "tea", shown_price_minor=80)
    chain.advance(12 * HOUR_MS)
    too_late = sell(shop, "tea", shown_price_minor=80)

    assert shown == 80
    assert [one.total_minor for one in (kept, too_late) if isinstance(one, Sale)] == [80, 100]


def test_a_basket_is_not_open_for_days(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.hub.product("tea", price_minor=120)
    chain.sync()
    chain.advance(DAY_MS)

    sale = sell(shop, "tea", shown_price_minor=100)

    assert isinstance(sale, Sale)
    assert sale.total_minor == 120
