"""Goal: head office sees orders and shortages as they are, live, and decides about them in words.

Method: Chromium against running programs: a hub, two gateways, lines that can be cut. Whatever is
decided is read at the hub and never believed from the screen.
"""

import pytest
from playwright.async_api import Browser, Route, expect

from devices.sim.wan import SimWan, WanMode
from tests.browser.hub_tab import HubTab, find, hub_tab, is_live, place, says, status_at_hub
from tests.browser.till_tab import CHROMIUM, HUB_HOST
from tests.programs import Caller, Shop, order_of, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


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


async def test_what_a_picker_misses_is_told_in_the_order_and_waits_to_be_decided(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=5)
    order = await place(shop, order_of(sku, 3))
    await find(office, order)
    await shop.settled()

    missed = {"type": "short_picked", "lines": [{"sku": sku, "quantity": 1}]}
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", missed)

    shown = office.at("order-shown")
    whole = order["allocations"][0]["id"]
    await says(shown, f"2 of {sku} at Riverside: kept for this order")
    await says(shown, f"1 of {sku} at Riverside: given back", f"split off {whole}")
    await says(shown.locator("ol"), "Some units were not there", f"1 of {sku}")
    assert office.complaints == []


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
    other = await place(shop, order_of(await shop.product(stock=1)))  # it is not looked for
    rows = office.at("queue-list").locator(".number")
    await expect(rows.first).to_have_text(other["number"])
    await office.at("text").fill(sku)
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
        asked = office.page.expect_response(lambda told: told.url.endswith("/reallocate"))
        async with asked as answer:
            await office.button("Send from there").click()
        return (await answer.value).ok

    await until(moved)

    shown = office.at("order-shown")
    await says(shown, f"2 of {sku} at Riverside: given back", f"2 of {sku} at harbour: kept")
    await says(shown, "in the place of", "Units asked back", "Units given back")


@pytest.mark.usefixtures("harbour")
async def test_news_of_an_order_takes_nothing_that_was_opened_or_chosen(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=2)
    order = await place(shop, order_of(sku, 2, pickup=None))
    await find(office, order)
    await shop.settled()
    await office.page.get_by_text("Send from elsewhere").click()
    chosen = office.page.get_by_label(f"Send {sku} from")
    await chosen.select_option(label="harbour")

    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "picked"})

    await says(office.at("order-shown").locator(".head"), "Picked")
    await expect(office.button("Send from there")).to_be_visible()
    await expect(chosen.locator("option:checked")).to_have_text("harbour")


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


# Returns


async def test_an_order_shows_what_came_back_of_it_and_what_will(
    office: HubTab, shop: Shop
) -> None:
    sku = await shop.product(price=345, stock=5)
    order = await place(shop, order_of(sku, 3))
    await shop.settled()
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "collected"})
    await shop.settled()
    await find(office, order)
    await expect(office.page.get_by_role("heading", name="Returns")).to_have_count(0)

    lines = [{"sku": sku, "quantity": 1}]
    back = {"sale": order["id"], "lines": lines, "reason": "unwanted"}
    announced = await shop.storefront.done("/v1/returns", back)
    await office.page.reload()
    returns = office.at("order-shown").locator("section", has_text="Returns").locator("li")
    await says(returns, announced["number"], f"Announced: 1 of {sku}", "$3.45 when it comes")

    came = await shop.cashier.done("/v1/returns", back | {"register": "till-1"})

    await says(returns, came["number"], f"1 of {sku} at Riverside", "$3.45 went back")
    await says(returns, f"in quality control: 1 of {sku}")
    assert office.complaints == []
