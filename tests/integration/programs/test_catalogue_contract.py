"""Goal: the catalogue's rules hold from the outside, and bad input gets a sentence and no change.

Method: a running hub, whose chain has scales, and a gateway over HTTP; for what no hub of ours
would send, the hub's file is changed while it is down.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import apsw
import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Reply, Shop, fresh, open_shop, order_of, sale_of, until

BODY = {"name": "Thing", "price_minor": 100, "currency": "USD", "tax_class": "standard"}
CHEESE = {"price_per_quantity": 1_000, "unit": "g"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of its own, whose scales print weights and prices."""
    root = tmp_path_factory.mktemp("catalogue")
    config = root / "hub.toml"
    config.write_text('embedded_barcodes = ["21IIIIIWWWWWC", "02IIIIIPPPPPC"]\n')
    async with open_shop(root, hub_config=config) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def store(module_shop: Shop) -> AsyncIterator[Shop]:
    """The shop, connected before and after each test."""
    await module_shop.connected()
    yield module_shop
    await module_shop.wan.set_mode(WanMode.PASS)


async def put(shop: Shop, sku: str, **fields: object) -> Reply:
    return await shop.admin.ask("PUT", f"/v1/products/{sku}", body=BODY | fields)


def scanned(code: str, quantity: int = 1) -> Any:  # noqa: ANN401
    return sale_of("x") | {"lines": [{"barcode": code, "quantity": quantity}]}


async def archived(shop: Shop, sku: str, **fields: object) -> None:
    """Head office archives a product, and the store has heard of it."""
    assert (await put(shop, sku, archived=True, **fields)).status == 200
    await shop.settled()


# Archived


async def test_what_is_archived_is_sold_and_ordered_no_more_and_not_lost(store: Shop) -> None:
    sku = await store.product(stock=40)
    await archived(store, sku)

    async with store.nothing_changes():
        sale = await store.cashier.post("/v1/sales", sale_of(sku))
        basket = {"register": "till-1", "lines": [{"sku": sku, "quantity": 1}]}
        held = await store.cashier.post("/v1/baskets", basket)
        paper = {"lines": [{"sku": sku, "quantity": 1}], "reference": "paper"}
        received = await store.manager.post("/v1/stock/receipts", paper)
        order = await store.storefront.post("/v1/orders", order_of(sku))
        lines = {"lines": [{"sku": sku, "quantity": 1}]}
        reserved = await store.storefront.post("/v1/reservations", lines)

    for refused in (sale, held, received):
        assert refused.refusal == (409, "conflict")
        assert f"{sku} is archived" in refused.json["detail"]
    assert order.refusal == reserved.refusal == (422, "invalid-request")
    assert order.json["field"] == "$.lines[0].sku"
    assert await store.offered(sku) == 0
    lost = {"sku": sku, "delta": -3, "reason": "breakage"}
    await store.manager.done("/v1/stock/adjustments", lost)
    assert (await store.stock(sku))["on_hand"] == 37


async def test_a_search_leaves_out_what_is_archived_unless_it_is_asked_for(store: Shop) -> None:
    sku = await store.product()
    assert [one["sku"] for one in await store.cashier.all(f"/v1/products?q={sku}")] == [sku]
    await archived(store, sku)

    assert await store.cashier.all(f"/v1/products?q={sku}") == []
    (found,) = await store.cashier.all(f"/v1/products?q={sku}&archived=true")
    assert (found["sku"], found["archived"]) == (sku, True)
    assert (await store.cashier.read(f"/v1/lookup?code={sku}"))["archived"] is True
    assert (await store.cashier.read(f"/v1/products/{sku}"))["archived"] is True
    assert sku in [one["sku"] for one in await store.cashier.all("/v1/stock")]
    assert sku in [one["sku"] for one in await store.storefront.all("/v1/products")]
    assert (await store.cashier.get("/v1/products?archived=1")).refusal == (400, "invalid-request")


# Bundles and barcodes


async def test_bundles_do_not_nest_from_either_side(store: Shop) -> None:
    part, other = await store.product(), await store.product()
    bundle = await store.product(bundle=[{"sku": part, "quantity": 2}])

    for sku, component in ((part, other), (part, bundle), (fresh("SET"), bundle)):
        refused = await put(store, sku, bundle=[{"sku": component, "quantity": 1}])
        assert refused.refusal == (422, "invalid-request")
        assert "do not nest" in refused.json["detail"]
        assert refused.json["field"].startswith("$.bundle")
    assert (await store.storefront.read(f"/v1/products/{part}"))["bundle"] == []


async def test_a_barcode_of_two_products_is_refused_with_the_first(store: Shop) -> None:
    owner = await store.product(barcodes=["5901234123457"])
    sku = fresh("TWO")

    refused = await put(store, sku, barcodes=["05901234123457"])

    assert refused.refusal == (409, "conflict")
    assert refused.json["sku"] == owner
    assert (await store.admin.get(f"/v1/products/{sku}")).status == 404


# Labels of scales


async def test_a_label_with_a_weight_is_looked_up_and_sold(store: Shop) -> None:
    sku = await store.product(price=1_250, stock=10_000, barcodes=["2112345******"], **CHEESE)

    seen = await store.cashier.read("/v1/lookup?code=2112345012346")
    sale = await store.cashier.done("/v1/sales", scanned("2112345012346"))
    wrong = await store.cashier.get("/v1/lookup?code=2112345012347")

    assert (seen["sku"], seen["quantity"], seen["line_total_minor"]) == (sku, 1_234, None)
    (line,) = sale["lines"]
    assert (line["sku"], line["quantity"], line["total_minor"]) == (sku, 1_234, 1_543)
    assert (await store.stock(sku))["on_hand"] == 10_000 - 1_234
    assert wrong.refusal == (404, "unknown-product")


