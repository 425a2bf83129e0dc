"""Goal: a store's team works its orders on one page, live, also cut off, and nothing doubles.

Method: Chromium against running programs: a hub, a gateway, a line between them that can be cut.
What was told is read at the gateway and at the hub, and never believed from the screen.
"""

import asyncio
import contextlib

import pytest
from playwright.async_api import Browser, Route, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan, WanMode
from tests.browser.hub_tab import HubTab, place, says, status_at_hub
from tests.browser.lost_answers import LostAnswers, still_asked
from tests.browser.team_tab import (
    card,
    group,
    is_live,
    open_order,
    ordered,
    stocked,
    team_tab,
    told_of,
)
from tests.browser.till_tab import CHROMIUM, HOST
from tests.programs import Shop, order_of, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


# What there is to do


async def test_a_new_order_appears_by_itself_and_is_said(team: HubTab, shop: Shop) -> None:
    sku = await shop.product(price=345, stock=9)
    await team.stays_the_same_document()

    order = await place(shop, order_of(sku, 2) | {"customer": "Amira Haddad"})

    await says(card(team, "to_pick", order), "Pick-up", "2 units", "just now", "Amira Haddad")
    await says(team.at("news"), f"New order {order['number']}: 2 units for pick-up")
    assert await team.at("news").get_attribute("aria-live") == "polite"
    assert await team.is_the_same_document()
    await team.at("news").get_by_text(order["number"]).click()
    await says(team.at("order-shown").locator("h2"), order["number"])
    await expect(team.at("news").locator("li", has_text=order["number"])).to_have_count(0)
    assert team.complaints == []


async def test_an_order_is_picked_packed_and_shipped(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop)
    await open_order(team, order)
    await says(team.at("order-shown"), f"Thing {order['lines'][0]['sku']}", "Ship it")

    for button, stage in (
        ("Everything is picked", "to_pack"), ("Packed", "to_ship"), ("Shipped", "done"),
    ):  # fmt: skip
        await team.at("order-shown").get_by_role("button", name=button, exact=True).click()
        await expect(card(team, stage, order)).to_be_visible()

    await says(card(team, "done", order), "Shipped")
    assert await told_of(shop, order) == ["paid", "picked", "packed", "shipped"]
    await shop.settled()
    assert await status_at_hub(shop, order) == "shipped"
    assert team.complaints == []


async def test_ticked_lines_are_picked_and_the_rest_still_waits(team: HubTab, shop: Shop) -> None:
    tea, jam = await shop.product(stock=9, name="Tea"), await shop.product(stock=9, name="Jam")
    body = order_of(tea, 2, pickup=None)
    body["lines"].append({"sku": jam, "quantity": 3})
    order = await ordered(shop, body)
    await open_order(team, order)

    await team.page.get_by_role("checkbox").nth(1).check()
    await team.button("Picked: 1 of 2 lines").click()

    await says(card(team, "to_pick", order), "1 of 2 lines picked")
    await says(team.at("order-shown").locator(".lines li", has_text=jam), "picked")
    await expect(team.page.get_by_role("checkbox")).to_have_count(1)
    await team.page.get_by_role("checkbox").check()
    await team.button("Picked").click()
    await expect(card(team, "to_pack", order)).to_be_visible()
    events = (await shop.cashier.read(f"/v1/orders/{order['id']}"))["events"]
    assert [event["lines"] for event in events if event["type"] == "picked"] == [
        [{"sku": jam, "quantity": 3}], None,
    ]  # fmt: skip


async def test_what_is_not_on_the_shelf_is_told_and_the_rest_goes_on(
    team: HubTab, shop: Shop
) -> None:
    sku = await shop.product(stock=3)
    order = await ordered(shop, order_of(sku, 3, pickup=None))
    await open_order(team, order)
    await team.page.get_by_role("checkbox").check()

    await team.button(f"Missing of Thing {sku}").click()
    await team.button("Report 1 unit as missing").click()
    assert await told_of(shop, order) == ["paid"], "asked twice"
    await team.button("They are nowhere? Press again").click()

    await says(team.at("order-shown").locator(".many"), "2")
    await says(team.at("order-shown").locator(".history"), "Not all was there")
    await expect(team.page.get_by_role("checkbox")).to_be_checked()
    seen = await shop.cashier.read(f"/v1/orders/{order['id']}")
    assert [(line["sku"], line["quantity"]) for line in seen["kept"]] == [(sku, 2)]
    await expect(card(team, "to_pick", order)).to_be_visible()


