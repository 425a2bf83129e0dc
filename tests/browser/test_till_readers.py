"""Goal: the till can be read and used by anyone: Arabic or English, desk or phone, keys or touch.

Method: Chromium with the locale, the screen and the finger of such a reader, against running
programs.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from devices.sim.wan import SimWan
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.till_tab import CHROMIUM, DESK, HOST, PHONE, TillTab, sales_of, till_tab
from tests.programs import Shop

TRANSLATED = {"ar": {"name": "شاي أخضر"}}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_arabic_is_read_from_the_right(browser: Browser, shop: Shop, line: SimWan) -> None:
    sku = await shop.product(price=345, stock=8, translations=TRANSLATED)
    async with till_tab(browser, line.port, locale="ar-EG") as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(sku)

        page = till.page
        assert await page.evaluate("[document.documentElement.lang, document.dir]") == ["ar", "rtl"]
        await expect(till.lines.locator(".name")).to_have_text("شاي أخضر")
        await expect(till.lines.locator(".detail > bdi")).to_have_text(sku)
        await expect(till.at("total")).to_contain_text("٣٫٤٥")
        field, total = till.at("code"), till.at("total")
        boxes = [await one.bounding_box() for one in (field, total)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[1]["x"] < boxes[0]["x"] + boxes[0]["width"] / 2, "the total is on the left"

        await till.sell_for_cash("٥٫٠٠")
        await expect(till.at("change")).to_contain_text("١٫٥٥")
        (sale,) = await sales_of(shop, sku)
        assert sale["change_minor"] == 155
        assert till.complaints == []


async def test_the_language_is_chosen_once(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=1, safety_stock=1, translations=TRANSLATED)
    await till.scan(f"2*{sku}")
    await till.take_cash()
    await expect(till.at("notice-sentences")).to_contain_text("1 left here")

    await till.page.get_by_label("Language").select_option("ar")

    await expect(till.notice).to_contain_text("الكمية لا تكفي: شاي أخضر.")
    await expect(till.at("notice-sentences")).to_contain_text("المتبقي هنا: 1")
    await till.page.reload()
    await till.is_in("ringing")
    assert await till.page.evaluate("document.dir") == "rtl"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["en-US", "ar-EG"])
async def test_nothing_is_wider_than_the_screen_and_every_text_can_be_read(
    browser: Browser, shop: Shop, line: SimWan, size: ViewportSize, locale: str
) -> None:
    long = await shop.product(price=123_456, name="Thing with a name that goes on " * 6)
    async with till_tab(browser, line.port, size=size, locale=locale) as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(long)
        await till.take_cash("999999")
        await till.is_in("ringing")
        await expect(till.notice).to_be_visible()

        assert await till.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert await till.page.evaluate(CONTRASTS_TOO_LOW) == []
        assert await till.page.evaluate(OUT_OF_THEIR_BOX) == []
        await till.press("F2")
        await till.is_in("paying")
        assert await till.page.evaluate(OUT_OF_THEIR_BOX) == []


async def test_every_field_has_a_name_and_the_tab_key_goes_through_in_order(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)

    names = []
    for _ in range(9):
        await till.press("Tab")
        names.append(
            await till.page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"
            )
        )

    thing = f"Thing {sku}"
    assert names == [
        "Add", f"One less of {thing}", f"Quantity of {thing}", f"One more of {thing}",
        "Cash F2", "Card F4", "Void line F8", "New basket F9", names[-1],
    ]  # fmt: skip
    fields = till.page.locator("input, select")
    for each in range(await fields.count()):
        field = fields.nth(each)
        named = await field.evaluate("one => one.labels.length > 0 || one.ariaLabel !== null")
        assert named, await field.evaluate("one => one.outerHTML")


async def test_a_phone_sells_by_touch_alone(browser: Browser, shop: Shop, line: SimWan) -> None:
    sku = await shop.product(price=100, stock=8)
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    till = TillTab(page=await context.new_page(), url=f"http://{HOST}:{line.port}/register")
    await till.open()
    await till.at("token").fill(shop.at_gateway("cashier", register="till-1").token or "")
    await till.page.get_by_role("button", name="Sign in").tap()
    await till.at("code").fill(sku)
    await till.page.get_by_role("button", name="Add").tap()
    await till.page.get_by_label("One more of").tap()
    await expect(till.at("total")).to_have_text("$2.00")
    await till.page.get_by_role("button", name="Cash").tap()
    await till.page.get_by_role("button", name="Book the sale").tap()
    await till.is_in("done")
    await context.close()

    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 200


OUT_OF_THEIR_BOX = """() => {
  const out = [];
  for (const one of document.querySelectorAll("button, input, select, bdi, dd")) {
    const inner = one.getBoundingClientRect();
    const box = one.closest("#side, #basket, #scan, header, main")?.getBoundingClientRect();
    const over = Math.max(box.left - inner.left, inner.right - box.right);
    if (inner.width > 0 && over > 1) out.push(`${one.outerHTML}: ${over}`);
    if (one.localName === "button" && inner.height > 80) out.push(`${one.outerHTML}: broken up`);
  }
  return out;
}"""
"""Whatever sticks out of the part that it belongs to, and buttons broken into many lines."""
