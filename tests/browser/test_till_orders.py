"""Goal: what is short at a till and stands in another store is ordered from there, and paid here.

Method: Chromium against running programs; the goods stand at Harbour, the till is Riverside's.
"""

from typing import Any

import pytest
from playwright.async_api import expect

from devices.sim.wan import WanMode
from tests.browser.till_tab import CHROMIUM, TillTab, sales_of
from tests.programs import Caller, Shop, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def at_harbour(shop: Shop, harbour: Caller, stock: int, price: int) -> str:
    """A product that stands at Harbour alone, and that the hub offers."""
    sku = await shop.product(price=price)

    async def known() -> bool:
        return (await harbour.get(f"/v1/products/{sku}")).status == 200

    async def offered() -> bool:
        return await shop.offered(sku) >= stock

    await until(known)
    lines = [{"sku": sku, "quantity": stock}]
    await harbour.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
    await until(offered)
    return sku


async def orders_of(shop: Shop, sku: str) -> list[Any]:
    """The hub's orders with this SKU in them."""
    orders = await shop.admin.all("/v1/orders")
    return [one for one in orders if any(line["sku"] == sku for line in one["lines"])]


async def short_of(till: TillTab, *codes: str) -> None:
    """Sell until the quota is short, and the till says who has it."""
    await till.scan(*codes)
    await till.take_cash()
    await till.is_in("ringing")
    await expect(till.at("order-it")).to_have_text("Order it from harbour F10")


async def test_goods_of_another_store_are_delivered_and_paid_here(
    till: TillTab, shop: Shop, harbour: Caller
) -> None:
    sku = await at_harbour(shop, harbour, 8, 500)
    here = await shop.product(price=300, stock=4)
    await short_of(till, here, sku)

    await till.press("F10")
    await till.is_in("ordering")
    await expect(till.at("ordering-title")).to_have_text("Order from harbour")
    await till.press("F2")  # nobody has said where to
    await till.is_in("ordering")
    await till.at("order-name").fill("Layla")
    await till.at("order-phone").fill("+20 100 000")
    await till.at("order-address").fill("12 Sea Street")
    await till.is_priced()
    await expect(till.at("total")).to_have_text("$5.00")
    await till.page.reload()  # the form is as it was
    await till.is_in("ordering")
    await expect(till.at("order-address")).to_have_value("12 Sea Street")
    await till.press("F2")
    await till.is_in("paying")
    await till.type("10")
    await till.is_in("done")

    await expect(till.at("done-title")).to_have_text("Order booked")
    await expect(till.at("change")).to_have_text("$5.00")
    await expect(till.at("done-order")).to_contain_text("It is delivered.")
    (order,) = await orders_of(shop, sku)
    await expect(till.at("done-order")).to_contain_text(order["number"])
    assert (order["sold_at"], order["total_minor"]) == ("riverside", 500)
    assert order["fulfilment"] == {"type": "ship", "address": "12 Sea Street"}
    assert (order["customer"], order["contact"]) == ({"name": "Layla"}, {"phone": "+20 100 000"})

    await till.press("F9")  # the rest of the basket is still there
    await expect(till.lines).to_have_count(1)
    await till.sell_for_cash()
    assert [sale["total_minor"] for sale in await sales_of(shop, here)] == [300]
    assert await sales_of(shop, sku) == []
    assert till.complaints == [] or all("409" in one for one in till.complaints)


async def test_goods_of_another_store_are_collected_there_with_the_code_on_the_screen(
    till: TillTab, shop: Shop, harbour: Caller
) -> None:
    sku = await at_harbour(shop, harbour, 8, 500)
    await short_of(till, sku)

    await till.at("order-it").click()
    await till.is_in("ordering")
    await till.page.get_by_label("Collect it at harbour").check()
    await expect(till.at("order-address")).to_be_hidden()
    await till.press("Escape")
    await till.is_in("ringing")
    await expect(till.lines).to_have_count(1)
    await till.take_cash()
    await expect(till.at("order-it")).to_be_visible()
    await till.press("F10")
    await till.page.get_by_label("Collect it at harbour").check()
    await till.press("F4")
    await till.is_in("paying")
    await till.press("Enter")
    await till.is_in("done")

    (order,) = await orders_of(shop, sku)
    assert order["fulfilment"] == {"type": "pickup", "location": "harbour"}
    await expect(till.at("done-order")).to_contain_text(
        f"It waits at harbour. Pick-up code: {order['pickup_code']}"
    )


async def test_an_order_that_the_hub_does_not_hear_is_said_and_stays_the_same_order(
    till: TillTab, shop: Shop, harbour: Caller
) -> None:
    sku = await at_harbour(shop, harbour, 8, 500)
    await short_of(till, sku)
    await till.press("F10")
    await till.page.get_by_label("Collect it at harbour").check()
    await till.is_priced()
    await shop.wan.set_mode(WanMode.CUT)

    await till.press("F4")
    await till.is_in("paying")
    await till.press("Enter")
    await expect(till.notice).to_contain_text("Nothing is paid.")
    await till.is_in("ordering")
    await till.at("language").select_option("ar")
    await expect(till.notice).to_contain_text("لم يُسجل الطلب")
    await till.at("language").select_option("en")
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()
    await till.press("F4")
    await till.is_in("paying")
    await till.press("Enter")
    await till.is_in("done")

    assert len(await orders_of(shop, sku)) == 1
