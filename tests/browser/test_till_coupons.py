"""Goal: a coupon is typed at the till, taken or refused in words, and what the tax is can be read.

Method: Chromium against running programs; head office makes coupons and tax rates. What is booked
is read at the gateway and never believed from the screen.
"""
# ruff: noqa: RUF001 - Arabic digits and the buttons' signs are what is tested

import datetime

import pytest
from playwright.async_api import Browser, expect

from devices.sim.wan import SimWan
from tests.browser.till_tab import CHROMIUM, TillTab, sales_of, till_tab
from tests.programs import Shop, fresh, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def coupon(shop: Shop, *skus: str, **more: object) -> str:
    """Head office makes a coupon for a tenth off, and the gateway has heard of it."""
    code = fresh("C").upper()
    effect = {"kind": "percentage", "skus": list(skus), "off_bp": 1_000}
    body = {"name": "Tenth", "effect": effect, "coupon": code} | more
    reply = await shop.admin.ask("PUT", f"/v1/promotions/{code.lower()}", body=body)
    assert reply.status in (200, 201), reply
    asked = {"lines": [{"sku": skus[0], "quantity": 1}], "coupons": [code]}

    async def known() -> bool:
        told = (await shop.cashier.post("/v1/quotes", asked)).json
        return bool(told.get("reason") != "unknown")

    await until(known)
    return code


async def redeem(till: TillTab, code: str) -> None:
    await till.press("F6")
    await till.type(code)


async def test_a_coupon_is_taken_shown_and_booked(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku)
    await till.scan(sku)
    await expect(till.at("total")).to_have_text("$5.00")

    await redeem(till, code.lower())

    await expect(till.at("total")).to_have_text("$4.50")
    await expect(till.at("coupons")).to_have_text(f"Coupon {code}×")
    await expect(till.lines.locator(".discount")).to_have_text("Tenth -$0.50")
    await expect(till.at("coupon")).to_have_value("")
    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 450
    await till.press("F9")
    await expect(till.at("coupons").locator("li")).to_have_count(0)
    assert till.complaints == []


async def test_a_coupon_survives_a_reload_and_is_taken_back(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku)
    await till.scan(sku)
    await redeem(till, code)
    await expect(till.at("total")).to_have_text("$4.50")

    await till.page.reload()
    await till.is_in("ringing")
    await expect(till.at("total")).to_have_text("$4.50")
    await till.at("coupons").get_by_role("button").click()

    await expect(till.at("total")).to_have_text("$5.00")
    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 500


async def test_a_coupon_for_other_goods_says_that_it_takes_nothing_off(
    till: TillTab, shop: Shop
) -> None:
    sku, other = await shop.product(price=500, stock=8), await shop.product(price=100, stock=8)
    code = await coupon(shop, other)
    await till.scan(sku)

    await redeem(till, code)
    await expect(till.at("coupons")).to_contain_text("nothing off this basket so far")
    await till.scan(other)

    await expect(till.at("total")).to_have_text("$5.90")
    await expect(till.at("coupons")).to_have_text(f"Coupon {code}×")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"channels": ["online"]}, "It does not hold in the shop."),
        ({"customer_groups": ["staff"]}, "It is for other customers."),
    ],
)
async def test_a_coupon_that_is_not_for_here_is_refused_in_words(
    till: TillTab, shop: Shop, more: dict[str, object], words: str
) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku, **more)
    await till.scan(sku)

    await redeem(till, code)

    await expect(till.notice).to_contain_text(f"The coupon {code} is not taken.")
    await expect(till.notice).to_contain_text(words)
    await expect(till.at("coupon")).to_have_value(code)
    await expect(till.at("coupons").locator("li")).to_have_count(0)
    await expect(till.at("total")).to_have_text("$5.00")


async def test_a_coupon_that_is_withdrawn_meanwhile_is_refused_when_it_is_sold(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku)
    await till.scan(sku)
    await redeem(till, code)
    await expect(till.at("total")).to_have_text("$4.50")

    assert (await shop.admin.ask("DELETE", f"/v1/promotions/{code.lower()}")).status < 300
    await expect(till.at("total")).to_have_text("$5.00")
    await till.take_cash("5")

    await till.is_in("ringing")
    await expect(till.notice).to_contain_text("There is no such coupon.")
    assert await sales_of(shop, sku) == []
    await till.at("coupons").get_by_role("button").click()
    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 500


async def test_in_arabic_a_coupon_is_refused_in_arabic(
    browser: Browser, shop: Shop, line: SimWan
) -> None:
    sku = await shop.product(price=500, stock=8)
    async with till_tab(browser, line.port, locale="ar-EG") as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(sku)

        await redeem(till, "NO-SUCH")

        await expect(till.notice).to_contain_text("لا توجد قسيمة بهذا الرمز")
        await expect(till.at("taxes")).to_contain_text("منها ضريبة ١٥")


async def test_the_tax_is_read_rate_by_rate_and_exempt_goods_stand_apart(
    till: TillTab, shop: Shop
) -> None:
    tax_class = fresh("exempt").lower()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    address = f"/v1/taxes/home/{tax_class}/{today}"
    body = {"rate": "exempt", "inclusive": True}
    assert (await shop.admin.ask("PUT", address, body=body)).status == 201
    sku, untaxed = await shop.product(price=115, stock=8), await shop.product(price=70, stock=8)
    product = {"name": "Stamp", "price_minor": 70, "currency": "USD", "tax_class": tax_class}
    assert (await shop.admin.ask("PUT", f"/v1/products/{untaxed}", body=product)).status == 200
    await shop.settled()

    await till.scan(sku, untaxed)

    rows = till.at("taxes").locator("div")
    await expect(rows).to_have_text(["of which tax 15%$0.15", "of which exempt from tax$0.70"])
    await expect(till.at("total")).to_have_text("$1.85")
    await till.sell_for_cash()
    (sale,) = await sales_of(shop, sku)
    assert [line["tax_rate"] for line in sale["lines"]] == ["0.15", "exempt"]
    await expect(rows).to_have_count(0)
