"""Goal: an adjustment says why, from a closed list, and the stock shows what the reason did.

Method: a running gateway behind a running hub; each test has a product of its own.
"""

import pytest

from devices.sim.wan import WanMode
from retail.stock.stock_reasons import REASONS
from tests.programs import Reply, Shop, fresh, sale_of

PATH = "/v1/stock/adjustments"


def body_of(sku: str, delta: int, reason: str, **more: object) -> dict[str, object]:
    return {"sku": sku, "delta": delta, "reason": reason, **more}


async def test_the_hub_sees_what_each_reason_did(shop: Shop) -> None:
    sku = await shop.product(stock=20, safety_stock=20)  # all of it is the store's
    for delta, reason in (
        (-2, "theft"), (3, "found"), (-5, "damaged"), (1, "repaired"),
        (-1, "damaged_written_off"), (-1, "damaged_returned_to_vendor"), (-4, "return_to_vendor"),
    ):  # fmt: skip
        await shop.manager.done(PATH, body_of(sku, delta, reason))
    await shop.settled()

    stock, at_hub = await shop.stock(sku), await shop.hub_stock(sku)
    moves = [one for one in await shop.auditor.all("/v1/movements") if one["sku"] == sku]

    assert (stock["on_hand"], stock["damaged"], stock["available"], stock["deficit"]) == (
        15, 2, 13, 0,
    )  # fmt: skip
    assert {name: at_hub[name] for name in ("on_hand", "damaged", "available")} == {
        "on_hand": 15, "damaged": 2, "available": 13,
    }  # fmt: skip
    assert [(one["quantity"], one["reason"]) for one in moves[1:]] == [
        (-2, "theft"), (3, "found"), (-1, "damaged_written_off"),
        (-1, "damaged_returned_to_vendor"), (-4, "return_to_vendor"),
    ]  # fmt: skip
    assert {one["kind"] for one in moves[1:]} == {"adjustment"}


async def test_an_adjustment_answers_the_stock_it_left_and_is_booked_once(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    key = fresh("key")
    body = body_of(sku, -2, "damaged", note="fell off the truck")

    first = await shop.supervisor.post(PATH, body, key=key)
    again = await shop.supervisor.post(PATH, body, key=key)
    other = await shop.supervisor.post(PATH, body | {"note": "or so"}, key=key)

    assert first.status == 201
    assert again.body == first.body
    assert other.refusal == (422, "invalid-request")
    assert set(first.json) == {
        "id", "location", "at", "sku", "delta", "reason", "note", "on_hand", "damaged",
        "quality_control", "deficit", "by",
    }  # fmt: skip
    assert (first.json["on_hand"], first.json["damaged"]) == (8, 2)
    assert first.json["note"] == "fell off the truck"


@pytest.mark.parametrize("reason", ["eaten", "THEFT", "because", "count_up"])
async def test_a_reason_that_nobody_defined_is_refused_with_the_list(
    shop: Shop, reason: str
) -> None:
    sku = await shop.product(stock=8)

    async with shop.nothing_changes():
        reply = await shop.manager.post(PATH, body_of(sku, -1, reason))

    assert reply.refusal == (422, "invalid-request")
    assert all(code in reply.json["detail"] for code in REASONS)
    assert reply.json["field"] == "$.reason"


async def test_what_cannot_be_is_refused_and_changes_nothing(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    bag = await shop.product(stock_policy="untracked")
    pack = await shop.product(bundle=[{"sku": sku, "quantity": 2}])
    bodies: list[object] = [
        body_of(sku, 1, "theft"), body_of(sku, -1, "found"), body_of(sku, 1, "damaged"),
        body_of(sku, 1, "repaired"), body_of(sku, -1, "damaged_written_off"),
        body_of(sku, 1, "inspected_restocked"), body_of(sku, -1, "inspected_damaged"),
        body_of(sku, -9, "theft"), body_of(sku, -9, "damaged"), body_of(sku, 0, "count"),
        body_of(sku, -9, "return_to_vendor"), body_of(sku, -1, "theft", note=7),
        body_of(sku, -1, "theft", note="x" * 501), body_of(sku, -1, "theft", why="x"),
        body_of(sku, -1, ""), {"sku": sku, "delta": -1}, body_of(bag, -1, "theft"),
        body_of(pack, -1, "theft"),
    ]  # fmt: skip

    replies: list[Reply] = []
    async with shop.nothing_changes():
        replies.extend([await shop.manager.post(PATH, body) for body in bodies])

    assert [reply.refusal for reply in replies] == [(422, "invalid-request")] * len(bodies)


async def test_goods_go_back_to_the_vendor_with_rights_or_not_at_all(shop: Shop) -> None:
    sku = await shop.product(stock=8)  # two of them are the website's
    await shop.wan.set_mode(WanMode.CUT)

    before = await shop.stock(sku)
    refused = await shop.manager.post(PATH, body_of(sku, -7, "return_to_vendor"))
    after = await shop.stock(sku)
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()
    done = await shop.manager.granted(PATH, body_of(sku, -7, "return_to_vendor"))

    assert refused.refusal == (409, "quota-short")
    assert (refused.json["wanted"], refused.json["sellable"]) == (7, 6)
    assert [one["quantity"] for one in refused.json["elsewhere"]] == [2]
    assert after == before
    assert (done["on_hand"], done["deficit"]) == (1, 0)


async def test_a_scale_sells_a_little_more_than_the_book_has(shop: Shop) -> None:
    sku = await shop.product(  # 60 g of it are the website's
        stock=240, price=1990, price_per_quantity=1000, stock_policy="tolerant"
    )

    too_much = await shop.cashier.post("/v1/sales", sale_of(sku, 260))
    sale = await shop.cashier.granted("/v1/sales", sale_of(sku, 252))
    nothing = await shop.cashier.post("/v1/sales", sale_of(sku, 1))
    await shop.settled()

    stock = await shop.hub_stock(sku)
    moves = [one for one in await shop.auditor.all("/v1/movements") if one["sku"] == sku]
    assert too_much.refusal == nothing.refusal == (409, "quota-short")
    assert sale["lines"][0]["total_minor"] == 501  # 252 g at 19.90 a kilogram
    assert (stock["on_hand"], stock["available"], stock["deficit"]) == (0, 0, 0)
    assert [(one["kind"], one["quantity"]) for one in moves] == [
        ("receipt", 240), ("sale", 12), ("sale", -252),
    ]  # fmt: skip


async def test_a_scale_is_believed_while_the_line_is_down(shop: Shop) -> None:
    sku = await shop.product(stock=240, stock_policy="tolerant", safety_stock=240)
    strict = await shop.product(stock=240, safety_stock=240)
    await shop.wan.set_mode(WanMode.CUT)

    replies = [
        await shop.cashier.post("/v1/sales", sale_of(one, grams))
        for one, grams in ((sku, 253), (sku, 252), (strict, 252))
    ]

    assert [reply.status for reply in replies] == [409, 201, 409]
    assert (await shop.stock(sku))["on_hand"] == 0
