"""Goal: a customer is promised what there is, once, and told in words what is not there any more.

Method: Chromium against running programs: a hub and a gateway, and a second hub whose reservations
are short. What was ordered is read at the hub and never believed from the screen.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, ViewportSize, expect

from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.hub_tab import NARROW, WIDE, HubTab, hub_tab, says
from tests.browser.shop_tab import (
    check_out,
    enter,
    fill_basket,
    fill_details,
    is_in,
    order_now,
    orders_of,
    products,
)
from tests.browser.till_tab import CHROMIUM, HUB_HOST
from tests.programs import Shop, open_shop, order_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def window(browser: Browser, shop: Shop) -> AsyncIterator[HubTab]:
    """The shop's page, not opened yet: its catalogue is what there is when it opens."""
    async with hub_tab(browser, shop.hub.port, "/shop") as tab:
        yield tab
        assert tab.complaints == []


# Buying


async def test_a_customer_buys_what_is_set_aside_at_the_quoted_price(
    window: HubTab, shop: Shop
) -> None:
    sku = await shop.product(price=345, stock=9)
    await enter(window, shop, sku)
    await says(products(window), f"Thing {sku}", "$3.45", "In stock")
    await says(window.at("demonstration"), "This is a demonstration, not a shop.")

    await fill_basket(window, times=2)
    await says(window.at("sums"), "$6.90", "$0.90")
    await check_out(window)
    await says(window.at("countdown"), "Your goods are set aside for ")
    assert await shop.offered(sku) == 7
    number = await order_now(window)

    (order,) = await orders_of(shop, sku)
    assert (order["number"], order["total_minor"], order["status"]) == (number, 690, "paid")
    assert order["customer"] == "Amira Haddad"
    assert order["fulfilment"] == {"type": "ship", "address": "12 Corniche"}
    assert await shop.offered(sku) == 7
    await says(window.at("order-status"), "Paid. We begin soon.")
    await says(window.at("order-facts"), "$6.90", "Riverside")


async def test_the_quote_has_the_promotions_and_the_coupon(window: HubTab, shop: Shop) -> None:
    sku = await shop.product(price=1_000, stock=9)
    offer = {
        "name": "A quarter less",
        "coupon": "QUARTER",
        "effect": {"kind": "percentage", "off_bp": 2_500, "skus": [sku]},
    }
    assert (await shop.admin.ask("PUT", "/v1/promotions/quarter", body=offer)).status == 201
    await enter(window, shop, sku)
    await fill_basket(window)
    await says(window.at("sums"), "$10.00")

    await window.at("coupon").fill("QUARTER")
    await window.at("coupon").press("Tab")

    await says(window.at("sums"), "$7.50")
    await says(window.at("lines"), "A quarter less", "-$2.50")
    await expect(window.at("check-out")).to_be_enabled()
    await check_out(window)
    await order_now(window)
    (order,) = await orders_of(shop, sku)
    assert order["total_minor"] == 750


async def test_a_pick_up_has_a_code_and_the_status_follows_the_store(
    window: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=9)
    await enter(window, shop, sku)
    await fill_basket(window)
    await window.page.get_by_label("I pick it up").check()
    await says(window.at("place").locator("option:checked"), "Riverside: all of it is there")
    await expect(window.at("check-out")).to_be_enabled()
    await check_out(window)
    await order_now(window, payment="on_collection", ship=False)

    (order,) = await orders_of(shop, sku)
    await says(window.at("order-facts"), order["pickup_code"], "Riverside")
    await says(window.at("order-status"), "We have your order.")
    await shop.settled()
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "ready_for_pickup"})

    await says(window.at("order-status"), "Ready: come and pick it up.")


async def test_a_pick_up_point_says_where_it_is_and_when_it_is_open(
    window: HubTab, shop: Shop
) -> None:
    body = {"address": "3 Pyramids Road\nGiza", "hours": "Sat to Thu 10-22 <b>"}
    assert (await shop.admin.ask("PUT", "/v1/locations/riverside", body=body)).status == 200
    sku = await shop.product(stock=9)
    await enter(window, shop, sku)
    await fill_basket(window)
    await expect(window.at("place-facts")).to_be_hidden()

    await window.page.get_by_label("I pick it up").check()

    facts = window.at("place-facts")
    await says(facts, "Address", "3 Pyramids Road", "Open", "Sat to Thu 10-22 <b>")
    assert "3 Pyramids Road\nGiza" in await facts.inner_text(), "in two lines"
    await expect(window.at("check-out")).to_be_enabled()
    await check_out(window)
    await order_now(window, payment="on_collection", ship=False)
    await says(window.at("order-facts"), "Riverside", "3 Pyramids Road", "Sat to Thu 10-22 <b>")


