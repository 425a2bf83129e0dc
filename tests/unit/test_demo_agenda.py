"""Goal: the scripted part of the demo's day can be played, with any number of stores.

Method: a small market made by hand; each scene is compared with what is delivered before it, with
what everybody else asks for, and with what befalls the stores.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from replication.quota import fill_online, fill_register
from scripts.demo_day.agenda import CASE, Agenda, Part, plan_agenda
from scripts.demo_day.baskets import Basket, Line, Market, Product
from scripts.demo_day.plan import Plan, Trouble, plan_day
from scripts.demo_day.second_thoughts import ORDERED_UNITS, SOLD_UNITS

OTHERS = tuple(f"other-{number}" for number in range(len(Part)))
STORES = pytest.mark.parametrize("stores", [2, 3, 4, 12])


def market_of(stores: int, baskets: int = 48) -> Market:
    opening = datetime(2017, 7, 12, tzinfo=UTC).replace(tzinfo=None)
    return Market(
        locations=tuple(f"store-{number}" for number in range(stores)),
        first_day=date(2017, 7, 12),
        days=2,
        products={sku: product(sku) for sku in ("tea", "rice", "oil", "soap")},
        baskets=tuple(
            Basket(
                basket=number + 1,
                location=f"store-{number % stores}",
                at=opening + timedelta(minutes=number),
                lines=tuple(
                    Line(sku=sku, quantity=number + 1) for sku in ("tea", "rice", "oil", "soap")
                ),
            )
            for number in range(baskets)
        ),
        others=OTHERS,
    )


def product(sku: str) -> Product:
    return Product(sku=sku, barcode="", name=sku, price_minor=250)


def planned(stores: int, baskets: int = 48) -> tuple[Plan, Agenda]:
    market = market_of(stores, baskets)
    plan = plan_day(market, seed=1, baskets_max=None)
    return plan, plan_agenda(market, plan)


def delivered(agenda: Agenda, *, late: bool = False) -> Counter[tuple[str, str]]:
    units: Counter[tuple[str, str]] = Counter()
    for each in agenda.late if late else agenda.morning:
        units.update({(each.location, line.sku): line.quantity for line in each.lines})
    return units


@STORES
def test_every_store_gets_its_stock_from_two_deliveries(stores: int) -> None:
    plan, agenda = planned(stores)

    morning, late = delivered(agenda), delivered(agenda, late=True)
    assert {each.location for each in agenda.morning} == {f"store-{n}" for n in range(stores)}
    assert agenda.prices is not None
    more = {(agenda.prices.location, sku): CASE for sku in agenda.prices.terms}
    assert all(
        morning[shelf] == units + more.get(shelf, 0) for shelf, units in plan.opening_stock.items()
    )
    assert all(late[shelf] == units for shelf, units in plan.late_stock.items())


@STORES
def test_nobody_else_asks_for_what_a_scene_depends_on(stores: int) -> None:
    plan, agenda = planned(stores)

    assert agenda.transfer is not None
    assert agenda.overdraw is not None
    assert agenda.damage is not None
    assert agenda.breakage is not None
    assert agenda.count is not None
    assert agenda.called_off is not None
    assert agenda.way_back is not None
    assert agenda.elsewhere is not None
    lines = [*agenda.transfer.lines, agenda.overdraw.line, agenda.damage.line]
    lines += [each.line for each in (*agenda.baskets, *agenda.checkouts)]
    used = {line.sku for line in lines} | {agenda.breakage.sku, agenda.count.skus[-1]}
    used |= {agenda.called_off.line.sku, agenda.way_back.sku, agenda.way_back.instead}
    used.add(agenda.elsewhere.sku)
    assert len(used) == len(OTHERS)
    assert not used & plan.skus


def kept_by_the_gateway(plan: Plan, location: str, units: int) -> int:
    """What its gateway may sell of a delivery without asking anybody."""
    stays = units - fill_online(quota_store=units, quota_online=0, safety_stock=0)
    lone = sum(where == location for where, _ in plan.lone)
    for _ in range(lone):
        stays -= fill_register(
            quota_gateway=stays, quota_register=0, quota_others=0, registers=lone
        )
    return stays


@STORES
def test_the_gateway_can_sell_what_its_people_ship_hold_and_sell_and_asks_nobody(
    stores: int,
) -> None:
    plan, agenda = planned(stores)

    wanted: Counter[tuple[str, str]] = Counter()
    assert agenda.transfer is not None
    assert agenda.way_back is not None
    wanted[agenda.way_back.location, agenda.way_back.sku] = SOLD_UNITS
    wanted[agenda.way_back.location, agenda.way_back.instead] = 1
    wanted.update(
        {(agenda.transfer.source, one.sku): one.quantity for one in agenda.transfer.lines}
    )
    for each in agenda.baskets:
        wanted[each.location, each.line.sku] += each.line.quantity
    morning = delivered(agenda)
    assert all(
        units <= kept_by_the_gateway(plan, shelf[0], morning[shelf])
        for shelf, units in wanted.items()
    )


@STORES
def test_the_overdraw_is_beyond_the_gateways_rights_and_not_beyond_the_goods(stores: int) -> None:
    plan, agenda = planned(stores)

    overdraw, stands = agenda.overdraw, delivered(agenda)
    assert overdraw is not None
    there = stands[overdraw.location, overdraw.line.sku]
    cut = next(each for each in plan.troubles if each.trouble is Trouble.CUT)
    assert there * 3 // 4 < overdraw.line.quantity <= there
    assert cut.location == overdraw.location
    assert cut.at_s < overdraw.at_s < cut.until_s


@STORES
def test_the_breakage_leaves_less_than_is_promised_and_another_store_has_as_many(
    stores: int,
) -> None:
    plan, agenda = planned(stores)

    breakage = agenda.breakage
    assert breakage is not None
    stands = delivered(agenda)[breakage.location, breakage.sku]
    elsewhere = delivered(agenda, late=True)[breakage.elsewhere, breakage.sku]
    assert breakage.ordered <= stands // 4
    assert 0 <= stands - breakage.broken < breakage.ordered <= elsewhere // 4
    assert breakage.elsewhere != breakage.location
    assert breakage.ordered_at_s < min(each.at_s for each in agenda.late) < breakage.at_s
    assert breakage.at_s < min(each.at_s for each in plan.troubles)


@STORES
def test_the_truck_arrives_in_a_store_that_is_cut_off_and_a_piece_is_missing(stores: int) -> None:
    plan, agenda = planned(stores)

    transfer = agenda.transfer
    assert transfer is not None
    cut = next(each for each in plan.troubles if each.trouble is Trouble.CUT)
    assert transfer.destination == cut.location != transfer.source
    assert cut.at_s < transfer.shipped_at_s < transfer.arrives_at_s < cut.until_s
    missing = sum(one.quantity for one in transfer.lines) - sum(
        one.quantity for one in transfer.arriving
    )
    assert missing == transfer.lost.quantity > 0


@STORES
def test_the_fullest_shelves_are_counted_and_a_quiet_one(stores: int) -> None:
    plan, agenda = planned(stores)

    assert agenda.count is not None
    *busy, quiet = agenda.count.skus
    here = {
        sku: units
        for (location, sku), units in plan.opening_stock.items()
        if location == agenda.count.location
    }
    assert len(busy) == 3
    assert min(here[sku] for sku in busy) >= max(here[sku] for sku in here.keys() - set(busy))
    assert delivered(agenda)[agenda.count.location, quiet] >= agenda.count.stolen


def test_a_chain_that_sells_nothing_still_counts_a_shelf() -> None:
    _, agenda = planned(2, baskets=0)

    assert agenda.count is not None
    assert len(agenda.count.skus) == 1


@STORES
def test_prices_change_for_goods_in_demand_while_their_store_is_cut_off(stores: int) -> None:
    plan, agenda = planned(stores)

    prices = agenda.prices
    assert prices is not None
    cut = next(each for each in plan.troubles if each.trouble is Trouble.CUT)
    assert cut.location == prices.location
    assert cut.at_s < prices.at_s < prices.sold_at_s < cut.until_s <= prices.mended_at_s
    assert (
        prices.terms[prices.lowered].total_minor(1) < 250 < prices.terms[prices.raised].price_minor
    )
    assert prices.terms[prices.promoted].total_minor(1) == 225
    assert prices.terms.keys() <= plan.skus


def test_no_price_changes_where_a_tenth_would_round_away() -> None:
    market = market_of(2)
    cheap = {sku: replace(one, price_minor=9) for sku, one in market.products.items()}
    plan = plan_day(market, seed=1, baskets_max=None)

    assert plan_agenda(replace(market, products=cheap), plan).prices is None


@STORES
def test_the_orders_are_there_before_the_cut_and_cancelled_in_it(stores: int) -> None:
    plan, agenda = planned(stores)

    called_off = agenda.called_off
    assert called_off is not None
    cut = next(each for each in plan.troubles if each.trouble is Trouble.CUT)
    assert cut.location == called_off.location
    assert called_off.placed_at_s < cut.at_s < called_off.cancelled_at_s
    assert called_off.cancelled_at_s < called_off.collected_at_s < cut.until_s
    stands = delivered(agenda)[called_off.location, called_off.line.sku]
    assert 2 * called_off.line.quantity <= stands // 4


@STORES
def test_there_is_enough_to_buy_and_another_store_to_bring_it_to(stores: int) -> None:
    plan, agenda = planned(stores)

    way_back = agenda.way_back
    assert way_back is not None
    stands = delivered(agenda)[way_back.location, way_back.sku]
    assert stands * 3 // 4 >= SOLD_UNITS
    assert stands // 4 >= ORDERED_UNITS
    assert delivered(agenda)[way_back.location, way_back.instead] > 0
    assert way_back.elsewhere != way_back.location
    first, last = min(one.at_s for one in plan.troubles), max(one.until_s for one in plan.troubles)
    assert way_back.bought_at_s < way_back.returned_at_s < way_back.exchanged_at_s < first
    assert last < way_back.elsewhere_at_s < way_back.ordered_back_at_s < plan.selling_s


@STORES
def test_what_the_scenes_sell_is_counted_where_they_sell_it(stores: int) -> None:
    _, agenda = planned(stores)

    sales = {f"store-{number}": agenda.sales_at(f"store-{number}") for number in range(stores)}
    right = Counter({"store-1": 8})
    right[f"store-{stores - 1}"] += 2
    assert {where: many for where, many in sales.items() if many} == right
    assert agenda.orders == 7
