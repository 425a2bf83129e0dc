"""Goal: on the day of a scenario nothing else goes wrong, and what it tells is what it was told.

Method: a small market made by hand, planned as an ordinary day and then quietly; a stage with the
tills of one store and a notebook that is written by hand.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_day import dead_box
from scripts.demo_day.agenda import plan_agenda
from scripts.demo_day.api import Answer, Json
from scripts.demo_day.baskets import Basket, Line, Market, Product
from scripts.demo_day.closing import Verdict
from scripts.demo_day.dead_box import DeadBox, hear_the_back_room, left_since
from scripts.demo_day.notebook import Notebook, ToldOrder, ToldSale
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
    many,
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


def test_a_thin_till_is_told_of_when_a_customer_has_come_to_it(stage: Stage) -> None:
    [thin] = stage.thin
    assert thin.thin is not None
    stage.tell_why_thin_tills_wait(0)
    assert stage.chronicle.events == []

    thin.thin.doubted = 1
    stage.tell_why_thin_tills_wait(0)
    stage.tell_why_thin_tills_wait(1)
    thin.closed_to.append("the gateway does not answer")
    stage.tell_why_thin_tills_wait(1)

    doubt, closed = (one.what for one in stage.chronicle.events)
    assert doubt.startswith("till-1 cannot say what came of the sale")
    assert closed.startswith("till-1 says that it cannot sell")


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 sales"), (1, "1 sale"), (1_204, "1,204 sales")]
)
def test_a_number_has_its_noun(number: int, words: str) -> None:
    assert many(number, "sale") == words
    assert many(number, "entry", "entries").endswith(" entry") == (number == 1)


def ordered(number: int, location: str) -> ToldOrder:
    kept = {"id": f"a-{number}", "location": location, "sku": "tea", "quantity": 1}
    return ToldOrder(
        lines=(Line(sku="tea", quantity=1),),
        total_minor=250,
        asked_s=1.0,
        told_s=2.0,
        order={"id": f"o-{number}", "allocations": [kept]},
    )


def test_what_left_behind_the_cut_is_of_this_store_and_had_not_left_before(stage: Stage) -> None:
    places = ("store-1", "store-1", "store-0", "store-1")
    stage.notebook.orders += [ordered(number, place) for number, place in enumerate(places)]
    stage.notebook.handed_over |= {"a-0", "a-1", "a-2"}

    assert left_since(stage, {"a-0"}) == 1


@dataclass
class SimPrograms:
    """Hub and gateway after a box was replaced: what was asked of them, and what they answer."""

    notebook: Notebook
    doubts: list[bool] = field(default_factory=list)
    """Whether an order is in doubt, look by look."""
    counted_beside_work: bool = False
    location: str = "store-1"

    @property
    def auditor(self) -> "SimPrograms":
        """The hub."""
        return self

    admin = manager = auditor

    async def every(self, _path: str) -> AsyncIterator[Json]:
        in_doubt = self.doubts.pop(0)
        self.notebook.doubts.stood_here += not in_doubt
        yield {"is_unsure": in_doubt}

    async def get(self, _path: str) -> Json:
        frozen = [{"sku": "tea"}]
        return {"lives": [{"writer": "", "frozen_units": 3, "frozen": frozen}]}

    async def post(self, path: str, _body: Json, *, key: str) -> Answer:
        assert key
        if path == "/v1/stock/counts":
            self.counted_beside_work = not self.notebook.rooms["store-1"].locked()
        body = {"id": "c-1", "differences": [], "reclaimed_units": 3}
        return Answer(status=201, body=body)


def among(stage: Stage, programs: SimPrograms) -> Stage:
    """The stage with these programs."""
    both: Any = programs
    return replace(stage, chain=both, store=both)


async def test_a_scenario_waits_for_the_back_room_and_says_what_it_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_box, "WATCH_S", 0.0)
    stage.notebook.doubts.had_left = 2
    programs = SimPrograms(stage.notebook, doubts=[True, True, False])

    await hear_the_back_room(among(stage, programs))

    assert programs.doubts == []
    [(_, what)] = stage.chronicle.events
    assert what.startswith("3 orders that the dead box may have handed over")
    assert what.endswith("2 had left and 1 stand here")


async def test_after_a_dead_box_nothing_is_handed_over_while_the_shop_counts(stage: Stage) -> None:
    stage.notebook.doubts.had_left, stage.notebook.doubts.stood_here = 1, 4
    programs = SimPrograms(stage.notebook)
    counted = ("sold_behind_the_cut", "sold_alone", "replayed", "recovered")
    stage.chronicle.figures |= dict.fromkeys((*counted, "missing_entries", "missing_sales"), 0)

    await DeadBox().after_hours(among(stage, programs))

    assert not programs.counted_beside_work
    assert stage.notebook.stock.counted == 1
    assert stage.chronicle.figures["orders_in_doubt"] == 5
    told = "5 orders in doubt, answered by the back room: 1 had left with the dead box"
    assert told in stage.chronicle.said