async def test_an_order_may_be_paid_later_or_cancelled(window: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=9)
    await enter(window, shop, sku)
    await fill_basket(window)
    await check_out(window)
    await order_now(window, payment="pending")
    await says(window.at("order-status"), "wait for the payment")

    await window.button("Pay now").click()
    await says(window.at("order-status"), "Paid. We begin soon.")
    await window.button("Cancel the order").click()
    await expect(window.at("order-status")).to_have_text(CANCEL_WORDS)
    await window.button("Back to the shop").click()
    await is_in(window, "browsing")
    await window.at("my-orders").get_by_role("link").click()

    await is_in(window, "ordered")
    (order,) = await orders_of(shop, sku)
    assert order["status"] in {"cancel_requested", "cancelled"}


CANCEL_WORDS = re.compile("You asked to cancel|Cancelled")


# Others buy too


async def test_of_two_who_want_the_last_unit_one_gets_it_and_the_other_is_told(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=1)
    async with (
        hub_tab(browser, shop.hub.port, "/shop") as one,
        hub_tab(browser, shop.hub.port, "/shop") as two,
    ):
        for tab in (one, two):
            await enter(tab, shop, sku)
            await says(products(tab), "Only 1 left")
            await fill_basket(tab)

        await asyncio.gather(*(tab.at("check-out").click() for tab in (one, two)))
        for tab in (one, two):
            await expect(tab.page.locator("#checkout:visible, #notice:visible")).to_be_visible()
        states = [await tab.page.locator("body").get_attribute("data-state") for tab in (one, two)]
        assert sorted(str(state) for state in states) == ["browsing", "checkout"]
        first, late = (one, two) if states[0] == "checkout" else (two, one)
        await says(late.notice, f"Not enough of Thing {sku} is left.", "while you looked")
        await says(late.at("lines"), "Sold out meanwhile: take it out of the basket.")
        await expect(late.at("check-out")).to_be_disabled()
        await order_now(first)

    assert len(await orders_of(shop, sku)) == 1


async def test_what_is_sold_while_one_looks_is_said_without_a_reload(
    window: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=2)
    gone = await shop.product(stock=0)
    await enter(window, shop, gone)
    await says(products(window), "Sold out")
    await window.at("find").fill(sku)
    await says(products(window), "Only 2 left")
    await fill_basket(window)
    await window.stays_the_same_document()

    await shop.storefront.granted("/v1/orders", order_of(sku, 2))

    await says(products(window), "The last one was sold while you looked.")
    await expect(products(window).get_by_role("button")).to_be_disabled()
    await says(window.at("lines"), "Sold out meanwhile")
    assert await window.is_the_same_document()


async def test_whoever_goes_back_to_the_basket_lets_others_buy_at_once(
    window: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=1)
    await enter(window, shop, sku)
    await fill_basket(window)
    await check_out(window)
    assert await shop.offered(sku) == 0

    await window.button("Back to the basket").click()

    await is_in(window, "browsing")
    await says(products(window), "Only 1 left")
    assert await shop.offered(sku) == 1


async def test_a_price_that_changed_is_shown_before_anything_is_ordered(
    window: HubTab, shop: Shop
) -> None:
    sku = await shop.product(price=100, stock=5)
    await enter(window, shop, sku)
    await fill_basket(window)
    await check_out(window)
    body = {"name": "Dearer", "price_minor": 150, "currency": "USD"}
    await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)
    await fill_details(window)

    await window.at("order-now").click()

    await says(window.notice, "The total is now $1.50, not $1.00.", "Nothing was ordered.")
    assert await orders_of(shop, sku) == []
    await says(window.at("order-now"), "Order for $1.50")
    await window.at("order-now").click()
    await is_in(window, "ordered")
    (order,) = await orders_of(shop, sku)
    assert order["total_minor"] == 150
    window.complaints.clear()  # the browser's own word about a 409


# Time runs out


async def test_a_countdown_that_ends_frees_the_goods_and_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text("reservation_s = 10\n")
    async with open_shop(tmp_path, hub_config=config) as quick:
        sku = await quick.product(stock=1)
        async with hub_tab(browser, quick.hub.port, "/shop") as tab:
            await enter(tab, quick, sku)
            await fill_basket(tab)
            await check_out(tab)
            await says(tab.at("countdown"), "set aside for 0:0")
            await fill_details(tab)

            await says(tab.at("countdown"), "The time is over.", "others may buy them")

            await expect(tab.at("order-now")).to_be_hidden()
            assert await quick.offered(sku) == 1
            assert await orders_of(quick, sku) == []
            await tab.button("Set them aside again").click()
            await says(tab.at("countdown"), "set aside for 0:0")
            assert await quick.offered(sku) == 0
            await expect(tab.at("name")).to_have_value("Amira Haddad")
            await tab.at("order-now").click()
            await is_in(tab, "ordered")
        assert len(await orders_of(quick, sku)) == 1


# Nothing twice, nothing lost


async def test_a_reload_goes_on_with_the_same_checkout(window: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=3)
    await enter(window, shop, sku)
    await fill_basket(window, times=2)
    await check_out(window)

    await window.page.reload()

    await is_in(window, "checkout")
    await says(window.at("summary"), f"2 × Thing {sku}")
    assert await shop.offered(sku) == 1
    await order_now(window)
    (order,) = await orders_of(shop, sku)
    assert order["lines"][0]["quantity"] == 2


