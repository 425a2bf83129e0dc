"""Goal: prices, promotions and quotes over HTTP, and what bad input gets.

Method: a running gateway behind a running hub; each test has products and rules of its own, and
takes the rules back.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.sim.wan import WanMode
from tests.programs import Reply, Shop, fresh, order_of, sale_of, until


@contextlib.asynccontextmanager
async def price_list(shop: Shop, prices: dict[str, int], **more: object) -> AsyncIterator[str]:
    """A price list, told to the store, for as long as the block lasts."""
    name = fresh("list")
    body = {"name": "Autumn", "currency": "USD", "prices": prices} | more
    async with rule(shop, f"/v1/prices/{name}", body):
        yield name


@contextlib.asynccontextmanager
async def promotion(shop: Shop, effect: object, **more: object) -> AsyncIterator[str]:
    """A promotion, told to the store, for as long as the block lasts."""
    name = fresh("offer")
    body = {"name": "A tenth off", "effect": effect} | more
    async with rule(shop, f"/v1/promotions/{name}", body):
        yield name


@contextlib.asynccontextmanager
async def rule(shop: Shop, path: str, body: object) -> AsyncIterator[None]:
    """Either."""
    reply = await shop.admin.ask("PUT", path, body=body)
    assert reply.status == 201, reply
    await shop.settled()
    try:
        yield
    finally:
        assert (await shop.admin.ask("DELETE", path)).status == 200
        await shop.settled()


def tenth_of(sku: str) -> dict[str, object]:
    return {"kind": "percentage", "skus": [sku], "off_bp": 1000}


async def quote(shop: Shop, sku: str, quantity: int = 1, **more: object) -> Any:  # noqa: ANN401
    """What a till is told that it costs."""
    reply = await ask_quote(shop, sku, quantity, **more)
    assert reply.status == 200, reply
    return reply.json


async def ask_quote(shop: Shop, sku: str, quantity: int = 1, **more: object) -> Reply:
    body = {"lines": [{"sku": sku, "quantity": quantity}]} | more
    return await shop.cashier.ask("POST", "/v1/quotes", body=body)


async def test_a_quote_is_what_the_sale_then_costs(shop: Shop) -> None:
    sku = await shop.product(stock=20, safety_stock=20)
    async with price_list(shop, {sku: 80}), promotion(shop, tenth_of(sku)) as offer:
        quoted = await quote(shop, sku, 10)
        sale = await shop.cashier.done("/v1/sales", sale_of(sku, 10) | {
            "expected_total_minor": quoted["total_minor"],
        })  # fmt: skip
        receipt = await shop.cashier.get(f"/v1/sales/{sale['id']}/receipt")

    assert (quoted["total_minor"], sale["total_minor"]) == (720, 720)
    assert quoted["lines"] == sale["lines"]
    assert quoted["promotions"] == [{"id": offer, "name": "A tenth off", "coupon": None}]
    assert sale["lines"][0]["discounts"] == [
        {"promotion": offer, "name": "A tenth off", "amount_minor": 80}
    ]
    assert b"A tenth off: -0.80" in receipt.body


async def test_a_quote_changes_nothing_and_wants_no_key(shop: Shop) -> None:
    sku = await shop.product(stock=5)

    async with shop.nothing_changes():
        at_gateway = await ask_quote(shop, sku, 3, register="till-1")
        at_hub = await shop.storefront.ask(
            "POST", "/v1/quotes", body={"lines": [{"sku": sku, "quantity": 3}]}
        )

    assert (at_gateway.status, at_hub.status) == (200, 200)
    assert at_gateway.json == at_hub.json


async def test_a_product_shows_the_price_of_the_shelf(shop: Shop) -> None:
    sku = await shop.product()
    async with price_list(shop, {sku: 80}):
        during = await shop.cashier.read(f"/v1/products/{sku}")
    after = await shop.cashier.read(f"/v1/products/{sku}")

    assert (during["price_minor"], after["price_minor"]) == (80, 100)


async def test_an_order_is_priced_with_the_prices_of_the_web(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    coupon = fresh("WEB").upper()
    async with promotion(shop, tenth_of(sku), channels=["online"], coupon=coupon):
        body = order_of(sku, 10) | {"coupon": coupon.lower(), "expected_total_minor": 900}
        order = await shop.storefront.granted("/v1/orders", body)
        other = await shop.storefront.post("/v1/orders", body | {"expected_total_minor": 1000})
        in_store = await ask_quote(shop, sku, 10, coupons=[coupon])

    assert order["total_minor"] == 900
    assert other.refusal == (409, "price-changed")
    assert in_store.refusal == (422, "invalid-request")
    assert "another channel" in in_store.json["detail"]


async def test_prices_written_during_a_cut_are_charged_after_it(shop: Shop) -> None:
    sku = await shop.product(stock=20, safety_stock=20)
    name = fresh("list")
    path, body = f"/v1/prices/{name}", {"name": "x", "currency": "USD", "prices": {sku: 70}}
    await shop.settled()
    await shop.wan.set_mode(WanMode.CUT)
    try:
        assert (await shop.admin.ask("PUT", path, body=body)).status == 201
        cut_off = (await quote(shop, sku))["total_minor"]
    finally:
        await shop.wan.set_mode(WanMode.PASS)

    async def cheaper() -> bool:
        return bool((await quote(shop, sku))["total_minor"] == 70)

    await until(cheaper)
    assert cut_off == 100
    assert (await shop.admin.ask("DELETE", path)).status == 200


async def test_an_increase_waits_for_the_next_business_day_unless_it_is_forced(shop: Shop) -> None:
    sku, forced = await shop.product(), await shop.product()
    async with (
        price_list(shop, {sku: 150}) as name,
        price_list(shop, {forced: 150}, force=True),
    ):
        kept = await shop.auditor.read(f"/v1/prices/{name}")
        totals = [(await quote(shop, one))["total_minor"] for one in (sku, forced)]

    assert kept["rises"][sku]["price_minor"] == 100
    assert totals == [100, 150]


async def test_overlapping_lists_are_refused_with_both_ids_and_the_sku(shop: Shop) -> None:
    sku = await shop.product()
    async with price_list(shop, {sku: 80}) as first:
        async with shop.nothing_changes():
            second = fresh("list")
            body = {"name": "x", "currency": "USD", "prices": {sku: 70}}
            reply = await shop.admin.ask("PUT", f"/v1/prices/{second}", body=body)

        assert reply.refusal == (409, "conflict")
        assert (reply.json["price_list"], reply.json["overlaps"]) == (second, first)
        assert reply.json["sku"] == sku
        assert (await shop.admin.get(f"/v1/prices/{second}")).refusal == (404, "not-found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("prices", {"prices": {"NO-SUCH": 1}}, "$.prices.NO-SUCH"),
        ("prices", {"prices": {"NO-SUCH": -1}}, "$.prices[NO-SUCH]"),
        ("prices", {"prices": {}, "currency": "EUR"}, "$.currency"),
        ("promotions", {"effect": {"kind": "percentage", "skus": "all", "off_bp": 10001}},
         "$.effect.off_bp"),
        ("promotions", {"effect": {"kind": "free", "skus": "all"}}, "$.effect.kind"),
        ("promotions", {"effect": {"kind": "percentage", "skus": "all", "off_bp": 10},
                        "max_usage": 0}, "$.max_usage"),
    ],
)  # fmt: skip
async def test_a_rule_that_makes_no_sense_is_refused_with_its_field(
    shop: Shop, path: str, body: dict[str, object], field: str
) -> None:
    full = {"name": "x"} | ({"currency": "USD"} if path == "prices" else {}) | body
    async with shop.nothing_changes():
        reply = await shop.admin.ask("PUT", f"/v1/{path}/{fresh('rule')}", body=full)

    assert reply.refusal == (422, "invalid-request")
    assert reply.json["field"] == field


async def test_a_promotion_that_would_make_a_price_negative_is_refused(shop: Shop) -> None:
    sku = await shop.product(price=100)
    effect = {"kind": "amount", "skus": [sku], "off_minor": 101}
    body = {"name": "x", "currency": "USD", "effect": effect}

    reply = await shop.admin.ask("PUT", f"/v1/promotions/{fresh('offer')}", body=body)

    assert reply.refusal == (422, "invalid-request")
    assert reply.json["field"] == "$.effect.off_minor"
    assert sku in reply.json["detail"]


async def test_a_coupon_that_nobody_knows_is_refused_and_nothing_is_sold(shop: Shop) -> None:
    sku = await shop.product(stock=5)

    async with shop.nothing_changes():
        reply = await shop.cashier.post("/v1/sales", sale_of(sku) | {"coupons": ["NOBODY"]})

    assert reply.refusal == (422, "invalid-request")
    assert reply.json["field"] == "$.coupons[0]"


async def test_a_discount_by_hand_is_the_cashiers_up_to_a_limit(shop: Shop) -> None:
    sku = await shop.product(stock=20, safety_stock=20)
    body = sale_of(sku, 10) | {"discounts": [{"reason": "dented", "off_bp": 1000}]}

    refused = await shop.cashier.post("/v1/sales", body)
    sale = await shop.supervisor.done("/v1/sales", body)

    assert refused.refusal == (403, "forbidden")
    assert refused.json["limit_minor"] == 50
    assert sale["total_minor"] == 900


@pytest.mark.parametrize("path", ["/v1/prices/autumn", "/v1/promotions/autumn"])
async def test_only_an_admin_writes_rules(shop: Shop, path: str) -> None:
    for caller in (shop.storefront, shop.auditor):
        for method in ("PUT", "DELETE"):
            body: dict[str, object] | None = {} if method == "PUT" else None
            reply = await caller.ask(method, path, body=body)
            assert reply.refusal == (403, "forbidden")


async def test_an_id_that_is_none_is_refused(shop: Shop) -> None:
    body = {"name": "x", "currency": "USD", "prices": {}}

    reply = await shop.admin.ask("PUT", "/v1/prices/Autumn%20Sale", body=body)

    assert reply.refusal == (422, "invalid-request")


async def test_rules_are_listed_by_id_in_pages(shop: Shop) -> None:
    sku = await shop.product()
    async with promotion(shop, tenth_of(sku)) as one, promotion(shop, tenth_of(sku)) as two:
        first = await shop.auditor.read("/v1/promotions?limit=1")
        listed = [row["id"] for row in await shop.auditor.all("/v1/promotions")]

    assert len(first["items"]) == 1
    assert first["next_cursor"] is not None
    assert {one, two} <= set(listed)
    assert listed == sorted(listed)


async def test_labels_are_due_until_they_are_printed(shop: Shop) -> None:
    sku = await shop.product()

    async def due() -> list[Any]:
        return [one for one in await shop.cashier.all("/v1/labels") if one["sku"] == sku]

    (before,) = await due()
    report = {"labels": [{"sku": sku, "price_minor": before["price_minor"]}]}
    await shop.cashier.done("/v1/labels/printed", report)

    assert (before["price_minor"], before["printed_minor"]) == (100, None)
    assert await due() == []
    async with price_list(shop, {sku: 80}):
        (cheaper,) = await due()
    assert (cheaper["price_minor"], cheaper["printed_minor"]) == (80, 100)


async def test_the_storefronts_products_show_what_a_quote_then_asks(shop: Shop) -> None:
    sku = await shop.product(price=100)
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"lines": [{"sku": sku, "quantity": 1}]}

    async def prices() -> tuple[int, int, int]:
        one = await shop.storefront.read(f"/v1/products/{sku}")
        quoted = await shop.storefront.ask("POST", "/v1/quotes", body=body)
        return one["price_minor"], one["online_price_minor"], quoted.json["total_minor"]

    assert await prices() == (100, 100, 100)
    async with (
        price_list(shop, {sku: 90}, channel="online"),
        price_list(shop, {sku: 70}, channel="store"),
        price_list(shop, {sku: 60}, customer_group="wholesale"),
    ):
        assert await prices() == (100, 90, 90)
        changed = await shop.storefront.all(f"/v1/products?updated_since={before}")
        assert [(one["sku"], one["online_price_minor"]) for one in changed] == [(sku, 90)]
    assert await prices() == (100, 100, 100)


async def test_a_quote_for_a_place_that_is_not_there_is_refused(shop: Shop) -> None:
    sku = await shop.product()
    body = {
        "lines": [{"sku": sku, "quantity": 1}],
        "fulfilment": {"type": "pickup", "location": "mars"},
    }

    reply = await shop.storefront.ask("POST", "/v1/quotes", body=body)

    assert reply.refusal == (422, "invalid-request")
    assert reply.json["field"] == "$.fulfilment.location"


async def test_a_key_that_is_no_sku_names_the_field_that_it_is_in(shop: Shop) -> None:
    body = {"name": "Autumn", "currency": "USD", "prices": {"a/b": 100}}

    reply = await shop.admin.ask("PUT", f"/v1/prices/{fresh('list')}", body=body)

    assert reply.refusal == (422, "invalid-request")
    assert reply.json["field"] == "$.prices"
