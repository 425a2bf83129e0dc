"""Goal: the hub's catalogue, availability and fleet are what the contract says.

Method: a running hub with one store on the line.
"""

from datetime import UTC, datetime

import pytest

from devices.sim.wan import WanMode
from retail.products.catalogue import Product
from tests.programs import Shop, fresh, order_of, sale_of, until

PRODUCT = {
    "name": "Milk", "price_minor": 250, "currency": "USD", "tax_class": "standard", "barcodes": [],
}  # fmt: skip


async def test_a_product_is_created_changed_and_shown_at_once_in_both_places(shop: Shop) -> None:
    sku = await shop.product(price=250)
    body = PRODUCT | {
        "price_minor": 300, "safety_stock": 2, "description": "Whole", "variant": {"size": "1 l"},
        "stock_policy": "tolerant", "price_per_quantity": 1, "unit": "piece", "cost_minor": 180,
        "translations": {"ar": {"name": "حليب", "description": ""}}, "categories": ["Dairy"],
        "images": ["milk.jpg"], "archived": False, "draft": False,
    }  # fmt: skip

    changed = await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)

    async def heard() -> bool:
        view = await shop.cashier.read(f"/v1/products/{sku}")
        return bool(view["price_minor"] == 300)

    await until(heard)
    assert changed.status == 200
    assert {name: changed.json[name] for name in body} == body
    assert set(changed.json) == set(Product.__struct_fields__)
    assert (changed.json["sku"], changed.json["bundle"]) == (sku, [])
    shown = await shop.storefront.read(f"/v1/products/{sku}")
    assert shown == changed.json | {"online_price_minor": 300}
    view = await shop.cashier.read(f"/v1/products/{sku}")
    assert (view["description"], view["variant"]) == ("Whole", {"size": "1 l"})


async def test_a_sale_keeps_the_price_that_it_was_rung_up_with(shop: Shop) -> None:
    sku = await shop.product(price=250, stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku))

    await shop.admin.ask("PUT", f"/v1/products/{sku}", body=PRODUCT | {"price_minor": 999})
    await shop.settled()

    assert await shop.auditor.read(f"/v1/sales/{sale['id']}") == sale


async def test_products_are_listed_by_change_so_that_a_cursor_misses_none(shop: Shop) -> None:
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    skus = [await shop.product() for _ in range(3)]
    await shop.admin.ask("PUT", f"/v1/products/{skus[0]}", body=PRODUCT)

    changed = await shop.storefront.all(f"/v1/products?updated_since={before}")
    everything = await shop.storefront.all("/v1/products")
    first = await shop.storefront.read("/v1/products?limit=1")

    assert [one["sku"] for one in changed] == [*skus[1:], skus[0]]
    assert everything[-3:] == changed
    assert first["items"] == everything[:1]
    assert all(one["updated_at"] for one in everything)
    wrong = await shop.storefront.get("/v1/products?updated_since=yesterday")
    assert wrong.refusal == (400, "invalid-request")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": ""}, 422),
        ({"name": None}, 422),
        ({"price_minor": -1}, 422),
        ({"price_minor": 2.5}, 422),
        ({"currency": "usd"}, 422),
        ({"currency": "EUR"}, 422),
        ({"tax_class": "luxury"}, 422),
        ({"barcodes": ["1", "1"]}, 422),
        ({"barcodes": ["5901234123457"] * 60}, 422),
        ({"safety_stock": -1}, 422),
        ({"stock_policy": "lax"}, 422),
        ({"price_per_quantity": 0}, 422),
        ({"bundle": [{"sku": "no-such", "quantity": 1}]}, 422),
        ({"colour": "red"}, 422),
    ],
)
async def test_a_wrong_product_is_refused_and_not_stored(
    shop: Shop, change: dict[str, object], status: int
) -> None:
    sku = fresh("BAD")

    reply = await shop.admin.ask("PUT", f"/v1/products/{sku}", body=PRODUCT | change)

    assert reply.refusal == (status, "invalid-request")
    assert (await shop.admin.get(f"/v1/products/{sku}")).refusal == (404, "unknown-product")


