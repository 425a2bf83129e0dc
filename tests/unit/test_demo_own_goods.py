"""Goal: a file of products is tried out before it is imported, and one that makes no day ends it.

Method: a hub of a few lines behind aiohttp's test server, which answers reports and lists products;
the real reader of files is tested where it lives.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from scripts.demo_day.api import Api, Json
from scripts.demo_day.own_goods import GOODS_MIN, CatalogueRefused, goods_of, import_goods


def product(sku: str = "TEA", **more: Json) -> Json:
    plain = {
        "sku": sku,
        "name": sku.title(),
        "price_minor": 345,
        "barcodes": [],
        "safety_stock": 0,
        "stock_policy": "strict",
        "price_per_quantity": 1,
        "unit": "piece",
        "bundle": [],
        "archived": False,
        "draft": False,
    }
    return plain | more


def report(*, errors: int = 0, dry_run: bool = True) -> Json:
    problem = {"row": 3, "column": "price", "severity": "error", "detail": '"-8.90" is negative.'}
    return {
        "rows": 10,
        "products": 10,
        "created": 10,
        "changed": 0,
        "unchanged": 0,
        "errors": errors,
        "warnings": 0,
        "dry_run": dry_run,
        "problems": [problem] if errors else [],
    }


@dataclass
class SimHub:
    """Takes any file, and has `products` afterwards; `refusal` is what it says instead."""

    products: list[Json] = field(default_factory=list)
    errors: int = 0
    refusal: str | None = None
    dry_runs: list[bool] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert await request.read() == b"the file"
        self.dry_runs.append("dry_run" in request.query)
        if self.refusal is not None:
            return web.json_response({"detail": self.refusal}, status=413)
        return web.json_response(report(errors=self.errors, dry_run=self.dry_runs[-1]))

    async def list(self, _: web.Request) -> web.Response:
        return web.json_response({"items": self.products, "next_cursor": None})


@pytest.fixture
async def hub() -> SimHub:
    return SimHub(products=[product(f"S{number}") for number in range(GOODS_MIN)])


@pytest.fixture
async def api(hub: SimHub) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_post("/v1/catalogue/import", hub.take)
    app.router.add_get("/v1/products", hub.list)
    async with TestServer(app) as server, ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        yield Api(session=session, url=url, token="a token")  # noqa: S106 - it opens nothing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.csv"
    path.write_bytes(b"the file")
    return path


async def test_a_file_is_tried_out_and_then_imported(hub: SimHub, api: Api, file: Path) -> None:
    hub.products.append(product("CHEESE", unit="g"))

    goods, imported = await import_goods(api, file, hub.said.append)

    assert hub.dry_runs == [True, False]
    assert [one.sku for one in goods] == [f"S{number}" for number in range(GOODS_MIN)]
    assert imported == GOODS_MIN + 1
    assert hub.said[-1].startswith("1 of them")


async def test_an_error_is_told_by_row_and_column_and_nothing_is_imported(
    hub: SimHub, api: Api, file: Path
) -> None:
    hub.errors = 2

    with pytest.raises(CatalogueRefused, match="2 errors"):
        await import_goods(api, file, hub.said.append)

    assert hub.dry_runs == [True]
    assert 'row 3  price  error    "-8.90" is negative.' in hub.said
    assert "and 1 more" in hub.said


async def test_what_the_hub_says_of_a_file_that_it_does_not_take_is_told(
    hub: SimHub, api: Api, file: Path
) -> None:
    hub.refusal = "It is too large."

    with pytest.raises(CatalogueRefused, match="It is too large"):
        await import_goods(api, file, hub.said.append)


async def test_too_few_products_make_no_day(hub: SimHub, api: Api, file: Path) -> None:
    hub.products.pop()

    with pytest.raises(CatalogueRefused, match="has 9 products"):
        await import_goods(api, file, hub.said.append)


@pytest.mark.parametrize(
    "other",
    [
        {"unit": "g"},
        {"price_per_quantity": 1_000},
        {"stock_policy": "untracked"},
        {"stock_policy": "tolerant"},
        {"bundle": [{"sku": "TEA", "quantity": 2}]},
        {"archived": True},
        {"draft": True},
        {"price_minor": 0},
    ],
)
def test_only_counted_pieces_with_a_price_are_sold(other: dict[str, Json]) -> None:
    assert goods_of(product()) is not None
    assert goods_of(product(**other)) is None


def test_the_barcode_is_the_first_that_a_keyboard_can_type() -> None:
    codes = ["ABC-1", "٤٢", "4006381333931", "96385074"]
    with_code, without = goods_of(product(barcodes=codes)), goods_of(product(barcodes=codes[:2]))

    assert with_code is not None
    assert with_code.barcode == "4006381333931"
    assert without is not None
    assert without.barcode == ""
