"""Goal: the shortage queue shows what was promised and is not there, and what is done about it.

Method: a running hub and gateway. Goods that were ordered break in the store; the back office
accepts what is proposed, once; the store's answer ends the shortage.
"""

from typing import Any

from tests.programs import Shop, order_of, until

SHORTAGE_FIELDS = {
    "id", "kind", "state", "units", "location", "sku", "order", "allocation", "amount_minor",
    "currency", "notice", "opened_at", "proposal", "resolution", "resolved_at", "payment",
}  # fmt: skip


async def promised(shop: Shop, units: int) -> tuple[str, Any]:
    """A product of which all units are promised to one customer, who comes to collect them."""
    sku = await shop.product(price=250, stock=units)
    order = await shop.storefront.done("/v1/orders", order_of(sku, units))
    await shop.settled()
    assert (await shop.stock(sku))["committed"] == units
    return sku, order


async def broken(shop: Shop, sku: str, units: int) -> Any:  # noqa: ANN401
    """Some of it breaks in the store; what the queue says then."""
    body = {"sku": sku, "delta": -units, "reason": "breakage"}
    await shop.manager.done("/v1/stock/adjustments", body)
    return await item(shop, sku, "open")


async def item(shop: Shop, sku: str, state: str) -> Any:  # noqa: ANN401
    """The shortage of a SKU, once it is in that state."""

    async def found() -> Any:  # noqa: ANN401
        listed = await shop.auditor.all(f"/v1/shortages?state={state}")
        return [one for one in listed if one["sku"] == sku]

    return (await until(found))[0]


async def test_breakage_below_what_was_promised_is_a_shortage_with_a_proposal(shop: Shop) -> None:
    sku, order = await promised(shop, 4)

    short = await broken(shop, sku, 1)

    assert set(short) == SHORTAGE_FIELDS
    assert (short["kind"], short["units"], short["location"]) == ("deficit", 1, "riverside")
    assert short["proposal"]["action"] == "cancel", "no other location has any"
    assert short["proposal"]["order"] == order["id"]
    assert await shop.admin.read(f"/v1/shortages/{short['id']}") == short
    assert (await shop.hub_stock(sku))["deficit"] == 1


async def test_a_proposal_is_accepted_once_and_the_store_s_answer_ends_it(shop: Shop) -> None:
    sku, order = await promised(shop, 4)
    short = await broken(shop, sku, 1)
    path = f"/v1/shortages/{short['id']}/resolve"

    accepted = await shop.admin.post(path, {}, key="accept-" + sku)
    twice = await shop.admin.post(path, {})
    repeated = await shop.admin.post(path, {}, key="accept-" + sku)
    closed = await item(shop, sku, "resolved")
    still = await shop.admin.post(path, {})

    assert accepted.status == 201
    assert accepted.json["state"] == "resolving"
    assert twice.refusal == still.refusal == (409, "conflict")
    assert repeated.body == accepted.body
    assert "riverside.1-" in closed["resolution"]["how"]
    stock = await shop.hub_stock(sku)
    assert (stock["deficit"], stock["on_hand"], stock["committed"]) == (0, 3, 0)
    assert (await shop.admin.read(f"/v1/orders/{order['id']}"))["status"] == "cancelled"


async def test_what_was_paid_for_goods_that_do_not_come_is_owed_until_it_is_paid_back(
    shop: Shop,
) -> None:
    sku, order = await promised(shop, 2)
    short = await broken(shop, sku, 2)
    await shop.admin.done(f"/v1/shortages/{short['id']}/resolve", {})
    await item(shop, sku, "resolved")

    async def owed() -> Any:  # noqa: ANN401
        listed = await shop.admin.all("/v1/shortages?kind=refund&state=open")
        return [one for one in listed if one["order"] == order["id"]]

    refund = (await until(owed))[0]
    paid = await shop.admin.done(
        f"/v1/shortages/{refund['id']}/resolve", {"action": "refund", "reference": "R-7"}
    )

    assert (refund["amount_minor"], refund["currency"]) == (500, "USD")
    assert order["number"] in refund["notice"]
    assert (paid["state"], paid["resolution"]["how"]) == ("resolved", "paid back as R-7")


async def test_units_that_a_store_gives_back_wait_for_another_location(shop: Shop) -> None:
    sku, order = await promised(shop, 2)

    given = await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "released"})
    short = await item(shop, sku, "open")

    assert given["status"] == "paid"
    assert (short["kind"], short["order"]) == ("unfulfilled", order["id"])
    assert (await shop.stock(sku))["available"] == 2


async def test_a_decision_that_makes_no_sense_changes_nothing(shop: Shop) -> None:
    sku, order = await promised(shop, 2)
    short = await broken(shop, sku, 1)
    path = f"/v1/shortages/{short['id']}/resolve"

    async with shop.nothing_changes():
        refusals = {
            "unknown action": await shop.admin.post(path, {"action": "hope"}),
            "money for goods": await shop.admin.post(path, {"action": "refund"}),
            "nowhere": await shop.admin.post(path, {"action": "reallocate", "location": "mars"}),
            "not kept": await shop.admin.post(path, {"action": "cancel", "allocation": "x-1"}),
            "no such item": await shop.admin.post("/v1/shortages/hub.1-0/resolve", {}),
            "an event of the hub": await shop.storefront.post(
                f"/v1/orders/{order['id']}/events", {"type": "release_requested"}
            ),
            "an event of the store": await shop.storefront.post(
                f"/v1/orders/{order['id']}/events", {"type": "released"}
            ),
            "no key": await shop.admin.ask("POST", path, body={}),
        }
    assert {name: reply.refusal for name, reply in refusals.items()} == {
        "unknown action": (422, "invalid-request"),
        "money for goods": (422, "invalid-request"),
        "nowhere": (409, "conflict"),
        "not kept": (409, "conflict"),
        "no such item": (404, "not-found"),
        "an event of the hub": (422, "invalid-request"),
        "an event of the store": (409, "conflict"),
        "no key": (400, "invalid-request"),
    }
    assert await shop.admin.read(f"/v1/shortages/{short['id']}") == short
