"""Goal: head office sees orders and shortages as they are, live, and decides about them in words.

Method: Chromium against running programs: a hub, two gateways, lines that can be cut. Whatever is
decided is read at the hub and never believed from the screen.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, ViewportSize, expect

from devices.sim.wan import SimWan, WanMode
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.hub_tab import NARROW, WIDE, HubTab, hub_tab, says
from tests.browser.till_tab import CHROMIUM, HUB_HOST
from tests.programs import Caller, Shop, order_of, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def office(browser: Browser, shop: Shop) -> AsyncIterator[HubTab]:
    """A back office where an admin has just signed in."""
    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        yield tab


async def is_live(tab: HubTab) -> None:
    await expect(tab.at("contact")).to_have_attribute("data-live", "live")
    await expect(tab.at("orders").or_(tab.at("shortages")).first).to_be_visible()


async def place(shop: Shop, body: dict[str, Any]) -> Any:  # noqa: ANN401 - the order
    return await shop.storefront.granted("/v1/orders", body)


async def find(tab: HubTab, order: dict[str, Any]) -> None:
    """Look for an order by its number, and open it."""
    await tab.at("text").fill(order["number"])
    await expect(tab.at("queue-list").locator("li")).to_have_count(1)
    await tab.at("queue-list").get_by_text(order["number"]).click()
    await says(tab.at("order-shown").locator("h2"), order["number"])


async def status_at_hub(shop: Shop, order: dict[str, Any]) -> str:
    return str((await shop.admin.read(f"/v1/orders/{order['id']}"))["status"])


# The queue


async def test_an_order_that_is_placed_elsewhere_appears_without_a_reload(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(price=345, stock=5)
    await office.stays_the_same_document()

    order = await place(shop, order_of(sku, 2) | {"customer": "Amira Haddad"})

    first = office.at("queue-list").locator("li").first
    await says(first, order["number"], "Paid", "$6.90", "Pick up at Riverside")
    assert await office.is_the_same_document()
    assert office.complaints == []


async def test_an_order_shows_units_lines_money_and_history(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(price=345, stock=5, name="Green tea")
    body = order_of(sku, 2, pickup=None) | {
        "fulfilment": {"type": "ship", "address": {"street": "12 Corniche", "city": "Alexandria"}},
        "customer": "Amira <b>Haddad</b>",
        "contact": "amira@example.com",
    }
    order = await place(shop, body)

    await find(office, order)

    shown = office.at("order-shown")
    await says(shown, "Paid; nobody has begun to pick it.", f"2 of {sku} at Riverside", "Green tea")
    await says(shown, "$6.90", "tax 15 %, $0.90", "Shipped", "street: 12 Corniche")
    await says(shown, "Amira <b>Haddad</b>", "amira@example.com")
    who = (await shop.storefront.read("/v1/token"))["name"]
    await says(shown.locator("ol"), "Paid", f"by {who}")
    assert office.complaints == []


async def test_what_a_store_does_is_in_the_open_order_without_a_reload(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku))
    await find(office, order)
    await shop.settled()

    for event, words in (("picked", "Picked"), ("ready_for_pickup", "Ready for pick-up")):
        await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": event})
        await says(office.at("order-shown").locator(".head"), words)

    history = office.at("order-shown").locator("ol li .event")
    await expect(history).to_have_text(["Paid", "Picked", "Ready for pick-up"])


async def test_filters_find_what_they_say_and_nothing_is_said_in_words(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=9, name="Cardamom pods")
    paid = await place(shop, order_of(sku) | {"customer": "Omar Sharif"})
    unpaid = await place(shop, order_of(sku, payment="on_collection") | {"contact": "+20 777"})
    rows = office.at("queue-list").locator("li")

    for text, found in (
        ("cardamom", [unpaid, paid]), ("omar", [paid]), ("+20 777", [unpaid]),
        (paid["number"].lower(), [paid]), (unpaid["pickup_code"], [unpaid]),
    ):  # fmt: skip
        await office.at("text").fill(text)
        await expect(rows.locator(".number")).to_have_text([one["number"] for one in found])

    await office.at("text").fill("cardamom")
    await office.at("status").select_option(label="New")
    await expect(rows.locator(".number")).to_have_text([unpaid["number"]])
    await office.at("status").select_option(label="All")
    await office.at("newest").select_option(label="Oldest")
    await expect(rows.locator(".number")).to_have_text([paid["number"], unpaid["number"]])
    await office.at("location").select_option(label="Riverside")
    await expect(rows).to_have_count(2)
    await office.at("text").fill("nobody bought this")
    await expect(rows).to_have_count(0)
    await says(office.at("queue-said"), "No order matches.")


async def test_the_queue_has_pages_and_the_way_back(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=60)
    orders = [await place(shop, order_of(sku)) for _ in range(27)]
    numbers = [order["number"] for order in reversed(orders)]
    await place(shop, order_of(await shop.product(stock=1)))  # the newest, and not looked for
    await office.at("text").fill(sku)
    rows = office.at("queue-list").locator(".number")
    await expect(rows).to_have_text(numbers[:25])

    await office.button("Next page").click()
    await expect(rows).to_have_text(numbers[25:])
    await expect(office.button("Next page")).to_be_disabled()

    await office.button("Previous page").click()
    await expect(rows).to_have_text(numbers[:25])
    await expect(office.button("Previous page")).to_be_disabled()


# Doing


async def test_a_cancel_during_a_cut_is_a_request_until_the_store_answers(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku))
    await shop.settled()
    await find(office, order)
    await shop.wan.set_mode(WanMode.CUT)
    try:
        await office.button("Cancel the order").click()
        assert await status_at_hub(shop, order) == "paid", "asked twice"
        await office.button("Cancel it? Press again").click()

        shown = office.at("order-shown")
        await says(shown.locator(".head"), "Cancel requested")
        await says(shown.locator(".means"), "has not said yet", "Waiting for Riverside")
        await expect(office.button("Cancel the order")).to_have_count(0)
        assert await status_at_hub(shop, order) == "cancel_requested"
    finally:
        await shop.wan.set_mode(WanMode.PASS)

    await says(office.at("order-shown").locator(".head"), "Cancelled")
    await says(office.at("order-shown"), f"1 of {sku} at Riverside: given back")
    assert await status_at_hub(shop, order) == "cancelled"
    assert office.complaints == []


async def test_money_that_has_come_is_told_by_one_press(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku, payment="pending"))
    await find(office, order)
    await says(office.at("order-shown"), "set aside until it is paid")

    await office.button("The money has come").click()

    await says(office.at("order-shown").locator(".head"), "Paid")
    await says(office.at("order-shown"), "kept for this order", "the money has come")
    await expect(office.button("The money has come")).to_have_count(0)
    assert await status_at_hub(shop, order) == "paid"


async def test_units_are_sent_from_elsewhere(office: HubTab, shop: Shop, harbour: Caller) -> None:
    sku = await shop.product(stock=2)
    order = await place(shop, order_of(sku, 2, pickup=None))
    await shop.settled()

    async def stocked() -> bool:
        lines = {"lines": [{"sku": sku, "quantity": 9}], "reference": "paper"}
        return (await harbour.post("/v1/stock/receipts", lines, key=sku)).status == 201

    async def heard() -> bool:
        return await shop.offered(sku) == 9

    await until(stocked)
    await until(heard)
    await find(office, order)
    await office.page.get_by_text("Send from elsewhere").click()
    await office.page.get_by_label(f"Send {sku} from").select_option(label="harbour")

    # The hub itself may not have the quota yet: it is told, and asked again.
    async def moved() -> bool:
        button = office.button("Send from there")
        if await button.count() > 0:
            await button.click()
        states = (await shop.admin.read(f"/v1/orders/{order['id']}"))["allocations"]
        return len(states) == 2

    await until(moved)

    shown = office.at("order-shown")
    await says(shown, f"2 of {sku} at Riverside: given back", f"2 of {sku} at harbour: kept")
    await says(shown, "in the place of", "Units asked back", "Units given back")


async def test_a_refusal_is_told_and_nothing_changes(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=2)
    order = await place(shop, order_of(sku, 2, pickup=None))
    await find(office, order)

    await office.page.get_by_text("Send from elsewhere").click()
    await office.button("Send from there").click()

    await says(office.notice, "There are not enough units for that.", f"2 of {sku} are needed")
    assert await status_at_hub(shop, order) == "paid"


async def test_an_answer_that_is_lost_leads_to_the_same_request(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku, payment="pending"))
    await find(office, order)
    keys: list[str] = []

    async def lose(route: Route) -> None:
        keys.append((await route.request.all_headers())["idempotency-key"])
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch(url=route.request.url.replace(HUB_HOST, "127.0.0.1"))
        await route.abort("connectionreset")

    await office.page.route("**/events", lose)
    await office.button("The money has come").click()
    await says(office.notice, "The hub does not answer.", "it happens once")
    await says(
        office.at("order-shown").locator(".head"), "Paid"
    )  # the news of it came all the same

    assert len(keys) == 1
    events = (await shop.admin.read(f"/v1/orders/{order['id']}"))["events"]
    assert [event["type"] for event in events] == ["placed", "paid"]


# Shortages


async def test_a_refund_appears_is_settled_and_stays_to_be_read(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(price=345, stock=5)
    order = await place(shop, order_of(sku))
    await office.page.get_by_role("link", name="Shortages").click()
    await expect(office.at("shortages")).to_be_visible()

    await shop.storefront.done(f"/v1/orders/{order['id']}/events", {"type": "cancelled"})

    mine = office.at("shortages-list").locator("li", has_text=order["number"])
    await says(mine, "$3.45 is owed back", "Pay the money back")
    await mine.get_by_label("Number of the payment").fill("PAY-77")
    await mine.get_by_role("button", name="Paid back").click()
    await expect(mine).to_have_count(0)

    await office.at("shortage-state").select_option(label="Settled")
    await says(mine, "Paid back", "as PAY-77")
    items = await shop.admin.all("/v1/shortages?state=resolved")
    (item,) = [one for one in items if one["order"] == order["id"]]
    assert item["resolution"]["reference"] == "PAY-77"

    await mine.get_by_role("link").click()
    await says(office.at("order-shown").locator("h2"), order["number"])


async def test_goods_that_are_short_are_cancelled_as_proposed(office: HubTab, shop: Shop) -> None:
    sku = await shop.product(stock=1)
    order = await place(shop, order_of(sku))
    await shop.settled()
    lost = {"sku": sku, "delta": -1, "reason": "broken"}
    await shop.manager.done("/v1/stock/adjustments", lost)
    await office.page.get_by_role("link", name="Shortages").click()

    mine = office.at("shortages-list").locator("li", has_text=f"1 of {sku} too few at Riverside")
    await says(mine, "Cancel 1 of the order", "It is about order")
    await mine.get_by_role("button", name="Cancel these units").click()

    async def gone() -> bool:
        return await status_at_hub(shop, order) == "cancelled"

    await until(gone)
    await expect(mine).to_have_count(0)


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


# When the hub is away


async def test_a_hub_that_is_gone_is_said_and_what_was_missed_comes_with_it(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    async with (
        SimWan.listening(to=("127.0.0.1", shop.hub.port)) as line,
        hub_tab(browser, line.port, "/orders") as tab,
    ):
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        await line.set_mode(WanMode.CUT)
        await says(tab.at("contact"), "No contact with the hub. What is shown may be old.")
        await tab.at("text").fill(sku)
        await says(tab.at("queue-said"), "The hub does not answer.")
        order = await place(shop, order_of(sku))

        await line.set_mode(WanMode.PASS)

        await is_live(tab)
        await says(tab.at("queue-list"), order["number"])
        await expect(tab.at("queue-said")).to_be_empty()


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
    await office.page.get_by_label(f"Send {sku} from").focus()

    other = await place(shop, order_of(sku))

    await says(office.at("queue-list"), other["number"])
    await expect(office.page.get_by_label(f"Send {sku} from")).to_be_focused()
    assert office.complaints == []
