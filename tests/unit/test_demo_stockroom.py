"""Goal: stockroom and desk write down what they did to the shelf, and what they were told.

Method: a gateway of a few lines behind aiohttp's test server, which answers as it was told to and
remembers what it was asked.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from scripts.demo_day import chain
from scripts.demo_day.agenda import (
    PlannedBreakage,
    PlannedCount,
    PlannedDamage,
    PlannedDelivery,
    PlannedHold,
    PlannedOverdraw,
    PlannedTransfer,
)
from scripts.demo_day.api import Api, Json, Unexpected
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.desk import Desk
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.stockroom import RECEIPT_LINES, Stockroom

TEA, RICE = Shelf("riverside", "tea"), Shelf("riverside", "rice")
PRODUCTS = {
    sku: Product(sku=sku, barcode="", name=f"{sku.title()}, 1 lb", price_minor=400)
    for sku in ("tea", "rice", *(f"s{number}" for number in range(300)))
}


@dataclass
class SimGateway:
    """Answers each path with what lies ready for it; a list is dealt out, one by one."""

    ready: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, Json]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.method == "POST" else None
        self.asked.append((request.path, body))
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        answer = self.ready.get(request.path, {})
        if isinstance(answer, list):
            answer = answer.pop(0)
        status = 200 if request.method == "GET" else answer.get("status_code", 201)
        return web.json_response(answer, status=status)

    def bodies(self, path: str) -> list[Json]:
        return [body for asked, body in self.asked if asked == path]


@pytest.fixture
def gateway() -> SimGateway:
    return SimGateway()


@pytest.fixture
async def door(gateway: SimGateway) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gateway.answer)
    async with TestClient(TestServer(app)) as client:
        url = str(client.make_url("")).rstrip("/")
        yield Api(session=client.session, url=url, token="a token")  # noqa: S106 - it opens nothing


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def room(door: Api, told: list[str]) -> Stockroom:
    return Stockroom(
        location="riverside", gateway=door, products=PRODUCTS, notebook=Notebook(),
        tell=lambda where, what: told.append(f"{where} {what}"),
        lone=(),
    )  # fmt: skip


@pytest.fixture
def desk(door: Api, told: list[str]) -> Desk:
    return Desk(
        location="riverside", gateway=door, products=PRODUCTS, notebook=Notebook(),
        tell=lambda where, what: told.append(f"{where} {what}"),
    )  # fmt: skip


def delivery(lines: int) -> PlannedDelivery:
    return PlannedDelivery(
        at_s=0.0,
        location="riverside",
        supplier="Valley",
        reference="morning",
        lines=tuple(Line(sku=f"s{number}", quantity=2) for number in range(lines)),
    )


async def test_a_delivery_says_who_brought_it_and_what_it_cost(
    gateway: SimGateway, room: Stockroom
) -> None:
    await room.receive(delivery(RECEIPT_LINES + 1))

    first, second = gateway.bodies("/v1/stock/receipts")
    assert (len(first["lines"]), len(second["lines"])) == (RECEIPT_LINES, 1)
    assert (first["supplier"], first["reference"]) == ("Valley", "morning-1")
    assert first["lines"][0] == {"sku": "s0", "quantity": 2, "unit_cost_minor": 300}
    assert sum(room.notebook.ledger.totals(Fact.RECEIVED).values()) == 2 * (RECEIPT_LINES + 1)
    assert len(set(gateway.keys)) == room.notebook.stock.deliveries == 2


async def test_a_delivery_is_on_the_shelf_from_when_it_is_sent(
    gateway: SimGateway, room: Stockroom
) -> None:
    gateway.ready["/v1/stock/receipts"] = {"status_code": 422}

    with pytest.raises(Unexpected):
        await room.receive(delivery(1))
    assert room.notebook.ledger.on_hand() == {Shelf("riverside", "s0"): 2}


TRUCK = PlannedTransfer(
    shipped_at_s=0.0,
    arrives_at_s=1.0,
    source="riverside",
    destination="harbour",
    lines=(Line(sku="tea", quantity=4), Line(sku="rice", quantity=2)),
    lost=Line(sku="rice", quantity=1),
)


async def test_a_truck_takes_its_goods_along_when_it_has_left(
    gateway: SimGateway, room: Stockroom, told: list[str]
) -> None:
    gateway.ready["/v1/transfers"] = {"id": "t-1"}

    assert await room.ship(TRUCK) == "t-1"

    assert [path for path, _ in gateway.asked] == ["/v1/transfers", "/v1/transfers/t-1/ship"]
    assert room.notebook.ledger.totals(Fact.SENT) == {TEA: 4, RICE: 2}
    assert told == ["riverside ships 4 x Tea and 2 x Rice to harbour"]


async def test_a_truck_that_is_refused_has_not_left(gateway: SimGateway, room: Stockroom) -> None:
    gateway.ready |= {"/v1/transfers": {"id": "t-1"}}
    gateway.ready["/v1/transfers/t-1/ship"] = {"status_code": 409}

    with pytest.raises(Unexpected):
        await room.ship(TRUCK)
    assert room.notebook.ledger.totals(Fact.SENT) == {}


async def test_what_is_on_the_truck_is_counted_in_by_its_paper(
    gateway: SimGateway, room: Stockroom, told: list[str]
) -> None:
    gateway.ready["/v1/transfers/t-1/receive"] = {"created_at": None}

    await room.take_in("t-1", TRUCK)

    [body] = gateway.bodies("/v1/transfers/t-1/receive")
    assert body["lines"][1] == {"sku": "rice", "quantity": 1}
    assert room.notebook.ledger.totals(Fact.ARRIVED) == {TEA: 4, RICE: 1}
    assert room.notebook.transfers[0].received == TRUCK.arriving
    assert told[0].endswith("by its paper: nothing was heard of it yet")


async def test_breakage_leaves_the_shelf_and_no_promise(
    gateway: SimGateway, room: Stockroom
) -> None:
    gateway.ready["/v1/stock/adjustments"] = {"on_hand": 4}
    await room.break_goods(
        PlannedBreakage(
            ordered_at_s=0.0, at_s=1.0, location="riverside", elsewhere="harbour", sku="tea",
            ordered=6, broken=20,
        )
    )  # fmt: skip

    [body] = gateway.bodies("/v1/stock/adjustments")
    assert (body["delta"], body["reason"]) == (-20, "breakage")
    assert room.notebook.ledger.on_hand() == {TEA: -20}
    assert room.notebook.ledger.room(TEA) == 0


@pytest.mark.parametrize("left", [0, 1])
async def test_a_damaged_unit_stands_there_until_it_is_written_off(
    gateway: SimGateway, room: Stockroom, left: int
) -> None:
    damage = PlannedDamage(
        at_s=0.0,
        written_off_at_s=1.0,
        location="riverside",
        line=Line(sku="tea", quantity=1),
    )
    gateway.ready["/v1/stock/adjustments"] = {"damaged": left}

    await room.set_damaged_aside(damage)
    assert room.notebook.ledger.on_hand() == {}
    await room.write_off(damage)

    assert room.notebook.ledger.on_hand() == {TEA: -1}
    assert len(room.notebook.oddities) == left


COUNT = PlannedCount(
    at_s=0.0, closed_at_s=1.0, location="riverside", skus=("tea", "rice"), stolen=2
)


async def test_a_thief_takes_from_a_full_shelf_or_from_the_quiet_one(room: Stockroom) -> None:
    assert room.steal(COUNT) == Line(sku="rice", quantity=2)

    room.notebook.ledger.record(Fact.RECEIVED, "paper", [(TEA, 10)])

    assert room.steal(COUNT) == Line(sku="tea", quantity=2)
    assert room.notebook.ledger.on_hand() == {TEA: 8, RICE: -2}


async def test_a_count_tells_what_stands_there(gateway: SimGateway, room: Stockroom) -> None:
    room.notebook.ledger.record(Fact.RECEIVED, "paper", [(TEA, 10)])
    room.notebook.ledger.record(Fact.SOLD, "sale", [(TEA, 3)])
    gateway.ready["/v1/stock/counts"] = {"id": "c-1"}

    assert await room.start_count(COUNT) == "c-1"

    lines = [body["lines"][0] for body in gateway.bodies("/v1/stock/counts/c-1/lines")]
    assert lines == [{"sku": "tea", "counted": 7}, {"sku": "rice", "counted": 0}]


@pytest.mark.parametrize(
    ("booked", "odd"), [({"tea": -2}, 0), ({"tea": -1}, 1), ({}, 1), ({"tea": -2, "rice": 1}, 1)]
)
async def test_a_count_that_finds_anything_but_the_theft_is_odd(
    gateway: SimGateway, room: Stockroom, booked: dict[str, int], odd: int
) -> None:
    gateway.ready["/v1/stock/counts/c-1/close"] = {
        "agreed": 1,
        "differences": [{"sku": sku, "booked": units} for sku, units in booked.items()],
    }

    await room.close_count("c-1", Line(sku="tea", quantity=2))

    assert len(room.notebook.oddities) == odd


SHORT = {"status_code": 409, "type": "/problems/quota-short", "sku": "tea", "sellable": 5}
SALE = {"id": "riverside.1-9"}


async def test_a_supervisor_sells_beyond_the_refusal_and_only_that_is_overdrawn(
    gateway: SimGateway, desk: Desk, told: list[str]
) -> None:
    gateway.ready["/v1/sales"] = [SHORT, SALE]

    await desk.overdraw(
        PlannedOverdraw(at_s=0.0, location="riverside", line=Line(sku="tea", quantity=7))
    )

    first, second = gateway.bodies("/v1/sales")
    assert "override" not in first
    assert second["override"]["reason"]
    assert desk.notebook.ledger.totals(Fact.SOLD) == {TEA: 5}
    assert desk.notebook.ledger.totals(Fact.OVERDRAWN) == {TEA: 2}
    assert desk.notebook.sales[0].total_minor == 2_800
    assert len(set(gateway.keys)) == 2
    assert told == ["riverside may sell 5 x Tea, the customer has 7: a supervisor sells them"]


async def test_an_overdraw_that_is_none_is_odd(gateway: SimGateway, desk: Desk) -> None:
    gateway.ready["/v1/sales"] = [SALE]

    await desk.overdraw(
        PlannedOverdraw(at_s=0.0, location="riverside", line=Line(sku="tea", quantity=7))
    )

    assert len(desk.notebook.oddities) == 1
    assert desk.notebook.ledger.totals(Fact.SOLD) == {TEA: 7}


def hold(used_at_s: float | None) -> PlannedHold:
    line = Line(sku="tea", quantity=2)
    return PlannedHold(at_s=0.0, used_at_s=used_at_s, location="riverside", line=line)


async def at_once(_: float) -> None:
    """No time passes."""


async def test_a_basket_that_is_sold_is_promised_and_sold_once(
    gateway: SimGateway, desk: Desk
) -> None:
    gateway.ready |= {"/v1/baskets": {"id": "b-1"}, "/v1/sales": SALE}

    await desk.hold(hold(1.0), at_once)

    [sale] = gateway.bodies("/v1/sales")
    assert sale["basket"] == "b-1"
    desk.notebook.ledger.record(Fact.RECEIVED, "later", [(TEA, 2)])
    assert desk.notebook.ledger.on_hand() == {TEA: 0}
    assert desk.notebook.ledger.stranded(released=desk.notebook.holds_ended) == {}
    assert desk.notebook.tallies["riverside"].acknowledged == 1


async def test_a_basket_that_nobody_comes_for_is_waited_for_until_it_expires(
    gateway: SimGateway, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "WATCH_S", 0.0)
    gateway.ready |= {"/v1/baskets": {"id": "b-1"}}
    gateway.ready["/v1/baskets/b-1"] = [{"status": "open"}, {"status": "expired"}]

    await desk.hold(hold(None), at_once)

    assert desk.notebook.sales == []
    assert desk.notebook.holds_ended == {"b-1"}
    assert desk.notebook.ledger.totals(Fact.FREED) == {TEA: 2}


async def test_the_desk_sells_at_the_price_that_it_looked_up(
    desk: Desk, gateway: SimGateway
) -> None:
    gateway.ready["/v1/quotes"] = {"total_minor": 320}
    gateway.ready["/v1/sales"] = {"id": "riverside.1-1"}

    await desk.sell_at_price_of_now(Line(sku="tea", quantity=1), "cut off")

    [sale] = gateway.bodies("/v1/sales")
    assert sale["expected_total_minor"] == sale["tenders"][0]["amount_minor"] == 320
    [told] = desk.notebook.sales
    assert told.total_minor == 320
    assert desk.notebook.ledger.totals(Fact.SOLD) == {TEA: 1}


async def test_what_has_run_out_at_the_desk_is_refused_and_nothing_is_sold(
    desk: Desk, gateway: SimGateway, told: list[str]
) -> None:
    gateway.ready["/v1/quotes"] = {"total_minor": 320}
    gateway.ready["/v1/sales"] = {"status_code": 409, "type": "/problems/quota-short"}

    await desk.sell_at_price_of_now(Line(sku="tea", quantity=1), "cut off")

    assert desk.notebook.sales == []
    assert desk.notebook.tallies["riverside"].refused == 1
    assert told == ["riverside Tea has run out"]
