"""Goal: a till sells every basket once, or what there is of it, and writes down what it heard.

Method: the real register client against a gateway of a few lines behind aiohttp's test server. It
remembers keys, refuses for quota, and can lose an answer or hold it back for ever.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.client import GatewayClient
from gateway.counter.discovery_record import Found
from scripts.demo_day import registers
from scripts.demo_day.baskets import Basket, Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.plan import PlannedSale
from scripts.demo_day.registers import Till
from scripts.demo_day.setting import Discovery, TillSetting

TEA = Shelf("riverside", "tea")
PRODUCTS = {
    sku: Product(sku=sku, barcode=f"code-{sku}", name=sku, price_minor=130)
    for sku in ("tea", "rice")
}


@dataclass
class SimGateway:
    """Sells what `sellable` says, once per key; `hold` of its answers never arrive."""

    sellable: Counter[str]
    hold: int = 0
    refuses_with: str | None = None
    total_minor: int | None = None
    sales: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    scans: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def sell(self, request: web.Request) -> web.Response:
        key, body = request.headers["Idempotency-Key"], await request.json()
        self.bodies.append(body)
        if self.total_minor is not None and body["expected_total_minor"] != self.total_minor:
            problem = {"type": "/problems/price-changed", "total_minor": self.total_minor}
            return self.answer(409, problem)
        if self.refuses_with is not None:
            return self.answer(422, {"type": f"/problems/{self.refuses_with}", "detail": "no"})
        sold = [
            (line.get("sku") or line["barcode"][5:], line["quantity"]) for line in body["lines"]
        ]
        if key not in self.sales:
            for sku, quantity in sold:
                if self.sellable[sku] < quantity:
                    return self.answer(
                        409,
                        {
                            "type": "/problems/quota-short",
                            "sku": sku,
                            "sellable": self.sellable[sku],
                        },
                    )
            self.sellable.subtract(dict(sold))
            seq = len(self.sales) + 1
            self.sales[key] = {"id": f"riverside.1-{seq}", "writer": "riverside.1", "seq": seq}
        if self.hold > 0:
            self.hold -= 1
            await asyncio.Event().wait()
        return self.answer(201, self.sales[key])

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        socket.headers["Countertop-Witness"] = "riverside.1;0;"
        await socket.prepare(request)
        while True:
            code = await self.scans.get()
            await socket.send_json({"type": "scan", "code": code, "register": "till-1", "at": ""})

    async def nothing(self, _: web.Request) -> web.Response:
        return self.answer(200, {})

    def answer(self, status: int, body: dict[str, Any]) -> web.Response:
        media = "application/json" if status < 400 else "application/problem+json"
        witness = f"riverside.1;{len(self.sales)};"
        return web.json_response(
            body, status=status, content_type=media, headers={"Countertop-Witness": witness}
        )


class Watched(asyncio.Queue[PlannedSale | None]):
    """Sets `came` when somebody joins it."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def put_nowait(self, item: PlannedSale | None) -> None:
        super().put_nowait(item)
        self.came.set()


class Typed(Discovery):
    """Finds the gateway at the address, without asking a network."""

    async def find(self, location: str) -> list[Found]:
        place = Found(
            location=location,
            hosts=("127.0.0.1",),
            port=int(self.address.rsplit(":", 1)[1]),
            protocol=1,
            tls=False,
            fingerprint=None,
        )
        return [place]


@pytest.fixture
async def gateway() -> SimGateway:
    return SimGateway(sellable=Counter(tea=5, rice=1))


@pytest.fixture
async def till(gateway: SimGateway, tmp_path: Path) -> AsyncIterator[Till]:
    app = web.Application()
    app.router.add_get("/healthz", gateway.nothing)
    app.router.add_get("/v1/products", gateway.nothing)
    app.router.add_get("/v1/live", gateway.live)
    app.router.add_post("/v1/sales", gateway.sell)

    def scan(code: bytes) -> bool:
        gateway.scans.put_nowait(code.decode())
        return True

    async with TestServer(app, shutdown_timeout=0) as server:
        setting = TillSetting(
            location="riverside",
            register="till-1",
            token="a token",  # noqa: S106 - it opens nothing
            outbox=tmp_path,
            scanner=scan,
        )
        discovery = Typed(address=str(server.make_url("")).rstrip("/"), say=print)
        async with Till(setting, discovery, PRODUCTS, Notebook()) as till:
            yield till


def planned(
    *, scanned: bool = False, interrupted: float | None = None, **units: int
) -> PlannedSale:
    basket = Basket(
        basket=1,
        location="riverside",
        at=datetime(2017, 1, 1, tzinfo=UTC),
        lines=tuple(Line(sku=sku, quantity=units[sku]) for sku in units),
    )
    return PlannedSale(at_s=0.0, basket=basket, scanned=scanned, interrupted=interrupted)


async def serve(till: Till, *baskets: PlannedSale) -> None:
    queue: registers.Baskets = asyncio.Queue()
    for each in (*baskets, None):
        queue.put_nowait(each)
    await till.serve(queue)


async def test_a_sale_is_written_down_as_it_was_told(till: Till, gateway: SimGateway) -> None:
    await till.greet()
    await serve(till, planned(tea=2))

    [told] = till.notebook.sales
    assert told.sale["id"] == "riverside.1-1"
    assert told.total_minor == 260
    assert till.notebook.ledger.totals(Fact.SOLD) == {TEA: 2}
    assert gateway.bodies[0]["expected_total_minor"] == 260


