"""Goal: website and back rooms ask with one key until answered, and write down what they were told.

Method: a hub and a gateway of a few lines behind aiohttp's test server; they lose answers, refuse
for quota and know nothing of stock.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from scripts.demo_day import api, chain, storefront
from scripts.demo_day.agenda import PlannedHold
from scripts.demo_day.api import Api, Json
from scripts.demo_day.baskets import Basket, Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.plan import Fulfilment, PlannedOrder
from scripts.demo_day.storefront import BackRoom, Storefront

TEA, RICE = Shelf("riverside", "tea"), Shelf("riverside", "rice")
PRODUCTS = {sku: Product(sku=sku, barcode="", name=sku, price_minor=100) for sku in ("tea", "rice")}


def planned(**units: int) -> PlannedOrder:
    return PlannedOrder(
        at_s=0.0,
        basket=Basket(
            basket=1,
            location="riverside",
            at=datetime(2017, 1, 1, tzinfo=UTC),
            lines=tuple(Line(sku=sku, quantity=units[sku]) for sku in units),
        ),
        fulfilment=Fulfilment.PICKUP,
        cancelled_after_s=None,
    )


@dataclass
class SimHub:
    """Sells what `sellable` says; loses as many answers as `lose` says, after having acted."""

    sellable: Counter[str]
    lose: int = 0
    total_minor: int | None = None
    orders: dict[str, Json] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    waiting: list[Json] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    holds: list[Json] = field(default_factory=list)
    asked: list[Json] = field(default_factory=list)
    refuse_events: bool = False
    told: list[Json] = field(default_factory=list)
    answered: dict[str, Json] = field(default_factory=dict)

    async def place(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.keys.append(key)
        body = await request.json()
        self.asked.append(body)
        if self.total_minor is not None and body["expected_total_minor"] != self.total_minor:
            changed = {"type": "/problems/price-changed", "total_minor": self.total_minor}
            return web.json_response(changed, status=409)
        for line in body["lines"]:
            if key not in self.orders and self.sellable[line["sku"]] < line["quantity"]:
                return problem("quota-short", line, self.sellable[line["sku"]])
        if key not in self.orders:
            self.sellable.subtract({line["sku"]: line["quantity"] for line in body["lines"]})
            self.orders[key] = {
                "id": f"o-{len(self.orders)}",
                "status": "paid",
                "allocations": [
                    {"id": f"a-{place}", "location": "riverside", **line}
                    for place, line in enumerate(body["lines"])
                ],
            }
        if self.lose > 0:
            self.lose -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(self.orders[key], status=201)

    async def queue(self, _: web.Request) -> web.Response:
        return web.json_response({"items": self.waiting, "next_cursor": None})

    async def event(self, request: web.Request) -> web.Response:
        if self.refuse_events:
            return web.json_response({"type": "/problems/conflict"}, status=409)
        key, said = request.headers["Idempotency-Key"], await request.json()
        if key in self.answered:
            return web.json_response(self.answered[key], status=201)
        event = said["type"]
        order = next(one for one in self.waiting if one["id"] == request.match_info["id"])
        if order.get("is_unsure") and "handed_over_before" not in said:
            return web.json_response({"type": "/problems/conflict"}, status=409)
        self.told.append(said)
        self.events.append(event)
        order["is_unsure"] = False
        self.answered[key] = order
        if event in {"shipped", "collected"}:
            for one in order["allocations"]:
                if one["location"] == "riverside":
                    one["state"] = "fulfilled"
        return web.json_response(order, status=201)

    async def reserve(self, request: web.Request) -> web.Response:
        [line] = (await request.json())["lines"]
        held = {"id": "r-1", "allocations": [{"id": "r-1-1", "location": "riverside", **line}]}
        return web.json_response(held, status=201)

    async def hold(self, _: web.Request) -> web.Response:
        return web.json_response(self.holds.pop(0))


def problem(slug: str, line: Json, sellable: int) -> web.Response:
    body = {"type": f"/problems/{slug}", "sku": line["sku"], "sellable": sellable}
    return web.json_response(body, status=409)


@pytest.fixture
def hub() -> SimHub:
    return SimHub(sellable=Counter(tea=5, rice=1))


@pytest.fixture
async def door(hub: SimHub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr(api, "PAUSE_S", 0.0)
    app = web.Application()
    app.router.add_post("/v1/orders", hub.place)
    app.router.add_get("/v1/orders", hub.queue)
    app.router.add_post("/v1/orders/{id}/events", hub.event)
    app.router.add_post("/v1/reservations", hub.reserve)
    app.router.add_get("/v1/reservations/{id}", hub.hold)
    async with TestClient(TestServer(app)) as client:
        url = str(client.make_url("")).rstrip("/")
        yield Api(session=client.session, url=url, token="a token")  # noqa: S106 - it opens nothing


@pytest.fixture
def website(door: Api) -> Storefront:
    return Storefront(hub=door, products=PRODUCTS, notebook=Notebook())


async def test_a_customer_takes_the_new_price(website: Storefront, hub: SimHub) -> None:
    hub.total_minor = 180

    told = await website.place(planned(tea=2))

    assert told is not None
    assert told.total_minor == 180
    assert told.asked_s < told.told_s
    assert website.notebook.online.repriced == 1
    assert [asked["expected_total_minor"] for asked in hub.asked] == [200, 180]


async def test_an_order_is_written_down_as_it_was_told(website: Storefront) -> None:
    told = await website.place(planned(tea=2))

    assert told is not None
    assert told.total_minor == 200
    assert website.notebook.orders == [told]
    assert website.notebook.ledger.totals(Fact.PROMISED) == {TEA: 2}


async def test_a_lost_answer_is_asked_for_with_the_same_key(
    hub: SimHub, website: Storefront
) -> None:
    hub.lose = 2

    told = await website.place(planned(tea=2))

    assert told is not None
    assert len(hub.keys) == 3
    assert len(set(hub.keys)) == 1
    assert website.notebook.ledger.totals(Fact.PROMISED) == {TEA: 2}


async def test_what_is_not_there_is_left_out_and_counted(website: Storefront) -> None:
    told = await website.place(planned(tea=9, rice=1))

    assert told is not None
    assert told.lines == (Line(sku="tea", quantity=5), Line(sku="rice", quantity=1))
    assert website.notebook.online.refused == 1


async def test_a_basket_of_which_nothing_is_there_is_no_order(
    hub: SimHub, website: Storefront
) -> None:
    hub.sellable.clear()

    assert await website.place(planned(tea=1, rice=1)) is None
    assert website.notebook.orders == []
    assert website.notebook.online.refused == 2


async def test_a_cancel_frees_the_allocations_from_when_it_is_asked(
    hub: SimHub, website: Storefront
) -> None:
    told = await website.place(planned(tea=2))
    assert told is not None
    hub.waiting = [told.order]

    await website.cancel(told)

    assert told.cancel_asked
    assert website.notebook.ledger.totals(Fact.FREED) == {TEA: 2}
    assert website.notebook.oddities == []


async def test_a_cancel_that_comes_too_late_is_counted(hub: SimHub, website: Storefront) -> None:
    told = await website.place(planned(tea=2))
    assert told is not None
    hub.refuse_events = True

    await website.cancel(told)

    assert website.notebook.online.refused_cancels == 1


def checkout(used_at_s: float | None) -> PlannedHold:
    line = Line(sku="tea", quantity=2)
    return PlannedHold(at_s=0.0, used_at_s=used_at_s, location="riverside", line=line)


async def at_once(_: float) -> None:
    """No time passes."""


async def test_a_checkout_that_is_paid_names_its_reservation(
    hub: SimHub, website: Storefront
) -> None:
    await website.check_out(checkout(1.0), at_once)

    ledger = website.notebook.ledger
    assert hub.asked[0]["reservation"] == "r-1"
    assert [told.id for told in website.notebook.orders] == ["o-0"]
    assert ledger.totals(Fact.PROMISED) == {TEA: 4}
    assert ledger.stranded(released=website.notebook.holds_ended) == {TEA: 2}
    assert website.notebook.stock.holds_used == 1


async def test_a_checkout_that_nobody_pays_is_waited_for_until_it_expires(
    hub: SimHub, website: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "WATCH_S", 0.0)
    hub.holds = [{"status": "open"}, {"status": "expired"}]

    await website.check_out(checkout(None), at_once)

    assert hub.holds == []
    assert website.notebook.holds_ended == {"r-1-1"}
    assert website.notebook.stock.holds_expired == 1


async def test_a_hold_that_ends_otherwise_is_no_expiry(hub: SimHub, website: Storefront) -> None:
    hub.holds = [{"status": "released"}]

    with pytest.raises(chain.NeverReady, match="it is released"):
        await website.check_out(checkout(None), at_once)


def waiting(way: str = "ship") -> Json:
    kept = {"state": "committed", "replaces": None}
    return {
        "id": "o-1",
        "status": "paid",
        "is_unsure": False,
        "fulfilment": {"type": way},
        "allocations": [
            {"id": "a-1", "sku": "tea", "location": "riverside", "quantity": 2, **kept},
            {"id": "a-2", "sku": "rice", "location": "seaside", "quantity": 1, **kept},
        ],
    }


async def test_a_back_room_takes_every_step_once_and_hands_over_its_own(
    hub: SimHub, door: Api
) -> None:
    hub.waiting = [waiting()]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    while await room.work_once():
        pass

    assert hub.events == ["picked", "packed", "shipped"]
    assert room.notebook.ledger.totals(Fact.HANDED_OVER) == {TEA: 2}
    assert room.notebook.handed_over == {"a-1"}


async def test_a_back_room_hands_over_what_waits_when_the_doors_close(
    hub: SimHub, door: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "LOOK_S", 0.0)
    hub.waiting = [waiting()]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)
    closed = asyncio.Event()
    closed.set()

    await room.work(closed)

    assert hub.events == ["picked", "packed", "shipped"]
    assert room.notebook.handed_over == {"a-1"}


async def test_a_back_room_works_on_while_the_doors_are_open(
    hub: SimHub, door: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = asyncio.Event()
    looks = 0

    async def look_away(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            hub.waiting = [waiting()]
            closed.set()

    monkeypatch.setattr(asyncio, "sleep", look_away)
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    await room.work(closed)

    assert room.notebook.handed_over == {"a-1"}


async def test_a_back_room_leaves_goods_alone_that_are_set_aside(hub: SimHub, door: Api) -> None:
    hub.waiting = [waiting()]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)
    room.notebook.set_aside.add("tea")

    assert not await room.work_once()
    room.notebook.set_aside.discard("tea")
    assert await room.work_once()


async def test_a_back_room_has_nothing_to_do_with_what_it_gave_back(hub: SimHub, door: Api) -> None:
    order = waiting()
    order["allocations"][0]["state"] = "released"
    hub.waiting = [order]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    assert not await room.work_once()


async def test_a_back_room_leaves_a_cancelled_order_alone(hub: SimHub, door: Api) -> None:
    hub.waiting = [{**waiting(), "status": "cancelled"}]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    assert not await room.work_once()


async def test_what_a_gateway_refuses_has_not_left_the_shop(hub: SimHub, door: Api) -> None:
    hub.waiting = [waiting()]
    hub.refuse_events = True
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    while await room.work_once():
        pass

    assert room.notebook.handed_over == set()
    assert room.notebook.ledger.totals(Fact.HANDED_OVER) == {}


def in_doubt(way: str = "ship") -> Json:
    """An order as a new box has it, which cannot know what the one before did with it."""
    return {**waiting(way), "is_unsure": True}


async def test_what_stands_here_still_is_told_so_and_leaves_once(hub: SimHub, door: Api) -> None:
    hub.waiting = [in_doubt()]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    while await room.work_once():
        pass

    assert hub.told == [
        {"type": "picked", "handed_over_before": False},
        {"type": "packed"},
        {"type": "shipped"},
    ]
    assert room.notebook.handed_over == {"a-1"}
    assert room.notebook.doubts.stood_here == room.notebook.doubts.answered == 1


async def test_what_left_with_the_dead_box_is_told_to_the_new_one_and_leaves_no_shelf_twice(
    hub: SimHub, door: Api
) -> None:
    hub.waiting = [waiting("pickup")]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)
    while await room.work_once():
        pass
    hub.waiting = [in_doubt("pickup")]

    assert await room.work_once()
    assert not await room.work_once()

    assert hub.told[-1] == {"type": "collected", "handed_over_before": True}
    assert room.notebook.ledger.totals(Fact.HANDED_OVER) == {TEA: 2}
    assert room.notebook.doubts.had_left == room.notebook.doubts.answered == 1


async def test_what_nobody_came_for_is_told_to_be_here_still(
    hub: SimHub, door: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "LEFT_SHARE", 1.0)
    hub.waiting = [waiting("pickup")]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)
    while await room.work_once():
        pass
    hub.waiting = [in_doubt("pickup")]

    assert await room.work_once()
    assert not await room.work_once()

    assert hub.events == ["picked", "ready_for_pickup", "ready_for_pickup"]
    assert hub.told[-1]["handed_over_before"] is False
    assert room.notebook.handed_over == set()


async def test_what_was_cancelled_and_had_not_left_is_given_back(hub: SimHub, door: Api) -> None:
    hub.waiting = [{**in_doubt(), "status": "cancel_requested"}]
    room = BackRoom(location="riverside", gateway=door, notebook=Notebook(), seed=1)

    assert await room.work_once()
    assert not await room.work_once()

    assert hub.told == [{"type": "cancelled", "handed_over_before": False}]
    assert room.notebook.oddities == []