async def test_a_store_that_cannot_send_it_gives_it_back(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop)
    await open_order(team, order)

    await team.page.get_by_text("Something else").click()
    await team.button("We cannot send it: give it back").click()
    await team.button("Give it back? Press again").click()

    await expect(group(team, "to_pick").get_by_text(order["number"])).to_have_count(0)
    await says(team.at("order-shown").locator(".badge"), "Given back")

    async def given_back() -> bool:
        read = await shop.admin.read(f"/v1/orders/{order['id']}")
        return [one["state"] for one in read["allocations"]] == ["released"]

    await until(given_back)


async def test_an_order_that_is_called_off_while_it_is_picked_is_said(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop)
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "picked"})
    await expect(card(team, "to_pack", order)).to_be_visible()

    await shop.storefront.done(f"/v1/orders/{order['id']}/events", {"type": "cancelled"})

    await says(team.at("news"), f"{order['number']} was called off. Put its goods back")
    await expect(card(team, "to_pack", order)).to_have_count(0)


# Pick-up


async def test_goods_are_handed_over_against_the_right_code_and_no_other(
    team: HubTab, shop: Shop
) -> None:
    order, other = await stocked(shop, pickup="riverside"), await stocked(shop, pickup="riverside")
    await open_order(team, order)
    await team.button("Everything is picked").click()
    await team.button("Ready for pick-up").click()
    field = team.at("pickup-code")

    await field.fill(other["pickup_code"])
    await team.button("Hand over").click()
    await says(team.at("order-shown"), "This is not the code of this order.", "Nothing was handed")
    await expect(field).to_have_value(other["pickup_code"])
    assert await told_of(shop, order) == ["paid", "picked", "ready_for_pickup"]

    code = order["pickup_code"].lower()
    await field.fill(f"{code[:3]} {code[3:]}")
    await team.page.keyboard.press("Enter")
    await says(card(team, "done", order), "Collected")
    await expect(team.page.get_by_text("This is not the code")).to_have_count(0)
    assert (await told_of(shop, order))[-1] == "collected"


async def test_a_customers_code_finds_the_order_and_is_not_shown_before(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop, pickup="riverside")
    for event in ("picked", "ready_for_pickup"):
        await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": event})
    await expect(card(team, "to_collect", order)).to_be_visible()
    assert order["pickup_code"] not in await team.page.locator("body").inner_text()

    await team.at("code").fill(order["pickup_code"])
    await team.page.keyboard.press("Enter")

    await says(team.at("order-shown").locator("h2"), order["number"])
    await expect(team.at("pickup-code")).to_have_value(order["pickup_code"])
    await team.button("Hand over").click()
    await expect(card(team, "done", order)).to_be_visible()


async def test_what_is_paid_on_collection_is_taken_before_it_is_handed_over(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop, pickup="riverside", payment="on_collection")
    await says(card(team, "to_pick", order), "$6.90 to be paid")
    await open_order(team, order)
    await says(team.at("order-shown"), "$6.90 is still to be paid.", "booked for register till-1")

    await team.button("Paid in cash").click()
    await team.button("$6.90 taken? Press again").click()

    await expect(team.at("order-shown").get_by_text("is still to be paid")).to_have_count(0)
    assert "paid" in await told_of(shop, order)
    await shop.settled()
    assert "paid" in [
        event["type"] for event in (await shop.admin.read(f"/v1/orders/{order['id']}"))["events"]
    ]


async def test_nobody_came_for_it_is_asked_twice(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop, pickup="riverside")
    for event in ("picked", "ready_for_pickup"):
        await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": event})
    await open_order(team, order)

    await team.button("Nobody came for it").click()
    assert (await told_of(shop, order))[-1] == "ready_for_pickup"
    await team.button("Put the goods back? Press again").click()

    await expect(card(team, "to_collect", order)).to_have_count(0)
    assert (await told_of(shop, order))[-1] == "uncollected"