async def test_an_order_whose_answer_is_lost_is_placed_once_even_over_a_reload(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=3)
    async with hub_tab(browser, shop.hub.port, "/shop") as tab:
        await enter(tab, shop, sku)
        await fill_basket(tab)
        await check_out(tab)
        await fill_details(tab)

        async def lose(route: Route) -> None:
            await route.fetch(url=route.request.url.replace(HUB_HOST, "127.0.0.1"))
            await route.abort("connectionreset")

        await tab.page.route("**/v1/orders", lose)
        await tab.at("order-now").click()
        await says(tab.at("placing-words"), "has not answered yet", "is placed once")
        assert len(await orders_of(shop, sku)) == 1
        await tab.page.unroute("**/v1/orders")
        await tab.page.reload()

        await is_in(tab, "ordered")
        (order,) = await orders_of(shop, sku)
        await says(tab.at("ordered-title"), order["number"])


# Who can use it


async def test_a_token_that_cannot_order_is_told_and_a_visit_leaves_nothing_behind(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=3)
    async with hub_tab(browser, shop.hub.port, "/shop") as tab:
        await tab.sign_in(shop.auditor.token)
        await says(tab.notice, "A token of the role auditor cannot order.")
        await tab.sign_in(shop.cashier.token)
        await says(tab.notice, "The hub does not know this token.")
        await expect(products(tab)).to_have_count(0)

        await enter(tab, shop, sku)
        await fill_basket(tab)
        await tab.button("Sign out").click()
        await is_in(tab, "signingIn")
        assert await tab.page.evaluate("sessionStorage.length") == 0


async def test_keys_alone_buy(window: HubTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=5)
    await enter(window, shop, sku)
    press, typed = window.page.keyboard.press, window.page.keyboard.type
    await window.at("find").focus()
    await press("Tab")
    await expect(products(window).get_by_role("button")).to_be_focused()
    await press("Enter")
    await expect(window.at("check-out")).to_be_enabled()
    for _ in range(5):  # less, more, the way, the coupon, check out
        await press("Tab")
    await expect(window.at("check-out")).to_be_focused()
    await press("Enter")
    await is_in(window, "checkout")
    await expect(window.at("checkout-title")).to_be_focused()
    for text in ("Amira", "amira@example.com", "12 Corniche"):
        await press("Tab")
        await typed(text)
    await press("Tab")
    await press("Tab")
    await press("Enter")

    await is_in(window, "ordered")
    assert len(await orders_of(shop, sku)) == 1


async def test_arabic_is_read_from_the_right_in_the_readers_digits(
    browser: Browser, shop: Shop
) -> None:
    translated = {"ar": {"name": "شاي أخضر نادر"}}
    sku = await shop.product(price=345, stock=2, translations=translated)
    async with hub_tab(browser, shop.hub.port, "/shop", locale="ar-EG") as tab:
        await tab.sign_in(shop.storefront.token)
        await is_in(tab, "browsing")
        await tab.at("find").fill("أخضر نادر")
        await says(products(tab), "شاي أخضر نادر", sku, "٣٫٤٥", "المتبقي فقط: ٢")
        assert await tab.page.evaluate("[document.documentElement.lang, document.dir]") == [
            "ar",
            "rtl",
        ]
        await products(tab).get_by_role("button").click()
        await expect(tab.at("check-out")).to_be_enabled()
        await check_out(tab)
        await says(tab.at("countdown"), "بضاعتك محجوزة لمدة ٩:")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize(
    ("locale", "scheme"), [("en-US", "light"), ("ar-EG", "dark")], ids=["english", "arabic"]
)
async def test_nothing_is_wider_than_the_screen_and_every_text_can_be_read(
    browser: Browser,
    shop: Shop,
    size: ViewportSize,
    locale: str,
    scheme: Literal["light", "dark"],
) -> None:
    name = "A name that goes on " * 8
    sku = await shop.product(price=123_456, stock=2, name=name)
    async with hub_tab(
        browser, shop.hub.port, "/shop", size=size, locale=locale, scheme=scheme
    ) as tab:
        await tab.sign_in(shop.storefront.token)
        await is_in(tab, "browsing")
        await tab.at("find").fill(sku)
        await expect(products(tab)).to_have_count(1)
        await is_readable(tab, size)
        await products(tab).get_by_role("button").click()
        await expect(tab.at("check-out")).to_be_enabled()
        await is_readable(tab, size)
        await check_out(tab)
        await is_readable(tab, size)
        await fill_details(tab)
        await tab.at("order-now").click()
        await is_in(tab, "ordered")
        await is_readable(tab, size)


async def is_readable(tab: HubTab, size: ViewportSize) -> None:
    assert await tab.width() <= size["width"]
    assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []
