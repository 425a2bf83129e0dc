"""Goal: the till shows what the gateway will charge: offers, kept prices, and changes of both.

Method: Chromium against running programs; head office changes prices and offers while a basket is
open. What is booked is read at the gateway and never believed from the screen.
"""

import pytest
from playwright.async_api import Route, expect

from tests.browser.till_tab import CHROMIUM, TillTab, sales_of
from tests.programs import Shop, fresh, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_an_open_basket_keeps_the_lower_price_when_it_rises(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(sku)
    await till.is_priced()
    await reprice(shop, sku, 130)

    await till.press("+")
    await till.is_priced()
    await expect(till.at("total")).to_have_text("$2.00")
    await till.sell_for_cash()

    (sale,) = await sales_of(shop, sku)
    assert (sale["total_minor"], sale["lines"][0]["unit_price_minor"]) == (200, 100)
    await till.scan(sku)
    await expect(till.at("total")).to_have_text("$1.30")
    await till.is_priced()


async def test_a_price_that_falls_is_the_open_baskets_at_once(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(sku)

    await reprice(shop, sku, 80)

    await expect(till.at("total")).to_have_text("$0.80")
    await expect(till.lines.locator(".detail")).to_contain_text("$0.80")
    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 80


async def reprice(shop: Shop, sku: str, price: int) -> None:
    """Head office changes a price, and the gateway has heard of it."""
    body = {"name": f"Thing {sku}", "price_minor": price, "currency": "USD"}
    await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)

    async def known() -> bool:
        product = await shop.cashier.read(f"/v1/products/{sku}")
        return bool(product["price_minor"] == price)

    await until(known)


async def test_an_offer_comes_to_the_line_of_an_open_basket_and_goes(
    till: TillTab, shop: Shop
) -> None:
    sku, other = await shop.product(price=250, stock=8), await shop.product(price=100, stock=8)
    await till.scan(sku, other)
    await expect(till.at("total")).to_have_text("$3.50")
    discounts = till.lines.locator(".discount")

    offer = await promise(shop, {"kind": "percentage", "skus": [sku], "off_bp": 2_000})
    await expect(till.at("total")).to_have_text("$3.00")
    await expect(till.lines.first.locator(".discount")).to_have_text("Week of tea -$0.50")
    await expect(till.lines.first.locator(".amount")).to_have_text("2.00")
    await expect(discounts).to_have_count(1)
    assert (await shop.admin.ask("DELETE", f"/v1/promotions/{offer}")).status < 300
    await expect(till.at("total")).to_have_text("$3.50")
    await expect(discounts).to_have_count(0)

    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 350
    assert till.complaints == []


async def test_each_of_two_lines_shows_its_share_of_what_they_bring_together(
    till: TillTab, shop: Shop
) -> None:
    dear, cheap = await shop.product(price=100, stock=8), await shop.product(price=80, stock=8)
    effect = {"kind": "buy_x_get_y", "skus": [dear, cheap], "buy_units": 1, "get_units": 1}
    await promise(shop, effect)

    await till.scan(dear)
    await till.is_priced()
    await expect(till.at("total")).to_have_text("$1.00")
    await till.scan(cheap)
    await expect(till.lines.locator(".discount")).to_have_text(
        ["Week of tea -$0.44", "Week of tea -$0.36"]
    )
    await expect(till.lines.locator(".amount")).to_have_text(["0.56", "0.44"])
    await expect(till.at("total")).to_have_text("$1.00")
    await till.sell_for_cash()

    await expect(till.at("total")).to_have_text("$1.00")
    (sale,) = await sales_of(shop, dear)
    assert sale["total_minor"] == 100
    assert [len(line["discounts"]) for line in sale["lines"]] == [1, 1]


async def test_without_a_quote_the_till_says_so_and_the_gateways_total_is_asked_for(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(price=100, stock=8)
    await promise(shop, {"kind": "amount", "skus": [sku], "off_minor": 10})

    async def lose(route: Route) -> None:
        await route.abort("connectionreset")

    await till.page.route("**/v1/quotes", lose)
    await till.scan(sku)
    await expect(till.at("own-sum")).to_contain_text("the gateway does not say the price")
    await expect(till.at("total")).to_have_text("$1.00")

    await till.take_cash("2")
    await till.is_in("asking")
    await expect(till.at("asking-title")).to_have_text("The total is now $0.90, not $1.00.")
    assert await sales_of(shop, sku) == []
    await till.press("Enter")
    await till.is_in("paying")
    await till.type("2")
    await till.is_in("done")

    await expect(till.at("change")).to_have_text("$1.10")
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 90


async def promise(shop: Shop, effect: dict[str, object]) -> str:
    """Head office makes an offer, and the gateway prices with it."""
    offer = fresh("offer")
    body = {"name": "Week of tea", "currency": "USD", "effect": effect}
    reply = await shop.admin.ask("PUT", f"/v1/promotions/{offer}", body=body)
    assert reply.status in (200, 201), reply
    skus = effect["skus"]
    assert isinstance(skus, list)
    basket = {"lines": [{"sku": sku, "quantity": 1} for sku in skus]}

    async def known() -> bool:
        quote = (await shop.cashier.post("/v1/quotes", basket)).json
        return any(used["id"] == offer for used in quote["promotions"])

    await until(known)
    return offer