async def test_a_price_on_a_label_stands(store: Shop) -> None:
    sku = await store.product(price=2_400, stock=10_000, barcodes=["0254321******"], **CHEESE)

    seen = await store.cashier.read("/v1/lookup?code=0254321019993")
    sale = await store.cashier.done("/v1/sales", scanned("0254321019993", 2))
    plain = await store.cashier.read(f"/v1/lookup?code={sku}")

    assert (seen["quantity"], seen["line_total_minor"]) == (833, 1_999)
    assert (sale["lines"][0]["quantity"], sale["total_minor"]) == (1_666, 3_998)
    assert (plain["quantity"], plain["line_total_minor"]) == (None, None)
    await store.settled()
    assert (await store.admin.read(f"/v1/sales/{sale['id']}")) == sale


# Drafts


async def test_a_draft_is_sold_while_cut_off_and_completed_by_head_office(store: Shop) -> None:
    barcode = fresh("nuts")
    await store.wan.set_mode(WanMode.CUT)
    asked, key = {"barcode": barcode, "name": "Pistachios", "price_minor": 350}, fresh("key")

    made = await store.supervisor.post("/v1/products", asked, key=key)
    again = await store.supervisor.post("/v1/products", asked, key=key)
    taken = await store.supervisor.post("/v1/products", asked)
    refused = await store.cashier.post("/v1/products", asked | {"barcode": "x"})
    sale = await store.cashier.done("/v1/sales", scanned(barcode, 2))

    assert made.status == 201
    assert made.body == again.body
    sku = made.json["sku"]
    assert sku.startswith("draft-riverside.1-")
    assert (made.json["draft"], made.json["stock_policy"]) == (True, "untracked")
    assert taken.refusal == (409, "conflict")
    assert taken.json["sku"] == sku
    assert refused.refusal == (403, "forbidden")
    assert sale["total_minor"] == 700

    await store.wan.set_mode(WanMode.PASS)
    await store.connected()
    await store.settled()
    drafts = await store.admin.all("/v1/products?draft=true")
    assert (sku, []) in [(one["sku"], one["duplicates"]) for one in drafts]
    assert (await store.storefront.post("/v1/orders", order_of(sku))).refusal == (
        422, "invalid-request",
    )  # fmt: skip
    complete = await put(store, sku, name="Pistachios 200 g", price_minor=390, barcodes=[barcode])
    assert complete.status == 200
    await store.settled()
    known = await store.cashier.read(f"/v1/lookup?code={barcode}")
    assert (known["sku"], known["price_minor"], known["draft"]) == (sku, 390, False)
    assert known["stock_policy"] == "strict"
    assert sku not in [one["sku"] for one in await store.admin.all("/v1/products?draft=true")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"barcode": ""}, 422),
        ({"barcode": "  "}, 422),
        ({"barcode": "2199999012342"}, 422),
        ({"name": " "}, 422),
        ({"price_minor": -1}, 422),
        ({"price_minor": "1"}, 422),
        ({"tax_class": "no-such"}, 422),
        ({"stock_policy": "strict"}, 422),
    ],
    ids=str,
)
async def test_a_wrong_draft_is_refused_and_changes_nothing(
    store: Shop, change: dict[str, object], status: int
) -> None:
    asked = {"barcode": fresh("bar"), "name": "Thing", "price_minor": 1} | change

    async with store.nothing_changes():
        refused = await store.manager.post("/v1/products", asked)

    assert refused.refusal == (status, "invalid-request")


async def test_head_office_makes_no_drafts(store: Shop) -> None:
    sku = await store.product()

    for wanted, fields in (("draft-riverside.1-99999", {}), (sku, {"draft": True})):
        refused = await put(store, wanted, **fields)
        assert refused.refusal == (422, "invalid-request")


# A hub that is not ours


async def test_a_hostile_product_is_set_aside_and_the_status_says_so(store: Shop) -> None:
    victim, other = await store.product(stock=20), fresh("GOOD")
    await store.settled()
    before = await store.cashier.read(f"/v1/products/{victim}")
    aside = (await store.status())["set_aside"]
    assert aside == {"count": 0, "item": None, "reason": None, "at": None}
    assert await store.hub.stop() == 0
    path = store.programs.root / "hub" / "hub.db"
    with contextlib.closing(apsw.Connection(str(path))) as file:
        for key, data in ((victim, b"\x85oJ\x83 garbage"), ("ghost", b'{"sku":"' + b"x" * 90)):
            file.execute(
                "INSERT OR REPLACE INTO feed (kind, key, audience, data) "
                "VALUES ('product', ?, '', ?)",
                (key, data),
            )

    await store.start_hub()
    await store.connected()
    assert (await put(store, other)).status == 201

    async def heard() -> bool:
        return (await store.cashier.get(f"/v1/products/{other}")).status == 200

    await until(heard)
    status = await store.status()
    assert status["set_aside"]["count"] == 2
    assert status["set_aside"]["item"] == "product ghost"
    assert status["set_aside"]["reason"]
    assert await store.cashier.read(f"/v1/products/{victim}") == before
    assert (await store.cashier.get("/v1/products/ghost")).status == 404
    await store.cashier.done("/v1/sales", sale_of(victim))
    page = await store.cashier.ask("GET", "/status")
    assert b"Last set aside" in page.body
