"""Goal: the seed decides the demo's day, all of it, and nothing else does.

Method: a small market made by hand; the plan is compared with the market it was made of.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.demo_day.baskets import Basket, Line, Market
from scripts.demo_day.plan import SELLING_S_MIN, Plan, Trouble, plan_day, share_of

seeds = st.integers(min_value=0, max_value=2**31)


def market_of(baskets: int, *, stores: int = 4, days: int = 2) -> Market:
    """A market in which basket n has n + 1 pieces of the same article and one of another."""
    opening = datetime(2017, 7, 12, tzinfo=UTC).replace(tzinfo=None)
    step = timedelta(days=days) / max(1, baskets)
    return Market(
        locations=tuple(f"store-{number}" for number in range(stores)),
        first_day=date(2017, 7, 12),
        days=days,
        products={},
        baskets=tuple(
            Basket(
                basket=number,
                location=f"store-{number % stores}",
                at=opening + step * number,
                lines=(Line(sku="tea", quantity=number + 1), Line(sku=f"s{number}", quantity=1)),
            )
            for number in range(baskets)
        ),
    )


def baskets_of(plan: Plan) -> list[int]:
    sold = [each.basket.basket for each in plan.sales]
    return sorted(sold + [each.basket.basket for each in plan.orders])


@given(seeds, st.integers(min_value=0, max_value=60))
def test_every_basket_is_a_sale_or_an_order_and_never_both(seed: int, baskets: int) -> None:
    plan = plan_day(market_of(baskets), seed=seed, baskets_max=None)

    assert baskets_of(plan) == list(range(baskets))


@given(seeds)
def test_the_same_seed_is_the_same_day(seed: int) -> None:
    first, second = (plan_day(market_of(20), seed=seed, baskets_max=None) for _ in range(2))

    assert first == second


@given(seeds)
def test_a_later_basket_changes_no_earlier_decision(seed: int) -> None:
    fewer, more = (plan_day(market_of(n), seed=seed, baskets_max=None) for n in (20, 20 + 1))

    online = [{each.basket.basket for each in plan.orders} - {20} for plan in (fewer, more)]
    assert online[0] == online[1]


@given(seeds)
def test_no_shelf_gets_more_than_will_be_asked_for(seed: int) -> None:
    market = market_of(40)
    plan = plan_day(market, seed=seed, baskets_max=None)

    for (location, sku), units in plan.opening_stock.items():
        late = plan.late_stock.get((location, sku), 0)
        wanted = sum(
            line.quantity
            for basket in market.baskets
            for line in basket.lines
            if (basket.location, line.sku) == (location, sku)
        )
        assert 0 < units <= units + late <= wanted


def test_a_little_of_the_demand_comes_late_or_never_and_a_quarter_of_the_baskets_is_online() -> (
    None
):
    market = market_of(200)
    plans = [plan_day(market, seed=seed, baskets_max=None) for seed in range(10)]

    wanted = 10 * sum(line.quantity for basket in market.baskets for line in basket.lines)
    assert 0.90 < sum(sum(plan.opening_stock.values()) for plan in plans) / wanted < 0.95
    late = sum(sum(plan.late_stock.values()) for plan in plans)
    assert 0.02 < late / wanted < 0.05
    assert 0.22 < sum(len(plan.orders) for plan in plans) / 2_000 < 0.28


@given(seeds, st.integers(min_value=1, max_value=12))
def test_the_limit_is_per_store(seed: int, baskets_max: int) -> None:
    plan = plan_day(market_of(40), seed=seed, baskets_max=baskets_max)

    assert len(baskets_of(plan)) == 4 * min(10, baskets_max)


@pytest.mark.parametrize("days", [1, 28])
def test_everything_happens_within_the_selling_time_and_in_order(days: int) -> None:
    plan = plan_day(market_of(40, days=days), seed=1, baskets_max=None)

    times = [each.at_s for each in plan.sales]
    assert plan.selling_s >= SELLING_S_MIN
    assert times == sorted(times)
    assert all(0 <= at_s <= plan.selling_s for at_s in times)


@pytest.mark.parametrize("stores", [2, 3, 4, 12])
def test_every_trouble_befalls_a_store_and_is_mended_the_same_day(stores: int) -> None:
    plan = plan_day(market_of(40, stores=stores), seed=1, baskets_max=None)

    assert [each.trouble for each in plan.troubles] == list(Trouble)
    for each in plan.troubles:
        assert each.location in {f"store-{number}" for number in range(stores)}
        assert 0 < each.at_s <= each.until_s < plan.selling_s


def test_no_line_is_both_cut_and_black_holed() -> None:
    plan = plan_day(market_of(40, stores=2), seed=1, baskets_max=None)

    cut, black_hole = (
        next(each.location for each in plan.troubles if each.trouble is trouble)
        for trouble in (Trouble.CUT, Trouble.BLACK_HOLE)
    )
    assert cut != black_hole


@given(seeds, st.text(max_size=20))
def test_a_share_is_between_0_and_1(seed: int, what: str) -> None:
    assert 0 <= share_of(seed, what) < 1
