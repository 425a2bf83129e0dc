"""Goal: on the day of a scenario nothing else goes wrong, and what it tells is what it was told.

Method: a small market made by hand, planned as an ordinary day and then quietly; a stage with the
tills of one store and a notebook that is written by hand.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_day.agenda import plan_agenda
from scripts.demo_day.baskets import Basket, Line, Market, Product
from scripts.demo_day.closing import Verdict
from scripts.demo_day.notebook import Notebook, ToldSale
from scripts.demo_day.plan import plan_day
from scripts.demo_day.registers import Till
from scripts.demo_day.report import scenario_as_json
from scripts.demo_day.setting import Discovery, TillSetting
from scripts.demo_day.story import (
    LONE_TILLS,
    SELLING_S,
    Chronicle,
    Happened,
    Stage,
    clock_of,
    named,
    plan_quietly,
    units_of,
)
from scripts.demo_day.verdict import OrdersVerdict, SalesVerdict

NOW_S = 1_000.0


def market() -> Market:
    opening = datetime(2017, 7, 12, tzinfo=UTC).replace(tzinfo=None)
    skus = ("tea", "rice", "oil", "soap")
    return Market(
        locations=("store-0", "store-1", "store-2"),
        first_day=date(2017, 7, 12),
        days=2,
        products={
            sku: Product(sku=sku, barcode="", name=sku, price_minor=250)
            for sku in (*skus, *(f"other-{number}" for number in range(12)))
        },
        baskets=tuple(
            Basket(
                basket=number + 1,
                location=f"store-{number % 3}",
                at=opening + timedelta(minutes=number),
                lines=tuple(Line(sku=sku, quantity=2) for sku in skus),
            )
            for number in range(40)
        ),
        others=tuple(f"other-{number}" for number in range(12)),
    )


def told(register: str, told_s: float, *, location: str = "store-1") -> ToldSale:
    return ToldSale(
        location=location,
        register=register,
        key="key",
        lines=(Line(sku="tea", quantity=2), Line(sku="rice", quantity=1)),
        total_minor=750,
        asked_s=told_s - 1,
        told_s=told_s,
        sale={"id": f"{location}.1-{told_s}"},
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """The second store, with a thin till and one that sells alone; no program runs."""
    tills = [
        Till(
            TillSetting(
                location="store-1",
                register=register,
                token="a token",  # noqa: S106 - it opens nothing
                outbox=tmp_path / register,
                sells_alone=register in LONE_TILLS,
            ),
            Discovery(address="http://127.0.0.1:1", say=print),
            {},
            Notebook(),
        )
        for register in ("till-1", "till-2")
    ]
    absent: Any = None

    async def at_once(_until_s: float) -> None: ...

    async def caught_up() -> float:
        return 0.0

    class Somewhere:
        location = "store-1"

    somewhere: Any = Somewhere()
    return Stage(
        chain=absent,
        store=somewhere,
        tills=tills,
        products={},
        notebook=Notebook(),
        chronicle=Chronicle(name="no-gateway", location="store-1"),
        until_s=at_once,
        clock=lambda: "12:00",
        tell=lambda _where, _what: None,
        catch_up=caught_up,
        unwatched=set(),
    )


def test_on_the_day_of_a_scenario_nothing_but_deliveries_is_staged() -> None:
    plan = plan_day(market(), seed=1, baskets_max=None)

    quiet, agenda = plan_quietly(market(), plan)

    assert quiet.troubles == ()
    assert agenda.morning
    assert not agenda.baskets
    assert not agenda.checkouts
    scenes = ("breakage", "damage", "transfer", "count", "overdraw", "prices", "called_off")
    assert [getattr(agenda, scene) for scene in scenes] == [None] * len(scenes)
    assert (agenda.way_back, agenda.elsewhere) == (None, None)


def test_every_basket_of_the_ordinary_day_comes_at_its_part_of_the_day() -> None:
    plan = plan_day(market(), seed=1, baskets_max=None)

    quiet, _ = plan_quietly(market(), plan)

    assert [one.basket for one in quiet.sales] == [one.basket for one in plan.sales]
    assert [one.basket for one in quiet.orders] == [one.basket for one in plan.orders]
    for ours, theirs in zip(quiet.sales, plan.sales, strict=True):
        assert ours.at_s / SELLING_S == pytest.approx(theirs.at_s / plan.selling_s)


def test_the_store_of_a_scenario_has_all_but_one_till_sell_alone() -> None:
    plan = plan_day(market(), seed=1, baskets_max=None)

    quiet, agenda = plan_quietly(market(), plan)

    assert {("store-1", register) for register in LONE_TILLS} <= quiet.lone
    assert ("store-1", "till-1") not in quiet.lone
    assert quiet.equipped_location not in {location for location, _ in quiet.lone}
    ordinary = plan_agenda(market(), plan)
    assert {each.location for each in agenda.morning} == {
        each.location for each in ordinary.morning
    }


@pytest.mark.parametrize(
    ("passed", "clock"), [(0.0, "09:00"), (0.25, "12:00"), (2 / 3, "17:00"), (1.5, "23:59")]
)
def test_the_shop_s_clock_goes_from_opening_to_midnight(
    passed: float, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.demo_day.story.time.monotonic", lambda: NOW_S + passed * SELLING_S)

    assert clock_of(NOW_S) == clock


def test_sales_are_told_apart_by_store_by_time_and_by_how_their_register_sells(
    stage: Stage,
) -> None:
    stage.notebook.sales += [
        told("till-1", 5.0),
        told("till-2", 5.0),
        told("till-2", 10.0),
        told("till-2", 6.0, location="store-2"),
        told("till-2", 4.9),
    ]

    alone = stage.sold(5.0, 10.0, alone=True)

    assert [(one.register, one.told_s) for one in alone] == [("till-2", 5.0)]
    assert [one.register for one in stage.sold(5.0, 10.0, alone=False)] == ["till-1"]
    assert units_of(alone) == 3


def test_what_happens_is_written_down_with_the_time_of_the_shop(stage: Stage) -> None:
    stage.happens("its gateway is unplugged")

    assert stage.chronicle.events == [Happened("12:00", "its gateway is unplugged")]


def test_the_tills_of_a_store_are_thin_or_sell_alone(stage: Stage) -> None:
    assert [one.setting.register for one in stage.lone] == ["till-2"]
    assert [one.setting.register for one in stage.thin] == ["till-1"]


def test_lost_and_oversold_are_those_of_the_verdict_and_not_of_the_story() -> None:
    chronicle = Chronicle(name="dead-box", location="store-1")
    chronicle.figures |= {"replayed": 3, "lost": 0}
    chronicle.events.append(Happened("17:00", "its internet is cut"))
    sales = SalesVerdict(lost=("one",), duplicated=(), different=(), at_hub={})
    verdict = Verdict(
        sales=sales,
        orders=OrdersVerdict(different=(), released=frozenset(), ends={}),
        oversold={},
        overdrawn_units=0,
        audit="no difference",
        shortages={},
        prices={},
        differences=("one",),
    )

    shown = scenario_as_json(chronicle, verdict)

    assert shown == {
        "name": "dead-box",
        "location": "store-1",
        "events": [{"at": "17:00", "what": "its internet is cut"}],
        "replayed": 3,
        "lost": 1,
        "oversold_units": 0,
    }
    clean = replace(verdict, sales=replace(sales, lost=()))
    assert scenario_as_json(chronicle, clean)["lost"] == 0


@pytest.mark.parametrize(
    ("things", "words"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_come_in_a_row(things: list[str], words: str) -> None:
    assert named(things) == words
