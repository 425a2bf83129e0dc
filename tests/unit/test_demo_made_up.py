"""Goal: any file of ten products or more makes a day that can be played, the same for one seed.

Method: markets made up for products made by hand, from ten to five thousand; what is planned for
them is compared with what they have.
"""

from collections import Counter

import pytest

from scripts.demo_day.agenda import Part, plan_agenda
from scripts.demo_day.baskets import Market, Product
from scripts.demo_day.made_up import IN_DEMAND_MIN, make_up_market
from scripts.demo_day.own_goods import GOODS_MIN
from scripts.demo_day.plan import plan_day

SIZES = pytest.mark.parametrize("products", [GOODS_MIN, 13, 5_000])

AFAR = "a sale from another store and a short pick"
SECOND_THOUGHTS = ("cancels behind a cut line", "returns and an exchange", AFAR)


def goods_of(products: int, safety_stock: int = 0) -> list[Product]:
    return [
        Product(
            sku=f"S{number:04}",
            barcode="",
            name=f"Product {number}",
            price_minor=100 + number,
            safety_stock=safety_stock,
        )
        for number in range(products)
    ]


def market_of(goods: list[Product], *, seed: int = 1, stores: int = 2, days: int = 3) -> Market:
    return make_up_market(goods, imported=len(goods), stores=stores, days=days, seed=seed)


@SIZES
def test_baskets_are_of_goods_in_demand_and_never_of_the_others(products: int) -> None:
    market = market_of(goods_of(products))

    asked = {line.sku for basket in market.baskets for line in basket.lines}
    assert asked <= market.products.keys()
    assert not asked & set(market.others)
    assert len(market.others) == min(len(Part), products - IN_DEMAND_MIN)
    assert len(market.products) == market.imported == products


@SIZES
def test_every_basket_has_something_in_it_and_they_come_in_order(products: int) -> None:
    market = market_of(goods_of(products))

    times = [basket.at for basket in market.baskets]
    assert times == sorted(times)
    assert {basket.location for basket in market.baskets} == set(market.locations)
    assert all(basket.lines for basket in market.baskets)
    assert min(basket.basket for basket in market.baskets) == 1
    for basket in market.baskets:
        assert len({line.sku for line in basket.lines}) == len(basket.lines)


def test_the_seed_decides_and_the_order_of_the_file_does_not() -> None:
    goods = goods_of(40)

    assert market_of(goods) == market_of(goods[::-1])
    assert market_of(goods) != market_of(goods, seed=2)


def test_the_first_is_asked_for_about_twice_as_often_as_the_second() -> None:
    market = market_of(goods_of(100), days=364)

    units: Counter[str] = Counter()
    for basket in market.baskets:
        units.update({line.sku: line.quantity for line in basket.lines})
    (_, first), (_, second), *rest = units.most_common()
    assert 1.8 < first / second < 2.2
    assert first > 50 * rest[-1][1]


@pytest.mark.parametrize(
    ("products", "left_out"),
    [
        (10, {"baskets set aside", "reserved checkouts", "damaged goods", *SECOND_THOUGHTS}),
        (12, {"damaged goods", *SECOND_THOUGHTS}),
        (13, set(SECOND_THOUGHTS)),
        (14, {"returns and an exchange", AFAR}),
        (16, {AFAR}),
        (17, set()),
        (5_000, set()),
    ],
)
def test_a_small_catalogue_leaves_scenes_out_and_says_so(products: int, left_out: set[str]) -> None:
    market = market_of(goods_of(products))

    agenda = plan_agenda(market, plan_day(market, seed=1, baskets_max=None))

    assert set(agenda.left_out) == left_out
    checkouts = "reserved checkouts" not in left_out
    cancels = "cancels behind a cut line" not in left_out
    returns = "returns and an exchange" not in left_out
    assert agenda.orders == 1 + checkouts + 2 * cancels + returns + 2 * (AFAR not in left_out)


def test_goods_that_keep_a_floor_are_sold_and_play_no_part() -> None:
    market = market_of(goods_of(20, safety_stock=2))

    agenda = plan_agenda(market, plan_day(market, seed=1, baskets_max=None))

    assert market.others == ()
    assert len(agenda.left_out) == 10
    assert agenda.prices is not None