# Codes


async def test_a_scan_of_the_register_opens_an_order_and_ticks_its_lines(
    team: HubTab, shop: Shop, scanner: SimScanner
) -> None:
    sku = await shop.product(stock=9, barcodes=["4006381333931"])
    other = await shop.product(stock=9, barcodes=["5901234123457"])
    order = await ordered(shop, order_of(sku, 2, pickup=None))

    await asyncio.to_thread(scanner.scan, order["number"].encode())
    await says(team.at("order-shown").locator("h2"), order["number"])
    await asyncio.to_thread(scanner.scan, b"4006381333931")

    await expect(team.page.get_by_role("checkbox")).to_be_checked()
    await says(team.at("code-said"), f"Ticked: Thing {sku}")
    await asyncio.to_thread(scanner.scan, b"5901234123457")
    await says(team.at("code-said"), f"Thing {other} is not to be picked for {order['number']}")
    await team.at("code").fill("nonsense")
    await team.page.keyboard.press("Enter")
    await says(team.at("code-said"), "No order here has the number or code nonsense.")


# Cut off


async def test_the_team_works_on_while_the_hub_is_stopped_and_the_hub_hears_it_later(
    team: HubTab, shop: Shop
) -> None:
    shipped, handed = await stocked(shop), await stocked(shop, pickup="riverside")
    await expect(team.at("link")).to_be_hidden()
    await shop.hub.stop()
    try:
        await expect(team.at("link")).to_be_visible()
        await says(team.at("link"), "The line to the hub is down. Go on")
        await open_order(team, shipped)
        for button in ("Everything is picked", "Packed", "Shipped"):
            await team.at("order-shown").get_by_role("button", name=button, exact=True).click()
        await says(card(team, "done", shipped), "Shipped")
        await open_order(team, handed)
        await team.button("Everything is picked").click()
        await team.button("Ready for pick-up").click()
        await team.at("pickup-code").fill(handed["pickup_code"])
        await team.page.keyboard.press("Enter")
        await says(card(team, "done", handed), "Collected")
    finally:
        await shop.start_hub()
        await shop.connected()

    await expect(team.at("link")).to_be_hidden()
    await shop.settled()
    assert await status_at_hub(shop, shipped) == "shipped"
    assert await status_at_hub(shop, handed) == "collected"


async def test_without_the_gateway_the_page_says_so_and_comes_back(
    browser: Browser, shop: Shop, line: SimWan
) -> None:
    order = await stocked(shop)
    token = shop.at_gateway("cashier").token
    async with team_tab(browser, line.port, token) as tab:
        await open_order(tab, order)
        await line.set_mode(WanMode.CUT)
        await says(tab.at("contact"), "No contact with the gateway. What is shown may be old.")
        await tab.button("Everything is picked").click()
        await says(tab.at("order-shown"), "Picked: the gateway has not answered yet.", "once")
        other = await stocked(shop)

        await line.set_mode(WanMode.PASS)

        await expect(card(tab, "to_pack", order)).to_be_visible()
        await expect(card(tab, "to_pick", other)).to_be_visible()
        await expect(tab.at("contact")).to_have_text("Connected to the gateway")
    assert await told_of(shop, order) == ["paid", "picked"]


# Never doubled


async def test_a_lost_answer_is_asked_for_with_the_same_key_and_others_can_be_worked_on(
    team: HubTab, shop: Shop
) -> None:
    order, other = await stocked(shop), await stocked(shop)
    answers = LostAnswers()
    await team.page.route(f"**/{order['id']}/events", answers)
    await open_order(team, order)
    await team.button("Everything is picked").click()
    await says(team.at("order-shown"), "the gateway has not answered yet.")
    await expect(team.button("Everything is picked")).to_have_count(0)

    await open_order(team, other)
    await team.button("Everything is picked").click()
    await expect(card(team, "to_pack", other)).to_be_visible()
    await open_order(team, order)
    answers.losing = False
    with contextlib.suppress(PlaywrightTimeout):  # it may ask by itself just now
        await team.button("Ask again now").click(timeout=2_000)

    await expect(team.button("Packed")).to_be_visible()
    assert await told_of(shop, order) == ["paid", "picked"]
    assert len(answers.sent) >= 2
    assert len(set(answers.sent)) == 1, "every try has the same key and the same bytes"