async def test_cash_is_paid_in_notes(till: Till, gateway: SimGateway) -> None:
    await serve(till, planned(tea=2))

    assert gateway.bodies[0]["tenders"] == [{"type": "cash", "amount_minor": 500}]


async def test_what_is_refused_is_taken_out_and_the_rest_is_sold(till: Till) -> None:
    await serve(till, planned(tea=7, rice=1), planned(rice=1))

    tally = till.notebook.tallies["riverside"]
    assert [each.lines for each in till.notebook.sales] == [
        (Line(sku="tea", quantity=5), Line(sku="rice", quantity=1))
    ]
    assert (tally.baskets, tally.acknowledged, tally.refused) == (2, 1, 2)


async def test_a_scanned_basket_is_sold_by_its_barcodes(till: Till, gateway: SimGateway) -> None:
    await serve(till, planned(tea=2, scanned=True))

    assert gateway.bodies[0]["lines"] == [{"barcode": "code-tea", "quantity": 2}]
    assert till.notebook.tallies["riverside"].scanned == 1


async def test_a_scan_that_nobody_heard_is_keyed_in(
    till: Till, gateway: SimGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "SCAN_S_MAX", 0.0)
    await serve(till, planned(tea=2, scanned=True))

    assert gateway.bodies[0]["lines"] == [{"sku": "tea", "quantity": 2}]
    assert till.notebook.tallies["riverside"].missed_scans == 1


async def test_a_till_that_lost_its_power_asks_again_and_has_sold_once(
    till: Till, gateway: SimGateway
) -> None:
    gateway.hold = 1
    till._sale_s = 1.0

    await serve(till, planned(tea=2, interrupted=0.5))

    assert len(gateway.bodies) == 2
    assert gateway.sellable["tea"] == 3
    assert len(till.notebook.sales) == 1
    assert till.notebook.tallies["riverside"].restarts == 1


async def test_a_power_cut_before_the_first_byte_is_a_sale_all_the_same(till: Till) -> None:
    await serve(till, planned(tea=2, interrupted=0.0))

    assert len(till.notebook.sales) == 1
    assert till.notebook.ledger.totals(Fact.SOLD) == {TEA: 2}


async def test_a_sale_that_is_written_down_while_the_power_fails_is_not_made_twice(
    till: Till, gateway: SimGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.hold = 1
    till._sale_s = 1.0
    done, heard_of_sales = GatewayClient.done, []

    async def note(register: GatewayClient) -> list[dict[str, Any]]:
        heard_of_sales.append(len(gateway.sales))
        return [dict(sale) for sale in await done(register)]

    monkeypatch.setattr(GatewayClient, "done", note)

    await serve(till, planned(tea=2, interrupted=0.5))

    assert heard_of_sales[0] == 0, "what was there before is what was there before it asked"
    assert len(till.notebook.sales) == 1


async def test_a_customer_takes_the_new_price_and_pays_it(till: Till, gateway: SimGateway) -> None:
    gateway.total_minor = 234

    await serve(till, planned(tea=2))

    [told] = till.notebook.sales
    assert told.total_minor == 234
    assert told.asked_s < told.told_s
    assert till.notebook.tallies["riverside"].repriced == 1
    assert [body["expected_total_minor"] for body in gateway.bodies] == [260, 234]


async def test_a_refusal_for_another_reason_is_odd(till: Till, gateway: SimGateway) -> None:
    gateway.refuses_with = "invalid-request"

    await serve(till, planned(tea=2))

    assert till.notebook.sales == []
    assert len(till.notebook.oddities) == 1


async def test_who_is_sent_on_when_the_doors_close_is_served_all_the_same(till: Till) -> None:
    queue: registers.Baskets = asyncio.Queue()
    queue.put_nowait(None)
    queue.put_nowait(planned(tea=2))
    await till.serve(queue)
    assert till.notebook.sales == []

    await registers.serve_last(till, queue)

    assert [told.lines for told in till.notebook.sales] == [(Line(sku="tea", quantity=2),)]
    assert queue.empty()


async def test_a_thin_till_that_certainly_cannot_sell_says_so_and_sends_its_customer_away(
    tmp_path: Path, gateway: SimGateway
) -> None:
    app = web.Application()
    app.router.add_get("/healthz", gateway.nothing)
    app.router.add_get("/v1/products", gateway.nothing)
    app.router.add_post("/v1/sales", gateway.sell)
    server = TestServer(app, shutdown_timeout=0)
    await server.start_server()
    setting = TillSetting(
        location="riverside",
        register="till-1",
        token="a token",  # noqa: S106 - it opens nothing
        outbox=tmp_path,
    )
    port = server.port
    assert port is not None
    await server.close()
    discovery = Typed(address=f"http://127.0.0.1:{port}", say=print)
    till = Till(setting, discovery, PRODUCTS, Notebook(), patience_s=0.1)
    queue = Watched()
    queue.put_nowait(planned(tea=2))
    queue.came.clear()
    async with till:
        serving = asyncio.create_task(till.serve(queue))
        await queue.came.wait()
        assert len(till.closed_to) == 1
        assert till.notebook.sales == []
        assert gateway.bodies == []

        back = TestServer(web.Application(), port=port, shutdown_timeout=0)
        for route in app.router.routes():
            assert route.resource is not None, "each was added with its path"
            back.app.router.add_route(route.method, route.resource.canonical, route.handler)
        async with back:
            queue.put_nowait(None)
            await serving

    assert [told.lines for told in till.notebook.sales] == [(Line(sku="tea", quantity=2),)]
    assert len(gateway.bodies) == 1
