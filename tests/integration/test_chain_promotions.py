"""Goal: what is offered is given to whom and when it is offered, and to nobody else.

Method: the hub and two shops in one process (`tests.chain`), whose one clock can be doubted.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retail.selling.sales import Sale
from tests.chain import Chain
from tests.price_asking import (
    MINUTE_MS,
    TENTH,
    cost,
    cost_online,
    hours,
    open_chain,
    put_promotion,
    sell,
)
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.close()


# The clock


def test_a_promotion_starts_and_ends_by_the_shops_clock(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH, **hours(chain, 10, 20))
    chain.sync()

    prices = []
    for _ in range(3):
        prices.append(cost(shop, "tea", 10))
        chain.advance(10 * MINUTE_MS)

    assert prices == [1000, 900, 1000]


@pytest.mark.parametrize("restarted", [False, True])
def test_none_starts_or_ends_on_a_clock_that_is_not_synchronised(
    chain: Chain, *, restarted: bool
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "now", TENTH, **hours(chain, -10, 10))
    put_promotion(chain.hub, "later", TENTH | {"skus": ["jam"]}, **hours(chain, 10, 50))
    chain.sync()
    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (900, 1000)

    chain.synchronised = False
    chain.advance(20 * MINUTE_MS)
    if restarted:
        shop.restart()

    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (900, 1000)
    chain.synchronised = True
    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (1000, 900)


def test_a_dated_promotion_that_is_heard_on_a_bad_clock_waits_and_an_undated_one_does_not(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "dated", TENTH, **hours(chain, -10, 10))
    put_promotion(chain.hub, "undated", TENTH | {"skus": ["jam"]})
    chain.synchronised = False
    chain.sync()

    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (1000, 900)


def test_what_gets_dates_while_the_clock_is_bad_waits_for_them(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.synchronised = False
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()
    assert cost(shop, "tea", 10) == 900

    put_promotion(chain.hub, "tenth", TENTH, **hours(chain, 60, 120))
    chain.sync()

    assert cost(shop, "tea", 10) == 1000


# Coupons, and discounts by hand


def test_a_coupon_gives_its_promotion_however_it_is_typed(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME10")
    chain.sync()

    assert cost(shop, "tea", 10) == 1000
    assert cost(shop, "tea", 10, coupons=[" welcome10 "]) == 900
    assert cost_online(chain.hub, "tea", 10, coupon="Welcome10") == 900


@pytest.mark.parametrize(
    ("more", "typed", "why"),
    [
        ({}, "NONE", "there is no coupon NONE"),
        ({"channels": ["online"]}, "WELCOME", "is for another channel"),
        ({"locations": ["harbour"]}, "WELCOME", "is for another location"),
        ({"valid_until": "2020-01-01T00:00:00"}, "WELCOME", "is not valid at this time"),
    ],
)
def test_a_coupon_that_gives_nothing_here_is_refused_with_the_reason(
    chain: Chain, more: dict[str, object], typed: str, why: str
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME", **more)
    chain.sync()
    before = shop.state.ledger.head

    refused = sell(shop, "tea", coupons=[typed])

    assert isinstance(refused, Problem)
    assert refused.members["field"] == "$.coupons[0]"
    assert why in refused.detail
    assert shop.state.ledger.head == before


def test_an_order_with_a_coupon_of_the_stores_is_refused(chain: Chain) -> None:
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME", channels=["store"])

    refused = cost_online(chain.hub, "tea", coupon="WELCOME")

    assert isinstance(refused, Problem)
    assert "is for another channel" in refused.detail


@pytest.mark.parametrize(
    ("role", "off_bp", "total"),
    [("cashier", 500, 950), ("cashier", 600, None), ("supervisor", 2000, 800)],
)
def test_a_discount_by_hand_is_limited_by_who_gives_it(
    chain: Chain, role: str, off_bp: int, total: int | None
) -> None:
    shop = chain.shops["riverside"]
    discounts = [{"reason": "dented", "line": 0, "off_bp": off_bp}]

    sale = sell(shop, "tea", 10, role=role, discounts=discounts)

    if total is None:
        assert isinstance(sale, Problem)
        assert (sale.slug, sale.members["limit_minor"]) == (Slug.FORBIDDEN, 50)
    else:
        assert isinstance(sale, Sale)
        assert sale.total_minor == total
        assert sale.lines[0].discounts[0].name == "dented"
