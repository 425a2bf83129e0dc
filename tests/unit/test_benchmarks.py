"""Goal: a benchmark's figures are those of its server, and what is no figure is not shown as one.

Method: the load generator's connections against aiohttp's test server on loopback, with answers cut
into pieces, wrong and missing; rows and quantiles on numbers that can be checked by hand.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from cloud_hub.stores.told import BATCH_ITEMS_MAX
from gateway import app
from replication.adapters.sqlite import transaction
from retail.products.catalogue import with_sku
from scripts.benchmarks import disk, fill, price_change
from scripts.benchmarks.__main__ import _parts
from scripts.benchmarks.figures import Better, Goal, Row, as_json, as_table, quantile
from scripts.benchmarks.fill import copy
from scripts.benchmarks.load import Connection, Plan, Round, Sample, connect, measure
from scripts.benchmarks.loaded_hub import product_body
from scripts.benchmarks.premises import BenchmarkBroken
from scripts.benchmarks.propagate import Watch
from scripts.benchmarks.sale import BODIES, LINES_PER_SALE, Measured, Rounds, rows_from, sale_bodies
from web.catalogue_rows import Catalogue


@dataclass(slots=True)
class Counting:
    """A server that counts what it was asked."""

    keys: list[str] = field(default_factory=list)
    registers: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    async def ping(self, _request: web.Request) -> web.Response:
        """The empty POST."""
        return web.json_response({})

    async def sell(self, request: web.Request) -> web.Response:
        """A sale that is not one."""
        self.keys.append(request.headers["Idempotency-Key"])
        self.tokens.add(request.headers["Authorization"])
        self.registers.add((await request.json())["register"])
        return web.json_response({"padding": "x" * 100_000}, status=201)

    async def refuse(self, _request: web.Request) -> web.Response:
        """What nobody expected."""
        return web.json_response({"type": "/problems/quota-short"}, status=409)

    async def hang_up(self, request: web.Request) -> web.Response:
        """A server that goes away."""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


@pytest.fixture
async def counting() -> Counting:
    return Counting()


@pytest.fixture
async def connections(counting: Counting) -> AsyncIterator[list[Connection]]:
    app = web.Application()
    app.router.add_post("/v1/ping", counting.ping)
    app.router.add_post("/v1/sales", counting.sell)
    app.router.add_post("/refused", counting.refuse)
    app.router.add_post("/gone", counting.hang_up)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        plan = Plan(
            host="127.0.0.1",
            port=server.port,
            tokens=["one", "two"],
            connections=4,
            bodies={
                "/v1/ping": ["{}"],
                "/v1/sales": ['{"register": "@register"}'],
                "/refused": ["{}"],
                "/gone": ["{}"],
            },
            statuses={"/v1/ping": 200, "/v1/sales": 201, "/refused": 201, "/gone": 201},
        )
        opened = await connect(plan)
        yield opened
        for connection in opened:
            connection.close()


async def test_every_answer_is_counted_once_and_every_sale_has_its_own_key(
    counting: Counting, connections: list[Connection]
) -> None:
    sample = await measure(connections, Round(path="/v1/sales", connections=4, seconds=0.1))

    assert sample.faults == []
    assert len(sample.latencies_us) == len(counting.keys) == len(set(counting.keys)) >= 4
    assert counting.registers == {"till-1", "till-2", "till-3", "till-4"}
    assert counting.tokens == {"Bearer one", "Bearer two"}
    assert sample.per_second > 0


async def test_connections_serve_one_round_after_the_other(connections: list[Connection]) -> None:
    for path, asked in (("/v1/ping", 1), ("/v1/sales", 4), ("/v1/ping", 2)):
        sample = await measure(connections, Round(path=path, connections=asked, seconds=0.02))

        assert sample.faults == []
        assert len(sample.latencies_us) >= asked


@pytest.mark.parametrize(("path", "says"), [("/refused", "quota-short"), ("/gone", "lost")])
async def test_what_is_not_answered_as_expected_is_a_fault(
    connections: list[Connection], path: str, says: str
) -> None:
    sample = await measure(connections, Round(path=path, connections=3, seconds=0.02))

    assert sample.fault_count == 3
    assert says in sample.faults[0]
    assert sample.latencies_us == []


class Wire(asyncio.Transport):
    """Takes what is written and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


@given(cuts=st.sets(st.integers(1, 120)))
def test_an_answer_may_come_in_any_pieces(cuts: set[int]) -> None:
    async def scenario() -> None:
        plan = Plan(
            host="h",
            port=1,
            tokens=["t"],
            connections=1,
            bodies={"/p": ["{}"]},
            statuses={"/p": 200},
        )
        connection = Connection(plan, 0)
        connection.connection_made(Wire())
        asking = asyncio.ensure_future(
            measure([connection], Round(path="/p", connections=1, seconds=0))
        )
        await asyncio.sleep(0)
        answer = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 44\r\n\r\n" + b"\r\n\r\n" * 11
        edges = [0, *sorted(cut for cut in cuts if cut < len(answer)), len(answer)]
        for begin, end in pairwise(edges):
            assert not asking.done()
            connection.data_received(answer[begin:end])

        sample = await asking

        assert sample.faults == []
        assert len(sample.latencies_us) == 1

    asyncio.run(scenario())


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(1, 100))
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[int], percent: int) -> None:
    at = quantile(values, percent)

    assert at in values
    assert sum(value <= at for value in values) * 100 >= percent * len(values)
    assert sum(value < at for value in values) * 100 < percent * len(values)


def test_rows_have_the_contracts_shape_and_say_whether_the_goal_was_met() -> None:
    met = Goal(better=Better.HIGHER, ratio=0.5)
    missed = Goal(better=Better.LOWER, ratio=0.4)
    rows = [
        Row(name="a", ours=50, baseline=100, baseline_is="b", unit="1/s", goal=goal)
        for goal in (met, missed, None)
    ]

    shown = msgspec.json.decode(as_json(rows))

    assert [row["met"] for row in shown] == [True, False, None]
    assert {"name", "ours", "baseline", "baseline_is", "unit", "ratio"} <= shown[0].keys()
    assert shown[0]["ratio"] == 0.5
    assert [row.verdict for row in rows] == ["met", "missed", ""]
    assert len(as_table(rows).splitlines()) == 4


def test_the_rows_of_sale_compare_like_with_like() -> None:
    def sample(latency_us: int, per_second: int) -> Sample:
        return Sample(
            latencies_us=[latency_us] * per_second,
            elapsed_s=1.0,
            busy=0.5,
            fault_count=0,
            faults=[],
        )

    def rounds(ratio: float) -> Rounds:
        pings = [sample(200, 1_000), sample(200, 1_000), sample(200, 1_000)]
        sales = [sample(500, int(1_000 * share)) for share in (ratio, ratio / 2, 1.0)]
        return Rounds(pings=pings, sales=sales)

    measured = Measured(
        by_registers={1: rounds(0.4), 8: rounds(0.4), 64: rounds(0.6)},
        linked=rounds(0.3),
        commits_us=[100.0] * 3,
        fsync_us=[80.0] * 3,
    )

    rows = {row.name: row for row in rows_from(measured)}

    assert rows["sales, 64 registers"].ratio == pytest.approx(0.6)
    assert rows["sales, 64 registers"].verdict == "met"
    in_full = rows["sale p50, 1 register, in full"]
    assert in_full.ours == 0.5
    assert in_full.baseline == pytest.approx(0.4)
    assert in_full.verdict == "missed"
    assert rows["sale p99, 64 registers, spread"].ratio == 1.0


def test_sales_are_the_same_at_every_run_and_have_three_different_lines() -> None:
    skus = [f"sku-{number}" for number in range(10)]

    bodies = sale_bodies(skus)

    assert bodies == sale_bodies(skus)
    assert len(bodies) == BODIES
    for body in bodies:
        lines = msgspec.json.decode(body)["lines"]
        assert len({line["sku"] for line in lines}) == LINES_PER_SALE


async def test_a_sale_is_seen_when_the_hub_shows_one_unit_fewer_there() -> None:
    watch = Watch()
    watch.look([("hill", 10), ("lake", 10)], 1)

    seen = watch.expect_one_fewer("hill")
    watch.look([("hill", 10), ("lake", 9)], 2)
    assert not seen.done()
    watch.look([("hill", 9), ("lake", 9)], 3)

    assert seen.result() == 3
    assert watch.waited_for == {}


def test_the_disk_is_measured_and_left_clean(tmp_path: Path) -> None:
    assert min(disk.fsync_us(tmp_path, 0.02)) > 0
    assert min(disk.commits_us(tmp_path, 0.02)) > 0
    assert list(tmp_path.iterdir()) == []


def test_the_raw_copy_takes_all_rows_with_their_barcodes(tmp_path: Path) -> None:
    source = app.open_database(tmp_path / "filled")
    catalogue = Catalogue(source)
    products = 2 * BATCH_ITEMS_MAX + 1
    with transaction(source):
        catalogue.store_many(
            [with_sku(product_body(number), f"sku-{number}") for number in range(products)], 7
        )

    seconds = copy(tmp_path / "filled" / app.DATABASE, tmp_path / "copy", products)

    assert seconds > 0
    copied = app.open_database(tmp_path / "copy")
    for table in ("product", "barcode"):
        select = f"SELECT * FROM {table} ORDER BY sku"  # noqa: S608 - of two words
        rows = source.execute(select).fetchall()
        assert copied.execute(select).fetchall() == rows
        assert len(rows) == products
    with pytest.raises(BenchmarkBroken):
        copy(tmp_path / "filled" / app.DATABASE, tmp_path / "other", products + 1)


def test_a_fill_is_held_against_the_copies_of_the_same_run() -> None:
    first, second = fill.rows_from([4.0, 9.0, 5.0], [2.0, 2.5, 3.0], 100_000)

    assert (first.ours, first.baseline, first.verdict) == (4.0, 2.0, "met")
    assert (second.ours, second.baseline) == (25_000, 50_000)
    assert fill.rows_from([9.0], [2.0], 10)[0].verdict == "missed"


def test_the_catalogue_stands_for_its_parts() -> None:
    assert _parts(["sale", "catalogue"]) == ["sale", "price", "fill", "basket", "import"]


def test_a_price_that_takes_a_second_is_missed() -> None:
    delays_ms = [10.0] * 98 + [1_001.0] * 2

    p50, p99 = price_change.rows_from(delays_ms, 50)

    assert (p50.ours, p50.verdict) == (10.0, "")
    assert (p99.ours, p99.verdict) == (1_001.0, "missed")