async def test_a_reload_in_the_middle_goes_on_asking_and_doubles_nothing(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop)
    answers = LostAnswers()
    await team.page.route("**/events", answers)
    await open_order(team, order)
    await team.button("Everything is picked").click()
    await says(team.at("order-shown"), "the gateway has not answered yet.")

    await team.page.reload()
    await is_live(team)
    await says(team.at("order-shown").locator("h2"), order["number"])
    await says(team.at("order-shown"), "the gateway has not answered yet.")
    answers.losing = False

    await expect(team.button("Packed")).to_be_visible()
    assert await told_of(shop, order) == ["paid", "picked"]
    assert len(set(answers.sent)) == 1
    assert await still_asked(team.page) == 0


async def test_two_presses_are_one_event(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop)
    await open_order(team, order)
    held = asyncio.Event()

    async def slowly(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await team.page.route("**/events", slowly)
    await team.button("Everything is picked").dblclick()
    await says(team.at("order-shown"), "Picked: being booked.")
    held.set()

    await expect(team.button("Packed")).to_be_visible()
    assert await told_of(shop, order) == ["paid", "picked"]


async def test_a_list_that_was_read_before_an_event_does_not_take_it_back(
    team: HubTab, shop: Shop
) -> None:
    order = await stocked(shop)
    await open_order(team, order)
    asked, told = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch(url=route.request.url.replace(HOST, "127.0.0.1"))
        asked.set()
        await told.wait()
        await route.fulfill(response=answer)

    await team.page.route("**/v1/orders?*", late)
    other = await place(shop, order_of(order["lines"][0]["sku"]))
    await asked.wait()
    await team.button("Everything is picked").click()
    await expect(team.button("Packed")).to_be_visible()
    told.set()

    await expect(card(team, "to_pick", other)).to_be_visible()
    assert await card(team, "to_pack", order).count() == 1
    assert await card(team, "to_pick", order).count() == 0


async def test_an_event_of_another_token_is_shown_and_not_sent(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop)
    answers = LostAnswers()
    await team.page.route("**/events", answers)
    await open_order(team, order)
    await team.button("Everything is picked").click()
    await says(team.at("order-shown"), "the gateway has not answered yet.")

    other = shop.at_gateway("cashier").token
    await team.page.evaluate("token => sessionStorage.setItem('countertop.token', token)", other)
    await team.page.reload()  # until then the page asks again, by the token that it had
    tries = len(answers.sent)
    answers.losing = False
    await is_live(team)

    await says(team.at("stray"), f"“Picked” of {order['number']}", "waits for its answer.")
    assert len(answers.sent) == tries
    await team.button("I have looked: set it aside").click()
    await expect(team.at("stray")).to_be_hidden()
    assert await still_asked(team.page) == 0


async def test_what_somebody_else_did_first_is_said_in_words(team: HubTab, shop: Shop) -> None:
    order = await stocked(shop)
    await open_order(team, order)
    await team.page.route("**/v1/orders?*", lambda route: route.abort())  # it hears of nothing
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "shipped"})

    await team.button("Everything is picked").click()

    await says(team.at("order-shown"), "That was not booked.", "The order is now: Shipped.")
    await says(team.at("order-shown").locator(".head"), "Shipped")
    assert await told_of(shop, order) == ["paid", "shipped"]


async def test_an_order_that_was_not_heard_of_yet_is_found_while_another_is_picked(
    team: HubTab, shop: Shop
) -> None:
    await open_order(team, await stocked(shop))
    await team.page.route("**/v1/orders?*", lambda route: route.abort())  # it hears of nothing
    unheard = await stocked(shop)

    await team.page.unroute("**/v1/orders?*")

    await open_order(team, unheard)
