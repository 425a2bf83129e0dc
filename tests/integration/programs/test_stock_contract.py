"""Goal: stock over HTTP is what the contract says: what came, what went, who may sell it, and why.

Method: a running gateway behind a running hub; each test has a product of its own.
"""

import asyncio

from devices.sim.wan import WanMode
from tests.programs import Shop, fresh, order_of, sale_of, until

STOCK_FIELDS = {
    "sku", "location", "on_hand", "available", "held", "committed", "damaged", "quality_control",
    "deficit", "incoming", "safety_stock", "quota",
}  # fmt: skip


def loss(sku: str, units: int) -> object:
    return {"sku": sku, "delta": -units, "reason": "broken"}


async def test_goods_that_arrive_are_sold_by_the_store_and_shared_with_the_hub(shop: Shop) -> None:
    sku = await shop.product(stock=8, safety_stock=1)

    stock = await shop.stock(sku)

    assert set(stock) == STOCK_FIELDS
    assert stock == dict.fromkeys(STOCK_FIELDS, 0) | {
        "sku": sku, "location": "riverside", "on_hand": 8, "available": 8, "safety_stock": 1,
        "quota": 7,
    }  # fmt: skip
    at_hub = await shop.admin.read(f"/v1/stock/{sku}")
    assert (at_hub["on_hand"], at_hub["available"], at_hub["committed"]) == (8, 8, 0)
    assert at_hub["locations"][0].pop("last_heard") is not None
    assert at_hub["locations"] == [
        dict.fromkeys(STOCK_FIELDS - {"sku", "quota"}, 0)
        | {"location": "riverside", "on_hand": 8, "available": 8, "safety_stock": 1,
           "quota_store": 7, "quota_online": 1, "frozen": 0}
    ]  # fmt: skip
    offered = await shop.admin.read(f"/v1/availability/{sku}")
    assert offered["locations"][0].pop("last_heard") is not None
    assert offered == {
        "sku": sku, "available_online": 7,
        "locations": [{"location": "riverside", "name": "Riverside", "available_online": 7}],
    }  # fmt: skip


async def test_a_receipt_answers_what_it_booked_and_is_booked_once(shop: Shop) -> None:
    sku = await shop.product()
    key = fresh("key")
    body = {
        "lines": [{"sku": sku, "quantity": 3, "unit_cost_minor": 40}, {"sku": sku, "quantity": 2}],
        "reference": "PO 7", "supplier": "Mill", "transfer": "harbour.1-7-riverside",
    }  # fmt: skip

    first = await shop.supervisor.post("/v1/stock/receipts", body, key=key)
    again = await shop.supervisor.post("/v1/stock/receipts", body, key=key)
    other = await shop.supervisor.post("/v1/stock/receipts", body | {"reference": "PO 8"}, key=key)

    receipt = first.json
    assert first.status == 201
    assert again.body == first.body
    assert other.refusal == (422, "invalid-request")
    assert (receipt["reference"], receipt["supplier"], receipt["transfer"]) == (
        "PO 7",
        "Mill",
        "harbour.1-7-riverside",
    )
    assert [line["unit_cost_minor"] for line in receipt["lines"]] == [40, None]
    assert receipt["location"] == "riverside"
    assert (await shop.stock(sku))["on_hand"] == 5


