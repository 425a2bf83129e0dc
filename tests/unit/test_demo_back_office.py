"""Goal: the back office accepts what the queue proposes, once, and knows who keeps what then.

Method: a hub of a few lines behind aiohttp's test server, with one order and a queue.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from scripts.demo_day import back_office
from scripts.demo_day.api import Api, Json
from scripts.demo_day.back_office import BackOffice
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldOrder

TEA, THERE = Shelf("riverside", "tea"), Shelf("harbour", "tea")
PRODUCTS = {"tea": Product(sku="tea", barcode="", name="Green tea, 1 lb", price_minor=400)}


def item(action: str, kind: str = "deficit", state: str = "open") -> Json:
    return {
        "id": "hub.1-9",
        "kind": kind,
        "state": state,
        "units": 2,
        "sku": "tea",
        "location": "riverside",
        "proposal": {
            "action": action,
            "units": 6,
            "why": "nothing is promised",
            "order": "o-1",
            "allocation": "a-1",
            "location": "harbour",
        },
    }


def allocation(name: str, location: str, replaces: str | None) -> Json:
    return {
        "id": name,
        "sku": "tea",
        "location": location,
        "quantity": 6,
        "state": "committed",
        "replaces": replaces,
    }


@dataclass
class SimHub:
    """Settles an item when it is asked to, unless it is told to refuse."""

    queue: list[Json]
    refuses: bool = False
    asked: list[Json] = field(default_factory=list)
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def shortages(self, _: web.Request) -> web.Response:
        self.looked.set()
        return web.json_response({"items": self.queue, "next_cursor": None})

    async def resolve(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.refuses:
            return web.json_response({"type": "/problems/conflict"}, status=409)
        self.queue = [{**one, "state": "resolved"} for one in self.queue]
        return web.json_response(self.queue[0], status=201)

    async def order(self, _: web.Request) -> web.Response:
        allocations = [allocation("a-1", "riverside", None), allocation("a-2", "harbour", "a-1")]
        return web.json_response({"id": "o-1", "allocations": allocations})


@pytest.fixture
def hub() -> SimHub:
    return SimHub(queue=[])


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def office(hub: SimHub, told: list[str]) -> AsyncIterator[BackOffice]:
    app = web.Application()
    app.router.add_get("/v1/shortages", hub.shortages)
    app.router.add_post("/v1/shortages/{id}/resolve", hub.resolve)
    app.router.add_get("/v1/orders/{id}", hub.order)
    notebook = Notebook()
    order = {"id": "o-1", "allocations": [allocation("a-1", "riverside", None)]}
    notebook.orders.append(
        ToldOrder(
            lines=(Line(sku="tea", quantity=6),),
            total_minor=2_400,
            asked_s=1.0,
            told_s=2.0,
            order=order,
        )
    )
    async with TestClient(TestServer(app)) as client:
        url = str(client.make_url("")).rstrip("/")
        yield BackOffice(
            hub=Api(session=client.session, url=url, token="a token"),  # noqa: S106 - opens nothing
            products=PRODUCTS,
            notebook=notebook,
            tell=lambda where, what: told.append(f"{where}: {what}"),
        )


async def test_promised_units_are_moved_as_proposed(
    hub: SimHub, office: BackOffice, told: list[str]
) -> None:
    hub.queue = [item("reallocate")]

    assert await office.work_once()
    assert not await office.work_once()

    ledger = office.notebook.ledger
    assert hub.asked == [{"action": "reallocate", "allocation": "a-1"}]
    assert office.notebook.orders[0].given_up == {"a-1"}
    assert ledger.totals(Fact.FREED) == {TEA: 6}
    assert ledger.totals(Fact.PROMISED) == {THERE: 6}
    assert told == ["back office: 2 x Green tea short at riverside: harbour sends 6 instead"]


async def test_a_decision_that_is_refused_moves_nothing(hub: SimHub, office: BackOffice) -> None:
    hub.queue, hub.refuses = [item("cancel")], True

    assert await office.work_once()

    assert office.notebook.orders[0].given_up == set()
    assert office.notebook.ledger.totals(Fact.PROMISED) == {}
    assert office.notebook.stock.decisions == 0


async def test_refunds_are_paid_with_a_reference_and_without_a_word(
    hub: SimHub, office: BackOffice, told: list[str]
) -> None:
    hub.queue = [item("refund", kind="refund")]

    await office.work_once()

    assert hub.asked == [{"reference": "paid-back-hub.1-9"}]
    assert office.notebook.stock.refunds == 1
    assert told == []


@pytest.mark.parametrize("action", ["cover", "count"])
async def test_what_no_person_decides_here_is_told_and_left(
    hub: SimHub, office: BackOffice, told: list[str], action: str
) -> None:
    hub.queue = [item(action)]

    await office.work_once()
    await office.work_once()

    assert hub.asked == []
    assert len(told) == 1


async def test_it_works_until_the_doors_are_closed_and_the_queue_is_empty(
    hub: SimHub, office: BackOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_office, "LOOK_S", 0.0)
    closed = asyncio.Event()
    hub.queue = [item("count")]
    working = asyncio.create_task(office.work(closed))
    await hub.looked.wait()

    closed.set()
    hub.looked.clear()
    await hub.looked.wait()
    assert not working.done()
    hub.queue = []

    await working


async def test_what_came_just_before_the_doors_closed_is_seen(
    hub: SimHub, office: BackOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_office, "LOOK_S", 0.0)
    closed = asyncio.Event()

    async def come_and_close(_: float) -> None:
        if not closed.is_set():
            hub.queue = [item("refund", kind="refund")]
            closed.set()

    monkeypatch.setattr(asyncio, "sleep", come_and_close)

    await office.work(closed)

    assert office.notebook.stock.refunds == 1
