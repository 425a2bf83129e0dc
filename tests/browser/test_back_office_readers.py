"""Goal: the back office can be used by anyone who may: any screen, keys alone; others see nothing.

Method: Chromium with the token, the screen and the keys of such a reader, against running programs.
"""

from typing import Literal

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.hub_tab import (
    NARROW,
    WIDE,
    HubTab,
    find,
    hub_tab,
    is_live,
    place,
    says,
    status_at_hub,
)
from tests.browser.till_tab import CHROMIUM
from tests.programs import Shop, order_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


# Who may see what


async def test_an_auditor_reads_and_a_storefront_is_told_what_it_may_not(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku, payment="pending"))
    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await tab.sign_in(shop.auditor.token)
        await is_live(tab)
        await find(tab, order)
        await expect(tab.at("order-shown").locator("button")).to_have_count(0)
        await tab.button("Sign out").click()
        await expect(tab.at("sign-in")).to_be_visible()
        assert await tab.page.evaluate("sessionStorage.length") == 0
        assert order["number"] not in await tab.page.content()

        await tab.sign_in(shop.storefront.token)
        await is_live(tab)
        await tab.page.get_by_role("link", name="Shortages").click()
        await says(
            tab.at("shortages-said"), "A token of the role storefront does not see shortages"
        )


async def test_whoever_has_no_token_sees_nothing_and_a_wrong_one_is_said(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku) | {"customer": "Amira Haddad"})
    async with hub_tab(browser, shop.hub.port, f"/orders#/order/{order['id']}") as tab:
        for token in ("ct_" + "x" * 43, shop.cashier.token, "nonsense"):
            await tab.sign_in(token)
            await says(tab.notice, "The hub does not know this token.", "cloud-hub token")
        assert "Amira" not in await tab.page.content()
        assert order["number"] not in await tab.page.content()

        await tab.at("token").fill(shop.admin.token or "")
        await tab.page.keyboard.press("Enter")
        await says(tab.at("order-shown"), order["number"], "Amira Haddad")
        await tab.page.reload()
        await says(tab.at("order-shown"), order["number"])


# Who can use it


async def test_an_order_is_found_and_cancelled_by_keys_alone(browser: Browser, shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku))
    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        press = tab.page.keyboard.press
        for _ in range(20):
            await press("Tab")
            if await tab.page.evaluate("document.activeElement.id") == "text":
                break
        await tab.page.keyboard.type(order["number"])
        await expect(tab.at("queue-list").locator("li")).to_have_count(1)
        for _ in range(4):  # status, location, first, the row
            await press("Tab")
        await press("Enter")
        await expect(tab.at("order-shown").locator("h2")).to_be_focused()
        await press("Tab")
        await expect(tab.button("Cancel the order")).to_be_focused()
        await press("Enter")
        await press("Enter")
        await says(tab.at("order-shown").locator(".head"), "Cancel")

    assert await status_at_hub(shop, order) in {"cancelled", "cancel_requested"}


async def test_every_field_has_a_name(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=5)
    await find(office, await place(shop, order_of(sku, pickup=None)))

    fields = office.page.locator("input, select")
    for each in range(await fields.count()):
        field = fields.nth(each)
        named = await field.evaluate("one => one.labels.length > 0 || one.ariaLabel !== null")
        assert named, await field.evaluate("one => one.outerHTML")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_the_screen_and_every_text_can_be_read(
    browser: Browser, shop: Shop, size: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    sku = await shop.product(price=123_456, stock=9, name="A name that goes on " * 8)
    body = order_of(sku, 2, pickup=None) | {"customer": "Amira" * 30, "contact": "x" * 200}
    order = await place(shop, body)
    async with hub_tab(browser, shop.hub.port, "/orders", size=size, scheme=scheme) as tab:
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        await is_readable(tab, size)
        await find(tab, order)
        await tab.page.get_by_text("Send from elsewhere").click()
        await tab.button("Send from there").click()
        await expect(tab.notice).to_be_visible()
        await is_readable(tab, size)
        await tab.page.get_by_role("link", name="Shortages").click()
        await expect(tab.at("shortages")).to_be_visible()
        await is_readable(tab, size)


async def is_readable(tab: HubTab, size: ViewportSize) -> None:
    assert await tab.width() <= size["width"]
    assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []


async def test_on_a_phone_the_order_takes_the_place_of_the_queue_and_gives_it_back(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku))
    async with hub_tab(browser, shop.hub.port, "/orders", size=NARROW) as tab:
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        await find(tab, order)
        await expect(tab.at("queue")).to_be_hidden()

        await tab.page.get_by_role("link", name="Back to the queue").click()

        await expect(tab.at("queue")).to_be_visible()
        await expect(tab.at("order")).to_be_hidden()


async def test_what_is_typed_into_an_order_survives_news_about_others(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=9)
    order = await place(shop, order_of(sku, pickup=None))
    await find(office, order)
    await office.page.get_by_text("Send from elsewhere").click()
    await office.at("text").fill("")
    where = office.page.get_by_label(f"Send {sku} from")
    await where.focus()

    async with office.page.expect_response(lambda read: read.url.endswith(order["id"])) as read:
        other = await place(shop, order_of(sku))
    assert (await read.value).ok

    await says(office.at("queue-list"), other["number"])
    await expect(where).to_be_visible()
    await expect(where).to_be_focused()
    assert office.complaints == []