async def test_movements_tell_what_came_and_went_with_who_and_why(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    await shop.manager.done("/v1/stock/adjustments", loss(sku, 1))
    await shop.settled()

    here = [one for one in await shop.cashier.all("/v1/movements") if one["sku"] == sku]
    there = [one for one in await shop.auditor.all("/v1/movements") if one["sku"] == sku]
    by_writer = await shop.auditor.all("/v1/movements?writer=riverside.1&location=riverside")

    assert [(one["kind"], one["quantity"]) for one in here] == [
        ("receipt", 8), ("sale", -2), ("adjustment", -1),
    ]  # fmt: skip
    assert here[0]["reference"] == "paper"
    assert here[1]["seq"] == sale["seq"]
    assert here[1]["actor"] == {"register": "till-1", "person": sale["cashier"]}
    assert here[2]["reason"] == "broken"
    assert there == here
    assert [one for one in by_writer if one["sku"] == sku] == here
    assert await shop.auditor.all("/v1/movements?writer=riverside.2") == []


async def test_movements_come_in_pages_that_split_no_entry_wrongly(shop: Shop) -> None:
    one, two = await shop.product(), await shop.product()
    lines = [{"sku": one, "quantity": 4}, {"sku": two, "quantity": 5}]
    await shop.manager.done("/v1/stock/receipts", {"lines": lines, "reference": "r"})
    whole = await shop.cashier.all("/v1/movements")

    found: list[object] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await shop.cashier.read(f"/v1/movements?limit=1{cursor and '&cursor=' + cursor}")
        found += page["items"]
        cursor = page["next_cursor"]

    assert found == whole


async def test_found_goods_can_be_sold_and_lost_ones_cannot(shop: Shop) -> None:
    sku = await shop.product(stock=2)

    found = await shop.manager.done(
        "/v1/stock/adjustments", {"sku": sku, "delta": 3, "reason": "found"}
    )
    lost = await shop.manager.done("/v1/stock/adjustments", loss(sku, 1))

    assert (found["delta"], found["on_hand"], found["deficit"]) == (3, 5, 0)
    assert (lost["delta"], lost["on_hand"], lost["deficit"]) == (-1, 4, 0)


async def test_an_adjustment_of_nothing_or_of_more_than_there_is_is_refused(shop: Shop) -> None:
    sku = await shop.product(stock=2)

    async with shop.nothing_changes():
        nothing = await shop.manager.post("/v1/stock/adjustments", loss(sku, 0))
        too_much = await shop.manager.post("/v1/stock/adjustments", loss(sku, 3))
        unknown = await shop.manager.post("/v1/stock/adjustments", loss("no-such", 1))

    assert nothing.refusal == too_much.refusal == (422, "invalid-request")
    assert unknown.refusal == (404, "unknown-product")


async def test_a_loss_beyond_quota_is_booked_and_what_was_promised_is_the_deficit(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=8)
    await shop.storefront.done("/v1/orders", order_of(sku, 1))
    await shop.settled()

    lost = await shop.manager.done("/v1/stock/adjustments", loss(sku, 8))
    await shop.settled()
    await shop.settled()

    stock = await shop.stock(sku)
    assert lost["on_hand"] == 0
    assert (stock["on_hand"], stock["available"], stock["committed"]) == (0, 0, 1)
    assert stock["deficit"] == 1  # the unit that the order was promised
    assert await shop.offered(sku) == 0
    refused = await shop.storefront.post("/v1/orders", order_of(sku))
    assert refused.refusal == (409, "quota-short")


async def test_an_override_takes_what_the_hub_has_before_it_overdraws(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    over = {"override": {"reason": "in the customer's hand"}}

    sale = await shop.supervisor.done("/v1/sales", sale_of(sku, 8) | over)

    async def even() -> bool:  # at once, or when a grant that came too late has covered it
        stock = await shop.stock(sku)
        return (stock["on_hand"], stock["available"], stock["deficit"]) == (0, 0, 0)

    await until(even)
    assert sale["override"] == {"reason": over["override"]["reason"], "by": sale["cashier"]}


async def test_an_overdraw_is_shown_kept_from_the_website_and_covered_by_what_comes(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=4)
    over = sale_of(sku, 6) | {"override": {"reason": "the shelf has more"}}

    async with shop.nothing_changes():
        refused = await shop.cashier.post("/v1/sales", over)
    await shop.supervisor.done("/v1/sales", over)
    await shop.settled()
    await shop.settled()
    overdrawn = await shop.stock(sku)
    online = await shop.offered(sku)
    await shop.receive(sku, 5)
    after = await shop.stock(sku)

    assert refused.refusal == (403, "forbidden")
    assert (overdrawn["on_hand"], overdrawn["available"], overdrawn["deficit"]) == (-2, 0, 2)
    assert overdrawn["quota"] == online == 0
    assert (after["on_hand"], after["available"], after["deficit"]) == (3, 3, 0)


async def test_an_overdraw_while_cut_off_is_covered_from_the_online_quota(shop: Shop) -> None:
    sku = await shop.product(stock=8)  # 6 in the store, 2 online
    await shop.wan.set_mode(WanMode.CUT)

    await shop.supervisor.done("/v1/sales", sale_of(sku, 7) | {"override": {"reason": "in hand"}})
    alone = await shop.stock(sku)
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()

    async def covered() -> bool:
        return bool((await shop.stock(sku))["deficit"] == 0)

    await until(covered)
    await shop.settled()
    assert (alone["deficit"], alone["on_hand"]) == (1, 1)
    assert (await shop.hub_stock(sku))["on_hand"] == 1
    assert await shop.offered(sku) == 1


async def test_safety_stock_is_a_floor_online_and_a_walk_in_buys_the_last_unit(shop: Shop) -> None:
    sku = await shop.product(stock=8, safety_stock=3)
    offered = await shop.offered(sku)

    refused = await shop.storefront.post("/v1/orders", order_of(sku, 6))
    await shop.storefront.granted("/v1/orders", order_of(sku, 5))
    await shop.settled()
    at_floor = await shop.offered(sku)
    for _ in range(3):
        await shop.cashier.granted("/v1/sales", sale_of(sku))
    sold_out = await shop.cashier.post("/v1/sales", sale_of(sku))

    assert (offered, at_floor) == (5, 0)
    assert refused.refusal == sold_out.refusal == (409, "quota-short")


async def test_the_last_units_are_sold_to_a_till_that_asks_the_hub(shop: Shop) -> None:
    sku = await shop.product(stock=8)

    await shop.cashier.granted("/v1/sales", sale_of(sku, 8))
    await shop.settled()

    assert (await shop.hub_stock(sku))["on_hand"] == 0


async def test_the_last_units_are_sold_to_a_checkout_that_asks_the_store(shop: Shop) -> None:
    sku = await shop.product(stock=8)

    await shop.storefront.granted("/v1/orders", order_of(sku, 8))
    await shop.settled()

    assert (await shop.stock(sku))["committed"] == 8
    assert (await shop.cashier.post("/v1/sales", sale_of(sku))).refusal == (409, "quota-short")


async def test_till_and_checkout_want_the_last_unit_and_exactly_one_gets_it(shop: Shop) -> None:
    skus = [await shop.product() for _ in range(30)]
    for number, sku in enumerate(skus):  # the last unit lies with the store, or with the hub
        units = 4 if number % 2 else 1
        await shop.manager.done(
            "/v1/stock/receipts",
            {"lines": [{"sku": sku, "quantity": units}], "reference": "r"},
        )
        if units > 1:
            await shop.cashier.done("/v1/sales", sale_of(sku, units - 1))
    await shop.settled()

    async def race(sku: str) -> list[int]:
        async def run() -> list[int] | None:  # run again when the grant came too late for both
            replies = await asyncio.gather(
                shop.cashier.post("/v1/sales", sale_of(sku)),
                shop.storefront.post("/v1/orders", order_of(sku)),
            )
            statuses = sorted(reply.status for reply in replies)
            return None if statuses == [409, 409] else statuses

        return await until(run)

    outcomes = [await race(sku) for sku in skus]
    await shop.settled()

    assert outcomes == [[201, 409]] * 30
    for sku in skus:
        stock = await shop.hub_stock(sku)
        assert (stock["available"], stock["deficit"]) == (0, 0)


async def test_products_are_found_by_name_sku_and_barcode(shop: Shop) -> None:
    sku = await shop.product(name="Blue Poppyseed Roll", barcodes=["96385074"], stock=4)

    view = await shop.cashier.read(f"/v1/products/{sku}")
    found = [(await shop.cashier.all(f"/v1/products?q={q}")) for q in ("poppy", sku, "96385074")]

    assert set(view) == {
        "sku", "name", "price_minor", "price_per_quantity", "currency", "tax_class", "barcodes",
        "stock_policy", "description", "variant", "quota", "translations", "unit", "archived",
        "draft",
    }  # fmt: skip
    assert view["quota"] == 3
    assert all([one["sku"] for one in each] == [sku] for each in found)
    missing = await shop.cashier.get("/v1/lookup?code=0000000000")
    assert missing.refusal == (404, "unknown-product")
    assert (await shop.cashier.get("/v1/lookup")).refusal == (400, "invalid-request")