@pytest.mark.parametrize("sku", ["%20lead", "semi%3Bcolon", "%2E%2E", "a%0Ab", "x" * 65])
async def test_a_sku_that_is_none_is_refused(shop: Shop, sku: str) -> None:
    reply = await shop.admin.ask("PUT", f"/v1/products/{sku}", body=PRODUCT)

    assert reply.refusal in {(422, "invalid-request"), (404, "not-found")}


async def test_a_barcode_belongs_to_one_product(shop: Shop) -> None:
    await shop.product(barcodes=["5901234123457"])

    reply = await shop.admin.ask(
        "PUT", f"/v1/products/{fresh('TWO')}", body=PRODUCT | {"barcodes": ["5901234123457"]}
    )

    assert reply.refusal == (409, "conflict")


async def test_availability_of_several_skus_and_of_none(shop: Shop) -> None:
    one, two = await shop.product(stock=8), await shop.product()

    both = await shop.storefront.read(f"/v1/availability?sku={one}&sku={two}")

    assert [(item["sku"], item["available_online"]) for item in both["items"]] == [
        (one, 8), (two, 0),
    ]  # fmt: skip
    assert both["next_cursor"] is None
    unknown = await shop.storefront.get("/v1/availability?sku=no-such")
    assert unknown.refusal == (404, "unknown-product")
    assert (await shop.storefront.get("/v1/availability")).refusal == (400, "invalid-request")


async def test_availability_of_a_store_that_is_cut_off_is_what_the_hub_holds(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    connected = await shop.offered(sku)

    await shop.wan.set_mode(WanMode.CUT)

    async def fallen_back() -> bool:
        return await shop.offered(sku) == 2

    await until(fallen_back)
    too_many = await shop.storefront.post("/v1/orders", order_of(sku, 3))
    ordered = await shop.storefront.post("/v1/orders", order_of(sku, 2))

    assert connected == 8
    assert too_many.refusal == (409, "quota-short")
    assert (too_many.json["wanted"], too_many.json["sellable"]) == (3, 2)
    [other] = too_many.json["elsewhere"]
    assert (other["location"], other["quantity"]) == ("riverside", 6)
    assert other["last_heard"] is not None
    assert ordered.status == 201


async def test_the_fleet_shows_link_journal_feed_and_version(shop: Shop) -> None:
    await shop.settled()
    row = await shop.fleet()

    async def counted() -> bool:  # the gateway counts every other second
        catch_up = (await shop.status())["catch_up"]
        return bool(catch_up["feed_cursor"] == row["feed"]["cursor"])

    await until(counted)
    status = await shop.status()
    assert row["name"] == "Riverside"
    assert row["kind"] == "store"
    assert row["link"]["state"] == "connected"
    assert row["link"]["since"] is not None
    assert row["link"]["last_heard"] is not None
    assert row["journal"] == {"writer": "riverside.1", "seq": status["journal"]["last_seq"]}
    assert row["feed"]["cursor"] == row["feed"]["newest"]
    assert row["version"] == status["version"]


async def test_the_status_of_the_gateway_has_every_part(shop: Shop) -> None:
    status = await shop.status()

    assert set(status) == {
        "headline", "safe_to_unplug", "location", "writer", "link", "journal", "quota",
        "registers", "devices", "storage", "clock", "selling", "catch_up", "set_aside", "version",
        "started_at", "network", "machine", "versions", "errors", "alerts", "doubtful_jobs",
        "receipt_troubles", "image", "new_box", "register_images", "refused_registers",
    }  # fmt: skip
    assert status["headline"].startswith("Selling normally.")
    assert status["safe_to_unplug"] is True
    assert status["selling"] == {"state": "normal", "reason": None}
    assert status["location"] == {"id": "riverside", "name": "Riverside"}
    assert {device["kind"] for device in status["devices"]} == {"scanner", "printer"}
    assert status["storage"]["file_bytes"] > 0


async def test_both_programs_are_healthy_and_ready(shop: Shop) -> None:
    for caller in (shop.cashier, shop.admin):
        health = await caller.read("/healthz")
        assert health["status"] == "ready"
