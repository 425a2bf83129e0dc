"""Goal: the team's page can be read and used by anyone who may: Arabic or English, desk or phone.

Method: Chromium with the token, the locale, the screen, the keys and the finger of such a reader,
against running programs.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

from typing import Literal

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.hub_tab import NARROW, WIDE, HubTab, hub_tab, says
from tests.browser.team_tab import card, is_live, open_order, ordered, stocked, team_tab, told_of
from tests.browser.till_tab import CHROMIUM, HOST
from tests.programs import Shop, order_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


# Who may see what


async def test_whoever_has_no_token_sees_nothing_and_a_wrong_one_is_said(
    browser: Browser, shop: Shop
) -> None:
    order = await stocked(shop)
    async with hub_tab(
        browser, shop.gateway.port, f"/orders#/order/{order['id']}", host=HOST
    ) as tab:
        for token in ("ct_" + "x" * 43, shop.storefront.token, "nonsense"):
            await tab.sign_in(token)
            await says(tab.notice, "This gateway does not know the token.", "store-gateway token")
        await tab.sign_in(shop.technician.token)
        await says(tab.notice, "A token of the role technician does not work on orders.")
        assert order["number"] not in await tab.page.content()

        await tab.at("token").fill(shop.cashier.token or "")
        await tab.page.keyboard.press("Enter")
        await says(tab.at("order-shown"), order["number"])
        await tab.button("Sign out").click()
        await expect(tab.at("sign-in")).to_be_visible()
        assert await tab.page.evaluate("sessionStorage.length") == 0
        assert order["number"] not in await tab.page.content()


async def test_whoever_sells_at_the_till_in_this_tab_is_signed_in_here_too(
    browser: Browser, shop: Shop
) -> None:
    order = await stocked(shop)
    async with hub_tab(browser, shop.gateway.port, "/register", host=HOST) as tab:
        await tab.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await expect(tab.page.locator("body")).to_have_attribute("data-state", "ringing")

        await tab.page.goto(tab.url.replace("/register", "/orders"))

        await is_live(tab)
        await expect(card(tab, "to_pick", order)).to_be_visible()


# Who can use it


async def test_an_order_is_worked_from_the_list_to_the_customer_by_keys_alone(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop, pickup="riverside")
    await expect(card(team, "to_pick", order)).to_be_visible()
    press = team.page.keyboard.press
    await expect(team.at("code")).to_be_focused()
    for _ in range(60):
        await press("Tab")
        if order["number"] in await team.page.evaluate("document.activeElement.textContent"):
            break
    await press("Enter")
    await expect(team.at("order-shown").locator("h2")).to_be_focused()

    await press("Tab")
    await press("Space")
    await expect(team.page.get_by_role("checkbox")).to_be_checked()
    await expect(team.page.get_by_role("checkbox")).to_be_focused()
    await press("Tab")  # what is missing
    await press("Tab")
    await expect(team.button("Picked")).to_be_focused()
    await press("Enter")
    await expect(team.button("Ready for pick-up")).to_be_focused()
    await press("Enter")
    await expect(team.at("pickup-code")).to_be_focused()
    await team.page.keyboard.type(order["pickup_code"])
    await press("Enter")

    await expect(card(team, "done", order)).to_be_visible()
    assert (await told_of(shop, order))[-1] == "collected"
    await press("Escape")
    await expect(card(team, "done", order).locator("a")).to_be_focused()
    assert team.complaints == []


async def test_every_field_and_button_has_a_name(team: HubTab, shop: Shop) -> None:
    await open_order(team, await stocked(shop))
    await team.button("Missing of").click()

    parts = team.page.locator("input, select, button")
    for each in range(await parts.count()):
        part = parts.nth(each)
        named = await part.evaluate(
            "one => one.labels?.length > 0 || one.ariaLabel !== null || one.textContent.trim()"
        )
        assert named, await part.evaluate("one => one.outerHTML")


async def test_what_is_typed_and_ticked_survives_news_about_others(
    team: HubTab, shop: Shop
) -> None:
    picks, waits = await stocked(shop), await stocked(shop, pickup="riverside")
    for event in ("picked", "ready_for_pickup"):
        await shop.cashier.done(f"/v1/orders/{waits['id']}/events", {"type": event})
    await open_order(team, picks)
    await team.page.get_by_role("checkbox").check()
    await open_order(team, waits)
    await team.at("pickup-code").fill("ABC")
    await team.at("pickup-code").focus()

    other = await stocked(shop)

    await expect(card(team, "to_pick", other)).to_be_visible()
    await expect(team.at("pickup-code")).to_have_value("ABC")
    await expect(team.at("pickup-code")).to_be_focused()
    await open_order(team, picks)
    await expect(team.page.get_by_role("checkbox")).to_be_checked()


async def test_arabic_is_read_from_the_right(browser: Browser, shop: Shop) -> None:
    sku = await shop.product(price=345, stock=9, translations={"ar": {"name": "شاي أخضر"}})
    order = await ordered(shop, order_of(sku, 2, payment="on_collection"))
    token = shop.at_gateway("cashier", register="till-1").token
    async with team_tab(browser, shop.gateway.port, token, locale="ar-EG") as tab:
        page = tab.page
        assert await page.evaluate("[document.documentElement.lang, document.dir]") == ["ar", "rtl"]
        await says(card(tab, "to_pick", order), "استلام", "عدد القطع: ٢", "٦٫٩٠")
        await open_order(tab, order)
        await says(tab.at("order-shown").locator(".name"), "شاي أخضر")
        board, shown = await tab.at("board").bounding_box(), await tab.at("order").bounding_box()
        assert board is not None
        assert shown is not None
        assert shown["x"] < board["x"], "the list is on the right"

        await page.get_by_role("button", name="جُهّز كل شيء").click()
        await page.get_by_role("button", name="جاهز للاستلام").click()
        await tab.at("pickup-code").fill("NO-CODE")
        await page.keyboard.press("Enter")
        await says(tab.at("order-shown"), "هذا ليس رمز هذا الطلب.")
        await tab.at("pickup-code").fill(order["pickup_code"])
        await page.keyboard.press("Enter")
        await says(card(tab, "done", order), "استُلم")

        await page.get_by_label("اللغة").select_option("en")
        await says(card(tab, "done", order), "Collected")
        await page.reload()
        await is_live(tab)
        assert await page.evaluate("document.dir") == "ltr"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "ar-EG"])
async def test_nothing_is_wider_than_the_screen_and_every_text_can_be_read(
    browser: Browser,
    shop: Shop,
    size: ViewportSize,
    scheme: Literal["light", "dark"],
    locale: str,
) -> None:
    sku = await shop.product(price=123_456, stock=99, name="A name that goes on " * 8)
    personal = {"customer": {"name": "Amira" * 30}, "contact": "x" * 200}
    body = order_of(sku, 20, payment="on_collection") | personal
    order = await ordered(shop, body)
    token = shop.at_gateway("cashier", register="till-1").token
    async with team_tab(
        browser, shop.gateway.port, token, size=size, scheme=scheme, locale=locale
    ) as tab:
        await is_readable(tab, size)
        await open_order(tab, order)
        await tab.page.locator(".missing button").click()
        await tab.page.locator("summary").first.click()
        await tab.page.locator("summary").last.click()
        await is_readable(tab, size)
        await tab.page.locator("summary").first.click()
        for event in ("picked", "ready_for_pickup"):
            await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": event})
        await tab.at("pickup-code").fill("WRONG-CODE")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.locator('article [data-tone="bad"]')).to_be_visible()
        await is_readable(tab, size)


async def is_readable(tab: HubTab, size: ViewportSize) -> None:
    assert await tab.width() <= size["width"]
    assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []


async def test_on_a_phone_the_order_takes_the_place_of_the_list_and_gives_it_back_by_touch(
    browser: Browser, shop: Shop
) -> None:
    order = await stocked(shop)
    context = await browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    url = f"http://{HOST}:{shop.gateway.port}/orders"
    tab = HubTab(page=await context.new_page(), url=url)
    await tab.sign_in(shop.at_gateway("cashier").token)
    await is_live(tab)

    await card(tab, "to_pick", order).tap()
    await expect(tab.at("board")).to_be_hidden()
    await tab.button("Everything is picked").tap()
    await tab.button("Packed").tap()
    await tab.page.get_by_role("link", name="Back to the list").tap()

    await expect(card(tab, "to_ship", order)).to_be_visible()
    await expect(tab.at("order")).to_be_hidden()
    await context.close()
    assert await told_of(shop, order) == ["paid", "picked", "packed"]
