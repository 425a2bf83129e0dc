"""Goal: whatever is sent, the answer is a clear problem and nothing has changed.

Method: wrong requests against running programs; stock, journal, sales and orders are compared
before and after each. Frames, disks and codes have files of their own.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.programs import Caller, Reply, Shop, fresh, order_of, sale_of

BIG = 2**31


async def refused(shop: Shop, reply: Reply, status: int, slug: str) -> None:
    """Check an answer of the gateway."""
    assert reply.refusal == (status, slug), reply
    witness = (await shop.cashier.get("/healthz")).witness
    assert reply.witness == witness


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", None, True, BIG, BIG + 1, 2**63, 1e300])
async def test_a_quantity_that_is_none(shop: Shop, quantity: object) -> None:
    sku = await shop.product(stock=8)
    lines = [{"sku": sku, "quantity": quantity}]
    async with shop.nothing_changes():
        sold = await shop.cashier.post("/v1/sales", sale_of(sku) | {"lines": lines})
        received = await shop.manager.post("/v1/stock/receipts", {"lines": lines, "reference": "r"})
        ordered = await shop.storefront.post("/v1/orders", order_of(sku) | {"lines": lines})

        await refused(shop, sold, 422, "invalid-request")
        await refused(shop, received, 422, "invalid-request")
    assert ordered.refusal == (422, "invalid-request")
    assert sold.json["field"].startswith("$.lines[0]")


async def test_a_product_that_nobody_knows(shop: Shop) -> None:
    async with shop.nothing_changes():
        by_sku = await shop.cashier.post("/v1/sales", sale_of("no-such"))
        by_code = await shop.cashier.post(
            "/v1/sales", sale_of("x") | {"lines": [{"barcode": "404", "quantity": 1}]}
        )
        received = await shop.manager.post(
            "/v1/stock/receipts",
            {"lines": [{"sku": "no-such", "quantity": 1}], "reference": "r"},
        )
        for reply in (by_sku, by_code, received):
            await refused(shop, reply, 404, "unknown-product")
        ordered = await shop.storefront.post("/v1/orders", order_of("no-such"))

    assert ordered.refusal == (404, "unknown-product")
    for caller, path in (
        (shop.cashier, "/v1/stock/no-such"), (shop.cashier, "/v1/products/no-such"),
        (shop.cashier, "/v1/lookup?code=no-such"), (shop.admin, "/v1/stock/no-such"),
        (shop.admin, "/v1/products/no-such"), (shop.admin, "/v1/availability/no-such"),
    ):  # fmt: skip
        assert (await caller.get(path)).refusal == (404, "unknown-product"), path


async def test_one_wrong_line_refuses_the_whole_basket_or_paper(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    lines = [{"sku": sku, "quantity": 1}, {"sku": "no-such", "quantity": 1}]
    async with shop.nothing_changes():
        sold = await shop.cashier.post("/v1/sales", sale_of(sku) | {"lines": lines})
        received = await shop.manager.post("/v1/stock/receipts", {"lines": lines, "reference": "r"})

    assert sold.refusal == received.refusal == (404, "unknown-product")
    assert sold.json["field"].startswith("$.lines[1]")


@pytest.mark.parametrize(
    "change",
    [
        {"lines": []},
        {"lines": {}},
        {"lines": [{}]},
        {"lines": [{"quantity": 1}]},
        {"lines": [{"sku": "a", "barcode": "b", "quantity": 1}]},
        {"lines": [{"sku": "a", "quantity": 1, "price_minor": 1}]},
        {"tenders": None},
        {"tenders": [{"type": "cash", "amount_minor": 0}]},
        {"tenders": [{"type": "cash", "amount_minor": -5}]},
        {"tenders": [{"type": "shells", "amount_minor": 5}]},
        {"tenders": [{"type": "cash", "amount_minor": 5}] * 21},
        {"register": ""},
        {"register": "x" * 65},
        {"customer_id": 7},
        {"expected_total_minor": "100"},
        {"override": {}},
        {"override": {"reason": " "}},
        {"discount": 100},
        {"id": "riverside.1-1"},
    ],
    ids=lambda change: json.dumps(change)[:50],
)
async def test_a_sale_of_another_shape(shop: Shop, change: dict[str, object]) -> None:
    sku = await shop.product(stock=8)
    async with shop.nothing_changes():
        reply = await shop.supervisor.post("/v1/sales", sale_of(sku) | change)
        await refused(shop, reply, 422, "invalid-request")


async def test_tenders_that_do_not_cover(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    async with shop.nothing_changes():
        short = await shop.cashier.post("/v1/sales", sale_of(sku, cash=99))
        none = await shop.cashier.post("/v1/sales", sale_of(sku) | {"tenders": []})
        for reply in (short, none):
            await refused(shop, reply, 422, "invalid-request")
            assert reply.json["field"] == "$.tenders"


async def test_twenty_thousand_lines(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    lines = [{"sku": sku, "quantity": 1}] * 20_000
    async with shop.nothing_changes():
        for caller, path, body in (
            (shop.cashier, "/v1/sales", sale_of(sku)),
            (shop.manager, "/v1/stock/receipts", {"reference": "r"}),
            (shop.storefront, "/v1/orders", order_of(sku)),
        ):  # fmt: skip
            reply = await caller.post(path, body | {"lines": lines})
            assert reply.refusal == (422, "invalid-request"), path


async def test_a_thousand_lines_are_a_sale_and_one_more_is_not(shop: Shop) -> None:
    sku = await shop.product(price=1, stock=2_000)
    line = {"sku": sku, "quantity": 1}

    sold = await shop.cashier.post("/v1/sales", sale_of(sku) | {"lines": [line] * 1_000})
    more = await shop.cashier.post("/v1/sales", sale_of(sku) | {"lines": [line] * 1_001})
    await shop.settled()

    assert sold.status == 201
    assert more.refusal == (422, "invalid-request")
    assert (await shop.hub_stock(sku))["on_hand"] == 1_000


async def test_a_bundle_that_explodes_beyond_all_bounds_leaves_the_line_alone(shop: Shop) -> None:
    part = await shop.product(stock=8)
    bundle = await shop.product(price=0, bundle=[{"sku": part, "quantity": 10**9}])
    since = (await shop.fleet())["link"]["since"]
    body = sale_of(bundle, 10**9) | {"tenders": []}
    async with shop.nothing_changes():
        plain = await shop.cashier.post("/v1/sales", body)
        forced = await shop.supervisor.post("/v1/sales", body | {"override": {"reason": "x"}})
        ordered = await shop.storefront.post("/v1/orders", order_of(bundle, 10**9))

    assert plain.refusal == forced.refusal == (422, "invalid-request")
    assert ordered.refusal == (409, "quota-short")
    assert (await shop.fleet())["link"]["since"] == since


async def test_a_body_of_ten_megabytes(shop: Shop) -> None:
    raw = b'{"register": "' + b"x" * 10_000_000 + b'"}'
    headers = {"Idempotency-Key": fresh("key")}
    async with shop.nothing_changes():
        for caller, path in ((shop.cashier, "/v1/sales"), (shop.admin, "/v1/orders")):
            reply = await caller.ask("POST", path, raw=raw, headers=headers)
            assert reply.refusal == (413, "too-large")
            assert reply.headers["Connection"] == "close"
            assert ("Countertop-Witness" in reply.headers) == (caller is shop.cashier)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe{}",
        b'{"register": "\xc3\x28"}',
        b'{"register": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\x00",
    ],
    ids=["empty", "cut", "words", "utf-16", "utf-8", "surrogate", "deep", "deeper", "nul"],
)
async def test_a_body_that_is_not_json_in_utf8(shop: Shop, raw: bytes) -> None:
    async with shop.nothing_changes():
        for caller, path in ((shop.cashier, "/v1/sales"), (shop.admin, "/v1/orders")):
            reply = await caller.ask(
                "POST", path, raw=raw, headers={"Idempotency-Key": fresh("key")}
            )
            assert reply.status in {400, 422}, reply
            assert reply.slug == "invalid-request"


@pytest.mark.parametrize("raw", [b"[]", b"7", b"null", b'"sale"'])
async def test_json_that_is_no_object(shop: Shop, raw: bytes) -> None:
    reply = await shop.cashier.ask(
        "POST", "/v1/sales", raw=raw, headers={"Idempotency-Key": fresh("key")}
    )

    assert reply.refusal == (422, "invalid-request")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 256}, {"Idempotency-Key": "é"}],
    ids=["missing", "empty", "overlong", "not printable ASCII"],
)
async def test_an_idempotency_key_that_is_none(shop: Shop, headers: Mapping[str, str]) -> None:
    sku = await shop.product(stock=8)
    calls: list[tuple[Caller, str, Any]] = [
        (shop.cashier, "/v1/sales", sale_of(sku)),
        (shop.manager, "/v1/stock/receipts", {"lines": [{"sku": sku, "quantity": 1}],
                                              "reference": "r"}),
        (shop.manager, "/v1/stock/adjustments", {"sku": sku, "delta": 1, "reason": "found"}),
        (shop.cashier, "/v1/orders/hub.1-1/events", {"type": "collected"}),
        (shop.cashier, "/v1/sales/riverside.1-1/print", {}),
        (shop.storefront, "/v1/orders", order_of(sku)),
        (shop.storefront, "/v1/orders/hub.1-1/events", {"type": "paid"}),
    ]  # fmt: skip
    async with shop.nothing_changes():
        for caller, path, body in calls:
            reply = await caller.ask("POST", path, body=body, headers=headers)
            assert reply.refusal == (400, "invalid-request"), path


async def test_a_key_of_255_characters_is_taken(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    key = "k" * 255

    first = await shop.cashier.post("/v1/sales", sale_of(sku), key=key)
    again = await shop.cashier.post("/v1/sales", sale_of(sku), key=key)

    assert first.status == 201
    assert again.body == first.body


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v2", 404, "not-found"),
        ("DELETE", "/v1/sales", 405, "method-not-allowed"),
        ("PUT", "/v1/sales/x", 405, "method-not-allowed"),
        ("GET", "/v1/sales/riverside.1-99999999999999999999", 404, "not-found"),
        ("GET", "/v1/sales/%F0%9F%8D%8E", 404, "not-found"),
        ("GET", "/v1/sales/hub.1-1", 404, "not-found"),
        ("GET", "/v1/orders/none", 404, "not-found"),
        ("GET", "/v1/live", 400, "invalid-request"),
        ("GET", "/v1/sales?sort=up", 400, "invalid-request"),
        ("GET", "/v1/status?verbose=1", 400, "invalid-request"),
    ],
)
async def test_addresses_that_are_none_carry_the_witness_too(
    shop: Shop, method: str, path: str, status: int, slug: str
) -> None:
    reply = await shop.cashier.ask(method, path)

    await refused(shop, reply, status, slug)


async def test_every_kind_of_answer_of_a_gateway_carries_the_witness(shop: Shop) -> None:
    nobody = Caller(client=shop.client, url=shop.gateway.url)
    replies = [
        await nobody.get("/healthz"),
        await nobody.get("/openapi.json"),
        await nobody.get("/status"),
        await nobody.get("/v1/sales"),
        await nobody.ask("HEAD", "/healthz"),
        await nobody.ask("OPTIONS", "/v1/sales"),
        await shop.technician.get("/v1/sales"),
        await shop.cashier.get("/v1/sales"),
    ]

    assert [reply.status for reply in replies] == [200, 200, 200, 401, 200, 405, 403, 200]
    for reply in replies:
        writer, seq, digest = reply.witness.split(";")
        assert writer == "riverside.1"
        assert int(seq) > 0
        assert len(bytes.fromhex(digest)) == 32
